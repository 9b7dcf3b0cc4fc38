//! The words of the call: options that every subcommand takes, and those of a token's wishes.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use lexopt::{Arg, Parser};
use tokend_client::Get;

use super::complaint::{Complaint, Stop};
use super::{help, output, span};

/// What every subcommand takes.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Manner {
    /// Warnings even where standard error is no terminal.
    pub(crate) verbose: bool,
    /// Errors as an object for programs, and the output too where there is one.
    pub(crate) json: bool,
}

/// One word of the call.
#[derive(Debug)]
pub(crate) enum Word {
    /// `-x`
    Short(char),
    /// `--long`
    Long(String),
    /// No option.
    Value(OsString),
}

/// The words that are still to be read.
pub(crate) struct Words<'m> {
    parser: Parser,
    /// What was said for every subcommand.
    pub(crate) manner: &'m mut Manner,
    command: &'static str,
    help: &'static str,
}

impl<'m> Words<'m> {
    /// All words of this process.
    pub(crate) fn of_process(manner: &'m mut Manner) -> Self {
        Self { parser: Parser::from_env(), manner, command: "", help: help::TOK }
    }

    /// From here on, this is the subcommand.
    pub(crate) fn explained_by(&mut self, command: &'static str, help: &'static str) {
        self.command = command;
        self.help = help;
    }

    /// The next word that is not for every subcommand alike. `--help` prints and stops.
    pub(crate) fn next(&mut self) -> Result<Option<Word>, Stop> {
        loop {
            let word = match self.parser.next() {
                Ok(None) => return Ok(None),
                Ok(Some(Arg::Short(short))) => Word::Short(short),
                Ok(Some(Arg::Long(long))) => Word::Long(long.to_owned()),
                Ok(Some(Arg::Value(value))) => Word::Value(value),
                Err(error) => return Err(self.wrong(&error)),
            };
            match &word {
                Word::Short('v') => self.manner.verbose = true,
                Word::Long(long) if long == "verbose" => self.manner.verbose = true,
                Word::Long(long) if long == "json" => self.manner.json = true,
                Word::Short('h') => return Err(self.explain()),
                Word::Long(long) if long == "help" => return Err(self.explain()),
                _ => return Ok(Some(word)),
            }
        }
    }

    /// The value of the option that was read last.
    pub(crate) fn value(&mut self) -> Result<OsString, Stop> {
        self.parser.value().map_err(|error| self.wrong(&error))
    }

    /// The same, where it may do without: only what is joined to the option by `=`.
    pub(crate) fn optional_value(&mut self) -> Option<OsString> {
        self.parser.optional_value()
    }

    /// The value of the option that was read last, as text.
    pub(crate) fn text(&mut self, option: &str) -> Result<String, Stop> {
        self.value()?.into_string().map_err(|_| {
            Complaint::usage(format!("the value of --{option} is not UTF-8"), self.hint()).into()
        })
    }

    /// The same, as a span of time.
    pub(crate) fn span(&mut self, option: &str) -> Result<Duration, Stop> {
        let text = self.text(option)?;
        Ok(span::parse(option, &text)?)
    }

    /// The one value that may still come; no options.
    pub(crate) fn only_value(&mut self) -> Result<Option<OsString>, Stop> {
        let mut found = None;
        while let Some(word) = self.next()? {
            match word {
                Word::Value(value) if found.is_none() => found = Some(value),
                other => return Err(self.unexpected(&other)),
            }
        }
        Ok(found)
    }

    /// An account and nothing else.
    pub(crate) fn only_account(&mut self) -> Result<String, Stop> {
        let value = self.only_value()?;
        self.account(value)
    }

    /// Nothing more may come.
    pub(crate) fn end(&mut self) -> Result<(), Stop> {
        match self.next()? {
            None => Ok(()),
            Some(word) => Err(self.unexpected(&word)),
        }
    }

    /// This value is the account's name.
    pub(crate) fn account(&self, value: Option<OsString>) -> Result<String, Stop> {
        let value = value.ok_or_else(|| self.usage("no account was named"))?;
        if value.is_empty() {
            return Err(self.usage("the account's name is empty"));
        }
        value.into_string().map_err(|_| self.usage("the account's name is not UTF-8"))
    }

    /// Takes away `--` and the words behind it, which are another program's; nothing if there is no `--`.
    pub(crate) fn split_off_command(&mut self) -> Option<Vec<OsString>> {
        let rest = self.parser.try_raw_args()?;
        let words = rest.as_slice();
        let at = words.iter().position(|word| word == OsStr::new("--"))?;
        let command = words[at + 1..].to_vec();
        let ours = words[..at].to_vec();
        self.parser = Parser::from_args(ours);
        Some(command)
    }

