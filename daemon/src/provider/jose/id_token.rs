//! What an id token must say (OpenID Connect Core 1.0, 3.1.3.7; after a refresh 12.2).

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde_json::{Map, Value};
use tokend_proto::Secret;

use super::algorithm::Algorithm;
use crate::clock::Wall;
use crate::provider::{Failure, lifetime};

/// By so much the service's clock may be ahead of ours.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// By so much ours may be ahead of the service's.
const BEHIND: Duration = Duration::from_secs(60);

/// The claims of a token whose signature has been verified. They tell of a person: silent in `Debug`.
pub(in crate::provider) struct Claims {
    algorithm: Algorithm,
    claims: Map<String, Value>,
}

/// What is known of the id token before it comes.
#[derive(Debug, Clone, Copy)]
pub(in crate::provider) struct Expected<'e> {
    /// The issuer, as its metadata name it.
    pub(in crate::provider) issuer: &'e str,
    /// Whom it must be for.
    pub(in crate::provider) client_id: &'e str,
    /// What the authorization request said; `None` where there was none.
    pub(in crate::provider) nonce: Option<&'e str>,
    /// The access token that came with it.
    pub(in crate::provider) access_token: Option<&'e Secret>,
    /// The time.
    pub(in crate::provider) now: Wall,
    /// Of whom the id token was that came before.
    pub(in crate::provider) subject: Option<&'e str>,
}

impl Claims {
    pub(super) fn new(algorithm: Algorithm, claims: Map<String, Value>) -> Self {
        Self { algorithm, claims }
    }

    /// `sub`: whom the token is about.
    pub(in crate::provider) fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// `exp`: when it ends.
    pub(in crate::provider) fn end(&self) -> Option<Wall> {
        self.time("exp")
    }

    /// Whether they are what they should be.
    ///
    /// # Errors
    /// With the kind `id-token`: *not now* where a clock may be wrong, *doubtful* for the rest.
    pub(in crate::provider) fn check(&self, expected: &Expected<'_>) -> Result<(), Failure> {
        self.check_issuer(expected.issuer)?;
        self.check_audience(expected.client_id)?;
        self.check_times(expected.now)?;
        self.check_subject(expected.subject)?;
        if let Some(nonce) = expected.nonce
            && self.text("nonce") != Some(nonce)
        {
            return Err(refused("the id token is not the answer to this login (`nonce`)"));
        }
        if let (Some(token), Some(hash)) = (expected.access_token, self.told("at_hash"))
            && hash.as_str() != Some(&self.left_half(token))
        {
            return Err(refused("the id token belongs to another access token (`at_hash`)"));
        }
        Ok(())
    }

    /// 3.1.3.7 (2), and 15.6.2: Google's may lack the scheme.
    fn check_issuer(&self, issuer: &str) -> Result<(), Failure> {
        match self.text("iss") {
            Some(own) if own == issuer => Ok(()),
            Some("accounts.google.com") if issuer == "https://accounts.google.com" => Ok(()),
            Some(_) => Err(refused("the id token is another issuer's (`iss`)")),
            None => Err(refused("the id token names no issuer (`iss`)")),
        }
    }

    /// 3.1.3.7 (3) to (5).
    fn check_audience(&self, client: &str) -> Result<(), Failure> {
        let other = || refused("the id token is for another client (`aud`)");
        let several = match self.claims.get("aud") {
            Some(Value::String(only)) if only == client => false,
            Some(Value::Array(all)) if all.iter().any(|one| one == client) => all.len() > 1,
            _ => return Err(other()),
        };
        match self.told("azp") {
            Some(party) if party == client => Ok(()),
            Some(_) => Err(refused("the id token was issued to another client (`azp`)")),
            None if several => {
                Err(refused("the id token is for several, and does not say for which (`azp`)"))
            }
            None => Ok(()),
        }
    }

    /// 3.1.3.7 (9) and (10), RFC 7519 4.1.5. What is there must be a number: what is not cannot be checked.
    fn check_times(&self, now: Wall) -> Result<(), Failure> {
        let end = self.end().ok_or_else(|| refused("the id token does not say when it ends (`exp`)"))?;
        let start =
            self.time("iat").ok_or_else(|| refused("the id token does not say when it was made (`iat`)"))?;
        let valid_from = match self.told("nbf") {
            Some(_) => self.time("nbf").ok_or_else(|| refused("the id token's `nbf` is no time"))?,
            None => start,
        };
        if end.after(BEHIND) <= now {
            return Err(untimely("the id token has expired already (`exp`)"));
        }
        if start > now.after(AHEAD) {
            return Err(untimely("the id token was made in the future (`iat`)"));
        }
        if valid_from > now.after(AHEAD) {
            return Err(untimely("the id token is not valid yet (`nbf`)"));
        }
        Ok(())
    }

    /// Section 2: there must be one; 12.2: after a refresh the same.
    fn check_subject(&self, before: Option<&str>) -> Result<(), Failure> {
        let subject = self.subject().filter(|subject| !subject.is_empty());
        let subject = subject.ok_or_else(|| refused("the id token does not say whom it is about (`sub`)"))?;
        if before.is_some_and(|before| before != subject) {
            return Err(refused("the id token is about somebody else than the one before (`sub`)"));
        }
        Ok(())
    }

    /// The left half of the access token's hash (3.1.3.6).
    fn left_half(&self, token: &Secret) -> String {
        let hash = digest::digest(self.algorithm.digest(), &token.expose());
        let hash = hash.as_ref();
        URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
    }

    /// A claim, if there is one: some services write `null` for none.
    fn told(&self, name: &str) -> Option<&Value> {
        self.claims.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// Only a number: to others, text may be a time that never comes.
    fn time(&self, name: &str) -> Option<Wall> {
        self.claims.get(name)?.as_f64().map(lifetime::wall)
    }
}

/// Nothing of the person.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} claims signed with {}", self.claims.len(), self.algorithm)
    }
}

/// An id token that must not be used. It may be a moment's fault, so three tries.
pub(super) fn refused(message: impl Into<String>) -> Failure {
    let hint = "compare `issuer`, `client_id` and `jwks_uri` with what the service says of itself";
    Failure::doubtful("id-token", message, hint)
}

/// An id token that was, or will be, good.
fn untimely(message: &str) -> Failure {
    Failure::not_now("id-token", message, "look at this machine's clock; tokend tries again")
}
