//! What parked the account may have been mended: it is tried once more.

use super::{Grant, Life};
use crate::clock::{Moment, Steady};

impl Life {
    /// A person may have mended what parked the account: it is tried once more, as often as a forced refresh is.
    pub(super) fn look_again(&mut self, now: Moment) {
        let at = self.refreshes.ready_at(now.steady).max(now.steady);
        if self.unpark(at) {
            self.refreshes.grant(at);
            self.looks_again = Some(Grant::Refresh);
        }
    }

    /// A file was changed, by whom is not known: it is tried once more, as often as a forced refresh is, but such tries
    /// are counted by themselves, so that who changed it may ask for a refresh, too.
    pub(super) fn mended(&mut self, now: Moment) {
        let told = self.trouble.as_ref().filter(|trouble| trouble.failure.retry_after.is_some());
        let told = told.map_or(now.steady, |trouble| trouble.next_try);
        let at = self.mends.ready_at(now.steady).max(now.steady).max(told);
        if self.unpark(at) {
            self.mends.grant(at);
            self.looks_again = Some(Grant::Mend);
        }
    }

    /// Whether it was parked, and will be tried at `at`.
    fn unpark(&mut self, at: Steady) -> bool {
        let Some(trouble) = self.trouble.as_mut().filter(|trouble| trouble.parked) else { return false };
        trouble.parked = false;
        trouble.doubts = 0;
        trouble.next_try = at;
        true
    }
}
