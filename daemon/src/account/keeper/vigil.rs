//! Parked accounts whose secrets lie in files: a change of such a file wakes them, without polling.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use super::{LifeId, Report, Task};
use crate::account::life::Event;
use crate::account::snapshot::State;
use crate::clock::{Clock, Steady};
use crate::platform::FolderWatches;
use crate::platform::files::{self, Stamp};
use crate::provider::{Class, Provider};
use crate::secret::Source;

/// So many accounts may park, and files change, at the cost of one look at the secrets' files.
const PAUSE: Duration = Duration::from_secs(1);

/// After some rest it is shorter: a file that is written beside and put in its place changes its folder twice, and
/// whoever has set a secret asks for the token at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// Where files could not be looked at or watched, it is tried again after this long.
const RETRY: Duration = Duration::from_secs(10);

/// A disk that takes longer to tell about its files holds up nobody.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// Nor do the looks that hang on it hold up those at other files much.
const LONGEST_TURN: Duration = Duration::from_millis(500);

/// At most so many looks before attempts are under way, or hang, at a time.
static LOOKS: Semaphore = Semaphore::const_new(4);

/// Whom to watch for.
pub(super) enum Errand {
    Watch(LifeId, Files),
    Stop(LifeId),
}

/// Files, and how they were.
pub(super) type Files = Arc<[(PathBuf, Option<Stamp>)]>;

/// The task that watches.
#[derive(Debug)]
pub(super) struct Vigil(mpsc::UnboundedSender<Errand>);

impl Vigil {
    /// Starts it. It ends with the keeper.
    pub(super) fn start(clock: Arc<dyn Clock>, reports: mpsc::UnboundedSender<Report>) -> Self {
        let (errands, inbox) = mpsc::unbounded_channel();
        let looks = Arc::new(Semaphore::new(1));
        tokio::spawn(Watcher { clock, reports, watched: HashMap::new(), looks, is_told: false }.run(inbox));
        Self(errands)
    }

    fn send(&self, errand: Errand) {
        // Without a watcher the daemon is stopping.
        let _ = self.0.send(errand);
    }
}

impl Task {
    /// A parked account is watched for, any other is not.
    pub(super) fn watch_if_parked(&mut self, id: LifeId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let is_parked = matches!(slot.shared.snapshot().state, State::Parked | State::LoginNeeded);
        if is_parked == slot.watched {
            return;
        }
        slot.watched = is_parked;
        if !is_parked {
            self.vigil.send(Errand::Stop(id));
        } else if !slot.stamps.is_empty() {
            self.vigil.send(Errand::Watch(id, Arc::clone(&slot.stamps)));
        }
    }

    /// The file of a secret has changed. What a service refused is sent again only where the secret itself is another.
    pub(super) fn mended(&mut self, id: LifeId) {
        let Some(slot) = self.slots.get(&id).filter(|slot| slot.watched) else { return };
        let was_refused = slot
            .shared
            .snapshot()
            .trouble
            .as_ref()
            .is_some_and(|trouble| matches!(trouble.failure.class, Class::No | Class::Doubtful));
        if was_refused && !slot.fetched.is_empty() {
            self.read_again(id);
        } else {
            self.try_again(id);
        }
    }

    /// What a parked account's secrets are now, by their hashes, if they can be had.
    pub(super) fn has_read_again(&mut self, id: LifeId, stamps: Files, fetched: Option<super::Fetched>) {
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.watched) else { return };
        match fetched {
            Some(fetched) if fetched != slot.fetched => self.try_again(id),
            Some(_) => {
                slot.stamps = Arc::clone(&stamps);
                self.vigil.send(Errand::Watch(id, stamps));
            }
            // The refused attempt's stamps stay: after an unlock it is read again.
            None => self.vigil.send(Errand::Watch(id, stamps)),
        }
    }

    /// The account is watched for again should that fail.
    fn try_again(&mut self, id: LifeId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.watched = false;
        tracing::info!(account = slot.account.name, "a file of its secret has changed: tried again");
        self.tell(id, Event::Mended);
    }

    pub(super) fn stop_watching(&self, id: LifeId) {
        self.vigil.send(Errand::Stop(id));
    }
}

/// How the files of a provider's secrets are now; nothing where they do not say so soon.
pub(super) async fn stamps(provider: &dyn Provider) -> Files {
    let sources = provider.sources().into_iter().chain(provider.first_refresh_token());
    stamps_of(sources.flat_map(Source::files).collect()).await
}

