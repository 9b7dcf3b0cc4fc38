//! The grant of an account as a pure function, (state, event, now) → (state, effects): which refresh token its requests
//! spend, one after another, and what is on disk before and after (promise 6).
//!
//! Before a refresh token is sent, the intent is on disk; the one that came with an answer is there before the access
//! token that came with it goes anywhere. Where nobody knows whether a request was carried out, the token in hand is
//! served to its end, then the old refresh token is sent once more; never a third time.

mod kept;
mod people;
mod steps;

use std::collections::VecDeque;
use std::sync::Arc;

use tokend_proto::Secret;

use super::schedule;
use super::words;
use crate::clock::{Moment, Steady};
use crate::provider::{CarriedOut, Class, Failure, Minted};
use crate::secret::digest;

use self::people::{Leaving, Wish};

pub use self::kept::{End, Kept};
pub use self::people::NewLogin;
pub use self::steps::{Effect, Event, InHand, Unwritten, Want};

/// So often a refresh token is sent whose fate nobody knows.
const MOST_SENDINGS: u8 = 2;

/// What is under way.
#[derive(Debug)]
enum Stage {
    Idle,
    Loading(Want),
    Reading(Want),
    Queueing(Want),
    /// The intent is being written. What it was before is there to go back to; nobody to go on for, if the life has gone.
    Intending {
        want: Option<Want>,
        before: Before,
    },
    Sending(Want, Before),
    /// The service refused it: the source is looked at once more.
    ReadingAgain(Want, Moment, Failure),
    /// What came of it is being written; then it is told.
    Settling(Option<Ending>),
    /// What could not be written is written again.
    Rewriting,
    /// The login is being written.
    LoggingIn(Box<NewLogin>),
    LoggingOut(Leaving),
    /// The disk is asked, for nobody.
    Looking,
}

/// What was known of the refresh token before it was sent.
#[derive(Debug, Clone, Copy)]
struct Before {
    sendings: u8,
    is_unclear: bool,
}

#[derive(Debug)]
struct Ending {
    want: Want,
    requested: Moment,
    result: Result<Minted, Failure>,
}

/// Something that is not on disk, though it should be.
#[derive(Debug)]
struct Risk {
    why: String,
    failures: u32,
    next_try: Steady,
}

/// Where the first refresh token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A source that the configuration names.
    Source,
    /// A person's login.
    Login,
}

/// One grant.
#[derive(Debug)]
pub struct Grant {
    /// What is on disk, or shall be.
    kept: Option<Kept>,
    /// Whether the disk was asked what it has.
    is_loaded: bool,
    stage: Stage,
    queue: VecDeque<Want>,
    /// What persons want, before all in the queue.
    wishes: VecDeque<Wish>,
    origin: Origin,
    /// When the login's term is over.
    over_at: Option<Steady>,
    risk: Option<Risk>,
    /// Who has left while its request was under way, or for whom a changed source was tried already: a refusal counts
    /// without another look at the source.
    looked_for: Option<Want>,
    forgets: bool,
    is_closing: bool,
    rng: fastrand::Rng,
}

impl Grant {
    /// A grant of which nothing was read yet. `seed`: where the jitter begins.
    #[must_use]
    pub fn new(seed: u64, origin: Origin) -> Self {
        Self {
            kept: None,
            is_loaded: false,
            stage: Stage::Idle,
            queue: VecDeque::new(),
            wishes: VecDeque::new(),
            origin,
            over_at: None,
            risk: None,
            looked_for: None,
            forgets: false,
            is_closing: false,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Where its first refresh token comes from, as configured now.
    pub fn comes_from(&mut self, origin: Origin) {
        self.origin = origin;
    }

    /// Whether something is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !matches!(self.stage, Stage::Idle)
    }

    /// Whether nothing is under way and nobody waits.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        !self.is_busy() && self.queue.is_empty() && self.wishes.is_empty()
    }

