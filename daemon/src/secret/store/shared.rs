//! What all who use the store share: the opened identity, the lock, the tries.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use age::x25519;
use tokend_proto::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::UnlockError;
use super::blocking;
use super::identity::{self, Opened};
use super::opening::{self, Shut};
use super::penalty::Penalty;
use super::places::Places;
use super::plugin::Voice;
use super::trouble::{Trouble, shown};
use crate::platform;
use crate::provider::Failure;

/// A file system may hang for good, and a read cannot be cancelled: at most this many at once.
const MOST_READERS: usize = 4;

/// How an opening ended, once it has.
type Ended = Option<Result<(), Trouble>>;

/// The opened identity, and who may use it.
pub(super) struct Shared {
    inner: Mutex<Inner>,
    /// One try after another, each after its penalty.
    tries: Arc<tokio::sync::Mutex<Penalty>>,
    /// Milliseconds that go on in suspend.
    now: fn() -> u64,
    readers: Arc<Semaphore>,
}

#[derive(Default)]
struct Inner {
    locked: bool,
    /// How often it was locked: what was begun before a lock must not undo it.
    locks: u64,
    opened: Option<Arc<Opened>>,
    /// The recipient that took its place on disk, once that was said in the log.
    another: Option<x25519::Recipient>,
    /// The opening that is under way: a person touches a key once, however many wait.
    opening: Option<watch::Receiver<Ended>>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            inner: Mutex::default(),
            tries: Arc::default(),
            now: platform::steady_milliseconds,
            readers: Arc::new(Semaphore::new(MOST_READERS)),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (locked, open) = self.state();
        f.debug_struct("Shared").field("locked", &locked).field("open", &open).finish_non_exhaustive()
    }
}

