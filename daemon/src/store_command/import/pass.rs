//! Secrets in `pass`: what `pass show` prints first.

use std::io::ErrorKind;
use std::process::{Command, Stdio};

use tokend::document::printable;
use tokend::secret::MOST_READ;
use zeroize::Zeroizing;

use super::{Complaint, Found, fit, input, name_of};

pub(super) fn read(entries: &[String]) -> Result<Vec<Found>, Complaint> {
    entries.iter().map(|entry| one(entry)).collect()
}

/// Runs `pass show`, which may ask for the key's passphrase: gpg's pinentry has the terminal.
fn one(entry: &str) -> Result<Found, Complaint> {
    let shown = printable(entry, 100);
    let started = Command::new("pass").args(["show", "--", entry]).stdout(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Complaint::unknown("no-pass", "the program pass is not there", "install it, or mend PATH")
        }
        _ => Complaint::fault(format!("pass does not start: {error}"), "see whether `pass ls` works"),
    })?;
    // More than this is no password; the rest is drained, so that it ends by itself.
    let output = child.stdout.take().map(|stdout| input::bounded(stdout, 16 * MOST_READ));
    let status = child.wait();
    let failed = || {
        let hint = "see whether `pass show` with it works in this terminal";
        Complaint::unknown("no-entry", format!("pass does not show {shown}"), hint)
    };
    let output = output.and_then(Result::ok).filter(|_| status.is_ok_and(|status| status.success()));
    let output = output.ok_or_else(failed)?;
    let first = output.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let secret = fit(&Zeroizing::new(first.to_vec()), &format!("the first line of {entry}"))?;
    Ok(Found { was: entry.to_owned(), name: name_of(entry, "another entry")?, secret })
}
