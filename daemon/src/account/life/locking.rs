//! A person locks: what is held is forgotten; and unlocks.

use super::{Hold, Life};
use crate::provider::Class;

impl Life {
    /// Forgets the token. Whatever is under way counts no more; its task is the keeper's to end.
    pub(super) fn lock(&mut self) {
        self.hold = Some(Hold::Locked);
        self.attempt = None;
        self.forced = false;
        self.looked_again = false;
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
