//! `tokend install` and `tokend uninstall`: what they write, leave alone, replace and take away.

#![cfg(has_systemd)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod home;
mod in_session;
mod refused;
mod with_a_stand_in;
