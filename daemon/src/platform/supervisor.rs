//! Which program of the system keeps a user's services running.

use std::path::PathBuf;

/// What starts a user's services at the login and keeps them running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supervisor {
    /// systemd's manager of the user; systemctl(1) tells whether there is one.
    Systemd,
    /// macOS' launchd, told by this launchctl(1).
    Launchd(PathBuf),
    /// Windows' Task Scheduler, told by this schtasks.exe.
    TaskScheduler(PathBuf),
    /// None that tokend knows.
    Unknown,
}
