//! The man page and the completions of tokend, made from the words that it takes, and compared with those
//! that are checked in.

use clap::{Arg, CommandFactory as _, ValueHint};
use tokend_words::checked_in::agrees;
use tokend_words::{Argument, Choice, Command, Example, Group, Note, Opt, Program, Value};
use tokend_words::{completions, man};

use super::Arguments;

/// What the command line does not know of itself.
const DESCRIPTION: &str = "Holds the secrets of accounts, keeps a fresh token for each, and serves it to `tok`, the client.\n\n\
     Without a command it runs in the foreground, logs to standard error, and ends at Ctrl-C. As a service of \
     systemd(1) it says when it is ready, takes the socket that systemd listens at, and is reloaded by \
     `systemctl --user reload tokend`. There is one tokend for each user: a second one on the same state ends, and \
     names the first.\n\n\
     The configuration is described in tokend.toml(5); `tokend check` reads it and tells what it understood.";

const EXIT_STATUS: &[Choice] = &[
    Choice::new("0", "done, or stopped as it was asked to"),
    Choice::new("1", "a fault of tokend's own, or of the system"),
    Choice::new("2", "the call's words are off"),
    Choice::new("69", "another tokend has the state or the socket (EX_UNAVAILABLE); the message names it"),
    Choice::new("78", "the configuration is faulty (EX_CONFIG); the message shows the line"),
];

const NOTES: &[Note] = &[
    Note {
        title: "SIGNALS",
        text: "",
        entries: &[
            Choice::new(
                "SIGTERM, SIGINT",
                "ends it. A refresh that spends a refresh token is waited for, as long as `http_timeout` \
                 says; all else is cut off, and nothing that was kept is lost",
            ),
            Choice::new(
                "SIGHUP",
                "reads the configuration again, whole or, where there is a mistake in it, not at all. In the \
                 foreground of a terminal it ends tokend instead, as that means that the terminal went away",
            ),
        ],
    },
    Note {
        title: "ENVIRONMENT",
        text: "",
        entries: &[
            Choice::new("TOKEND_SOCK", "where to listen; it wins over every other place"),
            Choice::new(
                "XDG_RUNTIME_DIR, XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME, HOME",
                "where the files are, see FILES",
            ),
            Choice::new(
                "HTTPS_PROXY, NO_PROXY",
                "the proxy for services, as curl(1) reads them, where the configuration names none",
            ),
            Choice::new("CREDENTIALS_DIRECTORY", "where systemd puts what `{ credential = NAME }` names"),
            Choice::new("LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES", "the socket that systemd listens at"),
            Choice::new("NOTIFY_SOCKET, WATCHDOG_USEC", "where systemd is told how tokend is"),
            Choice::new(
                "JOURNAL_STREAM",
                "whether standard error is systemd's journal, which has times itself",
            ),
        ],
    },
    Note {
        title: "FILES",
        text: "",
        entries: &[
            Choice::new(
                "~/.config/tokend/config.toml",
                "the configuration ($XDG_CONFIG_HOME/tokend), then accounts.d/*.toml beside it in the order \
                 of their names; see tokend.toml(5). Others must not be able to write it",
            ),
            Choice::new(
                "$XDG_RUNTIME_DIR/tokend/tokend.sock",
                "the socket, where TOKEND_SOCK is not set. Where XDG_RUNTIME_DIR is not set either: \
                 /run/user/UID/tokend/tokend.sock if that folder is the user's own and closed to others, \
                 else $XDG_STATE_HOME/tokend/run-HOSTNAME/tokend.sock",
            ),
            Choice::new(
                "~/.local/share/tokend",
                "the store ($XDG_DATA_HOME/tokend): secrets/NAME.age, and the identity that opens them. Back \
                 it up",
            ),
            Choice::new(
                "~/.local/state/tokend",
                "the state ($XDG_STATE_HOME/tokend): last tokens and refresh tokens, encrypted; the lock; \
                 tokend.log, the log of `tokend env`",
            ),
        ],
    },
];

const EXAMPLES: &[Example] = &[
    Example::new("eval \"$(tokend env)\"", "starts it for this shell, where there is no systemd"),
    Example::new("eval \"$(tokend env -k)\"", "stops it again"),
    Example::new("tokend install", "sets it up as a service of your systemd, from the login on"),
    Example::new("tokend check", "reads the configuration, and tells what it understood"),
];

/// For the few calls of a test, texts that live as long as it does.
fn kept(text: &(impl ToString + ?Sized)) -> &'static str {
    text.to_string().leak()
}

fn all<T>(things: impl Iterator<Item = T>) -> &'static [T] {
    things.collect::<Vec<T>>().leak()
}

