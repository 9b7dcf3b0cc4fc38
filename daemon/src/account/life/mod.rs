//! The life of one token as a pure function: (state, event, now) → (state, effects). No I/O, no clock, no task.

mod allowance;
mod callers;
mod clocks;
mod locking;
mod mending;
mod outcomes;
mod people;
mod planning;
mod restoring;
mod steps;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::policy::{Policy, Refresh};
use super::schedule::{self, MIN_GAP};
use super::skew::ServiceClock;
use super::snapshot::{self, Snapshot, State};
use super::token::{Need, Token};
use super::words;
use crate::clock::{Moment, Steady, Wall};
use crate::provider::{CarriedOut, Class, Failure, Probe};

use self::allowance::Allowance;
use self::planning::Lot;
pub use self::planning::Urgency;
pub use self::steps::{Ask, Effect, Event, Reply, Restored, Traits, WaiterId};

/// How many rejected tokens are remembered, should the service give one of them again.
const REFUSED: usize = 8;

/// One token's life.
#[derive(Debug)]
pub struct Life {
    traits: Traits,
    policy: Policy,
    rng: fastrand::Rng,
    /// The last attempt's number, and so the newest token's.
    generation: u64,
    attempt: Option<Attempt>,
    token: Option<Arc<Token>>,
    /// When the token is to be refreshed unasked.
    refresh_at: Option<Steady>,
    /// What was drawn for that.
    lot: Lot,
    /// The attempt under way goes with a crowd that needs so long to pass.
    crowd: Option<Duration>,
    /// The token is not served until the service has said whether it lives.
    suspicion: Option<Steady>,
    /// The suspicion is the daemon's own, of a token of an earlier run: only a clear no ends it.
    is_own_doubt: bool,
    /// Why nothing is asked of the service, whoever wants it.
    hold: Option<Hold>,
    /// The service called the token alive: rejections of it do not count until then.
    vouched_until: Option<Steady>,
    /// When the last attempt began, for the smallest gap between two.
    last_attempt: Option<Steady>,
    /// The lifetime of the last token, if it had one.
    longest: Option<Duration>,
    /// The most life that any token had when it arrived.
    best: Option<Duration>,
    trouble: Option<Trouble>,
    refused: VecDeque<[u8; 32]>,
    /// What callers rejected while nothing was in hand, though it may come back: from the disk.
    rejected_unseen: VecDeque<[u8; 32]>,
    rejections: Allowance,
    refreshes: Allowance,
    /// Tries that a changed file caused.
    mends: Allowance,
    probes: Allowance,
    /// New tokens since the clocks disagreed about the one before.
    disputes: Allowance,
    service_clock: Option<ServiceClock>,
    /// A refresh was granted: the next attempt needs no other reason.
    forced: bool,
    /// A parked account is tried once more, since something may have been mended, and an allowance was used for it.
    looks_again: Option<Grant>,
    waiting: Vec<Waiting>,
}

/// Why nothing is asked of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// What was kept of an earlier run is being read.
    Restoring,
    /// A person locked.
    Locked,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    generation: u64,
    started: Steady,
    mints: bool,
    /// Which allowance was used for it.
    granted: Option<Grant>,
}

/// Which allowance was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    /// For what a person asked for.
    Refresh,
    /// For a file that changed.
    Mend,
}

#[derive(Debug, Clone)]
struct Trouble {
    failure: Failure,
    at: Wall,
    failures: u32,
    doubts: u32,
    /// When the pause is over that a failure costs, whatever else there is to wait for.
    after_pause: Steady,
    next_try: Steady,
    parked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    ask: Ask,
    forced: bool,
}

impl Life {
    /// A life that has not begun: send [`Event::Started`].
    #[must_use]
    pub fn new(traits: Traits, policy: Policy) -> Self {
        let rng = fastrand::Rng::with_seed(traits.seed);
        Self {
            traits,
            policy,
            rng,
            generation: 0,
            attempt: None,
            token: None,
            refresh_at: None,
            lot: Lot::default(),
            crowd: None,
            suspicion: None,
            is_own_doubt: false,
            hold: None,
            vouched_until: None,
            last_attempt: None,
            longest: None,
            best: None,
            trouble: None,
            refused: VecDeque::new(),
            rejected_unseen: VecDeque::new(),
            rejections: Allowance::default(),
            refreshes: Allowance::default(),
            mends: Allowance::default(),
            probes: Allowance::default(),
            disputes: Allowance::default(),
            service_clock: None,
            forced: false,
            looks_again: None,
            waiting: Vec::new(),
        }
    }

