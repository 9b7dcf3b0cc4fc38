//! A service's public keys (RFC 7517 5), and whether one of them signed a token (RFC 7515 5.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Family};
use super::id_token::{Claims, refused};
use super::private_jwk::full_size;
use crate::provider::Failure;

/// No service has more; each costs time where a token names none.
const MOST_KEYS: usize = 100;

/// RSA keys have at most this many bytes: ring's limit.
const MOST_MODULUS: usize = 8192 / 8;

/// The keys by which a service signs its id tokens. Empty by default: then nothing that it signs is believed.
#[derive(Debug, Default)]
pub(in crate::provider) struct KeySet(Vec<PublicKey>);

/// One of them.
#[derive(Debug)]
struct PublicKey {
    id: Option<String>,
    /// The only one that it is for, if it says so.
    algorithm: Option<Algorithm>,
    point: Point,
}

/// The key itself. There is no shared secret among them: nobody can pass a public key off as one.
#[derive(Debug)]
enum Point {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Curve(Family, Vec<u8>),
}

/// By which MACs id tokens may be signed: with the client's secret as the key.
#[derive(Debug)]
pub(in crate::provider) struct ClientMac<'s> {
    secret: &'s Secret,
    algorithms: Vec<Algorithm>,
}

/// Why a token is not verified.
#[derive(Debug)]
pub(in crate::provider) enum Unverified {
    /// None of these keys is the one that signed it. The service may have a new one: fetch the set again,
    /// once.
    UnknownKey(Failure),
    /// Whatever the keys.
    Refused(Failure),
}

impl From<Unverified> for Failure {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::UnknownKey(failure) | Unverified::Refused(failure) => failure,
        }
    }
}

/// What of a header matters (RFC 7515 4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl<'s> ClientMac<'s> {
    /// MACs are for clients with a secret, and only where the service's metadata list them
    /// (`id_token_signing_alg_values_supported`; OpenID Connect Discovery 1.0, 3); else there are none.
    pub(in crate::provider) fn agreed(secret: Option<&'s Secret>, supported: Option<&Value>) -> Option<Self> {
        let secret = secret.filter(|secret| !secret.is_empty())?;
        let names = supported?.as_array()?.iter().filter_map(Value::as_str);
        let listed = names.filter_map(Algorithm::named).filter(|algorithm| algorithm.mac().is_some());
        let algorithms: Vec<_> = listed.collect();
        (!algorithms.is_empty()).then_some(Self { secret, algorithms })
    }
}

impl KeySet {
    /// Reads a JWK set. Keys that are not understood, or not for signatures, are passed over (RFC 7517 5).
    ///
    /// # Errors
    /// *Doubtful*, with the kind `id-token`, if it is no set, or one of more than a hundred keys.
    pub(in crate::provider) fn parse(set: &Value) -> Result<Self, Failure> {
        let Some(Value::Array(keys)) = set.get("keys") else {
            return Err(refused("what is at the service's jwks_uri is no set of keys"));
        };
        if keys.len() > MOST_KEYS {
            return Err(refused(format!("the service has more than {MOST_KEYS} keys at its jwks_uri")));
        }
        Ok(Self(keys.iter().filter_map(PublicKey::read).collect()))
    }

    /// The claims of a token whose signature one of these keys made, or the client's secret where that is
    /// agreed. What the claims say is not looked at: [`Claims::check`] does.
    ///
    /// # Errors
    /// *Doubtful*, with the kind `id-token`.
    pub(in crate::provider) fn verify(
        &self,
        token: &Secret,
        mac: Option<&ClientMac<'_>>,
    ) -> Result<Claims, Unverified> {
        let (algorithm, payload) = self.verified(token, mac)?;
        match serde_json::from_slice(&payload) {
            Ok(Value::Object(claims)) => Ok(Claims::new(algorithm, claims)),
            _ => Err(Unverified::Refused(refused("the id token's claims are no JSON object"))),
        }
    }

