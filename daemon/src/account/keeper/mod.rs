//! The one task that owns every account's life, carries out what follows from it, and publishes what readers see.

mod attempts;
mod borrowing;
mod front;
mod grants_on_disk;
mod keeping;
mod locking;
mod logins;
mod reconfigure;
mod record;
mod spending;
mod turnstile;
mod vigil;
mod writing;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokend_proto::{Secret, message};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use self::attempts::{Queued, Running};
use self::borrowing::Borrower;
use self::front::{Command, Question};
use self::keeping::{Job, Keeping};
use self::locking::Locking;
use self::spending::Spending;
use self::turnstile::{Place, Ticket, Turnstile};
use self::vigil::Vigil;
use super::life::{Ask, Effect, Event, Life, Reply, Traits, WaiterId};
use super::registry::{Account, Registry, Shared, Variant};
use super::snapshot::State;
use super::token::Need;
use super::words;
use crate::clock::{Clock, Moment, Steady};
use crate::provider::Failure;

pub use self::front::{Keeper, KeeperGone, Reconfigured};
pub use self::logins::LoginNeed;

/// Callers can make at most this many variants of an account (promise 3).
const MAX_VARIANTS: usize = 32;

/// What lies on disk is no token of this life: generations count from 1.
const REFUSED_ON_DISK: u64 = 0;

/// At least so many wait before those that have gone are looked for.
const CROWD: usize = 256;

/// What a task of the keeper's own found out.
#[derive(Debug)]
enum Report {
    /// What was kept for a life.
    Restored(LifeId, Event),
    /// A file that a parked life needs has changed.
    Mended(LifeId),
    /// A place at a service is free.
    Left(Place),
}

type LifeId = u64;

/// A life with what belongs to it outside.
#[derive(Debug)]
struct Slot {
    life: Life,
    account: Arc<Account>,
    variant: Variant,
    shared: Arc<Shared>,
    deadline: Option<Steady>,
    attempt: Option<AbortHandle>,
    /// The attempt that waits for its turn.
    ticket: Option<Ticket>,
    /// About when that comes.
    turn_at: Option<Steady>,
    /// Which token is on disk, or on its way there.
    kept: Option<u64>,
    /// Whether it is parked, and its secrets' files are watched.
    watched: bool,
    /// How these files were before the last attempt read them.
    stamps: vigil::Files,
    /// Which secrets that attempt used.
    fetched: Fetched,
    /// Whether somebody was told that a person must log in, since it had a token last.
    has_told_of_need: bool,
    /// Why a token is asked for, if one is.
    why: &'static str,
}

/// Hashes of the secrets that an attempt used.
#[derive(Clone, Default, PartialEq, Eq)]
struct Fetched(Vec<[u8; 32]>);

impl Fetched {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fetched").field(&self.0.len()).finish()
    }
}

/// The lives of one account.
#[derive(Debug)]
struct Lives {
    own: LifeId,
    variants: HashMap<Variant, LifeId>,
}

/// What came of an attempt.
struct Outcome {
    life: LifeId,
    end: End,
}

enum End {
    /// `stamps` and `fetched`: how the files of its secrets were before they were read, and what was read.
    Minted {
        event: Event,
        stamps: vigil::Files,
        fetched: Fetched,
    },
    /// The tokens of other accounts that the attempt trades, or why there are none.
    Borrowed {
        generation: u64,
        result: Result<Vec<Arc<Secret>>, Failure>,
    },
    Probed(Event),
    /// No request was sent: a refused account's secrets were read again, if they can be.
    Read {
        stamps: vigil::Files,
        fetched: Option<Fetched>,
    },
}

/// What readers see, and by what they are told that it has changed.
struct Published {
    registry: Arc<ArcSwap<Registry>>,
    changes: Arc<Notify>,
}

struct Task {
    clock: Arc<dyn Clock>,
    changes: Arc<Notify>,
    registry: Arc<ArcSwap<Registry>>,
    lives: BTreeMap<String, Lives>,
    slots: HashMap<LifeId, Slot>,
    next_life: LifeId,
    timers: BTreeSet<(Steady, LifeId)>,
    waiters: HashMap<WaiterId, oneshot::Sender<Reply>>,
    next_waiter: WaiterId,
    /// With so many waiting, those that have gone are looked for.
    crowd: usize,
    attempts: JoinSet<Outcome>,
    running: HashMap<tokio::task::Id, Running>,
    turnstile: Turnstile,
    /// Attempts that wait for their turn there.
    queued: HashMap<Ticket, Queued>,
    /// Those that have just joined.
    joined: Vec<Ticket>,
    /// How many read a parked account's secrets, by service.
    readings: HashMap<String, Arc<Semaphore>>,
    keeping: Option<Keeping>,
    spending: Spending,
    reports: mpsc::UnboundedSender<Report>,
    needs: mpsc::UnboundedSender<LoginNeed>,
    borrower: Borrower,
    /// The accounts whose tokens others trade.
    lenders: HashSet<String>,
    is_locked: bool,
    locking: Vec<Locking>,
    vigil: Vigil,
}