    /// All words from here on as they are; the first of them was read already.
    pub(crate) fn rest(&mut self) -> Result<Vec<OsString>, Stop> {
        match self.parser.raw_args() {
            Ok(rest) => Ok(rest.collect()),
            Err(error) => Err(self.wrong(&error)),
        }
    }

    /// A word that has no place here. Values are not repeated: one may be a token, pasted into the wrong place.
    pub(crate) fn unexpected(&self, word: &Word) -> Stop {
        self.misplaced(word, &self.hint())
    }

    /// The same, with what to do where the word is no slip of the finger.
    pub(crate) fn misplaced(&self, word: &Word, hint: &str) -> Stop {
        let Word::Long(long) = word else {
            return match word {
                Word::Short(short) => {
                    Complaint::usage(format!("there is no option -{short} here"), hint).into()
                }
                _ => self.usage("there is a word too many"),
            };
        };
        let hint = match super::nearest(long, self.options()) {
            Some(near) => format!("did you mean `--{near}`? {}", self.hint()),
            None => hint.to_owned(),
        };
        Complaint::usage(format!("there is no option --{long} here"), hint).into()
    }

    /// The long options that the subcommand's help names, and those of every subcommand.
    fn options(&self) -> impl Iterator<Item = &'static str> {
        let ends = |c: char| !c.is_ascii_lowercase() && c != '-';
        let named = self.help.split("--").skip(1).filter_map(move |rest| rest.split(ends).next());
        named.filter(|name| !name.is_empty()).chain(["json", "verbose", "help"])
    }

    /// The call's words are off, and where it says how they should be.
    pub(crate) fn usage(&self, message: impl Into<String>) -> Stop {
        Complaint::usage(message, self.hint()).into()
    }

    fn hint(&self) -> String {
        match self.command {
            "" | "help" => "`tok help` lists the commands".to_owned(),
            command => format!("`tok help {command}` shows how it is called"),
        }
    }

    fn explain(&self) -> Stop {
        match output::print(self.help.as_bytes()) {
            Ok(()) => Stop::Quiet(0),
            Err(stop) => stop,
        }
    }

    fn wrong(&self, error: &lexopt::Error) -> Stop {
        match error {
            lexopt::Error::MissingValue { option: Some(option) } => {
                self.usage(format!("{option} needs a value"))
            }
            lexopt::Error::UnexpectedValue { option, .. } => self.usage(format!("{option} takes no value")),
            _ => self.usage("the call's words cannot be read"),
        }
    }
}

/// What a caller may wish of a token.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    min_valid: Option<Duration>,
    scope: Vec<String>,
    audience: Vec<String>,
    timeout: Option<Duration>,
}

impl Wishes {
    /// Reads the option if it is one of these.
    pub(crate) fn take(&mut self, option: &str, words: &mut Words<'_>) -> Result<bool, Stop> {
        match option {
            "min-valid" => self.min_valid = Some(words.span(option)?),
            "timeout" => self.timeout = Some(timeout(words)?),
            "scope" => self.scope.extend(several(words, option)?),
            "audience" => self.audience.extend(several(words, option)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether this is another token than the account's own.
    pub(crate) fn names_a_variant(&self) -> bool {
        !self.scope.is_empty() || !self.audience.is_empty()
    }

    /// The request for a token of this account.
    pub(crate) fn of(&self, account: &str) -> Get {
        let mut get = Get::account(account);
        if let Some(life) = self.min_valid {
            get = get.min_valid(life);
        }
        if let Some(timeout) = self.timeout {
            get = get.timeout(timeout);
        }
        get = self.scope.iter().fold(get, Get::scope);
        self.audience.iter().fold(get, Get::audience)
    }
}

/// How long to wait for a service: what the daemon would cut is refused here.
pub(crate) fn timeout(words: &mut Words<'_>) -> Result<Duration, Stop> {
    let longest = tokend_proto::limits::MAX_TIMEOUT;
    let timeout = words.span("timeout")?;
    if timeout > longest {
        return Err(words.usage(format!("--timeout is at most {}", span::words(longest))));
    }
    Ok(timeout)
}

/// Whether `--json` stands among the words, for errors in words before it. `curl` has a `--json` of its own.
pub(crate) fn json_was_meant() -> bool {
    let ours = |word: &OsString| word != OsStr::new("--") && word != OsStr::new("curl");
    std::env::args_os().skip(1).take_while(ours).any(|word| word == OsStr::new("--json"))
}

/// A value that may hold several words: scopes are separated by spaces (RFC 6749, 3.3).
fn several(words: &mut Words<'_>, option: &str) -> Result<Vec<String>, Stop> {
    let found: Vec<String> = words.text(option)?.split_whitespace().map(str::to_owned).collect();
    if found.is_empty() { Err(words.usage(format!("--{option} is empty"))) } else { Ok(found) }
}
