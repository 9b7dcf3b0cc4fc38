//! What the user wrote, with the place of each word: reading a TOML file so that every mistake can be shown where it is.
//!
//! A [`Document`] is one parsed file. A [`Table`] of it is read key by key; what is wrong is collected, not thrown, so
//! that all mistakes are shown together as [`Diagnostic`]s. Those never show a value, unless whoever reports it
//! knows that it is no secret: people paste passwords into the oddest places.

mod broken;
mod diagnostic;
mod excerpt;
#[cfg(test)]
pub(crate) mod heard;
mod nearest;
#[cfg(test)]
mod secrecy;
mod table;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests;
mod typed;

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use excerpt::Lines;

pub use diagnostic::{Diagnostic, Place, Severity, printable};
pub use nearest::{nearest, nearest_few};
pub use table::{Shape, Table};

/// Where something stands in its file, in bytes.
pub type Span = Range<usize>;

/// A value and where it stands. `Debug` shows only the place.
#[derive(Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// What stands there.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> fmt::Debug for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Located({}..{})", self.span.start, self.span.end)
    }
}

/// One file, parsed. Borrows its text.
pub struct Document<'t> {
    file: PathBuf,
    text: &'t str,
    root: DeTable<'t>,
    drafts: RefCell<Vec<Draft>>,
    survey: OnceCell<Survey>,
}

/// What it takes to draw a line; made when the first has to be.
struct Survey {
    lines: Lines,
    /// Where each value that is neither a table nor an array stands, in order.
    values: Vec<Span>,
}

/// A mistake that has been found and not been drawn yet.
struct Draft {
    severity: Severity,
    span: Span,
    /// Whether the value under the span may be seen.
    shown: bool,
    /// Another report explains it.
    withdrawn: bool,
    message: String,
    hint: String,
    also: Option<(String, Box<Place>)>,
}

impl<'t> Document<'t> {
    /// Parses `text`, which was read from `file`.
    ///
    /// # Errors
    /// Where it is not TOML: what is wrong, and where.
    pub fn parse(file: &Path, text: &'t str) -> Result<Self, Box<Diagnostic>> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Self {
                file: file.to_path_buf(),
                text,
                root: root.into_inner(),
                drafts: RefCell::default(),
                survey: OnceCell::new(),
            }),
            Err(error) => Err(Box::new(broken::diagnose(file, text, &error))),
        }
    }

    /// The table that holds everything.
    #[must_use]
    pub fn root(&self) -> Table<'_> {
        Table::new(self, &self.root, String::new(), 0..0)
    }

    /// Where the file is.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What was found wrong so far, in the order of the lines.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let drafts = self.drafts.borrow();
        let mut standing: Vec<&Draft> = drafts.iter().filter(|draft| !draft.withdrawn).collect();
        standing.sort_by_key(|draft| draft.span.start);
        standing
            .into_iter()
            .map(|draft| Diagnostic {
                severity: draft.severity,
                message: draft.message.clone(),
                hint: draft.hint.clone(),
                place: self.draw(&draft.span, draft.shown),
                also: draft.also.as_ref().map(|(words, place)| (words.clone(), (**place).clone())),
            })
            .collect()
    }

    /// Reports a mistake that shows once the whole is read. The line is shown, but no value in it.
    pub fn report(&self, span: &Span, message: impl Into<String>, hint: impl Into<String>) {
        let (message, hint) = (message.into(), hint.into());
        let (span, severity) = (span.clone(), Severity::Error);
        self.push(Draft { severity, span, shown: false, withdrawn: false, message, hint, also: None });
    }

    /// Where `span` is, as a person reads it.
    #[must_use]
    pub fn place(&self, span: &Span) -> Place {
        self.draw(span, false)
    }

    fn draw(&self, span: &Span, shown: bool) -> Place {
        if span.is_empty() {
            return Place::file(&self.file);
        }
        let survey =
            self.survey.get_or_init(|| Survey { lines: Lines::of(self.text), values: scalars(&self.root) });
        excerpt::place(&self.file, self.text, &survey.lines, span, |line| {
            excerpt::known(self.text, line, &survey.values, span, shown)
        })
    }

    fn push(&self, draft: Draft) -> usize {
        let mut drafts = self.drafts.borrow_mut();
        drafts.push(draft);
        drafts.len() - 1
    }

    fn withdraw(&self, index: usize) {
        if let Some(draft) = self.drafts.borrow_mut().get_mut(index) {
            draft.withdrawn = true;
        }
    }

    /// Whether a mistake was reported that stands (warnings are none).
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        self.drafts.borrow().iter().any(|draft| !draft.withdrawn && draft.severity == Severity::Error)
    }
}

impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("file", &self.file).finish_non_exhaustive()
    }
}

fn scalars(root: &DeTable<'_>) -> Vec<Span> {
    fn of_table(table: &DeTable<'_>, found: &mut Vec<Span>) {
        for value in table.values() {
            of_value(value.get_ref(), value.span(), found);
        }
    }
    fn of_value(value: &DeValue<'_>, span: Span, found: &mut Vec<Span>) {
        match value {
            DeValue::Table(table) => of_table(table, found),
            DeValue::Array(array) => {
                for value in array {
                    of_value(value.get_ref(), value.span(), found);
                }
            }
            _ => found.push(span),
        }
    }
    let mut found = Vec::new();
    of_table(root, &mut found);
    found.sort_by_key(|span| span.start);
    found
}
