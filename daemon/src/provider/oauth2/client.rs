//! Who asks: a client's id, its secret, and how it says them (RFC 6749 2.3.1), whatever the endpoint is.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use serde_json::Map;
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::form::Form;
use super::signer::Signer;
use crate::document::Table;
use crate::provider::Failure;
use crate::provider::http::{Buffer, headers, refuse_key};
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
    /// A JWT that is signed with the secret (OpenID Connect Core 1.0, 9).
    SecretJwt,
    /// A JWT that is signed with a private key (RFC 7523 2.2).
    PrivateKeyJwt,
    /// A public client has no secret, and says only who it is (RFC 6749 3.2.1).
    None,
}

impl Method {
    const ALL: [Self; 5] = [Self::Basic, Self::Post, Self::SecretJwt, Self::PrivateKeyJwt, Self::None];

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::SecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    fn wants_secret(self) -> bool {
        matches!(self, Self::Basic | Self::Post | Self::SecretJwt)
    }
}

/// The names of RFC 7591 2 and of the registry that it opened.
const METHODS: &[&str] = &[
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "none",
    "tls_client_auth",
    "self_signed_tls_client_auth",
];

/// RFC 7523 2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client: confidential with a secret, public without one.
#[derive(Debug)]
pub(super) struct Client {
    /// `client_id`. A service that knows whom an assertion or a password is from may need none.
    pub(super) id: Option<String>,
    secret: Option<Source>,
    /// As configured, or the only one that there is; else the service's metadata decide.
    method: Option<Method>,
    pub(super) signer: Signer,
    pub(super) timeout: Duration,
}

/// What a grant wants of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wants {
    /// It must be able to prove who it is (RFC 6749 4.4).
    pub(super) proof: bool,
    /// It must have a name; else the service knows otherwise who asks (RFC 7523 3.1, RFC 8693 2.1).
    pub(super) name: bool,
    /// What the grant trades is signed with the private key.
    pub(super) key: bool,
}

impl Client {
    /// Reads `client_id`, `client_secret`, `token_endpoint_auth_method`, and what [`Signer::read`] does.
    /// `wants` is absent where the grant itself is faulty: then what is missing is not reported.
    pub(super) fn read(
        table: &mut Table<'_>,
        wants: Option<Wants>,
        audience: String,
        timeout: Duration,
        reach: &Reach,
    ) -> Option<Self> {
        let method = read_method(table);
        let (has_secret, has_key) = (table.has("client_secret"), table.has("private_key"));
        // The key is the client's proof where nothing else is, unless the grant signs with it.
        let signs = wants.is_some_and(|wants| wants.key);
        let method = match method {
            Named::None if has_key && !has_secret && !signs => Some(Method::PrivateKeyJwt),
            Named::One(method) => Some(method),
            Named::None | Named::Faulty => None,
        };
        let id = table.has("client_id").then(|| table.required_string("client_id"));
        if let Some(wants) = wants {
            if wants.name || has_secret || method.is_some_and(|method| method != Method::None) {
                table.require("client_id");
            }
            check(table, method, wants);
        }
        let secret = Source::read(table, "client_secret", reach);
        let signer = Signer::read(table, audience, timeout, reach);
        // What is there and faulty has been reported.
        let secret = if has_secret { Some(secret?) } else { None };
        let id = match id {
            Some(id) => Some(id?.value),
            None => None,
        };
        Some(Self { id, secret, method, signer: signer?, timeout })
    }

