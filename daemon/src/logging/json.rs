//! An event as one JSON object on one line.

use std::fmt::{self, Write as _};

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::Level;

use super::event::{Told, is_unprintable};

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    level: &'static str,
    message: &'a str,
    fields: Map<String, Value>,
}

/// The object, with its newline.
pub(super) fn line(told: &Told) -> Result<String, fmt::Error> {
    let level = match told.level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        _ => "trace",
    };
    let fields = told.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let line = Line { time: told.time(), level, message: told.message.trim_end(), fields };
    let text = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
    Ok(escaped(&text) + "\n")
}

/// JSON lets some characters through that a terminal obeys.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unprintable(c) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() -> Result<(), Box<dyn std::error::Error>> {
        let told = Told::new(
            Level::ERROR,
            "faulty\n2 | x\x1b[2J\u{9b}\u{202e}é",
            vec![("account", "gen1".into()), ("took_ms", 12.into())],
        );
        let text = line(&told)?;
        assert_eq!(text.matches('\n').count(), 1);
        assert!(text.chars().all(|c| c == '\n' || !is_unprintable(c)), "{text:?}");
        assert!(text.starts_with("{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"error\",\"message\":"));
        let back: Value = serde_json::from_str(&text)?;
        assert_eq!(back["message"], "faulty\n2 | x\x1b[2J\u{9b}\u{202e}é");
        assert_eq!(back["fields"], serde_json::json!({"account": "gen1", "took_ms": 12}));
        Ok(())
    }
}
