//! Where in an answer the token is, and how long it lives: JSON pointers (RFC 6901), or the text as a whole.

use std::time::Duration;

use serde_json::Value;
use tokend_proto::Secret;

use crate::document::Table;
use crate::provider::http::Reply;
use crate::provider::lifetime::{self, Dead, dead};
use crate::provider::verdict::unusable;
use crate::provider::{Failure, MintRequest, Minted, jwt, token};

/// How an answer is read.
#[derive(Debug)]
pub(super) struct Response {
    token: At,
    expiry: Expiry,
    scope: Option<Pointer>,
    fields: Vec<(String, Pointer)>,
}

/// Where the token is.
#[derive(Debug)]
enum At {
    /// `token = "/…"`
    Pointer(Pointer),
    /// `body = "text"`: the body is the token.
    Body,
}

/// How long it lives.
#[derive(Debug)]
enum Expiry {
    /// Nobody says, unless the token is a JWT that does.
    Untold,
    /// `expires_in = "/…"`: seconds from now.
    In(Pointer),
    /// `expires_at = "/…"`: a point in time.
    At(Pointer),
    /// `expiry = "jwt"`: the claim `exp`.
    Jwt,
    /// `expiry = "30m"`
    Always(Duration),
}

#[derive(Debug)]
struct Pointer(String);

impl Pointer {
    fn read(table: &mut Table<'_>, key: &str) -> Option<Self> {
        let text = table.string(key)?;
        if text.value.is_empty() || text.value.starts_with('/') {
            return Some(Self(text.value));
        }
        table.report(
            &text.span,
            format!("`{key}` is no JSON pointer"),
            "begin it with a slash, such as \"/data/token\"",
        );
        None
    }

    fn find<'v>(&self, body: Option<&'v Value>) -> Option<&'v Value> {
        body?.pointer(&self.0)
    }
}

impl Response {
    /// Reads `token` or `body`; one of `expires_in`, `expires_at`, `expiry`; `scope`; `fields`.
    pub(super) fn read(table: &mut Table<'_>) -> Option<Self> {
        let is_text = table.one_of("body", &["text"]).is_some();
        let pointer = Pointer::read(table, "token");
        let expiry = read_expiry(table);
        let scope = Pointer::read(table, "scope");
        let fields = read_fields(table);
        let pointers = ["expires_in", "expires_at", "scope", "fields"];
        if is_text && let Some(span) = pointers.iter().find_map(|key| table.key_span(key)) {
            table.report(
                &span,
                "a text has no JSON pointers into it",
                "use `expiry`, or `token` in the place of `body`",
            );
        }
        let token = match (is_text, pointer) {
            (true, None) => At::Body,
            (false, Some(pointer)) => At::Pointer(pointer),
            (true, Some(_)) => {
                table.report(
                    &table.span(),
                    "both `token` and `body` say where the token is",
                    "write one of them",
                );
                return None;
            }
            (false, None) => {
                if !table.has("token") && !table.has("body") {
                    let hint = "such as token = \"/data/token\", or body = \"text\"";
                    table.report(&table.span(), "nothing says where the token is", hint);
                }
                return None;
            }
        };
        Some(Self { token, expiry: expiry?, scope, fields })
    }

    /// The token in a successful `reply`.
    pub(super) fn mint(&self, reply: &Reply, asked: &MintRequest) -> Result<Minted, Failure> {
        let (token, body) = match &self.token {
            At::Body => (token::accept_from(text_of(reply)?.as_bytes(), reply)?, None),
            At::Pointer(pointer) => {
                let body = reply.json().ok_or_else(|| unusable(reply, "something else than JSON"))?;
                (secret_at(pointer, &body, reply, "token")?, Some(body))
            }
        };
        let body = body.as_ref();
        let lifetime = self.lifetime(&token, body, asked, reply)?;
        let scope = self.scope.as_ref().and_then(|pointer| pointer.find(body)).and_then(jwt::words);
        let mut minted = Minted { lifetime, scope, date: reply.date, ..Minted::of(token) };
        for (name, pointer) in &self.fields {
            let value = secret_at(pointer, body.unwrap_or(&Value::Null), reply, name)?;
            minted.fields.push((name.clone(), value));
        }
        Ok(minted)
    }