impl Task {
    fn new(
        clock: Arc<dyn Clock>,
        Published { registry, changes }: Published,
        keeping: Option<Keeping>,
        needs: mpsc::UnboundedSender<LoginNeed>,
        commands: mpsc::WeakUnboundedSender<Command>,
    ) -> (Self, mpsc::UnboundedReceiver<Report>) {
        let (reports, receiver) = mpsc::unbounded_channel();
        let task = Self {
            clock: Arc::clone(&clock),
            changes,
            registry,
            lives: BTreeMap::new(),
            slots: HashMap::new(),
            next_life: 0,
            timers: BTreeSet::new(),
            waiters: HashMap::new(),
            next_waiter: 0,
            crowd: CROWD,
            attempts: JoinSet::new(),
            running: HashMap::new(),
            turnstile: Turnstile::default(),
            queued: HashMap::new(),
            joined: Vec::new(),
            readings: HashMap::new(),
            keeping,
            spending: Spending::default(),
            borrower: Borrower::new(commands, Arc::clone(&clock)),
            lenders: HashSet::new(),
            vigil: Vigil::start(clock, reports.clone()),
            reports,
            needs,
            is_locked: false,
            locking: Vec::new(),
        };
        (task, receiver)
    }

    async fn run(
        mut self,
        mut inbox: mpsc::UnboundedReceiver<Command>,
        mut reports: mpsc::UnboundedReceiver<Report>,
    ) {
        let mut jumps = self.clock.jumps();
        loop {
            self.admit();
            let timer = self.timers.first().map(|(at, _)| *at);
            let next = [timer, self.turnstile.wake(), self.spending.deadline()].into_iter().flatten().min();
            let clock = Arc::clone(&self.clock);
            let timer = async {
                match next {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                Some(outcome) = self.attempts.join_next_with_id() => self.ended(outcome),
                Some(step) = self.spending.next() => self.stepped(step),
                Some(report) = reports.recv() => match report {
                    Report::Restored(id, event) => self.take_in(id, event, true),
                    Report::Mended(id) => self.mended(id),
                    Report::Left(place) => self.turnstile.leave(place),
                },
                () = timer => self.tick(),
                () = jumps.next() => self.look_at_all(),
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Ask(question, need) => {
                if let Some((id, ask)) = self.enrol(question, need) {
                    if let Some(slot) = self.slots.get(&id) {
                        slot.shared.touch(self.clock.now().steady);
                    }
                    self.tell(id, Event::Asked(ask));
                }
            }
            Command::Refresh(question) => {
                let account = question.account.clone();
                if let Some((own, ask)) = self.enrol(question, Need::Wish) {
                    self.tell(own, Event::Refresh(ask));
                    // What was mended for the account's own token was mended for its variants.
                    for id in self.all_of(&account).into_iter().filter(|id| *id != own) {
                        self.tell(id, Event::Started);
                    }
                }
            }
            Command::Reject { account, sha256, done } => {
                for id in self.all_of(&account) {
                    self.tell(id, Event::Rejected(sha256));
                }
                // A crash right after the answer must not bring the token back from the disk. Whoever asked may have
                // gone; the token is rejected all the same.
                match &self.keeping {
                    Some(keeping) => keeping.send(Job::Flush(done)),
                    None => drop(done.send(())),
                }
            }
            Command::Reconfigure(definitions, done) => {
                let _ = done.send(self.reconfigure(definitions));
            }
            Command::Flush(done) => match &self.keeping {
                Some(keeping) => keeping.send(Job::Flush(done)),
                None => drop(done.send(())),
            },
            Command::StopSpending(done) => self.stop_spending(done),
            Command::LogIn(account, login, done) => self.log_in(&account, login, done),
            Command::LogOut(account, local, done) => self.log_out(&account, local, done),
            Command::MayHoldLogin(account, done) => {
                let _ = done.send(self.may_hold_login(&account));
            }
            Command::Lock(done) => self.lock(done),
            Command::Unlock(done) => {
                self.unlock();
                let _ = done.send(());
            }
        }
    }

    /// Finds the life that a question is about and makes its asker a waiter. Answers at once where there is none.
    fn enrol(&mut self, question: Question, need: Need) -> Option<(LifeId, Ask)> {
        let id = match self.life_for(&question.account, &question.variant) {
            Ok(id) => id,
            Err(failure) => {
                let _ = question.answer.send(Reply::Failure(failure));
                return None;
            }
        };
        if self.waiters.len() >= self.crowd {
            self.forget_the_gone();
        }
        self.next_waiter += 1;
        self.waiters.insert(self.next_waiter, question.answer);
        Some((id, Ask { waiter: self.next_waiter, need, deadline: question.deadline }))
    }

    /// Callers may go before they are answered; what is left of them must not slow the others down.
    fn forget_the_gone(&mut self) {
        self.waiters.retain(|_, answer| !answer.is_closed());
        for slot in self.slots.values_mut() {
            slot.life.forget_waiters(|waiter| !self.waiters.contains_key(&waiter));
        }
        self.crowd = (self.waiters.len() * 2).max(CROWD);
    }

    fn life_for(&mut self, account: &str, variant: &Variant) -> Result<LifeId, message::Failure> {
        let Some(lives) = self.lives.get(account) else {
            return Err(words::unknown(account));
        };
        if variant.is_own() {
            return Ok(lives.own);
        }
        if let Some(id) = lives.variants.get(variant) {
            return Ok(*id);
        }
        if lives.variants.len() >= MAX_VARIANTS {
            // Making room for it would lose what the service said of another: a way around every limit.
            return Err(words::too_many_variants(account, MAX_VARIANTS));
        }
        let Some(own) = self.lives.get(account).and_then(|lives| self.slots.get(&lives.own)) else {
            return Err(words::unknown(account));
        };
        let account_now = Arc::clone(&own.account);
        let shared = Arc::new(Shared::default());
        account_now.variants.rcu(|variants| {
            let mut variants = HashMap::clone(variants);
            variants.insert(variant.clone(), Arc::clone(&shared));
            variants
        });
        let own = lives.own;
        let id = self.begin(account_now, variant.clone(), shared);
        if let [Some(own), Some(new)] = self.slots.get_disjoint_mut([&own, &id]) {
            new.life.inherit(&own.life);
        }
        if let Some(lives) = self.lives.get_mut(account) {
            lives.variants.insert(variant.clone(), id);
        }
        Ok(id)
    }

    /// A new life in a slot of its own.
    fn begin(&mut self, account: Arc<Account>, variant: Variant, shared: Arc<Shared>) -> LifeId {
        self.next_life += 1;
        let traits = Traits {
            account: account.name.clone(),
            can_probe: account.provider.can_probe(),
            renews: account.provider.renews(),
            assumed_lifetime: account.provider.assumed_lifetime(),
            variant: !variant.is_own(),
            seed: fastrand::u64(..),
        };
        let life = Life::new(traits, account.policy.clone());
        let life = if variant.is_own() && self.keeps(&account) { life.restoring() } else { life };
        let is_locked = self.is_locked && account.policy.lock;
        let slot = Slot {
            life,
            account,
            variant,
            shared,
            deadline: None,
            attempt: None,
            ticket: None,
            turn_at: None,
            kept: None,
            watched: false,
            stamps: vigil::Files::default(),
            fetched: Fetched::default(),
            has_told_of_need: false,
            why: "start or reload",
        };
        self.slots.insert(self.next_life, slot);
        if is_locked {
            self.tell(self.next_life, Event::Locked);
        }
        self.next_life
    }

    fn all_of(&self, account: &str) -> Vec<LifeId> {
        self.lives.get(account).map_or_else(Vec::new, |lives| {
            std::iter::once(lives.own).chain(lives.variants.values().copied()).collect()
        })
    }

    /// Takes an event into a life, carries out what follows, publishes.
    fn tell(&mut self, id: LifeId, event: Event) {
        self.take_in(id, event, false);
    }

    /// The same; a token that `comes_from_disk` is not written there again.
    fn take_in(&mut self, id: LifeId, event: Event, comes_from_disk: bool) {
        let now = self.clock.now();
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let used = slot.shared.used();
        let why = record::why(&event);
        if record::is_new_chance(&event) {
            slot.shared.told.expect_news();
        }
        let generation = |life: &Life| life.token_to_keep().map(|token| token.generation);
        let before = generation(&slot.life);
        let on_disk = match &event {
            Event::Restored(Some(restored)) => Some(restored.token.sha256),
            _ => None,
        };
        let effects = slot.life.handle(event, now, used);
        if comes_from_disk && generation(&slot.life) != before {
            slot.kept = generation(&slot.life);
        } else if on_disk.is_some_and(|sha256| slot.life.has_refused(&sha256)) {
            // It was rejected while it was being read: it must not come back with the next start.
            slot.kept = Some(REFUSED_ON_DISK);
        }
        slot.publish(now);
        self.changes.notify_one();
        if effects.iter().any(|effect| matches!(effect, Effect::Mint { .. })) {
            slot.why = why;
        }
        let has_another =
            slot.variant.is_own() && generation(&slot.life).is_some_and(|it| Some(it) != before);
        let lender = has_another.then(|| slot.account.name.clone());
        if let Some(ticket) = slot.ticket {
            self.turnstile.raise(ticket, slot.life.urgency());
        }
        for effect in effects {
            self.carry_out(id, effect);
        }
        self.keep(id);
        self.watch_if_parked(id);
        self.schedule(id, now);
        self.tell_of_needs(id);
        if let Some(lender) = lender {
            self.wake_borrowers(&lender, || Event::Mended);
        }
    }

    fn schedule(&mut self, id: LifeId, now: Moment) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let used = slot.shared.used();
        let forget = slot.forget_at(now);
        let deadline = [slot.life.deadline(now, used), forget].into_iter().flatten().min();
        if slot.deadline != deadline {
            if let Some(old) = slot.deadline {
                self.timers.remove(&(old, id));
            }
            slot.deadline = deadline;
            if let Some(new) = deadline {
                self.timers.insert((new, id));
            }
        }
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        while let Some((at, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now.steady) {
            self.timers.remove(&(at, id));
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            slot.deadline = None;
            if slot.forget_at(now).is_some_and(|at| at <= now.steady) {
                let (account, variant) = (slot.account.name.clone(), slot.variant.clone());
                self.forget(&account, &variant, id);
            } else {
                self.tell(id, Event::Tick);
            }
        }
        self.tick_grants(now);
    }

    /// The clock has jumped: what was decided before may be wrong now.
    fn look_at_all(&mut self) {
        let all: Vec<LifeId> = self.slots.keys().copied().collect();
        for id in all {
            self.tell(id, Event::Tick);
        }
    }

    fn carry_out(&mut self, id: LifeId, effect: Effect) {
        match effect {
            Effect::Mint { generation } => match self.slots.get(&id) {
                Some(slot) if spending::spends(&slot.account) => self.want_to_spend(id, generation),
                _ => self.mint(id, generation),
            },
            Effect::Probe { generation, token } => self.probe(id, generation, token),
            Effect::Answer(waiter, reply) => {
                if let Some(answer) = self.waiters.remove(&waiter) {
                    // A caller that gave up does not matter to the others.
                    let _ = answer.send(reply);
                }
            }
        }
    }

    fn forget(&mut self, account: &str, variant: &Variant, id: LifeId) {
        if let Some(lives) = self.lives.get_mut(account) {
            lives.variants.remove(variant);
        }
        if let Some(slot) = self.slots.get(&id) {
            slot.account.variants.rcu(|variants| {
                let mut variants = HashMap::clone(variants);
                variants.remove(variant);
                variants
            });
        }
        self.drop_slot(id, account);
    }

    fn drop_slot(&mut self, id: LifeId, account: &str) {
        self.withdraw(id);
        self.step_aside(id);
        let Some(mut slot) = self.slots.remove(&id) else { return };
        if let Some(deadline) = slot.deadline {
            self.timers.remove(&(deadline, id));
        }
        if let Some(attempt) = slot.attempt.take() {
            attempt.abort();
        }
        if slot.watched {
            self.stop_watching(id);
        }
        for waiter in slot.life.waiters() {
            self.carry_out(id, Effect::Answer(waiter, Reply::Failure(words::reconfigured(account))));
        }
        slot.shared.end();
        self.changes.notify_one();
    }
}

impl Slot {
    /// Shows readers how it is now.
    fn publish(&self, now: Moment) {
        let mut snapshot = self.life.snapshot(now, self.shared.used());
        if snapshot.state == State::Refreshing && self.turn_at.is_some() {
            snapshot.next_refresh = self.turn_at;
        }
        self.shared.publish(snapshot);
    }

    /// When a variant that nobody uses is dropped.
    fn forget_at(&self, now: Moment) -> Option<Steady> {
        if self.variant.is_own() || !self.life.is_at_rest() {
            return None;
        }
        Some(self.shared.used().unwrap_or(now.steady).after(self.life.unused_span()))
    }
}
