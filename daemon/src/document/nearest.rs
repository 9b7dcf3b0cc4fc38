//! The known word that somebody probably meant.

/// The word nearest to `typed`, if one is near enough to be meant by it. Case, `-` and `_` make no difference.
pub fn nearest<'w>(typed: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let typed = plain(typed);
    let distance = |word: &str| strsim::damerau_levenshtein(&typed, &plain(word));
    // Long inputs are no misspelling, and the distance takes time in their square.
    if typed.len() > 64 {
        return None;
    }
    words
        .map(|word| (distance(word), word))
        .filter(|(distance, word)| {
            *distance <= (word.len().min(typed.len()) / 3).max(usize::from(word.len() > 2))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

fn plain(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    fn among(typed: &str) -> Option<&'static str> {
        nearest(typed, ["access_key", "account_id", "secret", "url"].into_iter())
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(among("acces_key"), Some("access_key"));
        assert_eq!(among("accessKey"), Some("access_key"));
        assert_eq!(among("access-key"), Some("access_key"));
        assert_eq!(among("secert"), Some("secret"));
        assert_eq!(among("uri"), Some("url"));
    }

    #[test]
    fn another_word_is_not() {
        assert_eq!(among("password"), None);
        assert_eq!(among("x"), None);
        assert_eq!(among(""), None);
        assert_eq!(among(&"access_key".repeat(100)), None);
    }
}
