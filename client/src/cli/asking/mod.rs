//! How a person is asked for a secret: at the terminal without echo, or by a program that shows a dialogue.

mod askpass;
mod dialogue;
pub(crate) mod line;
mod pinentry;

use std::ffi::OsString;
use std::path::PathBuf;

use tokend_client::{Code, Secret};
use tokend_proto::limits::MAX_SECRET;
use zeroize::Zeroizing;

use self::line::{Line, Progress};
use super::complaint::Complaint;
use super::platform::{self, Terminal, Typed};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'q> {
    /// One line without its colon: `Passphrase of tokend's store`.
    pub(crate) prompt: &'q str,
    /// What was wrong with the last answer.
    pub(crate) mistake: Option<&'q str>,
}

/// Who is asked, and by what.
#[derive(Debug)]
pub(crate) enum Asker {
    /// Whoever sits at this terminal.
    Terminal(Terminal),
    /// A program that is given the prompt and prints the answer, as ssh's is.
    Askpass(PathBuf),
    /// `GnuPG`'s dialogue.
    Pinentry(PathBuf),
}

impl Asker {
    /// Whoever sits at the terminal.
    pub(crate) fn at_terminal() -> Option<Self> {
        Terminal::open().map(Self::Terminal)
    }

    /// The terminal, or else what the environment names, or else a pinentry where there is a screen.
    pub(crate) fn find() -> Option<Self> {
        if let Some(terminal) = Self::at_terminal() {
            return Some(terminal);
        }
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        if let Some(program) = set("TOKEND_ASKPASS").or_else(|| set("SSH_ASKPASS")) {
            return Some(Self::Askpass(located(program)));
        }
        set("DISPLAY").or_else(|| set("WAYLAND_DISPLAY"))?;
        platform::find_program("pinentry").map(Self::Pinentry)
    }

    /// Asks once for a passphrase that is there: no answer is none.
    pub(crate) fn ask_for_passphrase(&self, question: Question<'_>) -> Result<Secret, Complaint> {
        let passphrase = self.ask(question)?;
        if passphrase.is_empty() { Err(declined()) } else { Ok(passphrase) }
    }

    /// Asks once. The answer may be empty.
    ///
    /// # Errors
    /// Exit status 7 where nobody wants to answer, 9 where nobody can.
    pub(crate) fn ask(&self, question: Question<'_>) -> Result<Secret, Complaint> {
        match self {
            Self::Terminal(terminal) => type_in(terminal, question),
            Self::Askpass(program) => askpass::ask(program, question),
            Self::Pinentry(program) => pinentry::ask(program, question),
        }
    }
}

/// Nobody can be asked.
pub(crate) fn nobody_to_ask() -> Complaint {
    Complaint::new(
        Code::LOCKED.0,
        "nobody-to-ask",
        "the passphrase cannot be asked for: there is no terminal",
        "set TOKEND_ASKPASS or SSH_ASKPASS to a program that asks, install pinentry where there is a screen, \
         or give the passphrase with --stdin",
    )
}

/// The answer that both questions got; asked anew while they differ, as ssh-keygen does.
pub(crate) fn ask_twice(asker: &Asker, first: &str, again: &str) -> Result<Secret, Complaint> {
    let mut mistake = None;
    loop {
        let answer = asker.ask(Question { prompt: first, mistake })?;
        // Nothing cannot be mistyped.
        if answer.is_empty() {
            return Ok(answer);
        }
        if asker.ask(Question { prompt: again, mistake: None })?.matches(&answer) {
            return Ok(answer);
        }
        mistake = Some("that was not the same twice; try again");
    }
}

/// Whoever was asked does not want to answer.
fn declined() -> Complaint {
    Complaint::new(Code::DENIED.0, "declined", "nothing was given", "call it again to be asked again")
}

/// The way to ask does not work.
fn unusable(way: &str, why: &str) -> Complaint {
    let hint = "give the passphrase with --stdin, or set TOKEND_ASKPASS to another program that asks";
    Complaint::new(Code::LOCKED.0, "cannot-ask", format!("{way}: {why}"), hint)
}

fn too_long() -> Complaint {
    Complaint::usage(
        format!("what was given is longer than {MAX_SECRET} bytes"),
        "a secret or passphrase is at most that long",
    )
}

/// A secret of what was given, up to the end of its line.
fn first_line(mut given: Zeroizing<Vec<u8>>) -> Result<Secret, Complaint> {
    if let Some(end) = given.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        given[end..].fill(0);
        given.truncate(end);
    }
    Secret::new(std::mem::take(&mut *given)).map_err(|_| too_long())
}

/// A program's path; a name alone is looked for where all programs are.
fn located(program: OsString) -> PathBuf {
    let path = PathBuf::from(program);
    if path.components().count() > 1 {
        return path;
    }
    platform::find_program(&path).unwrap_or(path)
}

fn type_in(terminal: &Terminal, question: Question<'_>) -> Result<Secret, Complaint> {
    let unusable = |error: std::io::Error| unusable("the terminal cannot be used", &error.to_string());
    if let Some(mistake) = question.mistake {
        terminal.show(&format!("{mistake}\n")).map_err(unusable)?;
    }
    let mut line = Line::new(MAX_SECRET, terminal.keys().map_err(unusable)?);
    let mut progress = Progress::Unfinished;
    let more_followed = terminal.read_hidden(&format!("{}: ", question.prompt), |typed| {
        match typed {
            Typed::Anew => line.clear(),
            Typed::Key(byte) => progress = line.take(byte),
        }
        progress != Progress::Unfinished
    });
    match (more_followed.map_err(unusable)?, progress) {
        (_, Progress::GivenUp) => Err(declined()),
        (_, Progress::TooLong) => Err(too_long()),
        // Half of a key in several lines would be worse than none.
        (true, _) => Err(Complaint::usage(
            "what was pasted has more than one line",
            "write it into a file of your own, and redirect that: tok … < FILE",
        )),
        (false, _) => Secret::new(std::mem::take(&mut *line.into_bytes())).map_err(|_| too_long()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_answer_ends_with_its_line() -> Result<(), Complaint> {
        for given in [&b"a b\n"[..], b"a b", b"a b\r\n", b"a b\nmore"] {
            let secret = first_line(Zeroizing::new(given.to_vec()))?;
            assert!(secret.expose().iter().eq(b"a b"));
        }
        assert!(first_line(Zeroizing::new(vec![b'x'; MAX_SECRET + 1])).is_err());
        Ok(())
    }
}
