//! When the next attempt is due, and how urgent the one under way is.

use std::time::Duration;

use super::Life;
use crate::account::schedule::{self, InHand, Pace, Setback};
use crate::clock::{Moment, Steady};

/// How urgent it is that an attempt gets its turn at the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody waits for it.
    Asked,
    /// From then on the token in hand has less life left than is wished for.
    By(Steady),
    /// Nobody waits, nothing ends.
    Whenever,
}

/// What was drawn for the token in hand. Its next refresh is drawn once: a reload does not move it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lot {
    dice: f64,
    /// The crowd with which it was minted needed so long to pass.
    crowd: Option<Duration>,
}

impl Life {
    /// How urgent the attempt under way is.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        if !self.waiting.is_empty() {
            return Urgency::Asked;
        }
        let token = self.token.as_ref().filter(|_| self.suspicion.is_none());
        let ends = token.and_then(|token| Some((token.requested.steady, token.lifetime?)));
        ends.map_or(Urgency::Whenever, |(requested, lifetime)| {
            let wish = schedule::effective_wish(self.policy.min_valid, lifetime);
            Urgency::By(requested.after(lifetime.saturating_sub(wish)))
        })
    }

    /// The attempt under way had to wait for its turn, and has it now; or it goes with a crowd.
    pub(super) fn has_its_turn(&mut self, generation: u64, crowd: Option<Duration>, now: Moment) {
        if self.attempt.is_some_and(|attempt| attempt.mints && attempt.generation == generation) {
            // Only now its request is sent.
            self.last_attempt = Some(now.steady);
            self.crowd = crowd;
        }
    }

    /// A token has come: draws when it is to be refreshed, and plans that.
    pub(super) fn draw(&mut self) {
        self.lot = Lot { dice: self.rng.f64(), crowd: self.crowd.take() };
        self.plan();
    }

    /// When the token in hand is to be refreshed.
    pub(super) fn plan(&mut self) {
        let pace = match self.lot.crowd {
            _ if self.policy.exclusive => Pace::Exclusive,
            Some(crowd) => Pace::Crowd(crowd),
            None => Pace::Usual,
        };
        self.refresh_at = self.token.as_ref().and_then(|token| {
            // What was left of it at that moment was its whole life.
            let in_hand = token.lifetime.map_or(InHand::Unknown, InHand::Living);
            let after = schedule::next_refresh(in_hand, self.policy.min_valid, pace, None, self.lot.dice)?;
            Some(token.requested.steady.after(after))
        });
    }

    /// When to try again after so many failures in a row.
    pub(super) fn try_again_at(
        &mut self,
        failures: u32,
        retry_after: Option<Duration>,
        now: Moment,
    ) -> Steady {
        let in_hand = self
            .usable(now)
            .map_or(InHand::Nothing, |token| token.left(now).map_or(InHand::Unknown, InHand::Living));
        let setback = Some(Setback { failures, retry_after });
        let dice = self.rng.f64();
        let pause = schedule::next_refresh(in_hand, self.policy.min_valid, Pace::Usual, setback, dice);
        now.steady.after(pause.unwrap_or(schedule::BACKOFF_CAP))
    }
}
