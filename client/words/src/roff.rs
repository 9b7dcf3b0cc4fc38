//! The language of man pages (man(7)), as far as pages here need it.

use std::fmt::Write as _;

use crate::lines::fill;

/// The day that pages name: that of the latest release, or of the latest change before the first one.
const DATE: &str = "2026-11-22";

/// Lines of the page's source are no longer: linters of man pages mind.
const WIDEST: usize = 78;

/// A man page under construction.
#[derive(Debug)]
pub struct Page {
    text: String,
}

impl Page {
    /// A page of this name and section.
    #[must_use]
    pub fn new(name: &str, section: u8, source: &str) -> Self {
        let title = name.to_uppercase();
        let text = format!(
            ".\\\" Made by `cargo words` from the definitions in the sources: changes here are lost.\n\
             .TH {title} {section} {DATE} \"{source}\" \"tokend\"\n.nh\n.ad l\n"
        );
        Self { text }
    }

    /// The page as it is written into a file.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }

    /// A section.
    pub fn section(&mut self, title: &str) {
        let _ = writeln!(self.text, ".SH \"{}\"", plain(&title.to_uppercase()));
    }

    /// A section in a section.
    pub fn subsection(&mut self, title: &str) {
        let _ = writeln!(self.text, ".SS \"{}\"", plain(title));
    }

    /// Paragraphs, separated by empty lines. One that is indented keeps its lines.
    pub fn paragraphs(&mut self, text: &str) {
        for (number, paragraph) in text.split("\n\n").filter(|paragraph| !paragraph.is_empty()).enumerate() {
            if paragraph.starts_with(' ') {
                self.lines(paragraph.lines().map(str::trim));
            } else {
                if number > 0 {
                    self.text.push_str(".PP\n");
                }
                self.prose(paragraph);
            }
        }
    }

    /// The beginning of a paragraph that follows another.
    pub fn paragraph(&mut self) {
        self.text.push_str(".PP\n");
    }

    /// Lines that stay as they are, in the typewriter's letters where there are such.
    pub fn lines<'l>(&mut self, lines: impl Iterator<Item = &'l str>) {
        self.text.push_str(".PP\n.RS 4\n.nf\n");
        for line in lines {
            self.line(&code(line));
        }
        self.text.push_str(".fi\n.RE\n");
    }

    /// A word or words, and below, indented, what they mean. The head is made by [`head`] or [`code`].
    pub fn entry(&mut self, head: &str, text: &str) {
        self.text.push_str(".TP\n");
        self.line(head);
        if text.is_empty() {
            self.text.push_str("\\&\n");
        }
        for (number, paragraph) in text.split("\n\n").filter(|paragraph| !paragraph.is_empty()).enumerate() {
            if number > 0 {
                self.text.push_str(".IP\n");
            }
            self.prose(paragraph);
        }
    }

    /// What follows is indented further, until [`Page::back`].
    pub fn indent(&mut self) {
        self.text.push_str(".RS\n");
    }

    /// Ends [`Page::indent`].
    pub fn back(&mut self) {
        self.text.push_str(".RE\n");
    }

    /// How something is called, a line for each form: what is typed is bold, what stands for something else
    /// in italics.
    pub fn calls(&mut self, calls: impl IntoIterator<Item = String>) {
        for (number, call) in calls.into_iter().enumerate() {
            if number > 0 {
                self.text.push_str(".br\n");
            }
            self.line(&head(call.trim_end()));
        }
    }

    /// A sentence begins on a line of its own: a change of one is then a change of its lines alone.
    fn prose(&mut self, text: &str) {
        let marked = inline(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        for sentence in marked.split_inclusive(". ") {
            let mut lines = String::new();
            fill(&mut lines, sentence, WIDEST, 0, 0);
            lines.lines().for_each(|line| self.line(line));
        }
    }

    fn line(&mut self, line: &str) {
        // A line that begins with these would be a command of roff.
        if line.starts_with(['.', '\'']) {
            self.text.push_str("\\&");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Text without markup.
#[must_use]
pub fn plain(text: &str) -> String {
    escaped(text, false)
}

/// What is to be typed as it stands here.
#[must_use]
pub fn code(text: &str) -> String {
    escaped(text, true)
}

/// The head of an entry: `-v, --verbose`, `--format F`; words in capitals stand for something else.
#[must_use]
pub fn head(text: &str) -> String {
    let mut out = String::new();
    let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let of = |fits: &dyn Fn(char) -> bool| rest.find(|c| !fits(c)).unwrap_or(rest.len());
        let (end, font) = if is_name(first) {
            (of(&is_name), "I")
        } else if first.is_ascii_alphanumeric() || first == '-' {
            (of(&|c: char| c.is_ascii_alphanumeric() || "-_.".contains(c)), "B")
        } else {
            (of(&|c: char| !c.is_ascii_alphanumeric() && c != '-'), "R")
        };
        let (piece, after) = rest.split_at(end);
        if font == "R" {
            out.push_str(&escaped(piece, true));
        } else {
            let _ = write!(out, "\\f{font}{}\\fR", escaped(piece, true));
        }
        rest = after;
    }
    out
}

/// Prose: what stands in backticks and every option are bold.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for (number, piece) in text.split('`').enumerate() {
        if number % 2 == 1 {
            let _ = write!(out, "\\fB{}\\fR", code(piece));
            continue;
        }
        for (number, word) in piece.split(' ').enumerate() {
            if number > 0 {
                out.push(' ');
            }
            let bare = word.trim_start_matches('(');
            let end = bare.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(bare.len());
            let is_option = bare.strip_prefix('-').is_some_and(|rest| {
                rest.trim_start_matches('-').starts_with(|c: char| c.is_ascii_alphanumeric())
            });
            if is_option {
                let before = &word[..word.len() - bare.len()];
                let _ = write!(out, "{}\\fB{}\\fR{}", plain(before), code(&bare[..end]), plain(&bare[end..]));
            } else {
                out.push_str(&plain(word));
            }
        }
    }
    out
}

/// Text in which nothing is roff's. In code a hyphen is a minus, so that it can be copied.
fn escaped(text: &str, is_code: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' if is_code => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '~' => out.push_str("\\(ti"),
            '^' => out.push_str("\\(ha"),
            '"' => out.push_str("\\(dq"),
            '…' => out.push_str("..."),
            c if c.is_ascii() => out.push(c),
            c => {
                let _ = write!(out, "\\[u{:04X}]", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_a_command() {
        let mut page = Page::new("x", 1, "x");
        page.paragraphs(".SH a\\b 'c'");
        assert!(page.finish().ends_with("\\&.SH a\\eb \\(aqc\\(aq\n"));
    }

    #[test]
    fn what_is_typed_is_bold_and_what_stands_for_it_in_italics() {
        assert_eq!(head("--format F"), "\\fB\\-\\-format\\fR \\fIF\\fR");
        assert_eq!(head("-v, --verbose"), "\\fB\\-v\\fR, \\fB\\-\\-verbose\\fR");
        assert_eq!(
            inline("as in `tok get`, or --json; well-known"),
            "as in \\fBtok get\\fR, or \\fB\\-\\-json\\fR; well-known"
        );
    }
}
