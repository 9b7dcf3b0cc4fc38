//! Why a story ends before its end.

use std::io;

use tokend_tests::interrupt::Interrupted;

/// The end of a story that was not told to its end.
#[derive(Debug)]
pub(crate) enum Cut {
    /// A step did not do what it says.
    Failed(String),
    /// Ctrl-C, or another polite signal.
    Interrupted,
    /// Standard output cannot be written: nobody listens any more.
    Unheard,
}

impl Cut {
    /// A step did not do what it says.
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::Failed(what.into())
    }
}

/// Only what is written to standard output fails with an `io::Error` here.
impl From<io::Error> for Cut {
    fn from(_: io::Error) -> Self {
        Self::Unheard
    }
}

impl From<Interrupted> for Cut {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// A step does what it says, or the story ends.
pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Cut> {
    if holds { Ok(()) } else { Err(Cut::Failed(otherwise())) }
}
