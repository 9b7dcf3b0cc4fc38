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
