//! What the library needs of the operating system: where this user's things are, who this user is, and a connection to
//! the daemon of which the system says whose it is. The only home of `unsafe` in the library.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

#[cfg(feature = "tokio")]
pub(crate) use system::AsyncStream;
pub(crate) use system::{Stream, all_surroundings, run_folder, surroundings, words};

pub use system::User;

#[cfg(test)]
pub(crate) use system::testing;

/// Who listens, in the kernel's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peer {
    /// This user.
    User(User),
    /// There is no connection yet.
    NotConnected,
    /// There is one, and the kernel cannot say whose.
    Unknown,
}
