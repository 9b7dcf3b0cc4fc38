//! Secrets that come through standard input.

use std::io::{self, IsTerminal, Read};

use zeroize::Zeroizing;

use super::platform;

/// What comes through standard input, without the newline at its end. One byte more than `limit` at most, so that
/// its reader sees what is too long; more is not read.
pub(crate) fn read(limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut input = whole(limit)?;
    if input.ends_with(b"\n") {
        input.pop();
        if input.ends_with(b"\r") {
            input.pop();
        }
    }
    Ok(input)
}

/// What comes through standard input, with the newline at its end, of which there may be one more than `limit`.
pub(crate) fn whole(limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let most = limit + 2;
    let mut input = Zeroizing::new(Vec::with_capacity(most + 1));
    platform::unbuffered_stdin()?.take(most as u64 + 1).read_to_end(&mut input)?;
    Ok(input)
}

/// Whether a person would have to type it, seen by all.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal()
}
