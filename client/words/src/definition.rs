//! The types of the definition: programs, commands, options, arguments.

use crate::help;

/// A program and all that can be said to it.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// What it is called.
    pub name: &'static str,
    /// What it is for, in half a line.
    pub summary: &'static str,
    /// How it is called, without its name.
    pub usage: &'static [&'static str],
    /// What it does, for its own help; paragraphs are separated by an empty line.
    pub description: &'static str,
    /// Its commands, as they are listed.
    pub groups: &'static [Group],
    /// Options that every command takes.
    pub options: &'static [Opt],
    /// Options that stand in a command's place.
    pub own_options: &'static [Opt],
    /// What its exit status means.
    pub exit_status: &'static [Choice],
    /// Sections of its man page alone: FILES, ENVIRONMENT and the like, with their entries.
    pub notes: &'static [Note],
    /// Examples for its man page.
    pub examples: &'static [Example],
    /// Other pages, such as `tok(1)`.
    pub see_also: &'static [&'static str],
}

/// Commands that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// The commands.
    pub commands: &'static [Command],
}

/// One command. Write `..Command::NEW` for what it does not have.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// What it is called.
    pub name: &'static str,
    /// What it does, for the list of commands: half a line, no full stop.
    pub summary: &'static str,
    /// How it is called, without the program's and its own name: one entry a form.
    pub usage: &'static [&'static str],
    /// What it does. Paragraphs are separated by an empty line; what is to be typed stands in backticks.
    pub description: &'static str,
    /// What it goes on with, as `tok secret set` does.
    pub actions: &'static [Command],
    /// Its arguments in their order.
    pub arguments: &'static [Argument],
    /// Its own options; those of every command are the program's.
    pub options: &'static [Opt],
    /// Options that are promised for later: an error says so.
    pub later: &'static [&'static str],
    /// What stands below its options; paragraphs as in the description.
    pub notes: &'static str,
    /// Its exit status where it is not that of every command.
    pub exit_status: &'static str,
    /// How it is used.
    pub examples: &'static [Example],
}

impl Command {
    /// A command of which nothing is said yet.
    pub const NEW: Self = Self {
        name: "",
        summary: "",
        usage: &[""],
        description: "",
        actions: &[],
        arguments: &[],
        options: &[],
        later: &[],
        notes: "",
        exit_status: "",
        examples: &[],
    };

    /// Its option of this long name.
    #[must_use]
    pub fn option(&self, long: &str) -> Option<&'static Opt> {
        self.options.iter().find(|option| option.long == long)
    }

    /// What it goes on with, by name.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&'static Command> {
        self.actions.iter().find(|action| action.name == name)
    }

    /// Its options and those of its actions, each once.
    pub fn all_options(&self) -> impl Iterator<Item = &'static Opt> {
        let of_actions = self.actions.iter().flat_map(|action| action.options);
        let mut seen = Vec::new();
        self.options.iter().chain(of_actions).filter(move |option| {
            let new = !seen.contains(&option.long);
            seen.push(option.long);
            new
        })
    }
}

impl Program {
    /// Every command, as they are listed.
    pub fn commands(&self) -> impl Iterator<Item = &'static Command> + use<> {
        self.groups.iter().flat_map(|group| group.commands)
    }

    /// The command of this name.
    #[must_use]
    pub fn command(&self, name: &str) -> Option<&'static Command> {
        self.commands().find(|command| command.name == name)
    }

    /// What `PROGRAM help` says, in lines of at most `width` columns.
    #[must_use]
    pub fn help(&self, width: usize) -> String {
        help::of_program(self, width)
    }

    /// What `PROGRAM help COMMAND` says, in lines of at most `width` columns.
    #[must_use]
    pub fn help_of(&self, command: &Command, width: usize) -> String {
        help::of_command(self, command, width)
    }
}

