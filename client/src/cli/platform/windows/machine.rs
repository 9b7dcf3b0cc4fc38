//! This machine: its name, its clock, and what it keeps of a process that crashes.

use std::sync::OnceLock;

use windows_sys::Win32::Foundation::{FILETIME, SYSTEMTIME};
use windows_sys::Win32::System::Diagnostics::Debug::{
    SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SetErrorMode, THREAD_ERROR_MODE,
};
use windows_sys::Win32::System::SystemInformation::{ComputerNameDnsHostname, GetComputerNameExW};
use windows_sys::Win32::System::Time::{FileTimeToSystemTime, SystemTimeToTzSpecificLocalTime};

/// The error mode that this process was started with; its children inherit the one that there is.
static ERROR_MODE: OnceLock<THREAD_ERROR_MODE> = OnceLock::new();

/// A token in memory must not end in a report of a crash: this process is not reported.
pub(crate) fn forbid_core_dumps() {
    let quiet = SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX;
    let before = set_error_mode(quiet);
    set_error_mode(ERROR_MODE.get_or_init(|| before) | quiet);
}

/// For a child, which shall be as if `tok` were not there.
pub(super) fn allow_reports_again() {
    if let Some(before) = ERROR_MODE.get() {
        set_error_mode(*before);
    }
}

#[expect(unsafe_code, reason = "SetErrorMode of Windows")]
fn set_error_mode(mode: THREAD_ERROR_MODE) -> THREAD_ERROR_MODE {
    // SAFETY: takes and gives numbers.
    unsafe { SetErrorMode(mode) }
}

/// The name of this machine, as the daemon tells its own.
#[expect(unsafe_code, reason = "GetComputerNameExW of Windows")]
pub(crate) fn host_name() -> String {
    // A label of a domain name takes 63 units.
    let mut name = [0_u16; 256];
    let mut length = 256;
    // SAFETY: there is as much room as is said, and both live through the call.
    let known = unsafe { GetComputerNameExW(ComputerNameDnsHostname, name.as_mut_ptr(), &raw mut length) };
    let length = usize::try_from(length).unwrap_or(0).min(name.len());
    if known == 0 { String::new() } else { String::from_utf16_lossy(&name[..length]) }
}

/// Between 1601, where Windows' count begins, and 1970, in milliseconds.
const SINCE_1601: i64 = 11_644_473_600_000;

/// A time as this place's clocks show it: `14:03:21`.
#[expect(unsafe_code, reason = "the system knows the time zone")]
pub(crate) fn time_of_day(ms_since_1970: i64) -> String {
    let ticks = ms_since_1970.saturating_add(SINCE_1601).max(0).saturating_mul(10_000).cast_unsigned();
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
    let time = FILETIME { dwLowDateTime: half(ticks), dwHighDateTime: half(ticks >> 32) };
    let (mut universal, mut local) = (SYSTEMTIME::default(), SYSTEMTIME::default());
    // SAFETY: both structures live through the call.
    if unsafe { FileTimeToSystemTime(&raw const time, &raw mut universal) } == 0 {
        return String::new();
    }
    // SAFETY: as above; no zone means this machine's.
    let known =
        unsafe { SystemTimeToTzSpecificLocalTime(std::ptr::null(), &raw const universal, &raw mut local) };
    if known == 0 {
        return String::new();
    }
    format!("{:02}:{:02}:{:02}", local.wHour, local.wMinute, local.wSecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_of_this_place_and_the_machine_has_a_name() {
        let time = time_of_day(1_700_000_000_000);
        assert_eq!(time.len(), 8, "{time}");
        // 22:13:20 UTC; no zone moves seconds.
        assert!(time.ends_with(":20"), "{time}");
        assert!(!host_name().is_empty());
    }
}
