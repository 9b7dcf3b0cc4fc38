//! OpenvCloud: a user name and a password become a session key, which travels as the parameter `authkey`.
//!
//! Source: "How to use the OpenvCloud APIs", Authenticate with an OpenvCloud username and password.

use std::time::Duration;

use serde_json::Value;
use tokend_proto::Secret;
use url::Url;
use zeroize::Zeroizing;

use super::http::address::{self, Query};
use super::http::{Buffer, Http, Reply, Request};
use super::verdict::{Row, judge, unusable};
use super::words::Words;
use super::{
    Class, Defaults, Door, Failure, Identity, MintRequest, Minted, Pending, Presentation, Provider, token,
};
use crate::document::Table;
use crate::secret::Source;

/// Answers to `users/authenticate`. 419 is "Authentication Timeout": a session has ended, and the password is as good
/// as it was.
const MINT: &[Row] = &[Row::status(401, Class::No), Row::status(419, Class::NotNow)];

const CREDENTIALS: &str = "username and password";
const PATH: &str = "/restmachine/cloudapi/users/authenticate";

/// Sessions live about five days from their last use, and nobody says when that was: half a day is safe.
const ASSUMED: Duration = Duration::from_secs(12 * 60 * 60);

#[derive(Debug)]
struct OpenvCloud {
    http: Http,
    base: Url,
    endpoint: Url,
    username: String,
    password: Source,
    secret_timeout: Duration,
}

/// Reads `url`, `username`, `password`.
pub(super) fn read(table: &mut Table<'_>, defaults: &Defaults) -> Option<Box<dyn Provider>> {
    let http = Http::read(table, defaults);
    let base = address::required(table, "url", Query::Refused);
    let username = table.required_string("username");
    let password = Source::required(table, "password", &defaults.reach);
    let base = base?;
    Some(Box::new(OpenvCloud {
        http,
        // The document's own base URL ends in /restmachine/.
        endpoint: address::under(&base, &["/restmachine/cloudapi", "/restmachine"], PATH),
        base,
        username: username?.value,
        password: password?,
        secret_timeout: defaults.command_timeout,
    }))
}

impl OpenvCloud {
    async fn exchange(&self, asked: &MintRequest) -> Result<Minted, Failure> {
        let password = self.password.fetch(&asked.errand, self.secret_timeout).await?;
        let mut form = Buffer::with_capacity(256);
        form.push_pair(b"username", self.username.as_bytes());
        form.push_pair(b"password", &password.expose());
        // "Note empty authkey."
        form.push_pair(b"authkey", b"");
        let reply = self.http.send(Request::post(self.endpoint.clone()).form(form), asked.now).await?;
        read_key(&reply).map(|key| Minted { date: reply.date, ..Minted::of(key) })
    }
}

/// The key is a JSON string, or the raw text.
fn read_key(reply: &Reply) -> Result<Secret, Failure> {
    if !reply.is_success() || reply.is_page() {
        // Its refusals have no form, so there are no words of its own to show.
        return Err(judge(reply, MINT, &Words::default(), CREDENTIALS));
    }
    let key = match reply.json() {
        Some(Value::String(key)) => Zeroizing::new(key),
        // A key of digits only is a number to JSON.
        Some(Value::Number(_)) | None => match reply.text() {
            Some(text) if !text.starts_with(['"', '{', '[']) => Zeroizing::new(text.to_owned()),
            _ => return Err(unusable(reply, "broken JSON")),
        },
        Some(_) => return Err(unusable(reply, "something else than a key")),
    };
    token::accept_from(key.as_bytes(), reply)
}

