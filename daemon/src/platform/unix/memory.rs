//! A page for the key that secrets are sealed under, out of swap and core files.
//!
//! It is not made by `memfd_secret(2)`, which would hide it from the kernel, too: as long as such memory is in use, the
//! whole machine cannot hibernate, and that is not for a token agent to decide.

#![expect(unsafe_code, reason = "memory by its address")]

use std::ffi::c_void;
use std::io;
use std::ptr::NonNull;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

use crate::platform::key_page::{KEY, Page};

/// What a person can do where no memory may be locked.
pub const HOW_TO_LOCK_MEMORY: &str =
    "allow the daemon 64 KiB: `LimitMEMLOCK=64K` in the unit, or `ulimit -l 64` before its start";

/// A page between two that nobody can touch, so that nothing that runs past its end gets there; `fill` writes what is in
/// it, and nobody does later.
pub(in crate::platform) fn locked_page(fill: impl FnOnce(&mut [u8]) -> io::Result<()>) -> io::Result<Page> {
    let size = rustix::param::page_size();
    // SAFETY: a new mapping at an address of the kernel's choice touches none that is in use.
    let start = unsafe {
        rustix::mm::mmap_anonymous(std::ptr::null_mut(), 3 * size, ProtFlags::empty(), MapFlags::PRIVATE)
    }?;
    let page: *mut c_void = start.wrapping_byte_add(size);
    // SAFETY: these are whole pages of the mapping that was made above, which nobody else knows.
    unsafe { rustix::mm::mprotect(page, size, MprotectFlags::READ | MprotectFlags::WRITE) }?;
    if let Err(error) = super::keep_from_cores_and_children(page, size) {
        tracing::warn!(%error, "the key that secrets are sealed under would be in a core file");
    }
    // SAFETY: as for mprotect.
    let is_locked = unsafe { rustix::mm::mlock(page, size) }.is_ok();
    let mut start = NonNull::new(page.cast::<[u8; KEY]>()).ok_or(io::ErrorKind::OutOfMemory)?;
    // SAFETY: the page is readable and writable, zeroed, longer than a key, and known to nobody else.
    fill(unsafe { start.as_mut() }.as_mut_slice())?;
    // SAFETY: as above, and no reference into the page is left.
    unsafe { rustix::mm::mprotect(page, size, MprotectFlags::READ) }?;
    Ok(Page { start, is_locked })
}
