//! Unix: uids, `/run/user`, the credentials of a socket's peer.

#[cfg(feature = "tokio")]
mod asynchronous;
mod peer;
mod places;
mod stream;
#[cfg(not(target_os = "macos"))]
pub(crate) mod words;
#[cfg(target_os = "macos")]
#[path = "words_macos.rs"]
pub(crate) mod words;

use std::{fmt, io};

#[cfg(feature = "tokio")]
pub(crate) use self::asynchronous::AsyncStream;
pub(crate) use self::places::{all_surroundings, run_folder, surroundings};
pub(crate) use self::stream::Stream;

/// A user of this system, as the kernel knows it: by uid on Unix, by SID on Windows. That is what `Display` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User(u32);

impl User {
    /// What the number that a user is known by is called: `uid` on Unix, `SID` on Windows.
    pub const ID: &'static str = "uid";

    /// The user that this process acts as.
    ///
    /// # Errors
    /// What the system said; on Unix there are none.
    #[expect(clippy::unnecessary_wraps, reason = "Windows may say no")]
    pub fn own() -> io::Result<Self> {
        Ok(Self(rustix::process::geteuid().as_raw()))
    }

    /// Whether this user may do everything anyway: root on Unix, `LocalSystem` on Windows.
    #[must_use]
    pub fn is_superuser(&self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn with_uid(uid: u32) -> Self {
        Self(uid)
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::User;

    /// The superuser, and somebody who is neither that nor who runs this test.
    pub(crate) fn superuser_and_stranger() -> (User, User) {
        (User(0), User(rustix::process::geteuid().as_raw() + 1))
    }
}
