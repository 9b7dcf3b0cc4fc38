//! Names of secrets: such that each can be a file's name on every platform.

use crate::document::nearest_few;

/// Whether `name` can name a secret: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit, not
/// ending in a dot, and no name that some system keeps for itself.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !name.ends_with('.')
        && !is_device(name)
}

/// What a name must be, in words.
pub(super) const RULE: &str = "a name is 1 to 64 of A-Z a-z 0-9 . _ -, begins with a letter or digit, \
                               does not end in a dot, and is none of Windows' devices (CON, NUL, COM1 …)";

/// Windows opens the device whatever follows its name after a dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" => true,
        stem => stem
            .strip_prefix("COM")
            .or_else(|| stem.strip_prefix("LPT"))
            .is_some_and(|number| number.len() == 1 && number.as_bytes()[0].is_ascii_digit()),
    }
}

/// A name made of foreign words, such as a variable's: lower case, `-` between the parts. None where nothing
/// is left.
#[must_use]
pub fn made_of(words: &str) -> Option<String> {
    let mut name = String::new();
    for c in words.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() || c == '.' => name.push(c),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let name = name.trim_matches(['-', '.']);
    let name: String = name.chars().take(64).collect();
    let name = name.trim_end_matches(['-', '.']);
    is_name(name).then(|| name.to_owned())
}

/// `; did you mean A or B?`, or nothing.
pub(super) fn did_you_mean<'n>(typed: &str, names: impl Iterator<Item = &'n str>) -> String {
    match nearest_few(typed, names, 3)[..] {
        [] => String::new(),
        [one] => format!("; did you mean {one}?"),
        [ref all @ .., last] => format!("; did you mean {} or {last}?", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_as_file_names_everywhere() {
        for name in
            ["a", "A9", "lyve-prod", "x.y_z", "console", "com", "com10", "nul-x", "9", &"a".repeat(64)]
        {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            ".a",
            "-a",
            "_a",
            "a.",
            "a b",
            "a/b",
            "a\\b",
            "ä",
            "a\0",
            "a:b",
            "con",
            "NUL",
            "Con.txt",
            "com1",
            "LPT9.a.b",
            "aux.",
            "prn",
            &"a".repeat(65),
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn foreign_words_become_names() {
        let made = |words: &str| made_of(words).unwrap_or_default();
        assert_eq!(made("AWS_SECRET_ACCESS_KEY"), "aws-secret-access-key");
        assert_eq!(made("email/work me"), "email-work-me");
        assert_eq!(made("_A__b._"), "a-b");
        assert_eq!(made(&"x".repeat(99)), "x".repeat(64));
        assert_eq!(made("NUL"), "");
        assert_eq!(made("__"), "");
    }
}
