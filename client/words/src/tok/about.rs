//! Commands about `tok` itself.

use crate::definition::{Argument, Choice, Command, Example, Opt, Value};

pub(super) const COMMANDS: &[Command] = &[DOCTOR, HELP, MAN, COMPLETIONS, VERSION];

const DOCTOR: Command = Command {
    name: "doctor",
    summary: "checks the whole set-up, and says how to mend it",
    usage: &["[--json]"],
    description: "Checks the whole set-up in the order in which a person would: socket, permissions, version, \
                  configuration, clock, DNS, TLS, each account's service, state and secrets, store, keyring, \
                  memory, unit. Says for each finding what to do. Works whether tokend runs or not. Asks \
                  services for nothing, changes nothing there, shows no secret.",
    options: &[Opt::flag(
        "json",
        "an object: code (the exit status), findings (a list of objects: check, finding, state (ok, warning, \
         fault or skipped), account (or null), message, hint, code)",
    )],
    exit_status: "0 if nothing is broken, else that of the worst fault: 8 before 2, 4, 5, 9, 7, 3, 10, 1 and 6, \
                  which mends itself; warnings alone are 0",
    ..Command::NEW
};

const HELP: Command = Command {
    name: "help",
    summary: "this, or more about one command",
    usage: &["[COMMAND]"],
    description: "Lists the commands, or says more about one.",
    arguments: &[Argument::one("COMMAND", Value::Command)],
    ..Command::NEW
};

const MAN: Command = Command {
    name: "man",
    summary: "the manual, for reading",
    usage: &["[PAGE]"],
    description: "Shows a page of the manual: through man(1) where standard output is a terminal, else as it \
                  is, in the language of man(7), for a file or another program.",
    arguments: &[Argument::one(
        "PAGE",
        Value::OneOf(&[
            Choice::new("tok", "tok(1), the client; where no page is named"),
            Choice::new("tokend", "tokend(8), the daemon"),
            Choice::new("tokend.toml", "tokend.toml(5), the configuration"),
        ]),
    )],
    examples: &[
        Example::new("tok man tokend.toml", "every key of the configuration"),
        Example::new("tok man > ~/.local/share/man/man1/tok.1", "where man(1) finds it"),
    ],
    ..Command::NEW
};

const COMPLETIONS: Command = Command {
    name: "completions",
    summary: "what makes a shell complete tok's words",
    usage: &["SHELL [--for PROGRAM]", "--names KIND"],
    description: "Prints a script that makes the shell complete commands, options, and the names of accounts and \
                  secrets, which are looked up while one types.\n\n  \
                  bash        source <(tok completions bash)                           in ~/.bashrc\n  \
                  zsh         source <(tok completions zsh)                            in ~/.zshrc, below compinit\n  \
                  fish        tok completions fish | source                            in ~/.config/fish/config.fish\n  \
                  powershell  tok completions powershell | Out-String | iex            in $PROFILE",
    arguments: &[Argument::one(
        "SHELL",
        Value::OneOf(&[
            Choice::new("bash", ""),
            Choice::new("zsh", ""),
            Choice::new("fish", ""),
            Choice::new("powershell", ""),
        ]),
    )],
    options: &[
        Opt::with(
            "for",
            "PROGRAM",
            Value::OneOf(&[Choice::new("tok", ""), Choice::new("tokend", "")]),
            "whose words: tok's (default) or tokend's",
        ),
        Opt::with(
            "names",
            "KIND",
            Value::OneOf(&[
                Choice::new("accounts", "the accounts that the daemon has"),
                Choice::new("secrets", "the secrets in the store"),
                Choice::new("assignments", "a variable and an account for each, as tok exec takes them"),
            ]),
            "what those scripts ask: names, one a line, within half a second, and nothing where nobody \
             answers:",
        ),
    ],
    ..Command::NEW
};

const VERSION: Command = Command {
    name: "version",
    summary: "which tok this is",
    description: "Prints which tok this is; `tok --version` does the same.",
    ..Command::NEW
};
