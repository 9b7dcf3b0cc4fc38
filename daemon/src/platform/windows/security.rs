//! Security identifiers and descriptors.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::ffi::c_void;
use std::fmt;
use std::io;
use std::os::windows::io::{AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle};
use std::ptr::{null, null_mut};
use std::sync::LazyLock;

use windows_sys::Win32::Foundation::{ERROR_SUCCESS, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, ConvertSidToStringSidW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1, SE_OBJECT_TYPE,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetTokenInformation, OBJECT_SECURITY_INFORMATION, OWNER_SECURITY_INFORMATION,
    PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, OpenProcess, OpenProcessToken, PROCESS_QUERY_LIMITED_INFORMATION,
};

use super::words::narrow;

/// `NT AUTHORITY\SYSTEM`.
const SYSTEM: &str = "S-1-5-18";

/// `BUILTIN\Administrators`, to whom belongs what an elevated program makes.
const ADMINISTRATORS: &str = "S-1-5-32-544";

/// Who owns the file, whoever that is.
const OWNER_RIGHTS: &str = "S-1-3-4";

/// A user or a group, by its security identifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User(String);

impl User {
    /// The one with this identifier, as text (`S-1-…`).
    pub(in crate::platform) fn with_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it is the system itself.
    #[must_use]
    pub fn is_superuser(&self) -> bool {
        self.0 == SYSTEM
    }

    /// Whether it is this process's own user, or the system, which can do anything anyway.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.is_superuser() || *self == own_user()
    }

    /// Whether what belongs to it, or lets it in, is as safe as what belongs to [`own_user`]: administrators can take
    /// anything over anyway.
    pub(super) fn may_have_files(&self) -> bool {
        self.is_trusted() || self.0 == ADMINISTRATORS
    }

    /// The same of whom an entry of an access list names.
    pub(super) fn may_be_let_in(&self) -> bool {
        self.may_have_files() || self.0 == OWNER_RIGHTS
    }

    /// The identifier as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The one at this address.
    ///
    /// # Safety
    /// There is a valid identifier.
    pub(super) unsafe fn at(sid: PSID) -> io::Result<Self> {
        let mut text = null_mut();
        // SAFETY: the caller says that the identifier is valid, and the text is written where it belongs.
        if unsafe { ConvertSidToStringSidW(sid, &raw mut text) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has put a text there that ends in a zero and is ours to free.
        let text = unsafe { taken(text) };
        Ok(Self(text))
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The user whose daemon this is.
#[must_use]
pub fn own_user() -> User {
    static OWN: LazyLock<User> = LazyLock::new(|| {
        // SAFETY: the call has no conditions; what it gives need not be closed.
        let process = unsafe { GetCurrentProcess() };
        // Without an identity of its own nobody is trusted: no name is empty.
        user_of(process).unwrap_or_else(|_| User(String::new()))
    });
    OWN.clone()
}

/// The user that a process runs as.
///
/// # Errors
/// There is no such process, or this one may not know.
pub(super) fn user_of_process(process: u32) -> io::Result<User> {
    // SAFETY: the call has no conditions.
    let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, process) };
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened for this place alone.
    let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
    user_of(handle.as_raw_handle())
}

fn user_of(process: HANDLE) -> io::Result<User> {
    let mut token = null_mut();
    // SAFETY: the process's handle is open, and the token's is written where it belongs.
    if unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened for this place alone.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    // An identifier is shorter than this, and what holds a pointer must lie where a pointer may.
    let mut space = [0_u64; 32];
    let mut length = 0;
    // SAFETY: the token is open, and no more is written than there is space.
    let got = unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            space.as_mut_ptr().cast(),
            u32::try_from(size_of_val(&space)).unwrap_or(0),
            &raw mut length,
        )
    };
    if got == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has put such a record at the beginning of the space, which is aligned for it.
    let user = unsafe { space.as_ptr().cast::<TOKEN_USER>().read() };
    // SAFETY: the identifier lies in the space, too.
    unsafe { User::at(user.User.Sid) }
}

