//! What hints name here.

/// Closes a file.
pub const CLOSE: &str = "chmod";

/// Starts the daemon.
pub const START: &str = "systemctl --user start tokend.socket";

/// Starts the daemon anew.
pub const RESTART: &str = "systemctl --user restart tokend";

/// What a place to listen at must be.
pub const PLACE: &str = "absolute";

/// Moves a file away.
pub const MOVE: &str = "mv ";

/// Ends a process.
pub const KILL: &str = "kill ";

/// Forgets a variable in a shell.
pub const UNSET: &str = "unset TOKEND_SOCK";

/// Sets a variable in a shell.
#[must_use]
pub fn set(name: &str, value: &str) -> String {
    format!("export {name}='{value}'")
}

/// What the doctor finds of a service that nobody has installed.
pub const NO_SERVICE: &str = "no-systemd";

/// What the doctor counts in an empty home.
pub const EMPTY_HOME: &str = "1 fault, 1 warning.";