fn program() -> Program {
    let mut clap = Arguments::command();
    clap.build();
    let is_general = |arg: &&Arg| arg.get_id() == "help";
    Program {
        name: "tokend",
        summary: "holds secrets, and keeps a fresh token for every account",
        usage: &["[OPTION …]", "COMMAND [OPTION …]"],
        description: DESCRIPTION,
        groups: all(std::iter::once(Group { title: "Commands", commands: all(commands(&clap)) })),
        options: all(clap.get_arguments().filter(is_general).filter_map(option)),
        own_options: all(clap.get_arguments().filter(|arg| !is_general(arg)).filter_map(option)),
        exit_status: EXIT_STATUS,
        notes: NOTES,
        examples: EXAMPLES,
        see_also: &["tok(1)", "tokend.toml(5)", "systemd(1)", "age(1)"],
    }
}

fn commands(clap: &clap::Command) -> impl Iterator<Item = Command> {
    clap.get_subcommands().filter(|command| !command.is_hide_set()).map(|command| {
        let own = || command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help");
        Command {
            name: kept(command.get_name()),
            summary: command.get_about().map_or("", in_a_row),
            usage: all(std::iter::once(kept(&usage(command)))),
            description: command.get_long_about().or(command.get_about()).map_or("", sentence),
            actions: all(commands(command)),
            arguments: all(own().filter(|arg| arg.is_positional()).map(|arg| Argument {
                name: name_of_value(arg),
                value: value(arg),
                many: arg.get_num_args().is_some_and(|number| number.max_values() > 1),
            })),
            options: all(own().filter_map(option)),
            examples: &[],
            ..Command::NEW
        }
    })
}

/// One of several lines: no capital, no full stop.
fn in_a_row(text: &(impl ToString + ?Sized)) -> &'static str {
    let text = kept(text).trim_end_matches('.');
    let mut letters = text.chars().take_while(|letter| !letter.is_whitespace());
    match letters.next() {
        // A name such as PowerShell stays as it is.
        Some(first)
            if first.is_uppercase() && letters.clone().count() > 0 && letters.all(char::is_lowercase) =>
        {
            kept(&format!("{}{}", first.to_lowercase(), &text[first.len_utf8()..]))
        }
        _ => text,
    }
}

/// Prose: it ends in a full stop.
fn sentence(text: &(impl ToString + ?Sized)) -> &'static str {
    let text = kept(text);
    if text.ends_with(['.', ':']) { text } else { kept(&format!("{text}.")) }
}

/// The usage without the program's and the command's names.
fn usage(command: &clap::Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let name = format!("tokend {}", command.get_name());
    let rest = usage.split_once(&name).map_or("", |(_, rest)| rest).trim();
    rest.replace("[OPTIONS]", "[OPTION …]")
}

fn option(arg: &Arg) -> Option<Opt> {
    let long = arg.get_long().filter(|_| !arg.is_hide_set())?;
    let takes = arg.get_action().takes_values();
    Some(Opt {
        long: kept(long),
        short: arg.get_short(),
        value: takes.then(|| (name_of_value(arg), value(arg))),
        may_do_without: false,
        repeats: matches!(arg.get_action(), clap::ArgAction::Append),
        help: match long {
            "help" => "what can be said; behind a command, more about it",
            "version" => "which tokend this is",
            _ => arg.get_help().map_or("", in_a_row),
        },
    })
}

fn name_of_value(arg: &Arg) -> &'static str {
    arg.get_value_names().and_then(|names| names.first()).map_or("VALUE", kept)
}

fn value(arg: &Arg) -> Value {
    let words = arg.get_possible_values();
    if !words.is_empty() {
        let choice = |word: &clap::builder::PossibleValue| {
            Choice::new(kept(word.get_name()), word.get_help().map_or("", in_a_row))
        };
        return Value::OneOf(all(words.iter().map(choice)));
    }
    match arg.get_value_hint() {
        ValueHint::FilePath | ValueHint::AnyPath => Value::File,
        ValueHint::DirPath => Value::Folder,
        _ => Value::Text,
    }
}

#[test]
fn the_checked_in_man_page_of_tokend_is_that_of_its_command_line() -> Result<(), String> {
    agrees("man/tokend.8", &man::page(&program(), 8, env!("CARGO_PKG_VERSION")))
}

#[test]
fn the_checked_in_completions_of_tokend_are_those_of_its_command_line() -> Result<(), String> {
    let program = program();
    agrees("completions/tokend.bash", &completions::bash(&program))?;
    agrees("completions/_tokend", &completions::zsh(&program))?;
    agrees("completions/tokend.fish", &completions::fish(&program))?;
    agrees("completions/tokend.ps1", &completions::powershell(&program))
}

#[test]
fn every_end_of_tokend_is_in_its_page() {
    use crate::ending::End;
    for end in [End::Failed, End::Usage, End::Unavailable, End::Configuration] {
        let status = (end as u8).to_string();
        assert!(EXIT_STATUS.iter().any(|known| known.word == status), "{status}");
    }
}
