//! Commands about `tok` itself.

use crate::definition::{Argument, Command, Opt, Value};

pub(super) const COMMANDS: &[Command] = &[DOCTOR, HELP, VERSION];

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

const VERSION: Command = Command {
    name: "version",
    summary: "which tok this is",
    description: "Prints which tok this is; `tok --version` does the same.",
    ..Command::NEW
};
