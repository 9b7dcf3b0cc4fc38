//! Lyve Cloud Account API version 2, as it is seen in the wild.

use serde_json::{Value, json};

use super::StandIn;
use super::ledger::{BodyKind, Entry};
use super::service::{Answer, Home, Service};
use super::tokens::Standing;

/// A running Lyve Cloud.
pub type LyveCloud = StandIn<Lyve>;

/// Lyve Cloud: `/v2/auth/token` with and without a slash at its end, and an API at every other `GET /v2/…`.
#[derive(Clone, Debug)]
pub struct Lyve {
    /// The account that may ask.
    pub account_id: String,
    /// Its access key.
    pub access_key: String,
    /// Its secret.
    pub secret: String,
    /// How `expirationSec` is written.
    pub expiration: Expiration,
    /// What `expirationSec` claims instead of the truth.
    pub claimed_seconds: Option<u64>,
    /// How wrong credentials are refused.
    pub refusal: Refusal,
    /// Whether any access key will do with the right secret: a service of as many accounts as a test wants.
    pub any_key: bool,
    /// Whether a new token kills the old one of the same access key.
    pub one_at_a_time: bool,
    /// The content type of every answer; empty for none.
    pub content_type: String,
    written: usize,
}

/// How `expirationSec` is written: the document has a number, Seagate's own Terraform provider reads a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiration {
    /// `"864000"`
    #[default]
    Text,
    /// `864000`
    Number,
    /// Text, number, text…
    Alternating,
    /// Not at all.
    Absent,
}

/// The body of a 403.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refusal {
    /// `AuthenticationFailed `, with a space at the end of the code.
    #[default]
    Json,
    /// Nothing.
    Empty,
    /// A page, which is no refusal: some proxy's.
    Html,
}

impl Default for Lyve {
    fn default() -> Self {
        Self {
            account_id: "acme".into(),
            access_key: "AKLYVE".into(),
            secret: "lyve-secret".into(),
            expiration: Expiration::default(),
            claimed_seconds: None,
            refusal: Refusal::default(),
            any_key: false,
            one_at_a_time: false,
            content_type: "text/plain".into(),
            written: 0,
        }
    }
}

impl Service for Lyve {
    const CLIENT_FIELD: &'static str = "accessKey";

    fn is_token_request(&self, request: &Entry) -> bool {
        request.method == "POST" && is_token_path(&request.path)
    }

    fn answer(&mut self, request: &Entry, home: &Home) -> Answer {
        match request.method.as_str() {
            "POST" if is_token_path(&request.path) => self.authenticate(request, home),
            "GET" if request.path.starts_with("/v2/") => self.with_token(request, home),
            _ => self.error(404, "NotFound", "No such resource."),
        }
    }
}

impl Lyve {
    fn authenticate(&mut self, request: &Entry, home: &Home) -> Answer {
        let given = ["accountId", "accessKey", "secret"].map(|name| request.field(name).unwrap_or_default());
        if request.body_kind != BodyKind::Json || given.contains(&"") {
            return self.error(400, "InvalidArgument", "The request was missing an argument.");
        }
        let [account_id, access_key, secret] = given;
        let is_known = self.any_key || access_key == self.access_key;
        if !is_known || [account_id, secret] != [&self.account_id, &self.secret] {
            return match self.refusal {
                Refusal::Json => self.error(403, "AuthenticationFailed ", "Authentication failed."),
                Refusal::Empty => Answer::new(403, &self.content_type, ""),
                Refusal::Html => Answer::new(403, "text/html", "<html><h1>403 Forbidden</h1></html>"),
            };
        }
        // A JWT by its looks; what it says of its end is not what counts, so it says nothing.
        let claims = json!({"sub": self.account_id, "accessKey": access_key});
        if self.one_at_a_time {
            home.tokens.revoke_where(|about| about["accessKey"] == access_key);
        }
        let lifetime = home.tokens.lifetime();
        let expires_at = super::clock::now() + lifetime;
        let token = home.tokens.issue_jwt("HS512", claims, expires_at);
        let seconds = self.claimed_seconds.unwrap_or(lifetime.as_secs());
        self.written += 1;
        let text = match self.expiration {
            Expiration::Text => true,
            Expiration::Number => false,
            Expiration::Alternating => self.written % 2 == 1,
            Expiration::Absent => return self.json(200, &json!({"token": token})),
        };
        let expiration = if text { Value::from(seconds.to_string()) } else { Value::from(seconds) };
        self.json(200, &json!({"token": token, "expirationSec": expiration}))
    }

    /// An expired token is a 400 here, not a 401.
    fn with_token(&self, request: &Entry, home: &Home) -> Answer {
        let token = request.bearer(&["Bearer"]).unwrap_or_default();
        match home.tokens.standing(token) {
            Standing::Live(issued) if is_token_path(&request.path) => {
                self.json(200, &json!({"expirationSec": issued.left().as_secs()}))
            }
            Standing::Live(_) => self.json(200, &json!([{"name": "photos"}])),
            Standing::Expired(_) => self.error(400, "ExpiredToken", "Token expired."),
            Standing::Unknown => self.error(400, "InvalidToken", "Token is not valid."),
        }
    }

