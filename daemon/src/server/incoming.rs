//! A connection's bytes become frames; nothing is allocated for what was only announced.

use std::io;

use tokend_proto::frame::{self, HEADER};
use tokend_proto::limits::MAX_REQUEST;
use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::Zeroize;

/// What one read takes at most; the buffer grows by as much only when that much has arrived.
const CHUNK: usize = 1024;

/// So much is kept of what a client sends while it is owed an answer.
const AHEAD: usize = 4 * CHUNK;

/// The bytes of a client that have arrived and were not yet taken as frames.
#[derive(Debug)]
pub(super) struct Incoming<R> {
    source: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, buffer: Vec::new() }
    }

    /// Whether part of a frame has arrived.
    pub(super) fn has_begun(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next whole frame's payload, if it has arrived. It stays until it is [forgotten](Self::forget).
    ///
    /// # Errors
    /// `InvalidData` for a frame beyond the limit.
    pub(super) fn frame(&self) -> io::Result<Option<&[u8]>> {
        let Some(header) = self.buffer.first_chunk::<HEADER>() else { return Ok(None) };
        let length = frame::announced(*header, MAX_REQUEST)
            .map_err(|oversize| io::Error::new(io::ErrorKind::InvalidData, oversize))?;
        Ok(self.buffer.get(HEADER..HEADER + length))
    }

    /// Drops the frame with a payload of so many bytes.
    pub(super) fn forget(&mut self, payload: usize) {
        let taken = (HEADER + payload).min(self.buffer.len());
        let rest = self.buffer.len() - taken;
        self.buffer.copy_within(taken.., 0);
        // It may have held a passphrase.
        self.buffer[rest..].zeroize();
        self.buffer.truncate(rest);
        if self.buffer.len() <= CHUNK && self.buffer.capacity() > AHEAD {
            self.buffer.shrink_to(CHUNK);
        }
    }

    /// Drops whatever has arrived, which nobody reads: it is written over by what comes next, and wiped when it is freed.
    pub(super) fn discard(&mut self) {
        self.buffer.clear();
    }

    /// Waits for more bytes; `false` at the end. May be dropped at any time and loses nothing.
    ///
    /// # Errors
    /// As read(2).
    pub(super) async fn more(&mut self) -> io::Result<bool> {
        self.make_room();
        Ok((&mut self.source).take(CHUNK as u64).read_buf(&mut self.buffer).await? > 0)
    }

    /// Room for the next read: twice what has arrived, but no more than its frame needs.
    fn make_room(&mut self) {
        let (arrived, capacity) = (self.buffer.len(), self.buffer.capacity());
        let header = self.buffer.first_chunk::<HEADER>();
        let whole = header.and_then(|header| frame::announced(*header, MAX_REQUEST).ok());
        let whole = whole.map_or(0, |length| HEADER + length);
        let is_enough = capacity >= arrived + CHUNK || (arrived < whole && whole <= capacity);
        if !is_enough {
            let most = if arrived < whole { whole } else { arrived + CHUNK };
            let wanted = (2 * arrived).max(CHUNK).min(most);
            self.buffer.reserve_exact(wanted.max(arrived + 1) - arrived);
        }
    }

    /// The same while the client is owed an answer: of one that sends on, the rest waits where it is.
    ///
    /// # Errors
    /// As read(2).
    pub(super) async fn ahead(&mut self) -> io::Result<bool> {
        if self.buffer.len() >= AHEAD {
            return std::future::pending().await;
        }
        self.more().await
    }
}
