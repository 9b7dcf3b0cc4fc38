//! Which form what was kept has, and what is to be done with one that is not known.

use std::path::Path;

use crate::newer::Newer;
use crate::secret::store;

/// Why bytes that tokend wrote are not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::account) enum Unknown {
    /// They are of a form that comes after those that are known.
    Newer(u8),
    /// They are of no form.
    Strange(&'static str),
}

/// There is not a byte.
pub(super) const EMPTY: Unknown = Unknown::Strange("it is empty");

/// They are not what their form says.
pub(super) const STRANGE: Unknown = Unknown::Strange("it cannot be understood");

impl Unknown {
    /// Of a form that is not known; `newest` is.
    pub(super) fn of(form: u8, newest: u8) -> Self {
        if form > newest { Self::Newer(form) } else { STRANGE }
    }
}

/// What the header of a file says, if that is a form behind the newest one. Needs no key.
pub(super) fn of_header(path: &Path, bytes: &[u8], newest: u8) -> Option<Newer> {
    let form = store::form_of(bytes)?;
    match form.parse() {
        Ok(number) if number <= u32::from(newest) => None,
        Ok(number) => Some(Newer::form(path, number)),
        Err(_) => Some(Newer::named(path, &form)),
    }
}

/// The bytes that a block of `docs/upgrading.md` says: in hex, with `#` before a comment.
#[cfg(test)]
pub(super) fn documented(name: &str) -> Vec<u8> {
    let page = include_str!("../../../../docs/upgrading.md");
    let block = page.split(&format!("```hex {name}\n")).nth(1).and_then(|rest| rest.split("```").next());
    let digits: Vec<u32> = block
        .unwrap_or_default()
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().chars())
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    digits.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{grant, record};

    #[test]
    fn the_newest_forms_are_those_of_the_page() {
        let page = include_str!("../../../../docs/upgrading.md");
        for (what, newest) in [("token", record::NEWEST), ("grant", grant::NEWEST)] {
            let row = page.lines().find(|line| line.starts_with(&format!("| a kept {what} | `accounts/")));
            let column = row.and_then(|row| row.split('|').nth(3)).map(str::trim);
            assert_eq!(column, Some(newest.to_string().as_str()), "{what}");
            assert!(page.contains(&format!("```hex kept-{what}-{newest}\n")), "{what}");
        }
    }
}
