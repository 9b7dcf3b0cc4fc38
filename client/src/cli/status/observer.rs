//! Asks the daemon again and again, by a thread of its own: a daemon that hangs does not stop the screen.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokend_client::{AccountStatus, Client, Code, Error};

use super::super::complaint::{Complaint, printable};
use super::super::{clock, platform};

/// Between two questions.
const PAUSE: Duration = Duration::from_secs(1);

/// The same, while something is under way whose end should be seen at once.
const SHORT_PAUSE: Duration = Duration::from_millis(250);

/// How the accounts are.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) accounts: Vec<AccountStatus>,
    /// The daemon's version.
    pub(super) version: String,
    /// When that was.
    pub(super) at: Instant,
}

impl Look {
    /// The same, by now: lives have run down. The next look tells the rest.
    pub(super) fn accounts_at(&self, now: Instant) -> Vec<AccountStatus> {
        let passed = u64::try_from(now.saturating_duration_since(self.at).as_millis()).unwrap_or(u64::MAX);
        let mut accounts = self.accounts.clone();
        for account in &mut accounts {
            account.expires_in_ms = account.expires_in_ms.map(|left| left.saturating_sub(passed));
        }
        accounts
    }
}

/// What was heard: how the accounts are, or why that is not known.
pub(super) type News = Result<Look, Error>;

/// Looks once.
pub(super) fn look(client: &mut Client, account: Option<&str>) -> News {
    let version = client.about()?.version;
    let accounts = match account {
        Some(account) => vec![client.status_of(account)?],
        None => client.status()?,
    };
    Ok(Look { accounts, version, at: clock::now() })
}

/// Of a daemon that is there.
pub(super) const NO_ANSWER: &str = "tokend has not answered";

/// Why nothing is known at the moment, in words that are followed by for how long.
pub(super) fn words(error: &Error) -> String {
    match error {
        Error::NotRunning { .. } => "tokend has not been running".to_owned(),
        Error::Failed(failure) if failure.code == Code::NO_DAEMON => "tokend has been stopping".to_owned(),
        Error::TimedOut { .. } | Error::Lost(_) => NO_ANSWER.to_owned(),
        other => printable(&other.message()),
    }
}

/// The thread that asks.
pub(super) struct Observer {
    thread: JoinHandle<()>,
    news: Receiver<News>,
}

impl Observer {
    /// It asks from now on, and wakes whoever waits at the screen when it knows something.
    pub(super) fn start(
        mut client: Client,
        account: Option<String>,
        waker: platform::Waker,
    ) -> Result<Self, Complaint> {
        // A terminal that takes nothing must not make them pile up: what is not looked at is told anew soon.
        let (teller, news): (SyncSender<News>, _) = sync_channel(2);
        let ask = move || {
            loop {
                let news = look(&mut client, account.as_deref());
                let is_busy = news
                    .as_ref()
                    .is_ok_and(|look| look.accounts.iter().any(|account| account.state == "refreshing"));
                if let Err(TrySendError::Disconnected(_)) = teller.try_send(news) {
                    return;
                }
                waker.wake();
                thread::sleep(if is_busy { SHORT_PAUSE } else { PAUSE });
            }
        };
        let thread = thread::Builder::new().name("observer".to_owned()).spawn(ask).map_err(|error| {
            Complaint::fault(format!("no thread can be started: {error}"), "`tok status` needs none")
        })?;
        Ok(Self { thread, news })
    }

    /// The newest that was heard since, if anything was.
    pub(super) fn news(&self) -> Option<News> {
        self.news.try_iter().last()
    }

    /// Whether it asks no more: a fault of ours.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}
