//! The world's only chance: one seeded generator.

use std::time::Duration;

/// A generator that gives the same throws for the same seed.
#[derive(Debug)]
pub(super) struct Dice(fastrand::Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Once in `n`.
    pub(super) fn one_in(&mut self, n: u32) -> bool {
        n > 0 && self.0.u32(0..n) == 0
    }

    /// In so many of a hundred.
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        self.0.u32(0..100) < percent
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { self.0.usize(0..n) }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// Milliseconds between two bounds; each order of magnitude as often as the next.
    pub(super) fn span_ms(&mut self, least: u64, most: u64) -> u64 {
        let (low, high) = (bits(least), bits(most));
        let bits = self.0.u32(low..=high);
        let floor = 1_u64 << bits;
        (floor + self.0.u64(0..floor)).clamp(least, most)
    }

    /// The same as a [`Duration`].
    pub(super) fn span(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.span_ms(least, most))
    }
}

fn bits(number: u64) -> u32 {
    number.max(1).ilog2()
}
