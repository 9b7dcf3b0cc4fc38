//! Where the two clocks disagree, a new token is tried for before the next answer (promise 7).

use std::sync::Arc;

use super::{Ask, Life};
use crate::account::schedule::PATIENCE;
use crate::account::token::Token;
use crate::account::words;
use crate::clock::{Moment, Steady};

/// So often within [`schedule::WINDOW`](crate::account::schedule::WINDOW) clocks that disagree again cost a request at
/// once; from then on with the pauses of what is forced.
const FREE_DISPUTES: u32 = 5;

impl Life {
    /// Whether the clocks disagree about the token in hand, and another can be had.
    pub(super) fn is_disputed(&self, now: Moment) -> bool {
        self.traits.renews
            && self.suspicion.is_none()
            && self.token.as_ref().is_some_and(|token| token.is_disputed(now))
    }

    /// The token, if one of the clocks calls it dead and the other, which disagrees, does not.
    pub(super) fn alive_by_one_clock(&self, now: Moment) -> Option<&Arc<Token>> {
        self.token.as_ref().filter(|token| {
            let has_life = token.is_disputed(now) && !token.is_alive(now) && !token.is_dead_for_sure(now);
            has_life && self.suspicion.is_none()
        })
    }

    /// From when clocks that disagree are a reason for a request.
    pub(super) fn settled_from(&self, now: Moment) -> Steady {
        let often = self.disputes.granted(now.steady) >= FREE_DISPUTES;
        let ready = if often { self.disputes.ready_at(now.steady) } else { now.steady };
        ready.max(self.allowed_at(now))
    }

    /// Whether a caller waits for a token of which the clocks do not disagree: while one is tried for, and before the
    /// first try, but not from one failed try to the next.
    pub(super) fn waits_for_agreement(&self, ask: Ask, now: Moment) -> bool {
        if !self.is_disputed(now) || now.steady >= ask.deadline {
            return false;
        }
        if let Some(end) = self.patience(ask.deadline) {
            return now.steady < end;
        }
        let from = self.settled_from(now);
        self.trouble.is_none() && from <= now.steady.after(PATIENCE) && from < ask.deadline
    }

    /// What whoever gets the token should know.
    pub(super) fn doubts(&self, now: Moment) -> Vec<String> {
        if self.is_disputed(now) { vec![words::CLOCKS_DISAGREE.to_owned()] } else { Vec::new() }
    }
}
