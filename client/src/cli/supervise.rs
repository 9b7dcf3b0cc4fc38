//! `tok exec --file`: stays beside the program, keeps its token files fresh, and removes them at the end.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokend_client::{Client, Secret};

use super::complaint::{Complaint, Stop};
use super::exec::Assigned;
use super::platform::Signals;
use super::token_folder::TokenFolder;
use super::watch::Growing;
use super::{curl, platform};

/// Between two tries to watch an account, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Runs the program with a file for each of these, and ends as it does.
pub(crate) fn run(
    mut command: Command,
    program: &str,
    socket: &Path,
    files: Vec<Assigned>,
) -> Result<u8, Stop> {
    // Before the child is there, so that no signal is lost between.
    let mut signals = Signals::catch().map_err(|error| fault("signals cannot be caught", &error))?;
    let folder = Arc::new(
        TokenFolder::beside(socket).map_err(|error| fault("no folder for tokens can be made", &error))?,
    );
    for (assignment, token) in &files {
        folder
            .write(&assignment.variable, &token.secret().expose())
            .map_err(|error| fault("a token cannot be written to its file", &error))?;
        command.env(&assignment.variable, folder.file(&assignment.variable));
    }
    let child = platform::spawn(&mut command).map_err(|error| curl::not_started(program, &error))?;
    for (assignment, token) in files {
        let keeper = Keeper {
            client: Client::lazy_at(socket),
            account: assignment.account,
            file: assignment.variable,
            folder: Arc::clone(&folder),
            current: token.secret().duplicate(),
        };
        // Without a thread the first token stays in the file: better than to kill a program that runs.
        let _ = thread::Builder::new().name("keeper".to_owned()).spawn(move || keeper.keep());
    }
    let status = signals.accompany(child);
    folder.remove();
    match status {
        Ok(status) => Ok(platform::end_as(status)),
        Err(error) => Err(fault("the program cannot be waited for", &error).into()),
    }
}

/// Keeps one file fresh.
struct Keeper {
    client: Client,
    account: String,
    file: String,
    folder: Arc<TokenFolder>,
    current: Secret,
}

impl Keeper {
    /// For as long as the process lives: whatever the daemon says or whether it is there, the file stays as it was
    /// until there is a new token.
    fn keep(mut self) {
        let mut pauses = Growing::up_to(LONGEST_PAUSE);
        loop {
            if let Ok(watch) = self.client.watch(&self.account) {
                for token in watch.map_while(Result::ok) {
                    if !self.current.matches(token.secret()) {
                        if self.folder.write(&self.file, &token.secret().expose()).is_err() {
                            // A full disk, for now: a new watch brings the same token again.
                            break;
                        }
                        self.current = token.secret().duplicate();
                    }
                    pauses = Growing::up_to(LONGEST_PAUSE);
                }
            }
            pauses.pause();
        }
    }
}

fn fault(what: &str, error: &std::io::Error) -> Complaint {
    Complaint::fault(format!("{what}: {error}"), platform::words::RUN_FOLDER)
}
