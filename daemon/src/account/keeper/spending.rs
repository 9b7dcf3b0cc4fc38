//! Requests that spend a refresh token: what the grant says is carried out step by step, each by a task of its own whose
//! end nobody cancels.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::{Id, JoinError, JoinSet};

use super::attempts::Held;
use super::grants_on_disk::{load, remove, write};
use super::logins::{self, LoggedIn, LoggedOut};
use super::record::Record;
use super::vigil::{self, Files};
use super::{Fetched, LifeId, Task};
use crate::account::grant::{Effect, Event, Grant, InHand, Kept, Origin, Want};
use crate::account::kept::{Binding, Cabinet};
use crate::account::life::{self, Urgency};
use crate::account::registry::{Account, Variant};
use crate::account::words;
use crate::clock::{Moment, Steady};
use crate::platform;
use crate::provider::{CarriedOut, Class, Failure, MintRequest};
use crate::secret::Errand;
use crate::secret::store::StateKeys;

/// The grants of all accounts, and what is under way for them.
#[derive(Default)]
pub(super) struct Spending {
    spenders: BTreeMap<Binding, Spender>,
    steps: JoinSet<Step>,
    /// Which step a task is, should it end without saying so.
    running: HashMap<Id, (Binding, u64)>,
    /// Those that have something to do at a time.
    timed: BTreeSet<Binding>,
    closing: Vec<oneshot::Sender<()>>,
    is_closing: bool,
}

/// One grant with what belongs to it outside.
pub(super) struct Spender {
    pub(super) grant: Grant,
    /// Whose it is, as configured last.
    pub(super) account: Arc<Account>,
    requesters: HashMap<LifeId, Requester>,
    /// The number of the last step: an older one's end counts no more.
    step: u64,
    /// What the grant is kept with, held from the intent on: a lock meanwhile must not lose the login.
    keys: Option<Arc<StateKeys>>,
    turn: Option<Held>,
    /// One write after another, also where one hangs.
    disk: Arc<tokio::sync::Mutex<()>>,
    /// Persons who logged in, and those who log out, in their order.
    pub(super) arriving: VecDeque<LoggedIn>,
    pub(super) leaving: VecDeque<LoggedOut>,
}

/// A life that wants a token of this grant.
struct Requester {
    account: Arc<Account>,
    variant: Variant,
    stamps: Files,
    fetched: Fetched,
}

/// The end of a step.
struct Step {
    binding: Binding,
    number: u64,
    event: Event,
    gain: Gain,
}

/// What came of a step beside its event.
pub(super) enum Gain {
    Nothing,
    Keys(Option<Arc<StateKeys>>),
    Turn(Option<Held>),
    Stamps(LifeId, Files),
    Fetched(LifeId, Fetched),
}

impl Spending {
    /// The next end of a step, if one is under way.
    pub(super) async fn next(&mut self) -> Option<Result<(Id, SpendingStep), JoinError>> {
        Some(self.steps.join_next_with_id().await?.map(|(id, step)| (id, SpendingStep(step))))
    }

    /// The grant of this account.
    pub(super) fn of(&mut self, account: &Arc<Account>) -> &mut Spender {
        let has_source = account.provider.first_refresh_token().is_some();
        let origin = if has_source { Origin::Source } else { Origin::Login };
        let spender = self.spenders.entry(Binding::of_grant(account)).or_insert_with(|| Spender {
            grant: Grant::new(fastrand::u64(..), origin),
            account: Arc::clone(account),
            requesters: HashMap::new(),
            step: 0,
            keys: None,
            turn: None,
            disk: Arc::default(),
            arriving: VecDeque::new(),
            leaving: VecDeque::new(),
        });
        // The same client may be configured with another grant by now.
        spender.grant.comes_from(origin);
        spender
    }

    pub(super) fn spender(&mut self, binding: &Binding) -> Option<&mut Spender> {
        self.spenders.get_mut(binding)
    }

    pub(super) fn spender_of(&self, binding: &Binding) -> Option<&Spender> {
        self.spenders.get(binding)
    }

