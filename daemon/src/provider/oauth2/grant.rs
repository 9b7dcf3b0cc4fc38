//! What is traded for an access token: the grant, and the keys of the configuration that each has.

use std::time::Duration;

use tokend_proto::Secret;

use super::answer::Purpose;
use super::assertion::Assertion;
use super::extra::Kind;
use super::form::Form;
use super::login::Login;
use super::signer::Signer;
use super::token_exchange::TokenExchange;
use crate::document::Table;
use crate::provider::http::refuse_key;
use crate::provider::login::Asking;
use crate::provider::{Failure, MintRequest};
use crate::secret::{Reach, Source};

/// What `grant` may be.
pub(super) const NAMES: &[&str] = &[
    "client_credentials",
    "refresh_token",
    "device_code",
    "authorization_code",
    "password",
    "jwt_bearer",
    "token_exchange",
];

/// Keys that have an effect in some grants only.
const KEYS: [(&str, &[&str]); 13] = [
    ("refresh_token", &["refresh_token"]),
    ("username", &["password"]),
    ("password", &["password"]),
    ("assertion", &["jwt_bearer"]),
    ("assertion_claims", &["jwt_bearer"]),
    ("subject", &["token_exchange"]),
    ("subject_token_type", &["token_exchange"]),
    ("actor", &["token_exchange"]),
    ("actor_token_type", &["token_exchange"]),
    ("requested_token_type", &["token_exchange"]),
    ("redirect_port", &["authorization_code"]),
    ("redirect_uris", &["authorization_code"]),
    ("authorization_endpoint", &["authorization_code"]),
];

/// The device flow is there for who has no browser, too.
const DEVICE_KEY: (&str, &[&str]) = ("device_authorization_endpoint", &["device_code", "authorization_code"]);

/// What is traded for an access token.
#[derive(Debug)]
pub(super) enum Grant {
    /// The client's own credentials (RFC 6749 4.4).
    ClientCredentials,
    /// A refresh token (RFC 6749 6). The first comes from here; which one to spend, the request says.
    RefreshToken(Source),
    /// The refresh token of a person's login.
    Login(Login),
    /// A user's name and password (RFC 6749 4.3), for old services. A refresh token that comes along is not
    /// kept: the password is good for longer.
    Password {
        /// The user's name.
        username: String,
        /// The password.
        password: Source,
    },
    /// An assertion (RFC 7523 2.1).
    JwtBearer(Assertion),
    /// Other tokens (RFC 8693).
    TokenExchange(TokenExchange),
}

/// What a grant's part of a request is made from.
pub(super) struct Ingredients<'i> {
    /// The refresh token, where the grant spends one.
    pub(super) spent: Option<&'i Secret>,
    pub(super) asked: &'i MintRequest,
    pub(super) asking: &'i Asking,
    pub(super) signer: &'i Signer,
    pub(super) timeout: Duration,
}

