//! The program around the library: which subcommand runs, and with which status it ends.

mod arguments;
mod asking;
mod cells;
mod clock;
mod complaint;
mod completions;
mod curl;
mod curl_body;
mod doctor;
mod engine;
mod exec;
mod format;
mod get;
mod help;
mod init;
mod input;
mod list;
mod login;
mod logout;
mod man;
mod output;
mod platform;
mod reject;
mod renew;
mod secret;
mod span;
mod status;
mod summary;
mod supervise;
mod table;
mod token_folder;
mod unlock;
mod variable;
mod versions;
mod watch;

use std::process::ExitCode;

use tokend_words::tok::TOK;

use self::arguments::{Manner, Word, Words};
use self::complaint::{Complaint, Stop};

/// Runs `tok` with the process's arguments.
pub(crate) fn run() -> ExitCode {
    platform::forbid_core_dumps();
    let mut manner = Manner::default();
    let status = match dispatch(&mut manner) {
        Ok(status) | Err(Stop::Quiet(status)) => status,
        Err(Stop::Complaint(complaint)) => {
            let complaint = versions::explained(complaint);
            output::complain(&complaint, manner.json || arguments::json_was_meant());
            complaint.code
        }
    };
    ExitCode::from(status)
}

/// A subcommand: how it is described, and what it does.
struct Command {
    words: &'static tokend_words::Command,
    run: fn(Words<'_>) -> Result<u8, Stop>,
}

type Run = fn(Words<'_>) -> Result<u8, Stop>;

/// What each command of the definition does.
const COMMANDS: &[(&str, Run)] = &[
    ("get", get::get),
    ("header", get::header),
    ("curl", curl::run),
    ("exec", exec::run),
    ("reject", reject::run),
    ("refresh", renew::refresh),
    ("status", status::run),
    ("list", list::run),
    ("watch", watch::run),
    ("login", login::run),
    ("logout", logout::run),
    ("reload", renew::reload),
    ("init", init::run),
    ("secret", secret::run),
    ("lock", unlock::lock),
    ("unlock", unlock::unlock),
    ("doctor", doctor::run),
    ("help", help::run),
    ("man", man::run),
    ("completions", completions::run),
    ("version", version),
];

/// Promised by the interface, each with an issue of its own.
const NOT_YET: &[&str] = &["audit", "setup", "git", "docker", "kube", "aws", "cargo"];

fn dispatch(manner: &mut Manner) -> Result<u8, Stop> {
    let mut words = Words::of_process(manner);
    match words.next()? {
        None => Err(Complaint::usage("no command was given", "`tok help` lists the commands").into()),
        // The only option that stands in a command's place.
        Some(Word::Long(_)) => version(words),
        Some(Word::Value(name)) => {
            let command = find(&name.to_string_lossy())?;
            words.are_for(command.words);
            (command.run)(words)
        }
    }
}

/// The command of this name.
fn find(name: &str) -> Result<Command, Stop> {
    let run = COMMANDS.iter().find(|(known, _)| *known == name);
    if let Some(((_, run), words)) = run.zip(TOK.command(name)) {
        return Ok(Command { words, run: *run });
    }
    if NOT_YET.contains(&name) {
        let message = format!("`tok {name}` is not built yet");
        return Err(Complaint::usage(message, "`tok help` lists the commands that are").into());
    }
    let hint = match nearest(name, COMMANDS.iter().map(|(known, _)| *known).chain(NOT_YET.iter().copied())) {
        Some(near) => format!("did you mean `tok {near}`? `tok help` lists the commands"),
        None => "`tok help` lists the commands".to_owned(),
    };
    let message = if complaint::is_plain(name) {
        format!("there is no command `{name}`")
    } else {
        "there is no such command".to_owned()
    };
    Err(Complaint::usage(message, hint).into())
}

/// The one of these that was probably meant.
fn nearest<'a>(meant: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::damerau_levenshtein(meant, name), name))
        .filter(|(distance, name)| *distance <= (name.len() / 2).clamp(1, 2))
        .min()
        .map(|(_, name)| name)
}

fn version(mut words: Words<'_>) -> Result<u8, Stop> {
    words.end()?;
    output::print(concat!("tok ", env!("CARGO_PKG_VERSION"), "\n").as_bytes())?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_command() {
        let known = || COMMANDS.iter().map(|(name, _)| *name).chain(NOT_YET.iter().copied());
        assert_eq!(nearest("gte", known()), Some("get"));
        assert_eq!(nearest("stauts", known()), Some("status"));
        assert_eq!(nearest("refesh", known()), Some("refresh"));
        assert_eq!(nearest("xyzzy", known()), None);
    }

    #[test]
    fn every_command_is_defined_and_every_definition_is_built() {
        let mut built: Vec<_> = COMMANDS.iter().map(|(name, _)| *name).collect();
        let mut defined: Vec<_> = TOK.commands().map(|command| command.name).collect();
        built.sort_unstable();
        defined.sort_unstable();
        assert_eq!(built, defined);
        assert!(NOT_YET.iter().all(|name| TOK.command(name).is_none()));
    }
}
