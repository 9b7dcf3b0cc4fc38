//! An event as it is told: when, how important, what happened, and to whom.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use tokend::clock::Wall;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// An event.
#[derive(Debug)]
pub(super) struct Told {
    at: Wall,
    pub(super) level: Level,
    pub(super) message: String,
    /// In the order in which they were named.
    pub(super) fields: Vec<(&'static str, Value)>,
}

impl Told {
    pub(super) fn of(event: &Event<'_>, at: Wall) -> Self {
        let mut told =
            Self { at, level: *event.metadata().level(), message: String::new(), fields: Vec::new() };
        event.record(&mut told);
        told
    }

    #[cfg(test)]
    pub(super) fn new(level: Level, message: &str, fields: Vec<(&'static str, Value)>) -> Self {
        Self { at: Wall(1_700_000_000_123), level, message: message.to_owned(), fields }
    }

    /// When it was: RFC 3339 in UTC, to the millisecond.
    pub(super) fn time(&self) -> String {
        let since_1970 = Duration::from_millis(u64::try_from(self.at.0).unwrap_or(0));
        humantime::format_rfc3339_millis(UNIX_EPOCH + since_1970).to_string()
    }

    fn take(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, value.into());
    }
}

/// What would move a cursor, change a colour or hide the rest: control characters, and those that turn the direction
/// of writing.
pub(super) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
