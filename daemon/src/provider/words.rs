//! A service's own words, made fit for people and logs: short, without control characters, without any secret that was sent.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokend_proto::Secret;
use zeroize::Zeroizing;

/// A description has at most this many characters.
const MOST_DESCRIPTION: usize = 200;

/// A code has at most this many characters.
const MOST_CODE: usize = 64;

/// What stands where a secret stood.
const REPLACED: &str = "…";

/// What a service said about a failure: its parsed code and description. Never its raw body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// For tables. As sent, but for white space around it (seen at Lyve Cloud: `"AuthenticationFailed "`).
    pub(crate) code: Option<String>,
    description: Option<String>,
}

/// Which members of a JSON object hold the code and the description.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Members {
    /// The first that is a string counts.
    pub(crate) code: &'static [&'static str],
    /// The first that is a string counts.
    pub(crate) description: &'static [&'static str],
}

impl Words {
    /// Reads them from `body`; nothing where it is no object with such members.
    pub(crate) fn read(body: Option<&Value>, members: Members, held: &Held) -> Self {
        let text = |names: &[&str], most| {
            let text = names.iter().find_map(|name| body?.get(name)?.as_str())?;
            Some(held.clean(text, most)).filter(|text| !text.is_empty())
        };
        Self {
            code: text(members.code, MOST_CODE),
            description: text(members.description, MOST_DESCRIPTION),
        }
    }
}

/// ` CODE: DESCRIPTION`, as it goes behind a status; nothing where there are no words.
impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, &self.description) {
            (Some(code), Some(description)) => write!(f, " {code}: {description}"),
            (Some(one), None) | (None, Some(one)) => write!(f, " {one}"),
            (None, None) => Ok(()),
        }
    }
}

