//! What the kernel tells by name (sysctl(3)).

use std::ffi::{CStr, c_int};
use std::io;
use std::ptr;

/// A value of exactly so many bytes, in this machine's order; none where there is none, or it has another length.
pub(super) fn bytes<const LENGTH: usize>(name: &CStr) -> Option<[u8; LENGTH]> {
    let mut value = [0; LENGTH];
    (by_name(name, &mut value).ok()? == LENGTH).then_some(value)
}

/// A number.
pub(super) fn number(name: &CStr) -> Option<i32> {
    bytes(name).map(i32::from_ne_bytes)
}

/// A text of at most 255 bytes.
pub(super) fn text(name: &CStr) -> Option<String> {
    let mut value = [0; 256];
    by_name(name, &mut value).ok()?;
    let text = CStr::from_bytes_until_nul(&value).ok()?.to_str().ok()?;
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// How many bytes were written.
fn by_name(name: &CStr, value: &mut [u8]) -> io::Result<usize> {
    let mut length = value.len();
    // SAFETY: the name ends with a zero; as many bytes are writable as are said to be, and nothing is set.
    let status = unsafe {
        libc::sysctlbyname(name.as_ptr(), value.as_mut_ptr().cast(), &raw mut length, ptr::null_mut(), 0)
    };
    if status == 0 { Ok(length) } else { Err(io::Error::last_os_error()) }
}

/// The same by numbers.
pub(super) fn by_numbers(path: &mut [c_int], value: &mut [u8]) -> io::Result<usize> {
    let mut length = value.len();
    let depth = u32::try_from(path.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: so many numbers are readable, so many bytes writable, and nothing is set.
    let status = unsafe {
        libc::sysctl(path.as_mut_ptr(), depth, value.as_mut_ptr().cast(), &raw mut length, ptr::null_mut(), 0)
    };
    if status == 0 { Ok(length) } else { Err(io::Error::last_os_error()) }
}
