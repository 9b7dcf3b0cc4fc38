//! Refresh tokens: what is sent, what comes back, and what a failure says of the one that was spent.

use std::sync::Arc;

use serde_json::{Value, json};
use tokend_proto::Secret;

use super::*;
use crate::provider::stand_in::{Account, Answer, StandIn, answer, moment, request, secret, token};
use crate::provider::{Class, MintRequest};

/// What was spent in these tests.
const OLD: &str = "old refresh & token +%";

fn account(keys: &str) -> Account {
    Account::read(
        "oauth2",
        &format!("grant = 'refresh_token'\nclient_id = 'app'\nrefresh_token = $first$\n{keys}"),
    )
}

fn at(service: &StandIn, more: &str) -> Account {
    account(&format!("token_endpoint = '{}/token'\n{more}", service.url()))
}

fn spending() -> MintRequest {
    MintRequest { refresh_token: Some(Arc::new(secret(OLD))), ..request() }
}

fn text(secret: &Secret) -> String {
    secret.expose().as_str().expect("text").to_owned()
}

async fn spend(answer: Answer) -> Result<Minted, Failure> {
    at(&StandIn::start([answer]), "").mint(&spending()).await
}

async fn spend_for(body: &Value) -> Result<Minted, Failure> {
    spend(answer(200, &body.to_string())).await
}

