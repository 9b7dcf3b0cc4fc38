//! The accounts that there are, as readers see them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::Notify;

use super::policy::Policy;
use super::snapshot::Snapshot;
use super::tally::Tally;
use super::told::Told;
use crate::clock::{Steady, Wall};
use crate::provider::Provider;

/// Every account by name. Replaced as a whole when the configuration changes.
pub type Registry = BTreeMap<String, Arc<Account>>;

/// An account as the configuration has it.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Its type's name.
    pub kind: &'static str,
    /// How its tokens are got.
    pub provider: Arc<dyn Provider>,
    /// How it is kept.
    pub policy: Policy,
    /// SHA-256 of what makes its tokens what they are: where it is equal, the tokens stay.
    pub service: [u8; 32],
    /// SHA-256 of how the service is asked (time-outs, proxy, certificates …) beside that.
    pub setting: [u8; 32],
}

/// One account as readers see it.
#[derive(Debug)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its type's name.
    pub kind: &'static str,
    /// How its tokens are got.
    pub provider: Arc<dyn Provider>,
    /// How it is kept.
    pub policy: Policy,
    /// SHA-256 of what makes its tokens what they are: where it is equal, the tokens stay.
    pub service: [u8; 32],
    /// SHA-256 of how the service is asked (time-outs, proxy, certificates …) beside that.
    pub setting: [u8; 32],
    /// Its own token's snapshot and counts.
    pub shared: Arc<Shared>,
    /// Those of the variants that callers asked for.
    pub variants: Arc<ArcSwap<HashMap<Variant, Arc<Shared>>>>,
    /// What came of the requests for all of them.
    pub tally: Arc<Tally>,
}

impl Account {
    pub(super) fn new(definition: Definition) -> Self {
        let Definition { name, kind, provider, policy, service, setting } = definition;
        Self {
            name,
            kind,
            provider,
            policy,
            service,
            setting,
            shared: Arc::default(),
            variants: Arc::default(),
            tally: Arc::default(),
        }
    }

    /// The same account, configured otherwise: what readers see of it goes on.
    pub(super) fn configured(&self, definition: Definition) -> Self {
        let (shared, variants) = (Arc::clone(&self.shared), Arc::clone(&self.variants));
        Self { shared, variants, tally: Arc::clone(&self.tally), ..Self::new(definition) }
    }

    /// The published side of a token of this account, if it is kept.
    #[must_use]
    pub fn published(&self, variant: &Variant) -> Option<Arc<Shared>> {
        if variant.is_own() {
            Some(Arc::clone(&self.shared))
        } else {
            self.variants.load().get(variant).cloned()
        }
    }
}

/// A token for other scopes or audiences than the account's own; both sorted, so that order does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Variant {
    scope: Option<Vec<String>>,
    audience: Option<Vec<String>>,
}

impl Variant {
    /// The variant that a caller asks for; nothing asked for is the account's own token.
    #[must_use]
    pub fn new(scope: Vec<String>, audience: Vec<String>) -> Self {
        Self { scope: set(scope), audience: set(audience) }
    }

    /// Whether it is the account's own token.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.scope.is_none() && self.audience.is_none()
    }

    /// The scopes asked for.
    #[must_use]
    pub fn scope(&self) -> Option<&[String]> {
        self.scope.as_deref()
    }

    /// The audiences asked for.
    #[must_use]
    pub fn audience(&self) -> Option<&[String]> {
        self.audience.as_deref()
    }
}

fn set(mut words: Vec<String>) -> Option<Vec<String>> {
    words.sort();
    words.dedup();
    (!words.is_empty()).then_some(words)
}

/// What the keeper publishes of one token, and what readers count.
#[derive(Debug, Default)]
pub struct Shared {
    snapshot: ArcSwap<Snapshot>,
    served: AtomicU64,
    /// Milliseconds on the steady clock, plus one; 0 for never.
    used: AtomicU64,
    ended: AtomicBool,
    changed: Notify,
    /// Why its token is not on disk, though it should be.
    unkept: ArcSwapOption<String>,
    /// Why a crash would lose the login, if it would.
    at_risk: ArcSwapOption<String>,
    /// When the term of its login is over, where it has one.
    login_end: ArcSwapOption<Wall>,
    /// What the log says is wrong with it.
    pub(super) told: Told,
}

impl Shared {
    /// The newest snapshot.
    pub fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Replaces the snapshot and wakes those who watch.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
        self.changed.notify_waiters();
    }

    /// The account is gone, or was replaced: what is published is empty from now on.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.publish(Snapshot::default());
    }

    /// Whether the account is gone, or was replaced by another of the same name.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Ends at the next publication. Make it before looking at the snapshot, so that none is missed.
    pub fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// Why the token would not survive a restart, if it would not.
    #[must_use]
    pub fn unkept(&self) -> Option<Arc<String>> {
        self.unkept.load_full()
    }

    pub(super) fn set_unkept(&self, why: Option<String>) {
        if why.is_some() || self.unkept.load().is_some() {
            self.unkept.store(why.map(Arc::new));
        }
    }

    /// Why a crash now would lose the login, if it would.
    #[must_use]
    pub fn at_risk(&self) -> Option<Arc<String>> {
        self.at_risk.load_full()
    }

    /// Whether that is news.
    pub(super) fn set_at_risk(&self, why: Option<String>) -> bool {
        let is_new = self.at_risk.load().as_deref() != why.as_ref();
        if is_new {
            self.at_risk.store(why.map(Arc::new));
        }
        is_new
    }

    /// When the term of its login is over, where a person gave it one.
    #[must_use]
    pub fn login_end(&self) -> Option<Wall> {
        self.login_end.load().as_deref().copied()
    }

    pub(super) fn set_login_end(&self, end: Option<Wall>) {
        if self.login_end.load().as_deref() != end.as_ref() {
            self.login_end.store(end.map(Arc::new));
        }
    }

    /// Counts a served token.
    pub fn count(&self, now: Steady) {
        self.served.fetch_add(1, Ordering::Relaxed);
        self.touch(now);
    }

    /// Somebody wants it.
    pub(super) fn touch(&self, now: Steady) {
        self.used.store(now.0.saturating_add(1), Ordering::Relaxed);
    }

    /// How many times a token was served.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// When a token was last served.
    #[must_use]
    pub fn used(&self) -> Option<Steady> {
        self.used.load(Ordering::Relaxed).checked_sub(1).map(Steady)
    }
}
