//! How many connections there may be: nobody is made to wait, the ones idle for longest are closed.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// The connections that there are, and which of them wait for their client.
#[derive(Debug)]
pub(super) struct Admission {
    limit: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    /// Counts entries and changes, so that a smaller number is an older one.
    clock: u64,
    all: HashMap<u64, Entry>,
    idle: BTreeSet<(u64, u64)>,
}

#[derive(Debug)]
struct Entry {
    idle_since: Option<u64>,
    task: Option<AbortHandle>,
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    admission: Arc<Admission>,
}

impl Admission {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), inside: Mutex::default() }
    }

    /// A place for one connection more, idle at first. Where all are taken, those idle for longest are closed;
    /// where none is idle, there is one more than there should be until one ends.
    pub(super) fn enter(self: &Arc<Self>) -> Place {
        let mut inside = self.inside();
        let surplus = (inside.all.len() + 1).saturating_sub(self.limit);
        inside.close_idle(surplus);
        let id = inside.tick();
        inside.all.insert(id, Entry { idle_since: None, task: None });
        inside.set_idle(id, true);
        Place { id, admission: Arc::clone(self) }
    }

    /// How to close this connection, should its place be needed.
    pub(super) fn can_be_closed(&self, id: u64, task: AbortHandle) {
        if let Some(entry) = self.inside().all.get_mut(&id) {
            entry.task = Some(task);
        }
    }

    /// Closes up to `count` idle connections, and says how many it closed.
    pub(super) fn close_idle(&self, count: usize) -> usize {
        self.inside().close_idle(count)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn close_idle(&mut self, count: usize) -> usize {
        let mut closed = 0;
        while closed < count {
            let Some((_, id)) = self.idle.pop_first() else { break };
            // The place itself goes with its task, a moment later.
            if let Some(task) = self.all.remove(&id).and_then(|entry| entry.task) {
                task.abort();
            }
            closed += 1;
        }
        closed
    }

    fn set_idle(&mut self, id: u64, idle: bool) {
        let now = self.tick();
        let Some(entry) = self.all.get_mut(&id) else { return };
        if let Some(since) = entry.idle_since.take() {
            self.idle.remove(&(since, id));
        }
        if idle {
            entry.idle_since = Some(now);
            self.idle.insert((now, id));
        }
    }
}

impl Place {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// The client owes us a request: its place may be taken.
    pub(super) fn idle(&self) {
        self.admission.inside().set_idle(self.id, true);
    }

    /// We owe the client an answer: its place is safe.
    pub(super) fn busy(&self) {
        self.admission.inside().set_idle(self.id, false);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.admission.inside();
        inside.set_idle(self.id, false);
        inside.all.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_one_idle_for_longest_is_closed_and_a_busy_one_never() {
        let admission = Arc::new(Admission::new(2));
        let task = |place: Place| {
            let id = place.id();
            let task = tokio::spawn(async move {
                let _place = place;
                std::future::pending::<()>().await;
            });
            admission.can_be_closed(id, task.abort_handle());
            task
        };
        let busy = admission.enter();
        busy.busy();
        let busy = task(busy);
        let idle = task(admission.enter());
        let newest = task(admission.enter());
        assert!(idle.await.is_err_and(|error| error.is_cancelled()));
        assert!(!busy.is_finished() && !newest.is_finished());
        assert_eq!(admission.close_idle(5), 1);
        assert!(newest.await.is_err_and(|error| error.is_cancelled()));
        assert!(!busy.is_finished());
        busy.abort();
    }
}
