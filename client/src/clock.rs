//! Deadlines: the only place of the library that looks at a clock.

use std::time::{Duration, Instant};

/// When something that may take this long must have ended. A time beyond what the clock can say is cut to a day.
pub(crate) fn deadline(after: Duration) -> Instant {
    let now = now();
    now.checked_add(after).unwrap_or_else(|| now + Duration::from_secs(24 * 60 * 60))
}

/// What is left until then; nothing when it has passed.
pub(crate) fn left(deadline: Instant) -> Option<Duration> {
    deadline.checked_duration_since(now()).filter(|left| !left.is_zero())
}

#[expect(clippy::disallowed_methods, reason = "a time limit on real I/O counts real time")]
fn now() -> Instant {
    Instant::now()
}
