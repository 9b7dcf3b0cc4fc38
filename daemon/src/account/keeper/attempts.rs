//! Requests to services: each a task of its own, so many at a time to one service, whose end is told to its life.

use std::sync::Arc;
use std::time::Duration;

use tokend_proto::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::record::Record;
use super::turnstile::{Place, Turn};
use super::{End, Fetched, LifeId, Outcome, Report, Task, vigil};
use crate::account::life::Event;
use crate::account::schedule;
use crate::account::snapshot::State;
use crate::account::token::Token;
use crate::account::words;
use crate::platform;
use crate::provider::login::Asking;
use crate::provider::{CarriedOut, Class, Failure, MintRequest, Provider};
use crate::secret::Errand;

/// A source that takes longer does not change what a refusal means.
const LONGEST_READING: Duration = Duration::from_secs(30);

/// Of what is no attempt to get a token.
const NO_GENERATION: u64 = 0;

/// At most this many parked accounts of one service read their secrets at a time.
const READINGS: usize = 16;

/// An attempt that waits for its turn at its service.
pub(super) struct Queued {
    life: LifeId,
    generation: u64,
    then: Then,
}

/// What follows when the turn has come.
enum Then {
    Start(Box<Start>),
    Hold(oneshot::Sender<Held>),
}

/// A place at a service, given back when it is dropped.
pub(super) struct Held {
    place: Option<Place>,
    reports: mpsc::UnboundedSender<Report>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            // Without a keeper nobody needs it.
            let _ = self.reports.send(Report::Left(place));
        }
    }
}

/// Makes the attempt and spawns it.
type Start = dyn FnOnce(&mut JoinSet<Outcome>) -> AbortHandle + Send;

/// Which attempt a task is, should it end without saying so, and the place that it gives back.
pub(super) struct Running {
    life: LifeId,
    generation: u64,
    place: Option<Place>,
}

impl Task {
    pub(super) fn mint(&mut self, id: LifeId, generation: u64) {
        let Some(slot) = self.slots.get(&id) else { return };
        let borrows = slot.account.provider.borrows();
        if borrows.is_empty() {
            self.mint_with(id, generation, Vec::new());
        } else {
            self.borrow(id, generation, borrows);
        }
    }

    /// The same, with the tokens of other accounts that it needs.
    pub(super) fn mint_with(&mut self, id: LifeId, generation: u64, borrowed: Vec<Arc<Secret>>) {
        let Some(slot) = self.slots.get(&id) else { return };
        let provider = Arc::clone(&slot.account.provider);
        let clock = Arc::clone(&self.clock);
        let (scope, audience) = (slot.variant.scope(), slot.variant.audience());
        let (scope, audience) = (scope.map(<[_]>::to_vec), audience.map(<[_]>::to_vec));
        let (whose, shared, why) = (Arc::clone(&slot.account), Arc::clone(&slot.shared), slot.why);
        self.attempt(id, generation, move || async move {
            let account = &*whose.name;
            let mut record = Record::of(&whose, &shared, why);
            record.begin(clock.now());
            let errand = Errand::new(account, &provider.identity().origin);
            let mut request =
                MintRequest { now: clock.now(), scope, audience, errand, refresh_token: None, borrowed };
            // Boxed: thousands of accounts may begin at once.
            let mut stamps = Box::pin(vigil::stamps(&*provider)).await;
            let mut result = provider.mint(&request).await;
            if may_be_of_an_old_secret(&result) && Box::pin(has_changed(&*provider, &request.errand)).await {
                tracing::info!(
                    account,
                    "refused, but its secret has changed meanwhile: tried with the new one"
                );
                request.now = clock.now();
                request.errand = Errand::new(account, &provider.identity().origin);
                stamps = Box::pin(vigil::stamps(&*provider)).await;
                result = provider.mint(&request).await;
            }
            let now = request.now;
            record.end(&result, clock.now());
            let fetched = Fetched(request.errand.fetched());
            // Nothing is spent: no doubt whether it was carried out is a reason to wait, or to wait no longer.
            let result = result.map_err(|failure| failure.perhaps(CarriedOut::No));
            let event = Event::Minted { generation, requested: now, result };
            Outcome { life: id, end: End::Minted { event, stamps, fetched } }
        });
    }

