//! The real `tokend` under constant rotation, killed again and again with SIGKILL: which logins are lost, and
//! that each of them could not be kept.
//!
//! What is lost is counted in two ways that know nothing of the daemon's own counting: by the services' books
//! (a rotation that was carried out, and whose new token was never sent), and by what lay on the disk when
//! the daemon died.

mod aim;
mod callers;
mod disk;
mod lane;
mod tally;

use std::thread;

use crate::course::{Course, Findings};
use crate::stand_in::Rotation;

use lane::Lane;
use tally::Tally;

/// How the services treat their refresh tokens, each in an account of its own.
const MANNERS: [(Rotation, &str); 3] =
    [(Rotation::Grace, "grace"), (Rotation::Strict, "strict"), (Rotation::Revoking, "revoking")];

/// When the next kill may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kills {
    /// Once every account has got over the last one. Then it is known of each login whether it must be lost.
    AfterRecovery,
    /// At any time, also while the daemon starts and recovers. Then a refresh token may have been sent twice
    /// without anybody knowing what became of it.
    AtAnyTime,
}

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// When the kills come.
    pub kills: Kills,
    /// How many, over all daemons.
    pub amount: usize,
    /// How many daemons run side by side, each in a home of its own with services of its own.
    pub daemons: usize,
    /// How many accounts of each manner a daemon has.
    pub accounts: usize,
    /// Where chance begins.
    pub seed: u64,
}

/// Does it. Ends early where `course` does.
///
/// # Panics
/// When the programs cannot be started, or a thread of this one has.
#[must_use]
pub fn run(plan: &Plan, course: &Course) -> Findings {
    let done = tally::Progress::new(plan.amount, course);
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..plan.daemons)
            .map(|number| {
                let (done, course) = (&done, &course);
                scope.spawn(move || Lane::new(plan, number).run(plan, done, course))
            })
            .collect();
        lanes.into_iter().map(|lane| lane.join().expect("no panic in a lane")).collect()
    });
    Tally::findings(&tallies, plan)
}
