//! How the story sounds: headings, words, commands as they are typed, and what came of them.

use std::io::{self, IsTerminal, Write};

/// The narrator, on standard output.
#[derive(Debug)]
pub(crate) struct Voice {
    stdout: io::Stdout,
    terminal: bool,
    colour: bool,
}

impl Voice {
    /// In colour on a terminal that shows it, where `NO_COLOR` (no-color.org) does not forbid it.
    pub(crate) fn of_stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            stdout,
            terminal,
            colour: terminal && !forbidden && !dumb,
        }
    }

    /// Whether a person looks on.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The heading of a chapter.
    pub(crate) fn chapter(&self, title: &str) -> io::Result<()> {
        self.print(&format!("\n{}\n\n", self.paint("1;36", title)))
    }

    /// Words, as they are broken into lines.
    pub(crate) fn say(&self, words: &str) -> io::Result<()> {
        self.print(&format!("{words}\n"))
    }

    /// A command, as one would type it.
    pub(crate) fn command(&self, line: &str) -> io::Result<()> {
        self.print(&format!(
            "\n{} {}\n",
            self.paint("32", "$"),
            self.paint("1", line)
        ))
    }

    /// What came of it.
    pub(crate) fn output(&self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            Ok(())
        } else {
            self.print(&format!("{}\n", text.trim_end_matches('\n')))
        }
    }

    /// Something on the margin.
    pub(crate) fn remark(&self, words: &str) -> io::Result<()> {
        self.print(&format!("{}\n", self.paint("2", words)))
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// At once, so that it stands above what a program prints next.
    fn print(&self, text: &str) -> io::Result<()> {
        let mut stdout = self.stdout.lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

/// A token as it may be seen by who looks over the shoulder: `eyJhbG…9wQ2 (352 characters)`.
pub(crate) fn shortened(token: &str) -> String {
    let length = token.chars().count();
    if length < 24 {
        return format!("… ({length} characters)");
    }
    let begin: String = token.chars().take(6).collect();
    let end: String = token.chars().skip(length - 4).collect();
    format!("{begin}…{end} ({length} characters)")
}
