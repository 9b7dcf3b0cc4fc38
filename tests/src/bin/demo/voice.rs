//! How the story sounds: headings, words, commands as they are typed, and what came of them.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};

/// The narrator, on standard output.
#[derive(Debug)]
pub(crate) struct Voice {
    stdout: io::Stdout,
    terminal: bool,
    colour: bool,
    /// Whether an empty line was printed last.
    at_gap: Cell<bool>,
}

impl Voice {
    /// In colour on a terminal that shows it, where `NO_COLOR` (no-color.org) does not forbid it.
    pub(crate) fn of_stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self { stdout, terminal, colour: terminal && !forbidden && !dumb, at_gap: Cell::new(false) }
    }

    /// Whether a person looks on.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The heading of a chapter.
    pub(crate) fn chapter(&self, title: &str) -> io::Result<()> {
        self.gap()?;
        self.print(&self.paint("1;36", title))?;
        self.gap()
    }

    /// A paragraph, as it is broken into lines.
    pub(crate) fn say(&self, words: &str) -> io::Result<()> {
        self.gap()?;
        self.print(words)
    }

    /// A command, as one would type it.
    pub(crate) fn command(&self, line: &str) -> io::Result<()> {
        self.gap()?;
        self.print(&format!("{} {}", self.paint("32", "$"), self.paint("1", line)))
    }

    /// What came of it.
    pub(crate) fn output(&self, text: &str) -> io::Result<()> {
        if text.is_empty() { Ok(()) } else { self.print(text.trim_end_matches('\n')) }
    }

    /// Something that happens to a service.
    pub(crate) fn event(&self, what: &str) -> io::Result<()> {
        self.gap()?;
        self.print(&self.paint("33", &format!("*** {what} ***")))
    }

    /// Something on the margin.
    pub(crate) fn remark(&self, words: &str) -> io::Result<()> {
        self.print(&self.paint("2", words))
    }

    /// One empty line, however often it is asked for.
    pub(crate) fn gap(&self) -> io::Result<()> {
        if self.at_gap.get() {
            return Ok(());
        }
        self.print("")?;
        self.at_gap.set(true);
        Ok(())
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Whole lines, at once, so that they stand above what a program prints next.
    fn print(&self, lines: &str) -> io::Result<()> {
        self.at_gap.set(false);
        let mut stdout = self.stdout.lock();
        writeln!(stdout, "{lines}")?;
        stdout.flush()
    }
}

/// A token as whoever looks over the shoulder may see it: `eyJhbG…9wQ2 (352 characters)`.
pub(crate) fn shortened(token: &str) -> String {
    format!("{} ({} characters)", ends(token), token.chars().count())
}

/// Its ends alone, enough to tell it from another.
pub(crate) fn ends(token: &str) -> String {
    let length = token.chars().count();
    if length < 24 {
        return "…".to_owned();
    }
    let begin: String = token.chars().take(6).collect();
    let end: String = token.chars().skip(length - 4).collect();
    format!("{begin}…{end}")
}
