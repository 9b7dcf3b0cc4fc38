//! Users: who this process and others act as.

use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::null_mut;
use std::{fmt, io};

use windows_sys::Win32::Foundation::{HANDLE, LocalFree};
use windows_sys::Win32::Globalization::lstrlenW;
use windows_sys::Win32::Security::Authorization::ConvertSidToStringSidW;
use windows_sys::Win32::Security::{GetTokenInformation, PSID, TOKEN_QUERY, TOKEN_USER, TokenUser};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, OpenProcess, OpenProcessToken, PROCESS_QUERY_LIMITED_INFORMATION,
};

/// A user of this system, as the kernel knows it: by uid on Unix, by SID on Windows. That is what `Display` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User(String);

/// `LocalSystem`, whom services of the system run as.
const SYSTEM: &str = "S-1-5-18";

impl User {
    /// What the number that a user is known by is called: `uid` on Unix, `SID` on Windows.
    pub const ID: &'static str = "SID";

    /// The user that this process acts as.
    ///
    /// # Errors
    /// What the system said; on Unix there are none.
    #[expect(unsafe_code, reason = "GetCurrentProcess of Windows")]
    pub fn own() -> io::Result<Self> {
        // SAFETY: gives a constant that stands for this process and need not be closed.
        let process = unsafe { GetCurrentProcess() };
        of_process(process)
    }

    /// Whether this user may do everything anyway: root on Unix, `LocalSystem` on Windows.
    #[must_use]
    pub fn is_superuser(&self) -> bool {
        self.0 == SYSTEM
    }

    /// The user that this process acts as.
    #[expect(unsafe_code, reason = "OpenProcess of Windows")]
    pub(super) fn of_process(id: u32) -> io::Result<Self> {
        // SAFETY: takes numbers, touches no memory.
        let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, id) };
        if process.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was opened just now, and nobody else has it.
        let process = unsafe { OwnedHandle::from_raw_handle(process) };
        of_process(process.as_raw_handle())
    }

    /// The one of this SID.
    #[expect(unsafe_code, reason = "ConvertSidToStringSidW of Windows")]
    pub(super) fn of_sid(sid: PSID) -> io::Result<Self> {
        let mut text = null_mut();
        // SAFETY: the caller has a valid SID; the text is allocated by the call, and freed below.
        if unsafe { ConvertSidToStringSidW(sid, &raw mut text) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the text ends with a zero, and nothing behind that is read.
        let length = unsafe { lstrlenW(text) };
        // SAFETY: so many units are in front of the zero.
        let units = unsafe { std::slice::from_raw_parts(text, usize::try_from(length).unwrap_or(0)) };
        let user = Self(String::from_utf16_lossy(units));
        // SAFETY: the call above has allocated it with LocalAlloc, and it is used no more.
        unsafe { LocalFree(text.cast()) };
        Ok(user)
    }

    #[cfg(test)]
    pub(super) fn with_sid(sid: &str) -> Self {
        Self(sid.to_owned())
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[expect(unsafe_code, reason = "OpenProcessToken and GetTokenInformation of Windows")]
fn of_process(process: HANDLE) -> io::Result<User> {
    let mut token = null_mut();
    // SAFETY: the process is open, and the token's place lives through the call.
    if unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was opened just now, and nobody else has it.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    // A SID takes 68 bytes at most (SECURITY_MAX_SID_SIZE); u64 for the alignment of what points at it.
    let mut room = [0_u64; 16];
    let size = u32::try_from(size_of_val(&room)).unwrap_or(0);
    let mut used = 0;
    // SAFETY: the room is as large as is said, and lives through the call.
    let known = unsafe {
        GetTokenInformation(token.as_raw_handle(), TokenUser, room.as_mut_ptr().cast(), size, &raw mut used)
    };
    if known == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has put this structure at the beginning of the room, which is aligned for it.
    let found = unsafe { room.as_ptr().cast::<TOKEN_USER>().read() };
    // Its SID is in the same room, further behind.
    User::of_sid(found.User.Sid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_s_user_is_found_by_its_id_too() -> io::Result<()> {
        let own = User::own()?;
        assert!(own.to_string().starts_with("S-1-5-"), "{own}");
        assert_eq!(User::of_process(std::process::id())?, own);
        assert!(User::of_process(u32::MAX - 3).is_err());
        assert!(User::with_sid("S-1-5-18").is_superuser() && !own.is_superuser());
        Ok(())
    }
}
