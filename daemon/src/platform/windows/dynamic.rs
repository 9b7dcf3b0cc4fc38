//! Functions that not every Windows has: looked up when they are wanted.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::ffi::CStr;

use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};

use super::words::wide;

/// A function whose signature only its caller knows.
pub(super) type Function = unsafe extern "system" fn() -> isize;

/// The function of this name in a library of the system's own, which stays loaded.
pub(super) fn function(library: &str, name: &CStr) -> Option<Function> {
    let library = wide(library);
    // SAFETY: the name ends in a zero, and libraries of the system's own folder may be loaded at any time.
    let library =
        unsafe { LoadLibraryExW(library.as_ptr(), std::ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
    if library.is_null() {
        return None;
    }
    // SAFETY: the library is loaded, and the name ends in a zero.
    unsafe { GetProcAddress(library, name.as_ptr().cast()) }
}
