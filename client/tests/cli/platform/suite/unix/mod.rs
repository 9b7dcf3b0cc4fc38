//! What can be seen only on Unix: by programs that are shell scripts, signals, and terminals.

mod arrivals;
mod browser;
mod child;
mod curl;
mod engine;
mod login_at_terminal;
mod secrets;
mod shell;
mod terminal;
mod unlock_asks;

use std::process::Command;

use crate::cli::daemon::Daemon;
use crate::cli::tok::{Run, run, tok};

/// Runs a line of shell in which `$TOK` is tok.
fn shell(daemon: &Daemon, line: &str) -> Run {
    let tok = tok(daemon, &[]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]).env("TOK", tok.get_program()).env("TOKEND_SOCK", daemon.socket());
    run(command)
}
