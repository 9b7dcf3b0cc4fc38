//! Locked and unlocked: by a person, or after a time in which nobody wanted a token.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokend_proto::Secret;
use tokend_proto::message::{StoreState, Words};
use tokio::sync::Notify;

use crate::account::{Keeper, KeeperGone};
use crate::clock::{Clock, milliseconds};
use crate::platform;
use crate::provider::Failure;
use crate::provider::http;
use crate::secret::store::{IdentityKind, Store, UnlockError};

/// A folder that does not answer by then is said to hang.
const LONGEST_LOOK: Duration = Duration::from_secs(3);

/// What locks and unlocks the whole daemon.
#[derive(Debug)]
pub struct Lock {
    keeper: Keeper,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// One unlock after the other. A lock waits for none.
    turn: tokio::sync::Mutex<()>,
    /// After so many milliseconds without use it locks by itself; 0 for never.
    after: AtomicU64,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    is_locked: bool,
    /// How many locks there were: an unlock that was under way during one does not count.
    locks: u64,
}

impl Lock {
    /// Unlocked, as far as the store lets it be.
    #[must_use]
    pub fn new(keeper: Keeper, store: Arc<Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            keeper,
            store,
            clock,
            state: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            after: AtomicU64::new(0),
            changed: Notify::new(),
        })
    }

    /// Forgets the store's key, the secrets and the tokens of every account that `tok lock` covers. What was begun is
    /// carried to its end, even if whoever asked goes.
    ///
    /// # Errors
    /// [`KeeperGone`] while the daemon stops.
    pub async fn lock(self: &Arc<Self>) -> Result<(), KeeperGone> {
        let locking = {
            let mut state = self.state();
            state.is_locked = true;
            state.locks += 1;
            self.store.lock();
            // Told while the state is held, so that it comes before any later unlock.
            self.keeper.lock()
        };
        let lock = Arc::clone(self);
        let locking = tokio::spawn(async move {
            let result = locking.await;
            // Their buffers have seen secrets.
            http::forget_clients();
            platform::scrub_stack();
            lock.changed.notify_waiters();
            tracing::info!("locked");
            result
        });
        locking.await.unwrap_or(Err(KeeperGone))
    }

    /// Opens the store, and lets every account go on. What was begun is carried to its end, even if whoever asked goes.
    ///
    /// # Errors
    /// Why the store stays closed; then everything stays as it was.
    pub async fn unlock(self: &Arc<Self>, passphrase: Option<Secret>) -> Result<(), UnlockError> {
        let lock = Arc::clone(self);
        // Counted from when it was asked for: it may wait for its turn.
        let before = self.state().locks;
        let unlocking = tokio::spawn(async move { lock.unlock_in_turn(passphrase, before).await });
        unlocking.await.unwrap_or_else(|_| Err(UnlockError::Failure(Failure::locked())))
    }

    async fn unlock_in_turn(&self, passphrase: Option<Secret>, before: u64) -> Result<(), UnlockError> {
        let _turn = self.turn.lock().await;
        let opened = self.store.unlock(passphrase).await;
        platform::scrub_stack();
        if let Err(error) = opened {
            tracing::warn!("the store was not unlocked: {}", why(&error));
            return Err(error);
        }
        let going_on = {
            let mut state = self.state();
            if state.locks != before {
                // Somebody locked meanwhile, and that is what counts.
                self.store.lock();
                return Err(UnlockError::Failure(Failure::locked()));
            }
            state.is_locked = false;
            self.keeper.touch(self.clock.now().steady);
            self.keeper.unlock()
        };
        // A keeper that has gone serves nobody; the daemon is stopping.
        let _ = going_on.await;
        self.changed.notify_waiters();
        tracing::info!("unlocked");
        Ok(())
    }

    /// Locks by itself after so long without a token asked for, or never.
    pub fn set_after(&self, after: Option<Duration>) {
        self.after.store(after.map_or(0, milliseconds), Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// Locks now if nobody wanted a token for so long that it should be locked already: a machine that was suspended
    /// serves nothing before.
    pub async fn lock_if_overdue(self: &Arc<Self>) {
        if self.is_overdue() {
            // Where the keeper has gone nobody is served.
            let _ = self.lock().await;
        }
    }

    /// Whether it should be locked already.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        match self.after.load(Ordering::Relaxed) {
            0 => false,
            after => {
                let idle = self.keeper.last_use().until(self.clock.now().steady);
                idle >= Duration::from_millis(after) && !self.state().is_locked
            }
        }
    }

    /// How it is.
    ///
    /// # Errors
    /// When the folder of the store does not answer.
    pub async fn describe(self: &Arc<Self>) -> Result<StoreState, Failure> {
        let lock = Arc::clone(self);
        let looking = tokio::task::spawn_blocking(move || lock.look());
        match tokio::time::timeout(LONGEST_LOOK, looking).await {
            Ok(Ok(state)) => Ok(state),
            _ => Err(Failure::not_now(
                "store",
                "the folder of the store does not answer",
                format!(
                    "is its file system there? `{}` should answer at once",
                    platform::remedies::LOOK_AT_STORE
                ),
            )),
        }
    }

    fn look(&self) -> StoreState {
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
            locked: self.state().is_locked || needs_passphrase,
            identity: word(store.identity).to_owned(),
            needs_passphrase,
            memory_locked,
            warnings: Words::truncating(warnings),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks whenever nobody wanted a token for as long as was said. Runs until it is dropped.
    pub async fn lock_when_idle(self: Arc<Self>) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Enabled before the look, so that a change in between is not missed.
            changed.as_mut().enable();
            let after = self.after.load(Ordering::Relaxed);
            if after == 0 || self.state().is_locked {
                changed.await;
            } else if self.is_overdue() {
                tracing::info!("nobody wanted a token for long");
                if self.lock().await.is_err() {
                    return;
                }
            } else {
                let deadline = self.keeper.last_use().after(Duration::from_millis(after));
                tokio::select! {
                    () = self.clock.sleep_until(deadline) => {}
                    () = changed => {}
                }
            }
        }
    }
}

fn why(error: &UnlockError) -> &str {
    match error {
        UnlockError::PassphraseNeeded => "it has a passphrase, and none was given",
        UnlockError::WrongPassphrase => "another passphrase",
        UnlockError::TooSoon(_) => "wrong passphrases came too fast",
        UnlockError::Failure(failure) => &failure.message,
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
