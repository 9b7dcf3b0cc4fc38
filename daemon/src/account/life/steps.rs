//! What happens to a token's life, and what is to be done about it.

use std::sync::Arc;
use std::time::Duration;

use tokend_proto::message;

use crate::account::policy::Policy;
use crate::account::token::{Need, Token};
use crate::clock::{Moment, Steady};
use crate::provider::{Failure, Minted, Probe};

/// A caller that waits.
pub type WaiterId = u64;

/// What never changes in a life.
#[derive(Debug, Clone)]
pub struct Traits {
    /// The account's name, for messages.
    pub account: String,
    /// Whether the service can be asked if a token lives.
    pub can_probe: bool,
    /// Whether asking again can bring another token.
    pub renews: bool,
    /// The lifetime that tokens of this type are assumed to have where nobody tells.
    pub assumed_lifetime: Option<Duration>,
    /// Whether it is a variant that a caller asked for: kept on demand, whatever the policy says.
    pub variant: bool,
    /// Where the jitter begins.
    pub seed: u64,
}

/// A caller's question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Whom to answer.
    pub waiter: WaiterId,
    /// What it needs.
    pub need: Need,
    /// Until when it waits.
    pub deadline: Steady,
}

/// What happens to a token's life.
#[derive(Debug)]
pub enum Event {
    /// The account is there now, or is to be looked at again after its configuration was read.
    Started,
    /// A file of its secret has changed: it is to be looked at again.
    Mended,
    /// Somebody wants the token.
    Asked(Ask),
    /// Somebody wants a new one, even if the old one has life left. Its need does not count.
    Refresh(Ask),
    /// A service refused the token with this SHA-256.
    Rejected([u8; 32]),
    /// An attempt ended. `requested` is the moment before its request was sent.
    Minted {
        /// Which attempt.
        generation: u64,
        /// When it was sent.
        requested: Moment,
        /// What came of it.
        result: Result<Minted, Failure>,
    },
    /// The service was asked whether the token lives.
    Probed {
        /// Which attempt.
        generation: u64,
        /// What it said.
        result: Result<Probe, Failure>,
    },
    /// The attempt that waited for its turn at the service has it now; or it goes there with a crowd.
    Turn {
        /// Which attempt.
        generation: u64,
        /// The rest of the crowd needs about this long.
        crowd: Option<Duration>,
    },
    /// The account is to be kept in another way.
    Kept(Policy),
    /// The service is asked in another way from now on: what went wrong before may go well.
    SetOtherwise,
    /// What was kept of an earlier run has been read: a token, or nothing.
    Restored(Option<Restored>),
    /// The person locks: the token is forgotten, and none is served until [`Event::Unlocked`].
    Locked,
    /// The store is open again, and whoever was locked may go on.
    Unlocked {
        /// Whether what was kept is read first; [`Event::Restored`] follows.
        restoring: bool,
    },
    /// A person has logged in: what was held of an earlier login is forgotten. The tokens, where they are this life's own,
    /// and the moment before they were asked for.
    LoggedIn(Option<(Moment, Minted)>),
    /// A person has logged out.
    LoggedOut(Failure),
    /// The account whose token this one trades has a new login.
    LenderLoggedIn,
    /// Time has passed.
    Tick,
}

/// A token of an earlier run.
#[derive(Debug)]
pub struct Restored {
    /// The token; its generation is given anew.
    pub token: Token,
    /// Whether its life is in doubt: the service did not tell it, or a clock was set meanwhile.
    pub in_doubt: bool,
    /// The wall shows an earlier time than when it was asked for: nobody knows how old it is.
    pub clock_was_set_back: bool,
}

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Ask the service for a token.
    Mint {
        /// Which attempt.
        generation: u64,
    },
    /// Ask the service whether this token lives.
    Probe {
        /// Which attempt.
        generation: u64,
        /// The token.
        token: Arc<Token>,
    },
    /// Answer a caller.
    Answer(WaiterId, Reply),
}

/// What a caller gets.
#[derive(Debug)]
pub enum Reply {
    /// The token, and what its caller should know.
    Token(Arc<Token>, Vec<String>),
    /// Why not.
    Failure(message::Failure),
}
