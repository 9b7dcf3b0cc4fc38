//! A login and its life: begun once for all who wait, renewed while the server lets it, ended when it is
//! refused.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokend_proto::Secret;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::Vault;
use super::login::{Begun, with_token};
use crate::clock::{Clock, Steady};
use crate::provider::http::Request;
use crate::provider::{Class, Failure};

/// Accounts that share a vault come one after another, and a user is locked out after a few refusals: with
/// credentials that were just refused nobody asks again so soon.
const PAUSE: Duration = Duration::from_secs(5);

/// Nobody begins a request with a token that may end on the way.
const MARGIN: Duration = Duration::from_secs(1);

/// A token of the vault.
pub(super) struct Session {
    pub(super) token: Secret,
    /// Whose it is, such as `role app`.
    pub(super) who: String,
    end: Mutex<Option<Steady>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("who", &self.who).finish_non_exhaustive()
    }
}

impl Session {
    /// One that ends then, or never.
    pub(super) fn new(token: Secret, who: String, end: Option<Steady>) -> Self {
        Self { token, who, end: Mutex::new(end) }
    }

    fn end(&self) -> MutexGuard<'_, Option<Steady>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_alive(&self, now: Steady) -> bool {
        self.end().is_none_or(|end| now.after(MARGIN) < end)
    }
}

type Outcome = Result<Arc<Session>, Failure>;

/// What a vault knows of its logins.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Counts what makes an attempt under way void.
    generation: u64,
    session: Option<Arc<Session>>,
    /// The login under way, whose outcome all who wait get.
    attempt: Option<(watch::Receiver<Option<Outcome>>, AbortHandle)>,
    /// Credentials that were refused, until when that holds, and how.
    refused: Option<(Vec<[u8; 32]>, Steady, Failure)>,
    renewals: Option<AbortHandle>,
}

impl State {
    fn end_session(&mut self) {
        self.session = None;
        if let Some(renewals) = self.renewals.take() {
            renewals.abort();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.end_session();
    }
}

/// A session, and whether it was begun for whoever gets it.
pub(super) struct Ready {
    pub(super) session: Arc<Session>,
    pub(super) is_new: bool,
}

impl Vault {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session, begun if there is none. However many wait, one login is under way, and one who gives up
    /// does not cancel it.
    pub(super) async fn session(self: &Arc<Self>) -> Result<Ready, Failure> {
        let now = self.clock.now().steady;
        let mut attempt = {
            let mut state = self.state();
            if let Some(session) = state.session.as_ref().filter(|session| session.is_alive(now)) {
                return Ok(Ready { session: Arc::clone(session), is_new: false });
            }
            state.end_session();
            if let Some((attempt, _)) = &state.attempt {
                attempt.clone()
            } else {
                let (tell, attempt) = watch::channel(None);
                let (vault, generation) = (Arc::clone(self), state.generation);
                let task = tokio::spawn(async move {
                    let outcome = vault.begin(generation).await;
                    // Nobody may be left who waits.
                    let _ = tell.send(Some(outcome));
                });
                state.attempt = Some((attempt.clone(), task.abort_handle()));
                attempt
            }
        };
        let outcome = attempt.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        match outcome {
            Some(Ok(session)) => Ok(Ready { session, is_new: true }),
            Some(Err(failure)) => Err(failure),
            None => {
                // Its task is gone without a word: the next begins another.
                let mut state = self.state();
                if state.attempt.as_ref().is_some_and(|(current, _)| current.same_channel(&attempt)) {
                    state.attempt = None;
                }
                Err(interrupted())
            }
        }
    }

    /// One login. Its outcome is the vault's, unless something made it void meanwhile.
    async fn begin(self: &Arc<Self>, generation: u64) -> Outcome {
        let (begun, sent) = self.try_to_begin().await;
        let mut state = self.state();
        if state.generation != generation {
            return Err(interrupted());
        }
        state.attempt = None;
        match begun {
            Ok(Begun { session, at, lease, is_renewable }) => {
                tracing::info!(host = self.host(), "logged in to the vault");
                let session = Arc::new(session);
                state.session = Some(Arc::clone(&session));
                state.refused = None;
                if let Some(lease) = lease.filter(|_| is_renewable) {
                    let renewals = Renewals {
                        vault: Arc::downgrade(self),
                        session: Arc::downgrade(&session),
                        clock: Arc::clone(&self.clock),
                        lease,
                        due: at.after(share(lease)),
                    };
                    state.renewals = Some(tokio::spawn(renewals.go_on()).abort_handle());
                }
                Ok(session)
            }
            Err(failure) => {
                if failure.class == Class::No
                    && let Some(hashes) = sent
                {
                    let until = self.clock.now().steady.after(PAUSE);
                    state.refused = Some((hashes, until, failure.clone()));
                }
                Err(failure)
            }
        }
    }