/// The secrets that a request carried, so that an answer that repeats one does not spread it.
#[derive(Default)]
pub(crate) struct Held(Vec<Zeroizing<Vec<u8>>>);

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl Held {
    /// One secret.
    pub(crate) fn one(secret: &Secret) -> Self {
        let mut held = Self::default();
        held.add(secret.expose());
        held
    }

    /// This secret too, and its base64.
    pub(crate) fn add(&mut self, secret: &[u8]) {
        let secret = secret.trim_ascii();
        if !secret.is_empty() {
            let base64 = Zeroizing::new(STANDARD.encode(secret));
            // A service may leave the padding away.
            self.0
                .push(Zeroizing::new(base64.trim_end_matches('=').as_bytes().to_vec()));
            // What `plain` does to the text it does to the secret, so that they still match.
            let text = Zeroizing::new(String::from_utf8_lossy(secret).into_owned());
            self.0.push(Zeroizing::new(
                text.chars().map(plain).collect::<String>().into_bytes(),
            ));
            // The longest first: one secret may be a part of another.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// `text` in one line of at most `most` characters, with every secret in it replaced, also where it is repeated
    /// in URL encoding, with backslashes or with HTML entities.
    pub(crate) fn clean(&self, text: &str, most: usize) -> String {
        let mut text: String = text.chars().map(plain).collect();
        for secret in &self.0 {
            text = replace(&text, |at| verbatim(at, secret));
            text = replace(&text, |at| encoded(at, secret));
        }
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(most) {
            Some(_) => line.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
            None => line,
        }
    }
}

/// The character, or a space for one that moves a terminal's cursor, hides, or turns the direction of writing.
fn plain(c: char) -> char {
    let unseen = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    if c.is_control() || unseen { ' ' } else { c }
}

/// Replaces each part of `text` at whose start `matches` says how many bytes it has.
fn replace(text: &str, matches: impl Fn(&[u8]) -> Option<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        match matches(&text.as_bytes()[at..]) {
            Some(length) => {
                out.push_str(REPLACED);
                at += length;
            }
            None => {
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
    out
}

fn verbatim(text: &[u8], secret: &[u8]) -> Option<usize> {
    text.starts_with(secret).then_some(secret.len())
}

/// Whether `text` begins with the secret, each of whose bytes may be encoded in one of the usual ways.
fn encoded(text: &[u8], secret: &[u8]) -> Option<usize> {
    secret
        .iter()
        .try_fold(0, |at, byte| Some(at + encoded_byte(text.get(at..)?, *byte)?))
}

fn encoded_byte(text: &[u8], byte: u8) -> Option<usize> {
    if let [b'%', high, low, ..] = text {
        let hex = |digit: u8| char::from(digit).to_digit(16);
        if hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low) == Some(u32::from(byte)) {
            return Some(3);
        }
    }
    let entity = match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'"' => "&quot;",
        b'\'' => "&#39;",
        _ => "\\",
    };
    match text {
        _ if entity.len() > 1 && text.starts_with(entity.as_bytes()) => Some(entity.len()),
        [b'+', ..] if byte == b' ' => Some(1),
        [b'\\', next, ..] if *next == byte => Some(2),
        [first, ..] if *first == byte => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const MEMBERS: Members = Members {
        code: &["error", "code"],
        description: &["error_description"],
    };

    fn held(secret: &str) -> Held {
        Held::one(&Secret::new(secret.as_bytes().to_vec()).expect("short"))
    }

    #[test]
    fn words_are_the_parsed_members_and_nothing_else() {
        let say = |body: &Value| Words::read(Some(body), MEMBERS, &Held::default()).to_string();
        assert_eq!(
            say(&json!({"error": "a", "error_description": "b c", "more": "d"})),
            " a: b c"
        );
        assert_eq!(
            say(&json!({"code": " AuthenticationFailed "})),
            " AuthenticationFailed"
        );
        assert_eq!(
            say(&json!({"error": {"code": 1}, "error_description": "b"})),
            " b"
        );
        assert_eq!(say(&json!({"error": "", "code": 7})), "");
        assert_eq!(say(&json!("error")), "");
        assert_eq!(Words::read(None, MEMBERS, &Held::default()), Words::default());
    }

    #[test]
    fn words_are_one_short_line_without_control_characters() {
        let clean = |text: &str| Held::default().clean(text, 10);
        assert_eq!(clean("a\r\nb\x1b[31m\tc"), "a b [31m c");
        assert_eq!(clean("\u{202e}abc\u{200b}"), "abc");
        assert_eq!(clean("0123456789"), "0123456789");
        assert_eq!(clean("0123456789x"), "012345678…");
        assert_eq!(clean("äöüäöüäöüäöü"), "äöüäöüäöü…");
    }

    #[test]
    fn a_secret_is_replaced_however_it_is_repeated() {
        let secret = "s+cret %&=:ü\"<'";
        for text in [
            secret,
            "s%2Bcret+%25%26%3D%3A%C3%BC%22%3C%27",
            "s%2bcret%20%25%26%3d%3a%c3%bc%22%3c%27",
            "s+cret %&amp;=:ü&quot;&lt;&#39;",
            "s+cret %&=:ü\\\"<'",
        ] {
            assert_eq!(
                held(secret).clean(&format!("bad key {text}!"), 200),
                "bad key …!",
                "{text}"
            );
        }
        let base64 = STANDARD.encode(secret);
        assert!(
            !held(secret)
                .clean(&format!("Basic {base64}"), 200)
                .contains(base64.trim_end_matches('='))
        );
    }

    #[test]
    fn a_secret_is_replaced_before_the_text_is_cut() {
        let text = format!("{}hunter2-hunter2", "x".repeat(195));
        assert!(!held("hunter2-hunter2").clean(&text, 200).contains("hunt"));
    }

    #[test]
    fn the_longer_of_two_secrets_is_replaced_whole() {
        let mut held = held("abc");
        held.add(b"abcdef");
        assert_eq!(held.clean("abcdef abc", 200), "… …");
    }

    #[test]
    fn an_empty_secret_replaces_nothing() {
        assert_eq!(held("").clean("abc", 200), "abc");
        assert_eq!(held(" \n").clean("abc", 200), "abc");
    }

    proptest! {
        #[test]
        fn no_secret_gets_through(
            secret in "[!-~]{6,20}", before in "\\PC{0,20}", after in "\\PC{0,20}", most in 1_usize..300,
        ) {
            let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            for text in [format!("{before}{secret}{after}"), format!("{before}{form}{after}")] {
                let clean = held(&secret).clean(&text, most);
                prop_assert!(!clean.contains(&secret) && !clean.contains(&form), "{clean}");
                prop_assert!(clean.chars().count() <= most);
            }
        }
    }
}
