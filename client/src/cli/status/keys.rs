//! What is meant by the keys that were hit. Pure.

/// What a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To see no more.
    Quit,
    /// Everything drawn anew.
    Redraw,
    /// To see what is above or below.
    Scroll(Scroll),
}

/// By how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scroll {
    /// A line.
    Up,
    /// A line.
    Down,
    /// A screen.
    PageUp,
    /// A screen.
    PageDown,
    /// To the first line.
    Home,
    /// To the last line.
    End,
}

/// No key sends more.
const LONGEST: usize = 8;

/// Bytes become wishes; a sequence that came in two pieces is one.
#[derive(Debug, Default)]
pub(super) struct Keys {
    begun: Vec<u8>,
}

impl Keys {
    /// What these bytes say. Keys that mean nothing are left out.
    pub(super) fn wishes(&mut self, bytes: &[u8]) -> Vec<Wish> {
        bytes.iter().filter_map(|byte| self.take(*byte)).collect()
    }

    fn take(&mut self, byte: u8) -> Option<Wish> {
        if byte == 0x1b {
            self.begun = vec![byte];
            return None;
        }
        if self.begun.is_empty() {
            return plain(byte);
        }
        self.begun.push(byte);
        let is_whole = match self.begun[..] {
            // `ESC [` and `ESC O` introduce a sequence, which ends with such a byte (ECMA-48 5.4).
            [_, b'[' | b'O'] => false,
            [_, b'[' | b'O', .., last] => (0x40..=0x7e).contains(&last) || self.begun.len() >= LONGEST,
            _ => true,
        };
        if !is_whole {
            return None;
        }
        match &std::mem::take(&mut self.begun)[1..] {
            b"[A" | b"OA" => Some(Wish::Scroll(Scroll::Up)),
            b"[B" | b"OB" => Some(Wish::Scroll(Scroll::Down)),
            b"[5~" => Some(Wish::Scroll(Scroll::PageUp)),
            b"[6~" => Some(Wish::Scroll(Scroll::PageDown)),
            b"[H" | b"OH" | b"[1~" | b"[7~" => Some(Wish::Scroll(Scroll::Home)),
            b"[F" | b"OF" | b"[4~" | b"[8~" => Some(Wish::Scroll(Scroll::End)),
            // The escape key by itself, and then another.
            [byte] => plain(*byte),
            _ => None,
        }
    }
}

fn plain(byte: u8) -> Option<Wish> {
    Some(match byte {
        b'q' | b'Q' => Wish::Quit,
        0x0c => Wish::Redraw,
        b'k' | 0x10 => Wish::Scroll(Scroll::Up),
        b'j' | 0x0e | b'\r' | b'\n' => Wish::Scroll(Scroll::Down),
        b'b' | 0x02 => Wish::Scroll(Scroll::PageUp),
        b'f' | b' ' | 0x06 => Wish::Scroll(Scroll::PageDown),
        b'g' => Wish::Scroll(Scroll::Home),
        b'G' => Wish::Scroll(Scroll::End),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_letters_and_pages_scroll() {
        use Scroll::{Down, End, Home, PageDown, PageUp, Up};
        let hit = b"jk\x1b[A\x1b[B\x1bOA\x1bOB\x1b[5~\x1b[6~\x1b[H\x1b[F\x1bOH\x1bOF\x1b[1~\x1b[4~gG b";
        let expected =
            [Down, Up, Up, Down, Up, Down, PageUp, PageDown, Home, End, Home, End, Home, End, Home, End];
        let expected: Vec<_> = expected.into_iter().chain([PageDown, PageUp]).map(Wish::Scroll).collect();
        assert_eq!(Keys::default().wishes(hit), expected);
        // One byte at a time.
        let mut keys = Keys::default();
        let slowly: Vec<_> = hit.iter().flat_map(|byte| keys.wishes(&[*byte])).collect();
        assert_eq!(slowly, expected);
    }

    #[test]
    fn what_means_nothing_does_nothing() {
        let mut keys = Keys::default();
        assert_eq!(keys.wishes(b"xyz\x1b[1;5Cw\x1b[3~\xff\x1b[Zq"), [Wish::Quit]);
        assert_eq!(keys.wishes(b"\x1b\x1bq"), [Wish::Quit]);
        assert_eq!(keys.wishes(b"\x1b[99999999999q\x0c"), [Wish::Quit, Wish::Redraw]);
    }
}
