//! What came of an account's requests to its service, counted for who measures tokend.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::milliseconds;

/// Durations up to so many milliseconds are counted together.
pub const BOUNDS_MS: [u64; 10] = [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000];

/// The counts of one account, of all its tokens together, from the time that it was configured.
#[derive(Debug, Default)]
pub struct Tally {
    minted: AtomicU64,
    /// By the failure's kind. Failures are rare: no reader of a token waits here.
    failed: Mutex<BTreeMap<&'static str, u64>>,
    /// One more than bounds: the last is for what took longer.
    took: [AtomicU64; BOUNDS_MS.len() + 1],
    took_ms: AtomicU64,
}

impl Tally {
    /// A request brought a token.
    pub(super) fn minted(&self, took: Duration) {
        self.minted.fetch_add(1, Ordering::Relaxed);
        self.took(took);
    }

    /// A request, or what it needed, failed.
    pub(super) fn failed(&self, kind: &'static str, took: Duration) {
        *self.failures_by_kind().entry(kind).or_default() += 1;
        self.took(took);
    }

    fn took(&self, took: Duration) {
        let took = milliseconds(took);
        let bucket = BOUNDS_MS.iter().position(|bound| took <= *bound).unwrap_or(BOUNDS_MS.len());
        self.took[bucket].fetch_add(1, Ordering::Relaxed);
        self.took_ms.fetch_add(took, Ordering::Relaxed);
    }

    /// How many tokens were got.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.minted.load(Ordering::Relaxed)
    }

    /// How many tries failed, by the failure's kind.
    #[must_use]
    pub fn failures(&self) -> BTreeMap<&'static str, u64> {
        self.failures_by_kind().clone()
    }

    /// How many tries took at most as long as each of [`BOUNDS_MS`], and how many there were; and the milliseconds of
    /// all.
    #[must_use]
    pub fn durations(&self) -> ([u64; BOUNDS_MS.len() + 1], u64) {
        let mut sum = 0;
        let cumulative = self.took.each_ref().map(|bucket| {
            sum += bucket.load(Ordering::Relaxed);
            sum
        });
        (cumulative, self.took_ms.load(Ordering::Relaxed))
    }

    fn failures_by_kind(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_up_to_each_bound() {
        let tally = Tally::default();
        for took in [0, 50, 51, 60_000] {
            tally.minted(Duration::from_millis(took));
        }
        tally.failed("network", Duration::from_secs(61));
        let (counts, all_ms) = tally.durations();
        assert_eq!(counts, [2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 5]);
        assert_eq!(all_ms, 101 + 60_000 + 61_000);
        assert_eq!(tally.tokens(), 4);
        assert_eq!(tally.failures(), BTreeMap::from([("network", 1)]));
    }
}
