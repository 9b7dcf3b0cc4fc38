//! A person logs in: one login at a time per account, shown to all who wait for it, ended with the last of
//! them.

#![cfg_attr(test, expect(clippy::expect_used, reason = "a test that cannot go on has failed"))]

mod board;
mod browser;
mod device;
mod flow;
mod listener;
mod need;
mod trade;
mod words;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokend_proto::Secret;
use tokend_proto::message::{self, Code, LoggedIn, LoginStep};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use self::board::Board;
use self::flow::Flow;
use crate::account::{Account, Keeper};
use crate::clock::Clock;

pub use self::need::{Callers, Calls};

/// The logins that are under way.
#[derive(Debug)]
pub struct Logins {
    keeper: Keeper,
    clock: Arc<dyn Clock>,
    count: AtomicU64,
    under_way: Mutex<HashMap<String, UnderWay>>,
}

/// One login.
#[derive(Debug)]
struct UnderWay {
    number: u64,
    /// How the account was configured when it began.
    service: [u8; 32],
    board: Arc<Board>,
    pasted: mpsc::Sender<Pasted>,
    participants: usize,
    task: AbortHandle,
}

/// Somebody pasted where the browser ended.
#[derive(Debug)]
struct Pasted {
    /// What stood behind the `?`.
    query: Secret,
    /// Whether that is what was waited for.
    answer: oneshot::Sender<Result<(), message::Failure>>,
}

/// One who waits for a login. Dropped, it has left; the last one ends the login.
#[derive(Debug)]
pub struct Participation {
    logins: Arc<Logins>,
    account: String,
    number: u64,
    board: Arc<Board>,
    /// How many steps it has seen.
    seen: usize,
    /// Whether it is still to be told that it came to a login of somebody else's.
    has_joined: bool,
    /// Whether the login was begun by somebody else.
    is_guest: bool,
}

/// What a login comes to.
#[derive(Debug)]
pub enum Progress {
    /// It waits for something else now.
    Step(LoginStep),
    /// It has ended.
    End(Result<LoggedIn, message::Failure>),
}

impl Logins {
    /// No logins yet. What they bring goes to `keeper`.
    #[must_use]
    pub fn new(keeper: Keeper, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { keeper, clock, count: AtomicU64::new(0), under_way: Mutex::default() })
    }

    /// Begins a login to `account`, or joins the one that is under way: then that one's way counts, and the
    /// shortest of all terms.
    ///
    /// # Errors
    /// Nobody logs in to such an account, or it is locked.
    pub fn log_in(
        self: &Arc<Self>,
        account: Arc<Account>,
        request: &message::Login,
    ) -> Result<Participation, message::Failure> {
        let way = flow::Way::named(&request.way)?;
        if account.provider.login().is_none() {
            return Err(words::no_login(&account.name, account.kind));
        }
        if let Some(failure) = flow::closed(&account) {
            return Err(failure);
        }
        let name = account.name.clone();
        let mut under_way = self.under_way();
        let joined = under_way.get_mut(&name).filter(|login| login.service == account.service);
        let has_joined = joined.is_some();
        let term = request.term_ms.map(Duration::from_millis);
        let (number, board) = if let Some(login) = joined {
            login.participants += 1;
            (login.number, Arc::clone(&login.board))
        } else {
            let login = self.begin(account, way, request.has_browser);
            let begun = (login.number, Arc::clone(&login.board));
            if let Some(old) = under_way.insert(name.clone(), login) {
                old.board.end(Err(words::reconfigured(&name)));
                old.task.abort();
            }
            begun
        };
        board.shorten(term);
        let seen = if has_joined { board.newest_step() } else { 0 };
        Ok(Participation {
            logins: Arc::clone(self),
            account: name,
            number,
            board,
            seen,
            has_joined,
            is_guest: has_joined,
        })
    }

    fn begin(self: &Arc<Self>, account: Arc<Account>, way: flow::Way, has_browser: bool) -> UnderWay {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let board = Arc::new(Board::new(number));
        let (pasted, arriving) = mpsc::channel(1);
        let service = account.service;
        let ending = Ending {
            logins: Arc::clone(self),
            account: account.name.clone(),
            number,
            board: Arc::clone(&board),
        };
        let flow = Flow {
            account,
            keeper: self.keeper.clone(),
            clock: Arc::clone(&self.clock),
            board: Arc::clone(&board),
            pasted: arriving,
            way,
            has_browser,
            is_handed_over: Arc::default(),
        };
        let task = tokio::spawn(async move {
            let ending = ending;
            let result = flow.run().await;
            ending.board.end(result);
        });
        UnderWay { number, service, board, pasted, participants: 1, task: task.abort_handle() }
    }

    /// The address that the browser was sent to, pasted by a person. Ends when it is known whether it is what
    /// was waited for; what comes of that all participants see.
    ///
    /// # Errors
    /// It is not. The login goes on.
    pub async fn redirect(&self, redirect: &message::LoginRedirect) -> Result<(), message::Failure> {
        let name = &redirect.account;
        let pasted = {
            let under_way = self.under_way();
            let login = under_way.get(name).filter(|login| login.number == redirect.login);
            let login = login.ok_or_else(|| words::no_such_login(name))?;
            if !login.board.takes_redirect() {
                return Err(words::takes_no_redirect(name));
            }
            login.pasted.clone()
        };
        let query = browser::query_of(&redirect.url).ok_or_else(|| words::no_redirect(name))?;
        let (answer, verdict) = oneshot::channel();
        let gone = |()| words::no_such_login(name);
        pasted.send(Pasted { query, answer }).await.map_err(|_| gone(()))?;
        verdict.await.map_err(|_| gone(()))?
    }

    /// Whoever came to this login leaves it.
    fn leave(&self, account: &str, number: u64) {
        let mut under_way = self.under_way();
        let Some(login) = under_way.get_mut(account).filter(|login| login.number == number) else { return };
        login.participants -= 1;
        if login.participants == 0 {
            login.task.abort();
            under_way.remove(account);
            tracing::info!(account, "the login was given up");
        }
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Participation {
    /// What comes next; after the end, the end again. May be dropped at any time and misses nothing.
    pub async fn next(&mut self) -> Progress {
        if std::mem::take(&mut self.has_joined) {
            let message = format!("another login to {} is under way; it is shown here, too", self.account);
            return Progress::Step(self.board.progress(message));
        }
        match self.board.next(&mut self.seen, &*self.logins.clock).await {
            // One browser is enough: whoever joined sees the address.
            Progress::Step(step) if self.is_guest && step.step == LoginStep::BROWSER => {
                Progress::Step(LoginStep { step: LoginStep::REDIRECT.to_owned(), ..step })
            }
            progress => progress,
        }
    }
}

impl Drop for Participation {
    fn drop(&mut self) {
        self.logins.leave(&self.account, self.number);
    }
}

/// However a login's task ends: it is no longer under way, and all who wait for it know.
struct Ending {
    logins: Arc<Logins>,
    account: String,
    number: u64,
    board: Arc<Board>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        // Where it has ended already this changes nothing.
        self.board.end(Err(words::broken(&self.account)));
        let mut under_way = self.logins.under_way();
        if under_way.get(&self.account).is_some_and(|login| login.number == self.number) {
            under_way.remove(&self.account);
        }
    }
}

/// A failure of the call's own words.
fn usage(kind: &str, message: String, hint: String) -> message::Failure {
    message::Failure { code: Code::USAGE, kind: kind.to_owned(), message, hint, next_try_in_ms: None }
}

#[cfg(test)]
mod tests;
