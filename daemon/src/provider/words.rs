//! A service's own words, made fit for people and logs: short, no control characters, no secret that was sent.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::unfold::shares_a_run;

/// A description has at most this many characters.
const MOST_DESCRIPTION: usize = 200;

/// A code has at most this many characters.
const MOST_CODE: usize = 64;

/// Longer texts than this many bytes are not shown, not even in part.
const MOST_READ: usize = 8192;

/// What stands where a secret stood.
const REPLACED: &str = "…";

/// What stands where a whole text stood that repeats a secret in some disguise.
const NOT_SHOWN: &str = "(not shown: it repeats a secret)";

/// What a service said about a failure: its parsed code and description. Never its raw body.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// Only compared, never shown: it may repeat a secret.
    sent_code: Option<Zeroizing<String>>,
    code: Option<String>,
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
        let sent = |names: &[&str]| {
            let text = names.iter().find_map(|name| body?.get(name)?.as_str())?;
            // Nobody wrote that for a person.
            (text.len() <= MOST_READ).then_some(text)
        };
        let shown = |text: &str, most| {
            let text = Some(held.clean(text, most)).filter(|text| !text.is_empty())?;
            Some(if held.lurks_in(&text) { NOT_SHOWN.to_owned() } else { text })
        };
        let sent_code = sent(members.code);
        let code = sent_code.and_then(|text| shown(text, MOST_CODE));
        let sent_code = sent_code.filter(|_| code.is_some());
        Self {
            sent_code: sent_code.map(|text| Zeroizing::new(text.trim().to_owned())),
            code,
            description: sent(members.description).and_then(|text| shown(text, MOST_DESCRIPTION)),
        }
    }

    /// The code, to be compared with those that a table knows: as sent, but for white space around it (seen at
    /// Lyve Cloud: `"AuthenticationFailed "`). A short secret may be a part of it, so what is shown is not
    /// what is compared.
    pub(crate) fn code(&self) -> Option<&str> {
        self.sent_code.as_deref().map(String::as_str)
    }
}

