//! Reading one table key by key: each reader says which keys exist, what they must be, and gets them with their places.

use std::collections::BTreeSet;
use std::fmt;

use toml::de::{DeTable, DeValue};

use super::diagnostic::{Place, Severity};
use super::excerpt::is_plain;
use super::nearest::nearest;
use super::{Document, Draft, Located, Span};

/// One table of a document, being read.
///
/// A key that is asked for counts as known. A reader asks for all its keys before it gives up on a missing one,
/// for [`Table::finish`] reports the keys that nobody asked for, and suggests those that somebody did.
pub struct Table<'d> {
    document: &'d Document<'d>,
    pub(super) entries: &'d DeTable<'d>,
    path: String,
    span: Span,
    asked: BTreeSet<Box<str>>,
    /// Asked for only to be refused: never suggested.
    refused: BTreeSet<Box<str>>,
    /// Missing keys and the report of each.
    missing: Vec<(Box<str>, usize)>,
}

/// What kind of value stands at a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `"…"`
    String,
    /// `true` or `false`
    Boolean,
    /// `60`, `1.5`
    Number,
    /// `1979-05-27`
    Date,
    /// `[…]`
    Array,
    /// `{…}` or `[header]`
    Table,
}

impl<'d> Table<'d> {
    pub(super) fn new(
        document: &'d Document<'d>,
        entries: &'d DeTable<'d>,
        path: String,
        span: Span,
    ) -> Self {
        Self {
            document,
            entries,
            path,
            span,
            asked: BTreeSet::new(),
            refused: BTreeSet::new(),
            missing: Vec::new(),
        }
    }

    /// The keys that lead here, such as `accounts.lyve-prod`, to be shown; empty for the whole document.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the table's own key or header stands.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// The document that the table is of.
    #[must_use]
    pub fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// A string. Absent: `None`. Anything else: reported, `None`.
    pub fn string(&mut self, key: &str) -> Option<Located<String>> {
        match self.ask(key)? {
            (DeValue::String(text), span) => Some(Located { value: text.clone().into_owned(), span }),
            (other, span) => self.wrong(key, "a string, in quotes", other, &span),
        }
    }

    /// A string that must be there. Absent or empty: reported, `None`.
    pub fn required_string(&mut self, key: &str) -> Option<Located<String>> {
        self.require(key);
        let text = self.string(key)?;
        if text.value.trim().is_empty() {
            self.report(&text.span, format!("`{key}` is empty"), "write its value between the quotes");
            return None;
        }
        Some(text)
    }

    /// Reports that `key` is missing, if it is.
    pub fn require(&mut self, key: &str) {
        self.note_asked(key);
        if !self.has(key) {
            let place =
                if self.path.is_empty() { "the file".to_owned() } else { format!("[{}]", shown(&self.path)) };
            let index = self.document.push(Draft {
                severity: Severity::Error,
                span: self.span(),
                shown: false,
                withdrawn: false,
                message: format!("`{key}` is missing in {place}"),
                hint: format!("needs `{key}`"),
                also: None,
            });
            self.missing.push((key.into(), index));
        }
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, key: &str) -> Option<Located<bool>> {
        match self.ask(key)? {
            (DeValue::Boolean(value), span) => Some(Located { value: *value, span }),
            (other, span) => self.wrong(key, "true or false", other, &span),
        }
    }

    /// A whole number that fits 64 bits with a sign.
    pub fn integer(&mut self, key: &str) -> Option<Located<i64>> {
        match self.ask(key)? {
            (DeValue::Integer(number), span) => {
                if let Ok(value) = i64::from_str_radix(number.as_str(), number.radix()) {
                    return Some(Located { value, span });
                }
                self.report(&span, format!("`{key}` is too large a number"), "too large");
                None
            }
            (other, span) => self.wrong(key, "a whole number", other, &span),
        }
    }

