//! Why `tokend store` ends without having done what it was asked, as `tok` says it: two lines, or one JSON
//! object.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use serde::Serialize;
use tokend::document::printable;
use tokend::secret::store::{Shut, Sort, Trouble, UnlockError};
use tokend_proto::message::Code;

/// What happened and what to do.
#[derive(Debug, Serialize)]
pub(super) struct Complaint {
    code: u8,
    kind: &'static str,
    message: String,
    hint: String,
}

/// More characters than this say nothing to a person.
const MOST: usize = 1000;

impl Complaint {
    /// The call's words are off, or do not fit what is there.
    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Code::USAGE, "usage", message, hint)
    }

    /// Something is not there.
    pub(super) fn unknown(kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Code::UNKNOWN, kind, message, hint)
    }

    /// Something failed here.
    pub(super) fn fault(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Code::INTERNAL, "fault", message, hint)
    }

    /// The identity has a passphrase, and this is how to give it.
    pub(super) fn passphrase_needed(hint: &str) -> Self {
        Self::new(Code::LOCKED, "locked", "the store's identity is under a passphrase", hint)
    }

    fn wrong_passphrase() -> Self {
        Self::new(Code::LOCKED, "wrong-passphrase", "this is not the passphrase", "try again")
    }

    /// Any other.
    fn new(code: Code, kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: code.0, kind, message: message.into(), hint: hint.into() }
    }

    /// Says it, and is the exit status.
    pub(super) fn print(self, json: bool) -> ExitCode {
        let mut stderr = std::io::stderr().lock();
        let _ = if json {
            let object = serde_json::to_value(&self).unwrap_or_default();
            writeln!(stderr, "{}", json_line(&object))
        } else {
            let (message, hint) = (printable(&self.message, MOST), printable(&self.hint, MOST));
            writeln!(stderr, "tok: {message}\nhint: {hint}")
        };
        ExitCode::from(self.code)
    }
}

/// JSON in one line, with nothing in it that a terminal would obey: an account's name may come from a file of
/// somebody else's.
pub(super) fn json_line(value: &serde_json::Value) -> String {
    let mut line = String::new();
    // Beyond ASCII there are only characters of strings, and those that are escaped here have four digits.
    for c in value.to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {
                let _ = write!(line, "\\u{:04x}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line
}

impl From<Trouble> for Complaint {
    fn from(trouble: Trouble) -> Self {
        let code = match trouble.sort {
            Sort::Usage => Code::USAGE,
            Sort::Missing => Code::UNKNOWN,
            Sort::Refused => Code::REFUSED,
            Sort::NotNow => Code::NOT_NOW,
            Sort::Locked => Code::LOCKED,
            Sort::Fault => Code::INTERNAL,
        };
        Self::new(code, trouble.kind, trouble.message, trouble.hint)
    }
}

impl From<UnlockError> for Complaint {
    fn from(error: UnlockError) -> Self {
        match error {
            UnlockError::WrongPassphrase => Self::wrong_passphrase(),
            UnlockError::Failure(failure) => Trouble::from(failure).into(),
            // One process makes one try.
            _ => Self::passphrase_needed("give it on standard input, with --passphrase-stdin"),
        }
    }
}

impl From<Shut> for Complaint {
    fn from(shut: Shut) -> Self {
        match shut {
            Shut::WrongPassphrase => Self::wrong_passphrase(),
            Shut::Trouble(trouble) => trouble.into(),
            Shut::PassphraseNeeded => {
                Self::passphrase_needed("write the old one on the first line of standard input")
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn json_holds_nothing_that_a_terminal_obeys() {
        let value = serde_json::json!([{ "a\u{9b}31m": "\u{7f}\u{202e}\u{1b}\n ü" }]);
        let line = json_line(&value);
        assert_eq!(line, r#"[{"a\u009b31m":"\u007f\u202e\u001b\n ü"}]"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
    }
}
