//! One login from its beginning to its end: which way it goes, and that what it brings is kept.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokend_proto::message::{self, LoggedIn, Login, Words};
use tokio::sync::mpsc;

use super::board::Board;
use super::trade::Trade;
use super::{Pasted, words};
use crate::account::{Account, Keeper, NewLogin, State, locked};
use crate::clock::{Clock, Moment, milliseconds};
use crate::provider::login::{Asking, LogIn};
use crate::provider::{Class, Failure, Minted, jwt};
use crate::secret::Errand;

/// How whoever logs in wants to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As it fits.
    Fitting,
    /// By the device flow.
    Device,
    /// By a browser elsewhere.
    Redirect,
}

impl Way {
    /// The way of this name in [`Login::way`].
    pub(super) fn named(name: &str) -> Result<Self, message::Failure> {
        match name {
            Login::AS_FITS => Ok(Self::Fitting),
            Login::DEVICE => Ok(Self::Device),
            Login::REDIRECT => Ok(Self::Redirect),
            _ => Err(words::unknown_way()),
        }
    }
}

/// What a login needs.
pub(super) struct Flow {
    pub(super) account: Arc<Account>,
    pub(super) keeper: Keeper,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) board: Arc<Board>,
    pub(super) pasted: mpsc::Receiver<Pasted>,
    pub(super) way: Way,
    pub(super) has_browser: bool,
    /// Whether what it brought is the keeper's, who says what becomes of it.
    pub(super) is_handed_over: Arc<AtomicBool>,
}

impl Flow {
    /// Carries it to its end: at the latest that of its account, or a lock of it. From then on no code is
    /// traded.
    pub(super) async fn run(mut self) -> Result<LoggedIn, message::Failure> {
        let account = Arc::clone(&self.account);
        let Some(log_in) = account.provider.login() else {
            return Err(words::no_login(&account.name, account.kind));
        };
        let is_handed_over = Arc::clone(&self.is_handed_over);
        tokio::select! {
            biased;
            failure = cut_short(&account, &is_handed_over) => {
                tracing::info!(account = account.name, kind = failure.kind, "a login was cut short");
                Err(failure)
            }
            result = self.walk(log_in) => result.map_err(|failure| {
                tracing::info!(account = account.name, kind = failure.kind, "a login failed: {failure}");
                words::told(&account.name, &failure)
            }),
        }
    }

    async fn walk(&mut self, log_in: &dyn LogIn) -> Result<LoggedIn, Failure> {
        log_in.prepare_login(self.clock.now()).await?;
        let ways = log_in.ways(self.clock.now()).await?;
        match (ways.browser, ways.device, self.way) {
            (false, true, _) => self.by_device(log_in).await,
            (true, true, Way::Device) => {
                self.by_device(log_in).await.map_err(words::of_the_wish_for_a_device)
            }
            (_, false, Way::Device) => Err(words::no_device_flow()),
            (true, _, Way::Fitting) if self.has_browser => self.by_browser(log_in, true).await,
            (true, true, Way::Fitting) => match self.begin_by_device(log_in).await {
                Ok(begun) => self.wait_for_device(begun).await,
                // It has the flow, but not for this client: seen at services that let each client in apart.
                Err(failure) if is_refusal(&failure) => {
                    self.board.note(words::no_device_flow_here(&failure));
                    self.by_browser(log_in, false).await
                }
                Err(failure) => Err(failure),
            },
            (true, _, Way::Redirect) | (true, false, Way::Fitting) => self.by_browser(log_in, false).await,
            (false, false, _) => Err(words::no_way()),
        }
    }

    /// When is asked, and for whom.
    pub(super) fn asking(&self) -> Asking {
        let origin = self.account.provider.identity().origin;
        Asking { now: self.clock.now(), errand: Errand::new(&self.account.name, &origin) }
    }

    /// Where a request for tokens is sent from.
    pub(super) fn trade(&self) -> Trade {
        let (account, clock) = (Arc::clone(&self.account), Arc::clone(&self.clock));
        Trade { account, keeper: self.keeper.clone(), clock }
    }

    /// What the login brought counts from now on.
    pub(super) async fn keep(&self, requested: Moment, minted: Minted) -> Result<LoggedIn, Failure> {
        let now = self.clock.now();
        let until = self.board.term().map(|term| now.wall.after(term));
        let renews = minted.refresh_token.is_some();
        let mut warnings = minted.warnings.clone();
        if !renews {
            warnings.push(words::no_refresh_token(&self.account));
        }
        let lifetime = minted.lifetime.or(self.account.policy.assume_lifetime);
        let left = lifetime.map(|life| life.saturating_sub(requested.steady.until(now.steady)));
        let logged_in = LoggedIn {
            account: self.account.name.clone(),
            person: jwt::person(&minted.fields),
            expires_in_ms: left.map(milliseconds),
            renews,
            ends_at_ms: until.map(|until| until.0),
            scope: Words::truncating(minted.scope.clone().unwrap_or_default()),
            warnings: Words::truncating(warnings),
        };
        self.is_handed_over.store(true, Ordering::Relaxed);
        match self.keeper.logged_in(&self.account, NewLogin { requested, minted, until }).await {
            Ok(Ok(())) => Ok(logged_in),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(words::stopping()),
        }
    }
}

/// Why nobody can log in to an account any more, or now: it is gone, another, or locked.
pub(super) fn closed(account: &Account) -> Option<message::Failure> {
    if account.shared.is_ended() {
        return Some(words::reconfigured(&account.name));
    }
    let snapshot = account.shared.snapshot();
    match (snapshot.state, &snapshot.trouble) {
        (State::Locked, Some(trouble)) => Some(locked(&account.name, &trouble.failure)),
        (State::Locked, None) => Some(locked(&account.name, &Failure::locked())),
        _ => None,
    }
}

/// Ends when that comes about, unless the login is handed over before.
async fn cut_short(account: &Account, is_handed_over: &AtomicBool) -> message::Failure {
    loop {
        let mut changed = pin!(account.shared.changed());
        // Enabled before the look, so that a change in between is not missed.
        changed.as_mut().enable();
        let closed = closed(account).filter(|_| !is_handed_over.load(Ordering::Relaxed));
        if let Some(failure) = closed {
            return failure;
        }
        changed.await;
    }
}

/// Whether a failure says that the service does not let this client do that, rather than that it cannot now.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.class, Class::No | Class::Doubtful)
        || matches!(failure.kind, "page" | "redirect" | "bad-answer")
}
