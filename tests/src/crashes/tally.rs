//! What the kills came to, manner by manner.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::course::{Course, Findings, progress};
use crate::stand_in::{OAuthServer, Outcome};

use super::{Kills, MANNERS, Plan};

/// How many kills there are still to be, over all lanes.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    amount: usize,
    begun: AtomicUsize,
    course: &'a Course,
}

impl<'a> Progress<'a> {
    pub(super) fn new(amount: usize, course: &'a Course) -> Self {
        Self { amount, begun: AtomicUsize::new(0), course }
    }

    /// Whether there is one more.
    pub(super) fn next(&self) -> bool {
        if !self.course.goes_on() {
            return false;
        }
        let begun = self.begun.fetch_add(1, Ordering::Relaxed);
        if begun < self.amount && begun.is_multiple_of(10) {
            self.course.say(&progress("kill", begun, self.amount));
        }
        begun < self.amount
    }
}

/// The counts of one manner.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// Rotations that the service carried out.
    pub(super) rotations: usize,
    /// Retries that it honoured.
    pub(super) honoured: usize,
    /// Times that a rotation had been carried out whose new token was not on disk when the daemon died.
    pub(super) unkept: usize,
    /// Logins that were lost with such a rotation.
    pub(super) lost: usize,
    /// Logins that were given up after two sendings whose fate nobody knew.
    pub(super) given_up: usize,
    /// Rotations whose new token was never sent, that of the last of each living grant apart.
    pub(super) orphans: usize,
    /// Refresh tokens that were sent more than twice.
    pub(super) thrice: usize,
    /// Sendings of a token whose successor was in use.
    pub(super) stale: usize,
}

/// What came of one lane.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) kills: usize,
    pub(super) counts: [Count; MANNERS.len()],
    pub(super) faults: Vec<String>,
}

impl Tally {
    pub(super) fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }

    /// Reads the books. `living`: the families whose newest token is still in use.
    pub(super) fn audit(&mut self, manner: usize, service: &OAuthServer, living: &[usize]) {
        let grants = service.grants();
        let sendings = grants.sendings();
        let count = &mut self.counts[manner];
        for sending in &sendings {
            match sending.outcome {
                Outcome::Rotated(_) => count.rotations += 1,
                Outcome::Again(_) => count.honoured += 1,
                Outcome::Same | Outcome::Refused => {}
            }
            count.thrice += usize::from(sending.time == 3);
            count.stale += usize::from(sending.stale);
        }
        let rotations = grants.rotations();
        let is_newest_of_a_living_one = |family, generation| {
            living.contains(&family) && grants.newest_generation(family) == Some(generation)
        };
        count.orphans = rotations
            .iter()
            .filter(|new| !new.sent && !is_newest_of_a_living_one(new.family, new.generation))
            .count();
    }

    /// The verdict over all lanes.
    pub(super) fn findings(tallies: &[Self], plan: &Plan) -> Findings {
        let kills: usize = tallies.iter().map(|tally| tally.kills).sum();
        let mut faults: Vec<String> = tallies.iter().flat_map(|tally| tally.faults.clone()).collect();
        let mut details = vec![format!(
            "{:<10} {:>9} {:>9} {:>8} {:>6} {:>9} {:>8} {:>7} {:>6}",
            "service", "rotations", "honoured", "unkept", "lost", "given up", "orphans", "thrice", "stale"
        )];
        let mut rotations = 0;
        for (manner, (rotation, name)) in MANNERS.into_iter().enumerate() {
            let sum =
                |of: fn(&Count) -> usize| tallies.iter().map(|it| of(&it.counts[manner])).sum::<usize>();
            let (unkept, lost, given_up) = (sum(|it| it.unkept), sum(|it| it.lost), sum(|it| it.given_up));
            let (orphans, thrice, stale) = (sum(|it| it.orphans), sum(|it| it.thrice), sum(|it| it.stale));
            rotations += sum(|it| it.rotations);
            details.push(format!(
                "{name:<10} {:>9} {:>9} {unkept:>8} {lost:>6} {given_up:>9} {orphans:>8} {thrice:>7} {stale:>6}",
                sum(|it| it.rotations),
                sum(|it| it.honoured),
            ));
            let mut ensure = |holds: bool, otherwise: String| {
                if !holds {
                    faults.push(format!("{name}: {otherwise}"));
                }
            };
            ensure(thrice == 0, format!("{thrice} refresh tokens were sent a third time"));
            ensure(stale == 0, format!("{stale} were sent though a newer one was in use"));
            let is_exact = plan.kills == Kills::AfterRecovery;
            if is_exact {
                ensure(given_up == 0, format!("{given_up} were given up without need"));
            }
            if rotation == crate::stand_in::Rotation::Grace {
                ensure(lost == 0, format!("{lost} lost, though the service honours one retry"));
                ensure(!is_exact || orphans == 0, format!("{orphans} new tokens were never sent"));
            } else if is_exact {
                ensure(lost == unkept, format!("{lost} lost, {unkept} rotations were not on disk"));
                ensure(lost == orphans, format!("{lost} lost, {orphans} new tokens were never sent"));
            }
        }
        Findings { amount: format!("{kills} kills, {rotations} rotations"), details, faults }
    }
}
