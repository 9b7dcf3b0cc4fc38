//! Users, by their numbers.

use std::fmt;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User(u32);

impl User {
    /// The user with this number.
    #[must_use]
    pub(in crate::platform) fn with_number(number: u32) -> Self {
        Self(number)
    }

    /// Whether it is root.
    #[must_use]
    pub fn is_superuser(&self) -> bool {
        self.0 == 0
    }

    /// Whether it is this process's own user, or root, who can do anything anyway.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.is_superuser() || *self == own_user()
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The user whose daemon this is.
#[must_use]
pub fn own_user() -> User {
    User(rustix::process::geteuid().as_raw())
}
