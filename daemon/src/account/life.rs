//! The life of one token as a pure function: (state, event, now) → (state, effects). No I/O, no clock, no task.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokend_proto::message;

use super::policy::{Policy, Refresh};
use super::schedule::{self, DOUBTFUL_TRIES, MIN_GAP, PATIENCE};
use super::snapshot::{self, Snapshot, State, meets};
use super::token::Token;
use super::words;
use crate::clock::{Moment, Steady, Wall};
use crate::provider::{Class, Failure, Minted, Probe};

/// A caller that waits.
pub type WaiterId = u64;

/// How many rejected tokens are remembered, should the service give one of them again.
const REFUSED: usize = 8;

/// What never changes in a life.
#[derive(Debug, Clone)]
pub struct Traits {
    /// The account's name, for messages.
    pub account: String,
    /// Whether the service can be asked if a token lives.
    pub can_probe: bool,
    /// Whether asking again can bring another token.
    pub renews: bool,
    /// The lifetime that tokens of this type are assumed to have where nobody tells.
    pub assumed_lifetime: Option<Duration>,
    /// Whether it is a variant that a caller asked for: kept on demand, whatever the policy says.
    pub variant: bool,
    /// Where the jitter begins.
    pub seed: u64,
}

/// The life that a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// What the account wishes for; less is served with a warning.
    Wish,
    /// At least this much, or a failure.
    Demand(Duration),
}

/// A caller's question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Whom to answer.
    pub waiter: WaiterId,
    /// What it needs.
    pub need: Need,
    /// Until when it waits.
    pub deadline: Steady,
}

/// What happens to a token's life.
#[derive(Debug)]
pub enum Event {
    /// The account is there now, or is to be looked at again after its configuration was read.
    Started,
    /// Somebody wants the token.
    Asked(Ask),
    /// Somebody wants a new one, even if the old one has life left. Its need does not count.
    Refresh(Ask),
    /// A service refused the token with this SHA-256.
    Rejected([u8; 32]),
    /// An attempt ended. `requested` is the moment before its request was sent.
    Minted {
        /// Which attempt.
        generation: u64,
        /// When it was sent.
        requested: Moment,
        /// What came of it.
        result: Result<Minted, Failure>,
    },
    /// The service was asked whether the token lives.
    Probed {
        /// Which attempt.
        generation: u64,
        /// What it said.
        result: Result<Probe, Failure>,
    },
    /// The account is to be kept in another way.
    Kept(Policy),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Ask the service for a token.
    Mint {
        /// Which attempt.
        generation: u64,
    },
    /// Ask the service whether this token lives.
    Probe {
        /// Which attempt.
        generation: u64,
        /// The token.
        token: Arc<Token>,
    },
    /// Answer a caller.
    Answer(WaiterId, Reply),
}

/// What a caller gets.
#[derive(Debug)]
pub enum Reply {
    /// The token, and what its caller should know.
    Token(Arc<Token>, Vec<String>),
    /// Why not.
    Failure(message::Failure),
}

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
    /// The token is not served until the service has said whether it lives.
    suspicion: Option<Steady>,
    /// The service called the token alive: rejections of it do not count until then.
    vouched_until: Option<Steady>,
    /// No request sooner than this: callers reject too often.
    hold_until: Option<Steady>,
    /// When the last attempt began, for the smallest gap between two.
    last_attempt: Option<Steady>,
    /// The lifetime of the last token, if it had one.
    longest: Option<Duration>,
    trouble: Option<Trouble>,
    refused: VecDeque<[u8; 32]>,
    rejections: Allowance,
    refreshes: Allowance,
    probes: Allowance,
    /// A refresh was granted: the next attempt needs no other reason.
    forced: bool,
    waiting: Vec<Waiting>,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    generation: u64,
    started: Steady,
    mints: bool,
}

#[derive(Debug)]
struct Trouble {
    failure: Failure,
    at: Wall,
    failures: u32,
    doubts: u32,
    next_try: Steady,
    parked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    ask: Ask,
    forced: bool,
}

/// How often something was granted within [`schedule::WINDOW`].
#[derive(Debug, Default)]
struct Allowance {
    granted: u32,
    last: Option<Steady>,
}

impl Allowance {
    fn granted(&mut self, now: Steady) -> u32 {
        if self.last.is_none_or(|last| last.until(now) >= schedule::WINDOW) {
            self.granted = 0;
        }
        self.granted
    }

    /// The pause that the next one has to keep after now, if it is granted now.
    fn pause(&mut self, now: Steady) -> Duration {
        schedule::forced_pause(self.granted(now))
    }

    /// From when the next one is granted.
    fn ready_at(&mut self, now: Steady) -> Steady {
        let pause = self.pause(now);
        self.last.map_or(now, |last| last.after(pause))
    }

