//! What the service is told and asked of tokens: revocation and introspection.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::provider::Class;
use crate::provider::stand_in::{Account, Answer, NOW, StandIn, answer, moment, secret};
use crate::secret::Errand;

fn asking() -> Asking {
    Asking { now: moment(0), errand: Errand::default() }
}

fn account(service: &StandIn, more: &str) -> Account {
    let url = service.url();
    let keys = format!("token_endpoint = '{url}/token'\nclient_id = 'app'\nclient_secret = $s$\n{more}");
    Account::read("oauth2", &keys)
}

fn tokens(refresh: bool, access: bool) -> Revocation {
    let token = |there: bool, text| there.then(|| Arc::new(secret(text)));
    Revocation { refresh_token: token(refresh, "hunter2 r"), access_token: token(access, "hunter2 a") }
}

async fn revoke(answers: &[Answer], tokens: &Revocation) -> (Result<Revoked, (Class, &'static str)>, usize) {
    let service = StandIn::start(answers.to_vec());
    let account = account(&service, &format!("revocation_endpoint = '{}/revoke'", service.url()));
    let revoked = account.revoke(tokens, &asking()).await;
    let revoked = revoked.map_err(|failure| {
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
        (failure.class, failure.kind)
    });
    (revoked, service.connections())
}

#[tokio::test]
async fn the_refresh_token_is_revoked_first_and_then_the_access_token() {
    let service = StandIn::start(vec![answer(200, ""); 2]);
    let more = format!(
        "revocation_endpoint = '{}/revoke'\nextra = {{ t = '1', revocation = {{ u = '2' }} }}",
        service.url()
    );
    let revoked = account(&service, &more).revoke(&tokens(true, true), &asking()).await;
    assert_eq!(revoked, Ok(Revoked::Done));
    let seen = service.seen();
    assert_eq!(service.lines(), ["POST /revoke", "POST /revoke"]);
    assert_eq!(seen[0].body, "token=hunter2+r&token_type_hint=refresh_token&u=2");
    assert_eq!(seen[1].body, "token=hunter2+a&token_type_hint=access_token&u=2");
    assert!(seen.iter().all(|seen| seen.header("authorization") == Some("Basic YXBwOnM=")));
}

#[tokio::test]
async fn where_there_is_no_endpoint_none_is_asked() {
    let service = StandIn::start([]);
    let revoked = account(&service, "").revoke(&tokens(true, true), &asking()).await;
    assert_eq!((revoked, service.connections()), (Ok(Revoked::NotOffered), 0));
}

#[tokio::test]
async fn the_endpoint_may_be_in_the_metadata() {
    let service = StandIn::start([]);
    let url = service.url();
    let metadata = json!({
        "issuer": url,
        "token_endpoint": format!("{url}/token"),
        "revocation_endpoint": format!("{url}/revoke"),
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    });
    service.then([answer(200, &metadata.to_string()), answer(200, "{}")]);
    let keys = format!("issuer = '{url}'\nclient_id = 'app'\nclient_secret = $s$");
    let revoked = Account::read("oauth2", &keys).revoke(&tokens(false, true), &asking()).await;
    assert_eq!(revoked, Ok(Revoked::Done));
    let form = "token=hunter2+a&token_type_hint=access_token&client_id=app&client_secret=s";
    assert_eq!(service.seen()[1].body, form);
}

#[tokio::test]
async fn what_a_service_answers_to_a_revocation() {
    let error = |status, code: &str| {
        let description = "hunter2 r hunter2 a";
        answer(status, &json!({"error": code, "error_description": description}).to_string())
    };
    let ok = || answer(200, "");
    let unsupported = || error(400, "unsupported_token_type");
    let both = tokens(true, true);
    for (answers, wanted) in [
        (vec![ok(), ok()], (Ok(Revoked::Done), 2)),
        (vec![ok(), unsupported()], (Ok(Revoked::Done), 2)),
        // It went with the refresh token.
        (vec![ok(), error(400, "invalid_token")], (Ok(Revoked::Done), 2)),
        (vec![ok(), error(400, "invalid_request")], (Ok(Revoked::Done), 2)),
        (vec![ok(), answer(503, "")], (Err((Class::NotNow, "service-error")), 2)),
        (vec![unsupported(), ok()], (Ok(Revoked::NotOffered), 2)),
        (vec![error(401, "invalid_client")], (Err((Class::No, "refused")), 1)),
        (vec![error(200, "invalid_client")], (Err((Class::No, "refused")), 1)),
        (vec![answer(404, "")], (Err((Class::Doubtful, "unclear-refusal")), 1)),
        (vec![answer(200, "<html>")], (Err((Class::NotNow, "page")), 1)),
        (vec![answer(302, "")], (Err((Class::NotNow, "redirect")), 1)),
        (vec![error(503, "unsupported_token_type")], (Err((Class::NotNow, "service-error")), 1)),
        (vec![Answer::Closed], (Err((Class::NotNow, "reset")), 1)),
    ] {
        assert_eq!(revoke(&answers, &both).await, wanted);
    }
    assert_eq!(revoke(&[unsupported()], &tokens(false, true)).await, (Ok(Revoked::NotOffered), 1));
    assert_eq!(revoke(&[ok()], &tokens(true, false)).await, (Ok(Revoked::Done), 1));
    assert_eq!(revoke(&[], &tokens(false, false)).await, (Ok(Revoked::Done), 0));
}

#[tokio::test]
async fn a_token_is_asked_about_where_that_is_configured() {
    let service = StandIn::start([answer(200, &json!({"active": true, "exp": NOW + 60}).to_string())]);
    let more = format!(
        "introspection_endpoint = '{}/introspect'\nextra = {{ introspection = {{ u = '2' }} }}",
        service.url()
    );
    let account = account(&service, &more);
    assert!(account.can_probe());
    let probe = account.probe(&secret("a b"), &asking()).await;
    assert_eq!(probe, Ok(Probe::Alive(Some(Duration::from_secs(60)))));
    let seen = &service.seen()[0];
    assert_eq!(
        (seen.line.as_str(), seen.header("authorization")),
        ("POST /introspect", Some("Basic YXBwOnM="))
    );
    assert_eq!(seen.body, "token=a+b&token_type_hint=access_token&u=2");
}

#[tokio::test]
async fn metadata_alone_are_no_reason_to_ask_about_tokens() {
    let service = StandIn::start([]);
    assert!(!account(&service, "issuer = 'https://a.example'").can_probe());
}

#[tokio::test]
async fn what_a_service_says_of_a_token() {
    let says = |status, body: &Value| answer(status, &body.to_string());
    for (answered, wanted) in [
        (says(200, &json!({"active": true})), Ok(Probe::Alive(None))),
        (says(200, &json!({"active": true, "exp": "soon"})), Ok(Probe::Alive(None))),
        (says(200, &json!({"active": true, "exp": NOW - 60})), Ok(Probe::Alive(None))),
        (says(200, &json!({"active": false, "exp": NOW + 60})), Ok(Probe::Dead)),
        (says(200, &json!({"active": "true"})), Ok(Probe::Unknown)),
        (says(200, &json!({})), Err((Class::NotNow, "bad-answer"))),
        (answer(200, ""), Err((Class::NotNow, "bad-answer"))),
        (answer(200, "<html>"), Err((Class::NotNow, "page"))),
        (says(401, &json!({"error": "invalid_client"})), Err((Class::No, "refused"))),
        (says(200, &json!({"error": "invalid_client"})), Err((Class::No, "refused"))),
        (says(401, &json!({"active": false})), Err((Class::Doubtful, "unclear-refusal"))),
        (answer(429, ""), Err((Class::NotNow, "rate-limited"))),
        (answer(500, ""), Err((Class::NotNow, "service-error"))),
    ] {
        let service = StandIn::start([answered]);
        let more = format!("introspection_endpoint = '{}/introspect'", service.url());
        let said = account(&service, &more).probe(&secret("hunter2"), &asking()).await;
        assert_eq!(said.map_err(|failure| (failure.class, failure.kind)), wanted);
    }
}
