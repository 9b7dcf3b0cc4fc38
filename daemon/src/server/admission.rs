//! How many connections there may be: nobody is made to wait, the ones idle for longest are closed.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// The connections that there are, and which of them wait for their client.
#[derive(Debug)]
pub(super) struct Admission {
    limit: usize,
    most: usize,
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
    /// Above `limit` idle connections are closed; beyond `most` nobody enters.
    pub(super) fn new(limit: usize, most: usize) -> Self {
        let limit = limit.max(1);
        Self { limit, most: most.max(limit), inside: Mutex::default() }
    }

    /// A place for one connection more, idle at first. Where all are taken, those idle for longest are closed, but
    /// for the newest: what those have sent may not have been read yet. None when all are busy and there are
    /// too many.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Place> {
        let mut inside = self.inside();
        let surplus = (inside.all.len() + 1).saturating_sub(self.limit);
        let not_new = (inside.idle.len() + 1).saturating_sub(self.limit.div_ceil(2));
        inside.close_idle(surplus.min(not_new));
        if inside.all.len() >= self.most {
            return None;
        }
        let id = inside.tick();
        inside.all.insert(id, Entry { idle_since: None, task: None });
        inside.set_idle(id, true);
        Some(Place { id, admission: Arc::clone(self) })
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

    fn places(admission: &Arc<Admission>, count: usize) -> Vec<Place> {
        (0..count).filter_map(|_| admission.enter()).collect()
    }

    fn inside(places: &[Place]) -> Vec<bool> {
        places.iter().map(|place| place.admission.inside().all.contains_key(&place.id())).collect()
    }

    #[test]
    fn the_one_idle_for_longest_is_closed_and_a_busy_one_never() {
        let admission = Arc::new(Admission::new(2, 9));
        let first = places(&admission, 1);
        first[0].busy();
        let second = places(&admission, 1);
        let newest = places(&admission, 1);
        assert_eq!((inside(&first), inside(&second)), (vec![true], vec![false]));
        assert_eq!(inside(&newest), [true]);
        assert_eq!(admission.close_idle(5), 1);
        assert_eq!(inside(&newest), [false]);
        assert_eq!(inside(&first), [true]);
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
