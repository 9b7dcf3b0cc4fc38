//! Life under a service manager that has to be spoken with before anything else: none here wants that.

use std::io;
use std::process::ExitCode;

/// Would run `body` as a service.
///
/// # Errors
/// Always `Unsupported`.
pub fn run(_body: Box<dyn FnOnce() -> ExitCode + Send>) -> io::Result<ExitCode> {
    Err(io::ErrorKind::Unsupported.into())
}
