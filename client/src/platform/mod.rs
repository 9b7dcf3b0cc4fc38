//! What the library needs of the operating system: where this user's things are, and who listens on a socket.

#[cfg(unix)]
mod unix;

#[cfg(all(unix, feature = "tokio"))]
pub(crate) use unix::peer_of_async;
#[cfg(unix)]
pub(crate) use unix::{all_surroundings, own_uid, peer, surroundings};

#[cfg(not(unix))]
compile_error!(
    "tokend-client is not built for this system yet; Windows' named pipes are an issue of their own"
);

/// Who listens, in the kernel's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// This user.
    Uid(u32),
    /// There is no connection yet.
    NotConnected,
    /// There is one, and the kernel cannot say whose.
    Unknown,
}
