//! How tokend ends, and what it says then.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use crate::logging;

/// How tokend ends: sysexits(3), so that a unit can tell what a restart mends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// A fault of tokend's own, or of the system.
    Failed = 1,
    /// The call's words are off.
    Usage = 2,
    /// Another tokend has the state or the socket.
    Unavailable = 69,
    /// The configuration is faulty.
    Configuration = 78,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(end as u8)
    }
}

/// Says what happened and what to do: in two lines, or in one of the log where programs read that.
pub(crate) fn complain(what: impl Display, hint: impl Display, end: End) -> ExitCode {
    if logging::is_for_programs() {
        tracing::error!(%hint, "{what}");
        return end.into();
    }
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "tokend: {what}\nhint: {hint}");
    end.into()
}
