//! The certificate of the client's key: some services know keys by certificates, and find them by a thumbprint
//! in the header of what is signed (RFC 7515 4.1.7, 4.1.8).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pkcs8::der::asn1::AnyRef;
use pkcs8::der::{self, Decode as _, Reader as _, Tagged as _};
use pkcs8::spki::SubjectPublicKeyInfoRef;
use ring::digest;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use serde_json::{Map, Value, json};
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::key::SigningKey;
use super::private_pem::lines;
use crate::provider::Failure;

/// A certificate as a service knows it.
#[derive(Debug)]
pub(in crate::provider) struct Certificate {
    sha1: String,
    sha256: String,
    /// The bits of its public key (RFC 5280 4.1.2.7).
    public_key: Vec<u8>,
}

impl Certificate {
    /// Reads the first certificate of a PEM, which may hold the key and a chain as well.
    ///
    /// # Errors
    /// [`Class::Source`](crate::provider::Class::Source) with the kind `private-key-certificate` if there is
    /// none.
    pub(in crate::provider) fn read(text: &Secret) -> Result<Self, Failure> {
        let text = text.expose();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&lines(text)) {
            let (kind, der) = section.map_err(|_| damaged())?;
            let der = Zeroizing::new(der);
            if kind == SectionKind::Certificate {
                let public_key = public_key(&der).map_err(|_| damaged())?.to_vec();
                let thumbprint = |hash| URL_SAFE_NO_PAD.encode(digest::digest(hash, &der));
                return Ok(Self {
                    // It names the certificate, and proves nothing.
                    sha1: thumbprint(&digest::SHA1_FOR_LEGACY_USE_ONLY),
                    sha256: thumbprint(&digest::SHA256),
                    public_key,
                });
            }
        }
        Err(none(text))
    }

    /// Makes sure that it is the certificate of `key`: a service would only say that it does not know it.
    ///
    /// # Errors
    /// [`Class::Source`](crate::provider::Class::Source) with the kind `private-key-certificate` if it is
    /// another's.
    pub(in crate::provider) fn must_be_of(&self, key: &SigningKey) -> Result<(), Failure> {
        if key.public() == Some(&*self.public_key) {
            return Ok(());
        }
        let hint = "`openssl x509 -in cert.pem -noout -pubkey` prints the same as `openssl pkey -in key.pem \
                    -pubout` where they fit";
        Err(unfit("`private_key_certificate` belongs to another key than `private_key`", hint))
    }

    /// Names it in a header of this algorithm.
    ///
    /// Microsoft's services want `x5t#S256` with PS256. Those that sign with PKCS #1 v1.5 alone (AD FS) know
    /// certificates by `x5t` alone, and nobody has to understand both (RFC 7515 4.2).
    pub(super) fn name_in(&self, header: &mut Map<String, Value>, algorithm: Algorithm) {
        header.insert("x5t#S256".to_owned(), json!(self.sha256));
        if matches!(algorithm, Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512) {
            header.insert("x5t".to_owned(), json!(self.sha1));
        }
    }
}

/// The bits of the public key in a certificate (RFC 5280 4.1). The rest of it is the service's to judge.
fn public_key(der: &[u8]) -> der::Result<&[u8]> {
    let to_be_signed = AnyRef::from_der(der)?.sequence(|certificate| {
        let to_be_signed = AnyRef::decode(certificate)?;
        let _algorithm = AnyRef::decode(certificate)?;
        let _signature = AnyRef::decode(certificate)?;
        Ok(to_be_signed)
    })?;
    to_be_signed.sequence(|fields| {
        // A certificate of version 1 does not say so.
        if AnyRef::decode(fields)?.tag().is_context_specific() {
            let _serial_number = AnyRef::decode(fields)?;
        }
        for _ in ["signature", "issuer", "validity", "subject"] {
            AnyRef::decode(fields)?;
        }
        let key = SubjectPublicKeyInfoRef::decode(fields)?;
        while !fields.is_finished() {
            AnyRef::decode(fields)?;
        }
        Ok(key.subject_public_key.raw_bytes())
    })
}

/// Why there is no certificate in `text`.
fn none(text: &[u8]) -> Failure {
    if text.starts_with(&[0x30]) && !text.is_ascii() {
        let hint = "`openssl x509 -inform DER -in cert.cer -out cert.pem` makes it PEM";
        return unfit("`private_key_certificate` is DER, not PEM", hint);
    }
    let hint = "give the PEM that begins with `-----BEGIN CERTIFICATE-----`";
    unfit("there is no certificate in `private_key_certificate`", hint)
}

fn damaged() -> Failure {
    let hint = "`openssl x509 -in cert.pem -noout` says whether it is whole; give it with all its lines";
    unfit("`private_key_certificate` is a damaged PEM", hint)
}

fn unfit(message: &str, hint: &str) -> Failure {
    Failure::source("private-key-certificate", message, hint)
}
