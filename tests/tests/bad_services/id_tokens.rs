//! Id tokens that are not what they should be: the login that brought one is none (OpenID Connect Core
//! 3.1.3.7).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokend_tests::stand_in::{Liar, Signature};

use super::*;

/// A service whose id tokens are otherwise.
fn lying(name: &str, lie: impl FnOnce(&mut Liar)) -> Case {
    let case = Case::new(name);
    case.server.change(lie);
    case
}

/// In one claim.
fn claiming(name: &str, claim: &str, value: Value) -> Case {
    lying(name, |liar| drop(liar.claims.insert(claim.to_owned(), value)))
}

#[test]
fn a_login_with_a_false_id_token_is_refused_and_nothing_of_it_is_kept() {
    let scene = Scene::new();
    let signed = |name: &str, signature| lying(name, |liar| liar.signature = signature);
    let cases = [
        signed("broken-signature", Signature::Broken),
        signed("anothers-key", Signature::OfAnother),
        signed("unsigned", Signature::Nothing),
        signed("signed-with-the-public-key", Signature::HmacOfPublicKey),
        lying("unknown-key", |liar| drop(liar.header.insert("kid".into(), "other".into()))),
        lying("critical", |liar| drop(liar.header.insert("crit".into(), json!(["b64"])))),
        claiming("another-issuer", "iss", json!("https://login.example")),
        claiming("no-issuer", "iss", Value::Null),
        claiming("another-audience", "aud", json!("somebody-else")),
        claiming("no-audience", "aud", Value::Null),
        claiming("other-audiences", "aud", json!(["a", "b"])),
        claiming("another-nonce", "nonce", json!("x")),
        claiming("no-nonce", "nonce", Value::Null),
        claiming("expired", "exp", json!(1_000_000_000)),
        claiming("for-ever", "exp", Value::Null),
        claiming("nobody", "sub", Value::Null),
        lying("no-jwt", |liar| drop(liar.token.insert("id_token".into(), json!("x.y.z")))),
        lying("evil-text", |liar| {
            drop(liar.token.insert("id_token".into(), json!("\u{1b}[2J.$(touch pwned).")));
        }),
    ];
    let daemon = scene.start("authorization_code", &cases);
    for case in &cases {
        let said = log_in(&scene, case);
        scene.is_refused(&case.name, &said);
        let said = scene.sandbox.tok(["get", &case.name, "--id-token"]);
        assert_eq!((said.code, said.stdout.as_str()), (4, ""), "{}: {said:?}", case.name);
    }
    is_harmless("the log", &daemon.log());
}

#[test]
fn what_is_no_id_token_at_all_is_none() {
    let scene = Scene::new();
    let cases = [("a-number", json!(5)), ("a-list", json!(["x.y.z"])), ("nothing", Value::Null)]
        .map(|(name, value)| lying(name, |liar| drop(liar.token.insert("id_token".into(), value))));
    let _daemon = scene.start("authorization_code", &cases);
    for case in &cases {
        // The login may be one without it; nobody is ever given it.
        let said = log_in(&scene, case);
        assert!([0, 5, 6].contains(&said.code), "{}: {said:?}", case.name);
        let said = scene.sandbox.tok(["get", &case.name, "--id-token"]);
        assert!([4, 5, 6].contains(&said.code) && said.stdout.is_empty(), "{}: {said:?}", case.name);
        scene.is_unharmed(&case.name);
    }
}

#[test]
fn a_false_id_token_that_comes_with_a_refresh_is_given_to_nobody_and_costs_no_login() {
    let scene = Scene::new();
    let cases = ["iss", "aud", "sub"].map(Case::new);
    let _daemon = scene.start("authorization_code", &cases);
    for case in &cases {
        assert_eq!(log_in(&scene, case).code, 0, "{}", case.name);
        case.server.change(|liar| liar.claims.insert(case.name.clone(), json!("https://login.example")));
        let said = scene.sandbox.tok(["refresh", &case.name]);
        is_harmless(&case.name, &said.stderr);
        let said = scene.sandbox.tok(["get", &case.name, "--id-token"]);
        if said.code == 0 {
            assert_eq!(claims(&said.stdout)[&case.name], truth(case), "{}", case.name);
        } else {
            assert_eq!(said.stdout, "", "{}: {said:?}", case.name);
        }
        assert!(case.server.is_live(&scene.sandbox.token(&case.name)), "{}", case.name);
        scene.is_unharmed(&case.name);
        // The refresh token that came with it is the newest: nothing else can be revoked.
        assert_eq!(scene.sandbox.tok(["logout", &case.name]).code, 0, "{}", case.name);
        let newest = case.server.newest_refresh_token();
        let revoked = case.server.ledger().into_iter().filter(|entry| entry.path == "/revoke");
        let tokens: Vec<_> = revoked.filter_map(|entry| entry.field("token").map(str::to_owned)).collect();
        assert!(newest.is_some_and(|newest| tokens.contains(&newest)), "{}", case.name);
    }
}

/// What the claim of a case should be.
fn truth(case: &Case) -> Value {
    match case.name.as_str() {
        "iss" => case.server.url().into(),
        "sub" => "alice".into(),
        _ => CLIENT.into(),
    }
}

fn claims(id_token: &str) -> Value {
    let part = id_token.split('.').nth(1).expect("claims");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

#[test]
fn keys_that_cannot_be_had_or_used_are_no_reason_to_believe() {
    let scene = Scene::new();
    let cases = [
        Case::claiming("keys-in-clear", "jwks_uri", json!("http://keys.example/jwks")),
        Case::claiming("keys-elsewhere", "jwks_uri", json!("file:///etc/passwd")),
        Case::answering("no-keys", "/jwks", Answer::json(200, &json!({"keys": []}))),
        Case::answering("a-page", "/jwks", Answer::new(200, "text/html", "<!doctype html>")),
        Case::answering(
            "keys-of-nothing",
            "/jwks",
            Answer::json(200, &json!({"keys": [{"kty": "oct", "k": "AAAA"}, 5]})),
        ),
    ];
    let daemon = scene.start("authorization_code", &cases);
    for case in &cases {
        // Those that could be had sign nothing that comes.
        let are_there = ["no-keys", "keys-of-nothing"].contains(&&*case.name);
        let said = if are_there { log_in(&scene, case) } else { begin_in_vain(&scene, case) };
        scene.is_refused(&case.name, &said);
    }
    is_harmless("the log", &daemon.log());
}
