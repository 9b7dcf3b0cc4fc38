//! One connection: frame in, answer out, within limits and deadlines.

use std::io;
use std::sync::Arc;

use tokend_proto::frame::{self, Opening};
use tokend_proto::limits::{FRAME_DEADLINE, MAX_ANSWER};
use tokend_proto::message::{Code, Failure, Watch};
use tokend_proto::{Answer, Request, envelope};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::Server;
use super::admission::Place;
use super::answers;
use super::incoming::Incoming;

/// Serves one client until it ends, breaks the rules, or its place is needed.
pub(super) async fn serve<R, W>(server: &Arc<Server>, source: R, sink: W, place: Place)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut connection = Connection { incoming: Incoming::new(source), sink, place, opened: false };
    if let Err(error) = connection.run(server).await {
        tracing::debug!(%error, "a connection ended");
    }
}

struct Connection<R, W> {
    incoming: Incoming<R>,
    sink: W,
    place: Place,
    /// Whether our first frame, which carries the protocol number, was sent.
    opened: bool,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    async fn run(&mut self, server: &Arc<Server>) -> io::Result<()> {
        let mut first = true;
        while let Some(frame) = self.next_frame().await? {
            self.place.busy();
            let payload = if first {
                match frame::opening(&frame) {
                    Ok(Opening::Spoken(payload)) => payload,
                    Ok(Opening::Other(_) | Opening::Refused(_)) => {
                        return self.write(&frame::refusal()).await;
                    }
                    Err(error) => return Err(invalid(error)),
                }
            } else {
                &frame
            };
            first = false;
            let envelope = match envelope::decode_request(payload) {
                Ok(envelope) => envelope,
                Err(error) => {
                    self.send(0, &malformed()).await?;
                    return Err(invalid(error));
                }
            };
            let id = envelope.id;
            match Request::open(&envelope) {
                Ok(Some(Request::Watch(watch))) => return self.watch(server, id, &watch).await,
                Ok(Some(request)) => {
                    let Some(answer) = self.unless_gone(answers::answer(server, request)).await? else {
                        return Ok(());
                    };
                    self.send(id, &answer).await?;
                }
                Ok(None) => self.send(id, &Answer::Unsupported).await?,
                Err(error) => {
                    self.send(id, &malformed()).await?;
                    return Err(invalid(error));
                }
            }
        }
        Ok(())
    }

    /// The next frame; nothing when the client has gone. Waits without end for its first byte (the place may be
    /// taken meanwhile), and [`FRAME_DEADLINE`] for the rest.
    async fn next_frame(&mut self) -> io::Result<Option<zeroize::Zeroizing<Vec<u8>>>> {
        loop {
            if let Some(frame) = self.incoming.take()? {
                return Ok(Some(frame));
            }
            self.place.idle();
            if !self.incoming.has_begun() {
                if !self.incoming.more().await? {
                    return Ok(None);
                }
                continue;
            }
            let rest = async {
                loop {
                    if !self.incoming.more().await? {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    if let Some(frame) = self.incoming.take()? {
                        return Ok(Some(frame));
                    }
                }
            };
            return timeout(FRAME_DEADLINE, rest).await?;
        }
    }

    /// The work's result; nothing when the client went away meanwhile.
    async fn unless_gone<T>(&mut self, work: impl Future<Output = T>) -> io::Result<Option<T>> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work => return Ok(Some(result)),
                more = self.incoming.more() => if !more? {
                    return Ok(None);
                },
            }
        }
    }

    /// A credential now, where there is one, and at each new token. Further requests are not read.
    async fn watch(&mut self, server: &Arc<Server>, id: u32, watch: &Watch) -> io::Result<()> {
        let mut seen = None;
        loop {
            let next = answers::next_credential(server, &watch.account, seen);
            let Some(answer) = self.unless_gone(next).await? else { return Ok(()) };
            match answer {
                Ok((credential, generation)) => {
                    seen = Some(generation);
                    self.send(id, &Answer::Credential(credential)).await?;
                }
                Err(failure) => return self.send(id, &Answer::Failure(failure)).await,
            }
        }
    }

    async fn send(&mut self, id: u32, answer: &Answer) -> io::Result<()> {
        let payload = answer.seal(id).and_then(|envelope| envelope.encode()).map_err(io::Error::other)?;
        let frame = frame::encode(&payload, !self.opened, MAX_ANSWER).map_err(io::Error::other)?;
        self.opened = true;
        self.write(&frame).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(FRAME_DEADLINE, self.sink.write_all(bytes)).await?
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn malformed() -> Answer {
    Answer::Failure(Failure {
        code: Code::USAGE,
        kind: "malformed".to_owned(),
        message: "tokend could not read the request".to_owned(),
        hint: "docs/wire-protocol.md says how requests look; tok and tokend of one version fit".to_owned(),
        next_try_in_ms: None,
    })
}
