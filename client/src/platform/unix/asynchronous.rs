//! The same connection for programs that run on tokio.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use interprocess::local_socket;
use interprocess::local_socket::traits::StreamCommon;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::Peer;
use super::peer::known;
use super::stream::options;

/// A connection; its time limits are its caller's.
#[derive(Debug)]
pub(crate) struct AsyncStream(local_socket::tokio::Stream);

impl AsyncStream {
    /// Connects. The time limit keeps this from blocking where the backlog is full.
    pub(crate) async fn connect(socket: &Path, limit: Duration) -> io::Result<Self> {
        options(socket, limit)?.connect_tokio().await.map(Self)
    }

    /// Who listens at the other end.
    pub(crate) fn peer(&self) -> Peer {
        let local_socket::tokio::Stream::UdSocket(socket) = &self.0;
        known(self.0.peer_creds(), socket.as_fd())
    }

    /// Writes all of it.
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// Waits for bytes; 0 is the end. May be given up without losing any.
    pub(crate) async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room).await
    }
}
