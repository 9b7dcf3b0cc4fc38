//! A few bytes in memory behind a descriptor, which nobody can change any more: what is handed over to the next daemon.

use std::io;

use zeroize::Zeroizing;

use crate::platform::systemd::Descriptor;

/// Nothing that is handed over is longer.
const LONGEST: usize = 4096;

/// Puts the bytes into memory that cannot be written, resized or executed any more.
///
/// # Errors
/// When the system gives none.
pub fn seal(bytes: &[u8]) -> io::Result<Descriptor> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Older kernels (before 6.3) do not know the seal against execution.
    let memory =
        memfd_create("tokend", flags | MemfdFlags::NOEXEC_SEAL).or_else(|_| memfd_create("tokend", flags))?;
    let mut rest = bytes;
    while !rest.is_empty() {
        rest = &rest[rustix::io::write(&memory, rest)?..];
    }
    fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
    Ok(memory)
}

/// The bytes, if this is such memory.
///
/// # Errors
/// Where it is anything else.
pub fn open(memory: &Descriptor) -> io::Result<Zeroizing<Vec<u8>>> {
    use rustix::fs::{SealFlags, fcntl_get_seals, fstat};
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let wanted = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    if !fcntl_get_seals(memory).is_ok_and(|seals| seals.contains(wanted)) {
        return Err(invalid("it is no sealed memory"));
    }
    let length = usize::try_from(fstat(memory)?.st_size).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(invalid("it is too long"));
    }
    let mut bytes = Zeroizing::new(vec![0; length]);
    let mut read = 0;
    while read < length {
        // Its position is shared with whoever wrote it.
        match rustix::io::pread(memory, &mut bytes[read..], read as u64)? {
            0 => return Err(invalid("it has become shorter")),
            count => read += count,
        }
    }
    Ok(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test should fail with the place")]
mod tests {
    use std::io::Write as _;
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn what_was_sealed_is_read_again_and_never_changed() {
        let memory = seal(b"a key").unwrap();
        assert_eq!(**open(&memory).unwrap(), *b"a key");
        assert_eq!(**open(&memory).unwrap(), *b"a key");
        let mut file = std::fs::File::from(memory);
        assert!(file.write(b"another").is_err());
        assert!(file.set_len(0).is_err());
    }

    #[test]
    fn whatever_is_no_sealed_memory_is_refused() {
        let file = tempfile::tempfile().unwrap();
        let unsealed = rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::ALLOW_SEALING).unwrap();
        let (pipe, _end) = io::pipe().unwrap();
        let long = seal(&[0; LONGEST + 1]).unwrap();
        for strange in [file.into(), unsealed, OwnedFd::from(pipe), long] {
            assert!(open(&strange).is_err());
        }
    }
}