/// An option. Its long name is what the parser tells the command; a short one is another name for it.
#[derive(Debug, Clone, Copy)]
pub struct Opt {
    /// The name behind `--`.
    pub long: &'static str,
    /// The letter behind `-`.
    pub short: Option<char>,
    /// Its value, where it has one, and what that is called in help.
    pub value: Option<(&'static str, Value)>,
    /// Whether it may do without its value, which is joined to it by `=`.
    pub may_do_without: bool,
    /// Whether it may be given several times.
    pub repeats: bool,
    /// What it does: no full stop at its end.
    pub help: &'static str,
}

impl Opt {
    /// An option without a value.
    #[must_use]
    pub const fn flag(long: &'static str, help: &'static str) -> Self {
        Self { long, short: None, value: None, may_do_without: false, repeats: false, help }
    }

    /// An option with a value: what help calls it, and of which kind it is.
    #[must_use]
    pub const fn with(long: &'static str, name: &'static str, value: Value, help: &'static str) -> Self {
        Self { value: Some((name, value)), ..Self::flag(long, help) }
    }

    /// It has a short name as well.
    #[must_use]
    pub const fn short(self, letter: char) -> Self {
        Self { short: Some(letter), ..self }
    }

    /// It may be given several times.
    #[must_use]
    pub const fn repeated(self) -> Self {
        Self { repeats: true, ..self }
    }

    /// How it is written: `-x, --long VALUE`.
    #[must_use]
    pub fn call(&self) -> String {
        let mut call = self.short.map_or_else(String::new, |letter| format!("-{letter}, "));
        call.push_str("--");
        call.push_str(self.long);
        if let Some((name, _)) = self.value {
            let (before, after) = if self.may_do_without { ("[=", "]") } else { (" ", "") };
            call.push_str(before);
            call.push_str(name);
            call.push_str(after);
        }
        if self.repeats {
            call.push_str(" …");
        }
        call
    }

    /// It may do without its value.
    #[must_use]
    pub const fn or_without(self) -> Self {
        Self { may_do_without: true, ..self }
    }
}

/// What stands for itself among the words of a call.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// What help calls it.
    pub name: &'static str,
    /// What it is.
    pub value: Value,
    /// Whether there may be several of it.
    pub many: bool,
}

impl Argument {
    /// Exactly one, or none.
    #[must_use]
    pub const fn one(name: &'static str, value: Value) -> Self {
        Self { name, value, many: false }
    }

    /// Any number of them.
    #[must_use]
    pub const fn many(name: &'static str, value: Value) -> Self {
        Self { name, value, many: true }
    }
}

/// What kind of thing a value is: shells complete it accordingly.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// An account of the running daemon.
    Account,
    /// A secret of the store.
    Secret,
    /// A variable's name, `=`, and an account.
    Assignment,
    /// A span of time, such as `90s` or `1h 30m`.
    Duration,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// One of these.
    OneOf(&'static [Choice]),
    /// One of the program's commands.
    Command,
    /// All that follows is a program and its arguments.
    Program,
    /// All that follows is for this program.
    For(&'static str),
    /// Anything else.
    Text,
}

/// One of several words, and what it means.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The word.
    pub word: &'static str,
    /// What it means; may be empty where that is clear.
    pub help: &'static str,
}

impl Choice {
    /// A word and its meaning.
    #[must_use]
    pub const fn new(word: &'static str, help: &'static str) -> Self {
        Self { word, help }
    }
}

/// A call worth showing.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// What is typed.
    pub call: &'static str,
    /// What comes of it; no full stop.
    pub help: &'static str,
}

impl Example {
    /// A call and what comes of it.
    #[must_use]
    pub const fn new(call: &'static str, help: &'static str) -> Self {
        Self { call, help }
    }
}

/// A section of a man page.
#[derive(Debug, Clone, Copy)]
pub struct Note {
    /// Its heading, such as `FILES`.
    pub title: &'static str,
    /// Paragraphs at its beginning.
    pub text: &'static str,
    /// Its entries.
    pub entries: &'static [Choice],
}
