//! `tokend store …`: the store without the daemon; what `tok secret` and `tok init` run. `tok` does the
//! asking, and passes secrets and passphrases on standard input.

mod complaint;
mod import;
mod init;
mod input;
mod secrets;

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Subcommand};
use tokend::platform;
use tokend::secret::store::{Store, Voice};

use self::complaint::Complaint;

/// Keeps secrets, without the daemon.
#[derive(Debug, Args)]
pub(crate) struct Words {
    #[command(subcommand)]
    command: Command,

    /// Lists, and complains, in JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes the store's identity.
    Init(init::Words),
    /// Stores the secret on standard input, without one newline at its end.
    Set {
        /// Its name.
        name: String,
        /// For this account of the configuration alone, and for the origin of its service.
        #[arg(long = "for", value_name = "ACCOUNT", conflicts_with = "for_any")]
        account: Option<String>,
        /// For every account, also where it was bound to one.
        #[arg(long)]
        for_any: bool,
    },
    /// Shows what is in the store, but no secret.
    List,
    /// Writes a secret to standard output, and a newline.
    Show {
        /// Its name.
        name: String,
        /// The identity's passphrase is on standard input.
        #[arg(long)]
        passphrase_stdin: bool,
    },
    /// Removes a secret.
    Remove {
        /// Its name.
        name: String,
    },
    /// Stores secrets that are elsewhere. Never changes or removes what it reads.
    Import {
        #[command(subcommand)]
        from: import::From,
        /// Replaces secrets of the same names.
        #[arg(long, global = true)]
        replace: bool,
    },
}

/// Does what the words say.
pub(crate) fn run(words: Words) -> ExitCode {
    let json = words.json;
    platform::close_new_files_to_others();
    platform::close_to_onlookers();
    platform::seal_secrets();
    platform::keep_descriptors_from_children();
    match begin(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => complaint.print(json),
    }
}

fn begin(words: Words) -> Result<(), Complaint> {
    let folder = platform::surroundings().data();
    let folder = folder.map_err(|error| Complaint::fault(error.to_string(), "set HOME"))?;
    // A plugin may ask to be touched.
    let voice = Voice::new(|message| {
        let _ = writeln!(io::stderr(), "{message}");
    });
    let store = Store::at(&folder).with_voice(voice);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Complaint::fault(error.to_string(), "the system is short of something"))?;
    let done = runtime.block_on(act(store, words));
    // A plugin that hangs must not hold up the end.
    runtime.shutdown_background();
    done
}

async fn act(store: Store, words: Words) -> Result<(), Complaint> {
    match words.command {
        Command::Init(words) => init::run(&store, words).await,
        Command::Set { name, account, for_any } => secrets::set(store, &name, account, for_any).await,
        Command::List => secrets::list(&store, words.json).await,
        Command::Show { name, passphrase_stdin } => secrets::show(&store, &name, passphrase_stdin).await,
        Command::Remove { name } => Ok(store.remove(&name).await?),
        Command::Import { from, replace } => import::run(&store, from, replace).await,
    }
}

/// Whether the command line is the store's: its mistakes are told as `tok` tells them.
pub(crate) fn is_meant() -> bool {
    std::env::args_os().nth(1).is_some_and(|word| word == "store")
}

/// Says that the words are off, and repeats none of them: somebody may have written a secret among them.
pub(crate) fn misunderstood(error: &clap::Error) -> ExitCode {
    let is_import = std::env::args_os().nth(2).is_some_and(|word| word == "import");
    let message = match error.kind() {
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if is_import => {
            "where to import from is missing: file, dotenv, pass or aws"
        }
        ErrorKind::InvalidSubcommand if is_import => {
            "nothing is imported from there: it is file, dotenv, pass or aws"
        }
        ErrorKind::MissingRequiredArgument if is_import => {
            "an argument is missing: `file PATH`, `dotenv PATH`, or `pass ENTRY`"
        }
        ErrorKind::MissingRequiredArgument => "an argument is missing",
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "a command is missing: init, set, list, show, remove or import"
        }
        ErrorKind::InvalidSubcommand => "there is no such command: init, set, list, show, remove or import",
        ErrorKind::ArgumentConflict => "these options exclude each other",
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8 text",
        _ => "there is an unknown option, or an argument too many",
    };
    let json = std::env::args_os().any(|word| word == OsStr::new("--json"));
    let hint = if is_import {
        "`tok secret import --help` and `tok help secret` show the usage"
    } else {
        "`tok help secret` and `tok help init` show the usage; a secret goes to standard input, \
         never among the words"
    };
    Complaint::usage(message, hint).print(json)
}

/// Writes to standard output; a reader that has gone is told as a failure, since something was lost.
fn print(bytes: &[u8]) -> Result<(), Complaint> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| {
        Complaint::fault(format!("cannot write to standard output: {error}"), "give it a place to write to")
    })
}

/// A word for the person, beside what is for programs.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