    fn grant(&mut self, now: Steady) {
        self.granted = self.granted(now).saturating_add(1);
        self.last = Some(now);
    }
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
            suspicion: None,
            vouched_until: None,
            hold_until: None,
            last_attempt: None,
            longest: None,
            trouble: None,
            refused: VecDeque::new(),
            rejections: Allowance::default(),
            refreshes: Allowance::default(),
            probes: Allowance::default(),
            forced: false,
            waiting: Vec::new(),
        }
    }

    /// Takes one event in. `used` is when the token was last served.
    pub fn handle(&mut self, event: Event, now: Moment, used: Option<Steady>) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Started => self.look_again(),
            Event::Asked(ask) => self.waiting.push(Waiting { ask, forced: false }),
            Event::Refresh(ask) => self.force(ask, now, &mut effects),
            Event::Rejected(sha256) => self.rejected(sha256, now),
            Event::Minted { generation, requested, result } => {
                if self.attempt.is_some_and(|attempt| attempt.mints && attempt.generation == generation) {
                    self.attempt = None;
                    match result.and_then(|minted| self.accept(minted, generation, requested, now)) {
                        Ok(token) => {
                            self.answer_forced(&mut effects, |_| Reply::Token(Arc::clone(&token), Vec::new()));
                        }
                        Err(failure) => {
                            self.fail(failure, now);
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
            Event::Kept(policy) => {
                self.policy = policy;
                self.plan();
                self.look_again();
            }
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
            next_refresh: if self.attempt.is_some() { None } else { self.due(now, used) },
            trouble: self.trouble.as_ref().map(|trouble| snapshot::Trouble {
                failure: trouble.failure.clone(),
                at: trouble.at,
                parked: trouble.parked,
            }),
            warnings: self.warnings(now).map(str::to_owned).into_iter().collect(),
        }
    }

    /// When to send the next [`Event::Tick`].
    #[must_use]
    pub fn deadline(&self, now: Moment, used: Option<Steady>) -> Option<Steady> {
        let waiting = self.waiting.iter().flat_map(|waiting| {
            let patience = self.patience(waiting.ask.deadline);
            let retry = self.attempt.is_none().then(|| self.allowed_at(now));
            [Some(waiting.ask.deadline), patience, retry]
        });
        let due = if self.attempt.is_none() { self.due(now, used) } else { None };
        let probe = if self.attempt.is_none() { self.suspicion } else { None };
        waiting.chain([due, probe, self.death(), self.hold_until]).flatten().filter(|at| *at > now.steady).min()
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

    /// What a person should know of the callers' rejections.
    fn warnings(&self, now: Moment) -> Option<&'static str> {
        if self.vouched(now) {
            Some(words::VOUCHED)
        } else if self.held_back(now) {
            Some(words::HELD_BACK)
        } else {
            None
        }
    }

    /// What the account does, in one word.
    fn state(&self, now: Moment) -> State {
        if self.attempt.is_some() {
            State::Refreshing
        } else if self.is_parked() {
            State::Parked
        } else if self.trouble.is_some() || self.suspicion.is_some() || self.held_back(now) {
            State::Waiting
        } else if self.usable(now).is_some() {
            State::Fresh
        } else {
            State::Idle
        }
    }

    /// The common end of every event: what follows from the state as it is now.
    fn settle(&mut self, now: Moment, used: Option<Steady>, effects: &mut Vec<Effect>) {
        if self.token.as_ref().is_some_and(|token| !token.is_alive(now)) {
            self.drop_token();
        }
        if self.hold_until.is_some_and(|until| until <= now.steady) {
            self.hold_until = None;
        }
        if self.attempt.is_none() {
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
        self.forced = false;
        self.last_attempt = Some(now.steady);
        self.attempt = Some(Attempt { generation: self.generation, started: now.steady, mints: true });
        effects.push(Effect::Mint { generation: self.generation });
    }

    fn start_probe(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let Some(token) = self.token.clone() else {
            self.suspicion = None;
            return;
        };
        self.generation += 1;
        self.probes.grant(now.steady);
        self.attempt = Some(Attempt { generation: self.generation, started: now.steady, mints: false });
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
        let Some(token) = self.usable(now) else { return true };
        let reachable = match need {
            Need::Wish => true,
            Need::Demand(least) => token.lifetime.is_some_and(|lifetime| lifetime >= least),
        };
        reachable && !meets(token, need, self.policy.min_valid, now)
    }

    /// When the schedule wants an attempt; never where nobody is kept for, or nothing is known of the expiry.
    fn due(&self, now: Moment, used: Option<Steady>) -> Option<Steady> {
        if self.is_parked() || self.suspicion.is_some() || !self.in_use(now, used) {
            return None;
        }
        let wanted = match self.usable(now) {
            Some(_) => self.refresh_at?,
            None => now.steady,
        };
        Some(wanted.max(self.allowed_at(now)))
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

    /// Before when no request may be sent: the last delay, a hold, or the smallest gap.
    fn allowed_at(&self, now: Moment) -> Steady {
        let trouble = self.trouble.as_ref().filter(|trouble| !trouble.parked).map(|trouble| trouble.next_try);
        let gap = self.last_attempt.map(|last| last.after(MIN_GAP));
        [trouble, self.hold_until, gap].into_iter().flatten().max().unwrap_or(now.steady)
    }

    /// Whether callers reject so often that no request may be sent now.
    fn held_back(&self, now: Moment) -> bool {
        self.hold_until.is_some_and(|until| until > now.steady)
    }

    fn vouched(&self, now: Moment) -> bool {
        self.vouched_until.is_some_and(|until| until > now.steady)
    }

    fn is_parked(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.parked)
    }

    /// The token, if it may be served.
    fn usable(&self, now: Moment) -> Option<&Arc<Token>> {
        self.token.as_ref().filter(|token| self.suspicion.is_none() && token.is_alive(now))
    }

    /// When the token dies by the steady clock.
    fn death(&self) -> Option<Steady> {
        let token = self.token.as_ref()?;
        Some(token.requested.steady.after(token.lifetime?))
    }

    /// Until when a caller with a short token waits for the mint under way.
    fn patience(&self, deadline: Steady) -> Option<Steady> {
        let attempt = self.attempt.filter(|attempt| attempt.mints)?;
        Some(attempt.started.after(PATIENCE).min(deadline))
    }

    /// A caller's answer, once there is one.
    fn resolve(&self, waiting: Waiting, now: Moment) -> Option<Reply> {
        let Waiting { ask, forced } = waiting;
        let in_time = now.steady < ask.deadline;
        if forced {
            // Answered when the attempt ends.
            return (!in_time).then(|| Reply::Failure(words::timed_out(&self.traits.account)));
        }
        if let Some(token) = self.usable(now) {
            if meets(token, ask.need, self.policy.min_valid, now) {
                return Some(Reply::Token(Arc::clone(token), Vec::new()));
            }
            match ask.need {
                Need::Wish if self.patience(ask.deadline).is_some_and(|end| now.steady < end) => return None,
                Need::Wish => {
                    let warning = words::short(token.left(now).unwrap_or_default(), self.last_words(now));
                    return Some(Reply::Token(Arc::clone(token), vec![warning]));
                }
                Need::Demand(least) if token.lifetime.is_none_or(|lifetime| lifetime < least) => {
                    return Some(Reply::Failure(words::never_that_long(
                        &self.traits.account,
                        least,
                        token.lifetime,
                    )));
                }
                Need::Demand(_) => {}
            }
        }
        if self.attempt.is_some() && in_time {
            return None;
        }
        if self.is_parked() {
            return Some(Reply::Failure(self.why_not(now)));
        }
        let allowed = self.suspicion.unwrap_or_else(|| self.allowed_at(now));
        // A short pause is waited out: a caller should not fail over one lost connection.
        if in_time && allowed <= now.steady.after(PATIENCE) && allowed < ask.deadline {
            return None;
        }
        Some(Reply::Failure(self.why_not(now)))
    }

    /// Why there is no token now.
    fn why_not(&self, now: Moment) -> message::Failure {
        let account = &self.traits.account;
        if let Some(trouble) = self.trouble.as_ref().filter(|trouble| trouble.parked) {
            return words::parked(account, &trouble.failure);
        }
        if self.attempt.is_some() {
            return words::timed_out(account);
        }
        if self.suspicion.is_some() || self.held_back(now) {
            let until = self.suspicion.unwrap_or_else(|| self.allowed_at(now));
            return words::held_back(account, now.steady.until(until));
        }
        match &self.trouble {
            Some(trouble) => words::waiting(account, &trouble.failure, now.steady.until(self.allowed_at(now))),
            None => words::timed_out(account),
        }
    }

    /// The last failure's words and when the next try is, for a warning beside a token that is short.
    fn last_words(&self, now: Moment) -> Option<(String, Option<Duration>)> {
        let trouble = self.trouble.as_ref()?;
        let next = (!trouble.parked).then(|| now.steady.until(self.allowed_at(now)));
        Some((trouble.failure.message.clone(), next))
    }

    /// A person may have mended what parked the account: it is tried once more.
    fn look_again(&mut self) {
        if self.is_parked() {
            self.trouble = None;
        }
    }

    fn force(&mut self, ask: Ask, now: Moment, effects: &mut Vec<Effect>) {
        let waiting = Waiting { ask, forced: true };
        if self.attempt.is_some_and(|attempt| attempt.mints) {
            self.waiting.push(waiting);
            return;
        }
        let ready = self.refreshes.ready_at(now.steady);
        let delayed =
            self.held_back(now) || self.trouble.as_ref().is_some_and(|t| !t.parked && t.next_try > now.steady);
        if delayed {
            effects.push(Effect::Answer(ask.waiter, Reply::Failure(self.why_not(now))));
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

    fn answer_forced(&mut self, effects: &mut Vec<Effect>, reply: impl Fn(&Self) -> Reply) {
        let (forced, others) = std::mem::take(&mut self.waiting).into_iter().partition(|w: &Waiting| w.forced);
        self.waiting = others;
        let forced: Vec<Waiting> = forced;
        effects.extend(forced.iter().map(|waiting| Effect::Answer(waiting.ask.waiter, reply(self))));
    }

    fn rejected(&mut self, sha256: [u8; 32], now: Moment) {
        if self.token.as_ref().is_none_or(|token| token.sha256 != sha256) {
            // Of a token that was replaced, or was never ours.
            return;
        }
        if self.rejections.granted(now.steady) == 0 {
            self.discard(now);
        } else if self.traits.can_probe {
            if !self.vouched(now) && self.suspicion.is_none() {
                self.suspicion = Some(self.probes.ready_at(now.steady).max(now.steady));
            }
        } else {
            self.discard(now);
        }
    }

    /// The token is not served again; the next one waits longer each time that this happens in a row.
    fn discard(&mut self, now: Moment) {
        let pause = self.rejections.pause(now.steady);
        self.rejections.grant(now.steady);
        self.hold_until = (!pause.is_zero()).then(|| now.steady.after(pause));
        self.last_attempt = None;
        if let Some(token) = &self.token {
            if self.refused.len() == REFUSED {
                self.refused.pop_front();
            }
            self.refused.push_back(token.sha256);
        }
        self.drop_token();
    }

    fn drop_token(&mut self) {
        self.token = None;
        self.refresh_at = None;
        self.suspicion = None;
        self.vouched_until = None;
    }

    fn probed(&mut self, probe: Probe, now: Moment) {
        match probe {
            Probe::Alive(_) => {
                self.suspicion = None;
                self.vouched_until = Some(now.steady.after(self.probes.pause(now.steady)));
            }
            // A caller says dead, the service does not say alive.
            Probe::Dead | Probe::Unknown => self.discard(now),
        }
    }

    fn accept(
        &mut self,
        minted: Minted,
        generation: u64,
        requested: Moment,
        now: Moment,
    ) -> Result<Arc<Token>, Failure> {
        let Some((_, secret)) = minted.fields.first() else {
            return Err(words::no_token());
        };
        let sha256: [u8; 32] = Sha256::digest(secret.expose()).into();
        if self.refused.contains(&sha256) {
            return Err(words::same_again(self.traits.renews));
        }
        let lifetime =
            minted.lifetime.or(self.policy.assume_lifetime).or(self.traits.assumed_lifetime);
        let token = Token {
            fields: minted.fields,
            sha256,
            scope: minted.scope,
            warnings: minted.warnings,
            requested,
            received: now,
            lifetime,
            generation,
        };
        if !token.is_alive(now) {
            return Err(words::dead_on_arrival());
        }
        self.drop_token();
        self.longest = lifetime;
        let token = Arc::new(token);
        self.token = Some(Arc::clone(&token));
        self.trouble = None;
        self.plan();
        Ok(token)
    }

    /// When the token in hand is to be refreshed.
    fn plan(&mut self) {
        let dice = self.rng.f64();
        self.refresh_at = self.token.as_ref().and_then(|token| {
            let after = schedule::refresh_after(token.lifetime?, self.policy.min_valid, dice);
            Some(token.requested.steady.after(after))
        });
    }

    fn fail(&mut self, failure: Failure, now: Moment) {
        let (failures, doubts) = self.trouble.as_ref().map_or((0, 0), |t| (t.failures, t.doubts));
        let failures = failures.saturating_add(1);
        let doubts = if failure.class == Class::Doubtful { doubts.saturating_add(1) } else { 0 };
        let parked = match failure.class {
            Class::No | Class::Source => true,
            Class::Doubtful => doubts >= DOUBTFUL_TRIES,
            Class::NotNow => false,
        };
        let pause = schedule::backoff(failures, failure.retry_after, self.rng.f64());
        let next_try = now.steady.after(pause);
        self.trouble = Some(Trouble { failure, at: now.wall, failures, doubts, next_try, parked });
    }
}
