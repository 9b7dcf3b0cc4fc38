//! The two clocks of the program: one for deadlines, one for what a person reads.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// For pauses and deadlines.
#[expect(clippy::disallowed_methods, reason = "pauses between tries count real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970 by the wall clock.
#[expect(clippy::disallowed_methods, reason = "`in 5m` is counted from the wall clock of whoever reads it")]
pub(crate) fn wall_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
