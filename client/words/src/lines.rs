//! Text in lines of a given width.

use std::fmt::Write as _;

/// Appends `text`, its lines no longer than `width`: the first begins at column `first` (which has been
/// written), the others are indented by `indent`.
pub(crate) fn fill(out: &mut String, text: &str, width: usize, first: usize, indent: usize) {
    let mut column = first;
    let mut begins = true;
    for word in words(text) {
        let length = word.chars().count();
        if !begins && column + 1 + length > width {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if !begins {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        begins = false;
    }
    out.push('\n');
}

/// Appends paragraphs, with an empty line between them. A paragraph that is indented keeps its lines.
pub(crate) fn paragraphs(out: &mut String, text: &str, width: usize) {
    for (number, paragraph) in text.split("\n\n").enumerate() {
        if number > 0 {
            out.push('\n');
        }
        if paragraph.starts_with(' ') {
            out.push_str(paragraph.trim_end());
            out.push('\n');
        } else {
            fill(out, paragraph, width, 0, 0);
        }
    }
}

/// The words of a text; what stands in one pair of backticks is one word as long as it is short.
fn words(text: &str) -> impl Iterator<Item = &str> {
    const SHORT: usize = 24;
    let mut rest = text.trim_start();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        // A call such as `tok help get` is not torn apart.
        if rest[..end].matches('`').count() == 1
            && let Some(close) = rest[end..].find('`').map(|at| end + at)
            && close <= SHORT
            && !rest[..close].contains('\n')
        {
            end = rest[close..].find(char::is_whitespace).map_or(rest.len(), |at| close + at);
        }
        let (word, after) = rest.split_at(end);
        rest = after.trim_start();
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_filled_and_no_longer() {
        let mut out = String::from("  x  ");
        fill(&mut out, "one two three four five", 14, 5, 5);
        assert_eq!(out, "  x  one two\n     three\n     four five\n");
    }

    #[test]
    fn a_call_in_backticks_stays_in_one_piece() {
        let mut out = String::new();
        fill(&mut out, "as in `tok help get`, or so", 16, 0, 0);
        assert_eq!(out, "as in\n`tok help get`,\nor so\n");
    }

    #[test]
    fn paragraphs_stay_apart_and_indented_ones_as_they_are() {
        let mut out = String::new();
        paragraphs(&mut out, "a b\n\n  c   d\n  e\n\nf", 80);
        assert_eq!(out, "a b\n\n  c   d\n  e\n\nf\n");
    }
}
