//! Why an installation does not go on, and what the person can do.

use std::fmt::Display;
use std::process::ExitCode;

use crate::ending::{End, complain};

/// What happened, and what to do.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What happened.
    pub(super) what: String,
    /// What to do.
    pub(super) hint: String,
    end: End,
}

impl Trouble {
    /// Something that the person mends, and then says the same once more.
    pub(super) fn new(what: impl Display, hint: impl Display) -> Self {
        Self { what: what.to_string(), hint: hint.to_string(), end: End::Failed }
    }

    /// Another tokend has what the service needs.
    pub(super) fn taken(what: impl Display, hint: impl Display) -> Self {
        Self { end: End::Unavailable, ..Self::new(what, hint) }
    }

    /// Says it.
    pub(super) fn tell(&self) -> ExitCode {
        complain(&self.what, &self.hint, self.end)
    }
}
