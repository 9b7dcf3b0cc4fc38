//! Asking by pinentry, `GnuPG`'s dialogue: lines of the Assuan protocol over its standard input and output.
//!
//! <https://www.gnupg.org/documentation/manuals/assuan/Client-requests.html>, `info pinentry`.

use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::process::Command;

use tokend_client::Secret;
use zeroize::Zeroizing;

use super::super::complaint::{Complaint, printable};
use super::dialogue::{self, PATIENCE, Trouble};
use super::{Question, declined, first_line, unusable};

/// The longest line of the protocol, with its end.
const LONGEST_LINE: usize = 1002;

/// The longest passphrase that a pinentry gives: its own buffer has 2048 bytes.
const LONGEST_PIN: usize = 4096;

/// `GPG_ERR_TIMEOUT`, `GPG_ERR_NO_PIN`, `GPG_ERR_CANCELED`, `GPG_ERR_FULLY_CANCELED` of libgpg-error.
const NO_ANSWER: [u32; 4] = [62, 86, 99, 198];

/// Asks once.
pub(super) fn ask(program: &Path, question: Question<'_>) -> Result<Secret, Complaint> {
    let command = Command::new(program);
    let requests = requests(question);
    let held =
        dialogue::hold(command, PATIENCE, move |mut input, output| converse(&mut input, output, &requests));
    let unusable = |why: &str| unusable("pinentry cannot be used", why);
    match held {
        Ok((Ok(Answer::Pin(pin)), _)) => first_line(pin),
        Ok((Ok(Answer::Declined), _)) | Err(Trouble::TimedOut) => Err(declined()),
        Ok((Ok(Answer::Refused(why)), _)) => Err(unusable(&why)),
        Ok((Err(error), _)) | Err(Trouble::NotStarted(error)) => Err(unusable(&error.to_string())),
    }
}

/// What came of it.
#[derive(Debug)]
enum Answer {
    Pin(Zeroizing<Vec<u8>>),
    Declined,
    Refused(String),
}

/// The lines that come before the one that asks.
fn requests(question: Question<'_>) -> Vec<String> {
    let mut requests = vec![
        "SETTITLE tokend".to_owned(),
        format!("SETDESC {}", escaped(question.prompt)),
        "SETPROMPT Passphrase:".to_owned(),
        format!("SETTIMEOUT {}", PATIENCE.as_secs()),
    ];
    if let Some(mistake) = question.mistake {
        requests.push(format!("SETERROR {}", escaped(mistake)));
    }
    requests
}

fn converse(input: &mut impl Write, output: impl Read, requests: &[String]) -> io::Result<Answer> {
    let mut lines = Lines::new(output);
    // The greeting.
    if let Some(refused) = outcome(&mut lines, None)? {
        return Ok(refused);
    }
    for request in requests {
        input.write_all(format!("{request}\n").as_bytes())?;
        // What one does not know (an option, a title) changes nothing.
        outcome(&mut lines, None)?;
    }
    input.write_all(b"GETPIN\n")?;
    let mut pin = Zeroizing::new(Vec::with_capacity(LONGEST_PIN));
    let refused = outcome(&mut lines, Some(&mut pin))?;
    let _ = input.write_all(b"BYE\n");
    Ok(refused.unwrap_or(Answer::Pin(pin)))
}

/// Reads up to the end of one answer; nothing where it is a good one. Data of it is appended.
fn outcome<R: Read>(
    lines: &mut Lines<R>,
    mut data: Option<&mut Zeroizing<Vec<u8>>>,
) -> io::Result<Option<Answer>> {
    loop {
        let line = lines.next()?;
        if line == b"OK" || line.starts_with(b"OK ") {
            return Ok(None);
        } else if let Some(error) = line.strip_prefix(b"ERR ") {
            return Ok(Some(refusal(&String::from_utf8_lossy(error))));
        } else if let (Some(piece), Some(data)) = (line.strip_prefix(b"D "), data.as_deref_mut()) {
            unescape(piece, data)?;
        }
        // Comments, status lines and inquiries are of no use here.
    }
}

/// `83886179 Operation cancelled <Pinentry>`: the lower half of the number is libgpg-error's.
fn refusal(error: &str) -> Answer {
    let (number, words) = error.split_once(' ').unwrap_or((error, ""));
    match number.parse::<u32>() {
        Ok(number) if NO_ANSWER.contains(&(number & 0xffff)) => Answer::Declined,
        _ => Answer::Refused(printable(words)),
    }
}

