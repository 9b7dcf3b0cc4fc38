//! What the tests and the demo of tokend stand on: services that behave as oddly as the real ones.

#![expect(clippy::expect_used, reason = "a test library that cannot go on should say so and stop the test")]

pub mod accounts;
pub mod asking;
pub mod course;
pub mod crashes;
pub mod fleet;
pub mod https;
pub mod interrupt;
pub mod kept;
pub mod logging_in;
pub mod memory_scan;
pub mod other_ages;
pub mod pages;
pub mod platform;
pub mod programs;
pub mod real_time;
pub mod sandbox;
pub mod short_lives;
pub mod stand_in;
pub mod terminal;
pub mod user_manager;
pub mod wall_jumps;
