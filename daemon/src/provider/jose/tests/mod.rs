//! What is signed is verified, by us and as the specifications have it; what is wrong is refused.

mod certificates;
mod id_tokens;
mod keys;
mod private_keys;
mod signing;
mod vectors;
mod verifying;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rsa::PublicKeyComponents;
use ring::signature::KeyPair as _;
use serde_json::{Value, json};
use tokend_proto::Secret;

use super::pair::Pair;
use super::{Algorithm, Header, KeySet, SigningKey, sign};
use crate::provider::{Class, Failure};

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec()).expect("short")
}

fn text(secret: &Secret) -> String {
    secret.expose().as_str().expect("text").to_owned()
}

/// The key of a PEM with this body.
fn key(label: &str, body: &str, algorithm: Option<Algorithm>) -> SigningKey {
    SigningKey::private(&secret(&keys::pem(label, body)), algorithm).expect("a key")
}

/// A key for each algorithm that has a public one.
fn key_for(algorithm: Algorithm) -> SigningKey {
    let body = match algorithm {
        Algorithm::Es256 => keys::P256_PKCS8,
        Algorithm::Es384 => keys::P384_PKCS8,
        Algorithm::EdDsa | Algorithm::Ed25519 => keys::ED25519_PKCS8,
        _ => keys::RSA_PKCS8,
    };
    key("PRIVATE KEY", body, Some(algorithm))
}

/// The public half, as a service publishes it.
fn public(key: &SigningKey) -> Value {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match key.pair() {
        Pair::Rsa(pair) => {
            let PublicKeyComponents::<Vec<u8>> { n, e } = pair.public().into();
            json!({"kty": "RSA", "n": encode(&n), "e": encode(&e)})
        }
        Pair::Ecdsa(_, pair) => {
            let point = &pair.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            let curve = if x.len() == 32 { "P-256" } else { "P-384" };
            json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
        }
        Pair::Ed25519(pair) => {
            json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())})
        }
        Pair::Mac(_) => panic!("a shared secret has no public half"),
    }
}

/// The same with more members.
fn with(jwk: &Value, more: &Value) -> Value {
    let mut jwk = jwk.as_object().expect("an object").clone();
    jwk.extend(more.as_object().expect("an object").clone());
    Value::Object(jwk)
}

fn set_of(keys: &[Value]) -> KeySet {
    KeySet::parse(&json!({"keys": keys})).expect("a set")
}

/// A token with these claims, signed.
fn signed(key: &SigningKey, claims: &Value) -> Secret {
    sign(key, Header::default(), claims).expect("signed")
}

/// What is signed of a token, and the signature.
fn signed_part(token: &str) -> (&str, &str) {
    token.rsplit_once('.').expect("a signature")
}

/// A token with this header and these claims, signed or not.
fn token_with(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Secret {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    secret(&format!("{signed}.{signature}"))
}

/// What a failure says.
fn told(failure: &Failure) -> (Class, &'static str, &str) {
    (failure.class, failure.kind, failure.message.as_str())
}
