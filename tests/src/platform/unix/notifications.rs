//! What a daemon tells systemd, heard in systemd's place (`sd_notify(3)`).

#![expect(clippy::missing_panics_doc, reason = "each of these stops its test when it cannot go on")]

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Hears what is told at `$NOTIFY_SOCKET`.
#[derive(Debug)]
pub struct Notifications {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Notifications {
    /// Listens from now on.
    #[must_use]
    pub fn listen() -> Self {
        let folder = tempfile::Builder::new().prefix("ntf").tempdir().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("s")).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        Self { folder, socket }
    }

    /// Lets a daemon tell it.
    pub fn hear(&self, command: &mut Command) {
        command.env("NOTIFY_SOCKET", self.folder.path().join("s"));
    }

    /// The next message.
    #[must_use]
    pub fn next(&self) -> String {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..length]).into_owned()
    }

    /// The next message that has this in it, and those before.
    #[must_use]
    pub fn until(&self, wanted: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            heard.push(self.next());
            if heard.last().is_some_and(|message| message.contains(wanted)) {
                return heard;
            }
        }
    }
}
