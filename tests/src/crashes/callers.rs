//! Callers that ask for every account all the time, and write down what they get.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use tokend_proto::Answer;
use tokend_proto::message::Code;

use crate::asking::{get, refresh, token_of};
use crate::real_time::let_pass;
use crate::stand_in::Grants;

/// Between two questions of one caller.
const PAUSE: Duration = Duration::from_millis(25);

/// One account, as its caller sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The family and generation of the refresh token that came with the newest access token that was served.
    pub(super) served: Option<(usize, usize)>,
    /// Why a person must log in, if that was said since the last look was taken.
    pub(super) login_needed: Option<String>,
    /// How often something else than a token or a word that it is not ready came.
    pub(super) strange: Vec<String>,
}

/// What all callers of one daemon have seen.
#[derive(Debug)]
pub(super) struct Board {
    seen: Mutex<State>,
    bell: Condvar,
}

#[derive(Debug)]
struct State {
    accounts: Vec<Seen>,
    /// Which daemon it is: what an earlier one said of a login counts no more.
    daemon: usize,
    over: bool,
}

impl Board {
    pub(super) fn new(accounts: usize) -> Self {
        let state = State { accounts: vec![Seen::default(); accounts], daemon: 0, over: false };
        Self { seen: Mutex::new(state), bell: Condvar::new() }
    }

    /// Another daemon is about to start.
    pub(super) fn restarted(&self) {
        let mut state = self.state();
        state.daemon += 1;
        for seen in &mut state.accounts {
            seen.login_needed = None;
        }
    }

    /// The callers end at their next step.
    pub(super) fn close(&self) {
        self.state().over = true;
    }

    pub(super) fn seen(&self, account: usize) -> Seen {
        self.state().accounts[account].clone()
    }

    /// Changes what was seen of an account.
    pub(super) fn change(&self, account: usize, change: impl FnOnce(&mut Seen)) {
        change(&mut self.state().accounts[account]);
        self.bell.notify_all();
    }

    /// Waits until this is so, looking at each change; false when that did not happen in time.
    pub(super) fn wait_until(&self, timeout: Duration, wanted: impl Fn(&[Seen]) -> bool) -> bool {
        let waiting = self.bell.wait_timeout_while(self.state(), timeout, |state| !wanted(&state.accounts));
        waiting.is_ok_and(|(_state, outcome)| !outcome.timed_out())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.seen.lock().expect("no caller panics while writing")
    }
}

/// Who asks for one account.
pub(super) struct Caller<'a> {
    pub(super) board: &'a Board,
    pub(super) socket: PathBuf,
    pub(super) name: &'a str,
    pub(super) account: usize,
    pub(super) grants: Grants,
}

impl Caller<'_> {
    /// Asks until the board is closed. Each new daemon is asked for a new token first.
    pub(super) fn go_on(&self) {
        let mut refreshed = 0;
        loop {
            let daemon = {
                let state = self.board.state();
                if state.over {
                    return;
                }
                state.daemon
            };
            if daemon != refreshed && refresh(&self.socket, self.name).is_ok() {
                refreshed = daemon;
            }
            // No daemon is none to write down: that is what this is about.
            if let Ok(answer) = get(&self.socket, self.name) {
                self.note(daemon, answer);
            }
            let_pass(PAUSE, "callers leave the daemon some time");
        }
    }

    fn note(&self, daemon: usize, answer: Answer) {
        match answer {
            Answer::Credential(credential) => {
                let served = self.grants.served(&token_of(&credential));
                self.board.change(self.account, |seen| match served {
                    Some(_) => seen.served = seen.served.max(served),
                    None => seen.strange.push("a token that the service never gave was served".to_owned()),
                });
            }
            Answer::Failure(failure) if failure.code == Code::LOGIN_NEEDED => {
                let is_current = self.board.state().daemon == daemon;
                if is_current {
                    self.board.change(self.account, |seen| seen.login_needed = Some(failure.kind));
                }
            }
            Answer::Failure(failure) if failure.code == Code::NOT_NOW => {}
            other => self.board.change(self.account, |seen| seen.strange.push(format!("{other:?}"))),
        }
    }
}