/// What may not stand in a line as it is.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn unescape(mut piece: &[u8], data: &mut Vec<u8>) -> io::Result<()> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some((first, rest)) = piece.split_first() {
        let (byte, rest) = match (first, rest) {
            (b'%', [high, low, rest @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, rest),
                _ => return Err(ErrorKind::InvalidData.into()),
            },
            (b'%', _) => return Err(ErrorKind::InvalidData.into()),
            (byte, rest) => (*byte, rest),
        };
        if data.len() == data.capacity() {
            return Err(ErrorKind::InvalidData.into());
        }
        data.push(byte);
        piece = rest;
    }
    Ok(())
}

/// Lines out of a buffer that never grows.
struct Lines<R> {
    output: R,
    buffer: Zeroizing<[u8; 2 * LONGEST_LINE]>,
    /// Where the last line that was given away ends.
    begin: usize,
    filled: usize,
}

impl<R: Read> Lines<R> {
    fn new(output: R) -> Self {
        Self { output, buffer: Zeroizing::new([0; 2 * LONGEST_LINE]), begin: 0, filled: 0 }
    }

    /// The next line without its end.
    fn next(&mut self) -> io::Result<&[u8]> {
        self.buffer.copy_within(self.begin..self.filled, 0);
        self.filled -= self.begin;
        self.begin = 0;
        loop {
            if let Some(end) = self.buffer[..self.filled].iter().position(|byte| *byte == b'\n') {
                self.begin = end + 1;
                let line = &self.buffer[..end];
                return Ok(line.strip_suffix(b"\r").unwrap_or(line));
            }
            if self.filled >= LONGEST_LINE {
                return Err(ErrorKind::InvalidData.into());
            }
            match self.output.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: Question<'_> = Question { prompt: "100% of\nit", mistake: Some("no") };

    fn with(answers: &str) -> (io::Result<Answer>, String) {
        let mut asked = Vec::new();
        let answer = converse(&mut asked, answers.as_bytes(), &requests(QUESTION));
        (answer, String::from_utf8_lossy(&asked).into_owned())
    }

    #[test]
    fn a_passphrase_is_asked_for_and_decoded() {
        let greeting =
            "OK Pleased to meet you\nOK\nOK\nOK\nERR 67109139 Unknown IPC command <Pinentry>\nOK\n";
        let (answer, asked) = with(&format!("{greeting}S PIN_REPEATED\n# a comment\nD 50%25 o%0\nOK\n"));
        assert!(answer.is_err(), "half a byte: {answer:?}");
        assert_eq!(
            asked,
            "SETTITLE tokend\nSETDESC 100%25 of%0Ait\nSETPROMPT Passphrase:\nSETTIMEOUT 120\nSETERROR no\nGETPIN\n"
        );
        let (answer, asked) = with(&format!("{greeting}S x\nD 50%25 \nD o%c3%BCff\r\nOK\r\n"));
        assert!(matches!(&answer, Ok(Answer::Pin(pin)) if **pin == *"50% oüff".as_bytes()), "{answer:?}");
        assert!(asked.ends_with("GETPIN\nBYE\n"), "{asked}");
        let (answer, _) = with(&format!("{greeting}OK\n"));
        assert!(matches!(&answer, Ok(Answer::Pin(pin)) if pin.is_empty()), "{answer:?}");
    }

    #[test]
    fn who_cancels_declines_and_what_does_not_work_is_said() {
        let greeting = "OK\n".repeat(6);
        for number in ["83886179", "83886142", "99", "83886278"] {
            let (answer, _) = with(&format!("{greeting}ERR {number} Operation cancelled <Pinentry>\n"));
            assert!(matches!(answer, Ok(Answer::Declined)), "{answer:?}");
        }
        let (answer, _) = with(&format!("{greeting}ERR 83918950 Inappropriate ioctl for \x1bdevice\n"));
        assert!(
            matches!(&answer, Ok(Answer::Refused(why)) if why == "Inappropriate ioctl for device"),
            "{answer:?}"
        );
        for strange in ["", "OK\n", "nonsense", &"x".repeat(5000)] {
            assert!(with(strange).0.is_err(), "{strange}");
        }
    }

    #[test]
    fn a_longer_answer_than_any_pinentrys_is_refused() {
        let data = format!("D {}\n", "x".repeat(900)).repeat(5);
        assert!(with(&("OK\n".repeat(6) + &data + "OK\n")).0.is_err());
    }
}