    /// Whether nothing would be lost without it.
    #[must_use]
    pub fn is_spare(&self) -> bool {
        self.is_at_rest() && self.risk.is_none()
    }

    /// The life that waits for its turn at the service, and all others with it.
    #[must_use]
    pub fn queues_for(&self) -> Option<u64> {
        match &self.stage {
            Stage::Queueing(want) => Some(want.life),
            _ => None,
        }
    }

    /// Why a crash now would lose the login, if it would. One that is over is not lost.
    #[must_use]
    pub fn risk(&self) -> Option<&str> {
        self.kept.as_ref().filter(|kept| !matches!(kept.ended, Some(End::LoggedOut | End::Over)))?;
        self.risk.as_ref().map(|risk| &*risk.why)
    }

    /// When to send the next [`Event::Tick`].
    #[must_use]
    pub fn deadline(&self) -> Option<Steady> {
        if self.is_busy() {
            return None;
        }
        Self::next_of(self.risk.as_ref().map(|risk| risk.next_try), self.over_at)
    }

    /// The life for which it is looked whether the refresh token is to be sent.
    #[must_use]
    pub fn asker(&self) -> Option<u64> {
        match &self.stage {
            Stage::Loading(want) | Stage::Reading(want) | Stage::ReadingAgain(want, ..) => Some(want.life),
            _ => None,
        }
    }

    /// Takes one event in. `in_hand` is until when tokens of the account are there to be served.
    pub fn handle(&mut self, event: Event, now: Moment, in_hand: InHand) -> Vec<Effect> {
        let mut effects = Vec::new();
        let event = match event {
            Event::Broke(failure) => self.broken(failure, now),
            event => event,
        };
        match event {
            Event::Wanted(want) => self.queue.push_back(want),
            Event::Withdrawn(life) => self.withdraw(life, &mut effects),
            Event::Loaded(loaded) => self.loaded(loaded, now, &mut effects),
            Event::Sourced(sourced) => self.sourced(sourced, now, in_hand, &mut effects),
            Event::Turn(want) => self.turn(want, now, in_hand.of_any, &mut effects),
            Event::Unready(want, failure) => {
                if matches!(self.stage, Stage::Queueing(queued) if queued == want) {
                    self.done(want, now, Err(failure), &mut effects);
                }
            }
            Event::Written(written) => self.written(written, now, &mut effects),
            Event::Answered { requested, result } => {
                self.answered(requested, result, now, in_hand.of_any, &mut effects);
            }
            Event::Look => self.wishes.push_back(Wish::Look),
            Event::LoggedIn(login) => self.wishes.push_back(Wish::LogIn(login)),
            Event::LogOut { local } => self.wishes.push_back(Wish::LogOut { local }),
            Event::Revoked(revoked) => self.revoked(revoked, &mut effects),
            Event::Locked => self.forgets = true,
            Event::Closing => {
                self.is_closing = true;
                self.write_now(now);
            }
            Event::Writable => self.write_now(now),
            Event::Tick | Event::Broke(_) => {}
        }
        self.go_on(now, &mut effects);
        self.note_term(now);
        effects
    }

    /// What the event would have been, had it come.
    fn broken(&self, failure: Failure, now: Moment) -> Event {
        match &self.stage {
            Stage::Loading(_) | Stage::Looking | Stage::LoggingOut(Leaving::Loading { .. }) => {
                Event::Loaded(Err(failure))
            }
            Stage::Reading(_) | Stage::ReadingAgain(..) | Stage::LoggingOut(Leaving::Reading { .. }) => {
                Event::Sourced(Err(failure))
            }
            Stage::LoggingOut(Leaving::Revoking) => Event::Revoked(Err(failure)),
            Stage::Queueing(want) => Event::Turn(*want),
            Stage::Sending(..) => {
                Event::Answered { requested: now, result: Err(failure.perhaps(CarriedOut::AnswerLost)) }
            }
            Stage::Intending { .. }
            | Stage::Settling(_)
            | Stage::Rewriting
            | Stage::LoggingIn(_)
            | Stage::LoggingOut(Leaving::Forgetting(_)) => {
                Event::Written(Err(Unwritten::Refused(failure.message)))
            }
            Stage::Idle => Event::Tick,
        }
    }

