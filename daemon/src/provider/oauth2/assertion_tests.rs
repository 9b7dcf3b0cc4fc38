//! What is signed: by clients that prove with a JWT who they are, and for the grant `jwt_bearer`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::*;
use crate::provider::Class;
use crate::provider::jose::KeySet;
use crate::provider::stand_in::{Account, NOW, Seen, StandIn, answer, request, secret, token};

/// A new Ed25519 key: as a PEM, and as the service knows it.
fn key() -> (String, KeySet) {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key");
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(pkcs8.as_ref())
    );
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": x}]});
    (pem, KeySet::parse(&set).expect("a set"))
}

fn said(seen: &Seen, name: &str) -> Option<String> {
    seen.form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Header and claims of a JWT.
fn opened(jwt: &str) -> (Value, Value) {
    let parts: Vec<_> = jwt.split('.').collect();
    let part =
        |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON");
    (part(parts[0]), part(parts[1]))
}

fn good() -> Vec<crate::provider::stand_in::Answer> {
    vec![answer(200, r#"{"access_token": "abc"}"#); 2]
}

#[tokio::test]
async fn a_client_signs_with_its_key_anew_at_each_try() {
    let (pem, set) = key();
    let service = StandIn::start(good());
    let account = Account::read(
        "oauth2",
        &format!(
            "token_endpoint = '{}/token'\nclient_id = 'app'\nprivate_key = ${pem}$\nprivate_key_id = 'k1'",
            service.url()
        ),
    );
    for _ in 0..2 {
        assert_eq!(token(&account.get().await.expect("a token")), "abc");
    }
    let mut ids = Vec::new();
    for seen in service.seen() {
        assert_eq!(seen.header("authorization"), None);
        assert!(seen.body.starts_with("grant_type=client_credentials&client_id=app&client_assertion_type="));
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        assert_eq!(said(&seen, "client_assertion_type").as_deref(), Some(kind));
        let jwt = said(&seen, "client_assertion").expect("an assertion");
        set.verify(&secret(&jwt), None).expect("its own signature");
        let (header, claims) = opened(&jwt);
        assert_eq!((&header["alg"], &header["kid"]), (&json!("EdDSA"), &json!("k1")));
        let audience = format!("{}/token", service.url());
        for (name, value) in [
            ("iss", json!("app")),
            ("sub", json!("app")),
            ("aud", json!(audience)),
            ("iat", json!(NOW)),
            ("exp", json!(NOW + 240)),
        ] {
            assert_eq!(claims[name], value, "{name}");
        }
        ids.push(claims["jti"].as_str().expect("an id").to_owned());
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(account.sources().len(), 1);
    assert!(!format!("{:?} {:?}", &*account, account.describe()).contains("PRIVATE KEY"));
}

#[tokio::test]
async fn a_client_signs_with_its_secret_for_whom_the_configuration_tells() {
    let service = StandIn::start(good());
    let keys =
        format!("token_endpoint = '{}/token'\nclient_id = 'app'\nclient_secret = $s$\n", service.url());
    let method = "token_endpoint_auth_method = 'client_secret_jwt'\n";
    let more = "token_endpoint_auth_signing_alg = 'HS512'\nassertion_audience = 'https://a.example'\n";
    for more in ["", more] {
        Account::read("oauth2", &format!("{keys}{method}{more}")).get().await.expect("a token");
    }
    let opened: Vec<_> = service
        .seen()
        .iter()
        .map(|seen| {
            assert_eq!((said(seen, "client_secret"), seen.header("authorization")), (None, None));
            opened(&said(seen, "client_assertion").expect("an assertion"))
        })
        .collect();
    assert_eq!((&opened[0].0["alg"], &opened[1].0["alg"]), (&json!("HS256"), &json!("HS512")));
    assert_eq!(opened[1].1["aud"], "https://a.example");
}

#[tokio::test]
async fn an_issuer_is_whom_assertions_are_for() {
    let (pem, _) = key();
    let service = StandIn::start(good());
    let keys = format!(
        "issuer = 'https://a.example/t'\ntoken_endpoint = '{}/token'\n\
         client_id = 'app'\nprivate_key = ${pem}$",
        service.url()
    );
    Account::read("oauth2", &keys).get().await.expect("a token");
    let jwt = said(&service.seen()[0], "client_assertion").expect("an assertion");
    assert_eq!(opened(&jwt).1["aud"], "https://a.example/t");
}

#[tokio::test]
async fn a_key_that_is_none_parks_the_account_and_sends_nothing() {
    let service = StandIn::start(good());
    let keys =
        format!("token_endpoint = '{}/token'\nclient_id = 'app'\nprivate_key = $hunter2$", service.url());
    let failure = Account::read("oauth2", &keys).get().await.expect_err("no key");
    assert_eq!(
        (failure.class, failure.kind, failure.carried_out),
        (Class::Source, "private-key", CarriedOut::No)
    );
    assert!(!format!("{failure:?}").contains("hunter2"));
    assert_eq!(service.connections(), 0);
}

/// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`, known to everybody.
const P256: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgONZztz/7183mzVdjyjM4qFkse2ZuPGFYKm1kS9gFVYqhRANC\
    AAROR2H1vLgi63CdNBWxjibPtZhxeF8pIkYmSacrn9TmntdI2IQ0kLShCFZbZSDybws/0LpSlwGVlEb200kR3/Ar";

/// Its certificate.
const P256_CERTIFICATE: &str = "\
    MIIBGzCBwwIUEsuUCmQNka9V0EeKjiDdnx5OMrAwCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGdG9rZW5kMB4XDTI2MTEyMjA3\
    MjI0M1oXDTM2MTExOTA3MjI0M1owETEPMA0GA1UEAwwGdG9rZW5kMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETkdh9by4\
    IutwnTQVsY4mz7WYcXhfKSJGJkmnK5/U5p7XSNiENJC0oQhWW2Ug8m8LP9C6UpcBlZRG9tNJEd/wKzAKBggqhkjOPQQDAgNH\
    ADBEAiAZPal/BK0sP3E1u74nVe5e3x5FUP93VtqF6/rb3CJJawIgfz1m8cTEI1JygW3/2vdoQEVErpUi/twYc2UiaY/er/4=";

/// A PEM with this body.
fn pem(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

#[tokio::test]
async fn whatever_the_key_signs_names_its_certificate() {
    let service = StandIn::start(good());
    // One file may hold both.
    let both = pem("PRIVATE KEY", P256) + &pem("CERTIFICATE", P256_CERTIFICATE);
    let keys = format!(
        "token_endpoint = '{}/token'\nclient_id = 'app'\nprivate_key = ${both}$\n\
         private_key_certificate = ${both}$\n",
        service.url()
    );
    let account = Account::read("oauth2", &keys);
    account.get().await.expect("a token");
    let bearer = "grant = 'jwt_bearer'\nassertion_claims = {}\n";
    Account::read("oauth2", &format!("{keys}{bearer}")).get().await.expect("a token");
    let [client, bearer] = &service.seen()[..] else { panic!("two requests") };
    for jwt in [said(client, "client_assertion"), said(bearer, "assertion")] {
        let header = opened(&jwt.expect("an assertion")).0;
        assert_eq!(header["x5t#S256"], "-4uVy6wk3W0lvzAI48uaGIGIXvANxG0Tm_8wBKrZzpA");
        assert_eq!(header["alg"], "ES256");
    }
    let names: Vec<_> = account.describe().into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"private_key_certificate"), "{names:?}");
    assert_eq!(account.sources().len(), 2);
}

#[tokio::test]
async fn a_certificate_of_another_key_parks_the_account_and_sends_nothing() {
    let service = StandIn::start(good());
    let (other, _) = key();
    let certificate = pem("CERTIFICATE", P256_CERTIFICATE);
    let keys = format!(
        "token_endpoint = '{}/token'\nclient_id = 'app'\nprivate_key = ${other}$\n\
         private_key_certificate = ${certificate}$\n",
        service.url()
    );
    let failure = Account::read("oauth2", &keys).get().await.expect_err("another's");
    assert_eq!((failure.class, failure.kind), (Class::Source, "private-key-certificate"));
    assert_eq!((failure.carried_out, service.connections()), (CarriedOut::No, 0));
}

#[tokio::test]
async fn claims_are_signed_and_traded() {
    let (pem, set) = key();
    let service = StandIn::start(good());
    let keys = format!(
        "token_endpoint = '{}/token'\ngrant = 'jwt_bearer'\nprivate_key = ${pem}$\n\
         [assertion_claims]\niss = 'svc:a.example'\nsub = 'alice'\nscope = 'a'\naud = 'https://b.example'\n",
        service.url()
    );
    let account = Account::read("oauth2", &keys);
    account.get().await.expect("a token");
    account
        .mint(&MintRequest { scope: Some(vec!["b".to_owned(), "c".to_owned()]), ..request() })
        .await
        .expect("one");
    let [own, other] = &service.seen()[..] else { panic!("two requests") };
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    assert!(own.body.starts_with(grant) && own.form().len() == 2, "{}", own.body);
    let jwt = said(own, "assertion").expect("an assertion");
    set.verify(&secret(&jwt), None).expect("its own signature");
    let claims = opened(&jwt).1;
    for (name, value) in
        [("iss", "svc:a.example"), ("sub", "alice"), ("scope", "a"), ("aud", "https://b.example")]
    {
        assert_eq!(claims[name], value);
    }
    assert_eq!(opened(&said(other, "assertion").expect("an assertion")).1["scope"], "b c");
    assert_eq!(said(other, "scope").as_deref(), Some("b c"));
    let identity = account.identity();
    assert_eq!((identity.client.as_str(), identity.user.as_str()), ("svc:a.example", "alice"));
}

#[tokio::test]
async fn a_named_client_says_its_own_assertion_and_still_who_it_is() {
    let (pem, _) = key();
    let service = StandIn::start(good());
    let keys = format!(
        "token_endpoint = '{}/token'\ngrant = 'jwt_bearer'\nclient_id = 'app'\nprivate_key = ${pem}$\n\
         assertion_claims = {{}}\n",
        service.url()
    );
    Account::read("oauth2", &keys).get().await.expect("a token");
    Account::read("oauth2", &format!("{keys}client_secret = $s$")).get().await.expect("a token");
    let [public, confidential] = &service.seen()[..] else { panic!("two requests") };
    let claims = opened(&said(public, "assertion").expect("an assertion")).1;
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("app"), &json!("app")));
    assert_eq!(said(public, "client_id").as_deref(), Some("app"));
    assert_eq!(confidential.header("authorization"), Some("Basic YXBwOnM="));
}

#[tokio::test]
async fn an_assertion_of_somebody_else_is_traded() {
    let service = StandIn::start(good());
    let keys =
        format!("token_endpoint = '{}/token'\ngrant = 'jwt_bearer'\nassertion = $a.b.c$", service.url());
    let account = Account::read("oauth2", &keys);
    account.get().await.expect("a token");
    assert_eq!(said(&service.seen()[0], "assertion").as_deref(), Some("a.b.c"));
    assert_eq!(account.sources().len(), 1);
}

#[test]
fn mistakes_are_reported() {
    let keys = "token_endpoint = 'https://a.example'\nclient_id = 'x'\n";
    let key = "private_key = $k$\n";
    let secret = "client_secret = $s$\n";
    let method = |name: &str| format!("token_endpoint_auth_method = '{name}'\n");
    let bearer = "grant = 'jwt_bearer'\n";
    for (more, words) in [
        (format!("{secret}{key}"), "`private_key` has no effect here"),
        (format!("{secret}private_key_id = 'x'"), "`private_key_id` has no effect here"),
        (format!("{secret}private_key_certificate = $c$"), "`private_key_certificate` has no effect here"),
        (format!("{key}private_key_certificate = 'hunter2'"), "is a secret, which is never written here"),
        (method("private_key_jwt"), "`private_key` is missing"),
        (format!("{key}{secret}{}", method("private_key_jwt")), "`client_secret` has no effect here"),
        (method("client_secret_jwt"), "`client_secret` is missing"),
        (
            format!("{secret}{}assertion_audience = 'x'", method("client_secret_post")),
            "`assertion_audience` has no effect here",
        ),
        (format!("{key}token_endpoint_auth_signing_alg = 'HS256'"), "HS256 is signed with `client_secret`"),
        (
            format!("{secret}{}token_endpoint_auth_signing_alg = 'RS256'", method("client_secret_jwt")),
            "RS256 is signed with a `private_key`",
        ),
        (format!("{key}token_endpoint_auth_signing_alg = 'rs256'"), "did you mean `RS256`?"),
        (format!("{secret}{}", method("tls_client_auth")), "tls_client_auth is not built yet"),
        ("private_key = 'hunter2'".to_owned(), "is a secret, which is never written here"),
        (bearer.to_owned(), "`assertion` or `assertion_claims` is missing"),
        (format!("{bearer}assertion_claims = {{}}"), "`private_key` is missing"),
        (
            format!("{bearer}assertion = $a$\n{key}assertion_claims = {{}}"),
            "`assertion` is an assertion already",
        ),
        (format!("{bearer}{key}assertion_claims = {{ exp = 1 }}"), "cannot say `exp`"),
        (format!("{bearer}{key}assertion_claims = {{ sub = 1 }}"), "`sub` in `assertion_claims` is no name"),
        (format!("{bearer}{key}assertion_claims = 'x'"), "`assertion_claims` is no table"),
        (format!("{bearer}assertion = 'hunter2'"), "is a secret, which is never written here"),
        (format!("{secret}assertion = $a$"), "`assertion` has no effect here"),
    ] {
        let found = Account::complaints("oauth2", &format!("{keys}{more}"));
        assert_eq!(found.len(), 1, "{more}: {found:#?}");
        assert!(found[0].contains(words) && !found[0].contains("hunter2"), "{found:#?}");
    }
    let nobody = format!("token_endpoint = 'https://a.example'\n{bearer}{key}assertion_claims = {{}}");
    let found = Account::complaints("oauth2", &nobody);
    assert!(found.len() == 1 && found[0].contains("nobody says this assertion"), "{found:#?}");
}
