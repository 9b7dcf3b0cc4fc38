//! Id tokens, signed rightly or wrongly.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

/// How an id token is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signature {
    /// With the key in `/jwks`.
    #[default]
    Right,
    /// The same, with a bit of it turned.
    Broken,
    /// With another key that is called the same.
    OfAnother,
    /// Not at all: `alg` is `none` (RFC 7515 A.5).
    Nothing,
    /// By HMAC, with what everybody knows: the public key (RFC 8725 2.1).
    HmacOfPublicKey,
}

/// The service's key.
pub(super) struct Key(EcdsaKeyPair);

impl Key {
    /// As `/jwks` shows it (RFC 7517).
    pub(super) fn public(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let [x, y] = [x, y].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        json!({"kty": "EC", "crv": "P-256", "kid": "k", "use": "sig", "alg": "ES256", "x": x, "y": y})
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), bytes).expect("a key signs").as_ref().to_vec()
    }
}

impl Default for Key {
    fn default() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a new key");
        Self(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key of our own"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

/// A JWT of this header and these claims (RFC 7519).
pub(super) fn sign(key: &Key, signature: Signature, mut header: Value, claims: &Value) -> String {
    match signature {
        Signature::Nothing => header["alg"] = "none".into(),
        Signature::HmacOfPublicKey => header["alg"] = "HS256".into(),
        Signature::Right | Signature::Broken | Signature::OfAnother => {}
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(claims));
    let signature = match signature {
        Signature::Right => key.sign(text.as_bytes()),
        Signature::Broken => {
            let mut signature = key.sign(text.as_bytes());
            signature[40] ^= 1;
            signature
        }
        Signature::OfAnother => Key::default().sign(text.as_bytes()),
        Signature::Nothing => Vec::new(),
        Signature::HmacOfPublicKey => {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, key.0.public_key().as_ref());
            hmac::sign(&secret, text.as_bytes()).as_ref().to_vec()
        }
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}