    fn withdraw(&mut self, life: u64, effects: &mut Vec<Effect>) {
        self.queue.retain(|want| want.life != life);
        match &self.stage {
            // Nothing was begun that has to be ended.
            Stage::Loading(want) | Stage::Reading(want) | Stage::Queueing(want) if want.life == life => {
                self.stage = Stage::Idle;
            }
            Stage::Intending { want: Some(want), before } if want.life == life => {
                self.stage = Stage::Intending { want: None, before: *before };
            }
            Stage::ReadingAgain(want, requested, _) if want.life == life => {
                let (want, requested) = (*want, *requested);
                if let Stage::ReadingAgain(_, _, refusal) = std::mem::replace(&mut self.stage, Stage::Idle) {
                    self.refused(want, requested, refusal, effects);
                }
            }
            // What was sent goes on to its end; nothing is sent again for who has left.
            Stage::Sending(want, _) if want.life == life => self.looked_for = Some(*want),
            _ => {}
        }
    }

    fn loaded(&mut self, loaded: Result<Option<Kept>, Failure>, now: Moment, effects: &mut Vec<Effect>) {
        if let Stage::LoggingOut(Leaving::Loading { local }) = self.stage {
            return self.loaded_to_leave(local, loaded, effects);
        }
        if matches!(self.stage, Stage::Looking) {
            return self.looked(loaded);
        }
        let Stage::Loading(want) = self.stage else { return };
        match loaded {
            Ok(kept) => {
                (self.kept, self.is_loaded) = (kept, true);
                self.stage = Stage::Reading(want);
                effects.push(Effect::ReadSource(want));
            }
            // What may be there and cannot be read may be newer than the source: nothing is sent.
            Err(failure) => self.done(want, now, Err(failure), effects),
        }
    }

