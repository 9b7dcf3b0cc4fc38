//! How many connections there may be: nobody is made to wait, the ones idle for longest are closed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// What [`Place::seen`] holds while we owe the client an answer.
const BUSY: u64 = u64::MAX;

/// The connections that there are, and which of them wait for their client.
#[derive(Debug)]
pub(super) struct Admission {
    limit: usize,
    most: usize,
    /// Counts entries and answers, so that a smaller number is an older one.
    clock: AtomicU64,
    inside: Mutex<HashMap<u64, Entry>>,
}

#[derive(Debug)]
struct Entry {
    /// When its client was last seen, or [`BUSY`].
    seen: Arc<AtomicU64>,
    task: Option<AbortHandle>,
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    seen: Arc<AtomicU64>,
    admission: Arc<Admission>,
}

impl Admission {
    /// Above `limit` idle connections are closed; beyond `most` nobody enters.
    pub(super) fn new(limit: usize, most: usize) -> Self {
        let limit = limit.max(1);
        Self { limit, most: most.max(limit), clock: AtomicU64::new(0), inside: Mutex::default() }
    }

    /// A place for one connection more, idle at first. Where all are taken, those idle for longest are closed, but
    /// for the newest: what those have sent may not have been read yet. None when all are busy and there are
    /// too many.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Place> {
        let mut inside = self.inside();
        let surplus = (inside.len() + 1).saturating_sub(self.limit);
        if surplus > 0 {
            // Some more than needed: looking for one costs as much as looking for all.
            let count = surplus + self.limit / 16;
            close_idle(&mut inside, count, self.limit.div_ceil(2).saturating_sub(1));
        }
        if inside.len() >= self.most {
            return None;
        }
        let id = self.tick();
        let seen = Arc::new(AtomicU64::new(id));
        inside.insert(id, Entry { seen: Arc::clone(&seen), task: None });
        Some(Place { id, seen, admission: Arc::clone(self) })
    }

    /// How to close this connection, should its place be needed.
    pub(super) fn can_be_closed(&self, id: u64, task: AbortHandle) {
        if let Some(entry) = self.inside().get_mut(&id) {
            entry.task = Some(task);
        }
    }

    /// Closes up to `count` idle connections, and says how many it closed.
    pub(super) fn close_idle(&self, count: usize) -> usize {
        close_idle(&mut self.inside(), count, 0)
    }

    /// How many connections there are.
    pub(super) fn count(&self) -> usize {
        self.inside().len()
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    fn inside(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes up to `count` connections, those idle for longest, but leaves the `keep` newest of the idle ones.
fn close_idle(inside: &mut HashMap<u64, Entry>, count: usize, keep: usize) -> usize {
    let mut idle: Vec<(u64, u64)> =
        inside.iter().map(|(id, entry)| (entry.seen.load(Ordering::Relaxed), *id)).collect();
    idle.retain(|(seen, _)| *seen != BUSY);
    idle.sort_unstable();
    let closed = count.min(idle.len().saturating_sub(keep));
    for (_, id) in &idle[..closed] {
        if let Some(task) = inside.remove(id).and_then(|entry| entry.task) {
            task.abort();
        }
    }
    closed
}

impl Place {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// The client has its answer and owes us a request: its place may be taken, after those of others.
    pub(super) fn seen(&self) {
        self.seen.store(self.admission.tick(), Ordering::Relaxed);
    }

    /// We owe the client an answer: its place is safe.
    pub(super) fn busy(&self) {
        self.seen.store(BUSY, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.inside().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(admission: &Arc<Admission>, count: usize) -> Vec<Place> {
        (0..count).filter_map(|_| admission.enter()).collect()
    }

    fn inside(places: &[Place]) -> Vec<bool> {
        places.iter().map(|place| place.admission.inside().contains_key(&place.id())).collect()
    }

    #[test]
    fn the_one_idle_for_longest_is_closed_and_a_busy_one_never() {
        let admission = Arc::new(Admission::new(3, 9));
        let idle = places(&admission, 3);
        idle[0].busy();
        idle[1].seen();
        let newest = places(&admission, 1);
        assert_eq!((inside(&idle), inside(&newest)), (vec![true, true, false], vec![true]));
        assert_eq!(admission.close_idle(5), 2);
        assert_eq!((inside(&idle), inside(&newest)), (vec![true, false, false], vec![false]));
    }

    #[test]
    fn however_many_are_busy_the_newest_stay_until_they_have_been_read() {
        let admission = Arc::new(Admission::new(4, 99));
        let busy: Vec<Place> = (0..10).filter_map(|_| admission.enter()).inspect(Place::busy).collect();
        let newest = places(&admission, 3);
        assert_eq!(inside(&newest), [false, true, true]);
        drop(busy);
    }

    #[test]
    fn nobody_enters_when_all_are_busy_and_too_many() {
        let admission = Arc::new(Admission::new(2, 3));
        let busy: Vec<Place> = (0..5).filter_map(|_| admission.enter()).inspect(Place::busy).collect();
        assert_eq!(busy.len(), 3);
        drop(busy);
        assert!(admission.enter().is_some());
    }

    #[tokio::test]
    async fn closing_ends_the_task() {
        let admission = Arc::new(Admission::new(2, 9));
        let task = tokio::spawn(std::future::pending::<()>());
        let place = admission.enter();
        admission.can_be_closed(place.as_ref().map_or(0, Place::id), task.abort_handle());
        assert_eq!(admission.close_idle(1), 1);
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
    }
}
