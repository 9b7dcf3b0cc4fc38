//! A connection to the daemon's socket, and whose that is.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use interprocess::ConnectWaitMode;
use interprocess::local_socket::traits::{Stream as _, StreamCommon};
use interprocess::local_socket::{self, ConnectOptions, GenericFilePath, ToFsName};

use super::super::Peer;
use super::peer::known;

/// A connection whose reads and writes have time limits.
#[derive(Debug)]
pub(crate) struct Stream(local_socket::Stream);

impl Stream {
    /// Connects. The time limit keeps this from blocking where the backlog is full.
    pub(crate) fn connect(socket: &Path, limit: Duration) -> io::Result<Self> {
        options(socket, limit)?.connect_sync().map(Self)
    }

    /// Who listens at the other end.
    pub(crate) fn peer(&self) -> Peer {
        let local_socket::Stream::UdSocket(socket) = &self.0;
        known(self.0.peer_creds(), socket.as_fd())
    }

    /// Writes all of it, and waits no longer than this for room.
    pub(crate) fn write_all(&mut self, bytes: &[u8], limit: Duration) -> io::Result<()> {
        self.0.set_send_timeout(Some(limit))?;
        self.0.write_all(bytes)
    }

    /// Waits for bytes, for so long at most; 0 is the end.
    pub(crate) fn read(&mut self, room: &mut [u8], limit: Option<Duration>) -> io::Result<usize> {
        if limit.is_some() {
            self.0.set_recv_timeout(limit)?;
        }
        self.0.read(room)
    }
}

/// How to connect to it.
pub(super) fn options(socket: &Path, limit: Duration) -> io::Result<ConnectOptions<'_>> {
    let name = socket.to_fs_name::<GenericFilePath>()?;
    Ok(ConnectOptions::new().name(name).wait_mode(ConnectWaitMode::Timeout(limit)))
}
