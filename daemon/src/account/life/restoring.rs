//! A token of an earlier run of the daemon comes back.

use std::sync::Arc;

use super::{Hold, Life, Restored};
use crate::account::token::Token;
use crate::clock::Moment;

impl Life {
    /// Takes over what was kept, unless something newer came meanwhile.
    pub(super) fn restored(&mut self, restored: Option<Restored>, now: Moment) {
        if self.hold != Some(Hold::Restoring) {
            return;
        }
        self.hold = None;
        let Some(Restored { token, in_doubt, clock_was_set_back }) = restored else { return };
        if token.is_dead_for_sure(now) || self.refused.contains(&token.sha256) {
            return;
        }
        if clock_was_set_back && !self.traits.can_probe {
            // A new one costs one request, and is known to live.
            return;
        }
        self.generation += 1;
        self.longest = token.lifetime;
        self.best = self.best.max(token.at_best());
        self.token = Some(Arc::new(Token { generation: self.generation, ..token }));
        self.plan();
        if in_doubt && self.traits.can_probe {
            self.suspicion = Some(now.steady);
            self.is_own_doubt = true;
        }
    }

    /// The token that is to be there again after a restart: the one in hand, while nobody has refused it.
    #[must_use]
    pub fn token_to_keep(&self) -> Option<&Arc<Token>> {
        self.token.as_ref()
    }
}
