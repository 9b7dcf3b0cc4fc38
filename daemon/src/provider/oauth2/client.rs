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
}

impl Method {
    /// The method of this name in RFC 7591 2.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "client_secret_basic" => Some(Self::Basic),
            "client_secret_post" => Some(Self::Post),
            _ => None,
        }
    }
}

/// The names of RFC 7591 2 and of the registry that it opened. Only the first two are built.
const METHODS: &[&str] = &[
    "client_secret_basic",
    "client_secret_post",
    "none",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
];

/// A confidential client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: String,
    secret: Source,
    /// As configured; else the service's metadata decide.
    pub(super) method: Option<Method>,
    timeout: Duration,
}

impl Client {
    /// Reads `client_id`, `client_secret`, `token_endpoint_auth_method`.
    pub(super) fn read(
        table: &mut Table<'_>,
        timeout: Duration,
        needs_secret: bool,
        reach: &Reach,
    ) -> Option<Self> {
        let id = table.required_string("client_id");
        let secret = if needs_secret {
            Source::required(table, "client_secret", reach)
        } else {
            Source::read(table, "client_secret", reach)
        };
        let name = table.one_of("token_endpoint_auth_method", METHODS);
        let method = name.as_ref().and_then(|name| Method::named(name.value));
        if let Some(name) = name.filter(|_| method.is_none()) {
            let message = format!("{} is not built yet", name.value);
            table.report_shown(
                &name.span,
                message,
                "so far there are client_secret_basic and client_secret_post",
            );
        }
        Some(Self { id: id?.value, secret: secret?, method, timeout })
    }

    pub(super) async fn secret(&self, errand: &Errand) -> Result<Secret, Failure> {
        self.secret.fetch(errand, self.timeout).await
    }

    pub(super) fn source(&self) -> &Source {
        &self.secret
    }

    pub(super) fn describe_secret(&self) -> String {
        self.secret.describe()
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
