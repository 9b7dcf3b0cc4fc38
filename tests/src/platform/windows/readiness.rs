//! How it is known that a daemon is ready: its pipe takes connections.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::pipes::is_open;

/// How long one look takes.
const LOOK: Duration = Duration::from_millis(20);

/// Sees when a daemon is ready.
#[derive(Debug)]
pub struct Readiness {
    pipe: PathBuf,
}

impl Readiness {
    /// For a daemon in the home at this place.
    #[must_use]
    pub fn of(home: &Path) -> Self {
        Self { pipe: super::address(home) }
    }

    /// Nothing needs to be told.
    #[expect(clippy::unused_self, reason = "other systems announce themselves")]
    pub fn announce(&self, _command: &mut Command) {}

    /// What is looked at when this command, as it is now, has been started.
    pub fn watch(&mut self, command: &Command) {
        let pipe = command.get_envs().find(|(name, _)| *name == OsStr::new("TOKEND_SOCK"));
        if let Some((_, Some(pipe))) = pipe {
            self.pipe = PathBuf::from(pipe);
        }
    }

    /// Whether it is; waits a moment for it.
    #[must_use]
    pub fn is_there(&self) -> bool {
        let is_there = is_open(&self.pipe);
        if !is_there {
            std::thread::sleep(LOOK);
        }
        is_there
    }

    /// How many looks make up this patience.
    #[must_use]
    pub fn looks(patience: Duration) -> u128 {
        patience.as_millis() / LOOK.as_millis()
    }
}
