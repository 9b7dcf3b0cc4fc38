//! What signs: the client's private key, or its secret, in assertions of who asks (RFC 7523 2.2) and of what
//! is asked for (2.1).

use std::time::Duration;

use serde_json::{Map, Value};
use tokend_proto::Secret;

use crate::document::{Shape, Table};
use crate::provider::Failure;
use crate::provider::http::refuse_key;
use crate::provider::jose::{self, Algorithm, Certificate, Family, Header, SigningKey};
use crate::provider::login::Asking;
use crate::secret::{Reach, Source};

/// How assertions are signed.
#[derive(Debug)]
pub(super) struct Signer {
    key: Option<Source>,
    /// By which the service knows the key.
    certificate: Option<Source>,
    key_id: Option<String>,
    algorithm: Option<Algorithm>,
    /// Whom they are for: `aud`.
    audience: String,
    timeout: Duration,
}

/// The keys of [`Signer::read`] beside `private_key`.
const KEYS: [&str; 4] =
    ["private_key_id", "private_key_certificate", "token_endpoint_auth_signing_alg", "assertion_audience"];

impl Signer {
    /// Reads `private_key`, `private_key_id`, `private_key_certificate`, `token_endpoint_auth_signing_alg`,
    /// `assertion_audience`. `audience` is for whom assertions are, where nothing is said (RFC 7523 3: "the
    /// token endpoint URL", or what names the service). What is wrong has been reported where there is none.
    pub(super) fn read(
        table: &mut Table<'_>,
        audience: String,
        timeout: Duration,
        reach: &Reach,
    ) -> Option<Self> {
        let key = Source::read(table, "private_key", reach);
        let key_id = table.string("private_key_id").map(|id| id.value);
        let algorithm = table.one_of("token_endpoint_auth_signing_alg", Algorithm::NAMES);
        let algorithm = algorithm.and_then(|name| Algorithm::named(name.value));
        let named = table.string("assertion_audience").map(|audience| audience.value);
        let certificate = Source::read(table, "private_key_certificate", reach);
        let is_faulty = |key: &str, source: &Option<Source>| source.is_none() && table.has(key);
        if is_faulty("private_key", &key) || is_faulty("private_key_certificate", &certificate) {
            return None;
        }
        Some(Self { key, certificate, key_id, algorithm, audience: named.unwrap_or(audience), timeout })
    }

    /// Reports the keys that have no effect where nothing is signed with the private key, and perhaps nothing
    /// with the client's secret.
    pub(super) fn refuse_keys(table: &mut Table<'_>, by_key: bool, by_secret: bool) {
        let hint = "nothing is signed with it: remove it";
        for key in KEYS {
            if !by_key && (!by_secret || key.starts_with("private_key")) {
                refuse_key(table, key, hint);
            }
        }
    }

    /// Reports an algorithm that is not for what it is signed with: the client's secret, or else the private
    /// key.
    pub(super) fn check_algorithm(table: &mut Table<'_>, by_secret: bool) {
        let key = "token_endpoint_auth_signing_alg";
        let named = if table.shape(key) == Some(Shape::String) { table.string(key) } else { None };
        let algorithm = named.as_ref().and_then(|name| Algorithm::named(&name.value));
        let (Some(name), Some(algorithm)) = (named, algorithm) else { return };
        match algorithm.family() {
            Family::Secret if !by_secret => {
                let message = format!("{algorithm} is signed with `client_secret`");
                table.report_shown(
                    &name.span,
                    message,
                    "such as RS256, PS256, ES256 or EdDSA, as the key is",
                );
            }
            family if family != Family::Secret && by_secret => {
                let message = format!("{algorithm} is signed with a `private_key`");
                table.report_shown(&name.span, message, "HS256, HS384 or HS512");
            }
            _ => {}
        }
    }

    /// Where the private key and its certificate come from, each by its key in the configuration.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&'static str, &Source)> {
        let key = self.key.iter().map(|source| ("private_key", source));
        key.chain(self.certificate.iter().map(|source| ("private_key_certificate", source)))
    }

    /// An assertion of `issuer` about `subject`, signed with the private key. `more` claims come on top.
    ///
    /// # Errors
    /// Why the key or its certificate cannot be had, do not belong together, or why the key does not sign.
    pub(super) async fn by_private_key(
        &self,
        issuer: &str,
        subject: &str,
        more: &Map<String, Value>,
        asking: &Asking,
    ) -> Result<Secret, Failure> {
        let Some(source) = &self.key else {
            // Reading the configuration has seen to it.
            let hint = "write `private_key`";
            return Err(Failure::source("private-key", "there is no private key to sign with", hint));
        };
        let text = source.fetch(&asking.errand, self.timeout).await?;
        let key = SigningKey::private(&text, self.algorithm)?;
        let certificate = match &self.certificate {
            Some(source) => {
                let certificate = Certificate::read(&source.fetch(&asking.errand, self.timeout).await?)?;
                certificate.must_be_of(&key)?;
                Some(certificate)
            }
            None => None,
        };
        let claims = self.claims(issuer, subject, more, asking)?;
        let certificate = certificate.as_ref();
        jose::sign(&key, Header { kind: None, key_id: self.key_id.as_deref(), certificate }, &claims)
    }

    /// The same, signed with the client's secret.
    ///
    /// # Errors
    /// Why it does not sign.
    pub(super) fn by_secret(
        &self,
        secret: &Secret,
        client: &str,
        asking: &Asking,
    ) -> Result<Secret, Failure> {
        let key = SigningKey::client_secret(secret, self.algorithm)?;
        let claims = self.claims(client, client, &Map::new(), asking)?;
        jose::sign(&key, Header::default(), &claims)
    }

    fn claims(
        &self,
        issuer: &str,
        subject: &str,
        more: &Map<String, Value>,
        asking: &Asking,
    ) -> Result<Value, Failure> {
        jose::assertion(issuer, subject, &self.audience, asking.now.wall, more)
    }
}
