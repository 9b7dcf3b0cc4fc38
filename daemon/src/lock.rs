//! Locked and unlocked: by a person, or after a time in which nobody wanted a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokend_proto::Secret;
use tokend_proto::message::{StoreState, Words};
use tokio::sync::{Mutex, Notify};

use crate::account::{Keeper, KeeperGone};
use crate::clock::Clock;
use crate::platform;
use crate::provider::http;
use crate::secret::store::{IdentityKind, Store, UnlockError};

/// What locks and unlocks the whole daemon.
#[derive(Debug)]
pub struct Lock {
    keeper: Keeper,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    /// One after the other.
    turn: Mutex<()>,
    is_locked: AtomicBool,
    /// After so long without use it locks by itself.
    after: std::sync::Mutex<Option<Duration>>,
    changed: Notify,
}

impl Lock {
    /// Unlocked, as far as the store lets it be.
    #[must_use]
    pub fn new(keeper: Keeper, store: Arc<Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            keeper,
            store,
            clock,
            turn: Mutex::default(),
            is_locked: AtomicBool::new(false),
            after: std::sync::Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Forgets the store's key, the secrets and the tokens of every account that `tok lock` covers. What was begun is
    /// carried to its end, even if whoever asked goes.
    ///
    /// # Errors
    /// [`KeeperGone`] while the daemon stops.
    pub async fn lock(self: &Arc<Self>) -> Result<(), KeeperGone> {
        let lock = Arc::clone(self);
        let locking = tokio::spawn(async move {
            let _turn = lock.turn.lock().await;
            lock.is_locked.store(true, Ordering::Release);
            lock.store.lock();
            let result = lock.keeper.lock().await;
            // Their buffers have seen secrets.
            http::forget_clients();
            platform::scrub_stack();
            lock.changed.notify_waiters();
            tracing::info!("locked");
            result
        });
        locking.await.unwrap_or(Err(KeeperGone))
    }

    /// Opens the store, and lets every account go on.
    ///
    /// # Errors
    /// Why the store stays closed; then everything stays as it was.
    pub async fn unlock(&self, passphrase: Option<Secret>) -> Result<(), UnlockError> {
        let _turn = self.turn.lock().await;
        // Without a store there is nothing to open, only tokens to be fetched again.
        self.store.unlock(passphrase).await?;
        self.is_locked.store(false, Ordering::Release);
        self.keeper.touch(self.clock.now().steady);
        // A keeper that has gone serves nobody; the daemon is stopping.
        let _ = self.keeper.unlock().await;
        self.changed.notify_waiters();
        tracing::info!("unlocked");
        Ok(())
    }

    /// Locks by itself after so long without a token asked for, or never.
    pub fn set_after(&self, after: Option<Duration>) {
        *self.after.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = after;
        self.changed.notify_waiters();
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> StoreState {
        let store = self.store.state();
        let needs_passphrase = store.needs_passphrase && !store.open;
        let memory_locked = platform::memory_is_locked();
        let mut warnings = Vec::new();
        if store.identity == IdentityKind::Plain {
            warnings.push(
                "the store's identity has no passphrase: whoever reads your files can read the store"
                    .to_owned(),
            );
        }
        if !memory_locked {
            warnings
                .push("memory is not locked: secrets may be swapped to disk (see `ulimit -l`)".to_owned());
        }
        StoreState {
            locked: self.is_locked.load(Ordering::Acquire) || needs_passphrase,
            identity: word(store.identity).to_owned(),
            needs_passphrase,
            memory_locked,
            warnings: Words::truncating(warnings),
        }
    }

    /// Locks whenever nobody wanted a token for as long as was said. Runs until it is dropped.
    pub async fn lock_when_idle(self: Arc<Self>) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Enabled before the look, so that a change in between is not missed.
            changed.as_mut().enable();
            let after = *self.after.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let Some(after) = after.filter(|_| !self.is_locked.load(Ordering::Acquire)) else {
                changed.await;
                continue;
            };
            let deadline = self.keeper.last_use().after(after);
            if self.clock.now().steady < deadline {
                tokio::select! {
                    () = self.clock.sleep_until(deadline) => {}
                    () = changed => {}
                }
            } else {
                tracing::info!(after = ?after, "nobody wanted a token for long");
                if self.lock().await.is_err() {
                    return;
                }
            }
        }
    }
}

fn word(identity: IdentityKind) -> &'static str {
    match identity {
        IdentityKind::None => StoreState::NONE,
        IdentityKind::Plain => StoreState::PLAIN,
        IdentityKind::Passphrase => StoreState::PASSPHRASE,
        IdentityKind::SshKey => StoreState::SSH_KEY,
        IdentityKind::Plugin => StoreState::PLUGIN,
        IdentityKind::Keyring => StoreState::KEYRING,
        IdentityKind::Credential => StoreState::CREDENTIAL,
    }
}
