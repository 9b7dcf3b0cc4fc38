//! What a person does to a grant: logs in, logs out, gives it a term. One after another, between two requests that spend it.

use std::sync::Arc;

use tokend_proto::Secret;

use super::kept::limit;
use super::{Effect, End, Grant, Kept, Origin, Stage, Unwritten, Want};
use crate::account::words;
use crate::clock::{Moment, Steady, Wall};
use crate::provider::{Failure, Minted, Revoked};
use crate::secret::digest;

/// The source is read for no life.
const NOBODY: Want = Want { life: u64::MAX, generation: 0 };

/// A login that a person has made.
#[derive(Debug)]
pub struct NewLogin {
    /// The moment before its tokens were asked for.
    pub requested: Moment,
    /// The tokens; where there is a refresh token, it is the grant from now on.
    pub minted: Minted,
    /// When its term is over, if it has one.
    pub until: Option<Wall>,
}

/// What a person wants of a grant.
#[derive(Debug)]
pub(super) enum Wish {
    /// The disk may know of a term.
    Look,
    LogIn(Box<NewLogin>),
    /// `local`: without telling the service.
    LogOut {
        local: bool,
    },
}

/// How far a logout is.
#[derive(Debug)]
pub(super) enum Leaving {
    Loading { local: bool },
    Reading { local: bool },
    Revoking,
    Forgetting(Revoked),
}

impl Grant {
    /// Whether there is a login that has not ended, as far as is known: nobody may have looked yet.
    #[must_use]
    pub fn may_hold_login(&self) -> bool {
        !self.is_loaded || self.kept.as_ref().is_some_and(|kept| kept.ended.is_none())
    }

    /// Begins what a person wants next, if anything.
    pub(super) fn obey(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        match self.wishes.pop_front() {
            None => {}
            Some(Wish::Look) if self.is_loaded => {}
            Some(Wish::Look) => {
                self.stage = Stage::Looking;
                effects.push(Effect::Load);
            }
            Some(Wish::LogIn(login)) => self.log_in(login, now, effects),
            Some(Wish::LogOut { local: true }) if self.origin == Origin::Login => {
                // What nobody is told of need not be read, and may be what cannot be.
                self.is_loaded = true;
                self.forget_login(Revoked::NotOffered, effects);
            }
            Some(Wish::LogOut { local }) if self.is_loaded => self.read_or_revoke(local, effects),
            Some(Wish::LogOut { local }) => {
                self.stage = Stage::LoggingOut(Leaving::Loading { local });
                effects.push(Effect::Load);
            }
        }
    }

    fn log_in(&mut self, mut login: Box<NewLogin>, now: Moment, effects: &mut Vec<Effect>) {
        // Whatever lies on the disk is of an earlier login.
        self.is_loaded = true;
        let until = login.until;
        let begun = login.minted.refresh_token.take().map(|token| {
            let token = Arc::new(token);
            let mut begun = Kept { until, ..Kept::begun(digest(b"", &token), token, now.wall) };
            begun.knows(&mut login.minted);
            begun
        });
        limit(&mut login.minted, until, login.requested);
        effects.push(begun.clone().map_or(Effect::Remove, Effect::Write));
        self.kept = begun;
        self.stage = Stage::LoggingIn(login);
    }

    fn read_or_revoke(&mut self, local: bool, effects: &mut Vec<Effect>) {
        if self.origin == Origin::Source && self.kept.is_none() {
            // Of a source's token is remembered that it is of no use any more.
            self.stage = Stage::LoggingOut(Leaving::Reading { local });
            return effects.push(Effect::ReadSource(NOBODY));
        }
        self.revoke(local, effects);
    }

    fn revoke(&mut self, local: bool, effects: &mut Vec<Effect>) {
        if local {
            return self.forget_login(Revoked::NotOffered, effects);
        }
        let has_one = |kept: &&Kept| !matches!(kept.ended, Some(End::LoggedOut | End::Over));
        let token: Option<Arc<Secret>> = self.kept.as_ref().filter(has_one).map(|it| Arc::clone(&it.token));
        self.stage = Stage::LoggingOut(Leaving::Revoking);
        effects.push(Effect::Revoke(token));
    }