/// How these files are now; nothing where they do not say so soon.
pub(super) async fn stamps_of(files: Vec<PathBuf>) -> Files {
    if files.is_empty() {
        return Files::default();
    }
    // The semaphore is never closed.
    let Ok(Ok(turn)) = tokio::time::timeout(LONGEST_TURN, LOOKS.acquire()).await else {
        return Files::default();
    };
    let stamped = off_the_runtime(move || {
        // Given back when the look ends, not when nobody waits for it any more.
        let _turn = turn;
        files
            .into_iter()
            .map(|path| {
                let stamp = files::stamp(&path);
                (path, stamp)
            })
            .collect()
    });
    stamped.await.unwrap_or_default()
}

struct Watcher {
    clock: Arc<dyn Clock>,
    reports: mpsc::UnboundedSender<Report>,
    watched: HashMap<LifeId, Files>,
    /// One look at a time, also where one hangs.
    looks: Arc<Semaphore>,
    /// Whether the log has why files cannot be watched.
    is_told: bool,
}

impl Watcher {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Errand>) {
        let mut watches: Option<FolderWatches> = None;
        let mut retry: Option<Steady> = None;
        let (mut pause, mut rested) = (SHORTEST_PAUSE, Steady::default());
        loop {
            let clock = Arc::clone(&self.clock);
            let changed = async {
                match (&watches, retry) {
                    // A watch that broke is made anew after a pause.
                    (Some(watches), _) => drop(watches.changed().await),
                    (None, Some(at)) => clock.sleep_until(at).await,
                    (None, None) => std::future::pending().await,
                }
            };
            let mut is_due = tokio::select! {
                biased;
                errand = inbox.recv() => match errand {
                    Some(errand) => self.take(errand),
                    None => return,
                },
                () = changed => true,
            };
            while let Ok(errand) = inbox.try_recv() {
                is_due |= self.take(errand);
            }
            if self.watched.is_empty() {
                (watches, retry) = (None, None);
            } else if is_due {
                let now = self.clock.now().steady;
                pause = if now < rested { (pause * 2).min(PAUSE) } else { SHORTEST_PAUSE };
                rested = now.after(pause + PAUSE);
                watches = self.look().await;
                retry = watches.is_none().then(|| self.clock.now().steady.after(RETRY));
                // What happens meanwhile is seen by the next look.
                self.clock.sleep_until(now.after(pause)).await;
            }
        }
    }

    /// Whether there is something new to look at.
    fn take(&mut self, errand: Errand) -> bool {
        match errand {
            Errand::Watch(id, files) => {
                self.watched.insert(id, files);
                true
            }
            Errand::Stop(id) => {
                self.watched.remove(&id);
                false
            }
        }
    }

    /// Tells of those whose files are not as they were. Watches before it looks, so that no change is missed.
    async fn look(&mut self) -> Option<FolderWatches> {
        let turn = Arc::clone(&self.looks).try_acquire_owned().ok()?;
        let parked: Vec<_> = self.watched.iter().map(|(id, files)| (*id, Arc::clone(files))).collect();
        let looked = off_the_runtime(move || {
            let _turn = turn;
            let folders: BTreeSet<PathBuf> = parked
                .iter()
                .flat_map(|(_, files)| files.iter())
                .flat_map(|(path, _)| folders(path))
                .collect();
            let watches = FolderWatches::new(folders.iter().map(PathBuf::as_path));
            let is_same = |files: &Files| files.iter().all(|(path, stamp)| files::stamp(path) == *stamp);
            let changed: Vec<LifeId> =
                parked.iter().filter(|(_, files)| !is_same(files)).map(|(id, _)| *id).collect();
            (watches, changed)
        });
        let Some((watches, changed)) = looked.await else {
            self.warn("they cannot be looked at in time");
            return None;
        };
        for id in changed {
            self.watched.remove(&id);
            let _ = self.reports.send(Report::Mended(id));
        }
        match watches {
            Ok(watches) => {
                self.is_told = false;
                Some(watches)
            }
            Err(error) => {
                self.warn(&error.to_string());
                None
            }
        }
    }

    fn warn(&mut self, why: &str) {
        if !std::mem::replace(&mut self.is_told, true) {
            tracing::warn!(
                "files of secrets cannot be watched: {why}; it is tried again, and `tok reload` looks at once"
            );
        }
    }
}

/// The folders in which something happens when a file is changed: its own, and that of what it is a link to.
fn folders(path: &Path) -> impl Iterator<Item = PathBuf> {
    let target = std::fs::canonicalize(path).ok().or_else(|| {
        // It leads nowhere yet.
        let target = std::fs::read_link(path).ok()?;
        Some(path.parent()?.join(target))
    });
    let places = [Some(path.to_path_buf()), target].into_iter().flatten();
    places.filter_map(|place| place.parent().map(Path::to_path_buf))
}

/// Files may lie on a disk that hangs.
async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::time::timeout(LONGEST_LOOK, tokio::task::spawn_blocking(work)).await.ok()?.ok()
}
