//! Security descriptors, made of their text (SDDL).

use std::io;
use std::path::Path;
use std::ptr::null_mut;

use tokend_client::User;
use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES};

/// A descriptor, for as long as it is used.
#[derive(Debug)]
pub(super) struct Descriptor(PSECURITY_DESCRIPTOR);

impl Descriptor {
    /// Everything for this user, nothing for anybody else; on a folder, for what is in it too.
    pub(super) fn of_this_user() -> io::Result<Self> {
        let user = User::own()?;
        Self::of(&format!("O:{user}D:P(A;OICI;FA;;;{user})"))
    }

    /// Of a pipe, which takes no clients of other machines anyway; a session over ssh would count as one.
    pub(super) fn of_pipe() -> io::Result<Self> {
        let user = User::own()?;
        Self::of(&format!("O:{user}D:P(A;;GA;;;{user})"))
    }

    #[expect(unsafe_code, reason = "ConvertStringSecurityDescriptorToSecurityDescriptorW of Windows")]
    pub(super) fn of(text: &str) -> io::Result<Self> {
        let text: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let mut descriptor = null_mut();
        // SAFETY: the text ends with a zero and lives through the call, which allocates the descriptor.
        let made = unsafe {
            let place = &raw mut descriptor;
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                place,
                null_mut(),
            )
        };
        if made == 0 { Err(io::Error::last_os_error()) } else { Ok(Self(descriptor)) }
    }

    /// For a call that makes something. Good for as long as this lives.
    pub(super) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or(0),
            lpSecurityDescriptor: self.0,
            bInheritHandle: 0,
        }
    }

    /// The descriptor itself. Good for as long as this lives.
    #[cfg(test)]
    pub(super) fn as_raw(&self) -> PSECURITY_DESCRIPTOR {
        self.0
    }
}

impl Drop for Descriptor {
    #[expect(unsafe_code, reason = "LocalFree of Windows")]
    fn drop(&mut self) {
        // SAFETY: the system has allocated it with LocalAlloc, and this is the only one that has it.
        unsafe { LocalFree(self.0) };
    }
}

/// A path for the system, with the zero at its end.
///
/// # Errors
/// It has a zero in it.
pub(super) fn wide(path: &Path) -> io::Result<Vec<u16>> {
    use std::os::windows::ffi::OsStrExt;
    let mut units: Vec<u16> = path.as_os_str().encode_wide().collect();
    if units.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    units.push(0);
    Ok(units)
}