    /// Says in a request to any endpoint who asks: in `form`, or in the header that comes back. `supported`
    /// is what the service would take.
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
        let method = match &self.secret {
            Some(_) => self.method.unwrap_or(supported),
            None => self.method.unwrap_or(Method::None),
        };
        let secret = match &self.secret {
            Some(source) if method.wants_secret() => {
                let secret = source.fetch(&asking.errand, self.timeout).await?;
                form.held.add(&secret.expose());
                Some(secret)
            }
            _ => None,
        };
        if let (Method::Basic, Some(secret)) = (method, &secret) {
            return basic(id, secret, &mut form.held).map(Some);
        }
        form.say("client_id", id);
        let assertion = match (method, &secret) {
            (Method::Post, Some(secret)) => {
                form.say_secret("client_secret", secret);
                None
            }
            (Method::SecretJwt, Some(secret)) => Some(self.signer.by_secret(secret, id, asking)?),
            (Method::PrivateKeyJwt, _) => {
                Some(self.signer.by_private_key(id, id, &Map::new(), asking).await?)
            }
            _ => None,
        };
        if let Some(assertion) = assertion {
            form.say("client_assertion_type", ASSERTION_TYPE);
            form.say_secret("client_assertion", &assertion);
        }
        Ok(None)
    }

    /// The secret, where it has one: some services sign with it.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) async fn secret(&self, asking: &Asking) -> Result<Option<Secret>, Failure> {
        match &self.secret {
            Some(source) => source.fetch(&asking.errand, self.timeout).await.map(Some),
            None => Ok(None),
        }
    }

    /// What `tokend check` shows of it beside its sources.
    pub(super) fn describe(&self, into: &mut Vec<(&'static str, String)>) {
        into.extend(self.id.iter().map(|id| ("client_id", id.clone())));
        let method = self.method.map(|method| ("token_endpoint_auth_method", method.name().to_owned()));
        into.extend(method);
    }

    /// Where its secrets come from, each by its key.
    pub(super) fn sources(&self) -> Vec<(&'static str, &Source)> {
        let secret = self.secret.iter().map(|source| ("client_secret", source));
        secret.chain(self.signer.sources()).collect()
    }
}

/// What `token_endpoint_auth_method` says.
enum Named {
    One(Method),
    None,
    Faulty,
}

fn read_method(table: &mut Table<'_>) -> Named {
    let has_one = table.has("token_endpoint_auth_method");
    let name = table.one_of("token_endpoint_auth_method", METHODS);
    match name.map(|name| (Method::named(name.value), name)) {
        Some((Some(method), _)) => Named::One(method),
        Some((None, name)) => {
            let hint =
                "so far: client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, none";
            table.report_shown(&name.span, format!("{} is not built yet", name.value), hint);
            Named::Faulty
        }
        None if has_one => Named::Faulty,
        None => Named::None,
    }
}

/// Reports what does not go together: a method and what it needs, a key and who uses it.
fn check(table: &mut Table<'_>, method: Option<Method>, wants: Wants) {
    let (has_secret, has_key) = (table.has("client_secret"), table.has("private_key"));
    let named = table.value_span("token_endpoint_auth_method");
    let proves = method.is_some_and(|method| method != Method::None);
    if method == Some(Method::PrivateKeyJwt) {
        table.require("private_key");
        refuse_key(table, "client_secret", "who asks is proved with `private_key`: remove it");
    } else if method.is_some_and(Method::wants_secret) || (wants.proof && !proves && named.is_none()) {
        table.require("client_secret");
    }
    if let (Some(Method::None), Some(span)) = (method, &named) {
        if wants.proof {
            let hint = "client_secret_basic, client_secret_post, client_secret_jwt or private_key_jwt";
            table.report_shown(span, "client_credentials is for clients with a secret", hint);
        } else if has_secret {
            let hint = "remove `client_secret`, or this";
            table.report_shown(span, "with `none` the secret is never sent", hint);
        }
    }
    if has_key && !wants.key && method != Some(Method::PrivateKeyJwt) {
        let hint = "set token_endpoint_auth_method = \"private_key_jwt\", or remove it";
        refuse_key(table, "private_key", hint);
    }
    let by_key = has_key && (wants.key || method == Some(Method::PrivateKeyJwt));
    // Metadata may want a MAC where the configuration names no method.
    let by_secret = has_secret && method.is_none_or(|method| method == Method::SecretJwt);
    Signer::refuse_keys(table, by_key || method == Some(Method::PrivateKeyJwt), by_secret);
    if by_key != by_secret {
        Signer::check_algorithm(table, by_secret);
    }
}

/// `Basic` with id and secret, each encoded as in a form before they are joined (RFC 6749 2.3.1 and appendix
/// B).
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
