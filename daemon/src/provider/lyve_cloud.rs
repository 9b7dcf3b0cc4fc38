//! Lyve Cloud Account API v2: account id, access key and secret become a session token.
//!
//! Source: "Lyve Cloud Account API version 2 Guide", Authentication; what differs in the wild is said where it matters.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokend_proto::Secret;
use url::Url;

use super::http::address::{self, Query};
use super::http::{Http, Reply, Request};
use super::lifetime::{self, Dead, dead};
use super::login::Asking;
use super::verdict::{Row, judge, unusable};
use super::words::{Held, Members, Words};
use super::{
    Class, Defaults, Door, Failure, Identity, MintRequest, Minted, Pending, Probe, Provider, jwt, token,
};
use crate::clock::Moment;
use crate::document::Table;
use crate::secret::Source;

/// Answers to `POST /v2/auth/token`. A 400 with another code is none of the document's, so three tries.
const MINT: &[Row] = &[Row::status(403, Class::No), Row::codes(400, &["InvalidArgument"], Class::No)];

/// Answers to `GET /v2/auth/token` that call the token dead; the document has them as 400.
const DEAD_CODES: [&str; 2] = ["ExpiredToken", "InvalidToken"];

const WORDS: Members = Members { code: &["code"], description: &["message"] };
const CREDENTIALS: &str = "account_id, access_key and secret";
const PATH: &str = "/v2/auth/token";

#[derive(Debug)]
struct LyveCloud {
    http: Http,
    base: Url,
    endpoint: Url,
    account_id: String,
    access_key: String,
    secret: Source,
    secret_timeout: Duration,
}