impl Shared {
    /// With another clock.
    #[cfg(test)]
    pub(super) fn at(now: fn() -> u64) -> Self {
        Self { now, ..Self::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was locked, and whether the identity is open.
    pub(super) fn state(&self) -> (bool, bool) {
        let inner = self.inner();
        (inner.locked, inner.opened.is_some())
    }

    /// Nobody gets anything of a locked store.
    pub(super) fn admit(&self) -> Result<(), Trouble> {
        if self.inner().locked { Err(Trouble::locked()) } else { Ok(()) }
    }

    /// Waits until few enough are reading.
    pub(super) async fn reader(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(&self.readers).acquire_owned().await.ok()
    }

    pub(super) fn lock(&self) {
        let mut inner = self.inner();
        inner.locked = true;
        inner.locks += 1;
        inner.opened = None;
    }

    /// The identity, if it is open and not locked.
    pub(super) fn held(&self) -> Option<Arc<Opened>> {
        let inner = self.inner();
        inner.opened.clone().filter(|_| !inner.locked)
    }

    /// Takes over an identity that was opened elsewhere, unless there is one or a lock.
    pub(super) fn adopt(&self, opened: Arc<Opened>) {
        let mut inner = self.inner();
        if !inner.locked {
            inner.opened.get_or_insert(opened);
        }
    }

    /// The open identity; opens it where that needs no passphrase.
    pub(super) async fn opened(
        self: &Arc<Self>,
        places: &Places,
        voice: &Voice,
    ) -> Result<Arc<Opened>, Trouble> {
        self.refuse_another(places).await?;
        let mut ended = {
            let mut inner = self.inner();
            if inner.locked {
                return Err(Trouble::locked());
            }
            if let Some(opened) = &inner.opened {
                return Ok(Arc::clone(opened));
            }
            let under_way = inner.opening.clone();
            under_way.unwrap_or_else(|| {
                let (end, ended) = watch::channel(None);
                inner.opening = Some(ended.clone());
                let (shared, places, voice) = (Arc::clone(self), places.clone(), voice.clone());
                let locks = inner.locks;
                // Whoever gives up waiting must not take the touch of a key from the others.
                tokio::spawn(async move {
                    let opened = opening::open(&places, None, &voice).await;
                    end.send_replace(Some(shared.ended(locks, opened.map_err(Shut::without_asking))));
                });
                ended
            })
        };
        let ended = ended.wait_for(Option::is_some).await.map(|ended| ended.clone()).unwrap_or_default();
        ended.unwrap_or_else(|| {
            // Its task has ended without a word.
            self.inner().opening = None;
            Err(interrupted())
        })?;
        self.inner().opened.clone().ok_or_else(Trouble::locked)
    }

    /// Takes over what an opening brought, unless a lock came meanwhile.
    fn ended(&self, locks: u64, opened: Result<Opened, Trouble>) -> Result<(), Trouble> {
        let mut inner = self.inner();
        inner.opening = None;
        let opened = opened?;
        if inner.locks != locks {
            return Err(Trouble::locked());
        }
        inner.opened = Some(Arc::new(opened));
        Ok(())
    }

    /// The recipient on disk, where it is not that of the identity that is open.
    pub(super) fn another(&self, on_disk: Option<x25519::Recipient>) -> Option<x25519::Recipient> {
        on_disk.filter(|now| self.inner().opened.as_ref().is_some_and(|opened| opened.recipient != *now))
    }

    /// The identity on disk may have become another one: a restored backup, or somebody's who wants what is
    /// kept to be theirs. Only a person knows which.
    async fn refuse_another(&self, places: &Places) -> Result<(), Trouble> {
        if self.inner().opened.is_none() {
            return Ok(());
        }
        let on_disk = {
            let places = places.clone();
            let reader = self.reader().await;
            blocking(move || {
                let _reader = reader;
                identity::recipient(&places)
            })
        };
        let Some(another) = self.another(on_disk.await.ok().flatten()) else { return Ok(()) };
        let trouble = exchanged(places, &another);
        let is_new = self.inner().another.replace(another.clone()) != Some(another);
        if is_new {
            tracing::warn!("{}; {}", trouble.message, trouble.hint);
        }
        Err(trouble)
    }

    pub(super) async fn unlock(
        self: &Arc<Self>,
        places: &Places,
        passphrase: Option<Secret>,
        voice: &Voice,
    ) -> Result<(), UnlockError> {
        let (shared, places, voice) = (Arc::clone(self), places.clone(), voice.clone());
        // Who hangs up does not escape the penalty.
        let task = tokio::spawn(async move { shared.try_unlock(&places, passphrase, &voice).await });
        task.await.unwrap_or_else(|_| Err(UnlockError::Failure(interrupted().into())))
    }

    async fn try_unlock(
        &self,
        places: &Places,
        passphrase: Option<Secret>,
        voice: &Voice,
    ) -> Result<(), UnlockError> {
        let mut penalty = self.tries.lock().await;
        let (locks, is_open) = {
            let inner = self.inner();
            (inner.locks, !inner.locked && inner.opened.is_some())
        };
        if is_open && self.refuse_another(places).await.is_ok() {
            return Ok(());
        }
        let refused = |trouble: Trouble| UnlockError::Failure(Failure::from(trouble));
        let found = {
            let places = places.clone();
            blocking(move || {
                let how = identity::find(&places)?;
                let asks = how.as_ref().is_some_and(opening::needs_passphrase);
                Ok((how.is_some(), asks))
            })
        };
        let opened = match found.await.map_err(refused)? {
            // There is nothing to open yet.
            (false, _) => None,
            (true, asks) => {
                if asks {
                    if passphrase.is_none() {
                        return Err(UnlockError::PassphraseNeeded);
                    }
                    penalty.admit((self.now)()).map_err(UnlockError::TooSoon)?;
                }
                let opened = opening::open(places, passphrase.filter(|_| asks), voice).await;
                match &opened {
                    Ok(_) => penalty.right(),
                    Err(Shut::WrongPassphrase) => penalty.wrong((self.now)()),
                    Err(_) => {}
                }
                Some(opened?)
            }
        };
        let mut inner = self.inner();
        if inner.locks != locks {
            return Err(UnlockError::Failure(Failure::locked()));
        }
        inner.locked = false;
        inner.another = None;
        inner.opened = opened.map(Arc::new);
        Ok(())
    }
}

/// What to say where another identity lies than the one that is open.
pub(super) fn exchanged(places: &Places, another: &x25519::Recipient) -> Trouble {
    Trouble::refused(
        "store-exchanged",
        format!(
            "the store's identity was exchanged while tokend ran: {} names {another} now",
            shown(&places.recipients())
        ),
        "if you did it, `tok unlock` takes the new one over; if not, restore the store from your backup",
    )
}

fn interrupted() -> Trouble {
    Trouble::fault("opening the store was interrupted", "it is tried again")
}
