//! How a long proof goes on: until its amount is done, its time is over, or a person has had enough.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::real_time::Stopwatch;

/// What a proof is told while it runs, and tells.
#[derive(Clone)]
pub struct Course {
    watch: Stopwatch,
    limit: Option<Duration>,
    interrupted: Arc<AtomicBool>,
    tell: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Course {
    /// Goes on until `limit`, if there is one, or until `interrupted` is set; `tell` gets a line now and
    /// then.
    #[must_use]
    pub fn new(
        limit: Option<Duration>,
        interrupted: Arc<AtomicBool>,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        Self { watch: Stopwatch::start(), limit, interrupted, tell: Arc::new(tell) }
    }

    /// Ends by its amount alone, and says nothing.
    #[must_use]
    pub fn quiet() -> Self {
        Self::new(None, Arc::default(), |_| {})
    }

    /// Whether there is time left.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        !self.is_interrupted() && self.limit.is_none_or(|limit| self.watch.elapsed() < limit)
    }

    /// Whether a person has had enough.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }

    /// Since its start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.watch.elapsed()
    }

    /// How far it is.
    pub fn say(&self, line: &str) {
        (self.tell)(line);
    }
}

impl fmt::Debug for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Course").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Which one it is, and of how many: `usize::MAX` is as many as time allows.
#[must_use]
pub fn progress(what: &str, number: usize, of: usize) -> String {
    if of == usize::MAX { format!("{what} {number}") } else { format!("{what} {number} of {of}") }
}

/// What a proof has shown.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// How much was done, in its own unit: `1000 kills, 31 250 rotations`.
    pub amount: String,
    /// What more there is to say, a line each.
    pub details: Vec<String>,
    /// What does not hold, a line each; empty where all does.
    pub faults: Vec<String>,
}
