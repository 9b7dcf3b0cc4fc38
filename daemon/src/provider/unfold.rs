//! A text as it was before somebody encoded it, to find a secret in it whatever was done to it on its way.

use std::collections::HashSet;

use zeroize::Zeroizing;

/// Fewer bytes in common are a coincidence.
const RUN: usize = 8;

/// Encodings lie in each other (an HTML page in JSON in JSON): so many layers are taken off.
const LAYERS: usize = 4;

/// Whether `text` and `secret` have a run of [`RUN`] bytes in common (all of a shorter secret), after every usual
/// encoding is taken off, without white space and whatever cannot be seen, and whatever the case is.
pub(super) fn shares_a_run(text: &str, secret: &[u8]) -> bool {
    let secret = folded(&String::from_utf8_lossy(secret));
    let run = RUN.min(secret.len());
    // A secret of one to three letters is in every text.
    if run < 4 {
        return false;
    }
    let mut text = Zeroizing::new(text.to_owned());
    for _ in 0..=LAYERS {
        let seen = folded(&text);
        let runs: HashSet<&[u8]> = seen.windows(run).collect();
        if secret.windows(run).any(|window| runs.contains(window)) {
            return true;
        }
        let next = Zeroizing::new(unfolded(&text));
        if *next == *text {
            return false;
        }
        text = next;
    }
    // Nobody wraps a text for people so many times.
    true
}

/// The letters that count.
fn folded(text: &str) -> Zeroizing<Vec<u8>> {
    let seen = text.chars().filter(|c| !c.is_whitespace() && !c.is_control() && c.is_ascii());
    Zeroizing::new(seen.map(|c| c.to_ascii_lowercase() as u8).collect())
}

/// One layer less of `%xx`, `&#n;`, `&#xn;`, named entities, `\uXXXX`, `\xXX` and backslashes.
fn unfolded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if let Some((c, length)) = decoded(rest) {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[length..];
        } else {
            if *first != b'\\' {
                out.push(*first);
            }
            rest = tail;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The character that is encoded at the start of `text`, and how many bytes that takes.
fn decoded(text: &[u8]) -> Option<(char, usize)> {
    const NAMED: [(&[u8], char); 6] = [
        (b"&amp;", '&'),
        (b"&lt;", '<'),
        (b"&gt;", '>'),
        (b"&quot;", '"'),
        (b"&apos;", '\''),
        (b"&nbsp;", ' '),
    ];
    let number = |digits: Option<&[u8]>, radix| {
        let digits = std::str::from_utf8(digits?).ok()?;
        // A sign is no digit.
        let is_number = digits.chars().all(|c| c.is_digit(radix));
        char::from_u32(u32::from_str_radix(digits, radix).ok().filter(|_| is_number)?)
    };
    if let Some((name, c)) = NAMED.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((*c, name.len()));
    }
    match text {
        [b'%', ..] => Some((number(text.get(1..3), 16)?, 3)),
        [b'\\', b'u', ..] => Some((number(text.get(2..6), 16)?, 6)),
        [b'\\', b'x', ..] => Some((number(text.get(2..4), 16)?, 4)),
        [b'&', b'#', ..] => {
            let end = text.iter().take(12).position(|byte| *byte == b';')?;
            let c = match text.get(2)? {
                b'x' | b'X' => number(text.get(3..end), 16)?,
                _ => number(text.get(2..end), 10)?,
            };
            Some((c, end + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"ab\"cd'VERYSECRET&<x";

    #[test]
    fn a_secret_is_found_whatever_was_done_to_it() {
        for text in [
            "bad: ab&#34;cd&#39;VERYSECRET&amp;&lt;x",
            "bad: ab&quot;cd&#x27;VERYSECRET&amp;&lt;x",
            r"bad: ab\\u0022cd\\u0027VERYSECRET\\u0026\\u003cx",
            "bad: ab%2522cd%2527VERYSECRET%2526%253Cx",
            "b\"cd'VERYSECRET",
            "AB\"CD'verysecret",
            "very\u{200b}secret&<",
            "v e r y s e c r e t & <",
            r"\x56\x45RYSECRET",
        ] {
            assert!(shares_a_run(text, SECRET), "{text}");
        }
    }

    #[test]
    fn other_texts_are_left_alone() {
        for text in ["", "the secret is wrong", "100%", "&#;", "\\u12", "&#99999999999;", "%zz", "very sec"] {
            assert!(!shares_a_run(text, SECRET), "{text}");
        }
        assert!(!shares_a_run("abc", b"abc"), "three letters are in every text");
        assert!(shares_a_run("it was 1234.", b"1234"));
    }
}
