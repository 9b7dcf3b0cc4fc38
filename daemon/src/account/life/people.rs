//! A person logs in, or out: what was held of an earlier login is forgotten.

use std::sync::Arc;

use super::{Effect, Life, Reply};
use crate::account::words;
use crate::clock::Moment;
use crate::provider::{Failure, Minted};

impl Life {
    /// There is another login: with these tokens, asked for at that moment, where they are this life's own.
    pub(super) fn logged_in(
        &mut self,
        tokens: Option<(Moment, Minted)>,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        if self.is_locked() {
            // It is on disk, for whoever unlocks.
            return;
        }
        self.forget_login();
        self.trouble = None;
        self.last_attempt = None;
        let Some((requested, minted)) = tokens else { return };
        self.generation += 1;
        match self.accept(minted, self.generation, requested, now) {
            Ok(token) => {
                self.forced = false;
                self.answer_forced(effects, |life| Reply::Token(Arc::clone(&token), life.doubts(now)));
            }
            Err(failure) => self.fail(failure, None, now),
        }
    }

    /// There is no login any more.
    pub(super) fn logged_out(&mut self, why: Failure, now: Moment) {
        if self.is_locked() {
            return;
        }
        self.forget_login();
        self.trouble = None;
        self.fail(why, None, now);
    }

    /// What failed for want of another account's token is tried at once.
    pub(super) fn lender_logged_in(&mut self, now: Moment) {
        let failed = self.trouble.as_mut().filter(|trouble| trouble.failure.kind == words::BORROWED);
        if let Some(trouble) = failed {
            trouble.parked = false;
            (trouble.next_try, trouble.after_pause) = (now.steady, now.steady);
            self.last_attempt = None;
        }
    }

    /// What is under way counts no more, and neither does what is being read from the disk.
    fn forget_login(&mut self) {
        self.hold = None;
        self.attempt = None;
        self.looks_again = None;
        self.rejected_unseen.clear();
        self.drop_token();
    }
}