impl Provider for OpenvCloud {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(self.exchange(request))
    }

    fn presentation(&self) -> Presentation {
        Presentation::Parameter { name: "authkey".to_owned() }
    }

    fn assumed_lifetime(&self) -> Option<Duration> {
        Some(ASSUMED)
    }

    fn sources(&self) -> Vec<&Source> {
        vec![&self.password]
    }

    fn door(&self) -> Option<Door<'_>> {
        Some(Door::new(&self.http, &self.endpoint))
    }

    fn identity(&self) -> Identity {
        Identity { origin: address::origin(&self.base), client: String::new(), user: self.username.clone() }
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            ("url", self.base.to_string()),
            ("username", self.username.clone()),
            ("password", self.password.describe()),
        ];
        self.http.describe(&mut lines);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::stand_in::{Account, StandIn, answer, token};
    use crate::provider::verdict::testing::{class, respects_the_shared_rows};

    fn account(url: &str) -> Account {
        Account::read("openvcloud", &format!("url = '{url}'\nusername = 'al ice'\npassword = $hun&ter=2$"))
    }

    #[test]
    fn the_table() {
        for (status, body, wanted) in [
            (401, "", Class::No),
            (401, "\"Unauthorized\"", Class::No),
            (419, "", Class::NotNow),
            (400, "", Class::Doubtful),
            (403, "", Class::Doubtful),
            (404, "", Class::Doubtful),
            (401, "<html>", Class::NotNow),
            (500, "", Class::NotNow),
        ] {
            assert_eq!(class(MINT, status, body, None), wanted, "{status} {body}");
        }
        respects_the_shared_rows(MINT, &[]);
    }

    #[tokio::test]
    async fn a_key_is_asked_for_as_the_document_says() {
        for tail in ["", "/", "/restmachine", "/restmachine/", "/restmachine/cloudapi/"] {
            let service = StandIn::start([answer(200, "\"k-1\"")]);
            let minted = account(&format!("{}{tail}", service.url())).get().await.expect("a key");
            assert_eq!((token(&minted), minted.lifetime), ("k-1", None));
            let seen = &service.seen()[0];
            assert_eq!(seen.line, "POST /restmachine/cloudapi/users/authenticate");
            assert_eq!(seen.body, "username=al+ice&password=hun%26ter%3D2&authkey=");
            assert_eq!(seen.header("accept"), Some("application/json"));
            assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
        }
    }

    #[test]
    fn a_key_is_a_json_string_or_raw_text() {
        let read = |body: &str| {
            let key = read_key(&Reply::pretend(200, body));
            key.map(|key| key.expose().as_str().expect("text").to_owned()).map_err(|failure| failure.kind)
        };
        for (body, key) in [
            ("\"k-1\"", Ok("k-1")),
            (" \"k-1\"\n", Ok("k-1")),
            ("k-1", Ok("k-1")),
            ("\u{feff}k-1\r\n", Ok("k-1")),
            ("12345678901234567890123", Ok("12345678901234567890123")),
            ("", Err("bad-token")),
            ("\"\"", Err("bad-token")),
            ("null", Err("bad-answer")),
            ("true", Err("bad-answer")),
            ("{\"authkey\": \"k-1\"}", Err("bad-answer")),
            ("[\"k-1\"]", Err("bad-answer")),
            ("\"k-1", Err("bad-answer")),
            ("{", Err("bad-answer")),
            ("wrong password", Err("bad-token")),
            ("\"a\\nb\"", Err("bad-token")),
            ("<html>", Err("page")),
        ] {
            assert_eq!(read(body), key.map(str::to_owned), "{body:?}");
        }
    }

    #[test]
    fn the_key_is_a_parameter_and_assumed_to_live_half_a_day() {
        let account = account("http://127.0.0.1:9");
        assert_eq!(account.presentation(), Presentation::Parameter { name: "authkey".to_owned() });
        assert_eq!(account.assumed_lifetime(), Some(Duration::from_secs(43200)));
        assert_eq!((account.identity().user.as_str(), account.identity().client.as_str()), ("al ice", ""));
        assert!(!format!("{:?} {:?}", &*account, account.describe()).contains("hun&ter"));
    }

    #[test]
    fn url_username_and_password_are_needed() {
        let found = Account::complaints("openvcloud", "type = 'openvcloud'").concat();
        for key in ["`url` is missing", "`username` is missing", "`password` is missing"] {
            assert!(found.contains(key), "{found}");
        }
    }
}
