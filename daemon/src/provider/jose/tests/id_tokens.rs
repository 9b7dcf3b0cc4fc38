//! Each claim wrong in turn.

use serde_json::{Value, json};
use tokend_proto::Secret;

use super::{key_for, public, secret, set_of, signed, told, with};
use crate::clock::Wall;
use crate::provider::jose::id_token::Claims;
use crate::provider::jose::{Algorithm, Expected};
use crate::provider::{Class, Failure};

const NOW: i64 = 1_700_000_000;

/// As a value, it takes a claim away.
const GONE: &str = "(gone)";

fn claims_by(algorithm: Algorithm, more: &Value) -> Claims {
    let claims = json!({
        "iss": "https://a.example", "aud": "me", "sub": "somebody", "nonce": "n",
        "iat": NOW, "exp": NOW + 600,
    });
    let mut claims = with(&claims, more);
    if let Some(claims) = claims.as_object_mut() {
        claims.retain(|_, value| value != GONE);
    }
    let key = key_for(algorithm);
    set_of(&[public(&key)]).verify(&signed(&key, &claims), None).expect("verified")
}

fn expected() -> Expected<'static> {
    Expected {
        issuer: "https://a.example",
        client_id: "me",
        nonce: Some("n"),
        access_token: None,
        now: Wall(NOW * 1000),
        subject: None,
    }
}

fn check(more: &Value) -> Result<(), Failure> {
    claims_by(Algorithm::EdDsa, more).check(&expected())
}

fn refusal(more: &Value) -> String {
    let failure = check(more).expect_err(&more.to_string());
    assert_eq!((failure.class, failure.kind), (Class::Doubtful, "id-token"), "{more}");
    failure.message
}

#[test]
fn a_good_one_is_good() {
    check(&json!({})).expect("good");
    check(&json!({"aud": ["me"], "azp": "me", "nbf": NOW, "at_hash": "not looked at"})).expect("good");
    check(&json!({"aud": ["other", "me"], "azp": "me"})).expect("good");
    check(&json!({"azp": null, "nbf": null, "at_hash": null})).expect("good");
    let claims = claims_by(Algorithm::EdDsa, &json!({}));
    assert_eq!((claims.subject(), claims.end()), (Some("somebody"), Some(Wall((NOW + 600) * 1000))));
}

#[test]
fn another_issuers_is_refused() {
    for issuer in [json!("https://b.example"), json!("https://a.example/"), json!(["https://a.example"])] {
        assert!(refusal(&json!({"iss": issuer})).contains("`iss`"));
    }
    for nothing in [json!(null), json!(GONE)] {
        assert_eq!(refusal(&json!({"iss": nothing})), "the id token names no issuer (`iss`)");
    }
    assert!(refusal(&json!({"iss": "accounts.google.com"})).contains("`iss`"));
}

#[test]
fn googles_may_lack_the_scheme() {
    let google = Expected { issuer: "https://accounts.google.com", ..expected() };
    for issuer in ["accounts.google.com", "https://accounts.google.com"] {
        claims_by(Algorithm::EdDsa, &json!({"iss": issuer})).check(&google).expect("good");
    }
}

#[test]
fn one_for_another_client_is_refused() {
    for audience in
        [json!("other"), json!(["other"]), json!([]), json!(7), json!({"me": 1}), json!(null), json!(GONE)]
    {
        assert_eq!(refusal(&json!({"aud": audience})), "the id token is for another client (`aud`)");
    }
    let party = "the id token was issued to another client (`azp`)";
    assert_eq!(refusal(&json!({"azp": "other"})), party);
    assert_eq!(refusal(&json!({"aud": ["me", "other"], "azp": "other"})), party);
    assert_eq!(refusal(&json!({"azp": ["me"]})), party);
    let several = "the id token is for several, and does not say for which (`azp`)";
    assert_eq!(refusal(&json!({"aud": ["me", "other"]})), several);
}

