//! Id tokens that come with a token: verified against the service's keys before anybody gets them (OpenID
//! Connect Core 1.0, 3.1.3.7).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokend_proto::Secret;
use tokio::sync::Mutex;
use url::Url;

use super::answer::{self, Purpose};
use super::endpoints::Endpoint;
use super::grant::Grant;
use super::{Answered, OAuth2};
use crate::clock::{Moment, Steady};
use crate::provider::http::{Http, Request};
use crate::provider::jose::{ClientMac, Expected, KeySet, Unverified};
use crate::provider::login::Asking;
use crate::provider::verdict::{judge, unusable};
use crate::provider::words::Words;
use crate::provider::{Failure, ID_TOKEN, Minted};

/// The scope that asks for id tokens (OpenID Connect Core 1.0, 3.1.2.1).
const OPENID: &str = "openid";

/// Keys are believed this long; after that they are fetched again, and the old ones do if that fails.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// Newer keys are asked for at once, and again no sooner than after this.
const PAUSE: Duration = Duration::from_secs(60);

/// A new refresh token waits no longer than this until it can be kept.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The keys of a service, as they are known.
#[derive(Debug, Default)]
pub(super) struct ServiceKeys(Mutex<Option<Known>>);

#[derive(Debug)]
struct Known {
    url: Url,
    set: Arc<KeySet>,
    /// When they came.
    since: Steady,
    /// When newer ones than the first were last asked for.
    asked: Option<Steady>,
}

impl ServiceKeys {
    /// The keys now. `others` asks for newer ones, which there may be; those that there are do if they cannot
    /// be had.
    async fn get(&self, url: &Url, others: bool, http: &Http, now: Moment) -> Result<Arc<KeySet>, Failure> {
        // Held while asking, so that variants of the account ask once.
        let mut known = self.0.lock().await;
        let mut old = known.as_mut().filter(|known| known.url == *url);
        if let Some(old) = &mut old {
            let is_fresh = old.since.until(now.steady) < FRESH;
            let is_too_soon = old.asked.is_some_and(|asked| asked.until(now.steady) < PAUSE);
            if (is_fresh && !others) || is_too_soon {
                return Ok(Arc::clone(&old.set));
            }
            old.asked = Some(now.steady);
        }
        match (fetch(url, http, now).await, old) {
            (Ok(set), old) => {
                let set = Arc::new(set);
                let (since, asked) = (now.steady, old.and_then(|old| old.asked));
                *known = Some(Known { url: url.clone(), set: Arc::clone(&set), since, asked });
                Ok(set)
            }
            (Err(failure), Some(old)) => {
                tracing::debug!(kind = failure.kind, "the service's keys cannot be fetched; the old ones do");
                Ok(Arc::clone(&old.set))
            }
            (Err(failure), None) => Err(failure),
        }
    }
}

/// RFC 7517 5.
async fn fetch(url: &Url, http: &Http, now: Moment) -> Result<KeySet, Failure> {
    let reply = http.send(Request::get(url.clone()), now).await?;
    if !reply.is_success() || reply.is_page() {
        let failure = judge(&reply, &[], &Words::default(), "`jwks_uri`");
        return Err(Failure { message: format!("no keys for id tokens: {}", failure.message), ..failure });
    }
    KeySet::parse(&reply.json().ok_or_else(|| unusable(&reply, "something else than a set of keys"))?)
}

