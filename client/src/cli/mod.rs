//! The program around the library: which subcommand runs, and with which status it ends.

mod arguments;
mod asking;
mod cells;
mod clock;
mod complaint;
mod curl;
mod curl_body;
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
mod watch;

use std::process::ExitCode;

use self::arguments::{Manner, Word, Words};
use self::complaint::{Complaint, Stop};

/// Runs `tok` with the process's arguments.
pub(crate) fn run() -> ExitCode {
    platform::forbid_core_dumps();
    let mut manner = Manner::default();
    let status = match dispatch(&mut manner) {
        Ok(status) | Err(Stop::Quiet(status)) => status,
        Err(Stop::Complaint(complaint)) => {
            output::complain(&complaint, manner.json || arguments::json_was_meant());
            complaint.code
        }
    };
    ExitCode::from(status)
}

/// A subcommand: what it is called, how it is explained, what it does.
struct Command {
    name: &'static str,
    help: &'static str,
    run: fn(Words<'_>) -> Result<u8, Stop>,
}

const COMMANDS: &[Command] = &[
    Command { name: "get", help: help::GET, run: get::get },
    Command { name: "header", help: help::HEADER, run: get::header },
    Command { name: "curl", help: help::CURL, run: curl::run },
    Command { name: "exec", help: help::EXEC, run: exec::run },
    Command { name: "reject", help: help::REJECT, run: reject::run },
    Command { name: "refresh", help: help::REFRESH, run: renew::refresh },
    Command { name: "status", help: help::STATUS, run: status::run },
    Command { name: "list", help: help::LIST, run: list::run },
    Command { name: "watch", help: help::WATCH, run: watch::run },
    Command { name: "login", help: help::LOGIN, run: login::run },
    Command { name: "logout", help: help::LOGOUT, run: logout::run },
    Command { name: "reload", help: help::RELOAD, run: renew::reload },
    Command { name: "init", help: help::INIT, run: init::run },
    Command { name: "secret", help: help::SECRET, run: secret::run },
    Command { name: "lock", help: help::LOCK, run: unlock::lock },
    Command { name: "unlock", help: help::UNLOCK, run: unlock::unlock },
    Command { name: "help", help: help::HELP, run: explain },
    Command { name: "version", help: help::VERSION, run: version },
];

/// Promised by the interface, each with an issue of its own.
const NOT_YET: &[&str] =
    &["doctor", "completions", "man", "audit", "setup", "git", "docker", "kube", "aws", "cargo"];

fn dispatch(manner: &mut Manner) -> Result<u8, Stop> {
    let mut words = Words::of_process(manner);
    match words.next()? {
        None => Err(Complaint::usage("no command was given", "`tok help` lists the commands").into()),
        Some(Word::Long(option)) if option == "version" => version(words),
        Some(Word::Short('V')) => version(words),
        Some(Word::Value(name)) => {
            let command = command(&name.to_string_lossy())?;
            words.explained_by(command.name, command.help);
            (command.run)(words)
        }
        Some(other) => Err(words.unexpected(&other)),
    }
}

fn command(name: &str) -> Result<&'static Command, Stop> {
    if let Some(command) = COMMANDS.iter().find(|command| command.name == name) {
        return Ok(command);
    }
    if NOT_YET.contains(&name) {
        let message = format!("`tok {name}` is not built yet");
        return Err(Complaint::usage(message, "`tok help` lists the commands that are").into());
    }
    let hint = match nearest(name, COMMANDS.iter().map(|command| command.name).chain(NOT_YET.iter().copied()))
    {
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

fn explain(mut words: Words<'_>) -> Result<u8, Stop> {
    let topic = words.only_value()?;
    let text = match topic {
        None => help::TOK,
        Some(name) => command(&name.to_string_lossy())?.help,
    };
    output::print(text.as_bytes())?;
    Ok(0)
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
        let known = || COMMANDS.iter().map(|command| command.name).chain(NOT_YET.iter().copied());
        assert_eq!(nearest("gte", known()), Some("get"));
        assert_eq!(nearest("stauts", known()), Some("status"));
        assert_eq!(nearest("refesh", known()), Some("refresh"));
        assert_eq!(nearest("xyzzy", known()), None);
    }

    #[test]
    fn every_command_is_explained_and_listed() {
        for command in COMMANDS {
            assert!(command.help.starts_with("Usage: tok "), "{}", command.name);
            assert!(help::TOK.contains(&format!("\n  {}", command.name)), "{}", command.name);
        }
    }
}