    /// When something is to be written again, or a term is over.
    pub(super) fn deadline(&self) -> Option<Steady> {
        self.timed.iter().filter_map(|binding| self.spenders.get(binding)?.grant.deadline()).min()
    }

    /// The grants of these accounts for which something is under way.
    pub(super) fn busy(&self, accounts: &BTreeSet<String>) -> BTreeSet<Binding> {
        self.spenders
            .iter()
            .filter(|(_, spender)| spender.grant.is_busy() && accounts.contains(&spender.account.name))
            .map(|(binding, _)| binding.clone())
            .collect()
    }
}

/// The end of a step, for the keeper's loop.
pub(super) struct SpendingStep(Step);

/// Whether an account's requests spend a refresh token.
pub(super) fn spends(account: &Account) -> bool {
    account.provider.spends_refresh_token()
}

impl Task {
    /// A life wants a token that costs a refresh token.
    pub(super) fn want_to_spend(&mut self, id: LifeId, generation: u64) {
        let Some(slot) = self.slots.get(&id).filter(|_| !self.spending.is_closing) else { return };
        let (account, variant) = (Arc::clone(&slot.account), slot.variant.clone());
        let binding = Binding::of_grant(&account);
        let spender = self.spender(&account);
        let requester = Requester { account, variant, stamps: Files::default(), fetched: Fetched::default() };
        spender.requesters.insert(id, requester);
        self.tell_grant(&binding, Event::Wanted(Want { life: id, generation }));
    }

    /// A life does not want one any more. What is sent already goes on to its end.
    pub(super) fn withdraw(&mut self, id: LifeId) {
        let Some(slot) = self.slots.get(&id).filter(|slot| spends(&slot.account)) else { return };
        let binding = Binding::of_grant(&slot.account);
        self.tell_grant(&binding, Event::Withdrawn(id));
    }

    /// The grants of these accounts are forgotten, as far as they are on disk.
    pub(super) fn lock_grants(&mut self, accounts: &BTreeSet<String>) {
        let covered: Vec<Binding> = self
            .spending
            .spenders
            .iter()
            .filter(|(_, spender)| accounts.contains(&spender.account.name))
            .map(|(binding, _)| binding.clone())
            .collect();
        for binding in covered {
            self.tell_grant(&binding, Event::Locked);
        }
    }

    /// From now on nothing is sent; told when what was sent has come to its end.
    pub(super) fn stop_spending(&mut self, done: oneshot::Sender<()>) {
        self.spending.is_closing = true;
        let all: Vec<Binding> = self.spending.spenders.keys().cloned().collect();
        for binding in all {
            self.tell_grant(&binding, Event::Closing);
            let lives =
                self.spending.spenders.get(&binding).map(|spender| spender.requesters.keys().copied());
            for life in lives.map_or_else(Vec::new, Iterator::collect) {
                self.tell_grant(&binding, Event::Withdrawn(life));
            }
        }
        // Only now: some may write once more what is not on disk.
        self.spending.closing.push(done);
        self.answer_stops();
    }

    fn answer_stops(&mut self) {
        if self.spending.closing.is_empty() {
            return;
        }
        if !self.spending.spenders.values().any(|spender| spender.grant.is_busy()) {
            for done in self.spending.closing.drain(..) {
                // Whoever asked may have gone.
                let _ = done.send(());
            }
        }
    }

    /// What could not be written is tried again, where that is due.
    pub(super) fn tick_grants(&mut self, now: Moment) {
        let due: Vec<Binding> = self
            .spending
            .timed
            .iter()
            .filter(|binding| {
                let spender = self.spending.spenders.get(*binding);
                spender.and_then(|it| it.grant.deadline()).is_some_and(|at| at <= now.steady)
            })
            .cloned()
            .collect();
        for binding in due {
            self.tell_grant(&binding, Event::Tick);
        }
    }

