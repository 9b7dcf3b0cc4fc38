//! What a login shows, for all who wait for it: each step once to each, however late they come.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokend_proto::message::{Failure, LoggedIn, LoginStep};
use tokio::sync::Notify;

use super::Progress;
use crate::clock::{Clock, Steady, milliseconds};

/// Strangers can make a login say something: so many times at most.
const MOST_NOTES: usize = 32;

/// The steps of one login, and its end.
#[derive(Debug)]
pub(super) struct Board {
    number: u64,
    shown: Mutex<Shown>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Shown {
    steps: Vec<(LoginStep, Option<Steady>)>,
    notes: usize,
    end: Option<Result<LoggedIn, Failure>>,
    /// The shortest term that anybody wants.
    term: Option<Duration>,
}

impl Board {
    /// An empty one for the login of this number.
    pub(super) fn new(number: u64) -> Self {
        Self { number, shown: Mutex::default(), changed: Notify::new() }
    }

    /// Shows what the login waits for from now on, until `deadline`.
    pub(super) fn show(&self, step: LoginStep, deadline: Steady) {
        self.shown().steps.push((LoginStep { login: self.number, ..step }, Some(deadline)));
        self.changed.notify_waiters();
    }

    /// Says something, unless it was the last that was said.
    pub(super) fn note(&self, message: impl Into<String>) {
        let note = self.progress(message.into());
        {
            let mut shown = self.shown();
            let is_news = shown.steps.last().is_none_or(|(last, _)| *last != note);
            if shown.notes >= MOST_NOTES || !is_news {
                return;
            }
            shown.notes += 1;
            shown.steps.push((note, None));
        }
        self.changed.notify_waiters();
    }

    /// The step that says this.
    pub(super) fn progress(&self, message: String) -> LoginStep {
        LoginStep { login: self.number, message, ..blank(LoginStep::PROGRESS) }
    }

    /// The login has ended. What was first counts.
    pub(super) fn end(&self, result: Result<LoggedIn, Failure>) {
        self.shown().end.get_or_insert(result);
        self.changed.notify_waiters();
    }

    /// Somebody wants a login of at most this term.
    pub(super) fn shorten(&self, term: Option<Duration>) {
        let mut shown = self.shown();
        shown.term = shown.term.into_iter().chain(term).min();
    }

    /// The shortest term that anybody wants.
    pub(super) fn term(&self) -> Option<Duration> {
        self.shown().term
    }

    /// How many steps are no longer of interest for whoever comes now.
    pub(super) fn newest_step(&self) -> usize {
        let shown = self.shown();
        shown.steps.iter().rposition(|(step, _)| step.step != LoginStep::PROGRESS).unwrap_or(0)
    }

    /// Whether it waits for a browser, whose last address may be pasted.
    pub(super) fn takes_redirect(&self) -> bool {
        let shown = self.shown();
        let newest = shown.steps.iter().rev().find(|(step, _)| step.step != LoginStep::PROGRESS);
        shown.end.is_none() && newest.is_some_and(|(step, _)| step.takes_redirect)
    }

    /// The next step that is not `seen`, or the end.
    pub(super) async fn next(&self, seen: &mut usize, clock: &dyn Clock) -> Progress {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Enabled before the look, so that a change in between is not missed.
            changed.as_mut().enable();
            {
                let shown = self.shown();
                if let Some((step, deadline)) = shown.steps.get(*seen) {
                    *seen += 1;
                    let left = deadline.map(|deadline| milliseconds(clock.now().steady.until(deadline)));
                    return Progress::Step(LoginStep { expires_in_ms: left, ..step.clone() });
                }
                if let Some(end) = &shown.end {
                    return Progress::End(end.clone());
                }
            }
            changed.await;
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A step of this kind that says nothing yet.
pub(super) fn blank(step: &str) -> LoginStep {
    LoginStep {
        login: 0,
        step: step.to_owned(),
        url: String::new(),
        complete_url: None,
        user_code: None,
        expires_in_ms: None,
        takes_redirect: false,
        message: String::new(),
    }
}
