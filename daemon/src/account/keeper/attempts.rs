//! Requests to services: each a task of its own, so many at a time to one service, whose end is told to its life.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use super::{End, Fetched, LifeId, Outcome, Task, vigil};
use crate::account::life::Event;
use crate::account::schedule;
use crate::account::snapshot::State;
use crate::account::token::Token;
use crate::account::words;
use crate::platform;
use crate::provider::{Class, Failure, MintRequest, Minted, Provider};
use crate::secret::Errand;

/// A source that takes longer does not change what a refusal means.
pub(super) const LONGEST_READING: Duration = Duration::from_secs(30);

/// Of what is no attempt to get a token.
const NO_GENERATION: u64 = 0;

/// At most this many requests to one service at a time.
const MAX_AT_ONCE: usize = 16;

impl Task {
    pub(super) fn mint(&mut self, id: LifeId, generation: u64) {
        let Some(slot) = self.slots.get(&id) else { return };
        let provider = Arc::clone(&slot.account.provider);
        let clock = Arc::clone(&self.clock);
        let (scope, audience) = (slot.variant.scope(), slot.variant.audience());
        let (scope, audience) = (scope.map(<[_]>::to_vec), audience.map(<[_]>::to_vec));
        let account = slot.account.name.clone();
        let errand = Errand::new(&account, &provider.identity().origin);
        let service = self.service(&*provider);
        self.spawn(id, generation, async move {
            let _turn = turn(service).await;
            let mut request = MintRequest { now: clock.now(), scope, audience, errand, refresh_token: None };
            // Boxed: thousands of accounts may begin at once.
            let mut stamps = Box::pin(vigil::stamps(&*provider)).await;
            let mut result = provider.mint(&request).await;
            if may_be_of_an_old_secret(&result) && Box::pin(has_changed(&*provider, &request.errand)).await {
                tracing::info!(
                    account,
                    "refused, but its secret has changed meanwhile: tried with the new one"
                );
                request.now = clock.now();
                request.errand = Errand::new(&account, &provider.identity().origin);
                stamps = Box::pin(vigil::stamps(&*provider)).await;
                result = provider.mint(&request).await;
            }
            let now = request.now;
            match &result {
                Ok(minted) => log_minted(&account, minted),
                Err(failure) => log_failure(&account, failure),
            }
            let fetched = Fetched(request.errand.fetched());
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
        let service = self.service(&*provider);
        self.spawn(id, NO_GENERATION, async move {
            let mut failures = 0;
            loop {
                let turn = turn(service.clone()).await;
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
        });
    }

    pub(super) fn probe(&mut self, id: LifeId, generation: u64, token: Arc<Token>) {
        let Some(slot) = self.slots.get(&id) else { return };
        let provider = Arc::clone(&slot.account.provider);
        let clock = Arc::clone(&self.clock);
        let account = slot.account.name.clone();
        let service = self.service(&*provider);
        self.spawn(id, generation, async move {
            let _turn = turn(service).await;
            let result = match token.fields.first() {
                Some((_, secret)) => provider.probe(secret, clock.now()).await,
                None => Err(words::no_token()),
            };
            match &result {
                Ok(probe) => tracing::info!(account, says = ?probe, "asked whether a rejected token lives"),
                Err(failure) => log_failure(&account, failure),
            }
            Outcome { life: id, end: End::Probed(Event::Probed { generation, result }) }
        });
    }

    fn spawn(
        &mut self,
        id: LifeId,
        generation: u64,
        attempt: impl Future<Output = Outcome> + Send + 'static,
    ) {
        let handle = self.attempts.spawn(async move {
            let outcome = attempt.await;
            // HTTP, TLS and JSON had secrets on the stack.
            platform::scrub_stack();
            outcome
        });
        self.running.insert(handle.id(), (id, generation));
        if let Some(slot) = self.slots.get_mut(&id) {
            // One that reads a parked account's secrets, at most.
            if let Some(superseded) = slot.attempt.replace(handle) {
                superseded.abort();
            }
        }
    }

    /// The turnstile of a service, where it has a name.
    pub(super) fn service(&mut self, provider: &dyn Provider) -> Option<Arc<Semaphore>> {
        let origin = provider.identity().origin;
        if origin.is_empty() {
            return None;
        }
        let turnstile = self.services.entry(origin).or_insert_with(|| Arc::new(Semaphore::new(MAX_AT_ONCE)));
        Some(Arc::clone(turnstile))
    }

    pub(super) fn ended(&mut self, outcome: Result<(tokio::task::Id, Outcome), JoinError>) {
        match outcome {
            Ok((task, outcome)) => {
                self.running.remove(&task);
                let id = outcome.life;
                match outcome.end {
                    End::Minted { event, stamps, fetched } => {
                        if let Some(slot) = self.slots.get_mut(&id) {
                            (slot.stamps, slot.fetched) = (stamps, fetched);
                        }
                        self.tell(id, event);
                    }
                    End::Probed(event) => self.tell(id, event),
                    End::Read { stamps, fetched } => self.has_read_again(id, stamps, fetched),
                }
                self.answer_locks(Some(task), None);
            }
            Err(error) => {
                let ended = self.running.remove(&error.id());
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

/// One of the places at a service; held as long as the request runs.
pub(super) async fn turn(service: Option<Arc<Semaphore>>) -> Option<OwnedSemaphorePermit> {
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

pub(super) fn log_minted(account: &str, minted: &Minted) {
    tracing::info!(account, lives_seconds = minted.lifetime.map(|l| l.as_secs()), "new token");
}

pub(super) fn log_failure(account: &str, failure: &Failure) {
    match failure.class {
        Class::NotNow | Class::Doubtful | Class::Locked => {
            tracing::warn!(account, kind = failure.kind, "{}", failure.message);
        }
        Class::No | Class::Source | Class::LoginNeeded => {
            tracing::error!(account, kind = failure.kind, "{}", failure.message);
        }
    }
}