    fn sourced(
        &mut self,
        sourced: Result<Arc<Secret>, Failure>,
        now: Moment,
        in_hand: InHand,
        effects: &mut Vec<Effect>,
    ) {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Reading(want) => {
                let has_one = self.kept.is_some();
                match sourced {
                    Ok(first) => {
                        self.take_first(first, now);
                    }
                    // Once there is a newer one, the first may be gone.
                    Err(failure) if !has_one || failure.class == Class::Locked => {
                        return self.done(want, now, Err(failure), effects);
                    }
                    Err(_) => {}
                }
                self.decide(want, now, in_hand, effects);
            }
            Stage::ReadingAgain(want, requested, refusal) => {
                if !self.is_closing && sourced.is_ok_and(|first| self.take_first(first, now)) {
                    self.looked_for = Some(want);
                    self.decide(want, now, in_hand, effects);
                } else {
                    self.refused(want, requested, refusal, effects);
                }
            }
            Stage::LoggingOut(Leaving::Reading { local }) => {
                self.sourced_to_leave(local, sourced, now, effects);
            }
            other => self.stage = other,
        }
    }

    /// The service refused the newest refresh token that there is.
    fn refused(&mut self, want: Want, requested: Moment, refusal: Failure, effects: &mut Vec<Effect>) {
        let Some(kept) = &mut self.kept else { return };
        kept.ended = Some(End::Refused);
        let refusal =
            if kept.sendings >= MOST_SENDINGS { words::after_a_lost_answer(refusal) } else { refusal };
        self.settle(Some(Ending { want, requested, result: Err(refusal) }), effects);
    }

    /// A changed source wins over what was kept. Whether it did.
    fn take_first(&mut self, first: Arc<Secret>, now: Moment) -> bool {
        let hash = digest(b"", &first);
        let is_same = self.kept.as_ref().is_some_and(|kept| kept.first == hash);
        if !is_same {
            self.kept = Some(Kept::begun(hash, first, now.wall));
        }
        !is_same
    }

    /// Whether the refresh token is sent now.
    fn decide(&mut self, want: Want, now: Moment, in_hand: InHand, effects: &mut Vec<Effect>) {
        let Some(kept) = &mut self.kept else {
            return self.done(want, now, Err(words::no_refresh_token()), effects);
        };
        if let Some(end) = kept.ended {
            return self.done(want, now, Err(words::grant_has_ended(end)), effects);
        }
        if kept.sendings >= MOST_SENDINGS {
            kept.ended = Some(End::Lost);
            let result = Err(words::grant_has_ended(End::Lost));
            return self.settle(Some(Ending { want, requested: now, result }), effects);
        }
        if kept.is_over(now) {
            kept.emptied(End::Over);
            let result = Err(words::grant_has_ended(End::Over));
            return self.settle(Some(Ending { want, requested: now, result }), effects);
        }
        if kept.ends_with(in_hand.of_the_asker, now) {
            return self.done(want, now, Err(words::last_of_its_term()), effects);
        }
        if let Some(failure) = kept.spares(in_hand.of_any, now) {
            return self.done(want, now, Err(failure), effects);
        }
        self.stage = Stage::Queueing(want);
        effects.push(Effect::TakeTurn(want));
    }

    fn turn(&mut self, want: Want, now: Moment, in_hand: Option<Steady>, effects: &mut Vec<Effect>) {
        if !matches!(self.stage, Stage::Queueing(queued) if queued == want) {
            return;
        }
        let Some(kept) = &mut self.kept else { return };
        // Another life may have got a token meanwhile.
        if let Some(failure) = kept.spares(in_hand, now) {
            return self.done(want, now, Err(failure), effects);
        }
        let before = Before { sendings: kept.sendings, is_unclear: kept.is_unclear };
        kept.sendings += 1;
        kept.is_unclear = false;
        kept.at = now.wall;
        let intent = kept.clone();
        self.stage = Stage::Intending { want: Some(want), before };
        effects.push(Effect::Write(intent));
    }

    fn written(&mut self, written: Result<(), Unwritten>, now: Moment, effects: &mut Vec<Effect>) {
        let is_locked = written == Err(Unwritten::Locked);
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Intending { want, before } => {
                if is_locked {
                    // What cannot be kept is not spent, as long as a person can mend it.
                    self.go_back(before);
                    if let Some(want) = want {
                        self.done(want, now, Err(Failure::locked()), effects);
                    }
                    return;
                }
                self.remember(written, now);
                let Some(want) = want else {
                    self.go_back(before);
                    return self.settle(None, effects);
                };
                let Some(kept) = &self.kept else { return };
                let token = Arc::clone(&kept.token);
                self.stage = Stage::Sending(want, before);
                effects.push(Effect::Send(want, token));
            }
            Stage::Settling(ending) => {
                self.remember(written, now);
                if let Some(Ending { want, requested, result }) = ending {
                    self.done(want, requested, result, effects);
                }
            }
            Stage::Rewriting => self.remember(written, now),
            Stage::LoggingIn(login) => self.logged_in(login, written, now, effects),
            Stage::LoggingOut(Leaving::Forgetting(revoked)) => {
                self.logged_out(revoked, written, now, effects);
            }
            other => self.stage = other,
        }
    }

    fn answered(
        &mut self,
        requested: Moment,
        result: Result<Minted, Failure>,
        now: Moment,
        in_hand: Option<Steady>,
        effects: &mut Vec<Effect>,
    ) {
        let Stage::Sending(want, before) = self.stage else { return };
        let Some(kept) = &mut self.kept else { return };
        kept.at = now.wall;
        let result = match result {
            Ok(mut minted) => {
                kept.renew(minted.refresh_token.take().map(Arc::new));
                kept::limit(&mut minted, kept.until, requested);
                kept.knows(&mut minted);
                Ok(minted)
            }
            // The access token is of no use; the new refresh token is.
            Err(mut failure) if failure.rotated.is_some() => {
                kept.renew(failure.rotated.take().map(|rotated| rotated.0));
                Err(failure)
            }
            Err(failure) if failure.class == Class::LoginNeeded => {
                if self.is_closing || self.looked_for == Some(want) {
                    return self.refused(want, requested, failure, effects);
                }
                self.stage = Stage::ReadingAgain(want, requested, failure);
                return effects.push(Effect::ReadSource(want));
            }
            Err(failure) => match failure.carried_out {
                CarriedOut::No => {
                    self.go_back(before);
                    Err(failure)
                }
                // After a lost answer this was the one more time.
                CarriedOut::Unclear if before.sendings == 0 => {
                    self.go_back(Before { is_unclear: true, ..before });
                    Err(failure.at_the_end_of(in_hand, now))
                }
                _ if kept.sendings >= MOST_SENDINGS => {
                    kept.ended = Some(End::Lost);
                    Err(words::grant_has_ended(End::Lost))
                }
                // The intent on disk says so already.
                _ => {
                    let failure = failure.at_the_end_of(in_hand, now);
                    return self.done(want, requested, Err(failure), effects);
                }
            },
        };
        self.settle(Some(Ending { want, requested, result }), effects);
    }

    /// What is not on disk does not wait for its time.
    fn write_now(&mut self, now: Moment) {
        if let Some(risk) = &mut self.risk {
            risk.next_try = now.steady;
        }
    }

    /// The request was not carried out, or not sent.
    fn go_back(&mut self, before: Before) {
        if let Some(kept) = &mut self.kept {
            kept.sendings = before.sendings;
            kept.is_unclear = before.is_unclear;
        }
    }

    fn settle(&mut self, ending: Option<Ending>, effects: &mut Vec<Effect>) {
        let Some(kept) = &self.kept else { return };
        effects.push(Effect::Write(kept.clone()));
        self.stage = Stage::Settling(ending);
    }

    fn remember(&mut self, written: Result<(), Unwritten>, now: Moment) {
        self.risk = match written {
            Ok(()) => None,
            Err(unwritten) => {
                let failures = self.risk.as_ref().map_or(0, |risk| risk.failures).saturating_add(1);
                let pause = schedule::backoff(failures, None, self.rng.f64());
                let why = match unwritten {
                    Unwritten::Locked => "the store is locked".to_owned(),
                    Unwritten::Refused(why) => why,
                };
                Some(Risk { why, failures, next_try: now.steady.after(pause) })
            }
        };
    }

    fn done(
        &mut self,
        want: Want,
        requested: Moment,
        result: Result<Minted, Failure>,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::Done { want, requested, result });
        self.stage = Stage::Idle;
    }

    /// Begins what is next.
    fn go_on(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.is_busy() {
            return;
        }
        if std::mem::take(&mut self.forgets) && self.risk.is_none() {
            // What is not on disk must not be forgotten: it is the login.
            (self.kept, self.is_loaded) = (None, false);
        }
        if self.risk.as_ref().is_some_and(|risk| risk.next_try <= now.steady) {
            // Without a login what is not there yet is its removal.
            effects.push(self.kept.clone().map_or(Effect::Remove, Effect::Write));
            self.stage = Stage::Rewriting;
            return;
        }
        self.obey(now, effects);
        if self.is_busy() || self.end_of_term(now, effects) || self.is_closing {
            return;
        }
        let Some(want) = self.queue.pop_front() else { return };
        if self.is_loaded {
            self.stage = Stage::Reading(want);
            effects.push(Effect::ReadSource(want));
        } else {
            self.stage = Stage::Loading(want);
            effects.push(Effect::Load);
        }
    }
}

#[cfg(test)]
mod tests;
