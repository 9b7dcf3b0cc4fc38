//! How it is known that a daemon is ready: it says `READY=1` (`sd_notify(3)`).

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

/// How long one look takes.
const LOOK: Duration = Duration::from_millis(20);

/// Hears when a daemon is ready.
#[derive(Debug)]
pub struct Readiness {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Readiness {
    /// For a daemon in the home at this place.
    ///
    /// # Panics
    /// When there is no room for a socket.
    #[must_use]
    pub fn of(home: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("n").tempdir_in(home).expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("s")).expect("a socket for READY=1");
        socket.set_read_timeout(Some(LOOK)).expect("a read timeout");
        Self { folder, socket }
    }

    /// Lets a daemon tell it. Before the command is changed.
    pub fn announce(&self, command: &mut Command) {
        command.env("NOTIFY_SOCKET", self.folder.path().join("s"));
    }

    /// What is looked at when this command, as it is now, has been started.
    #[expect(clippy::unused_self, reason = "other systems look at it")]
    pub fn watch(&mut self, _command: &Command) {}

    /// Whether it was said; waits a moment for it.
    ///
    /// # Panics
    /// When the socket cannot be read.
    #[must_use]
    pub fn is_there(&self) -> bool {
        let mut message = [0; 1024];
        match self.socket.recv(&mut message) {
            Ok(length) => message[..length].starts_with(b"READY=1"),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => false,
            Err(error) => panic!("waiting for READY=1: {error}"),
        }
    }

    /// How many looks make up this patience.
    #[must_use]
    pub fn looks(patience: Duration) -> u128 {
        patience.as_millis() / LOOK.as_millis()
    }
}
