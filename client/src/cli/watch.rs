//! `tok watch`: a line of JSON at each new token, over restarts of the daemon.

use std::time::{Duration, Instant};

use tokend_client::{Client, Code, Error, Secret, Watch};

use super::arguments::Words;
use super::complaint::Stop;
use super::format::Format;
use super::{clock, output};

/// How long a daemon that went away may take to come back.
const RETURN: Duration = Duration::from_secs(30);

/// `tok watch ACCOUNT`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let account = words.only_account()?;
    let client = Client::lazy()?;
    let mut watch = client.watch(&account)?;
    let mut began = clock::now();
    let mut last: Option<Secret> = None;
    let mut patience = Patience::default();
    while let Some(next) = watch.next() {
        match next {
            // After a restart the daemon tells the token that there is, which may be the one that it told before.
            Ok(token) => {
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
        std::thread::sleep(self.next);
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
