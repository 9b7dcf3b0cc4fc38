//! The client's own key: read from a secret, in whatever form people have it.

use std::fmt;

use tokend_proto::Secret;

use super::algorithm::{Algorithm, Family};
use super::pair::{Pair, make};
use super::{private_jwk, private_pem};
use crate::provider::Failure;

/// A key that signs, and the algorithm that it does so with.
///
/// It is open in memory as long as it lives: read it right before it signs, and drop it then.
pub(in crate::provider) struct SigningKey {
    pair: Pair,
    algorithm: Algorithm,
    id: Option<String>,
}

/// What a text holds.
pub(super) struct Held {
    pub(super) pair: Pair,
    /// What the key's own file says of its use.
    pub(super) algorithm: Option<Algorithm>,
    /// `kid`, or the like.
    pub(super) id: Option<String>,
}

impl From<Pair> for Held {
    fn from(pair: Pair) -> Self {
        Self { pair, algorithm: None, id: None }
    }
}

impl SigningKey {
    /// Reads a private key: PEM (PKCS#8, PKCS#1 or SEC 1), a JWK (RFC 7517), or the file of a service account
    /// that has a PEM as its member `private_key`.
    ///
    /// # Errors
    /// [`Class::Source`](crate::provider::Class::Source) with the kind `private-key` if it is none, or none
    /// that signs with `algorithm`, where one is wanted.
    pub(in crate::provider) fn private(text: &Secret, algorithm: Option<Algorithm>) -> Result<Self, Failure> {
        let text = text.expose();
        let text = text.trim_ascii();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii();
        let held = if text.starts_with(b"{") { private_jwk::read(text)? } else { private_pem::read(text)? };
        let family = held.pair.family();
        let chosen = algorithm.or(held.algorithm).unwrap_or(family.algorithm());
        if let (Some(wanted), Some(own)) = (algorithm, held.algorithm)
            && wanted != own
        {
            let message = format!("`private_key` is a JWK for {own}, not for {wanted}");
            let hint = format!("set `token_endpoint_auth_signing_alg = \"{own}\"`, or take its `alg` out");
            return Err(unfit(message, hint));
        }
        if chosen.family() != family {
            let message = format!("`private_key` is {family}, which cannot sign {chosen}");
            let hint = if algorithm.is_none() {
                format!("correct the JWK's `alg`, such as \"{}\"", family.algorithm())
            } else if chosen.family() == Family::Secret {
                format!("{chosen} signs with `client_secret`; this key signs {}", family.algorithm())
            } else {
                let own = family.algorithm();
                format!("set `token_endpoint_auth_signing_alg = \"{own}\"`, or {}", make(chosen.family()))
            };
            return Err(unfit(message, hint));
        }
        Ok(Self { pair: held.pair, algorithm: chosen, id: held.id })
    }

    /// Takes a client's secret as the key of a MAC: HS256, if no other is wanted.
    ///
    /// It may be shorter than RFC 7518 3.2 wants: it is the service that gave it.
    ///
    /// # Errors
    /// [`Class::Source`](crate::provider::Class::Source) with the kind `client-secret` if it is empty, or if
    /// `algorithm` signs with a private key.
    pub(in crate::provider) fn client_secret(
        secret: &Secret,
        algorithm: Option<Algorithm>,
    ) -> Result<Self, Failure> {
        if secret.is_empty() {
            let hint = "look where it comes from";
            return Err(Failure::source(
                "client-secret",
                "`client_secret` is empty, and signs nothing",
                hint,
            ));
        }
        let algorithm = algorithm.unwrap_or(Family::Secret.algorithm());
        if algorithm.family() != Family::Secret {
            let message = format!("`client_secret` cannot sign {algorithm}, which takes a `private_key`");
            let hint = "set `token_endpoint_auth_signing_alg` to HS256, HS384 or HS512";
            return Err(Failure::source("client-secret", message, hint));
        }
        Ok(Self { pair: Pair::Mac(secret.duplicate()), algorithm, id: None })
    }

    /// What it signs with.
    pub(in crate::provider) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What the service knows it by, if its own file says so: a JWK's `kid`, a service account's
    /// `private_key_id`.
    pub(in crate::provider) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The bits of its public half, as in a certificate; a secret has none.
    pub(super) fn public(&self) -> Option<&[u8]> {
        self.pair.public()
    }

    /// The signature of `message`.
    pub(super) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        self.pair.sign(self.algorithm, message)
    }

    #[cfg(test)]
    pub(super) fn pair(&self) -> &Pair {
        &self.pair
    }
}

/// Nothing of the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} that signs {}", self.pair, self.algorithm)
    }
}

/// A private key that cannot be used, and what to do about it.
pub(super) fn unfit(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure::source("private-key", message, hint)
}
