//! Who asks: a client's id, its secret, and how it says them (RFC 6749 2.3.1).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use tokend_proto::Secret;
use zeroize::Zeroizing;

use crate::document::Table;
use crate::provider::Failure;
use crate::provider::http::{Buffer, headers};
use crate::provider::words::Held;
use crate::secret::{Errand, Reach, Source};

/// How a client says its secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Method {
    /// `client_secret_basic`: in the header. Every service must take it, so it is the default.
    #[default]
    Basic,
    /// `client_secret_post`: in the body.
    Post,
    /// `none`: a public client has no secret, and says only who it is (RFC 6749 3.2.1).
    None,
}

impl Method {
    /// The method of this name in RFC 7591 2.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "client_secret_basic" => Some(Self::Basic),
            "client_secret_post" => Some(Self::Post),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

/// The names of RFC 7591 2 and of the registry that it opened. Only the first three are built.
const METHODS: &[&str] = &[
    "client_secret_basic",
    "client_secret_post",
    "none",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
];

/// A client: confidential with a secret, public without one.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: String,
    secret: Option<Source>,
    /// As configured; else the service's metadata decide.
    method: Option<Method>,
    pub(super) timeout: Duration,
}

/// Whether a grant is for clients that have a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// For no others (RFC 6749 4.4).
    Confidential,
    /// For all.
    Any,
    /// What is missing is not reported: the grant itself has been.
    Unknown,
}

impl Client {
    /// Reads `client_id`, `client_secret`, `token_endpoint_auth_method`.
    pub(super) fn read(
        table: &mut Table<'_>,
        timeout: Duration,
        secrecy: Secrecy,
        reach: &Reach,
    ) -> Option<Self> {
        let id = table.required_string("client_id");
        let name = table.one_of("token_endpoint_auth_method", METHODS);
        let method = name.as_ref().and_then(|name| Method::named(name.value));
        // A method that is not built has its own report.
        let says_it = matches!(method, Some(Method::Basic | Method::Post));
        if secrecy == Secrecy::Confidential || (says_it && secrecy == Secrecy::Any) {
            table.require("client_secret");
        }
        let has_secret = table.has("client_secret");
        let secret = Source::read(table, "client_secret", reach);
        if let Some(name) = name {
            match method {
                None => {
                    let message = format!("{} is not built yet", name.value);
                    let hint = "so far there are client_secret_basic, client_secret_post and none";
                    table.report_shown(&name.span, message, hint);
                }
                Some(Method::None) if secrecy == Secrecy::Confidential => {
                    let hint = "client_secret_basic or client_secret_post";
                    table.report_shown(&name.span, "client_credentials is for clients with a secret", hint);
                }
                Some(Method::None) if has_secret => {
                    let hint = "remove `client_secret`, or this";
                    table.report_shown(&name.span, "with `none` the secret is never sent", hint);
                }
                Some(_) => {}
            }
        }
        // One that is there and faulty has been reported.
        let secret = if has_secret { Some(secret?) } else { None };
        Some(Self { id: id?.value, secret, method, timeout })
    }

    /// The secret, where it has one.
    pub(super) async fn secret(&self, errand: &Errand) -> Result<Option<Secret>, Failure> {
        match &self.secret {
            Some(source) => source.fetch(errand, self.timeout).await.map(Some),
            None => Ok(None),
        }
    }

    /// How it says who it is, where the service would take this.
    pub(super) fn method(&self, supported: Method) -> Method {
        match &self.secret {
            Some(_) => self.method.unwrap_or(supported),
            None => Method::None,
        }
    }

    pub(super) fn source(&self) -> Option<&Source> {
        self.secret.as_ref()
    }

    /// `Basic` with id and secret, each encoded as in a form before they are joined (RFC 6749 2.3.1 and appendix B).
    pub(super) fn basic(&self, secret: &Secret, held: &mut Held) -> Result<HeaderValue, Failure> {
        let mut pair = Buffer::with_capacity(3 * (self.id.len() + secret.len()) + 1);
        pair.push_encoded(self.id.as_bytes());
        pair.push(b":");
        pair.push_encoded(&secret.expose());
        // A service may repeat the header.
        held.add(pair.as_bytes());
        let text = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        let mut value = Buffer::with_capacity(text.len() + 6);
        value.push(b"Basic ");
        value.push(text.as_bytes());
        headers::sensitive(value.as_bytes(), "client_secret")
    }
}
