//! Why `tok` ends without having done what it was asked: always what happened and what to do.

use std::borrow::Cow;
use std::path::Path;

use serde::Serialize;
use tokend_client::{Code, Error};

/// The end of a run that is no success.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something to say.
    Complaint(Complaint),
    /// Everything has been said (`--help`), or nobody listens any more (a closed pipe).
    Quiet(u8),
}

/// An error for the person at the terminal, or with `--json` for a program.
#[derive(Debug, Serialize)]
pub(crate) struct Complaint {
    /// The exit status.
    pub(crate) code: u8,
    /// A word for programs.
    pub(crate) kind: Cow<'static, str>,
    /// What happened.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: String,
    /// When the daemon tries again by itself, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_try_in: Option<u64>,
    /// Whether the message may have several lines, as that of a faulty configuration does.
    #[serde(skip)]
    pub(crate) several_lines: bool,
}

impl Complaint {
    /// The call's words are off.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Code::USAGE.0, "usage", message, hint)
    }

    /// Something failed on this side.
    pub(crate) fn fault(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Code::INTERNAL.0, "fault", message, hint)
    }

    /// Any other.
    pub(crate) fn new(
        code: u8,
        kind: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            code,
            kind: kind.into(),
            message: message.into(),
            hint: hint.into(),
            next_try_in: None,
            several_lines: false,
        }
    }

    /// The two lines of standard error.
    pub(crate) fn lines(&self) -> String {
        let message =
            if self.several_lines { printable_lines(&self.message) } else { printable(&self.message) };
        format!("tok: {message}\nhint: {}\n", printable(&self.hint))
    }
}

impl From<Complaint> for Stop {
    fn from(complaint: Complaint) -> Self {
        Self::Complaint(complaint)
    }
}

impl From<Error> for Complaint {
    fn from(error: Error) -> Self {
        let mut hint = match (&error, std::env::var_os("TOKEND_SOCK")) {
            (Error::NotRunning { socket }, Some(set)) if *socket == *set => where_it_was_set(socket),
            _ => error.hint(),
        };
        let next_try_in = match &error {
            Error::Failed(failure) => failure.next_try_in_ms.map(|pause| pause.div_ceil(1000)),
            _ => None,
        };
        if hint.trim().is_empty() {
            "`tok status` says more".clone_into(&mut hint);
        }
        let code = match error.code().0 {
            0 => Code::INTERNAL.0,
            code => code,
        };
        Self { next_try_in, ..Self::new(code, error.kind().to_owned(), error.message(), hint) }
    }
}

/// What to do when nobody listens where the variable points, which may be left over from another day.
fn where_it_was_set(socket: &Path) -> String {
    let socket = socket.display();
    format!("TOKEND_SOCK is set to {socket}; unset it, or {}", super::platform::words::START_THERE)
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Complaint(error.into())
    }
}

/// Text that cannot move the cursor, colour the screen, or turn the reading direction: one line.
pub(crate) fn printable(text: &str) -> String {
    let harmless = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !meddles(*c));
    harmless.collect::<String>().trim().to_owned()
}

/// The same, with its line breaks.
pub(crate) fn printable_lines(text: &str) -> String {
    // Indentation points at a column of the configuration: it stays.
    let clean = |line: &str| line.replace('\t', "    ").chars().filter(|c| !meddles(*c)).collect::<String>();
    text.trim_end().lines().map(|line| clean(line).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Whether a word that has no place may be repeated: what is longer or odder may be a token, pasted by mistake.
pub(crate) fn is_plain(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (1..=20).contains(&word.len()) && word.bytes().all(plain)
}

fn meddles(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use tokend_client::Failure;

    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_the_service_said() {
        let complaint = Complaint::fault("a\n\x1b[31mred\u{202e}\r\nb\tc\u{9b}", "do\nthis");
        assert_eq!(complaint.lines(), "tok: a [31mred  b c\nhint: do this\n");
    }

    #[test]
    fn a_faulty_configuration_keeps_its_lines() {
        let mut complaint = Complaint::fault("line 3:\n   3 | typ = \x07\n     | ^^^\n", "mend it");
        complaint.several_lines = true;
        assert_eq!(complaint.lines(), "tok: line 3:\n   3 | typ =\n     | ^^^\nhint: mend it\n");
    }

    #[test]
    fn a_missing_hint_is_made_up_for() {
        let complaint = Complaint::from(Error::Failed(Failure {
            code: Code(6),
            kind: "unreachable".to_owned(),
            message: "no route".to_owned(),
            hint: String::new(),
            next_try_in_ms: Some(89_001),
        }));
        assert_eq!(complaint.lines(), "tok: no route\nhint: `tok status` says more\n");
        assert_eq!((complaint.code, complaint.next_try_in), (6, Some(90)));
    }

    #[test]
    fn an_error_never_exits_with_success() {
        let failure = Failure {
            code: Code(0),
            kind: String::new(),
            message: String::new(),
            hint: String::new(),
            next_try_in_ms: None,
        };
        assert_eq!(Complaint::from(Error::Failed(failure)).code, 1);
    }
}
