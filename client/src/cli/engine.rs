//! The store's engine: `tokend store …`, which knows age and the files. `tok` asks, and hands over.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tokend_client::Secret;

use super::arguments::Manner;
use super::complaint::{Complaint, Stop};
use super::curl::not_started;
use super::{output, platform};

/// More than the engine ever says.
const LONGEST_ERROR: u64 = 64 * 1024;

/// The program `tokend`, and what it is to do.
pub(crate) struct Engine {
    program: PathBuf,
    words: Vec<OsString>,
}

impl Engine {
    /// `tokend store ACTION` of the engine that came with this `tok`, or else of the one that is installed.
    pub(crate) fn find(manner: Manner, action: &str) -> Result<Self, Complaint> {
        let program = platform::beside_this("tokend").or_else(|| platform::find_program("tokend"));
        let Some(program) = program else {
            let message = "tokend, which keeps the store, is neither beside tok nor in PATH";
            let hint = "install the whole of it: tok and tokend belong together, in one folder";
            return Err(Complaint::new(1, "no-engine", message, hint));
        };
        let engine = Self { program, words: vec!["store".into(), action.into()] };
        Ok(if manner.json { engine.word("--json") } else { engine })
    }

    /// One more word of the call.
    pub(crate) fn word(mut self, word: impl Into<OsString>) -> Self {
        self.words.push(word.into());
        self
    }

    /// Goes on as the engine, with all that `tok` has: its input, its output, its end.
    pub(crate) fn take_over(&self) -> Stop {
        let error = platform::replace_by(&mut self.command());
        self.not_started(&error).into()
    }

    /// Runs it with this on its standard input, or nothing; gives its exit status.
    pub(crate) fn run(&self, input: Option<&Secret>) -> Result<u8, Stop> {
        let exposed = input.map(Secret::expose);
        let input = exposed.as_ref().map(|bytes| bytes.iter().as_slice());
        self.run_to_its_end(input, Stdio::inherit()).map(|(status, _)| status)
    }

    /// The same, with what came through tok's own standard input.
    pub(crate) fn run_on(&self, input: &[u8]) -> Result<u8, Stop> {
        self.run_to_its_end(Some(input), Stdio::inherit()).map(|(status, _)| status)
    }

    /// The same, and what it says on standard error is kept back.
    pub(crate) fn run_quietly(&self, input: Option<&Secret>) -> Result<(u8, Said), Stop> {
        let exposed = input.map(Secret::expose);
        let input = exposed.as_ref().map(|bytes| bytes.iter().as_slice());
        self.run_to_its_end(input, Stdio::piped())
    }

    fn run_to_its_end(&self, input: Option<&[u8]>, errors: Stdio) -> Result<(u8, Said), Stop> {
        let mut command = self.command();
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() }).stderr(errors);
        let mut child = platform::spawn(&mut command).map_err(|error| self.not_started(&error))?;
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
            // One that ends before it has read says why in its own words.
            let _ = pipe.write_all(input);
        }
        let mut said = Vec::new();
        if let Some(errors) = child.stderr.take() {
            let _ = errors.take(LONGEST_ERROR).read_to_end(&mut said);
        }
        let status = child.wait().map_err(|error| self.not_started(&error))?;
        Ok((platform::fold_status(status), Said(said)))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.words);
        command
    }

    fn not_started(&self, error: &std::io::Error) -> Complaint {
        Complaint { code: 1, ..not_started(&self.program.to_string_lossy(), error) }
    }
}

/// What the engine said on standard error.
pub(crate) struct Said(Vec<u8>);

impl Said {
    /// Says it now, as it is: the engine has made it fit for a terminal.
    pub(crate) fn tell(&self) {
        output::tell(&String::from_utf8_lossy(&self.0));
    }
}
