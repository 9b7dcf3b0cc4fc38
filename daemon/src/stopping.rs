//! The end of the daemon: what is under way is carried to its end, what must be on disk is written.

use std::pin::pin;
use std::time::Duration;

use tokend::account::Keeper;
use tokend::lock::Lock;
use tokend::platform;
use tokend::platform::systemd::Notifier;
use tokend::secret::store::Store;
use tokend::service_manager::{self, Riding};

use crate::run::LONGEST_LOOK;

/// A wait that is longer is worth a line in the log.
const WORTH_SAYING: Duration = Duration::from_millis(500);

/// A stop waits so long at most for what is being written.
pub(crate) const LONGEST_WRITING: Duration = Duration::from_secs(5);

/// What outlives the last client.
pub(crate) struct Kept<'d> {
    pub(crate) keeper: &'d Keeper,
    pub(crate) lock: &'d Lock,
    pub(crate) store: &'d Store,
    pub(crate) notifier: &'d Notifier,
}

impl Kept<'_> {
    /// Nobody is served any more. A refresh that spends a refresh token is waited for, at most `longest`.
    pub(crate) async fn finish(self, longest: Duration, may_stay_unlocked: bool) {
        let stays_unlocked = may_stay_unlocked
            && self.notifier.is_heard()
            && tokio::time::timeout(LONGEST_LOOK, self.store.asks_for_passphrase()).await.unwrap_or(false);
        // A request that spends a refresh token is carried to its end: the answer has the only new one.
        let mut spending = pin!(self.keeper.stop_spending());
        if tokio::time::timeout(WORTH_SAYING, &mut spending).await.is_err() {
            // systemd would kill it after its own time for a stop, whatever that is.
            let time = longest + 3 * LONGEST_WRITING;
            let _ = self.notifier.mention(&[&format!("EXTEND_TIMEOUT_USEC={}", time.as_micros())]);
            tracing::info!(
                "a refresh that spends a refresh token is waited for, {} s at most",
                longest.as_secs()
            );
            if tokio::time::timeout(longest, spending).await.is_err() {
                tracing::warn!(
                    "a refresh has not come to its end; after the start its refresh token is sent once more"
                );
            }
        }
        for account in self.keeper.registry().values().filter(|account| account.shared.at_risk().is_some()) {
            tracing::error!(
                account = account.name,
                "stopped before its refresh token was on disk: the login is lost"
            );
        }
        // A disk that hangs holds up no stop.
        let _ = tokio::time::timeout(LONGEST_WRITING, self.keeper.flush()).await;
        // Last of all, with nothing to wait for after it: a lock that came until now holds.
        if stays_unlocked
            && !self.lock.is_overdue()
            && let Some(identity) = self.store.open_identity()
        {
            let riding = Riding { identity, last_use: self.keeper.last_use() };
            if service_manager::hand_over(self.notifier, &riding) {
                tracing::info!("the store's key waits for the next tokend; after a stop systemd drops it");
            }
            platform::scrub_stack();
        }
    }
}
