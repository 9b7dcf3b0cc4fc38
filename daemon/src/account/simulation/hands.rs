//! True time, and the two hands that the daemon reads instead.

use std::time::Duration;

use crate::clock::{Moment, Steady, Wall};

/// What the steady clock shows when a machine starts, as the real one has it.
const BEFORE_BOOT: i64 = 1 << 42;

/// The wall when a world begins.
const EPOCH: i64 = 1_700_000_000_000;

/// True time in milliseconds, and how far the hands are from it.
#[derive(Debug)]
pub(super) struct Hands {
    truth: u64,
    steady: i64,
    wall: i64,
    /// Millionths by which the wall goes too fast.
    drift: i64,
    drifted: i64,
    /// The machine's boot.
    boot: u32,
    /// How often the steady hand stood still.
    stops: u32,
    /// How often the wall jumped.
    jumps: u32,
}

/// What has happened to the hands so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) boot: u32,
    pub(super) stops: u32,
    pub(super) jumps: u32,
}

impl Hands {
    pub(super) fn new(drift: i64) -> Self {
        Self {
            truth: 0,
            steady: BEFORE_BOOT + 3_600_000,
            wall: EPOCH,
            drift,
            drifted: 0,
            boot: 0,
            stops: 0,
            jumps: 0,
        }
    }

    pub(super) fn truth(&self) -> u64 {
        self.truth
    }

    pub(super) fn now(&self) -> Moment {
        let truth = signed(self.truth);
        Moment {
            wall: Wall(truth + self.wall),
            steady: Steady(u64::try_from(truth + self.steady).unwrap_or_default()),
        }
    }

    pub(super) fn marks(&self) -> Marks {
        Marks { boot: self.boot, stops: self.stops, jumps: self.jumps }
    }

    /// The boot's name, as the system gives it.
    pub(super) fn boot(&self) -> String {
        format!("boot-{}", self.boot)
    }

    /// When the steady hand shows `deadline`, if it goes on as it does.
    pub(super) fn truth_at(&self, deadline: Steady) -> u64 {
        self.truth + deadline.0.saturating_sub(self.now().steady.0)
    }

    /// Time passes up to `truth`, if that is not over.
    pub(super) fn advance_to(&mut self, truth: u64) {
        let span = truth.saturating_sub(self.truth);
        self.truth += span;
        self.drifted += signed(span).saturating_mul(self.drift);
        self.wall += self.drifted / 1_000_000;
        self.drifted %= 1_000_000;
    }

    /// Somebody sets the wall.
    pub(super) fn set_wall(&mut self, by: i64) {
        self.wall += by;
        self.jumps += 1;
    }

    /// The machine stands still and does not know: a paused virtual machine. Whether the wall is set right
    /// afterwards is the host's.
    pub(super) fn pause(&mut self, span: Duration, wall_is_set: bool) {
        let span = u64::try_from(span.as_millis()).unwrap_or_default();
        self.advance_to(self.truth + span);
        self.steady -= signed(span);
        self.stops += 1;
        if !wall_is_set {
            self.wall -= signed(span);
            self.jumps += 1;
        }
    }

    /// The machine is started anew.
    pub(super) fn boot_again(&mut self) {
        self.boot += 1;
        self.steady = BEFORE_BOOT + 20_000 - signed(self.truth);
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
