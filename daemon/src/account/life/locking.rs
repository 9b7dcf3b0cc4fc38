//! A person locks: what is held is forgotten; and unlocks.

use super::{Hold, Life};
use crate::account::words;
use crate::clock::Moment;
use crate::provider::Class;

impl Life {
    /// Forgets the token. Whatever is under way counts no more; its task is the keeper's to end.
    pub(super) fn lock(&mut self, now: Moment) {
        self.hold = Some(Hold::Locked);
        if let Some(attempt) = self.attempt.take().filter(|attempt| attempt.mints) {
            // It may have reached the service: a lock is no way around the pauses between two tries.
            self.fail(words::cancelled_by_a_lock(), attempt.granted, now);
        }
        if self.token.is_some() {
            self.spare_no_more(now);
        }
        self.forced = false;
        self.looks_again = None;
        if let Some(token) = self.token.as_ref().filter(|_| self.suspicion.is_some() && !self.is_own_doubt) {
            // A caller rejected it, and the service was to be asked. It may come back from the disk.
            let sha256 = token.sha256;
            self.reject_unseen(sha256);
        }
        self.drop_token();
    }

    /// Goes on as after a start. What a service refused stays refused.
    pub(super) fn unlock(&mut self, restoring: bool) {
        if self.awaits_the_store() {
            self.trouble = None;
            self.last_attempt = None;
        }
        // A token that is in hand is newer than any that was kept.
        let wants = restoring && self.wants_what_was_kept();
        self.hold = wants.then_some(Hold::Restoring);
    }

    pub(super) fn is_locked(&self) -> bool {
        self.hold == Some(Hold::Locked)
    }

    /// Whether the last try ended at the locked store.
    pub(super) fn awaits_the_store(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.failure.class == Class::Locked)
    }

    /// Whether a kept token would help.
    #[must_use]
    pub fn wants_what_was_kept(&self) -> bool {
        self.token.is_none() && self.attempt.is_none()
    }
}