/// A security descriptor of the system's making.
pub(super) struct Descriptor(PSECURITY_DESCRIPTOR);

// SAFETY: what it points to is its own, and is only read.
unsafe impl Send for Descriptor {}
// SAFETY: as above.
unsafe impl Sync for Descriptor {}

impl Descriptor {
    /// The one that this text of the security descriptor definition language describes.
    pub(super) fn of(text: &str) -> io::Result<Self> {
        let text = super::words::wide(text);
        let mut descriptor = null_mut();
        // SAFETY: the text ends in a zero, and the descriptor is written where it belongs.
        let made = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                null_mut(),
            )
        };
        if made == 0 { Err(io::Error::last_os_error()) } else { Ok(Self(descriptor)) }
    }

    /// Owner and access list of what a handle leads to.
    pub(super) fn read(handle: BorrowedHandle<'_>, kind: SE_OBJECT_TYPE) -> io::Result<Self> {
        let mut descriptor = null_mut();
        // SAFETY: the handle is open, and the descriptor, which is asked for alone, is written where it belongs.
        let error = unsafe {
            GetSecurityInfo(
                handle.as_raw_handle(),
                kind,
                OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
                &raw mut descriptor,
            )
        };
        match error {
            ERROR_SUCCESS => Ok(Self(descriptor)),
            error => Err(io::Error::from_raw_os_error(error.cast_signed())),
        }
    }

    /// For a call that makes something, as long as this descriptor lives.
    pub(super) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or(0),
            lpSecurityDescriptor: self.0,
            bInheritHandle: 0,
        }
    }

    pub(super) fn as_ptr(&self) -> PSECURITY_DESCRIPTOR {
        self.0
    }

    /// Its owner and its access list, in the language that [`Descriptor::of`] reads.
    pub(super) fn text(&self) -> io::Result<String> {
        let parts: OBJECT_SECURITY_INFORMATION = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
        let mut text = null_mut();
        // SAFETY: the descriptor is valid, and the text is written where it belongs.
        let made = unsafe {
            ConvertSecurityDescriptorToStringSecurityDescriptorW(
                self.0,
                SDDL_REVISION_1,
                parts,
                &raw mut text,
                null_mut(),
            )
        };
        if made == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has put a text there that ends in a zero and is ours to free.
        Ok(unsafe { taken(text) })
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: it was allocated by the system for this place alone, with LocalAlloc.
        unsafe { LocalFree(self.0) };
    }
}

/// Lets in this user, the system and administrators, who could take it over anyway; what is made in such a folder does the
/// same. Nothing comes down from above.
pub(super) fn private_files() -> io::Result<Descriptor> {
    Descriptor::of(&format!("D:P(A;OICI;FA;;;{})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", own_user()))
}

/// Lets in this user alone: for what only programs of this machine can reach. A session over ssh counts as the network, and
/// its programs are this user's, too.
pub(super) fn for_its_user() -> String {
    let user = own_user();
    format!("O:{user}D:P(A;;GA;;;{user})")
}

/// Lets in this user alone, and nobody by the network.
pub(super) fn for_its_user_alone() -> String {
    let user = own_user();
    format!("O:{user}D:P(D;;GA;;;NU)(A;;GA;;;{user})")
}

/// A text of the system's making, which is freed.
///
/// # Safety
/// It ends in a zero, was allocated with `LocalAlloc`, and is used by nobody else.
unsafe fn taken(text: *mut u16) -> String {
    let mut length = 0;
    // SAFETY: the zero at its end was not met before this place.
    while unsafe { text.wrapping_add(length).read() } != 0 {
        length += 1;
    }
    // SAFETY: so many were just read.
    let words = unsafe { std::slice::from_raw_parts(text, length) };
    let copy = narrow(words).to_string_lossy().into_owned();
    // SAFETY: the caller says that it is ours.
    unsafe { LocalFree(text.cast::<c_void>()) };
    copy
}

/// No attributes: the system's defaults.
pub(super) const fn no_attributes() -> *const SECURITY_ATTRIBUTES {
    null()
}
