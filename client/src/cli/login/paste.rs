//! The address that a browser elsewhere was sent to: read from the terminal, unseen, or from standard input, while the
//! login goes on.

use std::convert::Infallible;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;

use tokend_client::{Client, Secret};
use zeroize::Zeroizing;

use super::super::asking::line::{Line, Progress};
use super::super::complaint::Complaint;
use super::super::input;
use super::super::platform::{self, Hushed, Keys, Terminal, Typed};
use super::screen::Screen;

/// Longer than any address, and less than what a request has room for.
const LONGEST: usize = 32 * 1024;

/// After so many wrong lines a script is not thought to write a right one.
const MOST_WRONG: usize = 3;

/// Where it is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The terminal, which shows nothing of it: there is a code in it.
    Terminal,
    /// Standard input, which a script writes to.
    Input,
    /// Nowhere: this process runs in the background.
    Nowhere,
}

/// Whom it is given to.
pub(super) struct Taker {
    /// A connection beside the login's.
    pub(super) client: Client,
    /// The account's name.
    pub(super) account: String,
    /// Which login.
    pub(super) login: Arc<AtomicU64>,
    /// Where it is told that an address is not right.
    pub(super) screen: Arc<Screen>,
    /// Whether the login counts on it: no browser was opened here.
    pub(super) is_needed: bool,
}

/// Reads as soon as the other end of `begins` is gone, until the process ends.
pub(super) fn listen(taker: Taker, begins: Receiver<Infallible>) -> Source {
    let begin = |read: Box<dyn FnOnce() + Send>, source| {
        let wait = move || {
            // Nothing comes but the end.
            let _ = begins.recv();
            read();
        };
        match thread::Builder::new().name("paste".to_owned()).spawn(wait) {
            Ok(_) => source,
            Err(_) => Source::Nowhere,
        }
    };
    if !input::is_terminal() {
        return begin(Box::new(move || read_input(taker)), Source::Input);
    }
    let hushed = Terminal::open().and_then(|terminal| terminal.hush().ok().flatten());
    match hushed.and_then(|hushed| hushed.keys().ok().map(|keys| (hushed, keys))) {
        Some((hushed, keys)) => {
            begin(Box::new(move || read_terminal(&hushed, keys, taker)), Source::Terminal)
        }
        None => Source::Nowhere,
    }
}

fn read_terminal(hushed: &Hushed, keys: Keys, mut taker: Taker) {
    let mut line = Line::new(LONGEST, keys);
    let mut ended = Vec::new();
    loop {
        let read = hushed.read(|typed| match typed {
            Typed::Anew => line.clear(),
            Typed::Key(byte) => {
                let progress = line.take(byte);
                if progress != Progress::Unfinished {
                    let whole = std::mem::replace(&mut line, Line::new(LONGEST, keys));
                    ended.push((progress, whole));
                }
            }
        });
        if read.is_err() {
            return;
        }
        for (progress, line) in ended.drain(..) {
            taker.take(progress, line.into_bytes());
        }
    }
}

fn read_input(mut taker: Taker) {
    const NONE: Keys = Keys { erase: 0, kill: 0, end: 0 };
    let Ok(mut stdin) = platform::unbuffered_stdin() else { return taker.tell_that_input_ended() };
    let mut bytes = Zeroizing::new([0; 1024]);
    let mut line = Line::new(LONGEST, NONE);
    let mut wrong = 0;
    let mut was_right = false;
    let mut take = |progress, line: Line| {
        match taker.take(progress, line.into_bytes()) {
            Some(true) => was_right = true,
            Some(false) => wrong += 1,
            None => {}
        }
        wrong
    };
    loop {
        let count = match stdin.read(&mut bytes[..]) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        for byte in &bytes[..count] {
            let progress = line.take(*byte);
            if progress != Progress::Unfinished {
                let whole = std::mem::replace(&mut line, Line::new(LONGEST, NONE));
                if take(progress, whole) == MOST_WRONG {
                    return taker.tell_that_no_more_is_read();
                }
            }
        }
    }
    // A last line may have no end.
    let progress = line.take(b'\n');
    take(progress, line);
    if !was_right {
        taker.tell_that_input_ended();
    }
}

impl Taker {
    /// Hands a line on, and tells whether it was right; nothing where there is nothing in it. What is not right is told,
    /// and the login goes on.
    fn take(&mut self, progress: Progress, mut line: Zeroizing<Vec<u8>>) -> Option<bool> {
        trim(&mut line);
        if line.is_empty() || progress == Progress::GivenUp {
            return None;
        }
        let url = Secret::new(std::mem::take(&mut *line)).ok().filter(|_| progress != Progress::TooLong);
        let complaint = match url {
            Some(url) => {
                let login = self.login.load(Ordering::SeqCst);
                match self.client.paste_redirect(&self.account, login, url) {
                    Ok(()) => return Some(true),
                    Err(error) => Complaint::from(error),
                }
            }
            None => Complaint::usage(
                "what was pasted is longer than any address",
                "copy the address that the browser shows after the login, and paste that alone",
            ),
        };
        self.screen.complain(&complaint);
        Some(false)
    }

    /// The login goes on: `tokend` may get its answer from the browser itself.
    fn tell_that_input_ended(&self) {
        if self.is_needed {
            self.tell_that_none_is_read("standard input has ended: no address can be read from it");
        }
    }

    fn tell_that_no_more_is_read(&self) {
        self.tell_that_none_is_read("three wrong lines: standard input is read no further");
    }

    fn tell_that_none_is_read(&self, message: &str) {
        let hint = format!(
            "the login goes on, and a browser on tokend's own machine may still end it; to paste an address, \
             hit Ctrl-C and call `tok login {}` in a terminal",
            self.account
        );
        self.screen.complain(&Complaint::usage(message, hint));
    }
}

/// Without the blanks around it, in its place.
fn trim(line: &mut Zeroizing<Vec<u8>>) {
    let end = line.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
    line[end..].fill(0);
    line.truncate(end);
    let begin = line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    line.copy_within(begin.., 0);
    let end = end - begin;
    line[end..].fill(0);
    line.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_an_address_are_not_part_of_it() {
        for (text, expected) in [(" a b\t\r", "a b"), ("a", "a"), ("", ""), (" \t", ""), ("  ab", "ab")] {
            let mut line = Zeroizing::new(text.as_bytes().to_vec());
            trim(&mut line);
            assert_eq!(line.as_slice(), expected.as_bytes());
        }
    }
}
