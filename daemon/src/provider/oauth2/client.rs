//! Who asks: a client's id, its secret, and how it says them (RFC 6749 2.3.1), whatever the endpoint is.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::form::Form;
use crate::document::Table;
use crate::provider::Failure;
use crate::provider::http::{Buffer, headers};
use crate::provider::login::Asking;
use crate::provider::words::Held;
use crate::secret::{Reach, Source};

/// How a client says who it is (RFC 7591 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// The secret in the header. Every service must take it, so it is the default.
    Basic,
    /// The secret in the body.
    Post,
    /// A public client has no secret, and says only who it is (RFC 6749 3.2.1).
    None,
}

impl Method {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::None => "none",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Basic, Self::Post, Self::None].into_iter().find(|method| method.name() == name)
    }
}

/// The names of RFC 7591 2 and of the registry that it opened.
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
    /// `client_id`. A service that knows whom an assertion or a password is from may need none.
    pub(super) id: Option<String>,
    secret: Option<Source>,
    /// As configured; else the service's metadata decide.
    method: Option<Method>,
    pub(super) timeout: Duration,
}

/// Which clients a grant is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    /// For those with a secret alone (RFC 6749 4.4).
    Confidential,
    /// For all.
    Any,
    /// For all, also those without a name (RFC 7523 3.1, RFC 8693 2.1).
    Nameless,
    /// What is missing is not reported: the grant itself has been.
    Unknown,
}

impl Client {
    /// Reads `client_id`, `client_secret`, `token_endpoint_auth_method`.
    pub(super) fn read(
        table: &mut Table<'_>,
        timeout: Duration,
        clients: Clients,
        reach: &Reach,
    ) -> Option<Self> {
        let has_secret = table.has("client_secret");
        if clients != Clients::Nameless || has_secret {
            table.require("client_id");
        }
        let id = if table.has("client_id") { Some(table.required_string("client_id")) } else { None };
        let name = table.one_of("token_endpoint_auth_method", METHODS);
        let method = name.as_ref().and_then(|name| Method::named(name.value));
        // A method that is not built has its own report.
        let says_it = matches!(method, Some(Method::Basic | Method::Post));
        if clients == Clients::Confidential || (says_it && clients != Clients::Unknown) {
            table.require("client_secret");
        }
        let secret = Source::read(table, "client_secret", reach);
        if let Some(name) = name {
            match method {
                None => {
                    let message = format!("{} is not built yet", name.value);
                    let hint = "so far there are client_secret_basic, client_secret_post and none";
                    table.report_shown(&name.span, message, hint);
                }
                Some(Method::None) if clients == Clients::Confidential => {
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
        // What is there and faulty has been reported.
        let secret = if has_secret { Some(secret?) } else { None };
        let id = match id {
            Some(id) => Some(id?.value),
            None if clients == Clients::Nameless => None,
            None => return None,
        };
        Some(Self { id, secret, method, timeout })
    }

    /// Says in a request to any endpoint who asks: in `form`, or in the header that comes back. `supported` is what
    /// the service would take.
    ///
    /// # Errors
    /// Why its secret cannot be had.
    pub(super) async fn authenticate(
        &self,
        supported: Method,
        form: &mut Form,
        asking: &Asking,
    ) -> Result<Option<HeaderValue>, Failure> {
        let Some(id) = &self.id else {
            return Ok(None);
        };
        let Some(source) = &self.secret else {
            form.say("client_id", id);
            return Ok(None);
        };
        let secret = source.fetch(&asking.errand, self.timeout).await?;
        match self.method.unwrap_or(supported) {
            Method::Basic => {
                form.held.add(&secret.expose());
                basic(id, &secret, &mut form.held).map(Some)
            }
            Method::Post => {
                form.say("client_id", id);
                form.say_secret("client_secret", &secret);
                Ok(None)
            }
            Method::None => {
                form.say("client_id", id);
                Ok(None)
            }
        }
    }

    /// Where its secrets come from, each by its key.
    pub(super) fn sources(&self) -> Vec<(&'static str, &Source)> {
        self.secret.iter().map(|source| ("client_secret", source)).collect()
    }
}

/// `Basic` with id and secret, each encoded as in a form before they are joined (RFC 6749 2.3.1 and appendix B).
fn basic(id: &str, secret: &Secret, held: &mut Held) -> Result<HeaderValue, Failure> {
    let mut pair = Buffer::with_capacity(3 * (id.len() + secret.len()) + 1);
    pair.push_encoded(id.as_bytes());
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
