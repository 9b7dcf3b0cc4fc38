//! Secrets in OpenBao or HashiCorp Vault.
//!
//! One login serves all accounts. Its token is renewed while the server lets it; a new login takes place when
//! somebody wants a secret and there is no token, or it is refused. What is read is not kept.

mod answers;
mod kv;
mod login;
mod place;
mod session;
mod settings;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use tokend_proto::Secret;
use url::Url;

use self::kv::{Mounts, Unread};
use self::session::{Ready, Session, State};
use crate::clock::{Clock, Moment, SystemClock};
use crate::document::printable;
use crate::provider::http::{Reply, Request, address};
use crate::provider::{Door, Failure};
use crate::secret::Source;

pub use self::place::Place;
pub(crate) use self::settings::Settings;

/// The kind of failures that only a person can mend.
pub(crate) const KIND: &str = "secret-vault";

/// A server, and how to log in to it: `[vault]`.
pub struct Vault {
    settings: Settings,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    mounts: Mutex<Mounts>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("address", &self.settings.base.as_str()).finish_non_exhaustive()
    }
}

/// The vaults of this process, so that a reload that changes nothing of `[vault]` keeps its session.
static VAULTS: Mutex<Vec<Weak<Vault>>> = Mutex::new(Vec::new());

impl Vault {
    /// The vault of these settings: the one that somebody still has, or a new one.
    pub(crate) fn of(settings: Settings) -> Arc<Self> {
        let mut vaults = VAULTS.lock().unwrap_or_else(PoisonError::into_inner);
        vaults.retain(|vault| vault.strong_count() > 0);
        let same = |vault: &Arc<Self>| vault.settings.fingerprint == settings.fingerprint;
        if let Some(vault) = vaults.iter().filter_map(Weak::upgrade).find(same) {
            return vault;
        }
        let vault = Self::with_clock(settings, Arc::new(SystemClock));
        vaults.push(Arc::downgrade(&vault));
        vault
    }

    fn with_clock(settings: Settings, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { settings, clock, state: Mutex::default(), mounts: Mutex::default() })
    }

    /// Gets the field at `place`.
    ///
    /// # Errors
    /// `Source` where there is no such secret or field, or a credential of the vault's own cannot be had; `No`
    /// where the vault refuses the login, or the secret to this login; `NotNow` where it may pass: no network, a
    /// sealed vault, `timeout`.
    pub async fn fetch(self: &Arc<Self>, place: &Place, timeout: Duration) -> Result<Secret, Failure> {
        match tokio::time::timeout(timeout, self.find(place)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::not_now(
                "vault-timeout",
                format!(
                    "the vault at {} did not answer within {}",
                    self.host(),
                    humantime::format_duration(timeout)
                ),
                "look at the network, and at `address` in [vault]; `command_timeout` is the limit",
            )),
        }
    }

    /// Forgets its token, and what kinds of mounts there are: the next fetch logs in anew.
    pub fn forget(&self) {
        self.forget_session();
        self.forget_mounts();
    }

    /// The files whose change may mend a login that failed.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.settings.login.source().map_or_else(Vec::new, Source::files)
    }

    /// Where it is: what a secret that is for the vault alone is bound to.
    #[must_use]
    pub fn origin(&self) -> String {
        address::origin(&self.settings.base)
    }

    /// Where to knock to learn whether it can be reached.
    #[must_use]
    pub fn door(&self) -> Door<'_> {
        Door::new(&self.settings.http, &self.settings.base)
    }

    /// A hash of all that it was made of.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.settings.fingerprint
    }

    /// What `tokend check` shows: names and values, none of them secret.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        self.settings.describe()
    }

    async fn find(self: &Arc<Self>, place: &Place) -> Result<Secret, Failure> {
        let Ready { mut session, is_new } = self.session().await?;
        let mut read = self.read(place, &session).await;
        if matches!(read, Err(Unread::Denied(_))) && !is_new {
            // The token may be dead, or older than the policy.
            self.end(&session);
            session = self.session().await?.session;
            read = self.read(place, &session).await;
        }
        read.map_err(|unread| match unread {
            Unread::Denied(words) => self.denied(place, &session, &words),
            Unread::Missing(failure) | Unread::Other(failure) => failure,
        })
    }

    fn denied(&self, place: &Place, session: &Session, words: &str) -> Failure {
        let (path, who) = (printable(&place.path(), 200), &session.who);
        Failure::no(
            "vault-denied",
            format!(
                "permission denied: {who} may not read {path} in the vault at {} (403{words})",
                self.host()
            ),
            "check the path, and the policies of the role or user",
        )
    }

    fn host(&self) -> String {
        address::host(&self.settings.base)
    }
}

impl Settings {
    /// The URL of a path of the API.
    fn url<'s>(&self, segments: impl IntoIterator<Item = &'s str>) -> Url {
        let mut url = self.base.clone();
        // Only a URL that cannot be a base has no segments: ours is http or https.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(segments);
        }
        url
    }

    /// Sends one request. `now` is the moment before.
    async fn send(&self, request: Request, now: Moment) -> Result<Reply, Failure> {
        // A server in front may refuse requests without it, for nobody can make a browser send it.
        let marked =
            request.header(HeaderName::from_static("x-vault-request"), HeaderValue::from_static("true"));
        let request = match &self.namespace {
            Some(namespace) => marked.header(HeaderName::from_static("x-vault-namespace"), namespace.clone()),
            None => marked,
        };
        self.http.send(request, now).await.map_err(answers::of_network)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test that cannot go on has failed")]
mod tests;
