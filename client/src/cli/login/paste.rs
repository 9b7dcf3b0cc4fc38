//! The address that a browser elsewhere was sent to: read from the terminal, unseen, or from standard input, while the
//! login goes on.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
}

/// Reads from here on, until the process ends.
pub(super) fn listen(taker: Taker) -> Source {
    if !input::is_terminal() {
        return begin(move || read_input(taker), Source::Input);
    }
    let hushed = Terminal::open().and_then(|terminal| terminal.hush().ok().flatten());
    match hushed.and_then(|hushed| hushed.keys().ok().map(|keys| (hushed, keys))) {
        Some((hushed, keys)) => begin(move || read_terminal(&hushed, keys, taker), Source::Terminal),
        None => Source::Nowhere,
    }
}

fn begin(read: impl FnOnce() + Send + 'static, source: Source) -> Source {
    match thread::Builder::new().name("paste".to_owned()).spawn(read) {
        Ok(_) => source,
        Err(_) => Source::Nowhere,
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
    let Ok(mut stdin) = platform::unbuffered_stdin() else { return };
    let mut bytes = Zeroizing::new([0; 1024]);
    let mut line = Line::new(LONGEST, NONE);
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
                taker.take(progress, whole.into_bytes());
            }
        }
    }
    // A last line may have no end.
    let progress = line.take(b'\n');
    taker.take(progress, line.into_bytes());
}

impl Taker {
    /// Hands a line on. What is not right is told, and the login goes on.
    fn take(&mut self, progress: Progress, mut line: Zeroizing<Vec<u8>>) {
        trim(&mut line);
        if line.is_empty() || progress == Progress::GivenUp {
            return;
        }
        let Some(url) =
            Secret::new(std::mem::take(&mut *line)).ok().filter(|_| progress != Progress::TooLong)
        else {
            return self.screen.say("tok: what was pasted is longer than any address\n");
        };
        let login = self.login.load(Ordering::SeqCst);
        if let Err(error) = self.client.paste_redirect(&self.account, login, url) {
            self.screen.say(&Complaint::from(error).lines());
        }
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
