//! One accepted connection, which can be cut before or within an answer.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Where to cut a connection. Every clone is of the same connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Shears(Arc<Mutex<Cut>>);

#[derive(Clone, Copy, Debug, Default)]
enum Cut {
    #[default]
    Never,
    /// So many bytes after the head of the next answer.
    AfterHead(usize),
    /// So many bytes from here.
    After(usize),
}

impl Shears {
    /// Not one byte more.
    pub(super) fn cut_now(&self) {
        *self.cut() = Cut::After(0);
    }

    /// The next answer ends after its head and so many bytes of its body.
    pub(super) fn cut_body_after(&self, bytes: usize) {
        *self.cut() = Cut::AfterHead(bytes);
    }

    fn cut(&self) -> MutexGuard<'_, Cut> {
        self.0.lock().expect("nobody panics while cutting")
    }
}

/// Accepts connections that can be cut.
#[derive(Debug)]
pub(super) struct Lines(pub(super) TcpListener);

impl Listener for Lines {
    type Io = Line;
    type Addr = Shears;

    async fn accept(&mut self) -> (Line, Shears) {
        let (stream, _) = Listener::accept(&mut self.0).await;
        // Small answers must not wait for Nagle; where that is refused, they are only slower.
        let _ = stream.set_nodelay(true);
        let shears = Shears::default();
        (Line { stream, shears: shears.clone() }, shears)
    }

    fn local_addr(&self) -> io::Result<Shears> {
        Ok(Shears::default())
    }
}

impl Connected<IncomingStream<'_, Lines>> for Shears {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.remote_addr().clone()
    }
}

#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    shears: Shears,
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

// Without vectored writes hyper hands over head and body in one piece, so the end of the head is in the first one.
impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let shears = self.shears.clone();
        let mut cut = shears.cut();
        let allowed = match *cut {
            Cut::Never => bytes.len(),
            Cut::AfterHead(body) => head_length(bytes) + body,
            Cut::After(left) => left,
        };
        if allowed == 0 && !bytes.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written =
            ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..allowed.min(bytes.len())]))?;
        if !matches!(*cut, Cut::Never) {
            *cut = Cut::After(allowed - written);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn head_length(answer: &[u8]) -> usize {
    answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |start| start + 4)
}
