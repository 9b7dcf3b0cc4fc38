//! The tables of failures of all types, row by row: each type is given each odd answer that services are
//! known to give.
//!
//! docs/failures.md says the same for people.

mod rows;
mod transport;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::task::JoinSet;

use self::rows::{Expected, Row, rows};
use super::stand_in::{Account, Answer, NOW, StandIn, answer, answer_with, request, secret, token};
use super::{CarriedOut, Class, Defaults, Failure, MintRequest, Minted, jwt};

/// A type as it is configured here, by the name that the rows use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    LyveCloud,
    ItsYouOnline,
    /// With `offline_access`, once it has a parent.
    Offline,
    OpenvCloud,
    ClientCredentials,
    RefreshToken,
    /// Once a person has logged in.
    DeviceCode,
    Password,
    JwtBearer,
    TokenExchange,
    /// `http` with JSON pointers.
    Http,
    /// `http` with `refused = [400, 404]`.
    HttpRefused,
    /// `http` with `body = "text"`.
    HttpText,
}

use Type::*;

const TYPES: [Type; 13] = [
    LyveCloud,
    ItsYouOnline,
    Offline,
    OpenvCloud,
    ClientCredentials,
    RefreshToken,
    DeviceCode,
    Password,
    JwtBearer,
    TokenExchange,
    Http,
    HttpRefused,
    HttpText,
];

impl Type {
    fn kind(self) -> &'static str {
        match self {
            LyveCloud => "lyve-cloud",
            ItsYouOnline | Offline => "itsyouonline",
            OpenvCloud => "openvcloud",
            ClientCredentials | RefreshToken | DeviceCode | Password | JwtBearer | TokenExchange => "oauth2",
            Http | HttpRefused | HttpText => "http",
        }
    }

    /// The keys of an account at a service with this URL.
    fn keys(self, url: &str) -> String {
        let http = |more: &str, response: &str| {
            format!(
                "request = {{ url = '{url}/login', json = {{ key = '@{{secret:k}}' }} }}\n\
                 secrets = {{ k = $hunter2-hunter2$ }}\n\
                 response = {{ {response} }}\n{more}"
            )
        };
        let pointers = "token = '/data/token', expires_in = '/data/ttl'";
        let client = "client_id = 'app'\nclient_secret = $hunter2-hunter2$\n";
        match self {
            LyveCloud => {
                format!("url = '{url}'\naccount_id = 'a'\naccess_key = 'k'\nsecret = $hunter2-hunter2$\n")
            }
            ItsYouOnline => format!("url = '{url}'\n{client}scope = ['user:name']\n"),
            Offline => format!("url = '{url}'\n{client}scope = ['user:name', 'offline_access']\n"),
            OpenvCloud => format!("url = '{url}'\nusername = 'u'\npassword = $hunter2-hunter2$\n"),
            ClientCredentials => format!("token_endpoint = '{url}/token'\n{client}"),
            RefreshToken => format!(
                "token_endpoint = '{url}/token'\ngrant = 'refresh_token'\nclient_id = 'app'\n\
                 refresh_token = $first$\n"
            ),
            DeviceCode => format!(
                "token_endpoint = '{url}/token'\ngrant = 'device_code'\nclient_id = 'app'\n\
                 device_authorization_endpoint = '{url}/device'\n"
            ),
            Password => format!(
                "token_endpoint = '{url}/token'\ngrant = 'password'\n{client}username = 'u'\n\
                 password = $hunter2-pass$\n"
            ),
            JwtBearer => format!(
                "token_endpoint = '{url}/token'\ngrant = 'jwt_bearer'\nassertion = $hunter2-hunter2$\n"
            ),
            TokenExchange => format!(
                "token_endpoint = '{url}/token'\ngrant = 'token_exchange'\nsubject = {{ account = 'x' }}\n"
            ),
            Http => http("", pointers),
            HttpRefused => http("refused = [400, 404]\n", pointers),
            HttpText => http("", "body = 'text'"),
        }
    }

    fn account(self, url: &str, more: &str, defaults: &Defaults) -> Account {
        Account::try_read(self.kind(), &format!("{}{more}", self.keys(url)), defaults)
            .unwrap_or_else(|found| panic!("{found:#?}"))
    }

    /// What its service answers before the answer that the test is about.
    fn prelude(self) -> Vec<Answer> {
        match self {
            Offline => vec![answer(200, &parent()), answer(200, &child())],
            _ => Vec::new(),
        }
    }

    /// A token as its service gives it: the body, and the token in it.
    fn good(self) -> (String, String) {
        let opaque = || "abc".to_owned();
        match self {
            LyveCloud => (json!({"token": "abc", "expirationSec": 60}).to_string(), opaque()),
            ItsYouOnline | Offline => (child(), child()),
            OpenvCloud => ("\"abc\"".to_owned(), opaque()),
            ClientCredentials | RefreshToken | DeviceCode | Password | JwtBearer | TokenExchange => {
                (json!({"access_token": "abc"}).to_string(), opaque())
            }
            Http | HttpRefused => (json!({"data": {"token": "abc"}}).to_string(), opaque()),
            HttpText => (opaque(), opaque()),
        }
    }
}

