//! This process: what it may, what it uses, and who may look into it.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_SUCCESS, FILETIME, HANDLE, HANDLE_FLAG_INHERIT, INVALID_HANDLE_VALUE, SetHandleInformation,
};
use windows_sys::Win32::Security::Authorization::{SE_KERNEL_OBJECT, SetSecurityInfo};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, PROTECTED_DACL_SECURITY_INFORMATION,
};
use windows_sys::Win32::System::Console::{
    ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode, GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE,
    STD_OUTPUT_HANDLE, SetConsoleMode,
};
use windows_sys::Win32::System::Diagnostics::Debug::{
    SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX, SetErrorMode,
};
use windows_sys::Win32::System::ErrorReporting::WER_FAULT_REPORTING_FLAG_NOHEAP;
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessTimes};

use super::dynamic::{Function, function};
use super::own_user;
use super::security::Descriptor;

/// Whether crashes are kept from making reports.
static IS_CLOSED: AtomicBool = AtomicBool::new(false);

type SetFlags = unsafe extern "system" fn(u32) -> i32;

/// Leaves no report with memory in it after a crash, and lets no other process of the same user look into this one's
/// memory. Administrators who may debug still can, and so can a crash dump of the whole system.
pub fn close_to_onlookers() {
    // SAFETY: the call has no conditions.
    unsafe { SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX) };
    IS_CLOSED.store(true, Ordering::Relaxed);
    // A report that is made all the same holds no heap.
    if let Some(address) = function("kernel32.dll", c"WerSetFlags") {
        // SAFETY: the function of this name has this signature.
        let set = unsafe { std::mem::transmute::<Function, SetFlags>(address) };
        // SAFETY: the call has no conditions.
        let _ = unsafe { set(WER_FAULT_REPORTING_FLAG_NOHEAP) };
    }
    if let Err(error) = keep_others_out() {
        tracing::warn!(%error, "other programs of this user may look into this process");
    }
}

/// What others of this user may do with this process: wait for it, ask who it is, end it. Not read or write its memory, and
/// not, as its owner, change that.
fn keep_others_out() -> io::Result<()> {
    // SYNCHRONIZE, READ_CONTROL, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_TERMINATE
    const LITTLE: &str = "0x00121001";
    let user = own_user();
    let descriptor =
        Descriptor::of(&format!("D:P(A;;{LITTLE};;;OW)(A;;{LITTLE};;;{user})(A;;GA;;;SY)(A;;GA;;;BA)"))?;
    let (mut present, mut list, mut defaulted) = (0, std::ptr::null_mut(), 0);
    // SAFETY: the descriptor is valid, and the address is written where it belongs.
    let got = unsafe {
        GetSecurityDescriptorDacl(descriptor.as_ptr(), &raw mut present, &raw mut list, &raw mut defaulted)
    };
    if got == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the process's handle is always valid, and the list lies in the descriptor, which is still there.
    let error = unsafe {
        SetSecurityInfo(
            this_process(),
            SE_KERNEL_OBJECT,
            DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            list,
            std::ptr::null(),
        )
    };
    match error {
        ERROR_SUCCESS => Ok(()),
        error => Err(io::Error::from_raw_os_error(error.cast_signed())),
    }
}

fn this_process() -> HANDLE {
    // SAFETY: the call has no conditions; what it gives need not be closed.
    unsafe { GetCurrentProcess() }
}

/// Whether a crash would leave a report with memory in it.
#[must_use]
pub fn leaves_core_files() -> bool {
    !IS_CLOSED.load(Ordering::Relaxed)
}

/// Nothing: files are made in folders that are closed to others, or are closed themselves.
pub fn close_new_files_to_others() {}

/// How many descriptors there may be: handles have no limit that a daemon meets.
#[must_use]
pub fn raise_descriptor_limit() -> u64 {
    1 << 16
}

/// The handles that this process was started with do not reach the programs that it runs; those that it makes never do.
pub fn keep_descriptors_from_children() {
    for kind in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: the call has no conditions.
        let handle = unsafe { GetStdHandle(kind) };
        if !handle.is_null() && handle != INVALID_HANDLE_VALUE {
            // SAFETY: the handle is the process's own; a closed one is answered with an error.
            let _ = unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) };
        }
    }
}

/// Whether standard error is a console that takes colours; it is asked to.
#[must_use]
pub fn stderr_takes_colours() -> bool {
    if !io::stderr().is_terminal() {
        return false;
    }
    // SAFETY: the call has no conditions.
    let handle = unsafe { GetStdHandle(STD_ERROR_HANDLE) };
    let mut mode = 0;
    // SAFETY: the handle is the process's own, and the mode is written where it belongs.
    if unsafe { GetConsoleMode(handle, &raw mut mode) } == 0 {
        // A terminal of another kind (MSYS), which is a pipe to the system.
        return true;
    }
    // SAFETY: the handle is the process's own.
    mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING != 0
        || unsafe { SetConsoleMode(handle, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING) } != 0
}

/// Whether standard error leads to systemd's journal: there is none.
#[must_use]
pub fn stderr_is_the_journal() -> bool {
    false
}

/// Milliseconds of processor time that this process has used.
#[must_use]
pub fn processor_milliseconds() -> u64 {
    let [mut created, mut ended, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: the process's handle is always valid, and the times are written where they belong.
    let got = unsafe {
        GetProcessTimes(this_process(), &raw mut created, &raw mut ended, &raw mut kernel, &raw mut user)
    };
    let units = |time: FILETIME| u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
    if got == 0 { 0 } else { (units(kernel) + units(user)) / 10_000 }
}

/// Bytes of memory that this process has at the moment.
#[must_use]
pub fn resident_memory() -> Option<u64> {
    let mut counters = PROCESS_MEMORY_COUNTERS::default();
    let size = u32::try_from(size_of::<PROCESS_MEMORY_COUNTERS>()).unwrap_or(0);
    // SAFETY: the process's handle is always valid, and no more is written than there is space.
    let got = unsafe { K32GetProcessMemoryInfo(this_process(), &raw mut counters, size) };
    (got != 0).then_some(counters.WorkingSetSize as u64)
}

/// Whether there is a page file.
#[must_use]
pub fn swap_is_on() -> Option<bool> {
    let length = u32::try_from(size_of::<MEMORYSTATUSEX>()).unwrap_or(0);
    let mut memory = MEMORYSTATUSEX { dwLength: length, ..MEMORYSTATUSEX::default() };
    // SAFETY: the record says how long it is.
    let got = unsafe { GlobalMemoryStatusEx(&raw mut memory) };
    (got != 0).then_some(memory.ullTotalPageFile > memory.ullTotalPhys)
}

/// The systemd unit that started this process: there is none.
#[must_use]
pub fn own_unit() -> Option<String> {
    None
}

/// systemd's patience with this process: there is none.
#[must_use]
pub fn watchdog() -> Option<Duration> {
    None
}

/// Whether systemd runs this machine.
#[must_use]
pub fn systemd_runs() -> bool {
    false
}

/// The words with which a process was started: the system does not show them.
#[must_use]
pub fn words_of_process(_process: u32) -> Option<Vec<Vec<u8>>> {
    None
}
