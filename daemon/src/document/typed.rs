//! Values that are more than TOML knows: durations, words of a list, paths, JSON.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use toml::de::{DeArray, DeValue};

use super::nearest::nearest;
use super::{Located, Table};

impl Table<'_> {
    /// A span of time: `"90s"`, `"1h 30m"`. A bare number is an error that names the units.
    pub fn duration(&mut self, key: &str) -> Option<Located<Duration>> {
        const UNITS: &str = "write a number with its unit, such as \"90s\", \"5m\", \"1h 30m\"";
        let (value, span) = self.ask(key)?;
        let DeValue::String(text) = value else {
            self.report(&span, format!("`{key}` is not a duration"), UNITS);
            return None;
        };
        let words = text.trim();
        // humantime takes a bare zero.
        let unit = words.contains(|c: char| c.is_ascii_alphabetic());
        if let Some(value) = unit.then(|| humantime::parse_duration(words).ok()).flatten() {
            return Some(Located { value, span });
        }
        self.report(&span, format!("`{key}` is not a duration"), UNITS);
        None
    }

    /// A span of time within `bounds`.
    pub fn duration_within(
        &mut self,
        key: &str,
        bounds: &RangeInclusive<Duration>,
    ) -> Option<Located<Duration>> {
        let duration = self.duration(key)?;
        if bounds.contains(&duration.value) {
            return Some(duration);
        }
        let (least, most) =
            (humantime::format_duration(*bounds.start()), humantime::format_duration(*bounds.end()));
        // What reads as a duration is no secret.
        self.report_shown(
            &duration.span,
            format!("`{key}` is out of bounds"),
            format!("at least {least} and at most {most}"),
        );
        None
    }

    /// An array of strings.
    pub fn strings(&mut self, key: &str) -> Option<Located<Vec<Located<String>>>> {
        const WANTED: &str = "an array of strings, such as [\"one\", \"two\"]";
        match self.ask(key)? {
            (DeValue::Array(array), span) => {
                let value = self.all_strings(key, array)?;
                Some(Located { value, span })
            }
            (other, span) => self.wrong(key, WANTED, other, &span),
        }
    }

    fn all_strings(&self, key: &str, array: &DeArray<'_>) -> Option<Vec<Located<String>>> {
        let mut strings = Vec::with_capacity(array.len());
        for item in array {
            match item.get_ref() {
                DeValue::String(text) => {
                    strings.push(Located { value: text.clone().into_owned(), span: item.span() });
                }
                other => self
                    .wrong::<()>(key, "an array of nothing but strings", other, &item.span())
                    .unwrap_or(()),
            }
        }
        (strings.len() == array.len()).then_some(strings)
    }

    /// A string that is one of `words`. Another: reported with the nearest.
    pub fn one_of(&mut self, key: &str, words: &'static [&'static str]) -> Option<Located<&'static str>> {
        #[cfg(test)]
        super::heard::words(self.path(), key, words);
        let text = self.string(key)?;
        self.choose(&text, key, words).map(|value| Located { value, span: text.span })
    }

    /// Which of `words` the `text` is. None: reported with the nearest. `what` names the thing, such as `refresh`.
    #[must_use]
    pub fn choose<'w>(&self, text: &Located<String>, what: &str, words: &[&'w str]) -> Option<&'w str> {
        if let Some(word) = words.iter().find(|word| **word == text.value) {
            return Some(word);
        }
        let message = format!("`{what}` is none of those that tokend knows");
        match nearest(&text.value, words.iter().copied()) {
            // Something that is nearly a known word is that word misspelt, and no secret.
            Some(word) => self.report_shown(&text.span, message, format!("did you mean `{word}`?")),
            None => self.report(&text.span, message, format!("one of: {}", words.join(", "))),
        }
        None
    }

    /// The path of a file: absolute, or `~/…` in the user's home. Whether there is one is not looked at.
    pub fn path_of_file(&mut self, key: &str) -> Option<Located<PathBuf>> {
        let path = self.path_or_name(key)?;
        if path.value.is_absolute() {
            return Some(path);
        }
        self.report(
            &path.span,
            format!("`{key}` is not an absolute path"),
            format!("write one that begins with {}", crate::platform::remedies::WHOLE_PATH),
        );
        None
    }

    /// The same, or one that is to be sought in some folder.
    pub fn path_or_name(&mut self, key: &str) -> Option<Located<PathBuf>> {
        let Located { value, span } = self.string(key)?;
        if value.contains('\0') {
            self.report(&span, format!("`{key}` holds a NUL"), "no path does");
            return None;
        }
        let value = if let Some(rest) = value.strip_prefix("~/") {
            let Some(home) = crate::platform::children::home() else {
                self.report(
                    &span,
                    "HOME is not set to an absolute path",
                    "write the whole path instead of ~/",
                );
                return None;
            };
            home.join(rest)
        } else {
            PathBuf::from(value)
        };
        Some(Located { value, span })
    }

    /// Any value, as JSON. Dates become strings. A number that JSON cannot hold: reported, `None`.
    pub fn json(&mut self, key: &str) -> Option<Located<Value>> {
        let (value, span) = self.ask(key)?;
        let value = json(value);
        if value.is_none() {
            self.report(
                &span,
                format!("`{key}` holds a number that JSON cannot"),
                "too large, or not a number",
            );
        }
        value.map(|value| Located { value, span })
    }

    /// The whole table as JSON but for the keys `except`; marks nothing as read. A number that JSON cannot hold
    /// becomes a string.
    #[must_use]
    pub fn definition(&self, except: &[&str]) -> Value {
        let entries = self.entries.iter().filter(|(key, _)| !except.contains(&key.get_ref().as_ref()));
        let entries = entries.map(|(key, value)| {
            let value = json(value.get_ref()).unwrap_or_else(|| format!("{:?}", value.get_ref()).into());
            (key.get_ref().to_string(), value)
        });
        Value::Object(entries.collect())
    }
}

fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            let (digits, radix) = (number.as_str(), number.radix());
            match i64::from_str_radix(digits, radix) {
                Ok(number) => number.into(),
                Err(_) => u64::from_str_radix(digits, radix).ok()?.into(),
            }
        }
        DeValue::Float(number) => Value::Number(serde_json::Number::from_f64(number.as_str().parse().ok()?)?),
        DeValue::Boolean(value) => (*value).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(array) => {
            Value::Array(array.iter().map(|value| json(value.get_ref())).collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let entry =
                |(key, value): (&toml::Spanned<toml::de::DeString<'_>>, &toml::Spanned<DeValue<'_>>)| {
                    Some((key.get_ref().to_string(), json(value.get_ref())?))
                };
            Value::Object(table.iter().map(entry).collect::<Option<_>>()?)
        }
    })
}