fn parent() -> String {
    jwt::testing::forge(&json!({"exp": NOW + 86_400, "scope": ["user:name"], "refresh_token": "r"}))
}

fn child() -> String {
    jwt::testing::forge(&json!({"exp": NOW + 600, "scope": ["user:name"]}))
}

/// A request of an account of any type.
fn asking() -> MintRequest {
    let token = |text| Arc::new(secret(text));
    MintRequest {
        refresh_token: Some(token("spent-refresh-token")),
        borrowed: vec![token("hunter2-borrowed")],
        ..request()
    }
}

/// What an account of this type makes of an answer, and how many connections that took.
async fn ask(kind: Type, odd: &Answer, defaults: &Defaults) -> (Result<Minted, Failure>, usize) {
    let prelude = kind.prelude();
    let begun = prelude.len();
    // Through a parent there are three ways to a token, and all of them get the same answer.
    let times = if kind == Offline { 3 } else { 1 };
    let service = StandIn::start(prelude.into_iter().chain(vec![odd.clone(); times]));
    let account = kind.account(&service.url(), "", defaults);
    if begun > 0 {
        account.mint(&asking()).await.expect("a token to begin with");
    }
    let result = account.mint(&asking()).await;
    (result, service.connections() - begun)
}

fn seen(result: Result<Minted, Failure>) -> Result<&'static str, Expected> {
    match result {
        Ok(minted) => Ok(token(&minted)),
        Err(failure) => {
            let shown = format!("{failure:?}");
            for secret in ["hunter2", "spent-refresh"] {
                assert!(!shown.contains(secret), "{shown}");
            }
            assert!(!failure.message.is_empty() && !failure.hint.is_empty());
            Err((failure.class, failure.kind, failure.carried_out))
        }
    }
}

