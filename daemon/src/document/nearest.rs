//! The known words that somebody probably meant.

/// The word nearest to `typed`, if one is near enough to be meant by it.
pub fn nearest<'w>(typed: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    nearest_few(typed, words, 1).pop()
}

/// Up to `most` words that are near enough to be meant by `typed`, or begin with it; the nearest first. Case, `-`
/// and `_` make no difference.
pub fn nearest_few<'w>(typed: &str, words: impl Iterator<Item = &'w str>, most: usize) -> Vec<&'w str> {
    let typed = plain(typed);
    // Long inputs are no misspelling, and the distance takes time in their square.
    if typed.len() > 64 {
        return Vec::new();
    }
    let near = |word: &str| {
        let word = plain(word);
        let distance = strsim::damerau_levenshtein(&typed, &word);
        let slip = distance <= (word.len().min(typed.len()) / 3).max(usize::from(word.len() > 2));
        let beginning = typed.len() > 1 && word.starts_with(&typed);
        (slip || beginning).then_some(distance)
    };
    let mut found: Vec<(usize, &str)> = words.filter_map(|word| Some((near(word)?, word))).collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.truncate(most);
    found.into_iter().map(|(_, word)| word).collect()
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::{nearest, nearest_few};

    fn among(typed: &str) -> Option<&'static str> {
        nearest(typed, ["access_key", "account_id", "secret", "url"].into_iter())
    }

    #[test]
    fn a_beginning_is_recognised_and_the_nearest_comes_first() {
        let names = ["lyve-production", "lyve-prod", "lyve-test", "graph"];
        assert_eq!(nearest_few("lyve", names.into_iter(), 3), ["lyve-prod", "lyve-test", "lyve-production"]);
        assert_eq!(nearest_few("lyve-prdo", names.into_iter(), 3), ["lyve-prod"]);
        assert!(nearest_few("x", names.into_iter(), 3).is_empty());
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
