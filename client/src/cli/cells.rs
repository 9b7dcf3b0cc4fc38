//! Text in the cells of a terminal: how wide it is, how it is cut, broken and coloured. Pure.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a piece of text means, which is what its colour tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Nothing.
    Plain,
    /// What stands above a column.
    Title,
    /// All is well.
    Well,
    /// Something is under way.
    Busy,
    /// It mends itself, or somebody meant it so.
    Waiting,
    /// A person must do something.
    Trouble,
    /// Nothing is wanted.
    Asleep,
    /// What explains the rest.
    Hint,
}

impl Paint {
    /// The one for an account in this state; trouble where it is a newer daemon's.
    pub(crate) fn of_state(state: &str) -> Self {
        match state {
            "fresh" => Self::Well,
            "refreshing" => Self::Busy,
            "waiting" | "locked" => Self::Waiting,
            "idle" => Self::Asleep,
            _ => Self::Trouble,
        }
    }

    /// ECMA-48's SGR.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Title => Some("1"),
            Self::Well => Some("32"),
            Self::Busy => Some("36"),
            Self::Waiting => Some("33"),
            Self::Trouble => Some("31"),
            Self::Asleep | Self::Hint => Some("2"),
        }
    }
}

/// A line of pieces, each with what it means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line(Vec<(Paint, String)>);

impl Line {
    /// One piece.
    pub(crate) fn of(paint: Paint, text: impl Into<String>) -> Self {
        let mut line = Self::default();
        line.push(paint, text);
        line
    }

    /// One piece more.
    pub(crate) fn push(&mut self, paint: Paint, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.0.push((paint, text));
        }
    }

    /// Blanks up to this column.
    pub(crate) fn pad(&mut self, column: usize) {
        self.push(Paint::Plain, " ".repeat(column.saturating_sub(self.width())));
    }

    /// How many cells it takes.
    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// In so many cells at most, with a mark where something is cut off.
    pub(crate) fn cut(self, cells: usize, ascii: bool) -> Self {
        if self.width() <= cells {
            return self;
        }
        let mut line = Self::default();
        let mut room = cells;
        for (paint, text) in self.0 {
            let wants = width(&text);
            if wants < room {
                room -= wants;
                line.push(paint, text);
            } else {
                // Something follows, be it blanks: the mark says so.
                line.push(paint, cut(&(text + " "), room, ascii));
                return line;
            }
        }
        line
    }

    /// As it is written.
    pub(crate) fn text(&self, colour: bool) -> String {
        let last = self.0.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        let mut written = String::new();
        for (place, (paint, text)) in self.0.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            let text = if Some(place) == last { text.trim_end() } else { text };
            match paint.code().filter(|_| colour && !text.trim().is_empty()) {
                Some(code) => written.extend(["\x1b[", code, "m", text, "\x1b[0m"]),
                None => written.push_str(text),
            }
        }
        written
    }
}

/// How many cells a text takes: two for each wide character, none for what combines with the one before it.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text, and blanks behind it.
pub(crate) fn pad(text: &str, cells: usize) -> String {
    text.to_owned() + &" ".repeat(cells.saturating_sub(width(text)))
}

/// The text, with an ellipsis in the place of what does not fit.
pub(crate) fn cut(text: &str, cells: usize, ascii: bool) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mark = if ascii { "..." } else { "…" };
    let mark = if width(mark) <= cells { mark } else { "" };
    let room = cells - width(mark);
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        kept.push(c);
    }
    kept + mark
}

/// Lines of at most so many cells, broken between words where there are any.
pub(crate) fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let wants = width(word);
        let gap = usize::from(!line.is_empty());
        if used + gap + wants <= cells {
            line.push_str(&" "[..gap]);
            line.push_str(word);
            used += gap + wants;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        used = 0;
        for c in word.chars() {
            let wants = c.width().unwrap_or(0);
            if used + wants > cells && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += wants;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_combining_characters_take_the_cells_that_they_take() {
        assert_eq!((width("日本"), width("e\u{301}"), width("a\u{200b}b")), (4, 1, 2));
        assert_eq!(pad("日", 4), "日  ");
        assert_eq!(cut("日本語", 5, false), "日本…");
        assert_eq!(cut("日本語", 4, false), "日…");
        assert_eq!(cut("abcdef", 2, true), "ab");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2, false), "e\u{301}…");
    }

    #[test]
    fn lines_break_between_words_and_nowhere_else_unless_they_must() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("日本語 日本語", 6), ["日本語", "日本語"]);
        assert_eq!(wrap("日本語", 5), ["日本", "語"]);
        assert_eq!(wrap("a abcdefg", 3), ["a", "abc", "def", "g"]);
        assert_eq!(wrap("", 3), [""]);
        assert_eq!(wrap("日", 1), ["日"]);
    }

    #[test]
    fn a_line_is_cut_in_its_pieces_and_keeps_their_colours() {
        let mut line = Line::of(Paint::Well, "fresh");
        line.pad(7);
        line.push(Paint::Plain, "日本語");
        assert_eq!(line.width(), 13);
        assert_eq!(line.clone().cut(13, false), line);
        for cells in 0..13 {
            assert!(line.clone().cut(cells, false).width() <= cells, "{cells}");
            assert!(line.clone().cut(cells, true).width() <= cells, "{cells}");
        }
        assert_eq!(line.clone().cut(10, false).text(true), "\x1b[32mfresh\x1b[0m  日…");
        assert_eq!(line.clone().cut(5, false).text(false), "fres…");
        assert_eq!(Line::of(Paint::Title, "  ").text(true), "");
    }
}
