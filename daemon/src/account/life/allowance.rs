//! How often callers may force something: once at once, then with growing pauses.

use std::time::Duration;

use crate::account::schedule;
use crate::clock::Steady;

/// How often something was granted within [`schedule::WINDOW`].
#[derive(Debug, Default)]
pub(super) struct Allowance {
    granted: u32,
    last: Option<Steady>,
}

impl Allowance {
    pub(super) fn granted(&self, now: Steady) -> u32 {
        if self.last.is_none_or(|last| last.until(now) >= schedule::WINDOW) { 0 } else { self.granted }
    }

    /// The pause that the next one has to keep after now, if it is granted now.
    pub(super) fn pause(&self, now: Steady) -> Duration {
        schedule::forced_pause(self.granted(now))
    }

    /// From when the next one is granted.
    pub(super) fn ready_at(&self, now: Steady) -> Steady {
        let pause = self.pause(now);
        self.last.map_or(now, |last| last.after(pause))
    }

    pub(super) fn grant(&mut self, now: Steady) {
        self.granted = self.granted(now).saturating_add(1);
        self.last = Some(now);
    }

    /// What was granted last was not used.
    pub(super) fn take_back(&mut self) {
        self.granted = self.granted.saturating_sub(1);
        self.last = self.last.filter(|_| self.granted > 0);
    }
}
