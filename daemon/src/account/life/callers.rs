//! What callers get: the token, a moment's patience, or the reason why not.

use std::sync::Arc;
use std::time::Duration;

use tokend_proto::message;

use super::{Ask, Effect, Life, Reply, Waiting};
use crate::account::schedule::PATIENCE;
use crate::account::token::Need;
use crate::account::words;
use crate::clock::{Moment, Steady};
use crate::provider::Class;

impl Life {
    /// Until when a caller with a short token waits for the mint under way.
    pub(super) fn patience(&self, deadline: Steady) -> Option<Steady> {
        let attempt = self.attempt.filter(|attempt| attempt.mints)?;
        Some(attempt.started.after(PATIENCE).min(deadline))
    }

    /// A caller's answer, once there is one.
    pub(super) fn resolve(&self, waiting: Waiting, now: Moment) -> Option<Reply> {
        let Waiting { ask, forced } = waiting;
        let in_time = now.steady < ask.deadline;
        if self.is_locked() {
            return Some(Reply::Failure(words::locked(&self.traits.account, &words::forgotten())));
        }
        if self.is_held() && in_time {
            return None;
        }
        if forced {
            // Answered when the attempt ends.
            return (!in_time).then(|| Reply::Failure(words::timed_out(&self.traits.account)));
        }
        if self.waits_for_agreement(ask, now) {
            return None;
        }
        if let Some(token) = self.usable(now) {
            if token.meets(ask.need, self.policy.min_valid, now) {
                return Some(Reply::Token(Arc::clone(token), self.doubts(now)));
            }
            match ask.need {
                Need::Wish if self.patience(ask.deadline).is_some_and(|end| now.steady < end) => return None,
                Need::Wish => {
                    let warning = words::short(token.left(now).unwrap_or_default(), self.last_words(now));
                    let warnings = std::iter::once(warning).chain(self.doubts(now)).collect();
                    return Some(Reply::Token(Arc::clone(token), warnings));
                }
                Need::Demand(least)
                    if token.lifetime.is_none() || self.best.is_none_or(|best| best < least) =>
                {
                    let longest = token.lifetime.and(self.best);
                    let longest = token.lifetime.filter(|lifetime| *lifetime < least).max(longest);
                    return Some(Reply::Failure(words::never_that_long(
                        &self.traits.account,
                        least,
                        longest,
                    )));
                }
                Need::Demand(_) => {}
            }
        }
        if let Some(token) = self.alive_by_one_clock(now).filter(|_| ask.need == Need::Wish) {
            // A new one was tried for, in vain (promise 7).
            return Some(Reply::Token(Arc::clone(token), vec![words::CLOCKS_DISAGREE.to_owned()]));
        }
        if self.attempt.is_some() && in_time {
            return None;
        }
        if self.is_parked() {
            return Some(Reply::Failure(self.why_not(now)));
        }
        let allowed = self.suspicion.unwrap_or_else(|| self.retry_at(ask.need, now));
        // A short pause is waited out: a caller should not fail over one lost connection.
        if in_time && allowed <= now.steady.after(PATIENCE) && allowed < ask.deadline {
            return None;
        }
        if self.trouble.is_none() && self.suspicion.is_none() && in_time {
            let next = now.steady.until(allowed);
            let account = &self.traits.account;
            return Some(Reply::Failure(if self.policy.exclusive {
                words::kills_the_old(account, next)
            } else {
                words::too_soon(account, next)
            }));
        }
        Some(Reply::Failure(self.why_not(now)))
    }

    /// Why there is no token now.
    pub(super) fn why_not(&self, now: Moment) -> message::Failure {
        let account = &self.traits.account;
        if self.is_locked() {
            return words::locked(account, &words::forgotten());
        }
        if let Some(trouble) = self.trouble.as_ref().filter(|trouble| trouble.parked) {
            if trouble.failure.class == Class::Locked {
                return words::locked(account, &trouble.failure);
            }
            return words::parked(account, &trouble.failure);
        }
        if self.attempt.is_some() {
            return words::timed_out(account);
        }
        if let Some(until) = self.suspicion {
            return words::waiting(account, &words::rejected_too_often(), now.steady.until(until));
        }
        match &self.trouble {
            Some(trouble) => {
                words::waiting(account, &trouble.failure, now.steady.until(self.allowed_at(now)))
            }
            None => words::timed_out(account),
        }
    }

    /// The last failure's words and when the next try is, for a warning beside a token that is short.
    fn last_words(&self, now: Moment) -> Option<(String, Option<Duration>)> {
        let trouble = self.trouble.as_ref()?;
        let next = (!trouble.parked).then(|| now.steady.until(self.allowed_at(now)));
        Some((trouble.failure.message.clone(), next))
    }

    pub(super) fn force(&mut self, ask: Ask, now: Moment, effects: &mut Vec<Effect>) {
        let waiting = Waiting { ask, forced: true };
        if self.is_locked() {
            let failure = words::locked(&self.traits.account, &words::forgotten());
            effects.push(Effect::Answer(ask.waiter, Reply::Failure(failure)));
            return;
        }
        if self.attempt.is_some_and(|attempt| attempt.mints) {
            self.waiting.push(waiting);
            return;
        }
        let ready = self.refreshes.ready_at(now.steady);
        let delay = self.trouble.as_ref().filter(|t| !t.parked && t.next_try > now.steady);
        if let Some(trouble) = delay {
            let next = now.steady.until(trouble.next_try);
            let failure = words::not_tried(&self.traits.account, &trouble.failure, next);
            effects.push(Effect::Answer(ask.waiter, Reply::Failure(failure)));
        } else if ready > now.steady {
            let failure = words::refreshed_too_often(&self.traits.account, now.steady.until(ready));
            effects.push(Effect::Answer(ask.waiter, Reply::Failure(failure)));
        } else {
            self.refreshes.grant(now.steady);
            self.forced = true;
            self.last_attempt = None;
            self.waiting.push(waiting);
        }
    }

    pub(super) fn answer_forced(&mut self, effects: &mut Vec<Effect>, reply: impl Fn(&Self) -> Reply) {
        let (forced, others) =
            std::mem::take(&mut self.waiting).into_iter().partition(|w: &Waiting| w.forced);
        self.waiting = others;
        let forced: Vec<Waiting> = forced;
        effects.extend(forced.iter().map(|waiting| Effect::Answer(waiting.ask.waiter, reply(self))));
    }
}
