//! `tok login` while it runs: what it has said so far, what a person says to it, and how it ended.

use std::io::{Read, Write as _};
use std::process::ChildStdin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};
use tokend_tests::sandbox::Said;

use super::*;

/// A running `tok login`; killed when dropped.
pub(crate) struct LoggingIn {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Heard,
    stderr: Heard,
}

/// What came through a pipe so far.
struct Heard {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl LoggingIn {
    /// `tok login` with these words, and a change to the command before it starts.
    pub(crate) fn start(sandbox: &Sandbox, words: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let mut command = sandbox.command("tok");
        command.arg("login").args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().expect("tok starts");
        let stdout = Heard::from(child.stdout.take().expect("its standard output"));
        let stderr = Heard::from(child.stderr.take().expect("its standard error"));
        Self { stdin: child.stdin.take(), child, stdout, stderr }
    }

    /// All that it said so far, wherever it said it.
    pub(crate) fn said(&self) -> String {
        self.stdout.text() + &self.stderr.text()
    }

    /// Waits until it said something.
    #[track_caller]
    pub(crate) fn hear<T>(&self, what: &str, mut look: impl FnMut(&str) -> Option<T>) -> T {
        eventually(what, || look(&self.said()))
    }

    /// The address that it shows, at this service.
    #[track_caller]
    pub(crate) fn address(&self, provider: &Provider) -> String {
        let start = format!("{}/", provider.url);
        self.hear("an address", |text| {
            let found = &text[text.find(&start)?..];
            // The whole of it: something stands behind it.
            Some(found[..found.find(|it: char| it.is_whitespace())?].to_owned())
        })
    }

    /// The code that it shows, as the provider writes it.
    #[track_caller]
    pub(crate) fn user_code(&self) -> String {
        let is_code = |word: &&str| {
            let fits =
                |(index, it): (usize, u8)| if index == 4 { it == b'-' } else { it.is_ascii_uppercase() };
            word.len() == 9 && word.bytes().enumerate().all(fits)
        };
        self.hear("a code", |text| {
            let mut words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '-');
            words.find(is_code).map(str::to_owned)
        })
    }

    /// Says a line to it.
    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its standard input");
        writeln!(stdin, "{line}").expect("it listens");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("tok takes a signal");
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Said {
        use std::os::unix::process::ExitStatusExt as _;
        let status =
            eventually("the end of tok login", || self.child.try_wait().expect("the state of tok login"));
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
        Said { code, stdout: self.stdout.all(), stderr: self.stderr.all() }
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

    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader of a pipe");
        }
        self.text()
    }
}
