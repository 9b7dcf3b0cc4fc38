//! What can go wrong between a program and its daemon, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

use tokend_proto::limits::PROTOCOL;
use tokend_proto::message::{Code, Failure};
use tokend_proto::places::NoPlace;

use crate::platform::{User, words};

/// Why there is no answer, or which one the daemon gave instead of what was asked for.
///
/// `Display` says what happened; [`hint`](Self::hint) says what to do. Neither ever holds a token.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Nothing says where the socket is. Whose fault: the environment's.
    NoPlace(NoPlace),
    /// Nobody listens on the socket.
    NotRunning {
        /// Where the daemon was looked for.
        socket: PathBuf,
    },
    /// The socket is there and cannot be used: no permission, a path that is too long, no socket at all.
    Unreachable {
        /// Where the daemon was looked for.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another user listens on the socket; nothing was sent.
    NotOurs {
        /// Where the daemon was looked for.
        socket: PathBuf,
        /// Whose it is, where the kernel can say (it cannot across PID namespaces).
        user: Option<User>,
    },
    /// The daemon speaks other protocols than this client.
    Protocol {
        /// The ones that it speaks.
        spoken: Vec<u16>,
    },
    /// The daemon does not know this kind of request: it is older than its client.
    Unsupported {
        /// The request's name.
        request: &'static str,
    },
    /// The daemon says no, or not now, and why.
    Failed(Failure),
    /// The daemon did not answer in time. The connection is given up.
    TimedOut {
        /// How long it was given.
        waited: Duration,
    },
    /// The connection ended before the answer, twice in a row.
    Lost(io::Error),
    /// The daemon sent something that is no answer to what was asked. Whose fault: the daemon's.
    Malformed(&'static str),
    /// The request cannot be sent as it is. Whose fault: the caller's.
    Request(&'static str),
}

impl Error {
    /// What `tok` exits with for it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NoPlace(_)
            | Self::NotRunning { .. }
            | Self::Unreachable { .. }
            | Self::NotOurs { .. }
            | Self::Protocol { .. }
            | Self::TimedOut { .. }
            | Self::Lost(_) => Code::NO_DAEMON,
            Self::Failed(failure) => failure.code,
            Self::Unsupported { .. } | Self::Malformed(_) => Code::INTERNAL,
            Self::Request(_) => Code::USAGE,
        }
    }

    /// A word for programs; the daemon's own for a [`Failure`].
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::NoPlace(_) => "no-place",
            Self::NotRunning { .. } => "not-running",
            Self::Unreachable { .. } => "socket-unusable",
            Self::NotOurs { .. } => "not-ours",
            Self::Protocol { .. } => "protocol",
            Self::Unsupported { .. } => "unsupported",
            Self::Failed(failure) => &failure.kind,
            Self::TimedOut { .. } => "timed-out",
            Self::Lost(_) => "lost",
            Self::Malformed(_) => "malformed",
            Self::Request(_) => "usage",
        }
    }

    /// What happened, as `Display` says it.
    #[must_use]
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoPlace(NoPlace::NotAbsolute | NoPlace::NotAPipe) => words::SET_SOCKET.to_owned(),
            Self::NoPlace(_) => words::SET_PLACES.to_owned(),
            Self::NotRunning { .. } => words::START.to_owned(),
            Self::Unreachable { .. } => words::LOOK_AT_SOCKET.to_owned(),
            Self::NotOurs { user: Some(_), .. } => {
                "nothing was sent; unset TOKEND_SOCK, or call tok as the user whose daemon it is".to_owned()
            }
            Self::NotOurs { user: None, .. } => words::NOT_KNOWN_WHOSE.to_owned(),
            Self::Protocol { spoken } if spoken.iter().all(|number| *number > PROTOCOL) => {
                "the daemon is newer: install the client that came with it".to_owned()
            }
            Self::Protocol { .. } | Self::Unsupported { .. } => {
                format!("the daemon is older than its client: {}", words::RESTART)
            }
            Self::Failed(failure) => failure.hint.clone(),
            Self::TimedOut { .. } | Self::Lost(_) | Self::Malformed(_) => words::LOOK_AT_IT.to_owned(),
            Self::Request(_) => "shorten the request".to_owned(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlace(reason) => write!(f, "it is not known where tokend's socket is: {reason}"),
            Self::NotRunning { socket } => {
                write!(f, "tokend is not running (no one listens on {})", socket.display())
            }
            Self::Unreachable { socket, source } => {
                write!(f, "cannot connect to tokend on {}: {source}", socket.display())
            }
            Self::NotOurs { socket, user: Some(user) } => {
                write!(f, "the daemon on {} belongs to the user with {} {user}", socket.display(), User::ID)
            }
            Self::NotOurs { socket, user: None } => {
                write!(f, "the kernel cannot say whose the daemon on {} is", socket.display())
            }
            Self::Protocol { spoken } => {
                write!(f, "tokend does not speak protocol {PROTOCOL}, but ")?;
                match spoken.as_slice() {
                    [] => f.write_str("names none"),
                    [one] => write!(f, "{one}"),
                    [first, rest @ ..] => {
                        write!(f, "{first}")?;
                        rest.iter().try_for_each(|number| write!(f, ", {number}"))
                    }
                }
            }
            Self::Unsupported { request } => {
                write!(f, "the running tokend does not know the request `{request}`")
            }
            Self::Failed(failure) => write!(f, "{failure}"),
            Self::TimedOut { waited } => {
                write!(f, "tokend did not answer within {} s", waited.as_millis().div_ceil(1000))
            }
            Self::Lost(source) => write!(f, "tokend ended the connection before it answered ({source})"),
            Self::Malformed(what) => write!(f, "tokend answered with {what}"),
            Self::Request(what) => write!(f, "{what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoPlace(source) => Some(source),
            Self::Unreachable { source, .. } | Self::Lost(source) => Some(source),
            Self::Failed(source) => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_daemon_and_a_newer_one_are_told_apart() {
        let older = Error::Protocol { spoken: vec![0] };
        let newer = Error::Protocol { spoken: vec![2, 3] };
        assert!(older.hint().contains("restart"), "{}", older.hint());
        assert!(newer.hint().contains("newer"), "{}", newer.hint());
        assert_eq!(newer.message(), "tokend does not speak protocol 1, but 2, 3");
    }

    #[test]
    fn who_does_not_run_is_started_by_the_hint() {
        let error = Error::NotRunning { socket: "/run/x.sock".into() };
        assert_eq!(error.code(), Code::NO_DAEMON);
        assert!(error.message().contains("/run/x.sock"));
        assert_eq!(error.hint(), words::START);
        assert!(error.hint().contains("tokend env"));
    }

    #[test]
    fn the_daemons_own_words_are_passed_on() {
        let error = Error::Failed(Failure {
            code: Code::REFUSED,
            kind: "refused".to_owned(),
            message: "the service said no".to_owned(),
            hint: "change the secret".to_owned(),
            next_try_in_ms: None,
        });
        assert_eq!((error.code(), error.kind()), (Code::REFUSED, "refused"));
        assert_eq!(
            (error.message().as_str(), error.hint().as_str()),
            ("the service said no", "change the secret")
        );
    }
}