/// The name of the grant that is configured; `None` where there is one that nobody knows, which has been
/// reported.
pub(super) fn read_name(table: &mut Table<'_>) -> Option<&'static str> {
    let named = table.one_of("grant", NAMES);
    match named {
        Some(grant) => Some(grant.value),
        None if table.has("grant") => None,
        None => Some(NAMES[0]),
    }
}

/// Whether a key has an effect in the grant of this name.
pub(super) fn has_effect(key: &str, name: &str) -> bool {
    KEYS.iter().chain([&DEVICE_KEY]).all(|(known, grants)| *known != key || grants.contains(&name))
}

/// Reports the keys that have no effect in the grant of this name. Of a grant that nobody knows, nothing is
/// known.
pub(super) fn refuse_keys_of_others(table: &mut Table<'_>, name: Option<&str>) {
    for (key, grants) in KEYS.iter().chain([&DEVICE_KEY]) {
        match name {
            Some(name) if grants.contains(&name) => {}
            Some(_) => refuse_key(table, key, &format!("set grant = \"{}\", or remove it", grants[0])),
            None => table.allow(key),
        }
    }
}

/// Whether requests of this kind are sent with the grant of this name.
pub(super) fn sends(kind: Kind, name: &str) -> bool {
    let with_login = matches!(name, "device_code" | "authorization_code");
    match kind {
        Kind::Authorization => name == "authorization_code",
        Kind::DeviceAuthorization => with_login,
        Kind::Token => name != "refresh_token",
        Kind::Refresh => with_login || name == "refresh_token",
        Kind::Revocation | Kind::Introspection => true,
    }
}

impl Grant {
    /// Reads the keys of the grant of this name. What is wrong has been reported where there is none.
    pub(super) fn read(table: &mut Table<'_>, name: &'static str, reach: &Reach) -> Option<Self> {
        match name {
            "refresh_token" => Source::required(table, name, reach).map(Self::RefreshToken),
            "device_code" | "authorization_code" => Login::read(table, name).map(Self::Login),
            "password" => {
                let username = table.required_string("username");
                let password = Source::required(table, "password", reach);
                Some(Self::Password { username: username?.value, password: password? })
            }
            "jwt_bearer" => Assertion::read(table, reach).map(Self::JwtBearer),
            "token_exchange" => TokenExchange::read(table, reach).map(Self::TokenExchange),
            _ => Some(Self::ClientCredentials),
        }
    }

    /// Its name in the configuration.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken(_) => "refresh_token",
            Self::Login(login) => login.grant,
            Self::Password { .. } => "password",
            Self::JwtBearer(_) => "jwt_bearer",
            Self::TokenExchange(_) => "token_exchange",
        }
    }

    /// Where its secrets come from, each by its key; the first refresh token is not one of them.
    pub(super) fn sources(&self) -> Vec<(&'static str, &Source)> {
        match self {
            Self::Password { password, .. } => vec![("password", password)],
            Self::JwtBearer(assertion) => {
                assertion.source().map(|source| ("assertion", source)).into_iter().collect()
            }
            Self::TokenExchange(exchange) => exchange.sources(),
            Self::ClientCredentials | Self::RefreshToken(_) | Self::Login(_) => Vec::new(),
        }
    }

    /// The user whose token it is, where the configuration tells.
    pub(super) fn user(&self) -> &str {
        match self {
            Self::Password { username, .. } => username,
            Self::JwtBearer(assertion) => assertion.parties().map_or("", |(_, subject)| subject),
            Self::TokenExchange(exchange) => exchange.subject_account().unwrap_or_default(),
            Self::ClientCredentials | Self::RefreshToken(_) | Self::Login(_) => "",
        }
    }

    /// Who says what is traded, if it is not the client.
    pub(super) fn issuer(&self) -> Option<&str> {
        match self {
            Self::JwtBearer(assertion) => assertion.parties().map(|(issuer, _)| issuer),
            _ => None,
        }
    }

    /// For what a request is that spends no refresh token.
    pub(super) fn purpose(&self) -> Purpose<'_> {
        match self {
            Self::TokenExchange(exchange) => Purpose::Exchange { requested: exchange.requested.as_deref() },
            _ => Purpose::Token,
        }
    }

    /// What `tokend check` shows of it beside its sources.
    pub(super) fn describe(&self, into: &mut Vec<(&'static str, String)>) {
        match self {
            Self::Password { username, .. } => into.push(("username", username.clone())),
            Self::JwtBearer(assertion) => {
                if let Some((issuer, subject)) = assertion.parties() {
                    into.push((
                        "assertion",
                        format!("of {issuer} about {subject}, signed with the private key"),
                    ));
                }
            }
            Self::TokenExchange(exchange) => exchange.describe(into),
            Self::ClientCredentials | Self::RefreshToken(_) | Self::Login(_) => {}
        }
    }

    /// What is traded, as a request says it.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) async fn form(&self, from: Ingredients<'_>) -> Result<Form, Failure> {
        let Ingredients { spent, asked, asking, signer, timeout } = from;
        match self {
            Self::ClientCredentials => Ok(Form::of_grant("client_credentials")),
            Self::RefreshToken(_) | Self::Login(_) => {
                let spent = spent.ok_or_else(|| {
                    Failure::not_now(
                        "internal",
                        "a fault in tokend itself: it had no refresh token at hand to spend",
                        "see the log of tokend, and please report it",
                    )
                })?;
                let mut form = Form::of_grant("refresh_token");
                form.say_secret("refresh_token", spent);
                Ok(form)
            }
            Self::Password { username, password } => {
                let password = password.fetch(&asking.errand, timeout).await?;
                let mut form = Form::of_grant("password");
                form.say("username", username);
                form.say_secret("password", &password);
                Ok(form)
            }
            Self::JwtBearer(assertion) => {
                assertion.form(asked.scope.as_deref(), signer, asking, timeout).await
            }
            Self::TokenExchange(exchange) => exchange.form(&asked.borrowed, asking, timeout).await,
        }
    }
}
