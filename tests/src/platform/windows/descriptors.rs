//! Descriptors of security: whose something is, and who may what, in the language of SDDL.

use std::fs::OpenOptions;
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsRawHandle as _;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::OnceLock;

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, ConvertSidToStringSidW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1, SE_FILE_OBJECT,
    SE_KERNEL_OBJECT, SE_OBJECT_TYPE,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetTokenInformation, OWNER_SECURITY_INFORMATION,
    PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, SetFileSecurityW, TOKEN_QUERY, TOKEN_USER,
    TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{FILE_FLAG_BACKUP_SEMANTICS, READ_CONTROL};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::pipes::Stream;
use super::wide::wide;

/// What Windows has given with `LocalAlloc`.
#[derive(Debug)]
pub(super) struct Local(pub(super) *mut core::ffi::c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: it came from a function that says it is freed so, and is freed once.
        unsafe { LocalFree(self.0) };
    }
}

/// The user's SID as text.
///
/// # Panics
/// When Windows does not tell it.
#[must_use]
pub fn own_user() -> &'static str {
    static OWN: OnceLock<String> = OnceLock::new();
    OWN.get_or_init(|| ask_own_user().expect("the user's SID"))
}

fn ask_own_user() -> io::Result<String> {
    let mut token: HANDLE = null_mut();
    // SAFETY: has no preconditions; the handle that it gives needs no closing.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: `token` is written before it is read.
    check(unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) })?;
    // In words, so that it is aligned as the struct wants it.
    let mut room = [0_u64; 32];
    let mut length = 0;
    let size = u32::try_from(size_of_val(&room)).unwrap_or(0);
    // SAFETY: `room` is `size` bytes large.
    let told = check(unsafe {
        GetTokenInformation(token, TokenUser, room.as_mut_ptr().cast(), size, &raw mut length)
    });
    // SAFETY: it was opened above and is closed once.
    unsafe { CloseHandle(token) };
    told?;
    // SAFETY: Windows has written a TOKEN_USER there.
    let user = unsafe { room.as_ptr().cast::<TOKEN_USER>().read() };
    let mut text = null_mut();
    // SAFETY: the SID lies in `room`, which is still there.
    check(unsafe { ConvertSidToStringSidW(user.User.Sid, &raw mut text) })?;
    Ok(take_text(text))
}

/// A descriptor from its text; freed when dropped.
pub(super) fn parse(text: &str) -> io::Result<Local> {
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    let text = wide(text);
    // SAFETY: the text ends with a zero, and the descriptor is written before it is read.
    check(unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            null_mut(),
        )
    })?;
    Ok(Local(descriptor))
}

/// Gives a file or folder the access list of this text.
pub(super) fn set_descriptor(path: &Path, text: &str) -> io::Result<()> {
    let descriptor = parse(text)?;
    let path = wide(path);
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: the path ends with a zero, and the descriptor lives.
    check(unsafe { SetFileSecurityW(path.as_ptr(), what, descriptor.0) })
}

/// Owner and access list of a file or folder.
///
/// # Errors
/// The system's.
pub fn descriptor_of_file(path: &Path) -> io::Result<String> {
    // A folder is opened by nobody else.
    let file =
        OpenOptions::new().access_mode(READ_CONTROL).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path)?;
    descriptor_of(file.as_raw_handle(), SE_FILE_OBJECT)
}

/// Owner and access list of the pipe at the other end.
///
/// # Errors
/// The system's.
pub fn descriptor_of_pipe(stream: &Stream) -> io::Result<String> {
    descriptor_of(stream.as_raw_handle(), SE_KERNEL_OBJECT)
}

fn descriptor_of(handle: HANDLE, kind: SE_OBJECT_TYPE) -> io::Result<String> {
    let what = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the handle is open; what is not asked for may be null.
    let code = unsafe {
        GetSecurityInfo(
            handle,
            kind,
            what,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    if code != 0 {
        return Err(io::Error::from_raw_os_error(code.cast_signed()));
    }
    let descriptor = Local(descriptor);
    let mut text = null_mut();
    // SAFETY: the descriptor lives; the text is written before it is read.
    check(unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor.0,
            SDDL_REVISION_1,
            what,
            &raw mut text,
            null_mut(),
        )
    })?;
    Ok(take_text(text))
}

/// Copies and frees a text that Windows has made.
fn take_text(text: *mut u16) -> String {
    let owned = Local(text.cast());
    let text = owned.0.cast::<u16>().cast_const();
    let mut units = Vec::new();
    loop {
        // SAFETY: the text is read up to its zero, and no further.
        let place = unsafe { text.add(units.len()) };
        // SAFETY: as above.
        let unit = unsafe { place.read() };
        if unit == 0 {
            return String::from_utf16_lossy(&units);
        }
        units.push(unit);
    }
}

/// An error where a call of Windows says that it failed.
pub(super) fn check(done: i32) -> io::Result<()> {
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A descriptor that lets in this user alone, as the daemon's is.
pub(super) fn for_own_user() -> String {
    let me = own_user();
    format!("O:{me}D:P(D;;GA;;;NU)(A;;GA;;;{me})")
}