    /// A step has ended.
    pub(super) fn stepped(&mut self, ended: Result<(Id, SpendingStep), JoinError>) {
        match ended {
            Ok((id, SpendingStep(step))) => {
                self.spending.running.remove(&id);
                let Some(spender) = self.spending.spenders.get_mut(&step.binding) else { return };
                if spender.step != step.number {
                    return;
                }
                match step.gain {
                    Gain::Nothing => {}
                    Gain::Keys(keys) => spender.keys = keys,
                    Gain::Turn(turn) => spender.turn = turn,
                    Gain::Stamps(life, stamps) => {
                        if let Some(requester) = spender.requesters.get_mut(&life) {
                            requester.stamps = stamps;
                        }
                    }
                    Gain::Fetched(life, fetched) => {
                        if let Some(requester) = spender.requesters.get_mut(&life) {
                            requester.fetched = fetched;
                        }
                    }
                }
                self.tell_grant(&step.binding, step.event);
            }
            Err(error) => {
                let Some((binding, number)) = self.spending.running.remove(&error.id()) else { return };
                let is_last = |spender: &Spender| spender.step == number;
                if error.is_cancelled() || !self.spending.spenders.get(&binding).is_some_and(is_last) {
                    return;
                }
                tracing::error!("a step of a refresh panicked; this is a bug in tokend");
                self.tell_grant(&binding, Event::Broke(words::provider_panicked()));
            }
        }
    }

    pub(super) fn tell_grant(&mut self, binding: &Binding, event: Event) {
        let now = self.clock.now();
        let lives = self.lives_of(binding);
        let until = |id: &LifeId| self.slots.get(id)?.life.in_hand_until(now);
        let asker = self.spending.spenders.get(binding).and_then(|spender| spender.grant.asker());
        let in_hand = InHand {
            of_any: lives.iter().filter_map(until).max(),
            of_the_asker: asker.as_ref().and_then(until),
        };
        let Some(spender) = self.spending.spenders.get_mut(binding) else { return };
        let effects = spender.grant.handle(event, now, in_hand);
        // What a person did last: it may withdraw what the next step was begun for.
        let of_a_person = |effect: &Effect| matches!(effect, Effect::LoggedIn(_) | Effect::LoggedOut(_));
        let (last, first): (Vec<_>, Vec<_>) = effects.into_iter().partition(of_a_person);
        for effect in first.into_iter().chain(last) {
            self.carry_out_of_grant(binding, effect);
        }
        self.publish_risk(binding, &lives);
        self.publish_term(binding, &lives);
        self.hurry(binding);
        let Some(spender) = self.spending.spenders.get_mut(binding) else { return };
        if spender.grant.deadline().is_some() {
            self.spending.timed.insert(binding.clone());
        } else {
            self.spending.timed.remove(binding);
        }
        if spender.grant.is_busy() {
            return;
        }
        (spender.keys, spender.turn) = (None, None);
        if spender.grant.is_at_rest() {
            // Those that are left have gone before they were served.
            spender.requesters.clear();
        }
        self.drop_if_spare(binding);
        self.answer_locks(None, Some(binding));
        self.answer_stops();
    }

    /// Whoever waits for its turn at the service holds up those behind it: it is as urgent as they are.
    fn hurry(&mut self, binding: &Binding) {
        let Some(spender) = self.spending.spenders.get(binding) else { return };
        let holder = spender.grant.queues_for().and_then(|life| self.slots.get(&life)?.ticket);
        let Some(ticket) = holder else { return };
        let mut behind = spender.requesters.keys().filter_map(|life| self.slots.get(life));
        if behind.any(|slot| slot.life.urgency() == Urgency::Asked) {
            self.turnstile.raise(ticket, Urgency::Asked);
        }
    }

    /// A grant that belongs to no account as configured now is forgotten, as soon as nothing would be lost.
    fn drop_if_spare(&mut self, binding: &Binding) {
        let Some(spender) = self.spending.spenders.get(binding).filter(|it| it.grant.is_spare()) else {
            return;
        };
        let own = self.lives.get(&spender.account.name).and_then(|lives| self.slots.get(&lives.own));
        if own.is_none_or(|slot| Binding::of_grant(&slot.account) != *binding) {
            self.spending.spenders.remove(binding);
        }
    }

