//! `tok login` while it runs: what it has said so far, what a person says to it, and how it ended.

#![expect(clippy::missing_panics_doc, reason = "each of these stops its test when it cannot go on")]

use std::io::{Read, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::platform::{self, Signal, exit_code};
use crate::sandbox::{Said, Sandbox, eventually};

/// A running `tok login`; killed when dropped.
#[derive(Debug)]
pub struct LoggingIn {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Heard,
    stderr: Heard,
}

/// What came through a pipe so far.
#[derive(Debug)]
struct Heard {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl LoggingIn {
    /// `tok login` with these words.
    #[must_use]
    pub fn start(sandbox: &Sandbox, words: &[&str]) -> Self {
        Self::start_with(sandbox, words, |_| {})
    }

    /// The same, with a change to the command before it starts.
    #[must_use]
    pub fn start_with(sandbox: &Sandbox, words: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let mut command = sandbox.command("tok");
        command.arg("login").args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = platform::starting(|| command.spawn()).expect("tok starts");
        let stdout = Heard::from(child.stdout.take().expect("its standard output"));
        let stderr = Heard::from(child.stderr.take().expect("its standard error"));
        Self { stdin: child.stdin.take(), child, stdout, stderr }
    }

    /// All that it said so far, wherever it said it.
    #[must_use]
    pub fn said(&self) -> String {
        self.stdout.text() + &self.stderr.text()
    }

    /// Waits until it said something; the test fails where it ends without that.
    #[track_caller]
    pub fn hear<T>(&self, what: &str, mut look: impl FnMut(&str) -> Option<T>) -> T {
        let heard = eventually(what, || {
            // In this order: what it says last is looked at.
            let has_ended = self.stdout.has_ended() && self.stderr.has_ended();
            look(&self.said()).map(Some).or_else(|| has_ended.then_some(None))
        });
        heard.unwrap_or_else(|| panic!("tok login ended without {what}: {}", self.said()))
    }

    /// The address that it shows, which begins so.
    #[track_caller]
    #[must_use]
    pub fn address(&self, start: &str) -> String {
        self.hear("an address", |text| {
            let found = &text[text.find(start)?..];
            // The whole of it: something stands behind it.
            Some(found[..found.find(|it: char| it.is_whitespace() || it == '\x1b')?].to_owned())
        })
    }

    /// The first word that it shows which fits.
    #[track_caller]
    #[must_use]
    pub fn word(&self, fits: impl Fn(&str) -> bool) -> String {
        self.hear("a word", |text| {
            let mut words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '-');
            words.find(|word| fits(word)).map(str::to_owned)
        })
    }

    /// Says a line to it. One that has ended does not listen, and that is seen at its end.
    pub fn say(&mut self, line: &str) {
        let _ = self.stdin.as_mut().map(|stdin| writeln!(stdin, "{line}"));
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        platform::signal(self.child.id(), signal).expect("tok takes a signal");
    }

    /// Waits for its end.
    #[track_caller]
    #[must_use]
    pub fn end(mut self) -> Said {
        let status =
            eventually("the end of tok login", || self.child.try_wait().expect("the state of tok login"));
        Said { code: exit_code(status), stdout: self.stdout.all(), stderr: self.stderr.all() }
    }
}

impl Drop for LoggingIn {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Heard {
    fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::<Mutex<String>>::default();
        let heard = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut bytes) {
                let said = String::from_utf8_lossy(&bytes[..length]).into_owned();
                heard.lock().unwrap_or_else(PoisonError::into_inner).push_str(&said);
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn has_ended(&self) -> bool {
        self.reader.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader of a pipe");
        }
        self.text()
    }
}
