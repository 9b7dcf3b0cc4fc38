//! Tokens that are traded for others.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::provider::Class;
use crate::provider::stand_in::{Account, StandIn, answer, request, secret, token};

const TYPE: &str = "urn:ietf:params:oauth:token-type";

fn at(service: &StandIn, more: &str) -> Account {
    let keys = format!("token_endpoint = '{}/token'\ngrant = 'token_exchange'\n{more}", service.url());
    Account::read("oauth2", &keys)
}

fn borrowing(tokens: &[&str]) -> MintRequest {
    MintRequest { borrowed: tokens.iter().map(|text| Arc::new(secret(text))).collect(), ..request() }
}

#[tokio::test]
async fn the_tokens_of_other_accounts_are_traded() {
    let service = StandIn::start([answer(200, r#"{"access_token": "abc", "expires_in": 60}"#)]);
    let account = at(
        &service,
        "client_id = 'app'\nsubject = { account = 'x' }\nactor = { account = 'y', token = 'id_token' }\n\
         audience = 'urn:a'\nscope = ['s']",
    );
    let borrowed = |account: &str, id_token| Borrowed { account: account.to_owned(), id_token };
    assert_eq!(account.borrows(), [borrowed("x", false), borrowed("y", true)]);
    let minted = account.mint(&borrowing(&["t x", "t y"])).await.expect("a token");
    assert_eq!(token(&minted), "abc");
    let form: Vec<_> = service.seen()[0].form();
    let wanted = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", "t x"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("actor_token", "t y"),
        ("actor_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("scope", "s"),
        ("audience", "urn:a"),
        ("client_id", "app"),
    ];
    assert_eq!(form, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(account.sources().is_empty());
    let shown = format!("{:?}", account.describe());
    assert!(shown.contains("the account x") && shown.contains("the id token of the account y"), "{shown}");
}

#[tokio::test]
async fn a_token_from_a_source_is_a_jwt_unless_the_configuration_tells() {
    let service = StandIn::start(vec![answer(200, r#"{"access_token": "abc"}"#); 2]);
    let keys = "subject = $a.b.c$\n";
    let account = at(&service, keys);
    account.get().await.expect("a token");
    let more = format!("subject_token_type = '{TYPE}:saml2'\nrequested_token_type = '{TYPE}:id_token'");
    at(&service, &format!("{keys}{more}")).get().await.expect("a token");
    let [plain, typed] = &service.seen()[..] else { panic!("two requests") };
    let start = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=a.b.c\
                 &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3A";
    assert_eq!(plain.body, format!("{start}jwt"));
    let requested = "requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token";
    assert_eq!(typed.body, format!("{start}saml2&{requested}"));
    assert_eq!((account.sources().len(), account.borrows()), (1, Vec::new()));
}

#[tokio::test]
async fn a_token_that_is_not_at_hand_is_not_asked_without() {
    let service = StandIn::start([]);
    let account = at(&service, "subject = { account = 'x' }");
    let failure = account.get().await.expect_err("nothing borrowed");
    assert_eq!((failure.class, failure.kind), (Class::NotNow, "internal"));
    assert_eq!(service.connections(), 0);
}

#[tokio::test]
async fn what_comes_need_not_be_an_access_token() {
    let answered = |body: Value, more: &'static str| async move {
        let service = StandIn::start([answer(200, &body.to_string())]);
        let minted = at(&service, &format!("subject = $s$\n{more}")).get().await;
        minted.map(|minted| minted.warnings.len()).map_err(|failure| failure.kind)
    };
    let of = |token_type: &str, issued: &str| {
        let issued = format!("{TYPE}:{issued}");
        json!({"access_token": "abc", "token_type": token_type, "issued_token_type": issued})
    };
    let id_token = "requested_token_type = 'urn:ietf:params:oauth:token-type:id_token'";
    for (body, more, wanted) in [
        (of("N_A", "id_token"), id_token, Ok(0)),
        (of("n_a", "jwt"), "", Ok(0)),
        (of("N_A", "jwt"), id_token, Ok(1)),
        (of("Bearer", "access_token"), id_token, Ok(1)),
        (json!({"access_token": "abc", "token_type": "N_A"}), id_token, Ok(0)),
        (of("N_A", "access_token"), "", Err("unsupported-token-type")),
        (json!({"access_token": "abc", "token_type": "N_A"}), "", Err("unsupported-token-type")),
        (of("DPoP", "id_token"), id_token, Err("unsupported-token-type")),
    ] {
        assert_eq!(answered(body.clone(), more).await, wanted, "{body} {more}");
    }
}

#[tokio::test]
async fn a_refused_token_is_not_shown() {
    let body = json!({"error": "invalid_request", "error_description": "bad hunter2-hunter2"});
    let service = StandIn::start([answer(400, &body.to_string())]);
    let account = at(&service, "subject = { account = 'x' }");
    let failure = account.mint(&borrowing(&["hunter2-hunter2"])).await.expect_err("refused");
    assert_eq!((failure.class, failure.kind), (Class::No, "refused"));
    assert!(!format!("{failure:?}").contains("hunter2"));
}

#[test]
fn mistakes_are_reported() {
    let keys = "token_endpoint = 'https://a.example'\ngrant = 'token_exchange'\n";
    let subject = "subject = { account = 'x' }\n";
    for (more, words) in [
        (String::new(), "`subject` is missing"),
        ("subject = 'hunter2'".to_owned(), "is a secret, which is never written here"),
        ("subject = { account = '' }".to_owned(), "`account` is empty"),
        ("subject = { account = 'x', tokn = 'id_token' }".to_owned(), "did you mean `token`?"),
        ("subject = { account = 'x', token = 'refresh' }".to_owned(), "`token` is none of those"),
        (format!("{subject}subject_token_type = 'jwt'"), "`subject_token_type` is no URI"),
        (format!("{subject}actor_token_type = 'urn:x'"), "`actor_token_type` has no effect here"),
        (format!("{subject}client_secret = $s$"), "`client_id` is missing"),
        (format!("{subject}username = 'u'"), "`username` has no effect here"),
    ] {
        let found = Account::complaints("oauth2", &format!("{keys}{more}"));
        assert_eq!(found.len(), 1, "{more}: {found:#?}");
        assert!(found[0].contains(words) && !found[0].contains("hunter2"), "{found:#?}");
    }
}
