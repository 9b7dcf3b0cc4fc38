//! The grant `jwt_bearer`: an assertion that somebody made, or that tokend signs, is traded for a token (RFC
//! 7523 2.1).

use std::time::Duration;

use serde_json::{Map, Value};

use super::form::Form;
use super::signer::Signer;
use crate::document::{Located, Shape, Table};
use crate::provider::Failure;
use crate::provider::login::Asking;
use crate::secret::{Reach, Source};

/// RFC 7523 2.1.
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What is traded.
#[derive(Debug)]
pub(super) enum Assertion {
    /// A JWT that somebody else made.
    Made(Source),
    /// A JWT that is signed anew for each request.
    Signed {
        /// Who says it.
        issuer: String,
        /// Of whom.
        subject: String,
        /// Beyond those that each assertion has, or in their place.
        claims: Map<String, Value>,
    },
}

impl Assertion {
    /// Reads `assertion` or `assertion_claims`, which are signed with `private_key`. What is wrong has been
    /// reported where there is none.
    pub(super) fn read(table: &mut Table<'_>, reach: &Reach) -> Option<Self> {
        table.allow("assertion");
        table.allow("assertion_claims");
        match (table.key_span("assertion"), table.key_span("assertion_claims")) {
            (Some(_), None) => Source::read(table, "assertion", reach).map(Self::Made),
            (None, Some(_)) => {
                let claims = table.json("assertion_claims");
                table.require("private_key");
                let is_text = table.shape("client_id") == Some(Shape::String);
                let client = if is_text { table.string("client_id") } else { None };
                read_claims(table, claims?, client.map(|client| client.value))
            }
            (Some(_), Some(span)) => {
                table.report(&span, "`assertion` is an assertion already", "keep one of them");
                None
            }
            (None, None) => {
                let hint = "where it comes from, or what tokend is to sign with `private_key`";
                table.report(&table.span(), "`assertion` or `assertion_claims` is missing", hint);
                None
            }
        }
    }

    /// Where it comes from, if somebody made it.
    pub(super) fn source(&self) -> Option<&Source> {
        match self {
            Self::Made(source) => Some(source),
            Self::Signed { .. } => None,
        }
    }

    /// Who says it, and of whom, if tokend does.
    pub(super) fn parties(&self) -> Option<(&str, &str)> {
        match self {
            Self::Made(_) => None,
            Self::Signed { issuer, subject, .. } => Some((issuer, subject)),
        }
    }

    /// What is said of it. A caller's `scope` takes the place of one that is claimed.
    ///
    /// # Errors
    /// Why it cannot be had, or be signed.
    pub(super) async fn form(
        &self,
        scope: Option<&[String]>,
        signer: &Signer,
        asking: &Asking,
        timeout: Duration,
    ) -> Result<Form, Failure> {
        let assertion = match self {
            Self::Made(source) => source.fetch(&asking.errand, timeout).await?,
            Self::Signed { issuer, subject, claims } => {
                let mut claims = claims.clone();
                if let (Some(scope), Some(claimed)) = (scope, claims.get_mut("scope")) {
                    *claimed = Value::String(scope.join(" "));
                }
                signer.by_private_key(issuer, subject, &claims, asking).await?
            }
        };
        let mut form = Form::of_grant(GRANT_TYPE);
        form.say_secret("assertion", &assertion);
        Ok(form)
    }
}

/// `client` says it, where the claims name nobody.
fn read_claims(table: &Table<'_>, claims: Located<Value>, client: Option<String>) -> Option<Assertion> {
    let Value::Object(found) = claims.value else {
        let hint = "such as { sub = \"alice@example.com\" }";
        table.report(&claims.span, "`assertion_claims` is no table", hint);
        return None;
    };
    let mut sound = true;
    for name in ["iat", "exp", "jti"] {
        if found.contains_key(name) {
            let message = format!("`assertion_claims` cannot say `{name}`");
            table.report(&claims.span, message, "tokend says it itself, anew each time");
            sound = false;
        }
    }
    let mut party = |name: &str| match found.get(name) {
        None => None,
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(_) => {
            table.report(
                &claims.span,
                format!("`{name}` in `assertion_claims` is no name"),
                "write a string",
            );
            sound = false;
            None
        }
    };
    let (issuer, subject) = (party("iss"), party("sub"));
    if issuer.is_none() && client.is_none() && sound {
        let hint = "write `client_id`, or `iss` into `assertion_claims`";
        table.report(&claims.span, "nobody says this assertion", hint);
        sound = false;
    }
    let issuer = issuer.or(client).filter(|_| sound)?;
    Some(Assertion::Signed { subject: subject.unwrap_or_else(|| issuer.clone()), issuer, claims: found })
}
