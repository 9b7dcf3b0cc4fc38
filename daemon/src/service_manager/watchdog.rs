//! systemd's watchdog: the loop that serves says that it lives, at half of the time after which it would be taken for dead.

use std::time::Duration;

use crate::platform::Metronome;
use crate::platform::systemd::Notifier;

/// What systemd did not take is said once more after so long.
const AGAIN: Duration = Duration::from_secs(1);

/// When to say so next. Its clock stands still in suspend, as systemd's own for this does (`CLOCK_MONOTONIC`).
#[derive(Debug)]
pub struct Watchdog {
    notifier: Notifier,
    metronome: Option<Metronome>,
}

impl Watchdog {
    /// One that barks after `time`; without a time there is none.
    #[must_use]
    pub fn new(notifier: Notifier, time: Option<Duration>) -> Self {
        let half = time.map(|time| time / 2).filter(|half| !half.is_zero() && notifier.is_heard());
        let metronome = half.and_then(|half| {
            Metronome::every(half)
                .inspect_err(|error| tracing::error!(%error, "the watchdog cannot be calmed"))
                .ok()
        });
        Self { notifier, metronome }
    }

    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self { notifier: Notifier::default(), metronome: None }
    }

    /// Ends when it is time. May be dropped and called again.
    pub async fn is_due(&mut self) {
        if let Some(metronome) = &self.metronome
            && metronome.beat().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }

    /// Says that the loop which calls this lives.
    pub fn calm(&self) {
        if self.notifier.mention(&["WATCHDOG=1"]) {
            return;
        }
        // systemd was too busy to take it, and the next is only due when time is over.
        let notifier = self.notifier.clone();
        tokio::spawn(async move {
            tokio::time::sleep(AGAIN).await;
            let _ = notifier.mention(&["WATCHDOG=1"]);
        });
    }
}