#[tokio::test]
async fn each_type_reads_each_odd_answer_as_its_table_says() {
    let hasty = Defaults { http_timeout: Duration::from_millis(1500), ..Defaults::default() };
    let mut wrong = Vec::new();
    for Row { what, answer, expected } in rows() {
        let mut asked = JoinSet::new();
        for kind in TYPES {
            let (answer, hasty) = (answer.clone(), hasty.clone());
            asked.spawn(async move {
                let defaults = if answer.is_silence() { hasty } else { Defaults::default() };
                (kind, ask(kind, &answer, &defaults).await)
            });
        }
        while let Some(done) = asked.join_next().await {
            let (kind, (result, connections)) = done.expect("an answer");
            let (seen, expected) = (seen(result), Err(expected(kind)));
            if seen != expected {
                wrong.push(format!("{what}, {kind:?}: {seen:?}, not {expected:?}"));
            }
            assert!(connections == 1 || kind == Offline, "{what}, {kind:?}: {connections} connections");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_token_is_taken_whatever_the_content_type_says() {
    for content_type in ["text/html", "text/plain; charset=utf-16", "application/octet-stream", "///", ""] {
        for kind in TYPES {
            let (body, token) = kind.good();
            let odd = answer_with(200, &format!("Content-Type: {content_type}\r\n"), &body);
            let (result, _) = ask(kind, &odd, &Defaults::default()).await;
            assert_eq!(seen(result), Ok(&*token), "{kind:?} {content_type:?}");
        }
    }
}

#[tokio::test]
async fn retry_after_is_honoured_in_every_form_and_with_every_failure() {
    for (value, wait) in [
        ("120", Some(120)),
        // A minute after what these tests take for now.
        ("Tue, 14 Nov 2023 22:14:20 GMT", Some(60)),
        ("86401", Some(86_400)),
        ("99999999999999999999999999", Some(86_400)),
        ("Mon, 14 Nov 2044 22:14:20 GMT", Some(86_400)),
        ("0", None),
        ("-7", None),
        ("1e3", None),
        ("soon", None),
        ("Tue, 14 Nov 2023 22:13:19 GMT", None),
    ] {
        for status in [302, 400, 408, 425, 429, 500, 503] {
            for kind in TYPES {
                let odd = answer_with(status, &format!("Retry-After: {value}\r\n"), "");
                let (result, _) = ask(kind, &odd, &Defaults::default()).await;
                let found = result.expect_err(value).retry_after.map(|wait| wait.as_secs());
                assert_eq!(found, wait, "{kind:?} {status} {value}");
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_is_never_followed_and_nothing_is_sent_on() {
    for status in [300, 301, 302, 303, 304, 307, 308] {
        for kind in TYPES {
            let elsewhere = StandIn::start([answer(200, &kind.good().0)]);
            let odd = answer_with(status, &format!("Location: {}/\r\n", elsewhere.url()), "");
            let (result, _) = ask(kind, &odd, &Defaults::default()).await;
            assert_eq!(seen(result), Err((Class::NotNow, "redirect", CarriedOut::No)), "{kind:?} {status}");
            assert_eq!(elsewhere.connections(), 0, "{kind:?} {status}");
        }
    }
}

/// How long a token is said to live, in the words of each type that says it beside the token.
fn living(kind: Type, told: &Value) -> String {
    let mut body = match kind {
        LyveCloud => json!({"token": "abc", "expirationSec": told}),
        Http | HttpRefused => json!({"data": {"token": "abc", "ttl": told}}),
        _ => json!({"access_token": "abc", "expires_in": told}),
    };
    if told == "missing" {
        body.as_object_mut()
            .expect("an object")
            .retain(|key, _| !matches!(&**key, "expirationSec" | "expires_in"));
        body["data"].as_object_mut().map(|data| data.remove("ttl"));
    }
    body.to_string()
}

#[tokio::test]
async fn a_lifetime_may_be_written_in_any_way() {
    const DEAD: Result<Option<u64>, &str> = Err("bad-expiry");
    const LONGEST: u64 = 315_360_000;
    for (told, life) in [
        (json!("missing"), Ok(None)),
        (json!(null), Ok(None)),
        (json!("soon"), Ok(None)),
        (json!(true), Ok(None)),
        (json!([60]), Ok(None)),
        (json!(60), Ok(Some(60))),
        (json!("60"), Ok(Some(60))),
        (json!(60.0), Ok(Some(60))),
        (json!(" 6e1 "), Ok(Some(60))),
        (json!(1e300), Ok(Some(LONGEST))),
        (json!("99999999999999999999"), Ok(Some(LONGEST))),
        (json!(-1), DEAD),
        (json!("-3600"), DEAD),
        (json!(-1e300), DEAD),
        (json!(0), Ok(None)),
        (json!("0"), Ok(None)),
    ] {
        for kind in
            [LyveCloud, ClientCredentials, RefreshToken, DeviceCode, Password, JwtBearer, TokenExchange, Http]
        {
            // What is left of a Lyve Cloud token is none.
            let is_zero = told == 0 || told == "0";
            let life = if kind == LyveCloud && is_zero { DEAD } else { life };
            let (result, _) = ask(kind, &answer(200, &living(kind, &told)), &Defaults::default()).await;
            let found = result.map(|minted| minted.lifetime.map(|life| life.as_secs()));
            assert_eq!(found.map_err(|failure| failure.kind), life, "{kind:?} {told}");
        }
    }
}

#[tokio::test]
async fn a_jwt_may_end_in_any_way() {
    for (end, life) in [
        (json!(NOW + 60), Ok(Some(60))),
        (json!((NOW + 60).to_string()), Ok(Some(60))),
        (json!(1e300), Ok(Some(315_360_000))),
        (json!("soon"), Ok(None)),
        (json!(null), Ok(None)),
        (json!(NOW), Err("bad-expiry")),
        (json!(0), Err("bad-expiry")),
        (json!(-1), Err("bad-expiry")),
    ] {
        for kind in [ItsYouOnline, Offline, HttpText] {
            let jwt = jwt::testing::forge(&json!({"exp": end, "scope": ["user:name"]}));
            let (result, _) = ask(kind, &answer(200, &jwt), &Defaults::default()).await;
            let found = result.map(|minted| minted.lifetime.map(|life| life.as_secs()));
            assert_eq!(found.map_err(|failure| failure.kind), life, "{kind:?} {end}");
        }
    }
}
