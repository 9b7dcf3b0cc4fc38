//! A file that is not TOML: what is wrong in our own words, for nobody knows what is a value in it.

use std::path::Path;

use super::Span;
use super::diagnostic::{Diagnostic, Severity};
use super::excerpt::{self, Line, Lines};

/// Keys that may be seen in a line that could not be read. A word that is not here is only hidden, so a forgotten one
/// costs no more than that.
const WORDS: &str = "\
    access access_key account_id accounts address assertion assume_lifetime audience auth auth_mount body ca_file \
    client_id client_secret command command_timeout credential daemon env expires_in expiry extra file \
    form grant headers http_timeout issuer json jwt key keyring lifetime lock lock_after log login_notification \
    method min_valid namespace on_login_needed pass_env password private_key proxy query redirect_port \
    redirect_uris refresh refresh_token refused request request_scopes resource response role role_id \
    scheme scope secret secret_id secrets store token token_endpoint token_endpoint_auth_method type url \
    user_agent username vault";

/// What the parser says (its beginning), and what we say. The parser's own words may quote the text.
const MESSAGES: &[(&str, &str, &str)] = &[
    ("duplicate key", "the same key stands here twice", "remove one of the two"),
    ("string values must be quoted", "a value is not in quotes", "put it in quotes"),
    ("missing opening quote", "a quote is missing", "put the value in quotes, both before and after it"),
    (
        "invalid basic string",
        "a string is not closed, or holds a \\ that means nothing",
        "end it with a quote; write \\\\ for \\, or use '…'",
    ),
    ("invalid literal string", "a string is not closed", "end it with a single quote"),
    (
        "invalid multi-line",
        "a string of several lines is not closed",
        "end it with the three quotes that it began with",
    ),
    ("missing escaped value", "a \\ in a string means nothing", "write \\\\ for \\, or use '…'"),
    ("too few unicode", "a \\u in a string lacks digits", "four digits after \\u, eight after \\U"),
    ("key with no value", "a key has no value", "write `key = value`"),
    ("missing value", "a key has no value", "write `key = value`"),
    ("missing assignment", "a `=` is missing", "write `key = value`"),
    ("extra `=`", "there is a `=` too many", "put the value in quotes"),
    ("extra assignment", "there is a `=` too many", "put the value in quotes"),
    ("missing comma", "a comma is missing", "put one between the two"),
    ("extra comma", "there is a comma too many", "remove it"),
    ("unclosed table", "a header is not closed", "end it with `]`"),
    ("unclosed array table", "a header is not closed", "end it with `]]`"),
    ("unclosed array", "an array is not closed", "end it with `]`"),
    ("unclosed inline table", "a table is not closed", "end it with `}`"),
    ("unquoted keys cannot be empty", "a key is missing before the `=`", "write `key = value`"),
    (
        "invalid unquoted key",
        "a key holds a character that it may not",
        "only A-Z a-z 0-9 _ - without quotes",
    ),
    ("cannot extend value", "this key already has a value", "rename or remove one of the two"),
    ("carriage return", "a carriage return stands alone", "end lines with a newline"),
    ("invalid comment character", "a comment holds a control character", "remove it"),
    ("cannot recurse", "tables or arrays are nested too deep", "at most 80 levels"),
    ("unexpected", "something stands here that does not belong", "one `key = value` a line, text in quotes"),
    ("recursion limit", "tables or arrays are nested too deep", "at most 80 levels"),
];

/// What is wrong with a text that could not be parsed. Shows nothing of it but known keys.
pub(super) fn diagnose(file: &Path, text: &str, error: &toml::de::Error) -> Diagnostic {
    let found = MESSAGES.iter().find(|(theirs, _, _)| error.message().starts_with(theirs));
    let (message, hint) =
        found.map_or(("this is not TOML", "see toml.io"), |(_, message, hint)| (message, hint));
    let span = error.span().unwrap_or(0..0);
    // An error at the end of the file is best shown at the last line that has something.
    let end = text.trim_end().len();
    let span = if span.start >= end && end > 0 { end - 1..end } else { span };
    Diagnostic {
        severity: Severity::Error,
        message: message.to_owned(),
        hint: hint.to_owned(),
        place: excerpt::place(file, text, &Lines::of(text), &span, |line| guess(text, line)),
        also: None,
    }
}

/// The line, if it looks like `[header` or `key = …`, with nothing but known words; else a mask.
fn guess(text: &str, line: &Span) -> Line {
    let mut shown = Line::default();
    let words = &text[line.clone()];
    let header = words.trim_start().starts_with('[');
    let end = if header { words.find(['"', '\'', '#', '=']) } else { words.find('=') };
    let Some(end) = end.or_else(|| header.then_some(words.len())) else {
        shown.push_mask("…", line.start);
        return shown;
    };
    let mut at = 0;
    while at < end {
        let rest = &words[at..end];
        let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        if length > 0 {
            let word = &rest[..length];
            if WORDS.split(' ').any(|known| known == word) {
                word.char_indices().for_each(|(i, c)| shown.push(c, line.start + at + i));
            } else {
                shown.push_mask("…", line.start + at);
            }
            at += length;
        } else {
            let Some(c) = rest.chars().next() else { break };
            match c {
                '[' | ']' | '.' | ' ' | '\t' => shown.push(c, line.start + at),
                _ => shown.push_mask("…", line.start + at),
            }
            at += c.len_utf8();
        }
    }
    if words[at..].starts_with('=') {
        shown.push('=', line.start + at);
        shown.push_mask(" ", line.start + at);
        at += 1;
    }
    if at < words.len() {
        shown.push_mask("…", line.start + at);
    }
    shown
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}
