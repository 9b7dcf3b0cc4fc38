//! An event as a line of text: with its time for a terminal or a file, with its priority for the journal.

use std::fmt::Write;

use serde_json::Value;
use tracing::Level;

use super::event::{Told, is_unprintable};

/// What stands before the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dress {
    /// The time and the level.
    Dated {
        /// Whether the level has a colour.
        colour: bool,
    },
    /// The priority as sd-daemon(3) writes it; the journal has its own clock.
    Journal,
}

/// One line. A message of several (the excerpt of a faulty configuration) has one more for each: with the same
/// priority for the journal, and set in, so that it cannot be taken for another event.
pub(super) fn lines(told: &Told, dress: Dress) -> String {
    let mut text = String::new();
    let mut lines = told.message.lines();
    let first = lines.next().unwrap_or_default();
    text.push_str(&before(told, dress));
    push_printable(&mut text, first);
    for (name, value) in &told.fields {
        let _ = write!(text, " {name}=");
        push_value(&mut text, value);
    }
    text.push('\n');
    for line in lines {
        if let Dress::Journal = dress {
            text.push_str(priority(told.level));
        }
        text.push_str("    ");
        push_printable(&mut text, line);
        text.push('\n');
    }
    text
}

fn before(told: &Told, dress: Dress) -> String {
    match dress {
        Dress::Journal => priority(told.level).to_owned(),
        Dress::Dated { colour } => {
            let (level, code) = match told.level {
                Level::ERROR => ("ERROR", "31"),
                Level::WARN => ("WARN ", "33"),
                Level::INFO => ("INFO ", "32"),
                Level::DEBUG => ("DEBUG", "34"),
                _ => ("TRACE", "35"),
            };
            let time = told.time();
            if colour {
                format!("\x1b[2m{time}\x1b[0m \x1b[{code}m{level}\x1b[0m ")
            } else {
                format!("{time} {level} ")
            }
        }
    }
}

/// `SD_ERR`, `SD_WARNING`, `SD_INFO` and `SD_DEBUG` of sd-daemon(3).
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        _ => "<7>",
    }
}

/// As it is where it is one plain word, else in quotes.
fn push_value(text: &mut String, value: &Value) {
    match value {
        Value::String(word) => {
            let is_plain = !word.is_empty()
                && word.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\'));
            if is_plain {
                text.push_str(word);
            } else {
                text.push('"');
                for c in word.chars() {
                    if matches!(c, '"' | '\\') {
                        text.push('\\');
                    }
                    push_char(text, c);
                }
                text.push('"');
            }
        }
        other => {
            let _ = write!(text, "{other}");
        }
    }
}

fn push_printable(text: &mut String, line: &str) {
    line.chars().for_each(|c| push_char(text, c));
}

fn push_char(text: &mut String, c: char) {
    if is_unprintable(c) {
        text.extend(c.escape_unicode());
    } else {
        text.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Dress = Dress::Dated { colour: false };

    fn told(level: Level, message: &str) -> Told {
        Told::new(level, message, vec![("account", "gen1".into()), ("failures", 3.into())])
    }

    #[test]
    fn a_line_says_when_how_important_what_and_to_whom() {
        let line = lines(&told(Level::WARN, "no route"), PLAIN);
        assert_eq!(line, "2023-11-14T22:13:20.123Z WARN  no route account=gen1 failures=3\n");
        let line = lines(&told(Level::INFO, "serving"), Dress::Dated { colour: true });
        assert!(line.contains("\x1b[32mINFO \x1b[0m serving account=gen1"), "{line:?}");
    }

    #[test]
    fn the_journal_is_told_the_priority_of_each_line() {
        for (level, priority) in [
            (Level::ERROR, "<3>"),
            (Level::WARN, "<4>"),
            (Level::INFO, "<6>"),
            (Level::DEBUG, "<7>"),
            (Level::TRACE, "<7>"),
        ] {
            let text = lines(&told(level, "faulty\n  2 | lgo\n"), Dress::Journal);
            assert_eq!(text, format!("{priority}faulty account=gen1 failures=3\n{priority}      2 | lgo\n"));
        }
    }

    #[test]
    fn nobody_can_write_an_event_of_his_own_or_draw_on_the_screen() {
        let forged = told(Level::INFO, "a\n2023-11-14T22:13:20.123Z ERROR forged\r\x1b[2J\u{202e}");
        let text = lines(&forged, PLAIN);
        let second = text.lines().nth(1);
        assert_eq!(second, Some("    2023-11-14T22:13:20.123Z ERROR forged\\u{d}\\u{1b}[2J\\u{202e}"));
        let value = Told::new(Level::INFO, "x", vec![("why", "a \"b\"\n<3>c\\".into()), ("none", "".into())]);
        assert_eq!(lines(&value, Dress::Journal), "<6>x why=\"a \\\"b\\\"\\u{a}<3>c\\\\\" none=\"\"\n");
    }
}
