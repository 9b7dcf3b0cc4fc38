//! The command line of `tok`.

mod about;
mod accounts;
mod secrets;
mod tokens;

use crate::definition::{Argument, Choice, Example, Group, Note, Opt, Program, Value};

/// All that can be said to `tok`.
pub const TOK: Program = Program {
    name: "tok",
    summary: "fetches tokens from tokend",
    usage: &["[-v] [--json] COMMAND …"],
    description: "Fetches tokens from tokend, which keeps a fresh one for each account.",
    groups: &[
        Group { title: "Tokens", commands: tokens::COMMANDS },
        Group { title: "Accounts", commands: accounts::COMMANDS },
        Group { title: "Secrets", commands: secrets::COMMANDS },
        Group { title: "About tok", commands: about::COMMANDS },
    ],
    options: &[
        Opt::flag("verbose", "warnings, and what was done, even where standard error is no terminal")
            .short('v'),
        Opt::flag(
            "json",
            "errors as one JSON object; the output of get (without --format), list, login, logout, secret \
             list, status and doctor too",
        ),
        Opt::flag("help", "more about a command").short('h'),
    ],
    own_options: &[Opt::flag("version", "which tok this is").short('V')],
    exit_status: &[
        Choice::new("0", "done"),
        Choice::new("1", "a fault of tokend's own"),
        Choice::new("2", "wrong call or configuration"),
        Choice::new("3", "no such account or secret"),
        Choice::new("4", "a login is needed"),
        Choice::new("5", "the service refused"),
        Choice::new("6", "not now"),
        Choice::new("7", "denied, or declined by who was asked"),
        Choice::new("8", "the daemon is not running"),
        Choice::new("9", "locked"),
        Choice::new("10", "the service never gives a token that long"),
    ],
    notes: &[
        Note {
            title: "ENVIRONMENT",
            text: "",
            entries: &[
                Choice::new("TOKEND_SOCK", "where tokend listens; it wins over every other place"),
                Choice::new(
                    "XDG_RUNTIME_DIR, XDG_STATE_HOME, HOME",
                    "where the socket is looked for otherwise, see FILES",
                ),
                Choice::new("XDG_DATA_HOME", "where the store is"),
                Choice::new(
                    "TOKEND_ASKPASS, SSH_ASKPASS",
                    "a program that asks for a passphrase where there is no terminal, called as ssh(1) does",
                ),
                Choice::new("BROWSER", "the browser that `tok login` opens"),
                Choice::new(
                    "NO_COLOR, TERM",
                    "whether `tok status` and `tok doctor` may use colour, as everywhere",
                ),
            ],
        },
        Note {
            title: "FILES",
            text: "",
            entries: &[
                Choice::new(
                    "$XDG_RUNTIME_DIR/tokend/tokend.sock",
                    "the socket, where TOKEND_SOCK is not set. Where XDG_RUNTIME_DIR is not set either: \
                     /run/user/UID/tokend/tokend.sock if that folder is the caller's own and closed to \
                     others, else $XDG_STATE_HOME/tokend/run-HOSTNAME/tokend.sock (~/.local/state by \
                     default)",
                ),
                Choice::new(
                    "~/.local/share/tokend",
                    "the store ($XDG_DATA_HOME/tokend): its identity, and secrets/NAME.age",
                ),
                Choice::new(
                    "~/.config/tokend/config.toml",
                    "the configuration of tokend, see tokend.toml(5)",
                ),
            ],
        },
    ],
    examples: &[
        Example::new("token=$(tok get lyve-prod)", "a token in a script"),
        Example::new("tok curl lyve-prod -- -sS https://api.example.com/v2/buckets", "a request with it"),
        Example::new("tok exec API_TOKEN=lyve-prod -- ./deploy", "a program with a token in its environment"),
        Example::new("tok status", "how each account is, and what to do"),
    ],
    see_also: &["tokend(8)", "tokend.toml(5)", "curl(1)", "age(1)"],
};

/// `ACCOUNT`, which nearly every command takes.
const ACCOUNT: Argument = Argument::one("ACCOUNT", Value::Account);

/// How long to wait for a service.
const TIMEOUT: Opt = Opt::with(
    "timeout",
    "DUR",
    Value::Duration,
    "how long to wait for the service (default 30s, at most 10m)",
);
