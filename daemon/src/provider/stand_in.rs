//! What the tests of this room stand on: a service that answers what it is told to, and accounts read from text.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tempfile::NamedTempFile;
use tokend_proto::Secret;

use super::{Defaults, Failure, MintRequest, Minted, Provider, kinds};
use crate::clock::{Moment, Steady, Wall};
use crate::document::{Document, Table};
use crate::secret::Errand;

/// The moment of every request here, in Unix seconds.
pub(crate) const NOW: i64 = 1_700_000_000;

/// A moment `seconds` after [`NOW`].
pub(crate) fn moment(seconds: i64) -> Moment {
    Moment {
        wall: Wall((NOW + seconds) * 1000),
        steady: Steady(u64::try_from(seconds * 1000).expect("later")),
    }
}

/// A request for the account's own token.
pub(crate) fn request() -> MintRequest {
    MintRequest {
        now: moment(0),
        scope: None,
        audience: None,
        errand: Errand::default(),
        refresh_token: None,
        borrowed: Vec::new(),
    }
}

/// A running service on the loopback.
pub(crate) struct StandIn {
    address: SocketAddr,
    scheme: &'static str,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A request that came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Such as `POST /token`.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    /// The header of this name, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The pairs of a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// What the service does with one connection.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Says nothing, and stays.
    Silence,
    /// Closes the connection without a look at it.
    Closed,
}

impl Answer {
    /// Whether nothing comes.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, Self::Silence)
    }
}

/// An answer with this status and body.
pub(crate) fn answer(status: u16, body: &str) -> Answer {
    answer_with(status, "", body)
}

/// The same with more headers, each ending in CR LF.
pub(crate) fn answer_with(status: u16, headers: &str, body: &str) -> Answer {
    let length = body.len();
    Answer::Bytes(
        format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes(),
    )
}

impl StandIn {
    /// Answers one request after the other; those that are too many are cut off.
    pub(crate) fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::start_with(answers, "http", talk)
    }

    /// The same over TLS.
    pub(crate) fn start_tls(answers: impl IntoIterator<Item = Answer>, config: rustls::ServerConfig) -> Self {
        let config = Arc::new(config);
        Self::start_with(answers, "https", move |stream, seen, answer| {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("a TLS connection");
            talk(rustls::StreamOwned::new(connection, stream), seen, answer);
        })
    }

    fn start_with(
        answers: impl IntoIterator<Item = Answer>,
        scheme: &'static str,
        talk: impl Fn(TcpStream, &Mutex<Vec<Seen>>, Answer) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (seen, stop) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<AtomicBool>::default());
        let connections = Arc::<AtomicUsize>::default();
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let thread = std::thread::spawn({
            let (seen, stop, answers) = (Arc::clone(&seen), Arc::clone(&stop), Arc::clone(&answers));
            let connections = Arc::clone(&connections);
            move || {
                let mut silent = Vec::new();
                while let Ok((stream, _)) = listener.accept() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    connections.fetch_add(1, Ordering::SeqCst);
                    let answer = answers.lock().expect("the lock").pop_front();
                    match answer {
                        Some(Answer::Silence) => silent.push(stream),
                        Some(Answer::Closed) | None => {}
                        Some(answer) => talk(stream, &seen, answer),
                    }
                }
            }
        });
        Self { address, scheme, answers, seen, connections, stop, thread: Some(thread) }
    }

    /// Has more answers, which may name its own URL.
    pub(crate) fn then(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().expect("the lock").extend(answers);
    }

    /// Its URL, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("the lock").clone()
    }

    /// How many connections there were so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The lines of the requests so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes it.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads one request, notes it, answers. Whoever hangs up early is no concern.
fn talk(stream: impl Read + Write, seen: &Mutex<Vec<Seen>>, answer: Answer) {
    let mut stream = BufReader::new(stream);
    if let Some(request) = read(&mut stream) {
        seen.lock().expect("the lock").push(request);
    }
    // As real ones do, it answers what is no HTTP, too.
    if let Answer::Bytes(bytes) = answer {
        let _ = stream.get_mut().write_all(&bytes).and_then(|()| stream.get_mut().flush());
    }
}

