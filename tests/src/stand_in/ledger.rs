//! The record of every request that a stand-in heard.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::clock;

/// One request, as it was heard. The credentials in it are a test's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which request it is, counted from 0.
    pub number: usize,
    /// When it had been read whole.
    pub at: SystemTime,
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The query's pairs, decoded.
    pub query: Vec<(String, String)>,
    /// Names in lower case, and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body as text, what is not UTF-8 replaced.
    pub body: String,
    /// What the body is.
    pub body_kind: BodyKind,
    /// A form's pairs, decoded, or the fields of a JSON object (a string as it is, other values as JSON), in order.
    pub fields: Vec<(String, String)>,
    /// The field `grant_type`.
    pub grant_type: Option<String>,
    /// Who asks, as far as the request says: the service's own field, or the user name of Basic credentials.
    pub client: Option<String>,
    /// Whether it asked for a token.
    pub token_request: bool,
    /// The status of the answer; `None` until it is answered, and for good when it never is.
    pub status: Option<u16>,
}

/// What a body is, by its content type, or by its looks where that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// No body.
    Empty,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// A JSON object.
    Json,
    /// Anything else.
    Other,
}

impl Entry {
    pub(super) fn new(parts: &Parts, body: &[u8], client_field: &str) -> Self {
        let headers: Vec<_> = parts
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let content_type = find(&headers, "content-type").unwrap_or_default().to_ascii_lowercase();
        let (body_kind, fields) = read_fields(&content_type, body);
        let mut entry = Self {
            number: 0,
            at: clock::now(),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: pairs(parts.uri.query().unwrap_or_default().as_bytes()),
            headers,
            body: String::from_utf8_lossy(body).into_owned(),
            body_kind,
            grant_type: find(&fields, "grant_type").map(str::to_owned),
            client: find(&fields, client_field).map(str::to_owned),
            fields,
            token_request: false,
            status: None,
        };
        if entry.client.is_none() {
            entry.client = entry.basic().map(|(user, _)| user);
        }
        entry
    }

    /// A header's first value, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, &name.to_ascii_lowercase())
    }

    /// The first field of the body with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        find(&self.fields, name)
    }

    /// Every field of the body with this name: `resource` may come more than once.
    #[must_use]
    pub fn fields_named(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The first pair of the query with this name.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// The names of the body's fields, in order: for assertions that should not show values.
    #[must_use]
    pub fn field_names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The token of `Authorization`, if the word before it is one of these, to the letter.
    #[must_use]
    pub fn bearer(&self, words: &[&str]) -> Option<&str> {
        let (word, token) = self.header("authorization")?.split_once(' ')?;
        words.contains(&word).then(|| token.trim())
    }

    /// User name and password of Basic credentials, as they are after base64.
    #[must_use]
    pub fn basic(&self) -> Option<(String, String)> {
        let decoded = STANDARD.decode(self.bearer(&["Basic", "basic"])?).ok()?;
        let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// Whether `Accept` names JSON.
    #[must_use]
    pub fn accepts_json(&self) -> bool {
        self.header("accept").is_some_and(|accept| accept.contains("application/json"))
    }

    /// The time between an earlier request and this one; zero if it was not earlier.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Duration {
        self.at.duration_since(earlier.at).unwrap_or_default()
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

fn read_fields(content_type: &str, body: &[u8]) -> (BodyKind, Vec<(String, String)>) {
    if body.is_empty() {
        return (BodyKind::Empty, Vec::new());
    }
    if content_type.starts_with("application/x-www-form-urlencoded") {
        return (BodyKind::Form, pairs(body));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => {
            let text = |value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            (BodyKind::Json, object.into_iter().map(|(key, value)| (key, text(value))).collect())
        }
        _ => (BodyKind::Other, Vec::new()),
    }
}

/// The entries, and a bell that rings at each change.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Arc<(Mutex<Vec<Entry>>, Condvar)>);

impl Ledger {
    /// Writes a request down and numbers it.
    pub(super) fn write(&self, entry: &mut Entry) {
        let mut entries = self.lock();
        entry.number = entries.len();
        entries.push(entry.clone());
        self.0.1.notify_all();
    }

    pub(super) fn answered(&self, number: usize, status: u16) {
        self.lock()[number].status = Some(status);
        self.0.1.notify_all();
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    pub(super) fn count(&self, counts: impl Fn(&Entry) -> bool) -> usize {
        self.lock().iter().filter(|entry| counts(entry)).count()
    }

    pub(super) fn wait_until(&self, timeout: Duration, wanted: impl Fn(&[Entry]) -> bool) -> bool {
        let (_entries, outcome) = self
            .0
            .1
            .wait_timeout_while(self.lock(), timeout, |entries| !wanted(entries))
            .expect("nobody panics while writing");
        !outcome.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.0.lock().expect("nobody panics while writing")
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn heard(content_type: &str, authorization: &str, body: &str) -> Entry {
        let request = Request::post("/token?x=1%202")
            .header("Content-Type", content_type)
            .header("Authorization", authorization)
            .body(())
            .expect("a request");
        Entry::new(&request.into_parts().0, body.as_bytes(), "client_id")
    }

    #[test]
    fn a_form_is_kept_pair_by_pair_with_its_repetitions() {
        let entry = heard(
            "application/x-www-form-urlencoded",
            "bearer T",
            "grant_type=client_credentials&client_id=a%2Bb&resource=one&resource=two+three",
        );
        assert_eq!(entry.body_kind, BodyKind::Form);
        assert_eq!(entry.fields_named("resource"), ["one", "two three"]);
        assert_eq!(entry.grant_type.as_deref(), Some("client_credentials"));
        assert_eq!(entry.client.as_deref(), Some("a+b"));
        assert_eq!(entry.query("x"), Some("1 2"));
        assert_eq!((entry.bearer(&["bearer"]), entry.bearer(&["Bearer"])), (Some("T"), None));
    }

    #[test]
    fn json_fields_and_basic_credentials_say_who_asks() {
        let entry = heard("text/plain", "Basic YTpiOmM=", r#"{"user":"u","deep":{"n":1},"n":2}"#);
        assert_eq!(entry.body_kind, BodyKind::Json);
        assert_eq!((entry.field("user"), entry.field("deep")), (Some("u"), Some(r#"{"n":1}"#)));
        assert_eq!(entry.basic(), Some(("a".into(), "b:c".into())));
        assert_eq!(entry.client.as_deref(), Some("a"));
    }
}
