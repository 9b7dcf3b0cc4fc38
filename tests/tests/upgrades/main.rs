//! Programs and files of different days: old clients and new daemons, what yesterday's tokend has kept, and what
//! tomorrow's has.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod kept;
mod newer;
mod wire;
mod written;