    /// What was signed, and how.
    pub(super) fn verified(
        &self,
        token: &Secret,
        mac: Option<&ClientMac<'_>>,
    ) -> Result<(Algorithm, Zeroizing<Vec<u8>>), Unverified> {
        let refuse = |message: &str| Unverified::Refused(refused(message));
        let token = token.expose();
        let token = token.as_str().ok_or_else(|| refuse("the id token is no JWT"))?;
        if token.split('.').count() == 5 {
            return Err(Unverified::Refused(Failure {
                hint: "have the service only sign id tokens: no `id_token_encrypted_response_alg`".to_owned(),
                ..refused("the id token is encrypted, which tokend does not read")
            }));
        }
        // RFC 7515 5.2: base64url without padding, and nothing else.
        let parse = || {
            let (signed, signature) = token.rsplit_once('.')?;
            let (header, payload) = signed.split_once('.')?;
            let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok().map(Zeroizing::new);
            let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
            Some((header, decode(payload)?, signed.as_bytes(), decode(signature)?))
        };
        let (header, payload, signed, signature) = parse().ok_or_else(|| refuse("the id token is no JWT"))?;
        // RFC 7515 4.1.11: what must be understood is not.
        if header.crit.is_some() {
            return Err(refuse("the id token has extensions that must be understood (`crit`), and are not"));
        }
        // RFC 8725 3.11: `at+jwt`, `logout+jwt` and their like are signed with the same keys, for something
        // else.
        if header.typ.as_ref().is_some_and(|typ| typ.to_ascii_lowercase().ends_with("+jwt")) {
            return Err(refuse("the id token says that it is a token of another kind (`typ`)"));
        }
        if header.alg.eq_ignore_ascii_case("none") {
            return Err(refuse("the id token is not signed (`alg` is `none`)"));
        }
        let algorithm = Algorithm::named(&header.alg)
            .ok_or_else(|| refuse("the id token is signed with an algorithm that tokend does not know"))?;
        match algorithm.mac() {
            Some(hmac) => {
                let agreed = mac.filter(|mac| mac.algorithms.contains(&algorithm)).ok_or_else(|| {
                    let message = format!("the id token is signed with {algorithm}, which was not agreed");
                    Unverified::Refused(refused(message))
                })?;
                let key = Box::new(hmac::Key::new(hmac, &agreed.secret.expose()));
                hmac::verify(&key, signed, &signature)
                    .map_err(|_| refuse("the id token's signature is not made with the client's secret"))?;
            }
            None => self.find(algorithm, header.kid.as_deref(), signed, &signature)?,
        }
        Ok((algorithm, payload))
    }

    /// Whether a key that the token may mean made the signature: one of the name that it says, or one without
    /// a name; any if it says none.
    fn find(
        &self,
        algorithm: Algorithm,
        named: Option<&str>,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), Unverified> {
        let meant = |key: &&PublicKey| named.is_none() || key.id.is_none() || key.id.as_deref() == named;
        let meant: Vec<_> = self.0.iter().filter(meant).collect();
        if meant.iter().any(|key| key.is_for(algorithm) && key.made(algorithm, signed, signature)) {
            return Ok(());
        }
        let by_name = || meant.iter().filter(|key| named.is_some() && key.id.as_deref() == named);
        if by_name().any(|key| key.is_for(algorithm)) {
            return Err(Unverified::Refused(refused("the id token's signature is not the service's")));
        }
        if by_name().next().is_some() {
            let message = format!("the id token names a key of the service that is not for {algorithm}");
            return Err(Unverified::Refused(refused(message)));
        }
        Err(Unverified::UnknownKey(refused(
            "the id token is signed with a key that the service does not publish",
        )))
    }
}

impl PublicKey {
    fn read(jwk: &Value) -> Option<Self> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let bytes = |name| URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
        // RFC 7517 4.2 and 4.3.
        let purpose = jwk.get("use").is_none_or(|purpose| purpose == "sig");
        let operation = jwk.get("key_ops").is_none_or(|list| {
            list.as_array().is_some_and(|list| list.iter().any(|operation| operation == "verify"))
        });
        if !purpose || !operation {
            return None;
        }
        let curve = |family, size| {
            let mut point = vec![4];
            point.extend_from_slice(&full_size(&bytes("x")?, size));
            point.extend_from_slice(&full_size(&bytes("y")?, size));
            Some(Point::Curve(family, point))
        };
        let point = match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let number = |name| {
                    let bytes = bytes(name)?;
                    Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>())
                };
                let n = number("n").filter(|n| n.len() <= MOST_MODULUS)?;
                Point::Rsa { n, e: number("e")? }
            }
            ("EC", Some("P-256")) => curve(Family::P256, 32)?,
            ("EC", Some("P-384")) => curve(Family::P384, 48)?,
            ("OKP", Some("Ed25519")) => Point::Curve(Family::Ed25519, bytes("x")?),
            _ => return None,
        };
        // RFC 7517 4.4: a key for an algorithm that is not known is for none that is.
        let algorithm = match jwk.get("alg") {
            Some(name) => Some(Algorithm::named(name.as_str()?)?),
            None => None,
        };
        Some(Self { id: text("kid").map(str::to_owned), algorithm, point })
    }

    fn is_for(&self, algorithm: Algorithm) -> bool {
        let family = match &self.point {
            Point::Rsa { .. } => Family::Rsa,
            Point::Curve(family, _) => *family,
        };
        // Both names of Ed25519 mean the same.
        let same = |own: Algorithm| own == algorithm || own.family() == Family::Ed25519;
        algorithm.family() == family && self.algorithm.is_none_or(same)
    }

    fn made(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.point {
            Point::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(padding(algorithm), signed, signature)
            }
            Point::Curve(Family::P384, point) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(signed, signature)
            }
            Point::Curve(Family::P256, point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            Point::Curve(_, point) => UnparsedPublicKey::new(&ED25519, point).verify(signed, signature),
        };
        verified.is_ok()
    }
}

/// At least 2048 bits, whatever the service publishes (RFC 7518 3.3).
fn padding(algorithm: Algorithm) -> &'static RsaParameters {
    match algorithm {
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        _ => &RSA_PKCS1_2048_8192_SHA256,
    }
}
