//! Private keys as OpenSSL writes them: PEM (RFC 7468) around PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 A.1.2) or
//! SEC 1 (RFC 5915).

use pkcs1::RsaPrivateKey;
use pkcs8::der::Decode as _;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::{ObjectIdentifier, PrivateKeyInfo};
use ring::rsa::PublicKeyComponents;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use super::algorithm::Family;
use super::key::{Held, unfit};
use super::pair::{Pair, RsaParts, make};
use crate::provider::Failure;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");

/// The first private key of a PEM. What stands around it (certificates, curve parameters, notes) is passed
/// over.
pub(super) fn read(text: &[u8]) -> Result<Held, Failure> {
    let says = |word: &str| text.windows(word.len()).any(|part| part == word.as_bytes());
    // OpenSSL's old form says so in a header, PKCS#8 in the label.
    if says("Proc-Type: 4,ENCRYPTED") || says("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        let message = "`private_key` is encrypted, and tokend knows no passphrase for it";
        let hint =
            "`openssl pkey -in key.pem | tok secret set NAME` puts the open key into the encrypted store";
        return Err(unfit(message, hint));
    }
    let lines = lines(text);
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&lines) {
        let (kind, der) = section.map_err(|_| damaged())?;
        let der = Zeroizing::new(der);
        let pair = match kind {
            SectionKind::PrivateKey => pkcs8(&der),
            SectionKind::RsaPrivateKey => pkcs1(&der),
            SectionKind::EcPrivateKey => sec1(&der, None),
            _ => continue,
        };
        return pair.map(Held::from);
    }
    Err(none(text, says))
}

/// The lines without white space around them. A variable often has `\n` written out where a line should end;
/// no backslash is part of a PEM.
pub(super) fn lines(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut lines = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\\')).unwrap_or(rest.len());
        let (line, ending) = rest.split_at(end);
        lines.extend_from_slice(line.trim_ascii());
        lines.push(b'\n');
        let written_out = [&b"\\n"[..], b"\\r", b"\\", b"\n"];
        rest = written_out.iter().find_map(|ending_is| ending.strip_prefix(*ending_is)).unwrap_or_default();
    }
    lines
}

/// RFC 5958 2: the key is the one that the algorithm names.
fn pkcs8(der: &[u8]) -> Result<Pair, Failure> {
    let key = PrivateKeyInfo::try_from(der).map_err(|_| damaged())?;
    match key.algorithm.oid {
        RSA => pkcs1(key.private_key),
        EC => sec1(key.private_key, key.algorithm.parameters_oid().ok()),
        // RFC 8410 7: an octet string within the octet string.
        ED25519 => {
            let seed = OctetStringRef::from_der(key.private_key).map_err(|_| damaged())?;
            Pair::ed25519(seed.as_bytes(), key.public_key)
        }
        RSA_PSS => Err(unfit(
            "`private_key` is bound to RSA-PSS (id-RSASSA-PSS), which tokend does not read",
            "an ordinary RSA key signs PS256, too: ".to_owned() + &make(Family::Rsa),
        )),
        X25519 => Err(other("an X25519 key, which agrees on keys and signs nothing")),
        ED448 => Err(other("an Ed448 key; tokend signs with Ed25519")),
        oid => Err(other(&format!("of a kind that tokend does not know ({oid})"))),
    }
}

/// RFC 8017 A.1.2.
fn pkcs1(der: &[u8]) -> Result<Pair, Failure> {
    let key = RsaPrivateKey::try_from(der).map_err(|_| damaged())?;
    if key.other_prime_infos.is_some() {
        return Err(unfit("`private_key` is an RSA key of more than two primes", make(Family::Rsa)));
    }
    Pair::rsa(&RsaParts {
        public_key: PublicKeyComponents { n: key.modulus.as_bytes(), e: key.public_exponent.as_bytes() },
        d: key.private_exponent.as_bytes(),
        p: key.prime1.as_bytes(),
        q: key.prime2.as_bytes(),
        dP: key.exponent1.as_bytes(),
        dQ: key.exponent2.as_bytes(),
        qInv: key.coefficient.as_bytes(),
    })
}

/// RFC 5915 3. The curve is named around it, or within.
fn sec1(der: &[u8], curve: Option<ObjectIdentifier>) -> Result<Pair, Failure> {
    let key = EcPrivateKey::try_from(der).map_err(|_| damaged())?;
    let curve = curve.or(key.parameters.and_then(EcParameters::named_curve));
    let family = match curve {
        Some(P256) => Family::P256,
        Some(P384) => Family::P384,
        Some(P521) => return Err(other("an EC key on P-521; tokend signs with P-256 and P-384")),
        Some(SECP256K1) => return Err(other("an EC key on secp256k1; tokend signs with P-256 and P-384")),
        Some(_) => return Err(other("an EC key on another curve than P-256 and P-384")),
        None => return Err(other("an EC key that does not name its curve")),
    };
    // Java writes keys without it.
    let public = key.public_key.ok_or_else(|| {
        unfit(
            "`private_key` is an EC key without its public key",
            "`openssl pkey -in key.pem -out whole.pem` adds it",
        )
    })?;
    if !public.starts_with(&[4]) {
        let message = "`private_key` is an EC key whose public key is compressed";
        return Err(unfit(message, "`openssl ec -in key.pem -conv_form uncompressed -out whole.pem`"));
    }
    Pair::ecdsa(family, key.private_key, public)
}

/// Why there is no private key in `text`.
fn none(text: &[u8], says: impl Fn(&str) -> bool) -> Failure {
    let public =
        ["-----BEGIN PUBLIC KEY-----", "-----BEGIN RSA PUBLIC KEY-----", "-----BEGIN SSH2 PUBLIC KEY"];
    let wanted = "give the PEM that begins with `-----BEGIN PRIVATE KEY-----`";
    if public.into_iter().any(&says) || text.starts_with(b"ssh-") || text.starts_with(b"ecdsa-sha2-") {
        unfit("`private_key` is a public key, which signs nothing", wanted)
    } else if says("-----BEGIN CERTIFICATE-----") {
        unfit("`private_key` is a certificate, without the key to it", wanted)
    } else if says("-----BEGIN OPENSSH PRIVATE KEY-----") {
        let hint = "`ssh-keygen -p -m PKCS8 -f COPY` turns a copy of an RSA or EC key into PEM";
        unfit("`private_key` is in OpenSSH's own form", hint)
    } else if says("-----BEGIN DSA PRIVATE KEY-----") {
        other("a DSA key, which no JWT is signed with")
    } else if says("-----BEGIN ") {
        unfit("`private_key` is a PEM without a private key in it", wanted)
    } else if text.starts_with(&[0x30]) && !text.is_ascii() {
        let hint = "`openssl pkey -inform DER -in key.der -out key.pem` makes it PEM";
        unfit("`private_key` is DER, not PEM", hint)
    } else if text.is_empty() {
        unfit("`private_key` is empty", make(Family::Rsa))
    } else {
        unfit("`private_key` is neither PEM nor a JWK", make(Family::Rsa))
    }
}

fn other(what: &str) -> Failure {
    unfit(format!("`private_key` is {what}"), make(Family::P256))
}

fn damaged() -> Failure {
    let hint = "`openssl pkey -in key.pem -noout` says whether it is whole; give it with all its lines";
    unfit("`private_key` is a damaged PEM", hint)
}
