//! Why the store cannot do what it was asked: what happened and what to do, for the daemon and for the
//! command line.

use std::fmt;
use std::io;
use std::path::Path;

use crate::document::printable;
use crate::newer::{self, Newer};
use crate::platform::files::{Facts, Kind};
use crate::platform::remedies;
use crate::provider::{Class, Failure};

/// What went wrong. Holds no secret: `message` and `hint` go to people and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which sort.
    pub sort: Sort,
    /// A word for programs, such as `secret-missing`.
    pub kind: &'static str,
    /// What happened; one line.
    pub message: String,
    /// What to do; one line.
    pub hint: String,
}

/// The sorts of trouble, by what a person can do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// The words of the call are off, or it does not fit what is there.
    Usage,
    /// There is no such secret.
    Missing,
    /// Something lies in the store that is not safe or not whole: a person must look.
    Refused,
    /// The identity is not at hand until a passphrase is given.
    Locked,
    /// Something else than the store is not ready: a keyring, a device.
    NotNow,
    /// The system refused, which may pass.
    Fault,
}

impl Trouble {
    /// The words of the call are off.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Sort::Usage, "usage", message, hint)
    }

    /// There is no such secret.
    pub fn missing(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Sort::Missing, "secret-missing", message, hint)
    }

    /// A person must look.
    pub fn refused(kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Sort::Refused, kind, message, hint)
    }

    /// A newer tokend has written it: nothing is done with it.
    #[must_use]
    pub fn newer(newer: &Newer) -> Self {
        Self::refused(newer::KIND, newer.to_string(), newer.hint())
    }

    /// Something else than the store is not ready.
    pub fn not_now(kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Sort::NotNow, kind, message, hint)
    }

    /// A passphrase is needed.
    #[must_use]
    pub fn locked() -> Self {
        let Failure { kind, message, hint, .. } = Failure::locked();
        Self { sort: Sort::Locked, kind, message, hint }
    }

    /// The system refused, or something of ours is broken.
    pub fn fault(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Sort::Fault, "store-io", message, hint)
    }

    /// `doing` something with `path` failed.
    pub(super) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind as E;
        let path = shown(path);
        let message = format!("cannot {doing} {path}: {error}");
        match error.kind() {
            E::PermissionDenied | E::ReadOnlyFilesystem => Self::refused(
                "store-closed",
                message,
                format!(
                    "see `{}` and its folder: they must be this user's own, and writable",
                    remedies::look(&path)
                ),
            ),
            E::StorageFull | E::QuotaExceeded => Self::fault(message, "make room, and do it again"),
            E::NotADirectory | E::IsADirectory | E::InvalidFilename | E::NotFound => {
                Self::refused("store-strange", message, format!("see `{}`", remedies::look_inside(&path)))
            }
            _ => Self::fault(message, format!("try again; {}", remedies::FAILING_DISKS)),
        }
    }

    fn new(sort: Sort, kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { sort, kind, message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Trouble {}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let Trouble { sort, kind, message, hint } = trouble;
        match sort {
            Sort::Usage | Sort::Missing | Sort::Refused => Self::source(kind, message, hint),
            Sort::Locked => Self::locked(),
            Sort::NotNow | Sort::Fault => Self::not_now(kind, message, hint),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let Failure { class, kind, message, hint, .. } = failure;
        let sort = match class {
            Class::NotNow => Sort::NotNow,
            Class::Locked => Sort::Locked,
            Class::No | Class::Doubtful | Class::Source | Class::LoginNeeded => Sort::Refused,
        };
        Self { sort, kind, message, hint }
    }
}

/// A path as people may see it.
pub(super) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy(), 300)
}

/// How closed a file of the store must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// Nobody else may read or write it.
    ToAll,
    /// Nobody else may write it; what is in it is encrypted, or public.
    ToWriters,
}

/// Whether a file in the store is one, and nobody else may do with it what would harm. `what` says what it
/// should be.
pub(super) fn check(path: &Path, facts: &Facts, closed: Closed, what: &str) -> Result<(), Trouble> {
    let open = match closed {
        Closed::ToAll => facts.others_may_touch(),
        Closed::ToWriters => facts.others_may_write(),
    };
    let path = shown(path);
    if facts.kind != Kind::Regular {
        let it = if facts.kind == Kind::Folder { "a folder" } else { "no regular file" };
        Err(Trouble::refused(
            "store-strange",
            format!("{path} is {it}, where {what} should be"),
            format!("look at it (`{}`), and move it away; nothing was changed", remedies::look(&path)),
        ))
    } else if !facts.trusted_owner {
        Err(Trouble::refused(
            "store-open",
            format!("{path} belongs to user {}, who can change it", facts.owner),
            format!("if you trust what is in it, make it yours: `{}`", remedies::own(&path)),
        ))
    } else if open {
        Err(Trouble::refused(
            "store-open",
            format!("{path} is open to others ({})", facts.openness()),
            format!("close it: `{}`", remedies::close(&path)),
        ))
    } else {
        Ok(())
    }
}

/// What to say of a symbolic link where a file of the store should be.
pub(super) fn is_a_link(path: &Path, what: &str) -> Trouble {
    let path = shown(path);
    Trouble::refused(
        "store-strange",
        format!("{path} is a symbolic link, where {what} should be"),
        "put the file itself there, or remove the link; nothing was read or changed".to_owned(),
    )
}
