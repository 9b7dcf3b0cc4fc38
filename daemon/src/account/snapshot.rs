//! What is published of an account: readers take it without a lock.

use std::sync::Arc;
use std::time::Duration;

use super::skew::ServiceClock;
use super::token::{Need, Token};
use super::words;
use crate::clock::{Moment, Steady, Wall};
use crate::provider::Failure;

/// An account at one generation.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// What it is doing.
    pub state: State,
    /// The token in hand; absent while it is under suspicion.
    pub token: Option<Arc<Token>>,
    /// The life that a served token should have left.
    pub wish: Duration,
    /// Whether another token can be had.
    pub renews: bool,
    /// When the next request to the service is due; of one that waits for its turn there, about when that comes.
    pub next_refresh: Option<Steady>,
    /// What went wrong last, if the last try did.
    pub trouble: Option<Trouble>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// What the service's clock showed last.
    pub service_clock: Option<ServiceClock>,
}

/// What went wrong last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Why.
    pub failure: Failure,
    /// When.
    pub at: Wall,
    /// Whether it ends the trying.
    pub parked: bool,
}

/// What an account is doing, in INTERFACE's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum State {
    /// None held, none wanted.
    #[default]
    Idle,
    /// A live token, nothing to do.
    Fresh,
    /// A request is under way.
    Refreshing,
    /// A try failed, the next is scheduled.
    Waiting,
    /// Refused; waits for a change.
    Parked,
    /// The grant has ended: a person must log in.
    LoginNeeded,
    /// Locked by the person, or waits for a store that is.
    Locked,
}

impl State {
    /// The word that `tok status` shows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Fresh => "fresh",
            Self::Refreshing => "refreshing",
            Self::Waiting => "waiting",
            Self::Parked => "parked",
            Self::LoginNeeded => "login-needed",
            Self::Locked => "locked",
        }
    }
}

impl Snapshot {
    /// The token, if it meets the need as it is, with no question to the account's task.
    #[must_use]
    pub fn serve(&self, need: Need, now: Moment) -> Option<&Arc<Token>> {
        self.token.as_ref().filter(|token| token.meets(need, self.wish, now) && !self.is_disputed(now))
    }

    /// What a person should know now.
    #[must_use]
    pub fn warnings_at(&self, now: Moment) -> Vec<String> {
        let in_vain = self.is_disputed(now) && self.trouble.is_some();
        let doubt = in_vain.then(|| words::CLOCKS_DISAGREE.to_owned());
        self.warnings.iter().cloned().chain(doubt).collect()
    }

    /// Whether the clocks disagree about the token, so that another is tried for before it is served (promise 7).
    #[must_use]
    pub fn is_disputed(&self, now: Moment) -> bool {
        self.renews && self.token.as_ref().is_some_and(|token| token.is_disputed(now))
    }
}
