//! What the log says is wrong with a token: each kind of failure is told once, until it works again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Steady;

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Option<Trouble>>);

/// A row of failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// When the first was.
    pub(super) since: Steady,
    /// How many there were.
    pub(super) count: u64,
    kinds: Vec<&'static str>,
}

impl Told {
    /// Counts a failure, and says whether one of its kind has not been told yet.
    pub(super) fn is_news(&self, kind: &'static str, now: Steady) -> bool {
        let mut told = self.told();
        let trouble = told.get_or_insert_with(|| Trouble { since: now, count: 0, kinds: Vec::new() });
        trouble.count += 1;
        let is_news = !trouble.kinds.contains(&kind);
        if is_news {
            trouble.kinds.push(kind);
        }
        is_news
    }

    /// Somebody did something about it: every kind is news again.
    pub(super) fn expect_news(&self) {
        if let Some(trouble) = &mut *self.told() {
            trouble.kinds.clear();
        }
    }

    /// It works; what was wrong before, if anything was.
    pub(super) fn over(&self) -> Option<Trouble> {
        self.told().take()
    }

    fn told(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once_until_it_works_again() {
        let told = Told::default();
        assert_eq!(told.over(), None);
        assert!(told.is_news("network", Steady(5)));
        assert!(!told.is_news("network", Steady(6)));
        assert!(told.is_news("tls", Steady(7)));
        assert!(!told.is_news("network", Steady(8)));
        told.expect_news();
        assert!(told.is_news("network", Steady(9)));
        let over = told.over().map(|trouble| (trouble.since, trouble.count));
        assert_eq!(over, Some((Steady(5), 5)));
        assert_eq!(told.over(), None);
        assert!(told.is_news("network", Steady(10)));
    }
}
