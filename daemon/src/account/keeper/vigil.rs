//! Parked accounts whose secrets lie in files: a change of such a file wakes them, without polling.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{LifeId, Report, Task};
use crate::account::life::Event;
use crate::account::snapshot::State;
use crate::clock::Clock;
use crate::platform::FolderWatches;
use crate::platform::files::{self, Stamp};
use crate::provider::Provider;

/// A folder in which files come and go all the time costs a look at the secrets' files once in so long.
const PAUSE: Duration = Duration::from_secs(1);

/// A disk that takes longer to tell about its files holds up nobody.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// Whom to watch for.
pub(super) enum Errand {
    Watch(LifeId, Files),
    Stop(LifeId),
}

/// The task that watches.
#[derive(Debug)]
pub(super) struct Vigil(mpsc::UnboundedSender<Errand>);

impl Vigil {
    /// Starts it. It ends with the keeper.
    pub(super) fn start(clock: Arc<dyn Clock>, reports: mpsc::UnboundedSender<Report>) -> Self {
        let (errands, inbox) = mpsc::unbounded_channel();
        tokio::spawn(Watcher { clock, reports, watched: HashMap::new() }.run(inbox));
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
        let is_parked = slot.shared.snapshot().state == State::Parked;
        if is_parked == slot.watched {
            return;
        }
        slot.watched = is_parked;
        if is_parked {
            let files = std::mem::take(&mut slot.stamps);
            if !files.is_empty() {
                self.vigil.send(Errand::Watch(id, files));
            }
        } else {
            self.vigil.send(Errand::Stop(id));
        }
    }

    /// The file of a secret has changed: the account is tried again, and watched for again should that fail.
    pub(super) fn mended(&mut self, id: LifeId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if std::mem::take(&mut slot.watched) {
            tracing::info!(account = slot.account.name, "a file of its secret has changed: tried again");
            self.tell(id, Event::Mended);
        }
    }

    pub(super) fn stop_watching(&self, id: LifeId) {
        self.vigil.send(Errand::Stop(id));
    }
}

struct Watcher {
    clock: Arc<dyn Clock>,
    reports: mpsc::UnboundedSender<Report>,
    watched: HashMap<LifeId, Files>,
}

/// Files, and how they were.
pub(super) type Files = Vec<(PathBuf, Option<Stamp>)>;

/// How the files of a provider's secrets are now.
pub(super) async fn stamps(provider: &dyn Provider) -> Files {
    let files: Vec<PathBuf> = provider.sources().iter().flat_map(|source| source.files()).collect();
    if files.is_empty() {
        return Vec::new();
    }
    let stamped = off_the_runtime(move || {
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

impl Watcher {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Errand>) {
        let mut watches: Option<FolderWatches> = None;
        loop {
            let changed = async {
                match &watches {
                    // A watch that broke is made anew after a pause.
                    Some(watches) => drop(watches.changed().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                errand = inbox.recv() => match errand {
                    Some(Errand::Watch(id, files)) => drop(self.watched.insert(id, files)),
                    Some(Errand::Stop(id)) => drop(self.watched.remove(&id)),
                    None => return,
                },
                () = changed => {
                    let pause = self.clock.now().steady.after(PAUSE);
                    self.look().await;
                    // What happens meanwhile is seen by the next look.
                    self.clock.sleep_until(pause).await;
                }
            }
            watches = self.watches().await;
        }
    }

    /// Watches before it looks, so that no change is missed.
    async fn watches(&mut self) -> Option<FolderWatches> {
        if self.watched.is_empty() {
            return None;
        }
        let paths: BTreeSet<PathBuf> = self
            .watched
            .values()
            .flatten()
            .filter_map(|(path, _)| path.parent().map(Path::to_path_buf))
            .collect();
        let watches = off_the_runtime(move || FolderWatches::new(paths.iter().map(PathBuf::as_path))).await?;
        self.look().await;
        watches.map_err(|error| tracing::warn!(%error, "files of secrets cannot be watched; `tok reload` looks again")).ok()
    }

    /// Tells of those whose files are not as they were.
    async fn look(&mut self) {
        let watched = std::mem::take(&mut self.watched);
        let looked = off_the_runtime(move || {
            let mut changed = Vec::new();
            let mut same = HashMap::new();
            for (id, files) in watched {
                if files.iter().all(|(path, stamp)| files::stamp(path) == *stamp) {
                    same.insert(id, files);
                } else {
                    changed.push(id);
                }
            }
            (same, changed)
        });
        let Some((same, changed)) = looked.await else { return };
        self.watched = same;
        for id in changed {
            let _ = self.reports.send(Report::Mended(id));
        }
    }
}

/// Files may lie on a disk that hangs.
async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::time::timeout(LONGEST_LOOK, tokio::task::spawn_blocking(work)).await.ok()?.ok()
}
