//! What asks a daemon to end or to read its configuration again.

use std::io;

use futures_util::StreamExt as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::platform::Signal;

/// SIGTERM, SIGINT, SIGQUIT and SIGHUP, from now on.
pub struct Signals(signal_hook_tokio::Signals);

impl std::fmt::Debug for Signals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signals")
    }
}

impl Signals {
    /// Takes them from now on.
    ///
    /// # Errors
    /// As sigaction(2).
    pub fn new() -> io::Result<Self> {
        signal_hook_tokio::Signals::new([SIGTERM, SIGINT, SIGQUIT, SIGHUP]).map(Self)
    }

    /// The next one. May be dropped and called again.
    pub async fn next(&mut self) -> Signal {
        match self.0.next().await {
            Some(SIGHUP) => Signal::HangUp,
            _ => Signal::End,
        }
    }
}
