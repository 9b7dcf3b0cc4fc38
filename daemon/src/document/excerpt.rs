//! A line of a file as it may be shown: keys and punctuation, but no value and no comment.

use std::path::Path;

use super::Span;
use super::diagnostic::{Place, push_printable};

/// At most this many characters of a line are shown.
const WIDTH: usize = 100;

/// A line with something left out, which remembers where its parts came from.
#[derive(Debug, Default)]
pub(super) struct Line {
    shown: String,
    /// For each character shown: the byte of the file that it stands for.
    origins: Vec<usize>,
}

impl Line {
    /// Adds a character of the file.
    pub(super) fn push(&mut self, c: char, origin: usize) {
        let before = self.shown.len();
        push_printable(&mut self.shown, c);
        self.origins.extend(self.shown[before..].chars().map(|_| origin));
    }

    /// Adds something in place of what stands from `origin` on.
    pub(super) fn push_mask(&mut self, mask: &str, origin: usize) {
        self.shown.push_str(mask);
        self.origins.extend(mask.chars().map(|_| origin));
    }
}

/// Where the lines of a file begin.
#[derive(Debug)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let newlines = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Self(std::iter::once(0).chain(newlines).collect())
    }
}

/// The place of `span`, its line drawn by `draw`, which gets the line's own span.
pub(super) fn place(
    file: &Path,
    text: &str,
    Lines(starts): &Lines,
    span: &Span,
    draw: impl FnOnce(&Span) -> Line,
) -> Place {
    let start = floor(text, span.start);
    let number = starts.partition_point(|first| *first <= start);
    let line_start = starts.get(number.saturating_sub(1)).copied().unwrap_or(0);
    let line_end = starts.get(number).map_or(text.len(), |next| next - 1);
    let line_end = if text[line_start..line_end].ends_with('\r') { line_end - 1 } else { line_end };
    let line = draw(&(line_start..line_end));
    let (excerpt, mark) = window(&line, start, span.end.min(line_end));
    Place {
        file: file.to_path_buf(),
        line: number.max(1),
        column: 1 + text[line_start..start].chars().count(),
        excerpt,
        mark,
    }
}

/// What is shown of a line of a file that was understood: `values` (in order) are where its values stand, and only
/// `span` may be shown of them, if it `may` be.
pub(super) fn known(text: &str, line: &Span, values: &[Span], span: &Span, may: bool) -> Line {
    let mut shown = Line::default();
    let mut at = line.start;
    let mut values = values[values.partition_point(|value| value.end <= line.start)..].iter().peekable();
    while at < line.end {
        if let Some(value) = values.next_if(|value| value.start <= at && at < value.end) {
            let visible = may && *value == *span && value.start >= line.start && value.end <= line.end;
            if visible {
                text[value.clone()].char_indices().for_each(|(i, c)| shown.push(c, value.start + i));
            } else {
                let quoted = at == value.start && text[value.clone()].starts_with(['"', '\'']);
                shown.push_mask(if quoted { "\"…\"" } else { "…" }, at);
            }
            at = value.end;
            continue;
        }
        let Some(c) = text[at..].chars().next() else { break };
        match c {
            // A comment may hold anything.
            '#' => break,
            '"' | '\'' => {
                let length = quoted_key(&text[at..line.end]);
                if text.get(at + 1..at + length.max(2) - 1).is_some_and(is_plain) {
                    text[at..at + length].char_indices().for_each(|(i, c)| shown.push(c, at + i));
                } else {
                    shown.push_mask("\"…\"", at);
                }
                at += length;
            }
            _ => {
                shown.push(c, at);
                at += c.len_utf8();
            }
        }
    }
    shown
}

/// How long the quoted key is that `text` begins with, with its quotes.
fn quoted_key(text: &str) -> usize {
    let quote = &text[..1];
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == "\"" => escaped = true,
            _ if text[at..].starts_with(quote) => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether a key looks like one. What does not is a value that strayed, for all we know.
pub(super) fn is_plain(key: &str) -> bool {
    (1..=64).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// Cuts a long line down to what is around the mark.
fn window(line: &Line, start: usize, end: usize) -> (String, (usize, usize)) {
    let kept = line.shown.trim_end().chars().count();
    let first = line.origins.partition_point(|origin| *origin < start);
    // Inside something that is hidden: mark that.
    let first = if line.origins.get(first).is_some_and(|origin| *origin == start) {
        first
    } else {
        let before = line.origins.get(first.saturating_sub(1)).copied();
        before.map_or(0, |before| line.origins.partition_point(|origin| *origin < before))
    };
    let last = line.origins.partition_point(|origin| *origin < end).min(kept);
    let first = first.min(kept);
    let length = last.saturating_sub(first).max(1);
    let skip = if kept <= WIDTH { 0 } else { first.saturating_sub(WIDTH / 4) };
    let mut excerpt = String::new();
    if skip > 0 {
        excerpt.push('…');
    }
    excerpt.extend(line.shown.chars().take(kept).skip(skip).take(WIDTH));
    if kept > skip + WIDTH {
        excerpt.push('…');
    }
    let first = first - skip + usize::from(skip > 0);
    (excerpt, (first, length.min(WIDTH)))
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