    /// The same, which waits for what was kept of an earlier run: [`Event::Restored`] follows.
    #[must_use]
    pub fn restoring(self) -> Self {
        Self { hold: Some(Hold::Restoring), ..self }
    }

    /// Takes over what the service said of the account as a whole: refused credentials, and when to come again.
    /// A variant would otherwise be a way around both.
    pub fn inherit(&mut self, own: &Self) {
        self.trouble = own.trouble.clone().filter(|trouble| {
            let refused = trouble.parked && trouble.failure.class == Class::No;
            refused || trouble.failure.retry_after.is_some()
        });
    }

    /// Drops callers that have gone.
    pub fn forget_waiters(&mut self, has_gone: impl Fn(WaiterId) -> bool) {
        self.waiting.retain(|waiting| !has_gone(waiting.ask.waiter));
    }

    /// How long it is kept unused, where it is not the account's own.
    #[must_use]
    pub fn unused_span(&self) -> Duration {
        schedule::unused_span(self.longest)
    }

    /// Takes one event in. `used` is when the token was last served.
    pub fn handle(&mut self, event: Event, now: Moment, used: Option<Steady>) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Started => self.look_again(now),
            Event::Mended => self.mended(now),
            Event::Asked(ask) => self.waiting.push(Waiting { ask, forced: false }),
            Event::Refresh(ask) => self.force(ask, now, &mut effects),
            Event::Rejected(sha256) => self.rejected(sha256, now),
            Event::Minted { generation, requested, result } => {
                let ours = self.attempt.filter(|attempt| attempt.mints && attempt.generation == generation);
                if let Some(attempt) = ours {
                    self.attempt = None;
                    match result.and_then(|minted| self.accept(minted, generation, requested, now)) {
                        Ok(token) => {
                            self.answer_forced(&mut effects, |life| {
                                Reply::Token(Arc::clone(&token), life.doubts(now))
                            });
                        }
                        Err(failure) => {
                            self.fail(failure, attempt.granted, now);
                            self.answer_forced(&mut effects, |life| Reply::Failure(life.why_not(now)));
                        }
                    }
                }
            }
            Event::Probed { generation, result } => {
                if self.attempt.is_some_and(|attempt| !attempt.mints && attempt.generation == generation) {
                    self.attempt = None;
                    self.probed(result.unwrap_or(Probe::Unknown), now);
                }
            }
            Event::Turn { generation, crowd } => self.has_its_turn(generation, crowd, now),
            Event::SetOtherwise => self.trouble = None,
            Event::Kept(policy) => {
                self.policy = policy;
                self.assume_again();
                self.plan();
                self.look_again(now);
            }
            Event::Restored(restored) => self.restored(restored, now),
            Event::Locked => self.lock(now),
            Event::Unlocked { restoring } => self.unlock(restoring),
            Event::LoggedIn(tokens) => self.logged_in(tokens, now, &mut effects),
            Event::LenderLoggedIn => self.lender_logged_in(now),
            Event::LoggedOut(why) => self.logged_out(why, now),
            Event::Tick => {}
        }
        self.settle(now, used, &mut effects);
        effects
    }

    /// What readers may see.
    #[must_use]
    pub fn snapshot(&self, now: Moment, used: Option<Steady>) -> Snapshot {
        Snapshot {
            state: self.state(now),
            token: self.usable(now).cloned(),
            wish: self.policy.min_valid,
            renews: self.traits.renews,
            next_refresh: if self.attempt.is_some() { None } else { self.suspicion.or(self.due(now, used)) },
            trouble: if self.is_locked() {
                let failure = words::forgotten();
                Some(snapshot::Trouble { failure, at: now.wall, parked: true })
            } else {
                self.trouble.as_ref().map(|trouble| snapshot::Trouble {
                    failure: trouble.failure.clone(),
                    at: trouble.at,
                    parked: trouble.parked,
                })
            },
            warnings: if self.vouched(now) { vec![words::VOUCHED.to_owned()] } else { Vec::new() },
            service_clock: self.service_clock,
        }
    }

    /// When to send the next [`Event::Tick`].
    #[must_use]
    pub fn deadline(&self, now: Moment, used: Option<Steady>) -> Option<Steady> {
        let waiting = self.waiting.iter().flat_map(|waiting| {
            let patience = self.patience(waiting.ask.deadline);
            let may_try = self.attempt.is_none() && !self.is_held();
            let retry = may_try.then(|| self.retry_at(waiting.ask.need, now));
            let settled = (may_try && self.is_disputed(now)).then(|| self.settled_from(now));
            [Some(waiting.ask.deadline), patience, retry, settled]
        });
        let due = if self.attempt.is_none() { self.due(now, used) } else { None };
        let probe = if self.attempt.is_none() { self.suspicion } else { None };
        waiting.chain([due, probe, self.death()]).flatten().filter(|at| *at > now.steady).min()
    }

    /// Who waits.
    pub fn waiters(&self) -> impl Iterator<Item = WaiterId> {
        self.waiting.iter().map(|waiting| waiting.ask.waiter)
    }

    /// Whether nothing is under way and nobody waits.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.attempt.is_none() && self.waiting.is_empty()
    }

    /// What the account does, in one word.
    fn state(&self, now: Moment) -> State {
        if self.is_locked() {
            State::Locked
        } else if self.attempt.is_some() || self.hold.is_some() {
            State::Refreshing
        } else if self.awaits_the_store() {
            if self.usable(now).is_some() { State::Fresh } else { State::Locked }
        } else if let Some(trouble) = self.trouble.as_ref().filter(|trouble| trouble.parked) {
            match trouble.failure.class {
                Class::LoginNeeded => State::LoginNeeded,
                _ => State::Parked,
            }
        } else if self.trouble.is_some() || self.suspicion.is_some() {
            State::Waiting
        } else if self.usable(now).is_some() {
            State::Fresh
        } else {
            State::Idle
        }
    }

    /// The common end of every event: what follows from the state as it is now.
    fn settle(&mut self, now: Moment, used: Option<Steady>, effects: &mut Vec<Effect>) {
        if self.token.as_ref().is_some_and(|token| token.is_dead_for_sure(now)) {
            if let Some(trouble) = &mut self.trouble
                && trouble.failure.carried_out == CarriedOut::AnswerLost
            {
                // What it was to spare may be another life's token, too, which lives longer.
                trouble.next_try = trouble.next_try.min(trouble.after_pause.max(now.steady));
            }
            self.drop_token();
        }
        if self.attempt.is_none() && !self.is_held() {
            if self.suspicion.is_some_and(|probe_at| probe_at <= now.steady) {
                self.start_probe(now, effects);
            } else if self.wants_attempt(now, used) && self.allowed_at(now) <= now.steady {
                self.start_mint(now, effects);
            }
        }
        let waiting = std::mem::take(&mut self.waiting);
        for waiting in waiting {
            match self.resolve(waiting, now) {
                Some(reply) => effects.push(Effect::Answer(waiting.ask.waiter, reply)),
                None => self.waiting.push(waiting),
            }
        }
    }

    fn start_mint(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.generation += 1;
        let looks_again = self.looks_again.take();
        let granted = if std::mem::take(&mut self.forced) { Some(Grant::Refresh) } else { looks_again };
        self.last_attempt = Some(now.steady);
        self.crowd = None;
        let (generation, started) = (self.generation, now.steady);
        self.attempt = Some(Attempt { generation, started, mints: true, granted });
        effects.push(Effect::Mint { generation: self.generation });
    }

    fn start_probe(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let Some(token) = self.token.clone() else {
            self.suspicion = None;
            return;
        };
        self.generation += 1;
        if !self.is_own_doubt {
            self.probes.grant(now.steady);
        }
        let (generation, started) = (self.generation, now.steady);
        self.attempt = Some(Attempt { generation, started, mints: false, granted: None });
        effects.push(Effect::Probe { generation: self.generation, token });
    }

    /// Whether somebody, or the schedule, wants a token now. Whether one may be asked for is [`Self::allowed_at`].
    fn wants_attempt(&self, now: Moment, used: Option<Steady>) -> bool {
        if self.forced {
            return true;
        }
        if self.is_parked() || self.suspicion.is_some() {
            return false;
        }
        self.waiting.iter().any(|waiting| !waiting.forced && self.is_unmet(waiting.ask.need, now))
            || self.due(now, used).is_some_and(|due| due <= now.steady)
    }

    /// Whether a new token would help.
    fn is_unmet(&self, need: Need, now: Moment) -> bool {
        if self.is_disputed(now) && self.settled_from(now) <= now.steady {
            return true;
        }
        let Some(token) = self.usable(now) else { return true };
        let reachable = match need {
            Need::Wish => true,
            Need::Demand(least) => token.lifetime.is_some() && self.best.is_some_and(|best| best >= least),
        };
        reachable && !token.meets(need, self.policy.min_valid, now) && self.retry_at(need, now) <= now.steady
    }

    /// From when a caller with this need may cause a request.
    fn retry_at(&self, need: Need, now: Moment) -> Steady {
        let demand = match need {
            Need::Demand(_) => self.usable(now).and_then(|token| self.demand_at(token)),
            Need::Wish => None,
        };
        self.allowed_at(now).max(demand.unwrap_or(now.steady))
    }

    /// When the schedule wants an attempt; never where nobody is kept for, or nothing is known of the expiry.
    fn due(&self, now: Moment, used: Option<Steady>) -> Option<Steady> {
        if self.is_held() || self.is_parked() || self.suspicion.is_some() || !self.in_use(now, used) {
            return None;
        }
        let wanted = match self.usable(now) {
            // Whatever asked for the attempt that failed, the next one is due as soon as it is allowed; unless it would
            // kill a token that is good as it is.
            Some(_) if self.trouble.is_none() || self.policy.exclusive => {
                let settled = self.is_disputed(now).then(|| self.settled_from(now));
                [self.refresh_at, settled].into_iter().flatten().min()?
            }
            _ => now.steady,
        };
        Some(wanted.max(self.allowed_at(now)).max(self.unasked_at(now, used)))
    }

    /// Before when nothing is asked for unasked, where tokens live so short that it would never end.
    fn unasked_at(&self, now: Moment, used: Option<Steady>) -> Steady {
        let asked = used.is_some_and(|used| used.until(now.steady) <= schedule::IN_USE);
        let short = self.longest.is_some_and(|lifetime| lifetime < schedule::SHORT_LIFE);
        match self.last_attempt {
            Some(last) if short && !asked => last.after(schedule::UNASKED_GAP),
            _ => now.steady,
        }
    }

    /// Before when no demand is a reason for a request, while this token is alive.
    fn demand_at(&self, token: &Token) -> Option<Steady> {
        if self.policy.exclusive {
            // Others hold it, too.
            return self.refresh_at;
        }
        Some(self.last_attempt?.after(schedule::demand_gap(token.lifetime?)))
    }

    /// Whether the token is to be kept fresh unasked.
    fn in_use(&self, now: Moment, used: Option<Steady>) -> bool {
        let recently =
            || used.is_some_and(|used| used.until(now.steady) <= schedule::unused_span(self.longest));
        match self.policy.refresh {
            _ if self.traits.variant => false,
            Refresh::Eager => true,
            Refresh::Auto => recently(),
            Refresh::OnDemand => false,
        }
    }

    /// Before when no request may be sent: the last delay, or the smallest gap.
    fn allowed_at(&self, now: Moment) -> Steady {
        let trouble = self.trouble.as_ref().filter(|trouble| !trouble.parked).map(|trouble| trouble.next_try);
        let gap = self.last_attempt.map(|last| last.after(MIN_GAP));
        [trouble, gap].into_iter().flatten().max().unwrap_or(now.steady)
    }

    fn vouched(&self, now: Moment) -> bool {
        self.vouched_until.is_some_and(|until| until > now.steady)
    }

    fn is_parked(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.parked)
    }

    /// Whether nothing is asked of the service, whoever wants it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    /// The token, if it may be served.
    fn usable(&self, now: Moment) -> Option<&Arc<Token>> {
        self.token.as_ref().filter(|token| self.suspicion.is_none() && token.is_alive(now))
    }

    /// Whether this is the attempt to get a token that is under way.
    #[must_use]
    pub fn is_attempting(&self, generation: u64) -> bool {
        self.attempt.is_some_and(|attempt| attempt.mints && attempt.generation == generation)
    }

    /// Until when there is a token to serve, where that is known.
    #[must_use]
    pub fn in_hand_until(&self, now: Moment) -> Option<Steady> {
        self.usable(now)?;
        self.death()
    }

    /// When the token dies by the steady clock.
    fn death(&self) -> Option<Steady> {
        let token = self.token.as_ref()?;
        Some(token.requested.steady.after(token.lifetime?))
    }
}
