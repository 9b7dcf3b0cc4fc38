//! A token of an earlier run of the daemon comes back.

use std::sync::Arc;
use std::time::Duration;

use super::{Hold, Life, Restored};
use crate::account::schedule::MIN_GAP;
use crate::account::token::Token;
use crate::clock::Moment;

/// A token that lives shorter is dead before a restart is over: it is not worth the wear of the disk.
const WORTH_KEEPING: Duration = Duration::from_secs(60);

impl Life {
    /// Takes over what was kept, unless something newer came meanwhile.
    pub(super) fn restored(&mut self, restored: Option<Restored>, now: Moment) {
        if self.hold != Some(Hold::Restoring) {
            return;
        }
        self.hold = None;
        let rejected = std::mem::take(&mut self.rejected_unseen);
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
        // Another lifetime may be assumed by now.
        self.assume_again();
        self.draw();
        if in_doubt && self.traits.can_probe {
            let gap = self.last_attempt.map_or(now.steady, |last| last.after(MIN_GAP));
            self.suspicion = Some(self.probes.ready_at(now.steady).max(gap));
            self.is_own_doubt = true;
            if clock_was_set_back {
                // Nobody knows how long it lives: a new one is due as soon as may be.
                self.refresh_at = Some(now.steady);
            }
        }
        for sha256 in rejected {
            self.rejected(sha256, now);
        }
    }

    /// Whether a caller or the service refused the token with this SHA-256: what is kept of it must go.
    #[must_use]
    pub fn has_refused(&self, sha256: &[u8; 32]) -> bool {
        self.refused.contains(sha256)
    }

    /// The token that is to be there again after a restart: the one in hand, while nobody has refused it.
    #[must_use]
    pub fn token_to_keep(&self) -> Option<&Arc<Token>> {
        self.token.as_ref()
    }

    /// The same, if it lives long enough to be worth it.
    #[must_use]
    pub fn token_worth_keeping(&self) -> Option<&Arc<Token>> {
        self.token_to_keep().filter(|token| token.lifetime.is_none_or(|lifetime| lifetime >= WORTH_KEEPING))
    }
}
