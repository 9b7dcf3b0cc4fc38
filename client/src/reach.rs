//! Where the daemon is, whether it is the right one, and how long to try: what both clients decide alike.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interprocess::ConnectWaitMode;
use interprocess::local_socket::{ConnectOptions, GenericFilePath, ToFsName};
use tokend_proto::message::Code;

use crate::error::Error;
use crate::platform::{self, Peer};

/// How long a busy daemon may take to accept a connection.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);

/// The socket of this user's daemon.
pub(crate) fn socket() -> Result<PathBuf, Error> {
    platform::surroundings().socket().map_err(Error::NoPlace)
}

/// How to connect to it. The time limit keeps `connect` from blocking where the backlog is full.
pub(crate) fn options(socket: &Path, limit: Duration) -> Result<ConnectOptions<'_>, Error> {
    let name = socket.to_fs_name::<GenericFilePath>().map_err(|source| not_connected(socket, source))?;
    Ok(ConnectOptions::new().name(name).wait_mode(ConnectWaitMode::Timeout(limit)))
}

/// Why connecting failed.
pub(crate) fn not_connected(socket: &Path, source: io::Error) -> Error {
    let socket = socket.to_path_buf();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Error::NotRunning { socket },
        _ => Error::Unreachable { socket, source },
    }
}

/// Whether bytes may be sent to this peer: `false` means that there is no connection yet and another try is due.
pub(crate) fn may_send(socket: &Path, peer: Peer) -> Result<bool, Error> {
    match peer {
        // A full backlog makes a connect with a time limit succeed without a connection (seen in interprocess).
        Peer::NotConnected => Ok(false),
        Peer::Uid(uid) if uid == 0 || uid == platform::own_uid() => Ok(true),
        Peer::Uid(uid) => Err(Error::NotOurs { socket: socket.to_path_buf(), uid: Some(uid) }),
        Peer::Unknown => Err(Error::NotOurs { socket: socket.to_path_buf(), uid: None }),
    }
}

/// What an error of a read or a write means.
pub(crate) fn broken(error: io::Error, waited: Duration) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::TimedOut { waited },
        _ => Error::Lost(error),
    }
}

/// Whether the daemon that comes after this one would answer: it is stopping, or gone. Where systemd holds the
/// socket, a new connection waits for the next daemon.
pub(crate) fn is_worth_another_connection(error: &Error) -> bool {
    match error {
        Error::Lost(_) => true,
        Error::Failed(failure) => failure.code == Code::NO_DAEMON,
        _ => false,
    }
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
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_gets_nothing() {
        let socket = Path::new("/run/x.sock");
        let own = platform::own_uid();
        assert!(matches!(may_send(socket, Peer::Uid(own)), Ok(true)));
        assert!(matches!(may_send(socket, Peer::Uid(0)), Ok(true)));
        assert!(matches!(may_send(socket, Peer::NotConnected), Ok(false)));
        let stranger = may_send(socket, Peer::Uid(own + 1));
        assert!(matches!(&stranger, Err(Error::NotOurs { uid: Some(uid), .. }) if *uid == own + 1));
        assert!(stranger.is_err_and(|error| error.message().contains(&format!("uid {}", own + 1))));
        assert!(matches!(may_send(socket, Peer::Unknown), Err(Error::NotOurs { uid: None, .. })));
    }

    #[test]
    fn a_missing_socket_and_a_dead_one_both_mean_that_nobody_runs() {
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused] {
            assert!(matches!(not_connected(Path::new("/x"), kind.into()), Error::NotRunning { .. }));
        }
        let forbidden = not_connected(Path::new("/x"), io::ErrorKind::PermissionDenied.into());
        assert!(matches!(forbidden, Error::Unreachable { .. }));
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let pauses: Vec<_> = Pauses::for_backlog().take(8).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 50, 50]);
    }
}
