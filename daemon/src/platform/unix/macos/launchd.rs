//! The sockets that launchd makes (`Sockets` in launchd.plist(5)).

use std::ffi::{CStr, c_char, c_int};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::ptr;

use rustix::io::FdFlags;

// `<launch.h>`, a part of libSystem, to which every program is linked.
unsafe extern "C" {
    fn launch_activate_socket(name: *const c_char, descriptors: *mut *mut c_int, count: *mut usize) -> c_int;
}

/// The key of the socket under `Sockets`.
const NAME: &CStr = c"tokend";

/// The sockets that launchd holds for this process; none for one that it did not start, or has no such socket for. It gives
/// them once. Threads may run afterwards.
pub(in crate::platform::unix) fn passed() -> Vec<OwnedFd> {
    let (mut descriptors, mut count) = (ptr::null_mut(), 0);
    // SAFETY: the name ends with a zero, and both answers are written to values of this function's own.
    let status = unsafe { launch_activate_socket(NAME.as_ptr(), &raw mut descriptors, &raw mut count) };
    // ESRCH: this is no job of launchd's. ENOENT: it has no such socket. Whatever else it may be, a socket that launchd
    // holds all the same is found taken when this process makes its own.
    if status != 0 || descriptors.is_null() {
        return Vec::new();
    }
    // SAFETY: it has written so many numbers there.
    let numbers = unsafe { std::slice::from_raw_parts(descriptors, count) }.to_vec();
    // SAFETY: the list is the caller's, from malloc(3), and is not used any more.
    unsafe { libc::free(descriptors.cast()) };
    numbers.into_iter().filter(|number| *number >= 0).map(own).collect()
}

/// Closed to children from now on.
fn own(number: c_int) -> OwnedFd {
    // SAFETY: launchd has just opened it for this process, where nobody else knows it.
    let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
    // It is open: that cannot fail.
    let _ = rustix::io::fcntl_setfd(&descriptor, FdFlags::CLOEXEC);
    descriptor
}
