//! What makes one service different from another: a decision about each request, without any I/O.

use std::fmt;

use serde_json::Value;

use super::ledger::Entry;
use super::tokens::Tokens;

/// One kind of service: its settings, its state, and what it answers.
pub trait Service: fmt::Debug + Default + Send + 'static {
    /// The field of a token request that says who asks.
    const CLIENT_FIELD: &'static str;

    /// Whether this request asks for a token; such requests are counted, and struck by faults.
    fn is_token_request(&self, request: &Entry) -> bool;

    /// The answer to one request.
    fn answer(&mut self, request: &Entry, home: &Home) -> Answer;

    /// An answer, this service's own or a fault's, is on its way; one that gets lost never is.
    fn answered(&mut self, _request: &Entry, _answer: &Answer) {}
}

/// What a service has at hand when it answers.
#[derive(Clone, Debug)]
pub struct Home {
    /// Its own `http://127.0.0.1:PORT`.
    pub url: String,
    /// The tokens that it issued.
    pub tokens: Tokens,
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body as it is.
    pub body: Vec<u8>,
    /// Whether it is sent without a `Content-Length`.
    pub chunked: bool,
    /// So many bytes of filling come after the body, as fast as they are taken.
    pub filling: u64,
}

impl Answer {
    /// An answer with this body; an empty content type is left away.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = match content_type {
            "" => Vec::new(),
            given => vec![("content-type".to_owned(), given.to_owned())],
        };
        Self { status, headers, body: body.into(), chunked: false, filling: 0 }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// A status with its name as a line of text, as Go's `http.Error` writes it.
    #[must_use]
    pub fn plain(status: u16) -> Self {
        let reason = axum::http::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
        Self::new(status, "text/plain; charset=utf-8", format!("{}\n", reason.unwrap_or("Error")))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Goes on for so many bytes, without a `Content-Length`.
    #[must_use]
    pub fn filled(mut self, bytes: u64) -> Self {
        self.filling = bytes;
        self
    }

    /// Leaves `Content-Length` away.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }
}
