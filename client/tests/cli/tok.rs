//! Calls of the real `tok` and what came of them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::daemon::Daemon;
use super::platform;

/// `tok` with these words, in an environment that holds nothing but the daemon's place.
pub(crate) fn tok(daemon: &Daemon, words: &[&str]) -> Command {
    let mut command = at(&daemon.socket(), words);
    platform::live_in(&mut command, daemon.home());
    command
}

/// The same, for any socket.
pub(crate) fn at(socket: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tok"));
    command
        .args(words)
        .env_clear()
        .env("TOKEND_SOCK", socket)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    platform::keep_what_programs_need(&mut command);
    command.stdin(Stdio::null());
    command
}

/// What a call came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The exit status.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// Runs it to its end.
pub(crate) fn run(mut command: Command) -> Run {
    of(platform::starting(|| command.output()).expect("tok starts"))
}

/// Runs it to its end with this on standard input.
pub(crate) fn run_with(mut command: Command, input: &[u8]) -> Run {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = platform::starting(|| piped.spawn()).expect("tok starts");
    // A tok that refuses the call does not read: then there is nobody to write to.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    of(child.wait_with_output().expect("tok ends"))
}

impl Run {
    /// Asserts that it failed so, with the two lines and nothing on standard output; gives both lines.
    pub(crate) fn failed_with(&self, code: i32) -> (String, String) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        let lines: Vec<&str> = self.err.lines().collect();
        assert_eq!(lines.len(), 2, "{self:?}");
        assert!(self.err.ends_with('\n') && !self.err.contains('\x1b'), "{self:?}");
        let what = lines[0].strip_prefix("tok: ").expect("what happened");
        let hint = lines[1].strip_prefix("hint: ").expect("what to do");
        assert!(!what.is_empty() && !hint.is_empty(), "{self:?}");
        (what.to_owned(), hint.to_owned())
    }

    /// Asserts that it went well and said nothing beside its output.
    pub(crate) fn printed(&self) -> &str {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{self:?}");
        &self.out
    }
}

fn of(output: Output) -> Run {
    Run {
        code: platform::code_of(output.status),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}
