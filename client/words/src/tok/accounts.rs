//! Commands about accounts.

use super::ACCOUNT;
use crate::definition::{Command, Example, Opt, Value};

pub(super) const COMMANDS: &[Command] = &[STATUS, LIST, LOGIN, LOGOUT, RELOAD];

const STATUS: Command = Command {
    name: "status",
    summary: "how each account is, and what to do",
    usage: &["[ACCOUNT] [--check] [--json]", "--watch [ACCOUNT] [--json]"],
    description: "Shows each account's state, how long its token lives, when it is refreshed, what went \
                  wrong last and what to do.",
    arguments: &[ACCOUNT],
    options: &[
        Opt::flag(
            "check",
            "exits with the worst: 4 before 5, 9, 7, 3, 10, 1 and 6, which mends itself; 0 if all is well",
        ),
        Opt::flag(
            "watch",
            "shows it live on the whole terminal, those that need a person first: q quits, arrows, j, k, \
             PageUp, PageDown, Home and End scroll; with --json, prints the list on one line now and at each \
             change",
        ),
        Opt::flag(
            "json",
            "a list of objects: account, type, state, expires_at, expires_in, next_refresh_at, refreshed_at, \
             served, last_error (null, or kind, message, hint, at), warnings, clock_skew (the seconds by \
             which tokend's clock is ahead of the service's, or null), login_ends_at (the end of the term \
             that `tok login --for` gave, or null)",
        ),
    ],
    later: &["why"],
    notes: "States: fresh, refreshing, waiting (a try failed, the next is scheduled), parked (refused; waits \
            for a change), login-needed (`tok login ACCOUNT`), locked, idle (none held, none wanted).",
    examples: &[Example::new("tok status --check --json", "for monitoring")],
    ..Command::NEW
};

const LIST: Command = Command {
    name: "list",
    summary: "the accounts' names and types",
    usage: &["[--json]"],
    description: "Prints a line with name and type for each account.",
    options: &[Opt::flag("json", "a list of objects: account, type")],
    ..Command::NEW
};

const LOGIN: Command = Command {
    name: "login",
    summary: "logs a person in, for accounts that need that once",
    usage: &["ACCOUNT [--device | --no-browser] [--for DUR] [--json]"],
    description: "Logs a person in, for an account whose service wants that once (grant authorization_code \
                  or device_code). Opens the browser where there is one: $BROWSER, else what the desktop \
                  has, and not through ssh. Else it shows a code to type on another device, where the \
                  service knows that (RFC 8628); else an address to open anywhere, and takes the address at \
                  which that ends, pasted at the terminal or from standard input. Shows on standard error \
                  what it waits for; Ctrl-C gives the login up. If somebody else is logging in to the \
                  account already, it is the same login.",
    arguments: &[ACCOUNT],
    options: &[
        Opt::flag("device", "shows a code to type on another device, though there is a browser"),
        Opt::flag("no-browser", "shows an address to open in a browser elsewhere"),
        Opt::with("for", "DUR", Value::Duration, "the login is forgotten after so long, such as 8h"),
        Opt::flag(
            "json",
            "an object at the end: account, person (who logged in, by the id token; or null), expires_in, \
             renews (whether the service gave a refresh token), login_ends_at (or null), scope, warnings",
        ),
    ],
    exit_status: "5 the service refused, or names an address that is not safe to open; 6 not now; 7 the \
                  person said no there",
    ..Command::NEW
};

const LOGOUT: Command = Command {
    name: "logout",
    summary: "ends a login, here and at the service",
    usage: &["ACCOUNT [--local] [--json]"],
    description: "Ends a login: its tokens are forgotten, and the service is told to revoke them where it \
                  can (RFC 7009). Says nothing, but to a person or with -v.",
    arguments: &[ACCOUNT],
    options: &[
        Opt::flag("local", "the service is not told"),
        Opt::flag("json", "an object: account, revoked (whether the service ended it), warnings"),
    ],
    ..Command::NEW
};

const RELOAD: Command = Command {
    name: "reload",
    summary: "the daemon reads its configuration again",
    description: "The daemon reads its configuration again: whole, or, if there is a fault in it, not at all \
                  (exit status 2). With -v, or on a terminal, it says how many accounts came, changed and \
                  went.",
    ..Command::NEW
};
