//! What arrives on standard input: a secret, a passphrase, or two.

use std::io::{self, IsTerminal as _, Read};

use tokend::secret::{MOST_READ, Unfit, without_newline};
use tokend_proto::Secret;
use tokend_proto::limits::MAX_SECRET;
use zeroize::Zeroizing;

use super::complaint::Complaint;

/// The secret on standard input.
pub(super) fn secret() -> Result<Secret, Complaint> {
    let bytes = standard_input(MOST_READ)?;
    without_newline(&bytes).map_err(|unfit| match unfit {
        Unfit::Empty => Complaint::usage("an empty secret is none", "write it to standard input"),
        Unfit::TooLong => too_long("the secret"),
    })
}

/// The passphrase on standard input; none where that is empty.
pub(super) fn passphrase() -> Result<Option<Secret>, Complaint> {
    let bytes = standard_input(MOST_READ)?;
    // Nobody could type it again.
    if bytes.strip_suffix(b"\n").unwrap_or(&bytes).contains(&b'\n') {
        return Err(Complaint::usage(
            "standard input has more than one line, and a passphrase is one",
            "give the passphrase alone, with one newline at most",
        ));
    }
    optional(&bytes)
}

/// The passphrases on the two lines of standard input: the old one and the new one. Either may be empty.
pub(super) fn old_and_new() -> Result<(Option<Secret>, Option<Secret>), Complaint> {
    let bytes = standard_input(2 * MOST_READ)?;
    // A new one that was forgotten must not become none.
    let end = bytes.iter().position(|byte| *byte == b'\n').filter(|end| end + 1 < bytes.len());
    let Some(end) = end else {
        return Err(Complaint::usage(
            "one passphrase is missing",
            "the old one and the new one, a line each; an empty line for none",
        ));
    };
    let (old, new) = bytes.split_at(end);
    let new = new.strip_prefix(b"\n").unwrap_or_default();
    if new.strip_suffix(b"\n").unwrap_or(new).contains(&b'\n') {
        return Err(Complaint::usage(
            "there are more than two lines",
            "the old passphrase and the new one, a line each",
        ));
    }
    Ok((optional(&Zeroizing::new(old.to_vec()))?, optional(&Zeroizing::new(new.to_vec()))?))
}

fn optional(bytes: &Zeroizing<Vec<u8>>) -> Result<Option<Secret>, Complaint> {
    match without_newline(bytes) {
        Ok(secret) => Ok(Some(secret)),
        Err(Unfit::Empty) => Ok(None),
        Err(Unfit::TooLong) => Err(too_long("the passphrase")),
    }
}

/// A terminal would show what is typed.
fn standard_input(most: usize) -> Result<Zeroizing<Vec<u8>>, Complaint> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Complaint::usage(
            "standard input is a terminal, which shows what is typed",
            "`tok secret set` and `tok init` ask without echo; or give it by a pipe or a file",
        ));
    }
    bounded(stdin.lock(), most).map_err(|error| {
        Complaint::fault(format!("cannot read standard input: {error}"), "give it by a pipe or a file")
    })
}

/// At most so many bytes, in one buffer that leaves nothing behind.
pub(super) fn bounded(mut from: impl Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; most]);
    let mut length = 0;
    while length < bytes.len() {
        match from.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn too_long(what: &str) -> Complaint {
    Complaint::usage(format!("{what} has more than {MAX_SECRET} bytes"), "a store of secrets keeps no files")
}
