//! ItsYou.online, asked directly and through a parent.

use serde_json::{Value, json};

use super::*;
use crate::provider::stand_in::{
    Account, Answer, NOW, Seen, StandIn, answer, answer_with, moment, request, token,
};
use crate::provider::verdict::testing::{class, respects_the_shared_rows};

fn account(url: &str, more: &str) -> Account {
    Account::read(
        "itsyouonline",
        &format!("url = '{url}'\nclient_id = 'app+key/1'\nclient_secret = $s &=%$\n{more}"),
    )
}

/// A JWT that lives this many seconds, with these claims beside `exp`.
fn jwt(left: i64, claims: &Value) -> String {
    let mut claims = claims.clone();
    claims["exp"] = (NOW + left).into();
    jwt::testing::forge(&claims)
}

fn bare(jwt: &str) -> Answer {
    answer_with(200, "Content-Type: application/jwt\r\n", jwt)
}

#[test]
fn the_table() {
    for (status, body, wanted) in [
        (400, "Bad Request\n", Class::No),
        (400, "", Class::No),
        (401, "Unauthorized\n", Class::No),
        (403, "", Class::Doubtful),
        (404, "", Class::Doubtful),
        (400, "<html>", Class::NotNow),
        (500, "", Class::NotNow),
    ] {
        assert_eq!(class(MINT, status, body, None), wanted, "{status} {body}");
    }
    respects_the_shared_rows(MINT, &[]);
}

#[tokio::test]
async fn a_jwt_is_asked_for_with_everything_in_the_body() {
    let service = StandIn::start([bare(&jwt(3600, &json!({"scope": ["user:name", "user:memberof:a"]})))]);
    let more = "scope = ['user:name', 'user:memberof:a']\naudience = ['x', 'y']\nvalidity = '1h'";
    let minted = account(&service.url(), more).get().await.expect("a JWT");
    assert_eq!(minted.lifetime, Some(Duration::from_secs(3600)));
    assert_eq!(minted.scope, Some(vec!["user:name".to_owned(), "user:memberof:a".to_owned()]));
    assert!(minted.warnings.is_empty(), "{:?}", minted.warnings);
    let seen = &service.seen()[0];
    assert_eq!(seen.line, "POST /v1/oauth/access_token");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "app+key/1"),
        ("client_secret", "s &=%"),
        ("response_type", "id_token"),
        ("scope", "user:name,user:memberof:a"),
        ("aud", "x,y"),
        ("validity", "3600"),
    ];
    assert_eq!(seen.form(), form.map(|(k, v)| (k.to_owned(), v.to_owned())));
}

#[test]
fn the_answer_is_a_bare_jwt_or_json() {
    let read = |body: &str| {
        let jwt = Jwt::read(&Reply::pretend(200, body));
        jwt.map(|jwt| jwt.text.expose().as_str().expect("text").to_owned()).map_err(|failure| failure.kind)
    };
    let jwt = jwt(60, &json!({}));
    for body in
        [jwt.clone(), format!("{jwt}\n"), json!(jwt).to_string(), json!({"access_token": jwt}).to_string()]
    {
        assert_eq!(read(&body), Ok(jwt.clone()));
    }
    assert_eq!(read("{\"access_token\": \"opaque\"}"), Err("bad-answer"));
    assert_eq!(read("opaque"), Err("bad-answer"));
    assert_eq!(read("{}"), Err("bad-answer"));
    assert_eq!(read("{\"access_token\": 1}"), Err("bad-answer"));
    assert_eq!(read("not yet ready"), Err("bad-token"));
    assert_eq!(read(""), Err("bad-token"));
    assert_eq!(read("<html>"), Err("page"));
}

#[tokio::test]
async fn an_expired_jwt_and_one_with_a_refresh_token_are_not_served() {
    let service = StandIn::start([bare(&jwt(0, &json!({}))), bare(&jwt(60, &json!({"refresh_token": "r"})))]);
    let account = account(&service.url(), "scope = ['user:name']");
    assert_eq!(account.get().await.expect_err("dead").kind, "bad-expiry");
    assert_eq!(account.get().await.expect_err("a parent").kind, "bad-answer");
}

