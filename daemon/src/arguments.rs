//! The command line: which of the few things tokend is to do.

#[cfg(test)]
mod pages;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use tokend::config::LogFormat;
use tokend::provider::http::ProxyEnvironment;
use tokend::secret::store::Store;
use tokend::{config, platform};

use crate::ending::{End, complain};
use crate::{background, doctor_command, run, store_command};

/// Holds secrets, keeps a fresh token for every configured account, serves it to `tok`.
///
/// Without a command it runs in the foreground until it is stopped.
#[derive(Debug, Parser)]
#[command(name = "tokend", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// How the log is written: `text`, or `json` for one object a line. The configuration's `log_format` otherwise.
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"])]
    log_format: Option<String>,

    /// Started by `tokend env`: leave the terminal, say `ready` on standard output.
    #[arg(long, hide = true)]
    background: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Validates the configuration and prints what it understood.
    Check,
    /// Starts tokend in the background, unless it runs, and prints `TOKEND_SOCK`, for `eval "$(tokend env)"`.
    Env {
        /// Stops the one that runs instead, and prints `unset TOKEND_SOCK;`.
        #[arg(short = 'k', long)]
        kill: bool,
    },
    /// What `tok secret` and `tok init` run: the store of secrets, without the daemon.
    #[command(hide = true)]
    Store(store_command::Words),
    /// What `tok doctor` runs: looks at the set-up, and prints a JSON object a finding.
    #[command(hide = true)]
    Doctor(doctor_command::Words),
    /// Not built yet: sets tokend up as a systemd user service.
    #[command(hide = true)]
    Install,
    /// Not built yet: takes away what install set up.
    #[command(hide = true)]
    Uninstall,
    /// Not built yet: prints the configuration's JSON Schema.
    #[command(hide = true)]
    Schema,
}

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if store_command::is_meant() && error.use_stderr() => {
            return store_command::misunderstood(&error);
        }
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { End::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    match arguments.command {
        None => run::foreground(arguments.background, log_format(arguments.log_format.as_deref())),
        Some(Command::Check) => check(),
        Some(Command::Env { kill: false }) => background::env(),
        Some(Command::Env { kill: true }) => background::kill(),
        Some(Command::Store(words)) => store_command::run(words),
        Some(Command::Doctor(words)) => doctor_command::run(words),
        Some(Command::Install) => not_built("install", "systemd/README.md says how to do it by hand"),
        Some(Command::Uninstall) => not_built("uninstall", "systemd/README.md says how to do it by hand"),
        Some(Command::Schema) => not_built("schema", "tokend check validates a configuration"),
    }
}

fn log_format(word: Option<&str>) -> Option<LogFormat> {
    word.map(|word| if word == "json" { LogFormat::Json } else { LogFormat::Text })
}

fn not_built(command: &str, hint: &str) -> ExitCode {
    complain(format_args!("{command} is not built yet"), hint, End::Usage)
}

fn check() -> ExitCode {
    let places = platform::surroundings();
    let (folder, data) = match places.configuration().and_then(|folder| Ok((folder, places.data()?))) {
        Ok(found) => found,
        Err(error) => return complain(error, "set HOME", End::Failed),
    };
    match config::load(&folder, &ProxyEnvironment::of_process(), &Arc::new(Store::at(&data))) {
        Ok(loaded) => {
            let mut stdout = std::io::stdout().lock();
            match write!(stdout, "{}", config::describe(&loaded)).and_then(|()| stdout.flush()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => complain(error, "give tokend check a place to write to", End::Failed),
            }
        }
        Err(diagnostics) => {
            let mut stderr = std::io::stderr().lock();
            let _ = writeln!(stderr, "{}", config::report(&diagnostics));
            End::Configuration.into()
        }
    }
}