fn read(stream: &mut impl BufRead) -> Option<Seen> {
    let mut lines = std::iter::from_fn(|| {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned()).filter(|line| !line.is_empty())
    });
    let first = lines.next()?;
    let line = first.strip_suffix(" HTTP/1.1").unwrap_or(&first).to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':').map(|(k, v)| (k.to_ascii_lowercase(), v.trim().to_owned())))
        .collect();
    let mut seen = Seen { line, headers, body: String::new() };
    let length = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    seen.body = String::from_utf8_lossy(&body).into_owned();
    Some(seen)
}

/// An account's provider and the files of its secrets.
pub(crate) struct Account {
    provider: Box<dyn Provider>,
    _files: Vec<NamedTempFile>,
}

impl Deref for Account {
    type Target = dyn Provider;

    fn deref(&self) -> &Self::Target {
        &*self.provider
    }
}

impl Account {
    /// Reads an account of this kind from its keys in TOML. `$TEXT$` stands for the source of a secret TEXT, and `@` for
    /// `$` itself.
    pub(crate) fn read(kind: &str, text: &str) -> Self {
        Self::try_read(kind, text, &Defaults::default()).unwrap_or_else(|found| panic!("{found:#?}"))
    }

    /// What is wrong with such a text.
    pub(crate) fn complaints(kind: &str, text: &str) -> Vec<String> {
        Self::try_read(kind, text, &Defaults::default()).err().unwrap_or_default()
    }

    pub(crate) fn try_read(kind: &str, text: &str, defaults: &Defaults) -> Result<Self, Vec<String>> {
        let (text, files) = with_secrets(text);
        let document = Document::parse(Path::new("config.toml"), &text).expect("TOML");
        let mut table = document.root();
        let kind = kinds().iter().find(|known| known.name == kind).expect("a kind");
        let provider = (kind.read)(&mut table, defaults);
        table.finish();
        let found: Vec<_> = document.diagnostics().iter().map(ToString::to_string).collect();
        match provider {
            Some(provider) if !document.is_faulty() => Ok(Self { provider, _files: files }),
            Some(_) => Err(found),
            None => {
                assert!(!found.is_empty(), "nothing was read, and nothing said");
                Err(found)
            }
        }
    }

    /// Asks for the account's own token.
    pub(crate) async fn get(&self) -> Result<Minted, Failure> {
        self.mint(&request()).await
    }
}

/// Puts the secrets of a text into files of their own.
pub(crate) fn with_secrets(text: &str) -> (String, Vec<NamedTempFile>) {
    let mut files = Vec::new();
    let parts = text.split('$').enumerate().map(|(index, part)| {
        if index % 2 == 0 {
            return part.replace('@', "$");
        }
        let mut file = NamedTempFile::new().expect("a file");
        file.write_all(part.as_bytes()).expect("room");
        crate::platform::testing::set_mode(file.path(), 0o600);
        let source = format!("{{ file = '{}' }}", file.path().display());
        files.push(file);
        source
    });
    let text = parts.collect();
    (text, files)
}

/// The token of what was minted, as text that is never freed, for a test is short.
pub(crate) fn token(minted: &Minted) -> &'static str {
    let (name, secret) = minted.fields.first().expect("a field");
    assert_eq!(name, "token");
    secret.expose().as_str().expect("text").to_owned().leak()
}

/// A secret of this text.
pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec()).expect("short")
}

/// Shows the root table of a TOML text, which must be read without a complaint.
pub(crate) fn with_table(text: &str, read: impl FnOnce(&mut Table<'_>)) {
    assert_eq!(complaints(text, read), Vec::<String>::new());
}

/// What is said while the root table of a TOML text is read.
pub(crate) fn complaints(text: &str, read: impl FnOnce(&mut Table<'_>)) -> Vec<String> {
    let document = Document::parse(Path::new("config.toml"), text).expect("TOML");
    read(&mut document.root());
    document.diagnostics().iter().map(ToString::to_string).collect()
}
