//! What the service said, and what callers said of its tokens, becomes the next state.

use std::sync::Arc;
use std::time::Duration;

use super::{Grant, Life, REFUSED, Trouble};
use crate::account::schedule::DOUBTFUL_TRIES;
use crate::account::skew::ServiceClock;
use crate::account::token::Token;
use crate::account::words;
use crate::clock::Moment;
use crate::provider::{CarriedOut, Class, Failure, Minted, Probe};
use crate::secret::digest;

/// All fields of a credential together, in bytes: an answer of [`tokend_proto::limits::MAX_ANSWER`] must hold them.
const MOST_BYTES: usize = 768 * 1024;

impl Life {
    pub(super) fn rejected(&mut self, sha256: [u8; 32], now: Moment) {
        if self.token.as_ref().is_none_or(|token| token.sha256 != sha256) {
            // Of a token that was replaced, was never ours, or is not there yet.
            if self.is_held() {
                self.reject_unseen(sha256);
            }
            return;
        }
        if self.rejections.granted(now.steady) == 0 {
            self.discard(now);
        } else if self.traits.can_probe {
            // From now on a caller's doubt.
            self.is_own_doubt = false;
            if !self.vouched(now) && self.suspicion.is_none() {
                self.suspicion = Some(self.probes.ready_at(now.steady).max(now.steady));
            }
        } else {
            self.discard(now);
        }
    }

    /// The token is not served again; the next one waits longer each time that this happens in a row.
    pub(super) fn discard(&mut self, now: Moment) {
        let pause = self.rejections.pause(now.steady);
        self.rejections.grant(now.steady);
        self.spare_no_more(now);
        // What the service itself said weighs more than what callers say of its tokens.
        if !pause.is_zero() && !self.is_parked() {
            let delay = self.trouble.as_ref().map_or(now.steady, |trouble| trouble.next_try);
            let next_try = now.steady.after(pause).max(delay);
            let failure = words::rejected_too_often();
            self.trouble = Some(Trouble {
                failure,
                at: now.wall,
                failures: 0,
                doubts: 0,
                after_pause: next_try,
                next_try,
                parked: false,
            });
        }
        self.last_attempt = None;
        if let Some(token) = &self.token {
            if self.refused.len() == REFUSED {
                self.refused.pop_front();
            }
            self.refused.push_back(token.sha256);
        }
        self.drop_token();
    }

    /// The token in hand goes before its end: what waited for that end, to spare it, waits no longer.
    pub(super) fn spare_no_more(&mut self, now: Moment) {
        if let Some(trouble) = &mut self.trouble
            && trouble.failure.carried_out != CarriedOut::No
        {
            trouble.next_try = now.steady;
        }
    }

    pub(super) fn drop_token(&mut self) {
        self.token = None;
        self.refresh_at = None;
        self.suspicion = None;
        self.is_own_doubt = false;
        self.vouched_until = None;
    }

    pub(super) fn probed(&mut self, probe: Probe, now: Moment) {
        if self.token.is_none() {
            // It died of age meanwhile.
            return;
        }
        let is_own_doubt = std::mem::take(&mut self.is_own_doubt);
        match probe {
            Probe::Alive(left) if is_own_doubt => {
                self.suspicion = None;
                self.shorten(left, now);
            }
            // Where the network is down, nothing speaks against the token.
            Probe::Unknown if is_own_doubt => self.suspicion = None,
            // No caller rejected it, so nobody's allowance is used.
            Probe::Dead if is_own_doubt => self.drop_token(),
            Probe::Alive(_) => {
                self.suspicion = None;
                self.vouched_until = Some(now.steady.after(self.probes.pause(now.steady)));
            }
            // A caller says dead, the service does not say alive.
            Probe::Dead | Probe::Unknown => self.discard(now),
        }
    }

    /// The service said how long the token lives.
    fn shorten(&mut self, left: Option<Duration>, now: Moment) {
        let Some((token, left)) = self.token.as_ref().zip(left) else { return };
        if token.left(now).is_none_or(|believed| believed > left) {
            self.token = Some(Arc::new(token.ending_in(left, now)));
            self.plan();
        }
    }

