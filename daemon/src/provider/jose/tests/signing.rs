//! What is signed is verified, and says what it should.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use tokend_proto::Secret;
use tokend_proto::limits::MAX_SECRET;

use super::{key_for, public, secret, set_of, signed, text};
use crate::clock::Wall;
use crate::provider::Class;
use crate::provider::jose::{Algorithm, ClientMac, Family, Header, KeySet, SigningKey, assertion, sign};

pub(super) fn header(token: &Secret) -> Value {
    let token = text(token);
    let header = token.split('.').next().expect("a header");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON")
}

#[test]
fn what_each_algorithm_signs_is_verified_with_the_public_key() {
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.family() != Family::Secret) {
        let key = key_for(algorithm);
        let token = signed(&key, &json!({"sub": "ü"}));
        assert_eq!(header(&token), json!({"alg": algorithm.name(), "typ": "JWT"}));
        let claims = set_of(&[public(&key)]).verify(&token, None).expect("verified");
        assert_eq!(claims.subject(), Some("ü"));
    }
}

#[test]
fn what_a_client_secret_signs_is_verified_with_it() {
    let shared = secret("hunter2");
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let key = SigningKey::client_secret(&shared, Some(algorithm)).expect("a key");
        let token = signed(&key, &json!({"sub": "a"}));
        let mac = ClientMac::agreed(Some(&shared), Some(&json!([algorithm.name()])));
        KeySet::default().verify(&token, mac.as_ref()).expect("verified");
    }
}

#[test]
fn the_header_names_the_key_as_configured_or_as_the_key_itself_says() {
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519", "kid": "own",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    let key = SigningKey::private(&secret(&jwk.to_string()), None).expect("a key");
    let own = signed(&key, &json!({}));
    assert_eq!(header(&own), json!({"alg": "EdDSA", "typ": "JWT", "kid": "own"}));
    let head = Header { kind: Some("client-authentication+jwt"), key_id: Some("told"), ..Header::default() };
    let told = sign(&key, head, &json!({})).expect("signed");
    assert_eq!(header(&told), json!({"alg": "EdDSA", "typ": "client-authentication+jwt", "kid": "told"}));
}

#[test]
fn an_assertion_says_who_to_whom_and_until_when() {
    let make = |more: Value| {
        let more = more.as_object().expect("an object").clone();
        assertion("me", "you", "https://a.example", Wall(1_700_000_000_999), &more).expect("claims")
    };
    let mut claims = make(json!({}));
    let id = claims.as_object_mut().and_then(|claims| claims.remove("jti")).expect("an id");
    assert_eq!(URL_SAFE_NO_PAD.decode(id.as_str().expect("text")).expect("base64url").len(), 20);
    let (iat, exp) = (1_700_000_000, 1_700_000_240);
    assert_eq!(
        claims,
        json!({"iss": "me", "sub": "you", "aud": "https://a.example", "iat": iat, "exp": exp})
    );

    let claims =
        make(json!({"sub": "else", "scope": "a b", "aud": ["x"], "exp": 1, "iat": 2, "jti": "again"}));
    assert_eq!(claims["sub"], "else");
    assert_eq!(claims["aud"], json!(["x"]));
    assert_eq!(claims["scope"], "a b");
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(iat), &json!(exp)));
    assert_ne!(claims["jti"], "again");
}

#[test]
fn no_two_assertions_have_one_id() {
    let ids: HashSet<String> = (0..1000)
        .map(|_| assertion("a", "a", "b", Wall(0), &Map::new()).expect("claims")["jti"].to_string())
        .collect();
    assert_eq!(ids.len(), 1000);
}

#[test]
fn claims_beyond_what_a_secret_may_have_are_refused() {
    let key = key_for(Algorithm::EdDsa);
    let failure =
        sign(&key, Header::default(), &json!({"sub": "x".repeat(MAX_SECRET)})).expect_err("too long");
    assert_eq!((failure.class, failure.kind), (Class::Source, "bad-claims"));
}
