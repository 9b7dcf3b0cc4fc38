//! How the daemon comes to run without a terminal, and who keeps it running.

use std::fs::File;
use std::io;
use std::process::{Child, Command};

use super::super::Supervisor;

/// The shell to which `tokend env` speaks where `$SHELL` says nothing.
pub const USUAL_SHELL: &str = "sh";

/// What keeps a user's services running on this system.
#[must_use]
pub fn supervisor() -> Supervisor {
    #[cfg(target_os = "linux")]
    let supervisor = Supervisor::Systemd;
    #[cfg(target_os = "macos")]
    let supervisor = Supervisor::Launchd("/bin/launchctl".into());
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    let supervisor = Supervisor::Unknown;
    supervisor
}

/// Starts a program that goes on when the shell that started it has gone; the program itself leaves the terminal.
///
/// # Errors
/// As [`Command::spawn`].
pub fn spawn_apart(command: &mut Command) -> io::Result<Child> {
    command.current_dir("/").spawn()
}

/// From now on what is written to standard error goes to `file`.
///
/// # Errors
/// As dup2(2).
pub fn write_errors_to(file: File) -> io::Result<()> {
    rustix::stdio::dup2_stderr(file)?;
    Ok(())
}
