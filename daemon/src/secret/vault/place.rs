//! Where in a vault a secret is: `MOUNT/PATH#FIELD`.

use std::fmt;

/// A field of a secret. Where the mount ends and the path begins, only the server knows: both may have
/// slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    segments: Vec<String>,
    field: String,
}

impl Place {
    /// Reads `MOUNT/PATH#FIELD`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "\"MOUNT/PATH#FIELD\", such as \"secret/app/db#password\"";
        let (path, field) = text.rsplit_once('#').ok_or(FORM)?;
        if field.is_empty() || text.contains(char::is_control) || text.len() > 1024 {
            return Err(FORM);
        }
        let segments: Vec<_> = path.split('/').map(str::to_owned).collect();
        // A URL would swallow the last two.
        if segments.iter().any(|segment| matches!(segment.as_str(), "" | "." | "..")) {
            return Err("MOUNT/PATH without a slash at its ends, `//`, `.` or `..`");
        }
        if segments.len() < 2 { Err(FORM) } else { Ok(Self { segments, field: field.to_owned() }) }
    }

    /// The mount and the path.
    pub(super) fn segments(&self) -> impl Iterator<Item = &str> + Clone {
        self.segments.iter().map(String::as_str)
    }

    /// The path below a mount whose name has so many segments; `None` where nothing is left.
    pub(super) fn below(&self, mount: usize) -> Option<&[String]> {
        self.segments.get(mount..).filter(|rest| !rest.is_empty())
    }

    /// How many segments of it are the mount of this name, which the server ends with a slash.
    pub(super) fn within(&self, mount: &str) -> Option<usize> {
        let mount: Vec<_> = mount.trim_matches('/').split('/').collect();
        let same = self.segments.len() >= mount.len() && self.segments().zip(&mount).all(|(a, b)| a == *b);
        same.then_some(mount.len())
    }

    pub(super) fn field(&self) -> &str {
        &self.field
    }

    /// The mount and the path, as they were written.
    pub(super) fn path(&self) -> String {
        self.segments.join("/")
    }
}

/// As it was written.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.path(), self.field)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_mount_a_path_and_a_field() {
        for text in ["secret/db#pass", "team a/kv/app/db#the field", "a/b#c#d", "kv/%2e%2e/x#y"] {
            assert_eq!(Place::parse(text).map(|place| place.to_string()).as_deref(), Ok(text));
        }
        assert_eq!(Place::parse("a/b#c#d").map(|place| place.field().to_owned()).as_deref(), Ok("d"));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "", "a", "#", "a/b", "a/b#", "#x", "a#x", "/a/b#x", "a/b/#x", "a//b#x", "a/../b#x", "./a#x",
            "a/b#x\n", "a\0/b#x",
        ] {
            assert!(Place::parse(text).is_err(), "{text:?}");
        }
        assert!(Place::parse(&format!("a/{}#x", "b".repeat(1100))).is_err());
    }

    #[test]
    fn a_mount_is_a_beginning_in_whole_segments() {
        let place = Place::parse("old/kv/app/db#pass").expect("a place");
        assert_eq!(place.within("old/kv/"), Some(2));
        assert_eq!(place.within("old/"), Some(1));
        assert_eq!(place.within("old/k/"), None);
        assert_eq!(place.within("old/kv/app/db/more/"), None);
        assert_eq!(place.below(2), Some(&["app".to_owned(), "db".to_owned()][..]));
        assert_eq!(place.below(4), None);
    }
}
