//! Windows: SIDs, Known Folders, named pipes and who serves them.

#[cfg(feature = "tokio")]
mod asynchronous;
mod owner;
mod places;
mod stream;
mod user;
pub(crate) mod words;

#[cfg(feature = "tokio")]
pub(crate) use self::asynchronous::AsyncStream;
pub(crate) use self::places::{all_surroundings, run_folder, surroundings};
pub(crate) use self::stream::Stream;
pub use self::user::User;

#[cfg(test)]
pub(crate) mod testing {
    use super::User;

    /// The superuser, and somebody who is neither that nor who runs this test.
    pub(crate) fn superuser_and_stranger() -> (User, User) {
        (User::with_sid("S-1-5-18"), User::with_sid("S-1-5-21-1-2-3-4711"))
    }
}
