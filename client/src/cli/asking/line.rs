//! One line as it is typed: what Backspace, Ctrl-U and Ctrl-D do to it. No I/O.

use zeroize::Zeroizing;

use super::super::platform::Keys;

/// What has been typed so far. Its room is there from the beginning: growing would leave copies behind.
pub(crate) struct Line {
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
    too_long: bool,
    keys: Keys,
}

/// How far the line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More is to come.
    Unfinished,
    /// It has ended.
    Finished,
    /// Its author wants to say nothing: the end of input without a character before it.
    GivenUp,
    /// It has ended, and is longer than the limit.
    TooLong,
}

impl Line {
    /// An empty line of at most so many bytes.
    pub(crate) fn new(limit: usize, keys: Keys) -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(limit)), limit, too_long: false, keys }
    }

    /// Takes the next byte.
    pub(crate) fn take(&mut self, byte: u8) -> Progress {
        const BACKSPACE: u8 = 0x08;
        const DELETE: u8 = 0x7f;
        match byte {
            b'\n' | b'\r' => return self.end(),
            // 0 is a key that is switched off.
            _ if byte == self.keys.end && byte != 0 => {
                return if self.bytes.is_empty() { Progress::GivenUp } else { self.end() };
            }
            _ if byte == self.keys.kill && byte != 0 => self.clear(),
            BACKSPACE | DELETE => self.take_back(),
            _ if byte == self.keys.erase && byte != 0 => self.take_back(),
            _ if self.bytes.len() == self.limit => self.too_long = true,
            _ => self.bytes.push(byte),
        }
        Progress::Unfinished
    }

    /// Forgets what was typed.
    pub(crate) fn clear(&mut self) {
        self.bytes.fill(0);
        self.bytes.clear();
        self.too_long = false;
    }

    /// What was typed.
    pub(crate) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.bytes
    }

    /// The last character, which has several bytes in UTF-8.
    fn take_back(&mut self) {
        while let Some(byte) = self.bytes.pop() {
            if byte & 0b1100_0000 != 0b1000_0000 {
                break;
            }
        }
    }

    fn end(&self) -> Progress {
        if self.too_long { Progress::TooLong } else { Progress::Finished }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: Keys = Keys { erase: b'#', kill: 0x15, end: 0x04 };

    fn typed(keys: &[u8]) -> (Progress, Vec<u8>) {
        let mut line = Line::new(8, KEYS);
        let mut progress = Progress::Unfinished;
        for key in keys {
            assert_eq!(progress, Progress::Unfinished);
            progress = line.take(*key);
        }
        (progress, line.into_bytes().to_vec())
    }

    #[test]
    fn a_line_ends_with_enter_or_the_end_of_input() {
        assert_eq!(typed(b"ab\n"), (Progress::Finished, b"ab".to_vec()));
        assert_eq!(typed(b"ab\r"), (Progress::Finished, b"ab".to_vec()));
        assert_eq!(typed(b"ab\x04"), (Progress::Finished, b"ab".to_vec()));
        assert_eq!(typed(b"\n"), (Progress::Finished, vec![]));
        assert_eq!(typed(b"\x04"), (Progress::GivenUp, vec![]));
    }

    #[test]
    fn what_was_mistyped_is_taken_back() {
        for erase in [b'#', 0x7f, 0x08] {
            assert_eq!(typed(&[b'a', b'x', erase, b'\n']), (Progress::Finished, b"a".to_vec()));
        }
        assert_eq!(typed("aü#b\n".as_bytes()), (Progress::Finished, b"ab".to_vec()));
        assert_eq!(typed("ab€###c\n".as_bytes()), (Progress::Finished, b"c".to_vec()));
        assert_eq!(typed(b"##a\n"), (Progress::Finished, b"a".to_vec()));
        assert_eq!(typed(b"wrong\x15right\n"), (Progress::Finished, b"right".to_vec()));
    }

    #[test]
    fn nothing_grows_beyond_the_limit() {
        assert_eq!(typed(b"12345678\n").0, Progress::Finished);
        assert_eq!(typed(b"123456789\n"), (Progress::TooLong, b"12345678".to_vec()));
        assert_eq!(typed(b"123456789\x15x\n"), (Progress::Finished, b"x".to_vec()));
    }

    #[test]
    fn a_key_that_is_switched_off_is_none() {
        let mut line = Line::new(8, Keys { erase: 0, kill: 0, end: 0 });
        assert_eq!(line.take(0), Progress::Unfinished);
        assert_eq!(line.take(b'a'), Progress::Unfinished);
        assert_eq!(line.into_bytes().to_vec(), [0, b'a']);
    }
}
