//! What clients asked and what they were told, counted for who measures tokend: one relaxed addition an answer.

use std::sync::atomic::{AtomicU64, Ordering};

use tokend_proto::message::Code;
use tokend_proto::{Answer, Request};

use super::answers::Given;

/// What was asked, in the words of docs/wire-protocol.md.
const REQUESTS: [&str; 18] = [
    "get",
    "id-token",
    "refresh",
    "reject",
    "status",
    "list",
    "reload",
    "about",
    "watch",
    "login",
    "login-redirect",
    "logout",
    "lock",
    "unlock",
    "store",
    "health",
    "other",
    "malformed",
];

/// How it was answered, in the order of the exit codes.
const OUTCOMES: [&str; 11] = [
    "ok",
    "fault",
    "usage",
    "unknown",
    "login-needed",
    "refused",
    "not-now",
    "denied",
    "stopping",
    "locked",
    "never-that-long",
];

/// The places of what the connection answers itself.
pub(super) const WATCH: usize = 8;
pub(super) const LOGIN: usize = 9;

/// Of what is no request that can be read.
pub(super) const MALFORMED: usize = REQUESTS.len() - 1;

/// Of requests of kinds that are newer than this.
pub(super) const OTHER: usize = REQUESTS.len() - 2;

/// The counts since the start.
#[derive(Debug, Default)]
pub struct Tally {
    answers: [[AtomicU64; OUTCOMES.len()]; REQUESTS.len()],
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
}

impl Tally {
    /// The place of a request in this.
    pub(super) fn place(request: &Request) -> usize {
        match request {
            Request::Get(_) => 0,
            Request::GetIdToken(_) => 1,
            Request::Refresh(_) => 2,
            Request::Reject(_) => 3,
            Request::Status(_) => 4,
            Request::List(_) => 5,
            Request::Reload => 6,
            Request::About => 7,
            Request::Watch(_) => WATCH,
            Request::Login(_) => LOGIN,
            Request::LoginRedirect(_) => 10,
            Request::Logout(_) => 11,
            Request::Lock => 12,
            Request::Unlock(_) => 13,
            Request::Store => 14,
            Request::Health => 15,
            _ => OTHER,
        }
    }

    /// Counts an answer to the request at this place.
    pub(super) fn count(&self, place: usize, given: &Given) {
        let code = match given {
            Given::Answer(Answer::Failure(failure)) => failure.code,
            Given::Answer(Answer::Unsupported) => Code::USAGE,
            _ => Code(0),
        };
        let outcome = usize::from(code.0).min(OUTCOMES.len() - 1);
        if let Some(count) = self.answers.get(place).and_then(|answers| answers.get(outcome)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was asked, how it was answered, and how many times. Every outcome of `get`, and of the rest those that
    /// there were.
    pub fn answers(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let of = |(request, counts): (&'static str, &[AtomicU64; OUTCOMES.len()])| {
            let counts: Vec<u64> = counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
            OUTCOMES.into_iter().zip(counts).map(move |(outcome, count)| (request, outcome, count))
        };
        let all = REQUESTS.into_iter().zip(&self.answers).flat_map(of);
        all.filter(|(request, _, count)| *count > 0 || *request == "get")
    }

    /// How many connections were let in, and how many were not.
    #[must_use]
    pub fn connections(&self) -> (u64, u64) {
        (self.accepted.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use tokend_proto::message::Failure;

    use super::*;

    #[test]
    fn answers_are_counted_by_what_was_asked_and_how_it_ended() {
        let tally = Tally::default();
        let failure = |code| {
            Given::Answer(Answer::Failure(Failure {
                code,
                kind: "x".to_owned(),
                message: String::new(),
                hint: String::new(),
                next_try_in_ms: None,
            }))
        };
        tally.count(Tally::place(&Request::Reload), &Given::Answer(Answer::Done));
        tally.count(0, &failure(Code::NOT_NOW));
        tally.count(0, &failure(Code::NOT_NOW));
        tally.count(MALFORMED, &failure(Code::USAGE));
        let counted: Vec<_> = tally.answers().filter(|(.., count)| *count > 0).collect();
        assert_eq!(counted, [("get", "not-now", 2), ("reload", "ok", 1), ("malformed", "usage", 1)]);
        assert_eq!(tally.answers().filter(|(request, ..)| *request == "get").count(), OUTCOMES.len());
    }

    #[test]
    fn the_outcomes_are_those_of_the_exit_codes() {
        for (code, word) in [
            (Code::INTERNAL, "fault"),
            (Code::USAGE, "usage"),
            (Code::UNKNOWN, "unknown"),
            (Code::LOGIN_NEEDED, "login-needed"),
            (Code::REFUSED, "refused"),
            (Code::NOT_NOW, "not-now"),
            (Code::DENIED, "denied"),
            (Code::NO_DAEMON, "stopping"),
            (Code::LOCKED, "locked"),
            (Code::NEVER_THAT_LONG, "never-that-long"),
        ] {
            assert_eq!(OUTCOMES.get(usize::from(code.0)), Some(&word));
        }
    }
}
