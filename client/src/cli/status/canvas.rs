//! What is on the screen, and the few bytes that change it. Pure.

/// The screen as it was drawn last.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    size: (usize, usize),
    /// Nothing for a line of which nobody knows what is in it.
    lines: Vec<Option<String>>,
}

/// Terminals that know it show all that stands between these at once; others ignore them (a private mode of ECMA-48's).
const TOGETHER: (&str, &str) = ("\x1b[?2026h", "\x1b[?2026l");

impl Canvas {
    /// Nobody knows what is on the screen: everything is drawn anew.
    pub(super) fn forget(&mut self) {
        self.lines.clear();
    }

    /// What makes the screen of so many columns and lines show these; nothing where it does. Lines are rewritten in
    /// their place, the screen is never empty in between.
    pub(super) fn draw(&mut self, size: (usize, usize), lines: &[String]) -> String {
        if self.size != size {
            self.forget();
            self.size = size;
        }
        self.lines.resize(size.1, None);
        let mut bytes = String::new();
        for (row, known) in self.lines.iter_mut().enumerate() {
            let text = lines.get(row).map_or("", String::as_str);
            if known.as_deref() == Some(text) {
                continue;
            }
            // CUP and EL: the line is wiped before, whatever of it the text takes. Some terminals would wipe the last cell of
            // a full line if that were done after it.
            bytes.extend(["\x1b[", &(row + 1).to_string(), ";1H\x1b[2K", text]);
            *known = Some(text.to_owned());
        }
        if bytes.is_empty() { bytes } else { format!("{}{bytes}{}", TOGETHER.0, TOGETHER.1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn only_what_changes_is_written() {
        let mut canvas = Canvas::default();
        let first = canvas.draw((4, 3), &drawn(&["ab", "abcd"]));
        let expected = "\x1b[?2026h\x1b[1;1H\x1b[2Kab\x1b[2;1H\x1b[2Kabcd\x1b[3;1H\x1b[2K\x1b[?2026l";
        assert_eq!(first, expected);
        assert_eq!(canvas.draw((4, 3), &drawn(&["ab", "abcd"])), "");
        let second = canvas.draw((4, 3), &drawn(&["ab", "abce"]));
        assert_eq!(second, "\x1b[?2026h\x1b[2;1H\x1b[2Kabce\x1b[?2026l");
    }

    #[test]
    fn another_size_and_a_screen_that_nobody_knows_are_drawn_anew() {
        let mut canvas = Canvas::default();
        let first = canvas.draw((4, 2), &drawn(&["ab"]));
        canvas.forget();
        assert_eq!(canvas.draw((4, 2), &drawn(&["ab"])), first);
        assert!(canvas.draw((5, 2), &drawn(&["ab"])).contains("\x1b[1;1H\x1b[2Kab"));
        // Fewer lines than there is to show.
        assert!(!canvas.draw((5, 1), &drawn(&["ab", "cd"])).contains("cd"));
        assert_eq!(canvas.draw((5, 0), &drawn(&["ab"])), "");
    }
}
