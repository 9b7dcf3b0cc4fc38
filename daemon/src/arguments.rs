//! The command line: which of the few things tokend is to do.

#[cfg(test)]
mod pages;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use tokend::config::LogFormat;
use tokend::provider::http::ProxyEnvironment;
use tokend::secret::store::Store;
use tokend::{config, platform};

use crate::ending::{End, complain};
use crate::{background, doctor_command, install, run, store_command};

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

    /// Started by a service manager that has to be spoken with before anything else.
    #[arg(long, hide = true, conflicts_with = "background")]
    service: bool,

    /// Standard error goes to this file, which is kept short.
    #[arg(long, hide = true, value_name = "FILE")]
    log_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Validates the configuration and prints what it understood.
    ///
    /// For each account: where its service is, where each secret comes from and whether that is there now,
    /// what is kept, when it is refreshed, and what callers may ask for. No secret is read, no service is
    /// asked.
    Check,
    /// Starts tokend in the background, unless it runs, and prints `TOKEND_SOCK`, for `eval "$(tokend env)"`.
    Env(background::Words),
    /// What `tok secret` and `tok init` run: the store of secrets, without the daemon.
    #[command(hide = true)]
    Store(store_command::Words),
    /// What `tok doctor` runs: looks at the set-up, and prints a JSON object a finding.
    #[command(hide = true)]
    Doctor(doctor_command::Words),
    /// Sets tokend up as a service of your own: systemd's, an agent of launchd, or a logon task.
    Install(install::Words),
    /// Takes away what install set up; your configuration and secrets stay.
    Uninstall(install::Words),
    /// Prints the JSON Schema of the configuration, with which editors complete and check it.
    ///
    /// It is of draft 7, which every editor of TOML reads. tokend.toml(5) says how one is told of it.
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
        None => {
            let format = log_format(arguments.log_format.as_deref());
            if arguments.service {
                service(arguments.log_file, format)
            } else {
                run::foreground(arguments.background, arguments.log_file.as_deref(), format)
            }
        }
        Some(Command::Check) => check(),
        Some(Command::Env(words)) => background::run(&words),
        Some(Command::Store(words)) => store_command::run(words),
        Some(Command::Doctor(words)) => doctor_command::run(words),
        Some(Command::Install(words)) => install::install(&words),
        Some(Command::Uninstall(words)) => install::uninstall(&words),
        Some(Command::Schema) => schema(),
    }
}

/// Runs as a service, of which nobody sees standard error.
fn service(log_file: Option<PathBuf>, format: Option<LogFormat>) -> ExitCode {
    let body = move || run::foreground(false, log_file.as_deref(), format);
    platform::service::run(Box::new(body)).unwrap_or_else(|error| {
        complain(error, "`--service` is for the service control manager; run tokend without it", End::Usage)
    })
}

fn log_format(word: Option<&str>) -> Option<LogFormat> {
    word.map(|word| if word == "json" { LogFormat::Json } else { LogFormat::Text })
}

/// Whoever closes the pipe has read enough.
fn not_printed(error: &std::io::Error, hint: &str) -> ExitCode {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        _ => complain(error, hint, End::Failed),
    }
}

fn schema() -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{:#}", config::schema()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => not_printed(&error, "give tokend schema a place to write to"),
    }
}

fn check() -> ExitCode {
    let places = platform::surroundings();
    let (folder, data) = match places.configuration().and_then(|folder| Ok((folder, places.data()?))) {
        Ok(found) => found,
        Err(error) => return complain(error, "set HOME", End::Failed),
    };
    match config::load(&folder, &ProxyEnvironment::of_process(), &Arc::new(Store::at(&data))) {
        Ok(loaded) => {
            let looked = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => {
                    let looked = runtime.block_on(config::Looked::at(&loaded));
                    // A file system that hangs must not hold up the end.
                    runtime.shutdown_background();
                    looked
                }
                Err(error) => return complain(error, "the system is short of something", End::Failed),
            };
            let mut stdout = std::io::stdout().lock();
            match write!(stdout, "{}", config::describe(&loaded, &looked)).and_then(|()| stdout.flush()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => not_printed(&error, "give tokend check a place to write to"),
            }
        }
        Err(diagnostics) => {
            let mut stderr = std::io::stderr().lock();
            let _ = writeln!(stderr, "{}", config::report(&diagnostics));
            End::Configuration.into()
        }
    }
}
