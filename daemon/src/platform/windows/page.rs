//! A page for the key that secrets are sealed under, out of the page file and, where the system can, out of crash reports.

#![expect(unsafe_code, reason = "memory by its address")]

use std::ffi::c_void;
use std::io;
use std::ptr::{NonNull, null};

use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RESERVE, PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE, VirtualAlloc, VirtualLock,
    VirtualProtect,
};
use windows_sys::Win32::System::SystemInformation::{GetSystemInfo, SYSTEM_INFO};

use crate::platform::key_page::{KEY, Page};

/// What a person can do where no memory may be locked.
pub const HOW_TO_LOCK_MEMORY: &str =
    "the working set of the daemon's process or of its job is too small for one page more";

/// A page between two that nobody can touch, so that nothing that runs past its end gets there; `fill` writes what is in
/// it, and nobody does later.
pub(in crate::platform) fn locked_page(fill: impl FnOnce(&mut [u8]) -> io::Result<()>) -> io::Result<Page> {
    let size = page_size();
    // SAFETY: reserving addresses of the system's choice touches none that is in use.
    let start = unsafe { VirtualAlloc(null(), 3 * size, MEM_RESERVE, PAGE_NOACCESS) };
    if start.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: this is a whole page of what was reserved above, which nobody else knows.
    let page = unsafe { VirtualAlloc(start.wrapping_byte_add(size), size, MEM_COMMIT, PAGE_READWRITE) };
    if page.is_null() {
        return Err(io::Error::last_os_error());
    }
    keep_from_reports(page, size);
    // SAFETY: it is a page of ours.
    let is_locked = unsafe { VirtualLock(page, size) } != 0;
    let mut start = NonNull::new(page.cast::<[u8; KEY]>()).ok_or(io::ErrorKind::OutOfMemory)?;
    // SAFETY: the page is readable and writable, zeroed, longer than a key, and known to nobody else.
    fill(unsafe { start.as_mut() }.as_mut_slice())?;
    let mut before = 0;
    // SAFETY: as above, and no reference into the page is left.
    if unsafe { VirtualProtect(page, size, PAGE_READONLY, &raw mut before) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Page { start, is_locked })
}

fn page_size() -> usize {
    let mut facts = SYSTEM_INFO::default();
    // SAFETY: what is known of the system is written where it belongs.
    unsafe { GetSystemInfo(&raw mut facts) };
    usize::try_from(facts.dwPageSize).unwrap_or(4096)
}

/// Leaves the page out of the reports that Windows Error Reporting makes of a crash.
fn keep_from_reports(page: *mut c_void, size: usize) {
    type Register = unsafe extern "system" fn(*const c_void, u32) -> i32;
    let Some(address) = super::dynamic::function("kernel32.dll", c"WerRegisterExcludedMemoryBlock") else {
        return;
    };
    // SAFETY: the function of this name has this signature.
    let register = unsafe { std::mem::transmute::<super::dynamic::Function, Register>(address) };
    // SAFETY: the page stays where it is as long as the process lives.
    let result = unsafe { register(page, u32::try_from(size).unwrap_or(0)) };
    if result < 0 {
        tracing::debug!(result, "the key that secrets are sealed under may be in a crash report");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test should fail with the place")]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_locked_and_between_two_that_nobody_can_touch() {
        use windows_sys::Win32::System::Memory::{MEM_RESERVE, MEMORY_BASIC_INFORMATION, VirtualQuery};
        let page = locked_page(|key| {
            key.fill(7);
            Ok(())
        })
        .unwrap();
        assert!(page.is_locked);
        // SAFETY: it is mapped, and only read.
        assert_eq!(unsafe { page.start.as_ref() }, &[7; KEY]);
        let start: *const c_void = page.start.as_ptr().cast();
        let about = |address: *const c_void| {
            let mut facts = MEMORY_BASIC_INFORMATION::default();
            // SAFETY: any address may be asked about, and the answer is written where it belongs.
            let length = unsafe { VirtualQuery(address, &raw mut facts, size_of_val(&facts)) };
            assert_ne!(length, 0);
            (facts.State, facts.Protect)
        };
        assert_eq!(about(start), (MEM_COMMIT, PAGE_READONLY));
        assert_eq!(about(start.wrapping_byte_sub(1)).0, MEM_RESERVE);
        assert_eq!(about(start.wrapping_byte_add(page_size())).0, MEM_RESERVE);
    }
}