    /// After a new configuration: what belongs to no account any more is forgotten, and new lives show what is at risk.
    pub(super) fn look_at_grants(&mut self) {
        let all: Vec<Binding> = self.spending.spenders.keys().cloned().collect();
        for binding in all {
            self.drop_if_spare(&binding);
            let Some(spender) = self.spending.spenders.get(&binding) else { continue };
            let is_at_risk = spender.grant.risk().is_some();
            let lives = self.lives_of(&binding);
            if is_at_risk {
                self.publish_risk(&binding, &lives);
            }
            self.publish_term(&binding, &lives);
        }
    }

    /// The store is open: what could not be written is written now.
    pub(super) fn write_grants_again(&mut self) {
        let at_risk = self.spending.timed.iter().cloned().collect::<Vec<_>>();
        for binding in at_risk {
            self.tell_grant(&binding, Event::Writable);
        }
    }

    /// A crash would lose the login: whoever looks or asks is told.
    fn publish_risk(&mut self, binding: &Binding, lives: &[LifeId]) {
        let Some(spender) = self.spending.spenders.get(binding) else { return };
        let warning = spender.grant.risk().map(words::login_at_risk);
        for slot in lives.iter().filter_map(|id| self.slots.get(id)) {
            if slot.shared.set_at_risk(warning.clone()) && warning.is_some() {
                tracing::warn!(account = slot.account.name, "{}", warning.as_deref().unwrap_or_default());
            }
        }
    }

    /// What is told and counted of what this life wants.
    fn record_of(&self, account: &Arc<Account>, want: Want) -> Record {
        match self.slots.get(&want.life) {
            Some(slot) => Record::of(account, &slot.shared, slot.why),
            // It has gone, and the request goes on for the sake of the refresh token.
            None => Record::of(account, &account.shared, "due"),
        }
    }

    fn carry_out_of_grant(&mut self, binding: &Binding, effect: Effect) {
        let Some(spender) = self.spending.spenders.get_mut(binding) else { return };
        let cabinet = self.keeping.as_ref().map(|keeping| Arc::clone(keeping.cabinet()));
        let clock = Arc::clone(&self.clock);
        let kept_under = binding.clone();
        match effect {
            Effect::Load => {
                let (asker, account) = (spender.grant.asker(), Arc::clone(&spender.account));
                let record = asker.map(|life| self.record_of(&account, Want { life, generation: 0 }));
                self.step(binding, async move {
                    let loaded = load(cabinet.clone(), kept_under.clone()).await;
                    if let (Err(failure), Some(record)) = (&loaded, &record) {
                        record.failed(failure, clock.now());
                    }
                    watched(loaded, cabinet, kept_under, asker).await
                });
            }
            Effect::ReadSource(want) => {
                let account = spender.account_of(want);
                self.step(binding, async move {
                    let stamps = vigil::stamps(&*account.provider).await;
                    let first = read_first(&account).await;
                    (Event::Sourced(first), Gain::Stamps(want.life, stamps))
                });
            }
            Effect::TakeTurn(want) => {
                // One at a time: whoever kept a place and waited for another could wait for others that do the same.
                spender.turn = None;
                let account = spender.account_of(want);
                let turn = self.turn_of(want.life, want.generation);
                let record = self.record_of(&account, want);
                // Without one its life is gone or locked: the grant knows.
                self.step(binding, async move {
                    let turn = turn.await.ok();
                    match account.provider.prepare(clock.now()).await {
                        Ok(()) => (Event::Turn(want), Gain::Turn(turn)),
                        Err(failure) => {
                            record.failed(&failure, clock.now());
                            (Event::Unready(want, failure.perhaps(CarriedOut::No)), Gain::Nothing)
                        }
                    }
                });
            }
            Effect::Write(kept) => {
                let (keys, disk) = (spender.keys.clone(), Arc::clone(&spender.disk));
                self.step(binding, async move {
                    let (written, keys) = write(cabinet, kept_under, kept, keys, disk).await;
                    (Event::Written(written), Gain::Keys(keys))
                });
            }
            Effect::Remove => {
                let disk = Arc::clone(&spender.disk);
                self.step(binding, async move {
                    (Event::Written(remove(cabinet, kept_under, disk).await), Gain::Nothing)
                });
            }
            Effect::Revoke(refresh_token) => self.revoke(binding, refresh_token),
            Effect::LoggedIn(login) => self.logged_in(binding, *login),
            Effect::LoggedOut(result) => self.logged_out(binding, result),
            Effect::Send(want, refresh_token) => {
                let account = spender.account_of(want);
                let variant =
                    spender.requesters.get(&want.life).map_or_else(Variant::default, |it| it.variant.clone());
                let errand = Errand::new(&account.name, &account.provider.identity().origin);
                let request = MintRequest {
                    now: clock.now(),
                    scope: variant.scope().map(<[_]>::to_vec),
                    audience: variant.audience().map(<[_]>::to_vec),
                    errand,
                    refresh_token: Some(refresh_token),
                    borrowed: Vec::new(),
                };
                let mut record = self.record_of(&account, want);
                self.step(binding, async move {
                    record.begin(clock.now());
                    let result = account.provider.mint(&request).await;
                    platform::scrub_stack();
                    record.end(&result, clock.now());
                    let fetched = Fetched(request.errand.fetched());
                    (Event::Answered { requested: request.now, result }, Gain::Fetched(want.life, fetched))
                });
            }
            Effect::Done { want, requested, result } => {
                // Nobody waits for its turn on its account any more.
                spender.turn = None;
                let account = Arc::clone(&spender.account);
                let requester = spender.requesters.remove(&want.life);
                if let Some((slot, requester)) = self.slots.get_mut(&want.life).zip(requester) {
                    (slot.stamps, slot.fetched) = (requester.stamps, requester.fetched);
                }
                let generation = want.generation;
                let result = result.map_err(|failure| logins::told(failure, &account));
                self.tell(want.life, life::Event::Minted { generation, requested, result });
            }
        }
    }

