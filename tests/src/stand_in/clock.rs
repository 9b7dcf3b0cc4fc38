//! The stand-ins' only look at the time.

use std::time::{SystemTime, UNIX_EPOCH};

/// What time it is at every stand-in: what their records are compared with.
#[must_use]
pub fn clock_of_the_services() -> SystemTime {
    now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a stand-in is another machine: its clock is not the one that is injected"
)]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

/// Whole seconds since 1970, rounded down as services do.
pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
