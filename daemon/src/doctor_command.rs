//! `tokend doctor …`: what `tok doctor` runs; a JSON object a finding, a line each, on standard output.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokend::doctor::{self, Asked};
use tokend::platform;
use tokend::provider::http;

use crate::ending::{End, complain};

/// What `tok` knows already.
#[derive(Debug, Args)]
pub(crate) struct Words {
    /// Where the daemon was looked for.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// A daemon answers there, and tells how it is itself.
    #[arg(long)]
    running: bool,
    /// Its process.
    #[arg(long, value_name = "NUMBER")]
    process: Option<u32>,
    /// The file that it runs from.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// The systemd unit that started it.
    #[arg(long, value_name = "NAME")]
    unit: Option<String>,
    /// It goes through a proxy that it does not tell.
    #[arg(long)]
    secret_proxy: bool,
}

/// Looks at everything. Its status says only whether it came to the end.
pub(crate) fn run(words: Words) -> ExitCode {
    platform::close_new_files_to_others();
    platform::close_to_onlookers();
    platform::seal_secrets();
    platform::keep_descriptors_from_children();
    http::install_crypto();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(error, "the system is short of something", End::Failed),
    };
    let Words { socket, running, process, program, unit, secret_proxy } = words;
    let asked = Asked { socket, running, process, program, unit, secret_proxy };
    runtime.block_on(doctor::examine(&asked, &|found| {
        let mut stdout = std::io::stdout().lock();
        if let Ok(line) = serde_json::to_string(&found) {
            // Who reads has gone: there is nobody to tell.
            let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        }
    }));
    // A file system that hangs must not hold up the end.
    runtime.shutdown_background();
    ExitCode::SUCCESS
}
