//! Commands about secrets and the store.

use crate::definition::{Argument, Choice, Command, Example, Opt, Value};

pub(super) const COMMANDS: &[Command] = &[INIT, SECRET, LOCK, UNLOCK];

const INIT: Command = Command {
    name: "init",
    summary: "makes the identity, the key of the store",
    usage: &["[OPTION …]"],
    description: "Makes the store's identity: the key that all secrets are encrypted to. Asks at the \
                  terminal for a passphrase, twice; empty for none. Without one, the store is open to \
                  whoever can read your files. Says where the identity is, and how to back it up. Where \
                  there is one already, nothing is changed.",
    options: &[
        Opt::flag("no-passphrase", "makes one without a passphrase, and asks nothing"),
        Opt::flag("stdin", "reads the passphrase from standard input, without the newline at its end"),
        Opt::with("ssh-key", "PATH", Value::File, "an SSH key opens the store instead of a passphrase"),
        Opt::with(
            "plugin",
            "FILE",
            Value::File,
            "an age plugin does (a TPM, a YubiKey); FILE holds the plugin's identity",
        ),
        Opt::with("keyring", "NAME", Value::Text, "the desktop's keyring keeps the identity").or_without(),
        Opt::with(
            "credential",
            "NAME",
            Value::Text,
            "systemd does (LoadCredentialEncrypted=), so that a service starts unattended; the identity goes \
             to standard output, for `systemd-creds encrypt`",
        ),
        Opt::flag(
            "change-passphrase",
            "gives the identity that is there another passphrase; with --no-passphrase, none; with --stdin, \
             the old one and the new one are two lines of standard input",
        ),
    ],
    ..Command::NEW
};

const NAME: Argument = Argument::one("NAME", Value::Secret);

const STDIN: Opt = Opt::flag("stdin", "the passphrase of the store comes through standard input");

const SECRET: Command = Command {
    name: "secret",
    summary: "keeps, lists, shows, removes and imports secrets",
    usage: &["set|list|show|remove|import …"],
    description: "The store's secrets, which accounts name as `{ store = \"NAME\" }`: one age file each, \
                  encrypted to the identity that `tok init` makes. The daemon need not run.",
    actions: &[
        Command {
            name: "set",
            summary: "keeps a secret",
            usage: &["NAME [--for ACCOUNT | --for-any] [< FILE]"],
            description: "keeps a secret: what comes through standard input, without one newline at its end, \
                          or what is typed at the terminal, where it is not shown. Never an argument: lists \
                          of processes show those, and the shell keeps them",
            arguments: &[NAME],
            options: &[
                Opt::with("for", "ACCOUNT", Value::Account, "only this account gets it"),
                Opt::flag("for-any", "every account does"),
            ],
            ..Command::NEW
        },
        Command {
            name: "list",
            summary: "the secrets' names",
            usage: &["[--json]"],
            description: "the names, and which account each is for",
            ..Command::NEW
        },
        Command {
            name: "show",
            summary: "the secret itself",
            usage: &["NAME [--stdin]"],
            description: "the secret itself, on standard output. Asks for the passphrase where the store has \
                          one",
            arguments: &[NAME],
            options: &[STDIN],
            ..Command::NEW
        },
        Command {
            name: "remove",
            summary: "removes a secret",
            usage: &["NAME"],
            description: "removes one",
            arguments: &[NAME],
            ..Command::NEW
        },
        Command {
            name: "import",
            summary: "takes secrets over from elsewhere",
            usage: &["…"],
            description: "takes secrets over from elsewhere, and deletes nothing there; `tok secret import \
                          --help` says from where",
            arguments: &[Argument::one("WHERE", Value::OneOf(WHERE)), Argument::many("PATH", Value::File)],
            ..Command::NEW
        },
    ],
    examples: &[
        Example::new("tok secret set lyve-prod", "asks for it, and shows nothing"),
        Example::new("tok secret import dotenv ~/project/.env", ""),
    ],
    ..Command::NEW
};

/// Where secrets may come from: the engine's own words.
const WHERE: &[Choice] = &[
    Choice::new("file", "a file that is one secret"),
    Choice::new("dotenv", "variables of a dotenv file"),
    Choice::new("pass", "entries of the password store pass"),
    Choice::new("aws", "the keys in an AWS credentials file"),
];

const LOCK: Command = Command {
    name: "lock",
    summary: "the daemon forgets keys, secrets and tokens",
    description: "The daemon forgets keys, secrets and tokens of every account but those with `lock = \
                  false`, ends each `tok watch`, and serves nothing of them until `tok unlock` (exit status \
                  9). A refresh that spends a refresh token is waited for. Says nothing, but to a person or \
                  with -v.",
    ..Command::NEW
};

const UNLOCK: Command = Command {
    name: "unlock",
    summary: "gives it the key again",
    usage: &["[--stdin]"],
    description: "Opens the store again, and accounts are served. Where that needs a passphrase, it is asked \
                  for at the terminal, up to three times; it is not shown. Where there is no terminal, a \
                  program asks: $TOKEND_ASKPASS, else $SSH_ASKPASS (both are called as ssh does), else \
                  pinentry where there is a screen. A wrong passphrase makes the next one wait.",
    options: &[Opt::flag(
        "stdin",
        "reads the passphrase from standard input, without the newline at its end",
    )],
    exit_status: "7 nothing was given, 9 still locked",
    ..Command::NEW
};
