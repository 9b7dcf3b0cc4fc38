//! What systemd passes to a service elsewhere: there is none here.

#![expect(clippy::unused_self, clippy::trivially_copy_pass_by_ref, reason = "the signatures are Linux's")]

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::Listener;

/// A descriptor that is passed from one process to the next: there is none.
pub type Descriptor = Infallible;

/// What systemd passed to this process: nothing.
#[derive(Debug, Default)]
pub struct Passed {
    /// The listening sockets.
    pub sockets: Vec<Descriptor>,
    /// What is wrong with what was passed.
    pub trouble: Option<String>,
    /// What was kept in the descriptor store under the name that was asked for.
    pub stored: Vec<Descriptor>,
    /// The names of whatever else was there.
    pub foreign: Vec<String>,
    /// The process that descriptors were meant for, where that is another.
    pub meant_for: Option<u32>,
    /// Who is told.
    pub notifier: Notifier,
    /// The watchdog's time, if there is one for this process.
    pub watchdog: Option<Duration>,
}

impl Passed {
    /// Nothing.
    #[must_use]
    pub fn take(_stored: &str) -> Self {
        Self::default()
    }
}

/// A listening socket that was passed: there is none.
///
/// # Errors
/// None.
pub fn listener(socket: Descriptor) -> io::Result<(Listener, Option<PathBuf>)> {
    match socket {}
}

/// By which systemd tells one reload from another.
#[must_use]
pub fn monotonic_microseconds() -> u64 {
    super::steady_milliseconds().saturating_mul(1000)
}

/// Tells systemd, which is not there.
#[derive(Debug, Clone, Default)]
pub struct Notifier(());

impl Notifier {
    /// Whether anybody is told.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        false
    }

    /// Tells nobody.
    #[must_use]
    pub fn mention(&self, _lines: &[&str]) -> bool {
        false
    }

    /// Tells nobody.
    pub fn tell(&self, _lines: &[&str]) {}

    /// Tells nobody.
    #[must_use]
    pub fn hand_over(&self, _lines: &[&str], descriptor: &Descriptor) -> bool {
        match *descriptor {}
    }
}
