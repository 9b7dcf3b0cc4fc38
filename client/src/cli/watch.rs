//! `tok watch`: a line of JSON at each new token, over restarts of the daemon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokend_client::{AccountStatus, Client, Code, Error, Secret, Watch};

use super::arguments::Words;
use super::complaint::{Stop, printable};
use super::format::Format;
use super::{clock, output};

/// How long a daemon that went away may take to come back.
const RETURN: Duration = Duration::from_secs(30);

/// How long the first token may take before it is asked why.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// `tok watch ACCOUNT`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let account = words.only_account()?;
    let client = Client::lazy()?;
    let mut watch = client.watch(&account)?;
    let arrived = tell_why_there_is_none(Client::lazy_at(client.socket()), account.clone());
    let mut began = clock::now();
    let mut last: Option<Secret> = None;
    let mut patience = Patience::default();
    while let Some(next) = watch.next() {
        match next {
            // After a restart the daemon tells the token that there is, which may be the one that it told before.
            Ok(token) => {
                arrived.store(true, Ordering::Relaxed);
                patience = Patience::default();
                if !last.as_ref().is_some_and(|last| last.matches(token.secret())) {
                    output::print(Format::Json.line(&token)?.as_bytes())?;
                    output::warn(*words.manner, token.warnings());
                    last = Some(token.secret().duplicate());
                }
            }
            Err(error) if went_away(&error) => {
                if began.elapsed() > RETURN {
                    patience = Patience::default();
                }
                watch = patience.until_back(&client, &account, error)?;
                began = clock::now();
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(0)
}

/// Asks beside the watch what keeps the first token away, so that nobody waits without knowing for what. The answer
/// is told until a token has arrived.
fn tell_why_there_is_none(mut client: Client, account: String) -> Arc<AtomicBool> {
    let arrived = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&arrived);
    let ask = move || {
        let mut pause = FIRST_LOOK;
        loop {
            thread::sleep(pause);
            pause = (pause * 2).min(RETURN);
            let status = client.status_of(&account);
            // A try that is under way ends in a token, or in a reason.
            let Ok(status) = status else { return };
            if seen.load(Ordering::Relaxed) {
                return;
            }
            if status.state != "refreshing" {
                if let Some(why) = why_there_is_none(&status) {
                    output::tell(&format!("tok: no token yet: {why}; waiting for one\n"));
                }
                return;
            }
        }
    };
    // Without a thread nobody is told: the watch goes on.
    let _ = thread::Builder::new().name("look".to_owned()).spawn(ask);
    arrived
}

/// Nothing where a token is there, or is on its way.
fn why_there_is_none(status: &AccountStatus) -> Option<String> {
    let waits = ["parked", "waiting", "login-needed", "locked"].contains(&status.state.as_str());
    if !waits || status.expires_in_ms.is_some_and(|left| left > 0) {
        return None;
    }
    Some(match &status.last_error {
        Some(error) => printable(&error.message),
        None => format!("the account is {}", printable(&status.state)),
    })
}

/// The daemon was stopped or is being restarted; it did not refuse.
fn went_away(error: &Error) -> bool {
    match error {
        Error::Lost(_) | Error::NotRunning { .. } | Error::TimedOut { .. } => true,
        Error::Failed(failure) => failure.code == Code::NO_DAEMON,
        _ => false,
    }
}

/// Pauses between tries that grow, up to a limit.
#[derive(Debug)]
pub(crate) struct Growing {
    next: Duration,
    longest: Duration,
}

impl Growing {
    /// Beginning with a tenth of a second.
    pub(crate) fn up_to(longest: Duration) -> Self {
        Self { next: Duration::from_millis(100), longest }
    }

    /// Waits out the next pause.
    pub(crate) fn pause(&mut self) {
        thread::sleep(self.next);
        self.next = (self.next * 2).min(self.longest);
    }
}

/// How much longer the daemon is waited for.
struct Patience {
    ends: Option<Instant>,
    pauses: Growing,
}

impl Default for Patience {
    fn default() -> Self {
        Self { ends: None, pauses: Growing::up_to(Duration::from_secs(3)) }
    }
}

impl Patience {
    fn until_back(&mut self, client: &Client, account: &str, mut error: Error) -> Result<Watch, Error> {
        let ends = *self.ends.get_or_insert_with(|| clock::now() + RETURN);
        while clock::now() < ends {
            self.pauses.pause();
            match client.watch(account) {
                Err(again) if went_away(&again) => error = again,
                other => return other,
            }
        }
        Err(error)
    }
}
