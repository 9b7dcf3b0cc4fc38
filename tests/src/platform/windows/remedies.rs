//! What hints name here.

/// Closes a file.
pub const CLOSE: &str = "icacls";

/// Starts the daemon.
pub const START: &str = "start tokend there";

/// Starts the daemon anew.
pub const RESTART: &str = "tokend install";

/// What a place to listen at must be.
pub const PLACE: &str = r"\\.\pipe\NAME";

/// Moves a file away.
pub const MOVE: &str = "move ";

/// Ends a process.
pub const KILL: &str = "taskkill ";

/// Forgets a variable in a shell.
pub const UNSET: &str = "Remove-Item Env:TOKEND_SOCK";

/// Sets a variable in a shell.
#[must_use]
pub fn set(name: &str, value: &str) -> String {
    format!("$env:{name} = '{value}'")
}

/// What the doctor finds of a service that nobody has installed.
pub const NO_SERVICE: &str = "not-installed";

/// What the doctor counts in an empty home.
pub const EMPTY_HOME: &str = "1 fault, 2 warnings.";