#[tokio::test]
async fn without_a_scope_whoever_gets_the_token_is_warned() {
    let service = StandIn::start([
        bare(&jwt(60, &json!({"scope": ["user:admin"]}))),
        bare(&jwt(60, &json!({"scope": ["user:name"]}))),
    ]);
    let account = account(&service.url(), "");
    let warnings = account.get().await.expect("a JWT").warnings.concat();
    assert!(warnings.contains("user:admin"), "{warnings}");
    assert_eq!(account.get().await.expect("a JWT").warnings.len(), 1);
    assert!(service.seen().iter().all(|seen| seen.form().iter().all(|(name, _)| name != "scope")));
}

#[tokio::test]
async fn a_callers_scope_and_audience_take_the_place_of_the_accounts() {
    let service = StandIn::start([bare(&jwt(60, &json!({})))]);
    let account = account(&service.url(), "scope = ['a', 'offline_access']\naudience = 'x'");
    let mut asked = request();
    asked.scope = Some(vec!["b".to_owned()]);
    asked.audience = Some(vec!["y".to_owned()]);
    account.mint(&asked).await.expect("a JWT");
    let form = service.seen()[0].form();
    assert!(form.contains(&("scope".to_owned(), "b".to_owned())), "{form:?}");
    assert!(form.contains(&("aud".to_owned(), "y".to_owned())), "{form:?}");
    asked.scope = Some(vec!["b,user:admin".to_owned()]);
    assert_eq!(account.mint(&asked).await.expect_err("one word").kind, "bad-scope");
    assert_eq!(service.lines().len(), 1);
}

const OFFLINE_SCOPE: &str = "scope = ['user:name', 'offline_access']\naudience = ['x']\nvalidity = '10m'";
const KEY: &str = "POST /v1/oauth/access_token";
const CHILD: &str = "GET /v1/oauth/jwt?scope=user%3Aname&aud=x&validity=600";
const REFRESH: &str = "GET /v1/oauth/jwt/refresh";

fn parent(left: i64, number: u8) -> String {
    jwt(left, &json!({"refresh_token": "r", "scope": ["user:name"], "n": number}))
}

fn child(left: i64) -> String {
    jwt(left, &json!({"scope": ["user:name"]}))
}

/// Asks a service with these answers at these seconds; the lines of all requests, and what the last one brought.
async fn at(seconds: &[i64], answers: &[Answer]) -> (Vec<Seen>, Result<Minted, Failure>) {
    let service = StandIn::start(answers.to_vec());
    let account = account(&service.url(), OFFLINE_SCOPE);
    let mut last = None;
    for second in seconds {
        last = Some(account.mint(&MintRequest { now: moment(*second), ..request() }).await);
    }
    (service.seen(), last.expect("a result"))
}

fn lines(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|seen| seen.line.as_str()).collect()
}

#[tokio::test]
async fn the_parent_stays_here_and_its_children_are_served() {
    let answers = [bare(&parent(86400, 1)), bare(&child(600)), bare(&child(1200))];
    let (seen, minted) = at(&[0, 600], &answers).await;
    assert_eq!(lines(&seen), [KEY, CHILD, CHILD]);
    assert_eq!(seen[1].header("authorization"), Some(format!("bearer {}", parent(86400, 1)).as_str()));
    assert!(seen[0].form().contains(&("scope".to_owned(), "user:name,offline_access".to_owned())));
    assert!(seen[0].form().iter().all(|(name, _)| name != "validity"), "the parent is not shortened");
    assert_eq!(token(&minted.expect("a child")), child(1200));
}

#[tokio::test]
async fn a_parent_near_its_end_or_past_it_is_renewed() {
    for later in [86_300, 90_000] {
        let answers = [
            bare(&parent(86400, 1)),
            bare(&child(600)),
            bare(&parent(200_000, 2)),
            bare(&child(later + 600)),
        ];
        let (seen, minted) = at(&[0, later], &answers).await;
        assert_eq!(lines(&seen), [KEY, CHILD, REFRESH, CHILD]);
        assert_eq!(seen[3].header("authorization"), Some(format!("bearer {}", parent(200_000, 2)).as_str()));
        assert_eq!(token(&minted.expect("a child")), child(later + 600));
    }
}

