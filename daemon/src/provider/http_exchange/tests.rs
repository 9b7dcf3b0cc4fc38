//! Accounts of the type `http`, from the configuration to the token.

use serde_json::json;

use super::*;
use crate::provider::http::Reply;
use crate::provider::jwt;
use crate::provider::stand_in::{Account, NOW, StandIn, answer, request, token};
use crate::provider::verdict::testing::{class, respects_the_shared_rows};

/// INTERFACE's own example.
fn account(url: &str) -> Account {
    Account::read(
        "http",
        &format!(
            "request = {{ method = 'POST', url = '{url}/login', json = {{ user = 'svc', key = '@{{secret:key}}' }} }}\n\
             secrets = {{ key = $internal \"key\"&%+$ }}\n\
             response = {{ token = '/data/token', expires_in = '/data/ttl' }}"
        ),
    )
}

#[tokio::test]
async fn the_example_works() {
    let service = StandIn::start([answer(200, r#"{"data": {"token": "abc", "ttl": "60"}}"#)]);
    let minted = account(&service.url()).get().await.expect("a token");
    assert_eq!((token(&minted), minted.lifetime), ("abc", Some(Duration::from_secs(60))));
    let seen = &service.seen()[0];
    assert_eq!((seen.line.as_str(), seen.header("content-type")), ("POST /login", Some("application/json")));
    let body: serde_json::Value = serde_json::from_str(&seen.body).expect("JSON");
    assert_eq!(body, json!({"user": "svc", "key": "internal \"key\"&%+"}));
}

#[test]
fn the_table_is_refused() {
    let rows: Vec<_> = REFUSED.iter().map(|status| Row::status(*status, Class::No)).collect();
    for (status, body, wanted) in [
        (401, "{}", Class::No),
        (403, "", Class::No),
        (403, "<html>", Class::NotNow),
        (400, "{}", Class::Doubtful),
        (404, "", Class::Doubtful),
        (200, "{}", Class::NotNow),
    ] {
        assert_eq!(class(&rows, status, body, None), wanted, "{status} {body}");
    }
    respects_the_shared_rows(&rows, &[]);
}

/// The keys of a sound account, with the parts that a test is about.
fn keys(request: &str, response: &str, more: &str) -> String {
    format!("request = {{ url = 'http://127.0.0.1:9/login'{request} }}\nresponse = {{ {response} }}\n{more}")
}

#[tokio::test]
async fn forms_headers_and_queries_are_encoded_each_in_its_way() {
    let service = StandIn::start([answer(200, "abc\n"), answer(200, "abc")]);
    let text = format!(
        "request = {{ url = '{}/x?a=b', query = {{ q = 'c d' }}, form = {{ user = 'svc', key = '<@{{secret:k}}>' }}, \
         headers = {{ Authorization = 'Key @{{secret:k}}', X-A = 'plain', Content-Type = 'x/y' }} }}\n\
         secrets = {{ k = $s &=%$ }}\nresponse = {{ body = 'text', expiry = '30m' }}",
        service.url(),
    );
    let minted = Account::read("http", &text).get().await.expect("a token");
    assert_eq!((token(&minted), minted.lifetime), ("abc", Some(Duration::from_secs(1800))));
    let seen = &service.seen()[0];
    assert_eq!(seen.line, "POST /x?a=b&q=c+d");
    assert_eq!(seen.body, "key=%3Cs+%26%3D%25%3E&user=svc");
    assert_eq!((seen.header("authorization"), seen.header("x-a")), (Some("Key s &=%"), Some("plain")));

    assert_eq!(seen.header("content-type"), Some("x/y"));

    let get = format!(
        "request = {{ method = 'GET', url = '{}/x' }}\nresponse = {{ body = 'text' }}",
        service.url()
    );
    Account::read("http", &get).get().await.expect("a token");
    let seen = &service.seen()[1];
    assert_eq!((seen.line.as_str(), seen.header("content-type"), seen.body.as_str()), ("GET /x", None, ""));
}

#[tokio::test]
async fn json_keeps_its_shape_and_is_encoded_after_it_is_parsed() {
    let service = StandIn::start([answer(200, "abc")]);
    let text = format!(
        "response = {{ body = 'text' }}\nsecrets = {{ k = $\"}},\\$ }}\n[request]\nurl = '{}'\n\
         json = {{ a = [1, 2.5, true, 'x@{{secret:k}}y'], b = {{ c = 'ü', d = '@@{{literal}}' }}, e = [], f = {{}} }}",
        service.url(),
    );
    Account::read("http", &text).get().await.expect("a token");
    let body: serde_json::Value = serde_json::from_str(&service.seen()[0].body).expect("JSON");
    assert_eq!(
        body,
        json!({"a": [1, 2.5, true, "x\"},\\y"], "b": {"c": "ü", "d": "${literal}"}, "e": [], "f": {}}),
    );
}

#[tokio::test]
async fn a_secret_that_does_not_fit_its_place_is_a_fault_of_the_source() {
    let service = StandIn::start([]);
    for place in ["headers = { X = '@{secret:k}' }", "json = '@{secret:k}'"] {
        // A line break in a header; bytes that are no UTF-8 cannot be put into this text, so JSON takes it.
        let text = format!(
            "request = {{ url = '{}', {place} }}\nsecrets = {{ k = $hunter2\nhunter2$ }}\nresponse = {{ body = 'text' }}",
            service.url(),
        );
        let failure = Account::read("http", &text).get().await.expect_err("a failure");
        assert!(!format!("{failure:?}").contains("hunter2"));
        assert_eq!(failure.kind, if place.starts_with("headers") { "bad-secret" } else { "reset" });
    }
    assert_eq!(service.seen().len(), 0);
}

fn mint(response: &str, body: &str) -> Result<Minted, Failure> {
    let mut read = None;
    crate::provider::stand_in::with_table(response, |table| read = Response::read(table));
    read.expect("a response").mint(&Reply::pretend(200, body), &request())
}

#[test]
fn the_token_and_its_end_are_where_the_configuration_says() {
    let life = |response: &str, body: &str| {
        let minted = mint(response, body);
        minted.map(|minted| minted.lifetime.map(|life| life.as_secs())).map_err(|failure| failure.kind)
    };
    let at = |end: &str| format!("{{\"t\": \"abc\", \"at\": {end}}}");
    let expires_at = "token = '/t'\nexpires_at = '/at'";
    assert_eq!(life("token = '/t'", "{\"t\": \"abc\"}"), Ok(None));
    assert_eq!(life("token = '/t'\nexpires_in = '/x/0'", "{\"t\": \"abc\", \"x\": [5]}"), Ok(Some(5)));
    assert_eq!(life("token = '/t'\nexpires_in = '/x'", "{\"t\": \"abc\", \"x\": -5}"), Err("bad-expiry"));
    assert_eq!(life("token = '/t'\nexpires_in = '/x'", "{\"t\": \"abc\"}"), Ok(None));
    assert_eq!(life(expires_at, &at("\"2023-11-14T22:14:20Z\"")), Ok(Some(60)));
    assert_eq!(life(expires_at, &at(&(NOW + 60).to_string())), Ok(Some(60)));
    assert_eq!(life(expires_at, &at(&(NOW - 60).to_string())), Err("bad-expiry"));
    assert_eq!(life("token = ''\nexpiry = '30m'", "\"abc\""), Ok(Some(1800)));
    let forged = jwt::testing::forge(&json!({"exp": NOW + 60}));
    assert_eq!(life("body = 'text'\nexpiry = 'jwt'", &forged), Ok(Some(60)));
    assert_eq!(life("token = '/t'\nexpiry = 'jwt'", &json!({"t": forged}).to_string()), Ok(Some(60)));
    assert_eq!(life("body = 'text'\nexpiry = 'jwt'", "opaque"), Err("bad-answer"));
    assert_eq!(life("body = 'text'", "two words"), Err("bad-token"));
    assert_eq!(life("body = 'text'", ""), Err("bad-token"));
    for body in ["", "{", "{}", "{\"t\": null}", "{\"t\": {}}", "[]"] {
        assert_eq!(life("token = '/t'", body), Err("bad-answer"), "{body}");
    }
}

#[test]
fn a_credential_may_have_more_fields_and_a_scope() {
    let response = "token = '/s'\nfields = { access_key = '/a', secret_key = '/k' }\nscope = '/scope'";
    let minted =
        mint(response, r#"{"s": "abc", "a": "AKIA", "k": 7, "scope": "x y"}"#).expect("a credential");
    let fields: Vec<_> = minted
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose().as_str().expect("text").to_owned()))
        .collect();
    let wanted = [("token", "abc"), ("access_key", "AKIA"), ("secret_key", "7")];
    assert_eq!(fields, wanted.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(minted.scope, Some(vec!["x".to_owned(), "y".to_owned()]));
    assert_eq!(mint(response, r#"{"s": "abc", "a": "AKIA"}"#).expect_err("no key").kind, "bad-answer");
}

#[tokio::test]
async fn refused_says_what_a_no_is_and_the_services_words_come_without_secrets() {
    let body = r#"{"code": 7, "message": "no key internal \"key\"&%+ here"}"#;
    let service = StandIn::start([answer(401, body), answer(403, "<html>"), answer(422, "{}")]);
    let account = account(&service.url());
    let failure = account.get().await.expect_err("a refusal");
    assert_eq!((failure.class, failure.kind), (Class::No, "refused"));
    assert!(failure.message.ends_with("(401 no key … here)"), "{failure}");
    assert_eq!(account.get().await.expect_err("a page").class, Class::NotNow);
    assert_eq!(account.get().await.expect_err("a doubt").class, Class::Doubtful);

    let service = StandIn::start([answer(422, "{}"), answer(401, "{}")]);
    let text =
        format!("request = {{ url = '{}' }}\nresponse = {{ body = 'text' }}\nrefused = [422]", service.url());
    let account = Account::read("http", &text);
    assert_eq!(account.get().await.expect_err("a refusal").class, Class::No);
    assert_eq!(account.get().await.expect_err("a doubt").class, Class::Doubtful);
}

const SECRET: &str = "secrets = { k = $x$ }";
const KEY: &str = "secrets = { key = $x$ }";

/// More keys of the request, the keys of the response, more keys of the account, and what is said.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    ("", "body = 'text'", SECRET, "no placeholder names this secret"),
    (", json = '@{secret:j}'", "body = 'text'", "", "names no secret"),
    (
        ", json = { a = '@{secret:kez}', b = '@{secret:key}' }",
        "body = 'text'",
        KEY,
        "did you mean `@{secret:key}`",
    ),
    (", json = '@{env:HOME}'", "body = 'text'", "", "has a placeholder that is not"),
    (", json = { '@{secret:k}' = '@{secret:k}' }", "body = 'text'", SECRET, "a name has a placeholder"),
    (", form = { '@{secret:k}' = '@{secret:k}' }", "body = 'text'", SECRET, "a name has a placeholder"),
    (
        ", query = { a = '@{secret:k}' }, json = '@{secret:k}'",
        "body = 'text'",
        SECRET,
        "`query` has a placeholder",
    ),
    (", json = 'a', form = { b = 'c' }", "body = 'text'", "", "a request has one body"),
    (", method = 'GET', json = 'a'", "body = 'text'", "", "a GET has no body"),
    (", method = 'POTS'", "body = 'text'", "", "did you mean `POST`"),
    (", headers = { Authorization = 'Bearer hunter2' }", "body = 'text'", "", "cannot be set here"),
    (", headers = { Host = 'a' }", "body = 'text'", "", "cannot be set here"),
    (", body = 'x'", "body = 'text'", "", "unknown key `body`"),
    ("", "", "", "nothing says where the token is"),
    ("", "token = '/a', body = 'text'", "", "both `token` and `body`"),
    ("", "token = 'a'", "", "is no JSON pointer"),
    ("", "body = 'json'", "", "none of those"),
    ("", "body = 'text', expires_in = '/a'", "", "no JSON pointers into it"),
    ("", "token = '/a', expires_in = '/b', expiry = '30m'", "", "said twice"),
    ("", "body = 'text', expiry = 'soon'", "", "is not a duration"),
    ("", "body = 'text', expiry = 30", "", "is not a duration"),
    ("", "token = '/a', fields = { token = '/b' }", "", "the first field is the token"),
    ("", "body = 'text'", "refused = [200]", "no refusal"),
    ("", "body = 'text'", "refused = [429]", "no refusal"),
    ("", "body = 'text'", "refused = 401", "no refusal"),
    ("", "body = 'text'", "url = 'https://a.example'", "`url` has no effect"),
];

#[test]
fn mistakes_are_reported() {
    for (request, response, more, words) in MISTAKES {
        let found = Account::complaints("http", &keys(request, response, more));
        assert_eq!(found.len(), 1, "{request} {response} {more}: {found:#?}");
        assert!(found[0].contains(&words.replace("@{", "${")), "{found:#?}");
        assert!(!found[0].contains("hunter2"), "{found:#?}");
    }
    let found = Account::complaints("http", "refused = []").concat();
    assert!(found.contains("`request` is missing") && found.contains("`response` is missing"), "{found}");
}

#[test]
fn a_placeholder_in_the_url_is_refused_and_said_why() {
    for url in
        ["https://@{secret:k}.example", "https://a.example/@{secret:k}", "https://a.example/?k=@{secret:k}"]
    {
        let text = format!(
            "request = {{ url = '{url}', json = '@{{secret:k}}' }}\nresponse = {{ body = 'text' }}\nsecrets = {{ k = $x$ }}"
        );
        let found = Account::complaints("http", &text);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains("URLs end in logs"), "{found:#?}");
    }
}

#[test]
fn who_asks_is_part_of_the_identity() {
    let identity = |user: &str| {
        let text = keys(&format!(", json = {{ user = '{user}' }}"), "body = 'text'", "");
        Account::read("http", &text).identity()
    };
    assert_eq!(identity("a"), identity("a"));
    assert_ne!(identity("a"), identity("b"));
    assert_eq!(identity("a").origin, "http://127.0.0.1:9");
}