    fn forget_login(&mut self, revoked: Revoked, effects: &mut Vec<Effect>) {
        if self.origin == Origin::Login {
            self.kept = None;
        }
        self.stage = Stage::LoggingOut(Leaving::Forgetting(revoked));
        match &mut self.kept {
            Some(kept) => {
                kept.emptied(End::LoggedOut);
                effects.push(Effect::Write(kept.clone()));
            }
            None => effects.push(Effect::Remove),
        }
    }

    /// The disk has answered, for nobody. What cannot be read now is read again by whoever wants a token.
    pub(super) fn looked(&mut self, loaded: Result<Option<Kept>, Failure>) {
        self.stage = Stage::Idle;
        if let Ok(kept) = loaded {
            (self.kept, self.is_loaded) = (kept, true);
        }
    }

    /// The disk has answered to somebody who logs out.
    pub(super) fn loaded_to_leave(
        &mut self,
        local: bool,
        loaded: Result<Option<Kept>, Failure>,
        effects: &mut Vec<Effect>,
    ) {
        match loaded {
            Ok(kept) => {
                (self.kept, self.is_loaded) = (kept, true);
                self.read_or_revoke(local, effects);
            }
            Err(failure) => self.has_not_left(failure, effects),
        }
    }

    /// The source has answered to somebody who logs out.
    pub(super) fn sourced_to_leave(
        &mut self,
        local: bool,
        sourced: Result<Arc<Secret>, Failure>,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        match sourced {
            Ok(first) => {
                self.take_first(first, now);
                self.revoke(local, effects);
            }
            Err(failure) => self.has_not_left(failure, effects),
        }
    }

    /// The service has answered to somebody who logs out.
    pub(super) fn revoked(&mut self, revoked: Result<Revoked, Failure>, effects: &mut Vec<Effect>) {
        if !matches!(self.stage, Stage::LoggingOut(Leaving::Revoking)) {
            return;
        }
        match revoked {
            Ok(revoked) => self.forget_login(revoked, effects),
            Err(failure) => self.has_not_left(failure, effects),
        }
    }

    fn has_not_left(&mut self, failure: Failure, effects: &mut Vec<Effect>) {
        self.stage = Stage::Idle;
        effects.push(Effect::LoggedOut(Err(failure)));
    }

    /// The login is on disk, or that there is none.
    pub(super) fn logged_in(
        &mut self,
        login: Box<NewLogin>,
        written: Result<(), Unwritten>,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        self.remember(written, now);
        effects.push(Effect::LoggedIn(login));
    }

    /// Whether the disk says so, too.
    pub(super) fn logged_out(
        &mut self,
        revoked: Revoked,
        written: Result<(), Unwritten>,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        let result = match &written {
            Ok(()) => Ok(revoked),
            Err(unwritten) => Err(words::login_stays_on_disk(unwritten)),
        };
        self.remember(written, now);
        effects.push(Effect::LoggedOut(result));
    }

    /// When the term of the login is over, by the clock that goes on in suspend.
    pub(super) fn note_term(&mut self, now: Moment) {
        let kept = self.kept.as_ref().filter(|kept| kept.ended.is_none());
        let until = kept.and_then(|kept| kept.until);
        self.over_at = until.map(|until| now.steady.after(now.wall.until(until)));
    }

    /// The login's term is over: what it had is wiped.
    pub(super) fn end_of_term(&mut self, now: Moment, effects: &mut Vec<Effect>) -> bool {
        let Some(kept) = self.kept.as_mut().filter(|kept| kept.ended.is_none() && kept.is_over(now)) else {
            return false;
        };
        kept.emptied(End::Over);
        self.settle(None, effects);
        true
    }

    /// When its term is over, where it has one.
    #[must_use]
    pub fn term(&self) -> Option<Wall> {
        self.kept.as_ref().filter(|kept| kept.ended.is_none())?.until
    }

    /// The sooner of the two.
    pub(super) fn next_of(risk: Option<Steady>, over: Option<Steady>) -> Option<Steady> {
        [risk, over].into_iter().flatten().min()
    }
}