#[tokio::test]
async fn a_parent_that_cannot_be_renewed_is_replaced_by_the_key() {
    let answers = [
        bare(&parent(86400, 1)),
        bare(&child(600)),
        answer(401, ""),
        answer(401, ""),
        bare(&parent(86400, 2)),
        bare(&child(1200)),
    ];
    let (seen, minted) = at(&[0, 600], &answers).await;
    assert_eq!(lines(&seen), [KEY, CHILD, CHILD, REFRESH, KEY, CHILD]);
    assert_eq!(token(&minted.expect("a child")), child(1200));
}

#[tokio::test]
async fn a_scope_that_is_not_allowed_is_a_refusal_after_one_renewal() {
    let answers = [
        bare(&parent(86400, 1)),
        bare(&child(600)),
        answer(401, ""),
        bare(&parent(86400, 2)),
        answer(401, ""),
    ];
    let (seen, minted) = at(&[0, 600], &answers).await;
    assert_eq!(lines(&seen), [KEY, CHILD, CHILD, REFRESH, CHILD]);
    assert_eq!(minted.expect_err("a refusal").class, Class::No);
}

#[tokio::test]
async fn trouble_at_a_renewal_loses_no_parent() {
    // Near its end it still has a child.
    let answers = [bare(&parent(86400, 1)), bare(&child(600)), answer(503, ""), bare(&child(87_000))];
    let (seen, minted) = at(&[0, 86_300], &answers).await;
    assert_eq!(lines(&seen), [KEY, CHILD, REFRESH, CHILD]);
    assert_eq!(token(&minted.expect("a child")), child(87_000));
    // Past it, it waits.
    let answers = [
        bare(&parent(86400, 1)),
        bare(&child(600)),
        answer(503, ""),
        bare(&parent(200_000, 2)),
        bare(&child(91_000)),
    ];
    let (seen, minted) = at(&[0, 90_000, 90_001], &answers).await;
    assert_eq!(lines(&seen), [KEY, CHILD, REFRESH, REFRESH, CHILD]);
    assert_eq!(token(&minted.expect("a child")), child(91_000));
}

#[tokio::test]
async fn a_service_that_gives_no_refresh_token_is_put_up_with_and_said() {
    let (seen, minted) = at(&[0], &[bare(&child(600))]).await;
    assert_eq!(lines(&seen), [KEY]);
    assert!(minted.expect("a JWT").warnings.concat().contains("offline_access"));
}

#[tokio::test]
async fn a_child_without_a_configured_scope_has_its_parents() {
    let service = StandIn::start([
        bare(&jwt(86400, &json!({"refresh_token": "r", "scope": ["user:admin"]}))),
        bare(&jwt(600, &json!({"scope": ["user:admin"]}))),
    ]);
    let minted = account(&service.url(), "scope = ['offline_access']").get().await.expect("a child");
    assert_eq!(service.lines(), [KEY, "GET /v1/oauth/jwt?scope=user%3Aadmin"]);
    assert!(minted.warnings.concat().contains("user:admin"));
}

#[test]
fn what_it_is_and_shows() {
    let account = account("http://127.0.0.1:9/", "scope = ['a']");
    assert_eq!(account.presentation(), Presentation::Header { scheme: "bearer".to_owned() });
    assert_eq!((account.scopes(), account.takes_audience()), (Some(&["a".to_owned()][..]), true));
    assert_eq!(account.identity().client, "app+key/1");
    assert!(!format!("{:?} {:?}", &*account, account.describe()).contains("s &=%"));
}

#[test]
fn mistakes_are_reported() {
    let found = Account::complaints("itsyouonline", "scope = ['a,b']\nvalidity = '25h'\nclient_secret = $x$");
    assert_eq!(found.len(), 3, "{found:#?}");
}
