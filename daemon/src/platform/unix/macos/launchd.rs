//! The sockets that launchd holds for this process (`Sockets` in launchd.plist(5)).

use std::ffi::{CStr, c_char, c_int};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::ptr;

// `<launch.h>`, a part of libSystem, to which every program is linked.
unsafe extern "C" {
    fn launch_activate_socket(name: *const c_char, descriptors: *mut *mut c_int, count: *mut usize) -> c_int;
}

/// The sockets under `name` in the job's property list; none for a process that launchd did not start, or has no such
/// socket for. It gives them once. Threads may run afterwards.
pub(in crate::platform::unix) fn sockets(name: &CStr) -> Vec<OwnedFd> {
    let (mut descriptors, mut count) = (ptr::null_mut(), 0);
    // SAFETY: the name ends with a zero, and both answers are written to values of this function's own.
    let status = unsafe { launch_activate_socket(name.as_ptr(), &raw mut descriptors, &raw mut count) };
    // ESRCH: not a job of launchd's. ENOENT: no such socket. Whatever else it may be: a socket that launchd holds
    // nonetheless is found taken when this process makes its own.
    if status != 0 || descriptors.is_null() {
        return Vec::new();
    }
    // SAFETY: it has written so many numbers there.
    let numbers = unsafe { std::slice::from_raw_parts(descriptors, count) }.to_vec();
    // SAFETY: the list is the caller's, from malloc(3), and is not used any more.
    unsafe { libc::free(descriptors.cast()) };
    // SAFETY: each is open, and this process's alone.
    let owned = |number: c_int| (number >= 0).then(|| unsafe { OwnedFd::from_raw_fd(number) });
    numbers.into_iter().filter_map(owned).collect()
}
