//! `tok lock` and `tok unlock`: the daemon forgets what is secret, and gets the key again.

use std::thread;
use std::time::Duration;

use tokend_client::{Client, Error, Secret, StoreState};
use tokend_proto::limits::MAX_SECRET;

use super::arguments::{Manner, Word, Words};
use super::asking::{self, Asker, Question};
use super::complaint::{Complaint, Stop, printable};
use super::{input, output, span};

/// So many passphrases are asked for, as ssh does.
pub(crate) const TRIES: u32 = 3;

/// Longer than this, all in all, the daemon's growing pauses are not waited out.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A pause of none would ask the daemon without end.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// `tok lock`.
pub(crate) fn lock(mut words: Words<'_>) -> Result<u8, Stop> {
    words.end()?;
    Client::connect()?.lock()?;
    output::remark(*words.manner, "locked; `tok unlock` ends it");
    Ok(0)
}

/// `tok unlock`.
pub(crate) fn unlock(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut from_stdin = false;
    while let Some(word) = words.next()? {
        match word {
            Word::Long("stdin") => from_stdin = true,
            // One among the arguments would be seen by everybody who lists processes.
            Word::Value(_) => {
                return Err(
                    words.usage("the passphrase is asked for, or read with --stdin; it is no argument")
                );
            }
            other @ Word::Long(_) => return Err(words.unexpected(&other)),
        }
    }
    if from_stdin && input::is_terminal() {
        return Err(words.usage("standard input is a terminal: without --stdin the passphrase is not shown"));
    }
    let manner = *words.manner;
    let mut client = Client::connect()?;
    let state = client.store_state()?;
    output::warn(manner, state.warnings.iter());
    if !state.locked && !state.needs_passphrase {
        // An identity that was exchanged waits for this, too.
        client.unlock(None)?;
        output::remark(manner, "nothing is locked");
        return Ok(0);
    }
    if !state.needs_passphrase {
        match client.unlock(None) {
            Err(error) if is(&error, "passphrase-needed") => {}
            other => return finish(manner, other),
        }
    }
    let mut door = Door { client, may_wait: LONGEST_WAIT };
    if from_stdin {
        let passphrase = passphrase_from_stdin()?;
        return finish(manner, door.open(&passphrase));
    }
    let asker = Asker::find().ok_or_else(asking::nobody_to_ask)?;
    let prompt = prompt(&state);
    let mut mistake = None;
    let mut tries_left = TRIES;
    loop {
        let passphrase = asker.ask_for_passphrase(Question { prompt, mistake })?;
        tries_left -= 1;
        match door.open(&passphrase) {
            Err(error) if is(&error, "wrong-passphrase") && tries_left > 0 => mistake = Some(WRONG),
            other => return finish(manner, other),
        }
    }
}

/// What a passphrase is asked for by.
pub(crate) const PROMPT: &str = "Passphrase of tokend's store";

/// The same where an SSH key opens it.
pub(crate) const PROMPT_OF_SSH_KEY: &str = "Passphrase of the SSH key that opens tokend's store";

/// What was wrong with a passphrase that does not open the store.
pub(crate) const WRONG: &str = "wrong passphrase, try again";

/// Which passphrase opens the store.
fn prompt(state: &StoreState) -> &'static str {
    match state.identity.as_str() {
        StoreState::SSH_KEY => PROMPT_OF_SSH_KEY,
        _ => PROMPT,
    }
}

/// The passphrase that comes through standard input.
pub(crate) fn passphrase_from_stdin() -> Result<Secret, Complaint> {
    let hint = "`printf %s \"$PASSPHRASE\" | tok … --stdin` gives one; a program that prints it does, too";
    let mut passphrase = input::read(MAX_SECRET)
        .map_err(|error| Complaint::usage(format!("standard input cannot be read: {error}"), hint))?;
    // Nobody could type it again.
    if passphrase.contains(&b'\n') {
        return Err(Complaint::usage(
            "standard input has more than one line, and a passphrase is one",
            "give the passphrase alone, with one newline at most",
        ));
    }
    if passphrase.is_empty() {
        return Err(Complaint::usage("there is no passphrase on standard input", hint));
    }
    Secret::new(std::mem::take(&mut *passphrase))
        .map_err(|_| Complaint::usage(format!("a passphrase has at most {MAX_SECRET} bytes"), hint))
}

fn finish(manner: Manner, unlocked: Result<(), Error>) -> Result<u8, Stop> {
    unlocked?;
    output::remark(manner, "unlocked");
    Ok(0)
}

fn is(error: &Error, kind: &str) -> bool {
    matches!(error, Error::Failed(failure) if failure.kind == kind)
}

/// The daemon, which lets nobody guess without pause.
struct Door {
    client: Client,
    /// How much longer its pauses are waited out.
    may_wait: Duration,
}

impl Door {
    /// Tries this passphrase, as soon as it may be tried.
    fn open(&mut self, passphrase: &Secret) -> Result<(), Error> {
        loop {
            let Err(error) = self.client.unlock(Some(passphrase.duplicate())) else { return Ok(()) };
            let pause = match &error {
                Error::Failed(failure) if failure.kind == "too-soon" => failure.next_try_in_ms,
                _ => None,
            };
            let Some(pause) = pause.map(|pause| Duration::from_millis(pause).max(SHORTEST_WAIT)) else {
                return Err(error);
            };
            let Some(left) = self.may_wait.checked_sub(pause) else { return Err(error) };
            self.may_wait = left;
            // Rounded up: a wait is never one of 0s.
            let told = Duration::from_secs(pause.as_secs() + u64::from(pause.subsec_nanos() > 0));
            output::tell(&format!("tok: {}; waiting {}\n", printable(&error.message()), span::words(told)));
            thread::sleep(pause);
        }
    }
}