    fn lifetime(
        &self,
        token: &Secret,
        body: Option<&Value>,
        asked: &MintRequest,
        reply: &Reply,
    ) -> Result<Option<Duration>, Failure> {
        let life = match &self.expiry {
            Expiry::Untold => jwt::life(token, asked.now.wall, reply.date),
            Expiry::Always(life) => Ok(Some(*life)),
            Expiry::In(pointer) => lifetime::told(pointer.find(body)),
            Expiry::At(pointer) => match pointer.find(body).and_then(lifetime::point) {
                Some(end) => lifetime::until(end, asked.now.wall, reply.date).map(Some),
                None => Ok(None),
            },
            Expiry::Jwt => {
                let claims =
                    jwt::claims(token).ok_or_else(|| unusable(reply, "something else than a JWT"))?;
                claims.life(asked.now.wall, reply.date)
            }
        };
        life.map_err(|Dead| dead(&reply.host))
    }
}

/// The body, unless it is JSON that says something: an error with a 200, mostly.
fn text_of(reply: &Reply) -> Result<&str, Failure> {
    let text = reply.text().unwrap_or_default();
    if text.starts_with(['{', '[']) || text == "null" {
        return Err(unusable(reply, "JSON in the place of a text"));
    }
    Ok(text)
}

fn secret_at(pointer: &Pointer, body: &Value, reply: &Reply, name: &str) -> Result<Secret, Failure> {
    match pointer.find(Some(body)) {
        Some(Value::String(text)) => token::accept_from(text.as_bytes(), reply),
        // A session's number is a token, too.
        Some(Value::Number(number)) => token::accept_from(number.to_string().as_bytes(), reply),
        _ => Err(unusable(reply, &format!("JSON without a {name} where the configuration says"))),
    }
}

fn read_expiry(table: &mut Table<'_>) -> Option<Expiry> {
    let expires_in = Pointer::read(table, "expires_in");
    let expires_at = Pointer::read(table, "expires_at");
    let is_jwt = table.has("expiry") && is_jwt(table);
    let life = (!is_jwt)
        .then(|| table.duration_within("expiry", &(Duration::from_secs(1)..=lifetime::LONGEST)))
        .flatten();
    let present: Vec<_> =
        ["expires_in", "expires_at", "expiry"].iter().filter_map(|key| table.key_span(key)).collect();
    if let [_, second, ..] = &present[..] {
        table.report(second, "the end of a token is said twice", "one of expires_in, expires_at, expiry");
    }
    match (expires_in, expires_at, life) {
        (Some(pointer), _, _) => Some(Expiry::In(pointer)),
        (_, Some(pointer), _) => Some(Expiry::At(pointer)),
        (_, _, Some(life)) => Some(Expiry::Always(life.value)),
        _ if is_jwt => Some(Expiry::Jwt),
        // One is there and faulty, which has been reported.
        _ if !present.is_empty() => None,
        _ => Some(Expiry::Untold),
    }
}

fn is_jwt(table: &mut Table<'_>) -> bool {
    // Read as JSON, so that a duration is not reported as an unknown word.
    table.json("expiry").is_some_and(|value| value.value == "jwt")
}

fn read_fields(table: &mut Table<'_>) -> Vec<(String, Pointer)> {
    let mut fields = Vec::new();
    let Some(mut entries) = table.table("fields") else {
        return fields;
    };
    for key in entries.remaining_keys() {
        let Some(pointer) = Pointer::read(&mut entries, &key.value) else {
            continue;
        };
        if key.value == "token" {
            entries.report(
                &key.span,
                "the first field is the token already",
                "write `token = …` beside `fields`",
            );
        }
        fields.push((key.value, pointer));
    }
    fields
}
