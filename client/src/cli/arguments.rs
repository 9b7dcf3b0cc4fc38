//! The words of the call: options that every subcommand takes, and those of a token's wishes.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use lexopt::{Arg, Parser};
use tokend_client::Get;
use tokend_words::tok::TOK;
use tokend_words::{Command, Opt};

use super::complaint::{Complaint, Stop};
use super::{help, span};

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
    /// An option of the subcommand, by its long name.
    Long(&'static str),
    /// No option.
    Value(OsString),
}

/// The words that are still to be read.
pub(crate) struct Words<'m> {
    parser: Parser,
    /// What was said for every subcommand.
    pub(crate) manner: &'m mut Manner,
    /// The subcommand, once it is known.
    command: Option<&'static Command>,
    /// The options that may come.
    options: &'static [Opt],
    /// The value of the option that was read last, until it is taken.
    value: Option<OsString>,
    /// What to do where a word has no place, if the definition does not say it.
    hint: Option<&'static str>,
}

impl<'m> Words<'m> {
    /// All words of this process.
    pub(crate) fn of_process(manner: &'m mut Manner) -> Self {
        let parser = Parser::from_env();
        Self { parser, manner, command: None, options: TOK.own_options, value: None, hint: None }
    }

    /// From here on, this is the subcommand.
    pub(crate) fn are_for(&mut self, command: &'static Command) {
        self.command = Some(command);
        self.options = command.options;
    }

    /// From here on, this is what the subcommand is to do: its options are those that may come.
    pub(crate) fn are_for_action(&mut self, action: &str) {
        self.options =
            self.command.and_then(|command| command.action(action)).map_or(&[], |action| action.options);
    }

    /// The options that may come, beside those of every subcommand.
    pub(crate) fn options(&self) -> &'static [Opt] {
        self.options
    }

    /// What to do where a word has no place.
    pub(crate) fn hint_at(&mut self, hint: &'static str) {
        self.hint = Some(hint);
    }

    /// The next word that is not for every subcommand alike. `--help` prints and stops. The definition
    /// decides which options there are, and which have a value.
    pub(crate) fn next(&mut self) -> Result<Option<Word>, Stop> {
        loop {
            // A command that ignores a value is not told apart from one that was never told of it.
            debug_assert!(self.value.is_none(), "the value of an option was not looked at");
            let meant = match self.parser.next() {
                Ok(None) => return Ok(None),
                Ok(Some(Arg::Value(value))) => return Ok(Some(Word::Value(value))),
                Ok(Some(Arg::Short(letter))) => Meant::Short(letter),
                Ok(Some(Arg::Long(long))) => Meant::Long(long.to_owned()),
                Err(error) => return Err(self.wrong(&error)),
            };
            if let Some(option) = TOK.options.iter().find(|option| meant.is(option)) {
                match option.long {
                    "verbose" => self.manner.verbose = true,
                    "json" => self.manner.json = true,
                    _ => return Err(self.explain()),
                }
                continue;
            }
            let Some(option) = self.options.iter().find(|option| meant.is(option)) else {
                return Err(self.no_option(&meant));
            };
            if option.may_do_without {
                self.value = self.parser.optional_value();
            } else if option.value.is_some() {
                self.value = Some(self.parser.value().map_err(|error| self.wrong(&error))?);
            }
            return Ok(Some(Word::Long(option.long)));
        }
    }

    /// The value of the option that was read last.
    pub(crate) fn value(&mut self) -> Result<OsString, Stop> {
        self.value.take().ok_or_else(|| self.usage("an option lacks its value"))
    }

    /// The same, where it may do without: only what is joined to the option by `=`.
    pub(crate) fn optional_value(&mut self) -> Option<OsString> {
        self.value.take()
    }

    /// The value of the option that was read last, as text.
    pub(crate) fn text(&mut self, option: &str) -> Result<String, Stop> {
        self.value()?.into_string().map_err(|_| {
            Complaint::usage(format!("the value of --{option} is not UTF-8"), self.where_it_is_told()).into()
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

    /// A word that has no place here. Values are not repeated: one may be a token, pasted into the wrong
    /// place.
    pub(crate) fn unexpected(&self, word: &Word) -> Stop {
        match word {
            Word::Long(long) => self.no_option(&Meant::Long((*long).to_owned())),
            Word::Value(_) => self.usage("there is a word too many"),
        }
    }

    /// There is no such option, or not yet.
    fn no_option(&self, meant: &Meant) -> Stop {
        let hint = self.hint.map_or_else(|| self.where_it_is_told(), str::to_owned);
        let long = match meant {
            Meant::Short(letter) => {
                return Complaint::usage(format!("there is no option -{letter} here"), hint).into();
            }
            Meant::Long(long) => long,
        };
        if let Some(command) = self.command.filter(|command| command.later.contains(&long.as_str())) {
            let name = command.name;
            let message = format!("`tok {name} --{long}` is not built yet");
            return Complaint::usage(message, format!("`tok help {name}` shows what is")).into();
        }
        let known = self.options.iter().chain(TOK.options).map(|option| option.long);
        let hint = match super::nearest(long, known) {
            Some(near) => format!("did you mean `--{near}`? {}", self.where_it_is_told()),
            None => hint,
        };
        Complaint::usage(format!("there is no option --{long} here"), hint).into()
    }

    /// The call's words are off, and where it says how they should be.
    pub(crate) fn usage(&self, message: impl Into<String>) -> Stop {
        Complaint::usage(message, self.where_it_is_told()).into()
    }

    fn where_it_is_told(&self) -> String {
        match self.command {
            Some(command) if command.name != "help" => {
                format!("`tok help {}` shows how it is called", command.name)
            }
            _ => "`tok help` lists the commands".to_owned(),
        }
    }

    fn explain(&self) -> Stop {
        match help::print(self.command) {
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

/// An option as the caller wrote it.
enum Meant {
    Short(char),
    Long(String),
}

impl Meant {
    fn is(&self, option: &Opt) -> bool {
        match self {
            Self::Short(letter) => option.short == Some(*letter),
            Self::Long(long) => option.long == long,
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