#[test]
fn an_old_one_and_one_from_the_future_wait_for_the_clock() {
    let untimely = |more: Value| {
        let failure = check(&more).expect_err(&more.to_string());
        assert_eq!((failure.class, failure.kind), (Class::NotNow, "id-token"));
    };
    check(&json!({"exp": NOW - 59})).expect("good");
    untimely(json!({"exp": NOW - 60}));
    untimely(json!({"exp": 0}));
    check(&json!({"iat": NOW + 300})).expect("good");
    untimely(json!({"iat": NOW + 301}));
    untimely(json!({"iat": 1e300}));
    check(&json!({"nbf": NOW + 300})).expect("good");
    untimely(json!({"nbf": NOW + 301}));
    check(&json!({"iat": NOW - 100_000})).expect("good");
    check(&json!({"exp": 1e300})).expect("good");
}

#[test]
fn a_time_that_is_no_number_is_refused() {
    for name in ["exp", "iat", "nbf"] {
        for value in [json!("never"), json!(NOW.to_string()), json!([]), json!(true), json!({})] {
            assert!(refusal(&json!({ (name): value })).contains(name));
        }
    }
    for name in ["exp", "iat"] {
        assert!(refusal(&json!({ (name): null })).contains(name));
        assert!(refusal(&json!({ (name): GONE })).contains(name));
    }
}

#[test]
fn one_about_nobody_or_somebody_else_is_refused() {
    for subject in [json!(null), json!(GONE), json!(""), json!(7)] {
        assert_eq!(refusal(&json!({"sub": subject})), "the id token does not say whom it is about (`sub`)");
    }
    let claims = claims_by(Algorithm::EdDsa, &json!({}));
    claims.check(&Expected { subject: Some("somebody"), ..expected() }).expect("good");
    let failure = claims.check(&Expected { subject: Some("else"), ..expected() }).expect_err("another");
    let message = "the id token is about somebody else than the one before (`sub`)";
    assert_eq!(told(&failure), (Class::Doubtful, "id-token", message));
}

#[test]
fn one_of_another_login_is_refused() {
    for nonce in [json!(null), json!(GONE), json!("m"), json!(""), json!(["n"])] {
        assert_eq!(
            refusal(&json!({"nonce": nonce})),
            "the id token is not the answer to this login (`nonce`)"
        );
    }
    // After a refresh there is none to compare with.
    claims_by(Algorithm::EdDsa, &json!({"nonce": "m"}))
        .check(&Expected { nonce: None, ..expected() })
        .expect("good");
}

/// The hashes by `printf %s TOKEN | openssl dgst -sha… -binary`, the left half, in base64url; the token of
/// the first is that of OpenID Connect Core A.3.
#[test]
fn one_for_another_access_token_is_refused() {
    let with_token = |algorithm, hash: &Value, token: &Secret| {
        claims_by(algorithm, &json!({"at_hash": hash}))
            .check(&Expected { access_token: Some(token), ..expected() })
    };
    let token = secret("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
    for (algorithm, hash) in [
        (Algorithm::Rs256, "77QmUPtjPfzWtF2AnpK9RQ"),
        (Algorithm::Es256, "77QmUPtjPfzWtF2AnpK9RQ"),
        (Algorithm::Es384, "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs"),
        (Algorithm::Ps512, "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"),
        (Algorithm::EdDsa, "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"),
    ] {
        with_token(algorithm, &json!(hash), &token).expect(hash);
        let failure = with_token(algorithm, &json!(hash), &secret("other")).expect_err("another's");
        let message = "the id token belongs to another access token (`at_hash`)";
        assert_eq!(told(&failure), (Class::Doubtful, "id-token", message));
    }
    for hash in [json!(""), json!(7), json!(["77QmUPtjPfzWtF2AnpK9RQ"])] {
        with_token(Algorithm::Rs256, &hash, &token).expect_err("no hash");
    }
    // It is optional where the token came from the token endpoint (3.1.3.6).
    with_token(Algorithm::Rs256, &json!(GONE), &token).expect("good");
}

#[test]
fn debug_shows_nobody() {
    assert_eq!(format!("{:?}", claims_by(Algorithm::EdDsa, &json!({}))), "6 claims signed with EdDSA");
}