/// Reads `url`, `account_id`, `access_key`, `secret`.
pub(super) fn read(table: &mut Table<'_>, defaults: &Defaults) -> Option<Box<dyn Provider>> {
    let http = Http::read(table, defaults);
    let base = address::read_or(table, "url", "https://api.lyvecloud.seagate.com", Query::Refused);
    let account_id = table.required_string("account_id");
    let access_key = table.required_string("access_key");
    let secret = Source::required(table, "secret", &defaults.reach);
    let base = base?;
    Some(Box::new(LyveCloud {
        http,
        // The document's own base URL ends in /v2.
        endpoint: address::under(&base, &[PATH, "/v2"], PATH),
        base,
        account_id: account_id?.value,
        access_key: access_key?.value,
        secret: secret?,
        secret_timeout: defaults.command_timeout,
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credentials<'a> {
    account_id: &'a str,
    access_key: &'a str,
    secret: &'a str,
}

impl LyveCloud {
    async fn exchange(&self, asked: &MintRequest) -> Result<Minted, Failure> {
        let secret = self.secret.fetch(&asked.errand, self.secret_timeout).await?;
        let mut held = Held::one(&secret);
        held.add(self.access_key.as_bytes());
        let request = Request::post(self.endpoint.clone()).json(&Credentials {
            account_id: &self.account_id,
            access_key: &self.access_key,
            secret: token::text_in(&secret.expose(), "secret")?,
        });
        let reply = self.http.send(request, asked.now).await?;
        Self::read_token(&reply, asked, &held)
    }

    fn read_token(reply: &Reply, asked: &MintRequest, held: &Held) -> Result<Minted, Failure> {
        let body = reply.json();
        let text = body.as_ref().filter(|_| reply.is_success()).and_then(|body| body.get("token")?.as_str());
        let Some(text) = text else {
            return Err(judge(reply, MINT, &Words::read(body.as_ref(), WORDS, held), CREDENTIALS));
        };
        let token = token::accept_from(text.as_bytes(), reply)?;
        let lifetime = match remaining(body.as_ref()) {
            // Nobody said, but the token may: it is a JWT, says the document.
            Ok(None) => jwt::life(&token, asked.now.wall, reply.date),
            told => told,
        };
        let lifetime = lifetime.map_err(|Dead| dead(&reply.host))?;
        Ok(Minted { lifetime, date: reply.date, ..Minted::of(token) })
    }

    async fn ask_about(&self, token: &Secret, now: Moment) -> Result<Probe, Failure> {
        let request = Request::get(self.endpoint.clone()).bearer("Bearer", token)?;
        let reply = self.http.send(request, now).await?;
        Self::read_probe(&reply, &Held::one(token))
    }

    /// An expired token is 400, not 401 (the document's "Testing a session token for validity").
    fn read_probe(reply: &Reply, held: &Held) -> Result<Probe, Failure> {
        let body = reply.json();
        let words = Words::read(body.as_ref(), WORDS, held);
        let is_dead = |code: &str| DEAD_CODES.iter().any(|dead| dead.eq_ignore_ascii_case(code));
        match reply.status {
            400 if words.code().is_some_and(is_dead) => Ok(Probe::Dead),
            401 | 403 if !reply.is_page() => Ok(Probe::Dead),
            200..=299 => match remaining(body.as_ref()) {
                Err(Dead) => Ok(Probe::Dead),
                Ok(Some(left)) => Ok(Probe::Alive(Some(left))),
                Ok(None) if reply.is_page() => Err(judge(reply, &[], &words, CREDENTIALS)),
                Ok(None) => Err(unusable(reply, "something else than the token's remaining life")),
            },
            _ => Err(judge(reply, &[], &words, CREDENTIALS)),
        }
    }
}

/// `expirationSec`, "the number of seconds remaining until the token expires", so zero is an end here. It is a number
/// in the document and a string in Seagate's own Terraform provider.
fn remaining(body: Option<&Value>) -> Result<Option<Duration>, Dead> {
    let told = body.and_then(|body| body.get("expirationSec"));
    match told.and_then(lifetime::seconds) {
        Some(seconds) if seconds <= 0.0 => Err(Dead),
        _ => lifetime::told(told),
    }
}

impl Provider for LyveCloud {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(self.exchange(request))
    }

    /// "The default expiration duration is 24 hours."
    fn assumed_lifetime(&self) -> Option<Duration> {
        Some(Duration::from_secs(24 * 60 * 60))
    }

    fn sources(&self) -> Vec<&Source> {
        vec![&self.secret]
    }

    fn door(&self) -> Option<Door<'_>> {
        Some(Door::new(&self.http, &self.endpoint))
    }

    fn identity(&self) -> Identity {
        Identity {
            origin: address::origin(&self.base),
            client: self.access_key.clone(),
            user: self.account_id.clone(),
        }
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            ("url", self.base.to_string()),
            ("account_id", self.account_id.clone()),
            ("access_key", self.access_key.clone()),
            ("secret", self.secret.describe()),
        ];
        self.http.describe(&mut lines);
        lines
    }

    fn can_probe(&self) -> bool {
        true
    }

    fn probe<'a>(&'a self, token: &'a Secret, asking: &'a Asking) -> Pending<'a, Probe> {
        Box::pin(self.ask_about(token, asking.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::stand_in::{Account, StandIn, answer, moment, request, secret, token};
    use crate::provider::verdict::testing::{class, respects_the_shared_rows};
    use crate::secret::Errand;

    fn account(url: &str) -> Account {
        Account::read(
            "lyve-cloud",
            &format!("url = '{url}'\naccount_id = 'acme'\naccess_key = 'AKIA+/='\nsecret = $hunter2 \"\\ü$"),
        )
    }

    #[test]
    fn the_table() {
        for (status, body, code, wanted) in [
            (403, "{}", Some("AuthenticationFailed"), Class::No),
            (403, "", None, Class::No),
            (400, "{}", Some("InvalidArgument"), Class::No),
            (400, "{}", Some("invalidargument"), Class::No),
            (400, "{}", Some("ExpiredToken"), Class::Doubtful),
            (400, "", None, Class::Doubtful),
            (401, "", None, Class::Doubtful),
            (404, "", None, Class::Doubtful),
            (500, "{}", Some("InternalError"), Class::NotNow),
            (503, "{}", Some("ServiceNotReady"), Class::NotNow),
            (403, "<html>", None, Class::NotNow),
            (400, "<html>", None, Class::NotNow),
        ] {
            assert_eq!(class(MINT, status, body, code), wanted, "{status} {body} {code:?}");
        }
        respects_the_shared_rows(MINT, &["InvalidArgument", "AuthenticationFailed"]);
    }

    #[tokio::test]
    async fn a_token_is_asked_for_as_the_document_says() {
        let service = StandIn::start([answer(200, r#"{"token": "abc", "expirationSec": 864000}"#)]);
        let minted = account(&service.url()).get().await.expect("a token");
        assert_eq!((token(&minted), minted.lifetime), ("abc", Some(Duration::from_secs(864_000))));
        let seen = &service.seen()[0];
        assert_eq!(seen.line, "POST /v2/auth/token");
        assert_eq!(seen.header("content-type"), Some("application/json"));
        assert_eq!(
            serde_json::from_str::<Value>(&seen.body).expect("JSON"),
            serde_json::json!({"accountId": "acme", "accessKey": "AKIA+/=", "secret": "hunter2 \"\\ü"}),
        );
    }

    #[tokio::test]
    async fn the_url_may_have_a_prefix_a_slash_or_the_version() {
        for (tail, path) in
            [("/", "/v2/auth/token"), ("/v2/", "/v2/auth/token"), ("/eu/", "/eu/v2/auth/token")]
        {
            let service = StandIn::start([answer(200, r#"{"token": "abc", "expirationSec": "60"}"#)]);
            let minted = account(&format!("{}{tail}", service.url())).get().await.expect("a token");
            assert_eq!(service.lines(), [format!("POST {path}")]);
            assert_eq!(minted.lifetime, Some(Duration::from_secs(60)));
        }
    }

    #[test]
    fn a_token_answer_may_be_odd() {
        let read =
            |body: &str| LyveCloud::read_token(&Reply::pretend(200, body), &request(), &Held::default());
        let life = |body: &str| read(body).map(|minted| minted.lifetime.map(|life| life.as_secs()));
        assert_eq!(life(r#"{"token": "abc"}"#), Ok(None));
        assert_eq!(life(r#"{"token": "abc", "expirationSec": 12.0, "more": []}"#), Ok(Some(12)));
        let kind = |body: &str| read(body).map_err(|failure| (failure.class, failure.kind)).err();
        assert_eq!(kind(r#"{"token": "abc", "expirationSec": -5}"#), Some((Class::NotNow, "bad-expiry")));
        assert_eq!(kind(r#"{"token": "abc", "expirationSec": 0}"#), Some((Class::NotNow, "bad-expiry")));
        assert_eq!(kind(r#"{"token": "a\nb"}"#), Some((Class::NotNow, "bad-token")));
        assert_eq!(kind(r#"{"token": ""}"#), Some((Class::NotNow, "bad-token")));
        assert_eq!(kind(r#"{"token": 7}"#), Some((Class::NotNow, "bad-answer")));
        assert_eq!(kind(r#"{"token": "abc"#), Some((Class::NotNow, "bad-answer")));
        assert_eq!(kind(""), Some((Class::NotNow, "bad-answer")));
        assert_eq!(kind("<html>"), Some((Class::NotNow, "page")));
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_the_services_words_without_the_secret() {
        let body =
            r#"{"code": "AuthenticationFailed ", "message": "no such pair: AKIA+/= hunter2 \"\\ü\r\n"}"#;
        let service = StandIn::start([answer(403, body)]);
        let failure = account(&service.url()).get().await.expect_err("a refusal");
        assert_eq!((failure.class, failure.kind), (Class::No, "refused"));
        let message = failure.message.as_str();
        assert!(message.ends_with("(403 AuthenticationFailed: no such pair: … …)"), "{message}");
        assert!(failure.hint.contains("access_key"));
    }

    #[test]
    fn a_probe_tells_life_from_death() {
        let read =
            |status, body: &str| LyveCloud::read_probe(&Reply::pretend(status, body), &Held::default());
        let alive = |seconds| Ok(Probe::Alive(Some(Duration::from_secs(seconds))));
        assert_eq!(read(200, r#"{"expirationSec": 60}"#), alive(60));
        assert_eq!(read(200, r#"{"expirationSec": "60"}"#), alive(60));
        assert_eq!(read(200, r#"{"expirationSec": 0}"#), Ok(Probe::Dead));
        assert_eq!(read(200, r#"{"expirationSec": "-1"}"#), Ok(Probe::Dead));
        assert_eq!(read(400, r#"{"code": "ExpiredToken "}"#), Ok(Probe::Dead));
        assert_eq!(read(400, r#"{"code": "InvalidToken"}"#), Ok(Probe::Dead));
        assert_eq!(read(401, ""), Ok(Probe::Dead));
        assert_eq!(read(403, "{}"), Ok(Probe::Dead));
        for (status, body) in [
            (200, "{}"),
            (200, "<html>"),
            (400, "<html>"),
            (400, r#"{"code": "InvalidArgument"}"#),
            (401, "<html>"),
            (403, "<html>"),
            (500, r#"{"code": "ExpiredToken"}"#),
            (503, ""),
        ] {
            assert!(read(status, body).is_err(), "{status} {body}");
        }
    }

    #[tokio::test]
    async fn a_probe_shows_the_token_in_a_header() {
        let service = StandIn::start([answer(200, r#"{"expirationSec": 5}"#)]);
        let asking = Asking { now: moment(0), errand: Errand::default() };
        let probe = account(&service.url()).probe(&secret("abc"), &asking).await;
        assert_eq!(probe, Ok(Probe::Alive(Some(Duration::from_secs(5)))));
        let seen = &service.seen()[0];
        assert_eq!(
            (seen.line.as_str(), seen.header("authorization")),
            ("GET /v2/auth/token", Some("Bearer abc"))
        );
    }

    #[test]
    fn what_it_is_and_shows() {
        let account = account("http://127.0.0.1:9/x");
        let identity = account.identity();
        assert_eq!(
            (identity.origin.as_str(), identity.client.as_str(), identity.user.as_str()),
            ("http://127.0.0.1:9", "AKIA+/=", "acme"),
        );
        assert!(account.can_probe());
        let shown = format!("{account:?} {:?}", account.describe(), account = &*account);
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn mistakes_are_reported_together() {
        let found = Account::complaints(
            "lyve-cloud",
            "url = 'http://a.example'\nacount_id = 'x'\nsecret = 'hunter2'",
        );
        assert!(found.len() >= 4, "{found:#?}");
        assert!(!found.concat().contains("hunter2"));
    }
}