/// What is shown of them.
impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({self})")
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
    /// These secrets, and what else an answer holds.
    pub(crate) fn and<'s>(&self, more: impl Iterator<Item = &'s str>) -> Self {
        let mut all = Self(self.0.iter().map(|secret| Zeroizing::new(secret.to_vec())).collect());
        more.for_each(|secret| all.add(secret.as_bytes()));
        all
    }

    /// Whether a part of a secret is in `text` all the same, in some disguise.
    fn lurks_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| shares_a_run(text, secret))
    }

    /// One secret.
    pub(crate) fn one(secret: &Secret) -> Self {
        let mut held = Self::default();
        held.add(&secret.expose());
        held
    }

    /// This secret too, and its base64.
    pub(crate) fn add(&mut self, secret: &[u8]) {
        let secret = secret.trim_ascii();
        if !secret.is_empty() {
            let base64 = Zeroizing::new(STANDARD.encode(secret));
            // A service may leave the padding away.
            self.0.push(Zeroizing::new(base64.trim_end_matches('=').as_bytes().to_vec()));
            // What `plain` does to the text it does to the secret, so that they still match.
            let text = Zeroizing::new(String::from_utf8_lossy(secret).into_owned());
            self.0.push(Zeroizing::new(text.chars().map(plain).collect::<String>().into_bytes()));
            // The longest first: one secret may be a part of another.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// `text` in one line of at most `most` characters, with every secret in it replaced, also where it is repeated
    /// in URL encoding, with backslashes or with HTML entities.
    pub(crate) fn clean(&self, text: &str, most: usize) -> String {
        let mut text: String = text.chars().map(plain).collect();
        for secret in &self.0 {
            // A `%` may be one, or the start of an encoded letter: whichever gets further.
            text = replace(&text, |at| {
                beginning(at, secret, verbatim_byte).max(beginning(at, secret, encoded_byte))
            });
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
        if let Some(length) = matches(&text.as_bytes()[at..]) {
            out.push_str(REPLACED);
            at += length;
            while !text.is_char_boundary(at) {
                at += 1;
            }
        } else {
            out.push(c);
            at += c.len_utf8();
        }
    }
    out
}

/// How much of `text` is the beginning of the secret, each of whose bytes `byte` finds at the beginning of a text; if
/// it is all of the secret, or enough to matter: services like to repeat the first letters of what they were sent.
fn beginning(text: &[u8], secret: &[u8], byte: impl Fn(&[u8], u8) -> Option<usize>) -> Option<usize> {
    /// Fewer letters are a coincidence.
    const ENOUGH: usize = 8;
    let (mut at, mut found) = (0, 0);
    while let Some(length) = secret.get(found).and_then(|wanted| byte(text.get(at..)?, *wanted)) {
        at += length;
        found += 1;
    }
    (found == secret.len() || found >= ENOUGH).then_some(at)
}

fn verbatim_byte(text: &[u8], byte: u8) -> Option<usize> {
    (text.first() == Some(&byte)).then_some(1)
}

/// A byte as it is, or encoded in one of the usual ways.
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

    const MEMBERS: Members = Members { code: &["error", "code"], description: &["error_description"] };

    fn held(secret: &str) -> Held {
        Held::one(&Secret::new(secret.as_bytes().to_vec()).expect("short"))
    }

    #[test]
    fn words_are_the_parsed_members_and_nothing_else() {
        let say = |body: &Value| Words::read(Some(body), MEMBERS, &Held::default()).to_string();
        assert_eq!(say(&json!({"error": "a", "error_description": "b c", "more": "d"})), " a: b c");
        assert_eq!(say(&json!({"code": " AuthenticationFailed "})), " AuthenticationFailed");
        assert_eq!(say(&json!({"error": {"code": 1}, "error_description": "b"})), " b");
        assert_eq!(say(&json!({"error": "", "code": 7})), "");
        assert_eq!(say(&json!("error")), "");
        assert_eq!(Words::read(None, MEMBERS, &Held::default()), Words::default());
    }

    #[test]
    fn a_short_secret_does_not_hide_a_code_from_those_who_compare_it() {
        let body = json!({"error": " invalid_grant ", "error_description": "is gone"});
        let mut all = held("s");
        all.add(b"grant");
        let words = Words::read(Some(&body), MEMBERS, &all);
        assert_eq!(words.code(), Some("invalid_grant"));
        assert_eq!(words.to_string(), " invalid_…: i… gone");

        let body = json!({"error": "hunter2-hunter2"});
        let words = Words::read(Some(&body), MEMBERS, &held("hunter2-hunter2"));
        assert_eq!(words.code(), Some("hunter2-hunter2"));
        assert!(!format!("{words} {words:?}").contains("hunter2"), "{words}");
        for unseen in ["", "  ", "\u{200b}"] {
            let words = Words::read(Some(&json!({"error": unseen})), MEMBERS, &Held::default());
            assert_eq!(words.code(), None, "{unseen:?}");
        }
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
            assert_eq!(held(secret).clean(&format!("bad key {text}!"), 200), "bad key …!", "{text}");
        }
        let base64 = STANDARD.encode(secret);
        assert!(!held(secret).clean(&format!("Basic {base64}"), 200).contains(base64.trim_end_matches('=')));
    }

    #[test]
    fn a_secret_is_replaced_before_the_text_is_cut() {
        let text = format!("{}hunter2-hunter2", "x".repeat(195));
        assert!(!held("hunter2-hunter2").clean(&text, 200).contains("hunt"));
    }

    #[test]
    fn the_first_letters_of_a_secret_are_replaced_too() {
        let held = held("hunter2-hunter2-ü-hunter2");
        assert_eq!(held.clean("bad key hunter2-hu...", 200), "bad key …...");
        assert_eq!(held.clean("bad key hunter2%2Dhunter2-%C3%BC%2", 200), "bad key …%2");
        assert_eq!(held.clean("bad key hunter2-hunter2-ö", 200), "bad key …");
        assert_eq!(held.clean("a hunter", 200), "a hunter");
    }

    #[test]
    fn a_novel_is_not_shown() {
        let body = json!({"error": "a", "error_description": "x".repeat(MOST_READ + 1)});
        assert_eq!(Words::read(Some(&body), MEMBERS, &Held::default()).to_string(), " a");
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
