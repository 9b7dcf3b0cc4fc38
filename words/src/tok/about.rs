//! Commands about `tok` itself.

use crate::definition::{Argument, Command, Value};

pub(super) const COMMANDS: &[Command] = &[HELP, VERSION];

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
