//! One connection: frame in, answer out, within limits and deadlines.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokend_proto::envelope::Arrived;
use tokend_proto::frame::{self, Opening};
use tokend_proto::limits::FRAME_DEADLINE;
use tokend_proto::message::{Code, Failure, Login, Watch};
use tokend_proto::{Answer, Request};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::Server;
use super::admission::Place;
use super::answers::{self, Given};
use super::incoming::Incoming;
use super::tally::Tally;
use super::{logins, tally};

/// Serves one client until it ends, breaks the rules, or its place is needed.
pub(super) async fn serve<R, W>(server: &Arc<Server>, source: R, sink: W, place: Place)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut connection =
        Connection { incoming: Incoming::new(source), sink, place, greeted: false, opened: false };
    if let Err(error) = connection.run(server).await {
        tracing::debug!(%error, "a connection ended");
    }
}

struct Connection<R, W> {
    incoming: Incoming<R>,
    sink: W,
    place: Place,
    /// Whether the client's first frame, which carries the protocol number, was read.
    greeted: bool,
    /// Whether our first frame, which carries the protocol number, was sent.
    opened: bool,
}

/// What a frame turned out to be.
enum Asked {
    /// A request with this id.
    Request(u32, Request),
    /// A request with this id, of a kind that this version does not know.
    Unknown(u32),
    /// A request with this id that cannot be read.
    Malformed(u32),
    /// The client speaks another protocol.
    OtherProtocol,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    async fn run(&mut self, server: &Arc<Server>) -> io::Result<()> {
        while let Some(asked) = self.next().await? {
            match asked {
                Asked::Request(id, Request::Watch(watch)) => return self.watch(server, id, &watch).await,
                Asked::Request(id, Request::Login(login)) => {
                    // Boxed, as below: what is rare makes no connection larger.
                    if !Box::pin(self.log_in(server, id, &login)).await? {
                        return Ok(());
                    }
                    self.place.seen();
                }
                Asked::Request(id, request) => {
                    let kind = Tally::place(&request);
                    if let Some(given) = answers::at_once(server, &request) {
                        server.tally.count(kind, &given);
                        self.send(id, &given).await?;
                        self.place.seen();
                        continue;
                    }
                    self.place.busy();
                    let Some(given) = self.unless_gone(answers::answer(server, request)).await? else {
                        return Ok(());
                    };
                    server.tally.count(kind, &given);
                    self.send(id, &given).await?;
                    self.place.seen();
                }
                Asked::Unknown(id) => {
                    let given = Given::Answer(Answer::Unsupported);
                    server.tally.count(tally::OTHER, &given);
                    self.send(id, &given).await?;
                }
                Asked::Malformed(id) => {
                    let given = Given::Answer(malformed());
                    server.tally.count(tally::MALFORMED, &given);
                    self.send(id, &given).await?;
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a malformed request"));
                }
                Asked::OtherProtocol => return self.write(&frame::refusal()).await,
            }
        }
        Ok(())
    }

    /// What the next frame asks; nothing when the client has gone. Waits without end for its first byte (the place
    /// may be taken meanwhile), and [`FRAME_DEADLINE`] for the rest.
    async fn next(&mut self) -> io::Result<Option<Asked>> {
        if self.incoming.has_begun() {
            // A client that asks without a pause never waits for us: whoever has come meanwhile is before it.
            tokio::task::yield_now().await;
        }
        loop {
            if let Some(asked) = self.take()? {
                return Ok(Some(asked));
            }
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
                    if let Some(asked) = self.take()? {
                        return Ok(Some(asked));
                    }
                }
            };
            return timeout(FRAME_DEADLINE, rest).await?;
        }
    }

    /// What the next frame asks, if all of it has arrived.
    fn take(&mut self) -> io::Result<Option<Asked>> {
        let Some(payload) = self.incoming.frame()? else { return Ok(None) };
        let length = payload.len();
        let asked = if self.greeted {
            read(payload)
        } else {
            match frame::opening(payload) {
                Ok(Opening::Spoken(payload)) => read(payload),
                Ok(Opening::Other(_) | Opening::Refused(_)) => Asked::OtherProtocol,
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        };
        self.greeted = true;
        self.incoming.forget(length);
        Ok(Some(asked))
    }

    /// The work's result; nothing when the client went away meanwhile.
    async fn unless_gone<T>(&mut self, work: impl Future<Output = T>) -> io::Result<Option<T>> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work => return Ok(Some(result)),
                more = self.incoming.ahead() => if !more? {
                    return Ok(None);
                },
            }
        }
    }

    /// A credential now, where there is one, and at each new token. Further requests are not read.
    async fn watch(&mut self, server: &Arc<Server>, id: u32, watch: &Watch) -> io::Result<()> {
        self.place.busy();
        let mut seen = None;
        loop {
            let next = {
                let mut next = pin!(answers::next_credential(server, &watch.account, seen.as_ref()));
                loop {
                    tokio::select! {
                        biased;
                        next = &mut next => break next,
                        more = self.incoming.more() => {
                            if !more? {
                                return Ok(());
                            }
                            self.incoming.discard();
                        }
                    }
                }
            };
            match next {
                Ok((given, now_seen)) => {
                    seen = Some(now_seen);
                    server.tally.count(tally::WATCH, &given);
                    self.send(id, &given).await?;
                }
                Err(failure) => {
                    let given = Given::Answer(Answer::Failure(failure));
                    server.tally.count(tally::WATCH, &given);
                    return self.send(id, &given).await;
                }
            }
        }
    }

    /// What a login waits for, as it comes, and its end; then the connection goes on. False when the client went away,
    /// which gives the login up. Requests that come meanwhile wait.
    async fn log_in(&mut self, server: &Arc<Server>, id: u32, login: &Login) -> io::Result<bool> {
        self.place.busy();
        let mut participation = match logins::begin(server, login).await {
            Ok(participation) => participation,
            Err(failure) => {
                let given = Given::Answer(Answer::Failure(failure));
                server.tally.count(tally::LOGIN, &given);
                self.send(id, &given).await?;
                return Ok(true);
            }
        };
        loop {
            let Some((answer, is_last)) = self.unless_gone(logins::next(&mut participation)).await? else {
                return Ok(false);
            };
            let given = Given::Answer(answer);
            if is_last {
                server.tally.count(tally::LOGIN, &given);
            }
            self.send(id, &given).await?;
            if is_last {
                return Ok(true);
            }
        }
    }

    async fn send(&mut self, id: u32, given: &Given) -> io::Result<()> {
        let frame = given.frame(id, !self.opened).map_err(io::Error::other)?;
        self.opened = true;
        self.write(&frame).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        within(FRAME_DEADLINE, self.sink.write_all(bytes)).await
    }
}

fn read(payload: &[u8]) -> Asked {
    let Ok(envelope) = Arrived::read(payload) else { return Asked::Malformed(0) };
    match Request::read(envelope.kind, envelope.body) {
        Ok(Some(request)) => Asked::Request(envelope.id, request),
        Ok(None) => Asked::Unknown(envelope.id),
        Err(_) => Asked::Malformed(envelope.id),
    }
}

/// Waits for `work` that long. A timer is made only for work that is not done at once.
async fn within(span: Duration, work: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let mut work = pin!(work);
    match std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
        Poll::Ready(result) => result,
        Poll::Pending => timeout(span, work).await?,
    }
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