    pub(super) fn step(
        &mut self,
        binding: &Binding,
        work: impl Future<Output = (Event, Gain)> + Send + 'static,
    ) {
        let Some(spender) = self.spending.spenders.get_mut(binding) else { return };
        spender.step += 1;
        let (number, of) = (spender.step, binding.clone());
        let handle = self.spending.steps.spawn(async move {
            let (event, gain) = work.await;
            Step { binding: of, number, event, gain }
        });
        self.spending.running.insert(handle.id(), (binding.clone(), number));
    }
}

impl Spender {
    /// The account as it was when the life asked.
    fn account_of(&self, want: Want) -> Arc<Account> {
        Arc::clone(self.requesters.get(&want.life).map_or(&self.account, |requester| &requester.account))
    }
}

async fn read_first(account: &Account) -> Result<Arc<tokend_proto::Secret>, Failure> {
    let Some(source) = account.provider.first_refresh_token() else {
        return Err(words::nobody_logged_in());
    };
    let errand = Errand::new(&account.name, &account.provider.identity().origin);
    let first = source.fetch(&errand, account.provider.source_timeout()).await;
    platform::scrub_stack();
    first.map(Arc::new)
}

/// What is kept of a grant, as it was loaded. Where it cannot be read, somebody must mend it: its files are watched
/// for whoever asked, as they are when it is read once more.
async fn watched(
    loaded: Result<Option<Kept>, Failure>,
    cabinet: Option<Arc<Cabinet>>,
    binding: Binding,
    asker: Option<LifeId>,
) -> (Event, Gain) {
    match (asker, cabinet) {
        (Some(life), Some(cabinet)) if loaded.as_ref().is_err_and(|why| why.class == Class::Source) => {
            let stamps = vigil::stamps_of(cabinet.files_of(&binding)).await;
            (Event::Loaded(load(Some(cabinet), binding).await), Gain::Stamps(life, stamps))
        }
        _ => (Event::Loaded(loaded), Gain::Nothing),
    }
}
