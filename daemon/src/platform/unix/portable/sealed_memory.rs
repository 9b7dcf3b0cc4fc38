//! Memory behind a descriptor that nobody can change any more: only Linux has it.

use std::io;

use zeroize::Zeroizing;

use crate::platform::systemd::Descriptor;

/// There is none.
///
/// # Errors
/// Always `Unsupported`.
pub fn seal(_bytes: &[u8]) -> io::Result<Descriptor> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There is none.
///
/// # Errors
/// Always `Unsupported`.
pub fn open(_memory: &Descriptor) -> io::Result<Zeroizing<Vec<u8>>> {
    Err(io::ErrorKind::Unsupported.into())
}
