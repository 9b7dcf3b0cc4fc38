//! Commands about tokens.

use super::{ACCOUNT, TIMEOUT};
use crate::definition::{Argument, Choice, Command, Example, Opt, Value};

pub(super) const COMMANDS: &[Command] = &[GET, HEADER, CURL, EXEC, WATCH, REJECT, REFRESH];

const MIN_VALID: Opt = Opt::with(
    "min-valid",
    "DUR",
    Value::Duration,
    "at least this much life left: a demand, such as 5m (default: the account's wish)",
);

const SCOPE: Opt =
    Opt::with("scope", "S", Value::Text, "a token for these scopes; repeat it, or separate them by spaces")
        .repeated();

const AUDIENCE: Opt = Opt::with("audience", "A", Value::Text, "a token for these audiences").repeated();

const FORMATS: &[Choice] = &[
    Choice::new("raw", "the token (default)"),
    Choice::new("header", "Authorization: Bearer TOKEN"),
    Choice::new("json", "an object: account, token, scheme, expires_at, expires_in, scope, warnings"),
    Choice::new("env", "export NAME='TOKEN', quoted for a shell"),
    Choice::new("form", "NAME=TOKEN, percent-encoded, for services that take it as a parameter"),
    Choice::new("xoauth2", "for mail programs; needs --user"),
    Choice::new("oauthbearer", "the same by RFC 7628; needs --user"),
];

const GET: Command = Command {
    name: "get",
    summary: "the token of an account, on standard output",
    usage: &["ACCOUNT [OPTION …]"],
    description: "Prints the account's token with a newline, and nothing else.",
    arguments: &[ACCOUNT],
    options: &[
        MIN_VALID,
        SCOPE,
        AUDIENCE,
        TIMEOUT,
        Opt::flag(
            "id-token",
            "the id token that came with the token, its signature and claims checked; with --format raw, \
             header, json or env",
        ),
        Opt::with("format", "F", Value::OneOf(FORMATS), "how it is written:"),
        Opt::with(
            "var",
            "NAME",
            Value::Text,
            "the variable's name for env (default LYVE_PROD_TOKEN for lyve-prod)",
        ),
        Opt::with("user", "NAME", Value::Text, "the mailbox, for xoauth2 and oauthbearer"),
        Opt::with(
            "host",
            "NAME",
            Value::Text,
            "the mail server; oauthbearer carries it, xoauth2 has no place for it",
        ),
        Opt::with("port", "NUMBER", Value::Text, "its port; the same"),
    ],
    examples: &[
        Example::new("token=$(tok get lyve-prod)", ""),
        Example::new(
            "tok get lyve-prod --min-valid 20m --timeout 10s",
            "for a job that runs 20 minutes; waits for 10 seconds at most",
        ),
        Example::new(
            "v=$(tok get lyve-prod --format env) && eval \"$v\"",
            "sets LYVE_PROD_TOKEN in this shell",
        ),
    ],
    ..Command::NEW
};

const HEADER: Command = Command {
    name: "header",
    summary: "the same as a line `Authorization: Bearer …`",
    usage: &["ACCOUNT [OPTION …]"],
    description: "Prints a line `Authorization: SCHEME TOKEN`. For curl, prefer `tok curl`: there the token \
                  is in no process list.",
    arguments: &[ACCOUNT],
    options: &[MIN_VALID, SCOPE, AUDIENCE, TIMEOUT],
    ..Command::NEW
};

const CURL: Command = Command {
    name: "curl",
    summary: "curl with the token, which no process list shows",
    usage: &["[OPTION …] ACCOUNT -- ARGS…"],
    description: "Runs curl with the account's token as a header or form field, as the account needs. The \
                  token travels on a descriptor (on Windows: through a pipe) and is seen in no process list. \
                  Without a token curl does not start. Without `--`, all that follows ACCOUNT is curl's.",
    arguments: &[ACCOUNT, Argument::many("ARGS", Value::For("curl"))],
    options: &[MIN_VALID, SCOPE, AUDIENCE, TIMEOUT],
    notes: "An account whose token is a form field (openvcloud) takes form data, with -d or with -F. With -G \
            the field goes into the URL, which servers write into their logs. A body that is no form (JSON, -T) \
            has no room for it: write it into the URL yourself:\n\n      \
            printf 'url = \"URL?%s\"' \"$(tok get ACCOUNT --format form)\" | curl --config - …",
    exit_status: "curl's once it runs; 127 if there is no curl; otherwise as `tok help` lists",
    examples: &[Example::new("tok curl lyve-prod -- -sS https://api.example.com/v2/buckets", "")],
    ..Command::NEW
};

const EXEC: Command = Command {
    name: "exec",
    summary: "runs a program with tokens in its environment, or in files kept fresh",
    usage: &["VAR=ACCOUNT … -- CMD [ARG …]"],
    description: "Replaces itself by CMD, with the accounts' tokens in its environment.",
    arguments: &[Argument::many("VAR=ACCOUNT", Value::Assignment), Argument::many("CMD", Value::Program)],
    options: &[
        Opt::with(
            "file",
            "VAR=ACCOUNT",
            Value::Assignment,
            "the variable holds the path of a file, readable by you alone, with the token; it is written \
             anew at each rotation and removed at the end. tok stays CMD's parent for that, and passes \
             signals on. Mix it with VAR=ACCOUNT; --scope and --audience do not go with it",
        )
        .repeated(),
        MIN_VALID,
        SCOPE,
        AUDIENCE,
        TIMEOUT,
    ],
    notes: "On Windows no program can replace itself: tok stays as CMD's parent, leaves Ctrl-C to it, and ends with all \
            32 bits of its status.",
    exit_status: "CMD's (128 and the signal's number if one ended it); 125 tok's own failure, 126 CMD cannot \
                  be executed, 127 there is no CMD",
    examples: &[
        Example::new("tok exec API_TOKEN=lyve-prod -- ./deploy", ""),
        Example::new("tok exec --file TOKEN_FILE=lyve-prod -- ./server", "for a program that runs for days"),
    ],
    ..Command::NEW
};

const WATCH: Command = Command {
    name: "watch",
    summary: "a line of JSON at each new token",
    usage: &["ACCOUNT"],
    description: "Prints a line of JSON, as `tok get --format json` does, for the token that there is and \
                  for each new one, until it is stopped. Waits 30 s for a daemon that went away. Where there \
                  is no token yet, it says why on standard error.",
    arguments: &[ACCOUNT],
    ..Command::NEW
};

const REJECT: Command = Command {
    name: "reject",
    summary: "says that the service refused a token",
    usage: &["ACCOUNT < TOKEN", "ACCOUNT --hash HEX"],
    description: "Says that the service refused this token: it is not served again, and the next get brings \
                  another. The token is read from standard input; only its SHA-256 is sent. Prints \
                  nothing.",
    arguments: &[ACCOUNT],
    options: &[Opt::with(
        "hash",
        "HEX",
        Value::Text,
        "the SHA-256 of the token instead of the token, 64 hex digits",
    )],
    examples: &[Example::new("printf %s \"$token\" | tok reject lyve-prod", "")],
    ..Command::NEW
};

const REFRESH: Command = Command {
    name: "refresh",
    summary: "fetches a new token now",
    usage: &["ACCOUNT [--timeout DUR]"],
    description: "Fetches a new token now, even if the old one has life left. Tries a parked account once. \
                  Prints no token.",
    arguments: &[ACCOUNT],
    options: &[TIMEOUT],
    ..Command::NEW
};
