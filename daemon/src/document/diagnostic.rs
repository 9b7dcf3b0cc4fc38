//! One mistake, drawn for a person: what is wrong, where, the line with its values hidden, what to do.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// Something that is wrong with a file. Holds no value of it that could be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong; one line.
    pub message: String,
    /// What to do, or what was meant; one line, or empty.
    pub hint: String,
    /// Where.
    pub place: Place,
    /// Another place that it has to do with, and what stands there.
    pub also: Option<(String, Place)>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// It can, and something in it is probably not meant.
    Warning,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1; 0 where the whole file is meant.
    pub line: usize,
    /// Counted from 1, in characters; 0 where the whole file is meant.
    pub column: usize,
    /// The line without what may be secret; empty where the whole file is meant.
    pub excerpt: String,
    /// Which characters of the excerpt are meant: the first, counted from 0, and how many.
    pub mark: (usize, usize),
}

impl Place {
    /// The whole file.
    #[must_use]
    pub fn file(file: &Path) -> Self {
        Self { file: file.to_path_buf(), line: 0, column: 0, excerpt: String::new(), mark: (0, 0) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.file.to_string_lossy(), 4096))?;
        if self.line > 0 { write!(f, ":{}:{}", self.line, self.column) } else { Ok(()) }
    }
}

impl Diagnostic {
    /// A mistake that concerns the whole file (or that has no file: an empty path).
    #[must_use]
    pub fn of_file(file: &Path, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            hint: hint.into(),
            place: Place::file(file),
            also: None,
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn into_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}

/// As rustc draws it, without a newline at the end.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{word}: {}", self.message)?;
        let gutter = [Some(&self.place), self.also.as_ref().map(|(_, place)| place)];
        let gutter =
            gutter.into_iter().flatten().map(|place| place.line.to_string().len()).max().unwrap_or(1);
        draw(f, gutter, "-->", &self.place, &self.hint)?;
        if let Some((words, place)) = &self.also {
            draw(f, gutter, ":::", place, words)?;
        }
        Ok(())
    }
}

fn draw(f: &mut fmt::Formatter<'_>, gutter: usize, arrow: &str, place: &Place, words: &str) -> fmt::Result {
    let indent = " ".repeat(gutter);
    if !place.file.as_os_str().is_empty() {
        write!(f, "\n{indent}{arrow} {place}")?;
    }
    if place.line == 0 {
        return if words.is_empty() { Ok(()) } else { write!(f, "\n{indent} = {words}") };
    }
    let (start, length) = place.mark;
    write!(f, "\n{indent} |\n{:>gutter$} | {}", place.line, place.excerpt)?;
    write!(f, "\n{indent} | {}{}", " ".repeat(start), "^".repeat(length.max(1)))?;
    if words.is_empty() { Ok(()) } else { write!(f, " {words}") }
}

/// `text` without anything that moves a terminal's cursor or hides, at most `most` characters of it.
#[must_use]
pub fn printable(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    for (index, c) in text.chars().enumerate() {
        if index == most {
            out.push('…');
            break;
        }
        push_printable(&mut out, c);
    }
    out
}

/// Adds one character as [`printable`] would.
pub(super) fn push_printable(out: &mut String, c: char) {
    match c {
        '\'' | '"' | '\\' => out.push(c),
        '\t' => out.push(' '),
        // Controls, and what changes the direction of writing or has no width.
        c => {
            let _ = write!(out, "{}", c.escape_debug());
        }
    }
}
