//! One daemon a state folder: a lock that is held for life and names its holder.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::platform;

/// The lock on the state folder. Dropping it, or the end of the process, lets the next daemon in.
#[derive(Debug)]
pub struct Instance {
    _lock: File,
}

/// Who holds a state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its machine.
    pub host: String,
    /// Its process there.
    pub process: u32,
    /// Where it listens.
    pub socket: PathBuf,
}

impl Holder {
    /// Who holds the state folder now, if somebody does and has written who.
    #[must_use]
    pub fn of(state: &Path) -> Option<Self> {
        let mut lock = File::open(state.join("lock")).ok()?;
        match platform::try_lock_shared(&lock) {
            Err(TryLockError::WouldBlock) => {}
            // Nobody holds it: what stands in it is of somebody who has gone.
            _ => return None,
        }
        let mut written = String::new();
        (&mut lock).take(LONGEST).read_to_string(&mut written).ok()?;
        Self::parse(written.trim_end())
    }

    /// Whether somebody holds the state folder, though on a full disk nobody could write who.
    #[must_use]
    pub fn is_there(state: &Path) -> bool {
        let lock = File::open(state.join("lock"));
        lock.is_ok_and(|lock| matches!(platform::try_lock_shared(&lock), Err(TryLockError::WouldBlock)))
    }

    fn parse(written: &str) -> Option<Self> {
        let (host, rest) = written.strip_prefix("host ")?.split_once(", process ")?;
        let (process, socket) = rest.split_once(", socket ")?;
        Some(Self { host: host.to_owned(), process: process.parse().ok()?, socket: socket.into() })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {}, process {}, socket {}", self.host, self.process, self.socket.display())
    }
}

/// A lock file is never longer than this many bytes.
const LONGEST: u64 = 8192;

/// The state folder cannot be locked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Taken {
    /// Another daemon holds it; what it wrote of itself.
    By(String, PathBuf),
    /// The system says no.
    Io(PathBuf, io::Error),
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::By(holder, lock) if holder.is_empty() => {
                write!(f, "another tokend is starting on the same state ({})", lock.display())
            }
            Self::By(holder, lock) => {
                write!(f, "another tokend runs already on the same state: {holder} (lock {})", lock.display())
            }
            Self::Io(path, error) => write!(f, "cannot lock the state at {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for Taken {}

impl Instance {
    /// Locks the state folder, which is made where there is none, and writes down who holds it.
    ///
    /// # Errors
    /// [`Taken`] with the holder's host, process and socket.
    pub fn claim(state: &Path, socket: &Path) -> Result<Self, Taken> {
        let path = state.join("lock");
        let wrong = |error| Taken::Io(path.clone(), error);
        platform::private_folder(state).map_err(wrong)?;
        let mut lock = platform::open_lock(&path).map_err(wrong)?;
        match patiently(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Whoever holds it may be writing just now: then it is unnamed.
                let _ = lock.take(LONGEST).read_to_string(&mut holder);
                return Err(Taken::By(holder.trim_end().to_owned(), path));
            }
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
        let holder =
            Holder { host: platform::host_name(), process: std::process::id(), socket: socket.to_path_buf() };
        // On a full disk the lock holds all the same; only its holder goes unnamed.
        let written = lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| writeln!(lock, "{holder}"));
        if let Err(error) = written {
            tracing::warn!(%error, path = %path.display(), "cannot write down who holds the state");
        }
        Ok(Self { _lock: lock })
    }
}

/// Somebody who only looks who holds the lock holds it for a moment.
fn patiently(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..4 {
        if let Ok(()) = platform::try_lock(lock) {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(15));
    }
    platform::try_lock(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() -> io::Result<()> {
        let state = tempfile::tempdir()?;
        let first = Instance::claim(state.path(), Path::new("/tmp/a.sock")).map_err(io::Error::other)?;
        let second = Instance::claim(state.path(), Path::new("/tmp/b.sock"));
        let message = second.err().map(|taken| taken.to_string()).unwrap_or_default();
        assert!(
            message.contains(&format!("process {}, socket /tmp/a.sock", std::process::id())),
            "{message}"
        );
        let holder = Holder::of(state.path()).map(|holder| (holder.process, holder.socket));
        assert_eq!(holder, Some((std::process::id(), "/tmp/a.sock".into())));
        drop(first);
        assert_eq!(Holder::of(state.path()), None);
        assert!(Instance::claim(state.path(), Path::new("/tmp/b.sock")).is_ok());
        Ok(())
    }
}