#[tokio::test]
async fn a_public_client_says_who_it_is_in_the_form() {
    for more in ["", "token_endpoint_auth_method = 'none'\n"] {
        let service = StandIn::start([answer(200, r#"{"access_token": "abc", "expires_in": 60}"#)]);
        let minted = at(&service, more).mint(&spending()).await.expect("a token");
        assert_eq!(token(&minted), "abc");
        let seen = &service.seen()[0];
        assert_eq!(seen.header("authorization"), None);
        assert_eq!(
            seen.body,
            "grant_type=refresh_token&refresh_token=old+refresh+%26+token+%2B%25&client_id=app"
        );
    }
}

#[tokio::test]
async fn a_client_with_a_secret_says_that_too_where_it_belongs() {
    let service = StandIn::start(vec![answer(200, r#"{"access_token": "abc"}"#); 2]);
    let keys =
        "client_secret = $s$\nscope = ['a', 'b']\naudience = 'x'\nresource = 'urn:r'\nextra = { t = '1' }\n";
    at(&service, keys).mint(&spending()).await.expect("a token");
    at(&service, "client_secret = $s$\ntoken_endpoint_auth_method = 'client_secret_post'")
        .mint(&MintRequest { scope: Some(vec!["a".to_owned()]), ..spending() })
        .await
        .expect("a token");
    let [basic, post] = &service.seen()[..] else { panic!("two requests") };
    let start = "grant_type=refresh_token&refresh_token=old+refresh+%26+token+%2B%25";
    // echo -n app:s | base64
    assert_eq!(basic.header("authorization"), Some("Basic YXBwOnM="));
    assert_eq!(basic.body, format!("{start}&scope=a+b&audience=x&resource=urn%3Ar&t=1"));
    assert_eq!(post.header("authorization"), None);
    assert_eq!(post.body, format!("{start}&scope=a&client_id=app&client_secret=s"));
}

#[tokio::test]
async fn a_secret_that_is_a_part_of_a_code_does_not_hide_its_meaning() {
    for secret in ["s", "invalid", "grant", "invalid_grant"] {
        let service = StandIn::start([answer(400, r#"{"error": "invalid_grant"}"#)]);
        let failure = at(&service, &format!("client_secret = ${secret}$")).mint(&spending()).await;
        let failure = failure.expect_err("a refusal");
        assert_eq!((failure.class, failure.kind), (Class::LoginNeeded, "invalid-grant"), "{secret}");
        assert!(secret == "s" || !failure.message.contains(secret), "{failure}");
    }
}

#[tokio::test]
async fn the_new_refresh_token_comes_with_the_token() {
    for (told, new) in [
        (json!("new"), Some("new")),
        (json!("a b/+\u{fc}"), Some("a b/+\u{fc}")),
        (json!(7), Some("7")),
        (json!(OLD), None),
        (json!(""), None),
        (json!(null), None),
    ] {
        let minted = spend_for(&json!({"access_token": "abc", "refresh_token": told})).await;
        let minted = minted.expect("a token");
        assert_eq!(minted.refresh_token.as_ref().map(text).as_deref(), new, "{told}");
        assert!(minted.warnings.is_empty());
    }
    let minted = spend_for(&json!({"access_token": "abc"})).await.expect("a token");
    assert!(minted.refresh_token.is_none());
}

#[tokio::test]
async fn a_new_refresh_token_that_cannot_be_kept_is_told_of() {
    for told in [json!("x".repeat(tokend_proto::limits::MAX_SECRET + 1)), json!(["new"]), json!(true)] {
        let minted = spend_for(&json!({"access_token": "abc", "refresh_token": told})).await;
        let minted = minted.expect("the token is good");
        assert!(minted.refresh_token.is_none());
        assert!(minted.warnings.concat().contains("cannot be kept"), "{:?}", minted.warnings);
        // Without a token there is nothing to serve meanwhile.
        let failure = spend_for(&json!({"refresh_token": told})).await.expect_err("no token");
        assert_eq!((failure.carried_out, failure.rotated), (CarriedOut::AnswerLost, None));
    }
}

#[tokio::test]
async fn a_token_that_is_of_no_use_does_not_take_the_login_with_it() {
    for (bad, kind) in [
        (json!({"access_token": "abc", "token_type": "mac"}), "unsupported-token-type"),
        (json!({"access_token": "a b"}), "bad-token"),
        (json!({"access_token": ""}), "bad-token"),
        (json!({"access_token": "abc", "expires_in": -1}), "bad-expiry"),
        (json!({"access_token": 1}), "bad-answer"),
        (json!({}), "bad-answer"),
    ] {
        let mut body = bad.clone();
        body["refresh_token"] = "new-refresh-token".into();
        let failure = spend_for(&body).await.expect_err("of no use");
        assert_eq!((failure.kind, failure.carried_out), (kind, CarriedOut::No), "{body}");
        let rotated = failure.rotated.clone().expect("the new refresh token");
        assert_eq!(text(&rotated.0), "new-refresh-token");
        assert!(!format!("{failure:?}").contains("new-refresh"));
        // Without a new one the old one is as good as before, if the answer was one.
        let failure = spend_for(&bad).await.expect_err("of no use");
        let lost = if kind == "bad-answer" { CarriedOut::AnswerLost } else { CarriedOut::No };
        assert_eq!((failure.carried_out, failure.rotated), (lost, None), "{bad}");
    }
}

#[tokio::test]
async fn an_error_brings_no_refresh_token() {
    let body = json!({"error": "invalid_scope", "access_token": "abc", "refresh_token": "masked***"});
    let failure = spend_for(&body).await.expect_err("an error");
    assert_eq!((failure.class, failure.carried_out, failure.rotated), (Class::No, CarriedOut::No, None));
    let failure = spend_for(&json!({"error": {"code": 7}})).await.expect_err("an error of another form");
    assert_eq!((failure.kind, failure.carried_out), ("bad-answer", CarriedOut::No));
}

#[tokio::test]
async fn a_refused_refresh_token_needs_a_login() {
    for (status, code) in [
        (400, "invalid_grant"),
        (401, "Invalid_Grant"),
        (200, "invalid_grant"),
        (200, "bad_refresh_token"),
        (400, "interaction_required"),
        (400, "consent_required"),
        (400, "login_required"),
    ] {
        let body = json!({"error": code, "error_description": format!("{OLD} is revoked")});
        let failure = spend(answer(status, &body.to_string())).await.expect_err("refused");
        assert_eq!((failure.class, failure.kind), (Class::LoginNeeded, "invalid-grant"));
        assert_eq!((failure.carried_out, failure.rotated.is_none()), (CarriedOut::No, true));
        assert!(failure.message.contains(&format!("({status} {code}: … is revoked)")), "{failure}");
        assert!(failure.hint.contains("where it comes from: file "), "{}", failure.hint);
    }
    for (status, body, class) in [
        (400, "{\"error\": \"invalid_client\"}", Class::No),
        (400, "{\"error\": \"unauthorized_client\"}", Class::No),
        (400, "{\"error\": \"temporarily_unavailable\"}", Class::NotNow),
        (429, "{\"error\": \"invalid_grant\"}", Class::NotNow),
        (500, "{\"error\": \"invalid_grant\"}", Class::NotNow),
        (400, "<html>invalid_grant", Class::NotNow),
        (400, "invalid_grant", Class::Doubtful),
    ] {
        let failure = spend(answer(status, body)).await.expect_err(body);
        assert_eq!(failure.class, class, "{status} {body}");
    }
}

#[test]
fn a_refused_refresh_token_of_the_store_is_mended_by_a_command() {
    let keys = "issuer = 'https://a.example'\ngrant = 'refresh_token'\nclient_id = 'app'\n\
                refresh_token = { store = 'graph' }";
    let account = Account::read("oauth2", keys);
    let first = account.first_refresh_token().expect("a source");
    let spent = Spent { token: &secret(OLD), origin: Origin::Source(first) };
    let reply = Reply::pretend(400, "{\"error\": \"invalid_grant\"}");
    let failure =
        answer::read(&reply, moment(0), Purpose::Refresh(spent), &Held::default()).expect_err("refused");
    assert!(failure.hint.ends_with("`tok secret set graph`"), "{}", failure.hint);
}

#[tokio::test]
async fn what_fails_before_it_is_spent_did_not_spend_it() {
    let service = StandIn::start([answer(500, ""), answer(200, "<html>"), answer(200, "<html>")]);
    let account = account(&format!("issuer = '{}'", service.url()));
    for kind in ["service-error", "page"] {
        let failure = account.mint(&spending()).await.expect_err("no metadata");
        assert_eq!((failure.kind, failure.carried_out), (kind, CarriedOut::No));
    }
    let failure = at(&service, "").get().await.expect_err("nothing to spend");
    assert_eq!((failure.class, failure.kind), (Class::NotNow, "internal"));
    assert!(service.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", service.lines());
}

#[tokio::test]
async fn a_refresh_token_of_another_grant_is_not_handed_on() {
    let service = StandIn::start([answer(200, r#"{"access_token": "abc", "refresh_token": "new"}"#)]);
    let keys = format!("token_endpoint = '{}'\nclient_id = 'app'\nclient_secret = $s$", service.url());
    let minted = Account::read("oauth2", &keys).mint(&spending()).await.expect("a token");
    assert!(minted.refresh_token.is_none());
    assert!(!service.seen()[0].body.contains("refresh"));
}

#[test]
fn mistakes_are_reported() {
    let keys = "issuer = 'https://a.example'\nclient_id = 'x'\n";
    let first = "refresh_token = $r$\n";
    let grant = "grant = 'refresh_token'\n";
    for (more, words) in [
        (grant.to_owned(), "`refresh_token` is missing"),
        (format!("{grant}refresh_token = 'hunter2'"), "is a secret, which is never written here"),
        (format!("{first}client_secret = $s$"), "`refresh_token` has no effect here"),
        (
            format!("grant = 'client_credentials'\n{first}client_secret = $s$"),
            "`refresh_token` has no effect here",
        ),
        (
            format!("{grant}{first}token_endpoint_auth_method = 'client_secret_post'"),
            "`client_secret` is missing",
        ),
        (
            format!("{grant}{first}client_secret = $s$\ntoken_endpoint_auth_method = 'none'"),
            "the secret is never sent",
        ),
        (
            "client_secret = $s$\ntoken_endpoint_auth_method = 'none'".to_owned(),
            "client_credentials is for clients with a secret",
        ),
        (format!("{grant}{first}extra = {{ refresh_token = 'x' }}"), "`extra` cannot say this"),
        (format!("grant = 'refresh'\n{first}"), "none of those that tokend knows"),
    ] {
        let found = Account::complaints("oauth2", &format!("{keys}{more}"));
        assert_eq!(found.len(), 1, "{more}: {found:#?}");
        assert!(found[0].contains(words) && !found[0].contains("hunter2"), "{found:#?}");
    }
}

#[test]
fn what_it_is_and_shows() {
    let account = account("issuer = 'https://a.example/t'");
    let lines = account.describe();
    assert!(lines.contains(&("grant", "refresh_token".to_owned())), "{lines:?}");
    assert!(lines.iter().any(|(key, value)| *key == "refresh_token" && value.starts_with("file ")));
    assert!(lines.iter().all(|(key, _)| *key != "client_secret"));
    assert!(account.sources().is_empty());
    assert!(account.first_refresh_token().is_some());
    let identity = account.identity();
    assert_eq!((identity.origin.as_str(), identity.client.as_str()), ("https://a.example", "app"));
    assert!(!format!("{:?} {lines:?} {identity:?}", &*account).contains("first"));
}

/// An account of a person's login.
fn of_login(grant: &str, service: &StandIn) -> Account {
    let url = service.url();
    let keys = format!(
        "grant = '{grant}'\nclient_id = 'app'\ntoken_endpoint = '{url}/token'\n\
         scope = ['openid', 'mail']\naudience = 'x'\nresource = 'urn:r'\n\
         device_authorization_endpoint = '{url}/device'\n"
    );
    match grant {
        "device_code" => Account::read("oauth2", &keys),
        _ => Account::read("oauth2", &format!("{keys}authorization_endpoint = '{url}/authorize'")),
    }
}

#[tokio::test]
async fn a_login_is_spent_as_it_was_granted_unless_a_caller_asks_for_less() {
    for grant in ["device_code", "authorization_code"] {
        let service =
            StandIn::start(vec![answer(200, r#"{"access_token": "abc", "refresh_token": "new"}"#); 2]);
        let account = of_login(grant, &service);
        assert!(account.spends_refresh_token() && account.first_refresh_token().is_none());
        let minted = account.mint(&spending()).await.expect("a token");
        assert_eq!(minted.refresh_token.as_ref().map(text).as_deref(), Some("new"));
        let asked = MintRequest { scope: Some(vec!["mail".to_owned()]), ..spending() };
        account.mint(&asked).await.expect("a token");
        let start = "grant_type=refresh_token&refresh_token=old+refresh+%26+token+%2B%25";
        let end = "audience=x&resource=urn%3Ar&client_id=app";
        let seen: Vec<_> = service.seen().into_iter().map(|seen| seen.body).collect();
        assert_eq!(seen, [format!("{start}&{end}"), format!("{start}&scope=mail&{end}")]);
    }
}

#[tokio::test]
async fn a_login_that_is_refused_needs_another() {
    let service = StandIn::start([answer(400, "{\"error\": \"invalid_grant\"}")]);
    let account = of_login("device_code", &service);
    let asked = MintRequest { errand: crate::secret::Errand::new("graph", ""), ..spending() };
    let failure = account.mint(&asked).await.expect_err("refused");
    assert_eq!((failure.class, failure.kind), (Class::LoginNeeded, "invalid-grant"));
    assert_eq!(failure.hint, "`tok login graph`");
}
