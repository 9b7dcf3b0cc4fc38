//! Where the daemon is, whether it is the right one, and how long to try: what both clients decide alike.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokend_proto::Request;
use tokend_proto::message::Code;

use crate::error::Error;
use crate::platform::{self, Peer, User};

/// How long a busy daemon may take to accept a connection.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);

/// The socket of this user's daemon.
pub(crate) fn socket() -> Result<PathBuf, Error> {
    platform::surroundings().socket().map_err(Error::NoPlace)
}

/// Why connecting failed.
pub(crate) fn not_connected(socket: &Path, source: io::Error) -> Error {
    let socket = socket.to_path_buf();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Error::NotRunning { socket },
        // All of a pipe's instances were taken until the end.
        io::ErrorKind::TimedOut => Error::TimedOut { waited: CONNECT },
        _ => Error::Unreachable { socket, source },
    }
}

/// Whether bytes may be sent to this peer: `false` means that there is no connection yet and another try is due.
pub(crate) fn may_send(socket: &Path, peer: Peer) -> Result<bool, Error> {
    match peer {
        // A full backlog makes a connect with a time limit succeed without a connection (seen in interprocess).
        Peer::NotConnected => Ok(false),
        Peer::User(user) if user.is_superuser() || User::own().is_ok_and(|own| own == user) => Ok(true),
        Peer::User(user) => Err(Error::NotOurs { socket: socket.to_path_buf(), user: Some(user) }),
        Peer::Unknown => Err(Error::NotOurs { socket: socket.to_path_buf(), user: None }),
    }
}

/// What an error of a read or a write means.
pub(crate) fn broken(error: io::Error, waited: Duration) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::TimedOut { waited },
        _ => Error::Lost(error),
    }
}

/// How often a request that may be repeated is sent once more. A daemon that ends in the middle of each is none.
const MOST_REPEATS: u32 = 8;

/// Whether the daemon that comes after this one is asked, too: where systemd holds the socket, a new connection waits for
/// it.
#[derive(Debug)]
pub(crate) struct Repeats {
    may_repeat: bool,
    pauses: Pauses,
    left: u32,
}

impl Repeats {
    pub(crate) fn of(request: &Request) -> Self {
        Self { may_repeat: may_repeat(request), pauses: Pauses::between_daemons(), left: MOST_REPEATS }
    }

    /// How long to wait before the request is sent again on a new connection; none where this error is the answer.
    /// `was_open` says that the connection had been there before: then the daemon has most likely closed it long ago.
    pub(crate) fn after(&mut self, error: &Error, was_open: bool) -> Option<Duration> {
        let may = match error {
            Error::Lost(why) => self.may_repeat || was_open && was_not_read(why),
            // It says itself that it has not done what was asked; one that cannot start will not do so later.
            Error::Failed(failure) => failure.code == Code::NO_DAEMON && failure.kind != "cannot-start",
            _ => false,
        };
        if !may || self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.pauses.next()
    }
}

/// Whether the connection ended before the daemon read the request: what a local socket says of bytes that nobody took.
/// An end without that may come after the request was carried out.
fn was_not_read(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// Whether it does no harm to do twice what may have been done already. A refresh costs the service a second request, and
/// of logins and logouts there is one.
fn may_repeat(request: &Request) -> bool {
    !matches!(
        request,
        Request::Refresh(_)
            | Request::Watch(_)
            | Request::Login(_)
            | Request::LoginRedirect(_)
            | Request::Logout(_)
    )
}

/// Growing pauses between tries.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    /// Between two tries to get into a full backlog.
    pub(crate) fn for_backlog() -> Self {
        Self { next: Duration::from_millis(1), longest: Duration::from_millis(50) }
    }

    /// Between one daemon and the next: none at first, since the socket may be held for it.
    fn between_daemons() -> Self {
        Self { next: Duration::ZERO, longest: Duration::from_secs(1) }
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.next;
        self.next = (pause * 2).clamp(Duration::from_millis(1), self.longest);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use tokend_proto::message::{Failure, Logout};

    use super::*;

    #[test]
    fn a_stranger_gets_nothing() {
        let socket = Path::new("/run/x.sock");
        let (superuser, stranger) = platform::testing::superuser_and_stranger();
        let own = User::own().map(|own| may_send(socket, Peer::User(own)));
        assert!(matches!(own, Ok(Ok(true))));
        assert!(matches!(may_send(socket, Peer::User(superuser)), Ok(true)));
        assert!(matches!(may_send(socket, Peer::NotConnected), Ok(false)));
        let sent = may_send(socket, Peer::User(stranger.clone()));
        assert!(matches!(&sent, Err(Error::NotOurs { user: Some(user), .. }) if *user == stranger));
        assert!(sent.is_err_and(|error| error.message().contains(&format!("{} {stranger}", User::ID))));
        assert!(matches!(may_send(socket, Peer::Unknown), Err(Error::NotOurs { user: None, .. })));
    }

    #[test]
    fn a_missing_socket_and_a_dead_one_both_mean_that_nobody_runs() {
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused] {
            assert!(matches!(not_connected(Path::new("/x"), kind.into()), Error::NotRunning { .. }));
        }
        let forbidden = not_connected(Path::new("/x"), io::ErrorKind::PermissionDenied.into());
        assert!(matches!(forbidden, Error::Unreachable { .. }));
    }

    fn failed(kind: &str) -> Error {
        Error::Failed(Failure {
            code: Code::NO_DAEMON,
            kind: kind.to_owned(),
            message: String::new(),
            hint: String::new(),
            next_try_in_ms: None,
        })
    }

    fn lost() -> Error {
        Error::Lost(io::ErrorKind::UnexpectedEof.into())
    }

    #[test]
    fn what_may_be_repeated_is_asked_of_the_next_daemon_for_a_while() {
        let mut repeats = Repeats::of(&Request::About);
        let pauses: Vec<_> = std::iter::from_fn(|| repeats.after(&lost(), false)).collect();
        assert_eq!(pauses.len(), 8);
        assert_eq!(pauses[0], Duration::ZERO);
        assert!(pauses.is_sorted());
    }

    #[test]
    fn a_logout_is_sent_again_only_if_it_was_not_done() {
        let logout = Request::Logout(Logout { account: "a".to_owned(), local: false });
        assert!(Repeats::of(&logout).after(&lost(), false).is_none());
        // Read, and perhaps done.
        assert!(Repeats::of(&logout).after(&lost(), true).is_none());
        let not_read = Error::Lost(io::ErrorKind::BrokenPipe.into());
        assert!(Repeats::of(&logout).after(&not_read, true).is_some());
        assert!(Repeats::of(&logout).after(&failed("stopping"), false).is_some());
    }

    #[test]
    fn a_daemon_that_cannot_start_is_not_asked_again() {
        let mut repeats = Repeats::of(&Request::About);
        assert!(repeats.after(&failed("cannot-start"), false).is_none());
        assert!(repeats.after(&Error::TimedOut { waited: CONNECT }, false).is_none());
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let pauses: Vec<_> = Pauses::for_backlog().take(8).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 50, 50]);
    }
}
