//! What `tok` exits with, and programs decide by.

use serde::{Deserialize, Serialize};

/// Exit codes of `tok`, the same in every subcommand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Code(pub u8);

impl Code {
    /// A fault of tokend's own.
    pub const INTERNAL: Self = Self(1);
    /// The call's words are off.
    pub const USAGE: Self = Self(2);
    /// No such account or secret.
    pub const UNKNOWN: Self = Self(3);
    /// A person must log in.
    pub const LOGIN_NEEDED: Self = Self(4);
    /// The service refused the credentials, or the only token there is.
    pub const REFUSED: Self = Self(5);
    /// The service cannot be reached, is not ready, or took too long.
    pub const NOT_NOW: Self = Self(6);
    /// Access denied by the account's rules.
    pub const DENIED: Self = Self(7);
    /// The daemon is not running or did not answer.
    pub const NO_DAEMON: Self = Self(8);
    /// Locked.
    pub const LOCKED: Self = Self(9);
    /// The service never gives a token that long.
    pub const NEVER_THAT_LONG: Self = Self(10);
}