    /// Remembers a rejection until the token that it names is there.
    pub(super) fn reject_unseen(&mut self, sha256: [u8; 32]) {
        if self.rejected_unseen.len() == REFUSED {
            self.rejected_unseen.pop_front();
        }
        self.rejected_unseen.push_back(sha256);
    }

    pub(super) fn accept(
        &mut self,
        minted: Minted,
        generation: u64,
        requested: Moment,
        now: Moment,
    ) -> Result<Arc<Token>, Failure> {
        let Some((_, secret)) = minted.fields.first() else {
            return Err(words::no_token());
        };
        let read = minted.date.and_then(|date| ServiceClock::read(date, requested, now));
        self.service_clock = read.or(self.service_clock);
        let sha256 = digest(b"", secret);
        if minted.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MOST_BYTES {
            return Err(words::too_large());
        }
        if self.refused.contains(&sha256) {
            return Err(words::same_again(self.traits.renews));
        }
        let is_assumed = minted.lifetime.is_none();
        let lifetime = minted.lifetime.or_else(|| self.assumed_lifetime());
        let token = Token {
            fields: minted.fields,
            sha256,
            scope: minted.scope,
            warnings: minted.warnings,
            requested,
            received: now,
            lifetime,
            is_assumed,
            generation,
        };
        if token.is_dead_for_sure(now) || (!token.is_alive(now) && !token.is_disputed(now)) {
            return Err(words::dead_on_arrival());
        }
        if self.is_disputed(now) {
            self.disputes.grant(now.steady);
        }
        self.drop_token();
        self.longest = lifetime;
        self.best = self.best.max(token.at_best());
        let token = Arc::new(token);
        self.token = Some(Arc::clone(&token));
        self.trouble = None;
        self.draw();
        Ok(token)
    }

    fn assumed_lifetime(&self) -> Option<Duration> {
        self.policy.assume_lifetime.or(self.traits.assumed_lifetime)
    }

    /// What is assumed may have changed.
    pub(super) fn assume_again(&mut self) {
        let assumed = self.assumed_lifetime();
        if let Some(token) = self.token.as_ref().filter(|token| token.is_assumed && token.lifetime != assumed)
        {
            self.token = Some(Arc::new(token.assuming(assumed)));
            self.longest = assumed;
        }
    }

    pub(super) fn fail(&mut self, failure: Failure, granted: Option<Grant>, now: Moment) {
        if failure.class == Class::Locked && self.is_parked() && !self.awaits_the_store() {
            // What the service said weighs more than a store that is locked meanwhile.
            return;
        }
        let (failures, doubts) = self.trouble.as_ref().map_or((0, 0), |t| (t.failures, t.doubts));
        let failures = failures.saturating_add(1);
        let doubts = if failure.class == Class::Doubtful { doubts.saturating_add(1) } else { 0 };
        let parked = match failure.class {
            Class::No | Class::Source | Class::Locked | Class::LoginNeeded => true,
            Class::Doubtful => doubts >= DOUBTFUL_TRIES,
            Class::NotNow => false,
        };
        if failure.was_local() {
            // No request was sent: whoever mends it need not wait.
            match granted {
                Some(Grant::Refresh) => self.refreshes.take_back(),
                Some(Grant::Mend) => self.mends.take_back(),
                None => {}
            }
            self.last_attempt = None;
        }
        // The token that is spared may be another life's. This one has none, so it asks again as after any failure: the
        // grant answers without a request while that is so, and what another life gets settles it for all.
        let spares_another = failure.carried_out == CarriedOut::AnswerLost && self.usable(now).is_none();
        let wait = failure.retry_after.filter(|_| !spares_another);
        let after_pause = self.try_again_at(failures, None, now);
        let next_try = after_pause.max(now.steady.after(wait.unwrap_or_default()));
        self.trouble =
            Some(Trouble { failure, at: now.wall, failures, doubts, after_pause, next_try, parked });
    }
}
