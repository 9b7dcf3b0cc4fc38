//! A daemon for tests: speaks the protocol, says what it is told to say, and remembers what it was asked.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use tempfile::TempDir;
use tokend_proto::frame::{self, HEADER, Opening};
use tokend_proto::limits::{MAX_ANSWER, MAX_REQUEST};
use tokend_proto::message::{Code, Credential, Failure, Field, Get};
use tokend_proto::{Answer, List, Request, Secret, envelope};

use super::platform::{self, Listener, Stream};

/// What the daemon does with a request.
pub(crate) enum Reply {
    /// One answer.
    Answer(Answer),
    /// Each answer that comes, until there are no more; then the connection ends.
    Stream(mpsc::Receiver<Answer>),
    /// These bytes instead of an answer; then the connection ends.
    Bytes(Vec<u8>),
    /// The connection ends.
    HangUp,
}

type Behaviour = dyn Fn(&Request) -> Reply + Send + Sync;

/// A daemon in a throw-away home. Its threads end with the test's process.
pub(crate) struct Daemon {
    home: Arc<TempDir>,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Daemon {
    /// A daemon that answers everything so.
    pub(crate) fn new(behaviour: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let home = TempDir::new().expect("a folder");
        Self::in_home(Arc::new(home), behaviour)
    }

    /// A daemon that answers every `get` with this.
    pub(crate) fn giving(credential: impl Fn(&Get) -> Credential + Send + Sync + 'static) -> Self {
        Self::new(move |request| match request {
            Request::Get(get) => Reply::Answer(Answer::Credential(credential(get))),
            _ => Reply::Answer(Answer::Unsupported),
        })
    }

    /// A daemon that answers everything with this failure.
    pub(crate) fn failing(code: u8) -> Self {
        Self::new(move |_| Reply::Answer(Answer::Failure(failure(code))))
    }

    /// The next daemon on the same socket.
    pub(crate) fn succeeded_by(self, behaviour: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Listener::give_way(&self.socket());
        Self::in_home(self.home, behaviour)
    }

    fn in_home(home: Arc<TempDir>, behaviour: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let daemon = Self { home, asked: Arc::clone(&asked) };
        let mut listener = Listener::bind(&daemon.socket());
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        thread::spawn(move || {
            while let Some(stream) = listener.accept() {
                let (behaviour, asked) = (Arc::clone(&behaviour), Arc::clone(&asked));
                thread::spawn(move || serve(stream, &*behaviour, &asked));
            }
        });
        daemon
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        platform::socket_in(self.home.path())
    }

    /// The folder that everything of this test is in.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Takes the socket away: from here on nobody can connect.
    pub(crate) fn vanish(&self) {
        Listener::vanish(&self.socket());
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Request> {
        std::mem::take(&mut self.asked.lock().expect("no panic"))
    }
}

/// A credential with this token.
pub(crate) fn credential(account: &str, token: &str) -> Credential {
    let value = Secret::new(token.as_bytes().to_vec()).expect("short");
    Credential {
        account: account.to_owned(),
        scheme: "Bearer".to_owned(),
        parameter: String::new(),
        fields: List::truncating(vec![Field { name: "token".to_owned(), value }]),
        expires_at_ms: Some(1_900_000_000_000),
        expires_in_ms: Some(3_599_900),
        scope: List::truncating(vec!["read".to_owned(), "write".to_owned()]),
        warnings: List::default(),
        generation: 1,
    }
}

/// A failure with this code.
pub(crate) fn failure(code: u8) -> Failure {
    Failure {
        code: Code(code),
        kind: format!("kind-{code}"),
        message: format!("what happened \x1b[31m{code}"),
        hint: "what to do".to_owned(),
        next_try_in_ms: (code == 6).then_some(12_000),
    }
}

fn serve(mut stream: Stream, behaviour: &Behaviour, asked: &Mutex<Vec<Request>>) {
    let mut first = true;
    while let Ok((id, request)) = receive(&mut stream, first) {
        let reply = behaviour(&request);
        asked.lock().expect("no panic").push(request);
        let sent = match reply {
            Reply::Answer(answer) => send(&mut stream, id, &answer, first),
            Reply::Stream(answers) => {
                for answer in answers {
                    if send(&mut stream, id, &answer, first).is_err() {
                        break;
                    }
                    first = false;
                }
                return;
            }
            Reply::Bytes(bytes) => {
                let _ = stream.write_all(&bytes);
                return;
            }
            Reply::HangUp => return,
        };
        if sent.is_err() {
            return;
        }
        first = false;
    }
}

fn receive(stream: &mut Stream, first: bool) -> io::Result<(u32, Request)> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header)?;
    let length = frame::announced(header, MAX_REQUEST).map_err(io::Error::other)?;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload)?;
    let body = match frame::opening(&payload) {
        Ok(Opening::Spoken(rest)) if first => rest,
        _ => &payload,
    };
    let envelope = envelope::decode_request(body).map_err(io::Error::other)?;
    let request = Request::open(&envelope).map_err(io::Error::other)?;
    Ok((envelope.id, request.ok_or(io::ErrorKind::InvalidData)?))
}

fn send(stream: &mut Stream, id: u32, answer: &Answer, first: bool) -> io::Result<()> {
    let payload = answer.seal(id).and_then(|envelope| envelope.encode()).map_err(io::Error::other)?;
    stream.write_all(&frame::encode(&payload, first, MAX_ANSWER).map_err(io::Error::other)?)
}