    /// A table inside this one, inline or under its own header.
    pub fn table(&mut self, key: &str) -> Option<Table<'d>> {
        let (value, value_span) = self.ask(key)?;
        let key_span = self.key_span(key)?;
        match (value, value_span) {
            (DeValue::Table(entries), _) => {
                let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
                Some(Table::new(self.document, entries, path, key_span))
            }
            (other, span) => self.wrong(key, "a table", other, &span),
        }
    }

    /// Whether the key is there; marks nothing as read.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// What kind of value the key has; marks nothing as read.
    #[must_use]
    pub fn shape(&self, key: &str) -> Option<Shape> {
        self.entries.get(key).map(|value| shape(value.get_ref()))
    }

    /// Where the key itself stands.
    #[must_use]
    pub fn key_span(&self, key: &str) -> Option<Span> {
        self.entries.get_key_value(key).map(|(key, _)| key.span())
    }

    /// Where the key's value stands.
    #[must_use]
    pub fn value_span(&self, key: &str) -> Option<Span> {
        self.entries.get(key).map(toml::Spanned::span)
    }

    /// Marks a key as known without reading it.
    pub fn allow(&mut self, key: &str) {
        self.note_asked(key);
    }

    /// Reports the key, if it is there, as something that a later version will have.
    pub fn not_built(&mut self, key: &str, what: &str) {
        self.refused.insert(key.into());
        if let Some(span) = self.key_span(key) {
            self.report(&span, format!("{what} is not built yet"), "remove it: it would have no effect");
        }
    }

    /// The keys that nobody asked for so far, in alphabetical order: for tables whose keys the user invents.
    #[must_use]
    pub fn remaining_keys(&self) -> Vec<Located<String>> {
        let unread = self.entries.keys().filter(|key| !self.is_known(key.get_ref()));
        unread.map(|key| Located { value: key.get_ref().to_string(), span: key.span() }).collect()
    }

    /// Reports a mistake. The line is shown, but no value in it.
    pub fn report(&self, span: &Span, message: impl Into<String>, hint: impl Into<String>) {
        self.draft(Severity::Error, span, false, message.into(), hint.into(), None);
    }

    /// Reports a mistake in a value that is known to be no secret: the line is shown with this value (and no other).
    pub fn report_shown(&self, span: &Span, message: impl Into<String>, hint: impl Into<String>) {
        self.draft(Severity::Error, span, true, message.into(), hint.into(), None);
    }

    /// Reports a mistake that has to do with another place, too.
    pub fn report_with(
        &self,
        span: &Span,
        message: impl Into<String>,
        hint: &str,
        words: &str,
        place: Place,
    ) {
        let also = Some((words.to_owned(), Box::new(place)));
        self.draft(Severity::Error, span, false, message.into(), hint.into(), also);
    }

    /// Reports something that is allowed and probably not meant.
    pub fn warn(&self, span: &Span, message: impl Into<String>, hint: impl Into<String>) {
        self.draft(Severity::Warning, span, false, message.into(), hint.into(), None);
    }

    fn draft(
        &self,
        severity: Severity,
        span: &Span,
        shown: bool,
        message: String,
        hint: String,
        also: Option<(String, Box<Place>)>,
    ) {
        self.document.push(Draft {
            severity,
            span: span.clone(),
            shown,
            withdrawn: false,
            message,
            hint,
            also,
        });
    }

    /// Reports every key that nobody asked for, each with the nearest that somebody did.
    pub fn finish(self) {
        for key in self.remaining_keys() {
            let near =
                nearest(&key.value, self.asked.iter().map(|asked| &**asked).filter(|asked| !self.has(asked)));
            let hint = match near {
                Some(near) => {
                    // One mistake, one report.
                    if let Some((_, index)) = self.missing.iter().find(|(missing, _)| **missing == *near) {
                        self.document.withdraw(*index);
                    }
                    format!("did you mean `{near}`?")
                }
                None => "tokend knows no such key here".to_owned(),
            };
            self.report(&key.span, format!("unknown key `{}`", shown(&key.value)), hint);
        }
    }

    pub(super) fn ask(&mut self, key: &str) -> Option<(&'d DeValue<'d>, Span)> {
        self.note_asked(key);
        let value = self.entries.get(key)?;
        Some((value.get_ref(), value.span()))
    }

    fn note_asked(&mut self, key: &str) {
        #[cfg(test)]
        super::heard::key(&self.path, key);
        if !self.asked.contains(key) {
            self.asked.insert(key.into());
        }
    }

    fn is_known(&self, key: &str) -> bool {
        self.asked.contains(key) || self.refused.contains(key)
    }

    pub(super) fn wrong<T>(&self, key: &str, wanted: &str, found: &DeValue<'_>, span: &Span) -> Option<T> {
        let found = match shape(found) {
            Shape::String => "a string",
            Shape::Boolean => "true or false",
            Shape::Number => "a number",
            Shape::Date => "a date",
            Shape::Array => "an array",
            Shape::Table => "a table",
        };
        let key_span = self.key_span(key);
        // The span of a table with a header is the header's.
        let span = if span.is_empty() { key_span.as_ref().unwrap_or(&self.span) } else { span };
        self.report(span, format!("`{}` is {found}", shown(key)), format!("must be {wanted}"));
        None
    }
}

impl fmt::Debug for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A key as it may be put into a message.
fn shown(key: &str) -> &str {
    if is_plain(key) { key } else { "…" }
}

fn shape(value: &DeValue<'_>) -> Shape {
    match value {
        DeValue::String(_) => Shape::String,
        DeValue::Integer(_) | DeValue::Float(_) => Shape::Number,
        DeValue::Boolean(_) => Shape::Boolean,
        DeValue::Datetime(_) => Shape::Date,
        DeValue::Array(_) => Shape::Array,
        DeValue::Table(_) => Shape::Table,
    }
}