    /// Tries, and says what was sent, if anything was.
    async fn try_to_begin(&self) -> (Result<Begun, Failure>, Option<Vec<[u8; 32]>>) {
        // Read anew for each login: they may have changed.
        let credentials = match self.settings.credentials().await {
            Ok(credentials) => credentials,
            Err(failure) => return (Err(of_credentials(failure)), None),
        };
        let hashes = credentials.hashes.clone();
        let now = self.clock.now();
        if let Some((refused, until, failure)) = &self.state().refused
            && *refused == hashes
            && now.steady < *until
        {
            return (Err(failure.clone()), None);
        }
        (self.settings.log_in(credentials, now).await, Some(hashes))
    }

    /// This session is refused: the next fetch begins another, unless somebody has already.
    pub(super) fn end(&self, session: &Arc<Session>) {
        let mut state = self.state();
        if state.session.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            state.end_session();
        }
    }

    /// Forgets the session, and an attempt under way.
    pub(super) fn forget_session(&self) {
        let mut state = self.state();
        state.end_session();
        state.generation += 1;
        if let Some((_, task)) = state.attempt.take() {
            task.abort();
        }
        state.refused = None;
    }

    /// Asks for `lease` more.
    async fn renew(&self, session: &Session, lease: Duration) -> Renewed {
        let now = self.clock.now();
        let url = self.settings.url(["auth", "token", "renew-self"]);
        let request = Request::post(url).json(&json!({ "increment": format!("{}s", lease.as_secs()) }));
        let reply = match with_token(request, &session.token) {
            Ok(request) => self.settings.send(request, now).await,
            Err(_) => return Renewed::Refused,
        };
        let reply = match reply {
            Ok(reply) => reply,
            Err(failure) => {
                tracing::debug!(kind = failure.kind, "the vault's lease was not renewed");
                return Renewed::NotNow;
            }
        };
        let answer = serde_json::from_slice::<RenewalAnswer>(&reply.body).ok().and_then(|answer| answer.auth);
        match (reply.status, answer) {
            (200..=299, Some(Renewal { lease_duration: seconds @ 1.. })) => {
                let given = Duration::from_secs(seconds);
                *session.end() = Some(now.steady.after(given));
                Renewed::For(given)
            }
            (400, _) => Renewed::Last,
            (403 | 404, _) => Renewed::Refused,
            _ => Renewed::NotNow,
        }
    }
}

/// What came of asking for more.
enum Renewed {
    /// It lives this long from now.
    For(Duration),
    /// It lives on, and gets no more.
    Last,
    /// The server does not know it any more.
    Refused,
    /// Perhaps later.
    NotNow,
}

#[derive(Deserialize)]
struct RenewalAnswer {
    auth: Option<Renewal>,
}

#[derive(Deserialize)]
struct Renewal {
    lease_duration: u64,
}

/// Renews a session until it gets no more, is refused, or nobody has it any more.
struct Renewals {
    vault: Weak<Vault>,
    session: Weak<Session>,
    clock: Arc<dyn Clock>,
    /// What it was given at first, and asks for each time.
    lease: Duration,
    due: Steady,
}

/// When of a lease it is renewed.
fn share(lease: Duration) -> Duration {
    lease * 2 / 3
}

impl Renewals {
    async fn go_on(mut self) {
        loop {
            while self.clock.now().steady < self.due {
                self.clock.sleep_until(self.due).await;
            }
            let asked = self.clock.now().steady;
            let (Some(vault), Some(session)) = (self.vault.upgrade(), self.session.upgrade()) else {
                return;
            };
            let renewed = vault.renew(&session, self.lease).await;
            let now = self.clock.now().steady;
            let left = session.end().map_or(Duration::MAX, |end| now.until(end));
            self.due = match renewed {
                // The last one answers 200, too, with less than was asked for. At its end somebody logs in,
                // if anybody still wants a secret.
                Renewed::For(given) if given < share(self.lease) => return,
                Renewed::For(given) => asked.after(share(given)),
                Renewed::NotNow if left > MARGIN => now.after((left / 3).max(MARGIN)),
                Renewed::Refused => return vault.end(&session),
                Renewed::Last | Renewed::NotNow => return,
            };
        }
    }
}

fn interrupted() -> Failure {
    Failure::not_now("vault-interrupted", "the login to the vault was interrupted", "ask again")
}

/// A failure of one of the vault's own secrets keeps its class, and says whose it is.
fn of_credentials(failure: Failure) -> Failure {
    Failure { message: format!("no login to the vault: {}", failure.message), ..failure }
}
