//! A deterministic simulation of accounts' lives: the daemon's own code under simulated clocks, on a simulated disk, with
//! simulated services, callers and persons, and crashes at any step; the promises of INTERFACE are checked after each.
//!
//! One seed is one world: the same seed gives the same events and the same end, and `--seed` tells the last of them in
//! words. What is simulated is everything around the pure functions [`Life`](super::Life), [`Grant`](super::grant::Grant),
//! the forms of what is kept, and the schedule; the glue in `machine` and `spending` does what the keeper does, and no
//! more. It is run by `cargo simulation`, for so many steps or seconds, and by `cargo test` for a moment.

mod dice;
mod hands;
mod keeping;
mod machine;
mod people;
mod promises;
mod service;
mod site;
mod spending;
mod trace;
mod watch;
mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::world::World;

pub use self::world::Violation;

/// So many steps has a world, where nobody says otherwise.
pub const STEPS_OF_A_WORLD: u64 = 10_000;

/// What came of worlds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many there were.
    pub worlds: u64,
    /// How many steps they took.
    pub steps: u64,
    /// A digest of all that happened: the same for the same seeds.
    pub digest: u64,
    /// How often what happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// The promise that was not kept.
    pub violation: Option<Violation>,
}

/// One world from its beginning, so many steps or up to the first promise that is not kept; of
/// what happened before that, so many lines are told.
#[must_use]
pub fn run(seed: u64, steps: u64, lines: usize) -> Report {
    let ending = World::new(seed, 0).run(steps);
    let violation = ending.violation.is_some().then(|| replay(seed, steps, lines)).flatten();
    Report { worlds: 1, steps: ending.steps, digest: ending.digest, counts: ending.counts, violation }
}

/// The same, with what happened before in words.
fn replay(seed: u64, steps: u64, lines: usize) -> Option<Violation> {
    let ending = World::new(seed, lines.max(1)).run(steps);
    let (check, what) = ending.violation?;
    Some(Violation { seed, step: ending.steps, check, what, trace: ending.trace })
}

impl Report {
    /// Both together; of two broken promises, that of the lower seed.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.worlds += other.worlds;
        self.steps += other.steps;
        // The order in which worlds end does not matter.
        self.digest = self.digest.wrapping_add(other.digest);
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
        self.violation = match (self.violation, other.violation) {
            (Some(one), Some(two)) => Some(if one.seed <= two.seed { one } else { two }),
            (one, two) => one.or(two),
        };
        self
    }
}
