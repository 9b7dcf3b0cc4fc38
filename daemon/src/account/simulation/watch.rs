//! What is known of a life from outside, and of the token that it should hold.

use std::collections::VecDeque;
use std::time::Duration;

use super::hands::Marks;
use super::site::end;
use crate::clock::{Moment, Steady};
use crate::provider::{CarriedOut, Class, Failure};

/// Two hands that differ by more have not run side by side (promise 7).
const APART: Duration = Duration::from_secs(5);

/// The numbers of the contract, apart from those of the code.
const BACKOFF_CAP: Duration = Duration::from_secs(300);
const DOUBTFUL_TRIES: u32 = 3;

/// What is known of a life from outside.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The attempt under way.
    pub(super) minting: Option<u64>,
    /// The token that it should hold.
    pub(super) held: Option<Held>,
    pub(super) is_restoring: bool,
    /// What was rejected while nothing was in hand: it may come from the disk.
    pub(super) unseen: Vec<usize>,
    pub(super) failures: u32,
    pub(super) doubts: u32,
    /// What parked it.
    pub(super) parked: Option<Class>,
    /// It may be tried once more all the same.
    pub(super) may_try: bool,
    /// No request before this.
    pub(super) not_before: Option<Steady>,
    /// The last failure may have been carried out.
    pub(super) was_ambiguous: bool,
    pub(super) last_mint: Option<Steady>,
    /// When tokens came, of late.
    pub(super) came: VecDeque<Steady>,
}

/// A token as it is known from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) number: usize,
    pub(super) requested: Moment,
    /// As told, or assumed.
    pub(super) lifetime: Option<Duration>,
    pub(super) is_assumed: bool,
    /// How the hands were when it was asked for, and when that was in truth.
    pub(super) marks: Marks,
    pub(super) truth: u64,
    /// It is served only once the service was asked.
    pub(super) is_in_doubt: bool,
}

impl Held {
    /// The life that it has left by the hand that says less; zero: dead. Nothing: unknown.
    pub(super) fn left(&self, now: Moment) -> Option<Duration> {
        let (wall, steady) = end(self.requested, self.lifetime?);
        Some(now.wall.until(wall).min(now.steady.until(steady)))
    }

    pub(super) fn is_dead_for_sure(&self, now: Moment) -> bool {
        let Some(lifetime) = self.lifetime else { return false };
        let (wall, steady) = end(self.requested, lifetime);
        now.wall >= wall && now.steady >= steady
    }

    /// The same after a boot: only the wall tells how old it is, and that may be wrong.
    pub(super) fn by_the_wall(self, now: Moment, marks: Marks) -> Self {
        let age = self.requested.wall.until(now.wall);
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let steady = Steady(now.steady.0.saturating_sub(age));
        let requested = Moment { wall: self.requested.wall, steady };
        Self { requested, marks: Marks { stops: u32::MAX, ..marks }, ..self }
    }

    /// Whether the hands have not run side by side since.
    pub(super) fn is_apart(&self, now: Moment) -> bool {
        let by_wall = now.wall.0 - self.requested.wall.0;
        let by_steady = i64::try_from(now.steady.0).unwrap_or(i64::MAX)
            - i64::try_from(self.requested.steady.0).unwrap_or(i64::MAX);
        Duration::from_millis(by_wall.abs_diff(by_steady)) > APART
    }
}

impl Watch {
    /// A life that has just begun.
    pub(super) fn new(is_restoring: bool) -> Self {
        Self { is_restoring, ..Self::default() }
    }

    /// A variant begins with what the service said of the account.
    pub(super) fn inherit(&mut self, own: &Self) {
        self.parked = own.parked.filter(|class| *class == Class::No);
        self.not_before = None;
    }

    pub(super) fn accept(&mut self, held: Held, now: Steady) {
        self.held = Some(held);
        (self.failures, self.doubts, self.parked, self.not_before) = (0, 0, None, None);
        (self.was_ambiguous, self.may_try) = (false, false);
        self.came.push_back(now);
        while self.came.front().is_some_and(|at| at.until(now) >= Duration::from_secs(600)) {
            self.came.pop_front();
        }
    }

    /// What is in hand is given up: the next one need not wait as after a failure.
    pub(super) fn discards(&mut self) {
        (self.last_mint, self.failures) = (None, 0);
        if self.was_ambiguous {
            self.not_before = None;
        }
    }

    pub(super) fn fail(&mut self, failure: &Failure, now: Moment) {
        if failure.class == Class::Locked && self.parked.is_some_and(|class| class != Class::Locked) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.doubts = if failure.class == Class::Doubtful { self.doubts + 1 } else { 0 };
        self.was_ambiguous = failure.carried_out != CarriedOut::No;
        let is_parked = match failure.class {
            Class::No | Class::Source | Class::Locked | Class::LoginNeeded => true,
            Class::Doubtful => self.doubts >= DOUBTFUL_TRIES,
            Class::NotNow => false,
        };
        self.parked = is_parked.then_some(failure.class);
        self.may_try = false;
        if failure.was_local() {
            self.last_mint = None;
        }
        // As the contract has it, not as the schedule says: doubling from a second, a quarter less by lot.
        let doubled = Duration::from_secs(1) * (1 << (self.failures - 1).min(16));
        let mut pause = doubled.min(BACKOFF_CAP).mul_f64(0.75);
        if let Some(left) = self.held.and_then(|held| held.left(now)).filter(|left| !left.is_zero()) {
            pause = pause.min((left / 2).max(Duration::from_secs(5)));
        }
        // A lost answer names no time; what it waits for is the end of the token in hand.
        let told = failure.retry_after.filter(|_| failure.carried_out != CarriedOut::AnswerLost);
        let pause = pause.max(told.unwrap_or_default());
        self.not_before = (!is_parked).then(|| now.steady.after(pause));
    }
}