    /// Reads the secrets of a refused account again, without a request to its service.
    pub(super) fn read_again(&mut self, id: LifeId) {
        let Some(slot) = self.slots.get(&id) else { return };
        let provider = Arc::clone(&slot.account.provider);
        let clock = Arc::clone(&self.clock);
        let shared = Arc::clone(&slot.shared);
        let account = slot.account.name.clone();
        let readings = self.readings_at(&*provider);
        self.spawn(id, NO_GENERATION, None, |tasks| {
            start(tasks, async move {
                let mut failures = 0;
                loop {
                    let turn = turn(readings.clone()).await;
                    let stamps = Box::pin(vigil::stamps(&*provider)).await;
                    let errand = Errand::new(&account, &provider.identity().origin);
                    let fetched = match fetch_all(&*provider, &errand).await {
                        Ok(()) => Some(Fetched(errand.fetched())),
                        // What passes is waited for, while nothing else happens to the account.
                        Err(failure)
                            if failure.class == Class::NotNow && shared.snapshot().state == State::Parked =>
                        {
                            drop(turn);
                            failures += 1;
                            let pause = schedule::backoff(failures, failure.retry_after, fastrand::f64());
                            clock.reach(clock.now().steady.after(pause)).await;
                            continue;
                        }
                        Err(_) => None,
                    };
                    return Outcome { life: id, end: End::Read { stamps, fetched } };
                }
            })
        });
    }

    pub(super) fn probe(&mut self, id: LifeId, generation: u64, token: Arc<Token>) {
        let Some(slot) = self.slots.get(&id) else { return };
        let provider = Arc::clone(&slot.account.provider);
        let clock = Arc::clone(&self.clock);
        let account = slot.account.name.clone();
        self.attempt(id, generation, move || async move {
            let result = match token.fields.first() {
                Some((_, secret)) => {
                    let errand = Errand::new(&account, &provider.identity().origin);
                    provider.probe(secret, &Asking { now: clock.now(), errand }).await
                }
                None => Err(words::no_token()),
            };
            match &result {
                Ok(answer) => {
                    tracing::info!(account, ?answer, "the service was asked whether a rejected token lives");
                }
                Err(failure) => tracing::warn!(
                    account,
                    kind = failure.kind,
                    hint = failure.hint,
                    "the service did not say whether a rejected token lives: {}",
                    failure.message
                ),
            }
            Outcome { life: id, end: End::Probed(Event::Probed { generation, result }) }
        });
    }

    /// This life's attempt wants its turn at its service. When that comes, the future is made and spawned; until then
    /// the attempt waits for a place there, as urgent as its life says.
    pub(super) fn attempt<A>(
        &mut self,
        id: LifeId,
        generation: u64,
        make: impl FnOnce() -> A + Send + 'static,
    ) where
        A: Future<Output = Outcome> + Send + 'static,
    {
        self.queue(id, generation, Then::Start(Box::new(|tasks| start(tasks, make()))));
    }

    /// The same for what is no attempt of the keeper's own: its turn, held until it is dropped. Nothing, should the life
    /// end or be locked before.
    pub(super) fn turn_of(&mut self, id: LifeId, generation: u64) -> oneshot::Receiver<Held> {
        let (turn, held) = oneshot::channel();
        self.queue(id, generation, Then::Hold(turn));
        held
    }

    fn queue(&mut self, id: LifeId, generation: u64, then: Then) {
        self.step_aside(id);
        let now = self.clock.now().steady;
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let service = slot.account.provider.identity().origin;
        let ticket = self.turnstile.queue(&service, slot.life.urgency(), now);
        slot.ticket = Some(ticket);
        self.queued.insert(ticket, Queued { life: id, generation, then });
        self.joined.push(ticket);
    }

    /// What waits for this life's turn is not wanted any more.
    pub(super) fn step_aside(&mut self, id: LifeId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.turn_at = None;
        if let Some(ticket) = slot.ticket.take() {
            self.queued.remove(&ticket);
            self.turnstile.withdraw(ticket);
        }
    }

    /// Starts every attempt whose turn has come. Those that have to wait show readers until when.
    pub(super) fn admit(&mut self) {
        let now = self.clock.now();
        while let Some(Turn { ticket, place, crowd }) = self.turnstile.admit(now.steady) {
            let Some(Queued { life, generation, then }) = self.queued.remove(&ticket) else {
                self.turnstile.leave(place);
                continue;
            };
            match then {
                Then::Start(start) => self.spawn(life, generation, Some(place), start),
                // Who does not wait any more has dropped it.
                Then::Hold(turn) => {
                    drop(turn.send(Held { place: Some(place), reports: self.reports.clone() }));
                }
            }
            let Some(slot) = self.slots.get_mut(&life) else { continue };
            slot.ticket = None;
            if slot.turn_at.take().is_some() || crowd.is_some() {
                self.tell(life, Event::Turn { generation, crowd });
            }
        }
        for ticket in std::mem::take(&mut self.joined) {
            let Some(Queued { life, .. }) = self.queued.get(&ticket) else { continue };
            if let Some(slot) = self.slots.get_mut(life) {
                slot.turn_at = self.turnstile.expected(ticket, now.steady);
                slot.publish(now);
            }
        }
    }

