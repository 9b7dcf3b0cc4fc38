//! What `tok` writes: results to standard output, all else to standard error.

use std::io::{self, IsTerminal};

use serde::Serialize;

use super::arguments::Manner;
use super::complaint::{Complaint, Stop, printable};
use super::platform;

/// Writes a result to standard output, straight through: no buffer keeps a copy of a token.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Stop> {
    if platform::stdout_was_closed() {
        let hint = platform::words::NO_OUTPUT;
        return Err(Complaint::new(1, "output", "standard output is closed", hint).into());
    }
    match platform::write_out(bytes) {
        Ok(()) => Ok(()),
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Stop::Quiet(0)),
        Err(error) => {
            let message = format!("standard output cannot be written: {error}");
            Err(Complaint::new(1, "output", message, "free the disk, or write elsewhere").into())
        }
    }
}

/// Writes a result without a secret in it to standard output, as one line of JSON.
pub(crate) fn print_json(result: &impl Serialize) -> Result<(), Stop> {
    let text = serde_json::to_string(result)
        .map_err(|error| Complaint::fault(format!("no JSON can be written: {error}"), "leave --json away"))?;
    print((text + "\n").as_bytes())
}

/// Says what the daemon wants known, to a person or to who asked with `-v`.
pub(crate) fn warn<'a>(manner: Manner, warnings: impl IntoIterator<Item = &'a String>) {
    for warning in warnings {
        if manner.verbose || io::stderr().is_terminal() {
            tell(&format!("tok: warning: {}\n", printable(warning)));
        }
    }
}

/// Says what was done, to a person or to who asked with `-v`.
pub(crate) fn remark(manner: Manner, text: &str) {
    if manner.verbose || io::stderr().is_terminal() {
        tell(&format!("{text}\n"));
    }
}

/// Writes an error: two lines, or one object.
pub(crate) fn complain(complaint: &Complaint, json: bool) {
    if json && let Ok(object) = serde_json::to_string(complaint) {
        tell(&format!("{object}\n"));
    } else {
        tell(&complaint.lines());
    }
}

/// Standard error that cannot be written is no reason to end otherwise.
pub(crate) fn tell(text: &str) {
    let _ = platform::write_error(text.as_bytes());
}
