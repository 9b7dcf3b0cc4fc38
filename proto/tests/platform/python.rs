//! The client itself, where it can connect: its sockets are Unix ones, and its paths Linux's.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use tokend_proto::frame::{self, HEADER, Opening};
use tokend_proto::limits::{MAX_ANSWER, MAX_REQUEST, MAX_SECRET};
use tokend_proto::message::{Code, Credential, Failure, Field, Get};
use tokend_proto::{Answer, Envelope, Extra, Kind, List, Request, Secret, envelope};

#[test]
fn it_asks_as_documented_and_prints_the_token() {
    let Some((asked, output)) =
        exchange("ask", |id| first(&credential(b"s3cr3t").seal(id).expect("an answer")))
    else {
        return;
    };
    assert_eq!(
        asked,
        Get {
            account: "lyve-prod".to_owned(),
            min_valid_ms: None,
            scope: List::default(),
            audience: List::default(),
            timeout_ms: 30_000,
        }
    );
    assert_eq!(said(&output), (Some(0), "s3cr3t\n".to_owned(), String::new()));
}

#[test]
fn it_prints_the_longest_token() {
    let token = vec![b'x'; MAX_SECRET];
    let answer = |id| first(&credential(&token).seal(id).expect("an answer"));
    let Some((_, output)) = exchange("long", answer) else {
        return;
    };
    assert_eq!(output.stdout.len(), token.len() + 1);
}

#[test]
fn it_matches_answers_by_id_and_skips_extras() {
    let answers = |id| {
        let other = Answer::Done.seal(id + 1_000).expect("an answer");
        let mut meant = credential(b"s3cr3t").seal(id).expect("an answer");
        meant.extras = List::truncating(vec![Extra { tag: 300, bytes: b"from later".to_vec() }]);
        [first(&other), later(&meant)].concat()
    };
    let Some((_, output)) = exchange("match", answers) else {
        return;
    };
    assert_eq!(said(&output), (Some(0), "s3cr3t\n".to_owned(), String::new()));
}

#[test]
fn it_says_what_failed_and_exits_with_its_code() {
    let failure = Answer::Failure(Failure {
        code: Code::UNKNOWN,
        kind: "unknown-account".to_owned(),
        message: "there is no account lyve-prod".to_owned(),
        hint: "see tok list".to_owned(),
        next_try_in_ms: None,
    });
    let Some((_, output)) = exchange("fail", |id| first(&failure.seal(id).expect("an answer"))) else {
        return;
    };
    let words = "there is no account lyve-prod\nhint: see tok list\n".to_owned();
    assert_eq!(said(&output), (Some(3), String::new(), words));
}

#[test]
fn it_takes_an_answer_to_0_for_its_own() {
    let failure = Answer::Failure(Failure {
        code: Code::USAGE,
        kind: "malformed".to_owned(),
        message: "the request cannot be read".to_owned(),
        hint: "update the client".to_owned(),
        next_try_in_ms: None,
    });
    let Some((_, output)) = exchange("zero", |_| first(&failure.seal(0).expect("an answer"))) else {
        return;
    };
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn it_says_so_when_the_daemon_does_not_know_what_was_asked() {
    let Some((_, output)) =
        exchange("unknown", |id| first(&Answer::Unsupported.seal(id).expect("an answer")))
    else {
        return;
    };
    assert_eq!(said(&output), (Some(1), String::new(), "tokend answered with kind 0x80fe\n".to_owned()));
}

#[test]
fn it_says_so_when_the_daemon_speaks_another_protocol() {
    let Some((_, output)) = exchange("refuse", |_| frame::refusal()) else {
        return;
    };
    assert_eq!(said(&output), (Some(1), String::new(), "tokend does not speak protocol 1\n".to_owned()));
}

#[test]
fn it_says_so_when_the_daemon_goes_away_or_announces_too_much() {
    let Some((_, output)) = exchange("away", |_| vec![9, 0]) else {
        return;
    };
    assert_eq!(said(&output), (Some(1), String::new(), "tokend's answer ends early\n".to_owned()));
    let Some((_, output)) = exchange("much", |_| vec![0xff; 64]) else {
        return;
    };
    assert_eq!(said(&output), (Some(1), String::new(), "too long\n".to_owned()));
}

/// Runs the client against a daemon that reads one `get` and answers with these bytes; what it asked and what it said.
/// Nothing where there is no Python.
fn exchange(name: &str, answer: impl FnOnce(u32) -> Vec<u8> + Send) -> Option<(Get, Output)> {
    let folder = Folder::new(name);
    let socket = folder.0.join("tokend.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    thread::scope(|scope| {
        let daemon = scope.spawn(|| serve(&listener, answer));
        let output = python(&socket);
        // A client that never connected would leave the daemon waiting.
        drop(UnixStream::connect(&socket));
        let asked = daemon.join().expect("the daemon");
        output.map(|output| {
            let asked = asked.unwrap_or_else(|error| panic!("{error}; the client: {output:?}"));
            (asked, output)
        })
    })
}

