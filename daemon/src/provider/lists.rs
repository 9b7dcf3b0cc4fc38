//! Lists of words that go to a service in one field: scopes, audiences, resources.

use super::Failure;
use crate::document::{Located, Shape, Table};

/// What a word may consist of, so that it stays one word when it is joined with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// RFC 6749 3.3: visible ASCII without `"` and `\`; joined by blanks.
    OAuthScope,
    /// ItsYou.online joins scopes and audiences by commas.
    CommaSeparated,
    /// One field each: anything without control characters.
    Apart,
}

impl Words {
    fn allow(self, word: &str) -> bool {
        !word.is_empty()
            && match self {
                Self::OAuthScope => {
                    word.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
                }
                Self::CommaSeparated => {
                    !word.contains(|c: char| c == ',' || c.is_whitespace() || c.is_control())
                }
                Self::Apart => !word.contains(char::is_control),
            }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::OAuthScope => {
                "visible ASCII without blanks and quotes; one string for each, such as [\"one\", \"two\"]"
            }
            Self::CommaSeparated => {
                "no commas and no blanks; one string for each, such as [\"one\", \"two\"]"
            }
            Self::Apart => "not empty, no control characters",
        }
    }

    /// Reads a list of such words; what is wrong is reported. `None` where the key is absent or faulty.
    pub(crate) fn read(self, table: &mut Table<'_>, key: &str) -> Option<Vec<String>> {
        let list = table.strings(key)?;
        self.checked(table, key, list.value)
    }

    /// The same, where one word may stand without brackets.
    pub(crate) fn read_one_or_many(self, table: &mut Table<'_>, key: &str) -> Option<Vec<String>> {
        if table.shape(key) != Some(Shape::String) {
            return self.read(table, key);
        }
        let word = table.string(key)?;
        self.checked(table, key, vec![word])
    }

    fn checked(self, table: &Table<'_>, key: &str, list: Vec<Located<String>>) -> Option<Vec<String>> {
        let mut all = true;
        for word in list.iter().filter(|word| !self.allow(&word.value)) {
            table.report(&word.span, format!("`{key}` has a word that cannot be sent as one"), self.hint());
            all = false;
        }
        all.then(|| list.into_iter().map(|word| word.value).collect())
    }

    /// The words of a caller if there are some, else the account's own. A caller's word must not become two.
    pub(crate) fn choose<'w>(
        self,
        what: &'static str,
        of_caller: Option<&'w [String]>,
        own: &'w [String],
    ) -> Result<&'w [String], Failure> {
        let words = of_caller.unwrap_or(own);
        if words.iter().all(|word| self.allow(word)) {
            return Ok(words);
        }
        Err(Failure::no(what, "the caller asks for something that cannot be sent as one word", self.hint()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::stand_in::{complaints, with_table};

    #[test]
    fn lists_are_read() {
        with_table("a = [\"x\", \"y\"]\nb = \"x y\"", |table| {
            assert_eq!(Words::OAuthScope.read(table, "a"), Some(vec!["x".to_owned(), "y".to_owned()]));
            assert_eq!(Words::Apart.read_one_or_many(table, "a").map(|list| list.len()), Some(2));
            assert_eq!(Words::Apart.read_one_or_many(table, "b"), Some(vec!["x y".to_owned()]));
            assert_eq!(Words::Apart.read(table, "absent"), None);
        });
    }

    #[test]
    fn a_word_that_would_become_two_is_refused() {
        for (words, text) in [
            (Words::OAuthScope, "k = [\"a b\"]"),
            (Words::OAuthScope, "k = [\"\"]"),
            (Words::OAuthScope, "k = [\"ä\"]"),
            (Words::OAuthScope, "k = \"a\""),
            (Words::CommaSeparated, "k = [\"a,b\"]"),
            (Words::CommaSeparated, "k = [\"a\", \" \"]"),
            (Words::Apart, "k = [\"a\\nb\"]"),
            (Words::Apart, "k = 1"),
        ] {
            let found = complaints(text, |table| {
                assert_eq!(words.read(table, "k"), None);
            });
            assert_eq!(found.len(), 1, "{text}: {found:?}");
        }
    }

    #[test]
    fn a_callers_words_come_before_the_accounts_and_stay_one_each() {
        let (own, asked) = (["a".to_owned()], ["b".to_owned(), "c".to_owned()]);
        assert_eq!(Words::OAuthScope.choose("scope", None, &own).expect("words"), own);
        assert_eq!(Words::OAuthScope.choose("scope", Some(&asked), &own).expect("words"), asked);
        let sly = ["a,user:admin".to_owned()];
        assert!(Words::CommaSeparated.choose("scope", Some(&sly), &own).is_err());
        let sly = ["a admin".to_owned()];
        assert!(Words::OAuthScope.choose("scope", Some(&sly), &own).is_err());
    }
}
