//! The same connection for programs that run on tokio.

use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::{AsRawHandle, BorrowedHandle};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient};
use windows_sys::Win32::Foundation::{ERROR_NO_DATA, ERROR_PIPE_BUSY, ERROR_PIPE_NOT_CONNECTED};
use windows_sys::Win32::Storage::FileSystem::SECURITY_IDENTIFICATION;

use super::super::Peer;
use super::owner;
use super::stream::{is, name};
use crate::{clock, reach};

/// A connection; its time limits are its caller's.
#[derive(Debug)]
pub(crate) struct AsyncStream(NamedPipeClient);

impl AsyncStream {
    /// Connects, and waits no longer than this where all instances of the pipe are taken.
    pub(crate) async fn connect(pipe: &Path, limit: Duration) -> io::Result<Self> {
        let name = name(pipe)?;
        let name = std::ffi::OsString::from_wide(&name[..name.len() - 1]);
        let deadline = clock::deadline(limit);
        for pause in reach::Pauses::for_backlog() {
            match ClientOptions::new().security_qos_flags(SECURITY_IDENTIFICATION).open(&name) {
                Err(error) if is(&error, ERROR_PIPE_BUSY) => {}
                other => return other.map(Self),
            }
            let Some(left) = clock::left(deadline) else { break };
            tokio::time::sleep(pause.min(left)).await;
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Who listens at the other end.
    #[expect(unsafe_code, reason = "tokio's pipe lends no handle")]
    pub(crate) fn peer(&self) -> Peer {
        // SAFETY: the handle is open for as long as the pipe is borrowed here.
        owner::peer(unsafe { BorrowedHandle::borrow_raw(self.0.as_raw_handle()) })
    }

    /// Writes all of it.
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await.map_err(|error| {
            let closed = is(&error, ERROR_NO_DATA) || is(&error, ERROR_PIPE_NOT_CONNECTED);
            if closed { io::ErrorKind::BrokenPipe.into() } else { error }
        })
    }

    /// Waits for bytes; 0 is the end. May be given up without losing any.
    pub(crate) async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.0.read(room).await {
            Err(error)
                if error.kind() == io::ErrorKind::BrokenPipe || is(&error, ERROR_PIPE_NOT_CONNECTED) =>
            {
                Ok(0)
            }
            other => other,
        }
    }
}
