//! Text as Windows' calls take and give it: UTF-16 with a zero at its end.

use std::ffi::{OsStr, OsString};
use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};

/// With a zero at its end.
pub(super) fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain([0]).collect()
}

/// What stands before the zero, or in all of it.
pub(super) fn narrow(wide: &[u16]) -> OsString {
    let length = wide.iter().position(|unit| *unit == 0).unwrap_or(wide.len());
    OsString::from_wide(&wide[..length])
}
