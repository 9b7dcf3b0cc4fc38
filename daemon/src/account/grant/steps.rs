//! What happens to a grant, and what is to be done about it.

use std::sync::Arc;

use tokend_proto::Secret;

use super::kept::Kept;
use super::people::NewLogin;
use crate::clock::{Moment, Steady};
use crate::provider::{Failure, Minted, Revoked};

/// A life that wants a token, which costs a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Which life: the account's own, or a variant's.
    pub life: u64,
    /// Which attempt of it.
    pub generation: u64,
}

/// Until when tokens are there to be served.
#[derive(Debug, Clone, Copy, Default)]
pub struct InHand {
    /// The longest, of whichever life of the account.
    pub of_any: Option<Steady>,
    /// That of the life for which the grant is looked at ([`Grant::asker`](super::Grant::asker)).
    pub of_the_asker: Option<Steady>,
}

/// What happens to a grant.
#[derive(Debug)]
pub enum Event {
    /// A life wants a token.
    Wanted(Want),
    /// It does not any more. What is sent already goes on to its end.
    Withdrawn(u64),
    /// Answers [`Effect::Load`].
    Loaded(Result<Option<Kept>, Failure>),
    /// Answers [`Effect::ReadSource`].
    Sourced(Result<Arc<Secret>, Failure>),
    /// Answers [`Effect::TakeTurn`].
    Turn(Want),
    /// Answers [`Effect::TakeTurn`], too: where the service is cannot be found out.
    Unready(Want, Failure),
    /// Answers [`Effect::Write`].
    Written(Result<(), Unwritten>),
    /// Answers [`Effect::Send`]. `requested` is the moment before.
    Answered {
        /// Before the request was sent.
        requested: Moment,
        /// What came of it.
        result: Result<Minted, Failure>,
    },
    /// What the disk has is looked at, though nobody wants a token.
    Look,
    /// A person has logged in.
    LoggedIn(Box<NewLogin>),
    /// A person logs out.
    LogOut {
        /// Without telling the service.
        local: bool,
    },
    /// Answers [`Effect::Revoke`].
    Revoked(Result<Revoked, Failure>),
    /// Whoever worked on the last effect has broken down.
    Broke(Failure),
    /// The person locks: what is on disk is forgotten here, as soon as nothing is under way.
    Locked,
    /// The daemon stops: nothing new begins, but what is not on disk is written there once more.
    Closing,
    /// What could not be written before may be written now: the store was opened.
    Writable,
    /// Time has passed.
    Tick,
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwritten {
    /// The store is locked.
    Locked,
    /// The disk, or the store, for this reason.
    Refused(String),
}

/// What is to be done. Each but [`Effect::Done`], [`Effect::LoggedIn`] and [`Effect::LoggedOut`] is answered by its event;
/// there is one at a time, and an answer to an earlier one must not be passed on.
#[derive(Debug)]
pub enum Effect {
    /// Read what was kept.
    Load,
    /// Read the first refresh token from its source.
    ReadSource(Want),
    /// Wait until the service may be asked, and find out where it is.
    TakeTurn(Want),
    /// Put this on the disk, in the place of what is there.
    Write(Kept),
    /// Remove what is there; answered as [`Effect::Write`] is.
    Remove,
    /// Tell the service that the login is over, with this refresh token if there is one.
    Revoke(Option<Arc<Secret>>),
    /// The login counts: its token may be served.
    LoggedIn(Box<NewLogin>),
    /// The login is forgotten, or why not.
    LoggedOut(Result<Revoked, Failure>),
    /// Send this refresh token.
    Send(Want, Arc<Secret>),
    /// The attempt has ended.
    Done {
        /// Whose.
        want: Want,
        /// Before its request was sent, or the moment when it was not.
        requested: Moment,
        /// What came of it.
        result: Result<Minted, Failure>,
    },
}
