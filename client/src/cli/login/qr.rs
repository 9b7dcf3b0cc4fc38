//! A QR code out of half blocks: two rows of modules in a line of text.

use qrcodegen::{QrCode, QrCodeEcc};

/// White modules around the code. The standard wants four; two are what readers need, and what a small terminal has.
const QUIET: i32 = 2;

/// How it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Black on white, in colours that no theme changes.
    Palette256,
    /// Black on white, in the terminal's own.
    Palette8,
    /// The terminal's own two, taken for light on dark: readers know the inverse as well.
    None,
}

impl Ink {
    /// What this terminal has (ECMA-48's SGR).
    pub(super) fn of_terminal(term: &str, true_colour: bool, no_colour: bool) -> Self {
        match no_colour {
            true => Self::None,
            false if true_colour || term.contains("256color") => Self::Palette256,
            false => Self::Palette8,
        }
    }

    fn codes(self) -> (&'static str, &'static str) {
        match self {
            Self::Palette256 => ("\x1b[38;5;16;48;5;231m", "\x1b[0m"),
            Self::Palette8 => ("\x1b[30;47m", "\x1b[0m"),
            Self::None => ("", ""),
        }
    }
}

/// The lines that show it; nothing where it does not fit into so many columns and lines.
pub(super) fn drawn(text: &str, ink: Ink, columns: usize, lines: usize) -> Option<Vec<String>> {
    // The lowest correction is enough for a screen, and the smallest code.
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let size = code.size() + 2 * QUIET;
    let needed = usize::try_from(size).ok()?;
    if needed > columns || needed.div_ceil(2) > lines {
        return None;
    }
    let (begin, end) = ink.codes();
    // Outside of the code, all is light.
    let is_dark = |x: i32, y: i32| code.get_module(x - QUIET, y - QUIET);
    let is_inked = |x: i32, y: i32| is_dark(x, y) != (ink == Ink::None);
    let line = |y: i32| {
        let cells = (0..size).map(|x| match (is_inked(x, y), y + 1 < size && is_inked(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        });
        format!("{begin}{}{end}", cells.collect::<String>())
    };
    Some((0..size).step_by(2).map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://login.example.com/device?user_code=WDJB-MJHT";

    /// The modules that a line of text shows, as its two rows.
    fn modules(lines: &[String], inverse: bool) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in lines {
            let cells: Vec<char> = line.chars().filter(|c| " ▀▄█".contains(*c)).collect();
            for half in ['▀', '▄'] {
                rows.push(cells.iter().map(|c| (*c == '█' || *c == half) != inverse).collect());
            }
        }
        rows
    }

    #[test]
    fn every_module_stands_where_it_belongs_in_every_ink() {
        let code = QrCode::encode_text(URL, QrCodeEcc::Low).ok();
        let size = code.as_ref().map_or(0, QrCode::size);
        assert!(size > 20);
        for ink in [Ink::Palette256, Ink::Palette8, Ink::None] {
            let lines = drawn(URL, ink, 80, 24).unwrap_or_default();
            let rows = modules(&lines, ink == Ink::None);
            for y in -QUIET..size + QUIET {
                for x in -QUIET..size + QUIET {
                    let place = |at: i32| usize::try_from(at + QUIET).unwrap_or_default();
                    let dark = code.as_ref().is_some_and(|code| code.get_module(x, y));
                    assert_eq!(rows[place(y)][place(x)], dark, "{x} {y} {ink:?}");
                }
            }
        }
    }

    #[test]
    fn both_colours_are_set_and_reset_on_every_line_or_none_at_all() {
        let with = |ink| drawn(URL, ink, 80, 24).unwrap_or_default();
        let is_whole =
            |line: &String| line.starts_with("\x1b[38;5;16;48;5;231m") && line.ends_with("\x1b[0m");
        assert!(with(Ink::Palette256).iter().all(is_whole));
        assert!(with(Ink::None).iter().all(|line| !line.contains('\x1b')));
        assert_eq!(Ink::of_terminal("xterm-256color", false, false), Ink::Palette256);
        assert_eq!(Ink::of_terminal("xterm", true, false), Ink::Palette256);
        assert_eq!(Ink::of_terminal("linux", false, false), Ink::Palette8);
        assert_eq!(Ink::of_terminal("xterm-256color", true, true), Ink::None);
    }

    #[test]
    fn what_does_not_fit_is_not_drawn() {
        let lines = drawn(URL, Ink::None, 80, 24).unwrap_or_default();
        let columns = lines[0].chars().count();
        assert!(drawn(URL, Ink::None, columns, lines.len()).is_some());
        assert!(drawn(URL, Ink::None, columns - 1, lines.len()).is_none());
        assert!(drawn(URL, Ink::None, columns, lines.len() - 1).is_none());
        assert!(drawn(&"x".repeat(5000), Ink::None, 1000, 1000).is_none());
    }
}
