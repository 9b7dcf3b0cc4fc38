//! Client credentials, from the configuration to the token.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::TOKEN;
use super::*;
use crate::provider::http::Reply;
use crate::provider::stand_in::{Account, Answer, NOW, StandIn, answer, moment, request, token};
use crate::provider::verdict::testing::{class, respects_the_shared_rows};
use crate::provider::{Class, jwt};

const SECRET: &str = "s+cret %&=:ü";

fn account(keys: &str) -> Account {
    Account::read("oauth2", &format!("client_id = 'svc:app'\nclient_secret = ${SECRET}$\n{keys}"))
}

fn at(service: &StandIn, more: &str) -> Account {
    account(&format!("token_endpoint = '{}/token'\n{more}", service.url()))
}

fn good() -> Answer {
    answer(200, r#"{"access_token": "abc", "token_type": "Bearer", "expires_in": 3600}"#)
}

#[test]
fn the_table() {
    for code in [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "invalid_target",
    ] {
        for status in [200, 400, 401, 403] {
            assert_eq!(class(TOKEN, status, "{}", Some(code)), Class::No, "{status} {code}");
        }
        assert_eq!(class(TOKEN, 400, "<html>", Some(code)), Class::NotNow);
    }
    for code in ["server_error", "temporarily_unavailable", "slow_down"] {
        assert_eq!(class(TOKEN, 400, "{}", Some(code)), Class::NotNow, "{code}");
    }
    for (status, body, code, wanted) in [
        (400, "{}", Some("access_denied"), Class::Doubtful),
        (200, "{}", Some("bad_verification_code"), Class::Doubtful),
        (400, "", None, Class::Doubtful),
        (401, "", None, Class::Doubtful),
        (403, "<html>", None, Class::NotNow),
        (404, "", None, Class::Doubtful),
        (200, "{}", None, Class::NotNow),
    ] {
        assert_eq!(class(TOKEN, status, body, code), wanted, "{status} {body} {code:?}");
    }
    respects_the_shared_rows(TOKEN, &["invalid_client", "server_error", "what"]);
}

fn read(body: &Value) -> Result<Minted, Failure> {
    answer::read(&Reply::pretend(200, &body.to_string()), moment(0), Purpose::Token, &Held::default())
}

#[test]
fn a_token_answer_may_be_odd() {
    let life = |expires_in: Value| {
        let minted = read(&json!({"access_token": "abc", "expires_in": expires_in}));
        minted.map(|minted| minted.lifetime.map(|life| life.as_secs())).map_err(|failure| failure.kind)
    };
    assert_eq!(life(json!(3600)), Ok(Some(3600)));
    assert_eq!(life(json!("3600")), Ok(Some(3600)));
    assert_eq!(life(json!(3600.0)), Ok(Some(3600)));
    assert_eq!(life(json!(0)), Ok(None));
    assert_eq!(life(json!(null)), Ok(None));
    assert_eq!(life(json!(1e300)), Ok(Some(315_360_000)));
    assert_eq!(life(json!(-1)), Err("bad-expiry"));
    let scope = |scope: Value| read(&json!({"access_token": "abc", "scope": scope})).expect("a token").scope;
    assert_eq!(scope(json!("a b")), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(scope(json!(["a", "b"])), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(scope(json!(null)), None);
}

#[test]
fn the_type_of_a_token_is_bearer_in_any_case() {
    let kind = |token_type: Value| {
        let minted = read(&json!({"access_token": "abc", "token_type": token_type}));
        minted.map(drop).map_err(|failure| (failure.class, failure.kind))
    };
    for good in [json!("bearer"), json!("Bearer"), json!("BEARER"), json!(""), json!(null)] {
        assert_eq!(kind(good), Ok(()));
    }
    for bad in ["mac", "DPoP", "N_A"] {
        assert_eq!(kind(json!(bad)), Err((Class::Doubtful, "unsupported-token-type")), "{bad}");
    }
}

#[test]
fn a_token_that_says_itself_when_it_ends_is_believed_where_nobody_else_says() {
    let jwt = |left: i64| jwt::testing::forge(&json!({"exp": NOW + left}));
    let life = |body: Value| read(&body).map(|minted| minted.lifetime).map_err(|failure| failure.kind);
    assert_eq!(life(json!({"access_token": jwt(60)})), Ok(Some(Duration::from_secs(60))));
    assert_eq!(life(json!({"access_token": jwt(-1)})), Err("bad-expiry"));
    assert_eq!(life(json!({"access_token": jwt(-1), "expires_in": 5})), Ok(Some(Duration::from_secs(5))));
}

#[test]
fn what_holds_no_token_is_classified() {
    let kind = |status, body: &str| {
        let failure =
            answer::read(&Reply::pretend(status, body), moment(0), Purpose::Token, &Held::default())
                .expect_err(body);
        (failure.class, failure.kind)
    };
    for (status, body, wanted) in [
        (200, "", (Class::NotNow, "bad-answer")),
        (200, "{}", (Class::NotNow, "bad-answer")),
        (200, "<html>", (Class::NotNow, "page")),
        (200, "{\"access_token\": \"\"}", (Class::NotNow, "bad-token")),
        (200, "{\"access_token\": \"a b\"}", (Class::NotNow, "bad-token")),
        (200, "{\"access_token\": 1}", (Class::NotNow, "bad-answer")),
        (200, "{\"error\": \"invalid_client\"}", (Class::No, "refused")),
        (200, "{\"error\": \"invalid_client\", \"access_token\": \"abc\"}", (Class::No, "refused")),
        (400, "{\"access_token\": \"abc\"}", (Class::Doubtful, "unclear-refusal")),
        (403, "<HTML>", (Class::NotNow, "page")),
        (400, "{\"error\": {\"code\": \"invalid_client\"}}", (Class::Doubtful, "unclear-refusal")),
    ] {
        assert_eq!(kind(status, body), wanted, "{status} {body}");
    }
}

#[tokio::test]
async fn the_secret_goes_into_the_header_each_part_encoded() {
    let service = StandIn::start([good()]);
    let more = "scope = ['a', 'b']\naudience = 'x'\nresource = ['https://r.example', 'urn:s']\n\
                extra = { tenant = 't 1' }";
    let minted = at(&service, more).get().await.expect("a token");
    assert_eq!((token(&minted), minted.lifetime), ("abc", Some(Duration::from_secs(3600))));
    let seen = &service.seen()[0];
    assert_eq!(seen.line, "POST /token");
    // echo -n 'svc%3Aapp:s%2Bcret+%25%26%3D%3A%C3%BC' | base64
    let basic = "Basic c3ZjJTNBYXBwOnMlMkJjcmV0KyUyNSUyNiUzRCUzQSVDMyVCQw==";
    assert_eq!(seen.header("authorization"), Some(basic));
    let form = "grant_type=client_credentials&scope=a+b&audience=x\
                &resource=https%3A%2F%2Fr.example&resource=urn%3As&tenant=t+1";
    assert_eq!(seen.body, form);
}

#[tokio::test]
async fn the_secret_goes_into_the_body_where_that_is_configured() {
    let service = StandIn::start([good()]);
    at(&service, "token_endpoint_auth_method = 'client_secret_post'").get().await.expect("a token");
    let seen = &service.seen()[0];
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(
        seen.body,
        "grant_type=client_credentials&client_id=svc%3Aapp&client_secret=s%2Bcret+%25%26%3D%3A%C3%BC"
    );
}

#[tokio::test]
async fn a_callers_scope_and_audience_take_the_place_of_the_accounts() {
    let service = StandIn::start([good()]);
    let account = at(&service, "scope = ['a']\naudience = ['x']");
    let mut asked = request();
    asked.scope = Some(vec!["b".to_owned(), "c".to_owned()]);
    asked.audience = Some(vec!["y".to_owned(), "z".to_owned()]);
    account.mint(&asked).await.expect("a token");
    assert_eq!(service.seen()[0].body, "grant_type=client_credentials&scope=b+c&audience=y&audience=z");
    asked.scope = Some(vec!["b admin".to_owned()]);
    assert_eq!(account.mint(&asked).await.expect_err("one word").kind, "bad-scope");
}

#[tokio::test]
async fn a_secret_that_the_service_repeats_is_not_shown() {
    let body = json!({
        "error": "invalid_client",
        "error_description": format!(
            "bad secret {SECRET} s%2bcret%20%25%26%3d%3a%c3%bc c3ZjJTNBYXBwOnMlMkJjcmV0KyUyNSUyNiUzRCUzQSVDMyVCQw=="
        ),
    });
    let service = StandIn::start([answer(401, &body.to_string())]);
    let failure = at(&service, "").get().await.expect_err("a refusal");
    assert_eq!((failure.class, failure.kind), (Class::No, "refused"));
    assert!(failure.message.ends_with("(401 invalid_client: bad secret … … …==)"), "{}", failure.message);
}

fn metadata(service: &StandIn) -> Answer {
    let url = service.url();
    answer(200, &json!({"issuer": format!("{url}/t"), "token_endpoint": format!("{url}/token")}).to_string())
}

/// Starts a service that knows its own address.
fn discovering(answers: impl Fn(&StandIn) -> Vec<Answer>) -> (StandIn, Account) {
    let service = StandIn::start([]);
    service.then(answers(&service));
    let account = account(&format!("issuer = '{}/t'", service.url()));
    (service, account)
}

const OPENID: &str = "GET /t/.well-known/openid-configuration";
const OAUTH: &str = "GET /.well-known/oauth-authorization-server/t";

#[tokio::test]
async fn the_endpoint_is_discovered_once_an_hour_and_the_old_one_does_in_need() {
    let (service, account) = discovering(|service| {
        let renewed = [metadata(service), good()];
        [metadata(service), good(), good(), answer(503, ""), good(), good()]
            .into_iter()
            .chain(renewed)
            .collect()
    });
    // After a failure the old one does for a minute, and nothing more is asked for.
    for seconds in [0, 3599, 3600, 3659, 3660] {
        account.mint(&MintRequest { now: moment(seconds), ..request() }).await.expect("a token");
    }
    let post = "POST /token";
    assert_eq!(service.lines(), [OPENID, post, post, OPENID, post, post, OPENID, post]);
}

#[tokio::test]
async fn the_other_place_is_tried_where_the_first_has_nothing() {
    for nothing in [answer(404, ""), answer(200, "<html>the app</html>"), answer(403, "{}")] {
        let (service, account) = discovering(|service| vec![nothing.clone(), metadata(service), good()]);
        account.get().await.expect("a token");
        assert_eq!(service.lines(), [OPENID, OAUTH, "POST /token"]);
    }
}

#[tokio::test]
async fn without_metadata_there_is_no_token() {
    for (first, second, wanted) in [
        (answer(404, ""), answer(404, ""), (Class::Doubtful, "unclear-refusal", 2)),
        (answer(404, ""), answer(200, "<html>"), (Class::NotNow, "page", 2)),
        (answer(200, "<html>"), answer(404, ""), (Class::NotNow, "page", 2)),
        (answer(503, ""), answer(404, ""), (Class::NotNow, "service-error", 1)),
        (answer(302, ""), answer(404, ""), (Class::NotNow, "redirect", 1)),
        (
            answer(200, "{\"issuer\": \"https://b.example\"}"),
            answer(404, ""),
            (Class::Doubtful, "bad-metadata", 2),
        ),
    ] {
        let (service, account) = discovering(|_| vec![first.clone(), second.clone()]);
        let failure = account.get().await.expect_err("a failure");
        assert_eq!((failure.class, failure.kind, service.lines().len()), wanted, "{failure}");
    }
}

#[test]
fn what_is_not_built_says_so() {
    let keys = "issuer = 'https://a.example'\nclient_id = 'x'\nclient_secret = $y$\n";
    for (more, words) in [
        ("token_endpoint_auth_method = 'tls_client_auth'", "tls_client_auth is not built yet"),
        ("userinfo_endpoint = 'https://a.example'", "asking the service about a user is not built yet"),
    ] {
        let found = Account::complaints("oauth2", &format!("{keys}{more}"));
        assert_eq!(found.len(), 1, "{more}: {found:#?}");
        assert!(found[0].contains(words), "{found:#?}");
    }
}

#[test]
fn mistakes_are_reported() {
    let keys = "client_id = 'x'\nclient_secret = $y$\n";
    for (more, words) in [
        ("", "`issuer` or `token_endpoint` is missing"),
        ("issuer = 'http://a.example'", "http to another machine"),
        ("issuer = 'https://a.example?x=y'", "has a query"),
        ("token_endpoint = 'https://a.example/#t'", "has a fragment"),
        ("issuer = 'https://a.example'\nurl = 'https://a.example'", "`url` has no effect"),
        ("issuer = 'https://a.example'\ngrant = 'client_credential'", "did you mean `client_credentials`?"),
        ("issuer = 'https://a.example'\nscope = ['a b']", "cannot be sent as one"),
        ("issuer = 'https://a.example'\nextra = { scope = 'a' }", "`extra` cannot say this"),
        ("issuer = 'https://a.example'\nextra = { refresh = { a = '1' } }", "`refresh` has no effect here"),
        (
            "issuer = 'https://a.example'\njwks_uri = 'http://a.example'",
            "`jwks_uri` is http to another machine",
        ),
        ("issuer = 'https://a.example'\nusername = 'u'", "`username` has no effect here"),
        (
            "token_endpoint = 'https://a.example'\njwks_uri = 'https://a.example'",
            "`jwks_uri` has no effect without `issuer`",
        ),
        ("issuer = 'https://a.example'\nsubject = { account = 'x' }", "`subject` has no effect here"),
        (
            "issuer = 'https://a.example'\nauthorization_endpoint = 'https://a.example/a'",
            "`authorization_endpoint` has no effect here",
        ),
        ("issuer = 'https://a.example'\nextra = { a = 1 }", "is a number"),
    ] {
        let found = Account::complaints("oauth2", &format!("{keys}{more}"));
        assert_eq!(found.len(), 1, "{more}: {found:#?}");
        assert!(found[0].contains(words), "{found:#?}");
    }
}

#[test]
fn what_it_is_and_shows() {
    let account = account("issuer = 'https://a.example/t'\nscope = ['a']");
    assert_eq!((account.scopes(), account.takes_audience()), (Some(&["a".to_owned()][..]), true));
    let identity = account.identity();
    assert_eq!((identity.origin.as_str(), identity.client.as_str()), ("https://a.example", "svc:app"));
    assert!(!format!("{:?} {:?}", &*account, account.describe()).contains("s+cret"));
}

#[tokio::test]
async fn a_user_name_and_a_password_are_traded_and_no_refresh_token_is_kept() {
    let service = StandIn::start(vec![answer(200, r#"{"access_token": "abc", "refresh_token": "r"}"#); 2]);
    let keys = format!(
        "token_endpoint = '{}/token'\ngrant = 'password'\nusername = 'al ice'\npassword = $p w%$\n\
         scope = ['a']\nextra = {{ t = '1', token = {{ u = '2' }} }}\n",
        service.url()
    );
    let nameless = Account::read("oauth2", &keys);
    let minted = nameless.get().await.expect("a token");
    assert_eq!((token(&minted), minted.refresh_token.is_none()), ("abc", true));
    Account::read("oauth2", &format!("{keys}client_id = 'app'")).get().await.expect("a token");
    let form = "grant_type=password&username=al+ice&password=p+w%25&scope=a&t=1&u=2";
    let seen: Vec<_> = service.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(seen, [form.to_owned(), format!("{form}&client_id=app")]);
    assert_eq!((nameless.identity().user.as_str(), nameless.sources().len()), ("al ice", 1));
    assert!(!format!("{:?} {:?}", &*nameless, nameless.describe()).contains("p w"));
}

#[tokio::test]
async fn what_is_written_is_used_and_the_metadata_are_not_asked() {
    let service = StandIn::start([good()]);
    let more = format!("issuer = 'https://a.example'\njwks_uri = '{}/keys'", service.url());
    at(&service, &more).get().await.expect("a token");
    assert_eq!(service.lines(), ["POST /token"]);
}

#[tokio::test]
async fn an_endpoint_that_turns_bad_is_not_used_and_the_old_one_does() {
    let (service, account) = discovering(|service| {
        let bad = json!({"issuer": format!("{}/t", service.url()), "token_endpoint": "http://a.example"});
        let bad = answer(200, &bad.to_string());
        vec![bad.clone(), metadata(service), good(), bad, good(), good()]
    });
    let failure = account.get().await.expect_err("a bad one");
    assert_eq!((failure.class, failure.kind), (Class::Doubtful, "bad-metadata"));
    for seconds in [1, 3601, 3660] {
        account.mint(&MintRequest { now: moment(seconds), ..request() }).await.expect("a token");
    }
    let post = "POST /token";
    assert_eq!(service.lines(), [OPENID, OPENID, post, OPENID, post, post]);
}
