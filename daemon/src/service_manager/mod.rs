//! What systemd is told of this daemon: when it is ready, reloads and stops, how its accounts are, and that it lives.

mod riding;
mod status;
mod watchdog;

use std::sync::{Arc, Mutex, PoisonError};

use crate::account::Keeper;
use crate::platform::systemd::{self, Notifier};

pub use riding::{Riding, STORED_NAME, forget_stored, hand_over, taken_over};
pub use watchdog::Watchdog;

/// Tells systemd how it goes, where it listens. Elsewhere every call does nothing.
#[derive(Debug, Clone)]
pub struct ServiceManager {
    notifier: Notifier,
    keeper: Keeper,
    told: Arc<Mutex<Told>>,
}

/// What was told last.
#[derive(Debug, Default)]
struct Told {
    status: String,
    /// Why the last reload came to nothing, if it did.
    reload_failed: Option<String>,
}

impl ServiceManager {
    /// Tells of `keeper`'s accounts.
    #[must_use]
    pub fn new(notifier: Notifier, keeper: Keeper) -> Self {
        Self { notifier, keeper, told: Arc::default() }
    }

    /// Clients are served from now on.
    pub fn ready(&self) {
        self.notifier.tell(&["READY=1", &self.new_status()]);
    }

    /// The configuration is about to be read again. Whatever comes of it, [`reloaded`](Self::reloaded) follows.
    pub fn reloading(&self) {
        let now = format!("MONOTONIC_USEC={}", systemd::monotonic_microseconds());
        self.notifier.tell(&["RELOADING=1", &now]);
    }

    /// It was read, or it was not for this reason: then what was configured before goes on.
    pub fn reloaded(&self, failure: Option<&str>) {
        self.told().reload_failed = failure.map(str::to_owned);
        self.ready();
    }

    /// Nobody new is served from now on.
    pub fn stopping(&self) {
        self.notifier.tell(&["STOPPING=1", "STATUS=stopping"]);
    }

    /// Keeps the status line true. Runs until it is dropped, and sleeps while no account changes.
    pub async fn keep_status(self) {
        if !self.notifier.is_heard() {
            return;
        }
        loop {
            self.keeper.changed().await;
            // What else changes at once goes into the same line.
            tokio::time::sleep(status::PAUSE).await;
            let line = self.status_line();
            if self.told().status != line && self.notifier.mention(&[&line]) {
                self.told().status = line;
            }
        }
    }

    fn new_status(&self) -> String {
        let line = self.status_line();
        self.told().status.clone_from(&line);
        line
    }

    fn status_line(&self) -> String {
        let accounts = status::line(&self.keeper.registry(), self.keeper.now());
        match &self.told().reload_failed {
            Some(why) => {
                format!("STATUS=the last reload failed ({why}), what was before goes on: {accounts}")
            }
            None => format!("STATUS={accounts}"),
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