    pub(super) fn spawn(
        &mut self,
        id: LifeId,
        generation: u64,
        place: Option<Place>,
        start: impl FnOnce(&mut JoinSet<Outcome>) -> AbortHandle,
    ) {
        let handle = start(&mut self.attempts);
        self.running.insert(handle.id(), Running { life: id, generation, place });
        if let Some(slot) = self.slots.get_mut(&id) {
            // One that reads a parked account's secrets, at most.
            if let Some(superseded) = slot.attempt.replace(handle) {
                superseded.abort();
            }
        }
    }

    /// Who reads secrets for accounts of this service, where it has a name.
    fn readings_at(&mut self, provider: &dyn Provider) -> Option<Arc<Semaphore>> {
        let origin = provider.identity().origin;
        if origin.is_empty() {
            return None;
        }
        let readings = self.readings.entry(origin).or_insert_with(|| Arc::new(Semaphore::new(READINGS)));
        Some(Arc::clone(readings))
    }

    /// Forgets a task that has ended; its place is free.
    fn has_ended(&mut self, task: tokio::task::Id) -> Option<(LifeId, u64)> {
        let Running { life, generation, place } = self.running.remove(&task)?;
        if let Some(place) = place {
            self.turnstile.leave(place);
        }
        Some((life, generation))
    }

    pub(super) fn ended(&mut self, outcome: Result<(tokio::task::Id, Outcome), JoinError>) {
        match outcome {
            Ok((task, outcome)) => {
                self.has_ended(task);
                let id = outcome.life;
                match outcome.end {
                    End::Minted { event, stamps, fetched } => {
                        if let Some(slot) = self.slots.get_mut(&id) {
                            (slot.stamps, slot.fetched) = (stamps, fetched);
                        }
                        self.tell(id, event);
                    }
                    End::Borrowed { generation, result } => self.borrowed(id, generation, result),
                    End::Probed(event) => self.tell(id, event),
                    End::Read { stamps, fetched } => self.has_read_again(id, stamps, fetched),
                }
                self.answer_locks(Some(task), None);
            }
            Err(error) => {
                let ended = self.has_ended(error.id());
                self.answer_locks(Some(error.id()), None);
                let Some((id, generation)) = ended else { return };
                if error.is_cancelled() {
                    return;
                }
                // A panic in a provider is a fault of ours; the account goes on as after any failure.
                tracing::error!(life = id, "a provider panicked; this is a bug in tokend");
                let failure = words::provider_panicked();
                let requested = self.clock.now();
                self.tell(id, Event::Probed { generation, result: Err(failure.clone()) });
                self.tell(id, Event::Minted { generation, requested, result: Err(failure) });
            }
        }
    }
}

pub(super) fn start(
    tasks: &mut JoinSet<Outcome>,
    attempt: impl Future<Output = Outcome> + Send + 'static,
) -> AbortHandle {
    tasks.spawn(async move {
        let outcome = attempt.await;
        // HTTP, TLS and JSON had secrets on the stack.
        platform::scrub_stack();
        outcome
    })
}

/// One of the places of those that read secrets; held as long as the reading runs.
async fn turn(service: Option<Arc<Semaphore>>) -> Option<OwnedSemaphorePermit> {
    // The semaphore is never closed; without it, go ahead.
    service?.acquire_owned().await.ok()
}

/// Whether it was refused, and the service did not say to wait.
fn may_be_of_an_old_secret<T>(result: &Result<T, Failure>) -> bool {
    result.as_ref().is_err_and(|failure| failure.class == Class::No && failure.retry_after.is_none())
}

/// Whether the secrets that were fetched for `errand` are others by now: reads each once more.
async fn has_changed(provider: &dyn Provider, errand: &Errand) -> bool {
    let before = errand.fetched();
    if before.is_empty() {
        // What was refused was no secret of a source.
        return false;
    }
    let again = Errand::new(&errand.account, &errand.origin);
    fetch_all(provider, &again).await.is_ok() && again.fetched() != before
}

async fn fetch_all(provider: &dyn Provider, errand: &Errand) -> Result<(), Failure> {
    for source in provider.sources() {
        source.fetch(errand, LONGEST_READING).await?;
    }
    Ok(())
}