    fn error(&self, status: u16, code: &str, message: &str) -> Answer {
        self.json(status, &json!({"code": code, "message": message}))
    }

    fn json(&self, status: u16, body: &Value) -> Answer {
        Answer::new(status, &self.content_type, body.to_string())
    }
}

fn is_token_path(path: &str) -> bool {
    matches!(path, "/v2/auth/token" | "/v2/auth/token/")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Reply, call};
    use super::*;

    const RIGHT: &str = r#"{"accountId":"acme","accessKey":"AKLYVE","secret":"lyve-secret"}"#;

    fn post(lyve: &LyveCloud, body: &str) -> Reply {
        let url = format!("{}/v2/auth/token/", lyve.url());
        call("POST", &url, &[("Content-Type", "application/json")], body).expect("an answer")
    }

    fn get(lyve: &LyveCloud, path: &str, token: &str) -> Reply {
        let authorization = format!("Bearer {token}");
        call("GET", &format!("{}{path}", lyve.url()), &[("Authorization", &authorization)], "")
            .expect("an answer")
    }

    fn token(reply: &Reply) -> String {
        reply.json()["token"].as_str().expect("a token").to_owned()
    }

    #[test]
    fn a_token_comes_with_its_lifetime_as_text_or_number_and_opens_the_api() {
        let lyve = LyveCloud::builder().lifetime(Duration::from_secs(90)).start();
        lyve.change(|lyve| lyve.expiration = Expiration::Alternating);
        let (first, second) = (post(&lyve, RIGHT), post(&lyve, RIGHT));
        assert_eq!(first.header("content-type"), Some("text/plain"));
        assert_eq!(first.json()["expirationSec"], "90");
        assert_eq!(second.json()["expirationSec"], 90);
        assert!(lyve.is_live(&token(&first)));
        assert_ne!(token(&first), token(&second));

        assert_eq!(get(&lyve, "/v2/buckets", &token(&first)).status, 200);
        let left = get(&lyve, "/v2/auth/token", &token(&first)).json()["expirationSec"].as_u64();
        assert!(left.is_some_and(|left| (80..=90).contains(&left)));
        assert_eq!((lyve.requests(), lyve.token_requests()), (4, 2));
        assert_eq!(lyve.ledger()[0].client.as_deref(), Some("AKLYVE"));
    }

    #[test]
    fn wrong_credentials_are_403_with_a_space_or_nothing_or_a_page() {
        let lyve = LyveCloud::start();
        let wrong = RIGHT.replace("lyve-secret", "guess");
        let refused = post(&lyve, &wrong);
        assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("AuthenticationFailed ")));
        lyve.change(|lyve| lyve.refusal = Refusal::Empty);
        assert_eq!(post(&lyve, &wrong).text(), "");
        lyve.change(|lyve| lyve.refusal = Refusal::Html);
        assert!(post(&lyve, &wrong).text().starts_with("<html>"));
        assert_eq!(post(&lyve, r#"{"accountId":"acme"}"#).json()["code"], "InvalidArgument");
        assert_eq!(lyve.issued(), 0);
    }

    #[test]
    fn an_expired_token_is_a_400_and_so_is_an_unknown_one() {
        let lyve = LyveCloud::builder().lifetime(Duration::ZERO).start();
        let expired = get(&lyve, "/v2/auth/token", &token(&post(&lyve, RIGHT)));
        assert_eq!((expired.status, expired.json()["code"].as_str()), (400, Some("ExpiredToken")));

        lyve.set_lifetime(Duration::from_secs(60));
        let revoked = token(&post(&lyve, RIGHT));
        lyve.revoke_all();
        let unknown = get(&lyve, "/v2/buckets", &revoked);
        assert_eq!((unknown.status, unknown.json()["code"].as_str()), (400, Some("InvalidToken")));
    }

    #[test]
    fn it_can_serve_a_fleet_and_let_a_new_token_kill_the_old() {
        let lyve =
            LyveCloud::builder().with(|lyve| (lyve.any_key, lyve.one_at_a_time) = (true, true)).start();
        let other = RIGHT.replace("AKLYVE", "AKOTHER");
        let (first, others) = (token(&post(&lyve, RIGHT)), token(&post(&lyve, &other)));
        let second = token(&post(&lyve, RIGHT));
        assert_eq!([&first, &others, &second].map(|token| lyve.is_live(token)), [false, true, true]);
        assert_eq!(post(&lyve, &other.replace("lyve-secret", "guess")).status, 403);
        assert_eq!(lyve.tokens().all()[1].about["accessKey"], "AKOTHER");
    }

    #[test]
    fn it_can_claim_a_lifetime_that_it_does_not_keep() {
        let lyve = LyveCloud::builder()
            .lifetime(Duration::ZERO)
            .with(|lyve| lyve.claimed_seconds = Some(864_000))
            .start();
        let reply = post(&lyve, RIGHT);
        assert_eq!(reply.json()["expirationSec"], "864000");
        assert!(!lyve.is_live(&token(&reply)));
    }
}
