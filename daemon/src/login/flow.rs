//! One login from its beginning to its end: which way it goes, and that what it brings is kept.

use std::sync::Arc;

use tokend_proto::message::{self, LoggedIn, Login, Words};
use tokio::sync::mpsc;

use super::board::Board;
use super::trade::Trade;
use super::{Pasted, words};
use crate::account::{Account, Keeper, NewLogin};
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
}

impl Flow {
    /// Carries it to its end.
    pub(super) async fn run(mut self) -> Result<LoggedIn, message::Failure> {
        let account = Arc::clone(&self.account);
        let Some(log_in) = account.provider.login() else {
            return Err(words::no_login(&account.name, account.kind));
        };
        self.walk(log_in).await.map_err(|failure| {
            tracing::info!(account = account.name, kind = failure.kind, "a login failed: {failure}");
            words::told(&account.name, &failure)
        })
    }

    async fn walk(&mut self, log_in: &dyn LogIn) -> Result<LoggedIn, Failure> {
        log_in.prepare_login(self.clock.now()).await?;
        let ways = log_in.ways(self.clock.now()).await?;
        match (ways.browser, ways.device, self.way) {
            (false, true, _) | (_, true, Way::Device) => self.by_device(log_in).await,
            (_, false, Way::Device) => Err(words::no_device_flow()),
            (true, _, Way::Fitting) if self.has_browser => self.by_browser(log_in, true).await,
            (true, true, Way::Fitting) => match self.by_device(log_in).await {
                // It has the flow, but not for this client: seen at services that let each client in apart.
                Err(failure) if failure.kind == words::NO_DEVICE_FLOW => {
                    self.board.note(failure.message);
                    self.by_browser(log_in, false).await
                }
                result => result,
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
        match self.keeper.logged_in(&self.account, NewLogin { requested, minted, until }).await {
            Ok(Ok(())) => Ok(logged_in),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(words::stopping()),
        }
    }
}

/// Whether a failure says that the service does not let this client do that, rather than that it cannot now.
pub(super) fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.class, Class::No | Class::Doubtful)
        || matches!(failure.kind, "page" | "redirect" | "bad-answer")
}
