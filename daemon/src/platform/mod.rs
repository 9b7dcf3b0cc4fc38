//! The few places where the operating system shows; the only home of `unsafe` and of `cfg` by system.

#[cfg(windows)]
mod folder_watch;
mod key_page;
pub mod keyring;
mod leftovers;
pub mod notification;
mod supervisor;
mod temporary;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

/// What tests need of a system beyond what the programs do.
#[cfg(test)]
pub(crate) mod testing;

#[cfg(windows)]
pub use folder_watch::{FolderWatch, FolderWatches};
pub use key_page::{memory_is_locked, seal_secrets};
pub use leftovers::scrub_stack;
pub use supervisor::Supervisor;

/// What asks the daemon for something from outside, without a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// It is to end.
    End,
    /// It is to read its configuration again.
    Reload,
    /// Its terminal went away: the end of what ran on it; for others the old word for a reload.
    HangUp,
}

/// What is known of a socket's other end.
#[derive(Debug)]
pub enum Listens {
    /// A program listens there.
    Somebody,
    /// A socket that its program has left.
    Nobody,
    /// Something else, or the system does not say.
    Unknown(std::io::Error),
}
