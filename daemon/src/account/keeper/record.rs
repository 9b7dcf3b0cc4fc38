//! What is told and counted of each try: in the log a failure once, and once that it is over; the rest for who looks
//! closely.

use std::sync::Arc;
use std::time::Duration;

use crate::account::life::Event;
use crate::account::registry::{Account, Shared};
use crate::account::words;
use crate::clock::{Moment, milliseconds};
use crate::provider::{Class, Failure, Minted};

/// A try to get a token, until it is known what came of it.
pub(super) struct Record {
    account: Arc<Account>,
    shared: Arc<Shared>,
    why: &'static str,
    began: Option<Moment>,
}

impl Record {
    /// One for a token of this account.
    pub(super) fn of(account: &Arc<Account>, shared: &Arc<Shared>, why: &'static str) -> Self {
        Self { account: Arc::clone(account), shared: Arc::clone(shared), why, began: None }
    }

    /// It begins now.
    pub(super) fn begin(&mut self, now: Moment) {
        tracing::debug!(account = self.account.name, why = self.why, "asking for a token");
        self.began = Some(now);
    }

    /// What came of it, known now.
    pub(super) fn end(&self, result: &Result<Minted, Failure>, now: Moment) {
        match result {
            Ok(minted) => self.minted(minted, now),
            Err(failure) => self.failed(failure, now),
        }
    }

    fn took(&self, now: Moment) -> Duration {
        self.began.map_or(Duration::ZERO, |began| began.steady.until(now.steady))
    }

    fn minted(&self, minted: &Minted, now: Moment) {
        let took = self.took(now);
        self.account.tally.minted(took);
        let account = &*self.account.name;
        let lives_s = minted.lifetime.map(|life| life.as_secs());
        let took_ms = milliseconds(took);
        if let Some(trouble) = self.shared.told.over() {
            let after = words::span(trouble.since.until(now.steady));
            tracing::info!(account, failures = trouble.count, after, lives_s, "works again");
        } else {
            tracing::debug!(account, why = self.why, took_ms, lives_s, "new token");
        }
    }

    /// Or it could not even begin.
    pub(super) fn failed(&self, failure: &Failure, now: Moment) {
        let took = self.took(now);
        self.account.tally.failed(failure.kind, took);
        let account = &*self.account.name;
        let kind = failure.kind;
        let is_news = self.shared.told.is_news(kind, now.steady);
        let took_ms = milliseconds(took);
        match failure.class {
            // That tokend is locked is told once, of all accounts.
            _ if !is_news || failure.class == Class::Locked => {
                tracing::debug!(account, kind, why = self.why, took_ms, "{}", failure.message);
            }
            Class::NotNow | Class::Doubtful | Class::Locked => {
                tracing::warn!(account, kind, hint = failure.hint, "{}", failure.message);
            }
            Class::No | Class::Source | Class::LoginNeeded => {
                tracing::error!(account, kind, hint = failure.hint, "{}", failure.message);
            }
        }
    }
}

/// Why a token is asked for, should this event lead to that.
pub(super) fn why(event: &Event) -> &'static str {
    match event {
        Event::Asked(_) => "a caller wants one",
        Event::Refresh(_) => "tok refresh",
        Event::Rejected(_) | Event::Probed { .. } => "the last one was rejected",
        Event::Started => "start or reload",
        Event::Mended => "a secret's file has changed",
        Event::Kept(_) | Event::SetOtherwise => "reload",
        Event::Restored(_) => "start",
        Event::Locked | Event::Unlocked { .. } => "unlocked",
        Event::LoggedIn(_) | Event::LoggedOut(_) | Event::LenderLoggedIn => "a person logged in",
        Event::Minted { .. } | Event::Turn { .. } | Event::Tick => "due",
    }
}

/// Whether a person did something: what goes wrong after that is told again, though it went wrong before.
pub(super) fn is_new_chance(event: &Event) -> bool {
    matches!(
        event,
        Event::Refresh(_)
            | Event::Started
            | Event::Mended
            | Event::Kept(_)
            | Event::SetOtherwise
            | Event::LoggedIn(_)
            | Event::LenderLoggedIn
    )
}