impl OAuth2 {
    /// Puts the id token of an answer, if it is verified, beside the token. At a login one that is not fails
    /// it; else it is left out, for no refresh token may be lost over it. Where neither `scope`, which was
    /// asked for, nor the account's own or the one that was granted wants one, it is passed over.
    ///
    /// # Errors
    /// At a login, why it is not verified.
    pub(super) async fn with_id_token(
        &self,
        mut minted: Minted,
        answered: &Answered,
        purpose: Purpose<'_>,
        scope: &[String],
        asking: &Asking,
    ) -> Result<Minted, Failure> {
        let granted = minted.scope.as_deref().unwrap_or_default();
        let is_asked_for = [scope, &self.scope, granted].into_iter().any(asks);
        if !is_asked_for && !matches!(self.grant, Grant::Login(_)) {
            return Ok(minted);
        }
        let Some(text) = answer::id_token(&answered.reply) else {
            return Ok(minted);
        };
        let nonce = match purpose {
            Purpose::Login { nonce } => nonce,
            _ => None,
        };
        let access_token = minted.fields.first().map(|(_, token)| token);
        let verified = async {
            let id_token = Secret::new(text.into_bytes()).map_err(|_| {
                Failure::doubtful("id-token", "it is too long to be kept", "look at the service")
            })?;
            let is_good = self.verify(&id_token, access_token, nonce, asking).await?;
            Ok(is_good.then_some(id_token))
        };
        let verified: Result<_, Failure> = match purpose {
            Purpose::Login { .. } => verified.await,
            _ => match tokio::time::timeout(LONGEST_WAIT, verified).await {
                Ok(verified) => verified,
                Err(_) => Err(Failure::not_now(
                    "timeout",
                    "the service's keys did not come in time",
                    "it is tried again",
                )),
            },
        };
        match (verified, purpose) {
            (Ok(Some(id_token)), _) => minted.fields.push((ID_TOKEN.to_owned(), id_token)),
            (Ok(None), _) if is_asked_for => minted.warnings.push(
                "an id token came and was left out: write `issuer` and `client_id`, by which it is verified"
                    .to_owned(),
            ),
            (Err(failure), Purpose::Login { .. }) => return Err(failure),
            (Err(failure), _) if is_asked_for => {
                minted.warnings.push(format!("the id token was left out: {}", failure.message));
            }
            (Err(failure), _) => tracing::debug!(kind = failure.kind, "the id token was left out"),
            (Ok(None), _) => {}
        }
        Ok(minted)
    }

    /// Whether an id token is the service's, for this client, and belongs to `access_token`. Not so where
    /// nobody knows whose keys it should be signed with.
    ///
    /// # Errors
    /// Why it is not, or why the keys cannot be had.
    async fn verify(
        &self,
        id_token: &Secret,
        access_token: Option<&Secret>,
        nonce: Option<&str>,
        asking: &Asking,
    ) -> Result<bool, Failure> {
        let (Some(issuer), Some(client_id)) = (self.endpoints.issuer(), &self.client.id) else {
            return Ok(false);
        };
        let Some(url) = self.endpoints.find(Endpoint::Jwks, &self.http, asking.now).await? else {
            return Ok(false);
        };
        let secret = self.secret_of_macs(asking).await?;
        let (secret, names) = secret.as_ref().map(|(secret, names)| (secret, names)).unzip();
        let mac = ClientMac::agreed(secret, names);
        let keys = self.keys.get(&url, false, &self.http, asking.now).await?;
        let claims = match keys.verify(id_token, mac.as_ref()) {
            Ok(claims) => claims,
            Err(Unverified::UnknownKey(_)) => {
                let keys = self.keys.get(&url, true, &self.http, asking.now).await?;
                keys.verify(id_token, mac.as_ref())?
            }
            Err(Unverified::Refused(failure)) => return Err(failure),
        };
        let now = asking.now.wall;
        claims.check(&Expected { issuer, client_id, nonce, access_token, now, subject: None })?;
        Ok(true)
    }

    /// The client's secret and the list of algorithms, where the service may sign with the secret: it must
    /// list such a MAC (OpenID Connect Core 1.0, 10.1).
    async fn secret_of_macs(&self, asking: &Asking) -> Result<Option<(Secret, Value)>, Failure> {
        if self.endpoints.written(Endpoint::Jwks).is_some() {
            return Ok(None);
        }
        let metadata = self.endpoints.metadata(&self.http, asking.now).await?;
        let names = metadata.and_then(|metadata| metadata.id_token_algorithms.clone()).unwrap_or_default();
        if !names.iter().any(|name| name.starts_with("HS")) {
            return Ok(None);
        }
        Ok(self.client.secret(asking).await?.map(|secret| (secret, Value::from(names))))
    }

    /// Fetches the keys ahead, where id tokens are asked for: before a refresh token is in play, not after.
    pub(super) async fn prepare_keys(&self, now: Moment) {
        if let Err(failure) = self.require_keys(now).await {
            tracing::debug!(kind = failure.kind, "the service's keys cannot be fetched ahead");
        }
    }

    /// The same, where nothing should begin without them: a login, which fails with an id token that is not
    /// verified, when its code is spent already.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub(super) async fn require_keys(&self, now: Moment) -> Result<(), Failure> {
        if !asks(&self.scope) || self.endpoints.issuer().is_none() {
            return Ok(());
        }
        if let Some(url) = self.endpoints.find(Endpoint::Jwks, &self.http, now).await? {
            self.keys.get(&url, false, &self.http, now).await?;
        }
        Ok(())
    }
}

fn asks(scope: &[String]) -> bool {
    scope.iter().any(|word| word == OPENID)
}