/// Written without eprintln, to be seen although the tests pass; once for all of them.
const SKIPPED: &[u8] =
    b"SKIPPED: the Python client of docs/wire-protocol.md was not run, for lack of python3\n";
static SAID: Once = Once::new();

fn python(socket: &Path) -> Option<Output> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/wire-protocol.md");
    let page = fs::read_to_string(page).expect("docs/wire-protocol.md");
    let client =
        page.split("\n```python\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("a client");
    match Command::new("python3").args(["-I", "-c", client, "lyve-prod"]).env("TOKEND_SOCK", socket).output()
    {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            SAID.call_once(|| std::io::stderr().write_all(SKIPPED).expect("standard error"));
            None
        }
        Err(error) => panic!("python3: {error}"),
    }
}

fn serve(listener: &UnixListener, answer: impl FnOnce(u32) -> Vec<u8>) -> Result<Get, std::io::Error> {
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut header = [0; HEADER];
    stream.read_exact(&mut header)?;
    let mut payload = vec![0; frame::announced(header, MAX_REQUEST).map_err(std::io::Error::other)?];
    stream.read_exact(&mut payload)?;

    let Ok(Opening::Spoken(payload)) = frame::opening(&payload) else {
        return Err(std::io::Error::other("another protocol"));
    };
    let envelope = envelope::decode_request(payload).map_err(std::io::Error::other)?;
    let Ok(Some(Request::Get(get))) = Request::open(&envelope) else {
        return Err(std::io::Error::other(format!("not a get: {envelope:?}")));
    };
    let ours =
        Request::Get(get.clone()).seal(envelope.id).and_then(|it| it.encode()).expect("a small message");
    assert_eq!(payload, &ours[..], "the client's bytes are not ours");
    assert_eq!(envelope.kind, Kind::GET);
    stream.write_all(&answer(envelope.id))?;
    Ok(get)
}

fn credential(token: &[u8]) -> Answer {
    let field = |name: &str, value: &[u8]| Field {
        name: name.to_owned(),
        value: Secret::new(value.to_vec()).expect("a secret within the limit"),
    };
    Answer::Credential(Credential {
        account: "lyve-prod".to_owned(),
        scheme: "Bearer".to_owned(),
        parameter: String::new(),
        fields: List::truncating(vec![field("token", token), field("other", b"another")]),
        expires_at_ms: Some(1_800_000_000_000),
        expires_in_ms: None,
        scope: List::default(),
        warnings: List::default(),
        generation: 1,
    })
}

fn first(envelope: &Envelope) -> Vec<u8> {
    frame::encode(&envelope.encode().expect("an answer"), true, MAX_ANSWER).expect("an answer").to_vec()
}

fn later(envelope: &Envelope) -> Vec<u8> {
    frame::encode(&envelope.encode().expect("an answer"), false, MAX_ANSWER).expect("an answer").to_vec()
}

/// Its exit code, standard output and standard error.
fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A folder of this test alone; gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tokend-wire-{}-{name}", std::process::id()));
        // One that a killed process of this number left behind.
        drop(fs::remove_dir_all(&path));
        fs::DirBuilder::new().mode(0o700).create(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
