//! Folders and files for this user alone.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use tokend_client::User;
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, GENERIC_ALL, GENERIC_WRITE, INVALID_HANDLE_VALUE, LocalFree,
};
use windows_sys::Win32::Globalization::lstrlenW;
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, GetNamedSecurityInfoW, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, GetAce, INHERIT_ONLY_ACE,
    OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
};
use windows_sys::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateDirectoryW, CreateFileW, DELETE, FILE_APPEND_DATA, FILE_ATTRIBUTE_NORMAL,
    FILE_DELETE_CHILD, FILE_FLAG_DELETE_ON_CLOSE, FILE_WRITE_DATA, WRITE_DAC, WRITE_OWNER,
};
use windows_sys::Win32::System::SystemServices::{
    ACCESS_ALLOWED_ACE_TYPE, ACCESS_DENIED_ACE_TYPE, ACCESS_DENIED_CALLBACK_ACE_TYPE,
    ACCESS_DENIED_OBJECT_ACE_TYPE,
};

use super::descriptor::{Descriptor, wide};

/// A new folder for this user alone. Those that it is in are made as well, as folders usually are.
#[expect(unsafe_code, reason = "CreateDirectoryW of Windows")]
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        fs::create_dir_all(parent)?;
    }
    let descriptor = Descriptor::of_this_user()?;
    let (name, attributes) = (wide(path)?, descriptor.attributes());
    // SAFETY: the name ends with a zero; both live through the call, and so does the descriptor.
    let made = unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) };
    if made == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A new file for this user alone.
#[expect(unsafe_code, reason = "CreateFileW of Windows")]
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let descriptor = Descriptor::of_this_user()?;
    let (name, attributes) = (wide(path)?, descriptor.attributes());
    // SAFETY: the name ends with a zero; both live through the call, and so does the descriptor.
    let file = unsafe {
        let attributes = &raw const attributes;
        CreateFileW(
            name.as_ptr(),
            GENERIC_WRITE,
            0,
            attributes,
            CREATE_NEW,
            FILE_ATTRIBUTE_NORMAL,
            null_mut(),
        )
    };
    if file == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was opened just now, and nobody else has it.
    File::from(unsafe { OwnedHandle::from_raw_handle(file) }).write_all(content)
}

/// Whether this is a folder of this user's in which no other can make or remove anything. The system itself and its
/// administrators can do so everywhere.
pub(crate) fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir())
        && others_may_not_write(folder).unwrap_or(false)
}

/// Whether files for this user alone may be made in this folder, which is made where there is none.
pub(crate) fn is_own_place(folder: &Path) -> bool {
    if !folder.exists() {
        // Why it cannot be made is found out by who looks next.
        let _ = make_private_folder(folder);
    }
    is_private(folder)
}

/// The lock on a folder, which is a file beside it: this system locks no folders.
#[derive(Debug)]
pub(crate) struct Hold {
    _file: File,
}

/// Locks a folder for as long as what this gives lives; nothing where another process has it.
pub(crate) fn hold(folder: &Path) -> io::Result<Option<Hold>> {
    let mut path = folder.as_os_str().to_owned();
    path.push(".lock");
    let mut options = File::options();
    // It goes away with whoever has it, however that ends.
    options.write(true).create(true).truncate(false).share_mode(0).custom_flags(FILE_FLAG_DELETE_ON_CLOSE);
    let held = [ERROR_SHARING_VIOLATION, ERROR_ACCESS_DENIED].map(u32::cast_signed);
    match options.open(PathBuf::from(path)) {
        Ok(file) => Ok(Some(Hold { _file: file })),
        Err(error) if error.raw_os_error().is_some_and(|code| held.contains(&code)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `LocalSystem`, the administrators, and what stands for the owner of things yet to be made.
const TRUSTED: [&str; 3] = ["S-1-5-18", "S-1-5-32-544", "S-1-3-0"];

/// What lets somebody make, change or remove something.
const WRITING: u32 = FILE_WRITE_DATA
    | FILE_APPEND_DATA
    | FILE_DELETE_CHILD
    | DELETE
    | WRITE_DAC
    | WRITE_OWNER
    | GENERIC_WRITE
    | GENERIC_ALL;

#[expect(unsafe_code, reason = "GetNamedSecurityInfoW of Windows")]
fn others_may_not_write(path: &Path) -> io::Result<bool> {
    let name = wide(path)?;
    let (mut owner, mut list, mut descriptor) = (null_mut(), null_mut(), null_mut());
    let what = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    // SAFETY: the name ends with a zero, all places live through the call; what is not asked for may be null.
    let error = unsafe {
        GetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            what,
            &raw mut owner,
            null_mut(),
            &raw mut list,
            null_mut(),
            &raw mut descriptor,
        )
    };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error.cast_signed()));
    }
    // Owner and list are in it.
    let _freed_at_the_end = Allocated(descriptor);
    let own = User::own()?.to_string();
    let is_trusted = |sid: PSID| text(sid).is_ok_and(|sid| sid == own || TRUSTED.contains(&sid.as_str()));
    // Without a list everybody may do everything.
    Ok(is_trusted(owner)
        && !list.is_null()
        && entries(list)?.iter().all(|entry| entry.is_harmless(is_trusted)))
}

/// An entry of a list.
struct Entry {
    header: ACE_HEADER,
    place: *mut ACCESS_ALLOWED_ACE,
}

impl Entry {
    #[expect(unsafe_code, reason = "an entry lies somewhere in its list")]
    fn is_harmless(&self, is_trusted: impl Fn(PSID) -> bool) -> bool {
        let kind = u32::from(self.header.AceType);
        let denies = [ACCESS_DENIED_ACE_TYPE, ACCESS_DENIED_OBJECT_ACE_TYPE, ACCESS_DENIED_CALLBACK_ACE_TYPE];
        if denies.contains(&kind) || u32::from(self.header.AceFlags) & INHERIT_ONLY_ACE != 0 {
            return true;
        }
        if kind != ACCESS_ALLOWED_ACE_TYPE {
            // One with a condition: who knows whom it lets in.
            return false;
        }
        // SAFETY: the type says that it is this structure, and the list is in its descriptor, which lives.
        let entry = unsafe { self.place.read_unaligned() };
        // SAFETY: as above; the address is taken, nothing is read.
        let sid = unsafe { &raw mut (*self.place).SidStart };
        entry.Mask & WRITING == 0 || is_trusted(sid.cast())
    }
}

#[expect(unsafe_code, reason = "GetAce of Windows")]
fn entries(list: *const ACL) -> io::Result<Vec<Entry>> {
    // SAFETY: the system has given the list, and its descriptor lives.
    let count = unsafe { list.read_unaligned() }.AceCount;
    let mut entries = Vec::new();
    for index in 0..u32::from(count) {
        let mut place = null_mut();
        // SAFETY: as above, and the entry's place lives through the call.
        if unsafe { GetAce(list, index, &raw mut place) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: each entry begins with this structure.
        let header = unsafe { place.cast::<ACE_HEADER>().read_unaligned() };
        entries.push(Entry { header, place: place.cast() });
    }
    Ok(entries)
}

/// A SID as text.
#[expect(unsafe_code, reason = "ConvertSidToStringSidW of Windows")]
fn text(sid: PSID) -> io::Result<String> {
    let mut text = null_mut();
    // SAFETY: the caller has a valid SID; the text is allocated by the call.
    if unsafe { ConvertSidToStringSidW(sid, &raw mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let _freed_at_the_end = Allocated(text.cast());
    // SAFETY: the text ends with a zero, and nothing behind that is read.
    let length = unsafe { lstrlenW(text) };
    // SAFETY: so many units are in front of the zero.
    let units = unsafe { std::slice::from_raw_parts(text, usize::try_from(length).unwrap_or(0)) };
    Ok(String::from_utf16_lossy(units))
}

struct Allocated(PSECURITY_DESCRIPTOR);

impl Drop for Allocated {
    #[expect(unsafe_code, reason = "LocalFree of Windows")]
    fn drop(&mut self) {
        // SAFETY: the system has allocated it with LocalAlloc, and nobody else frees it.
        unsafe { LocalFree(self.0) };
    }
}

/// Gives it the list of this text.
#[cfg(test)]
#[expect(unsafe_code, reason = "SetFileSecurityW of Windows")]
pub(super) fn set_descriptor(path: &Path, text: &str) -> io::Result<()> {
    let (name, descriptor) = (wide(path)?, Descriptor::of(text)?);
    // SAFETY: the name ends with a zero; both live through the call.
    let set = unsafe {
        windows_sys::Win32::Security::SetFileSecurityW(
            name.as_ptr(),
            DACL_SECURITY_INFORMATION,
            descriptor.as_raw(),
        )
    };
    if set == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_folder_is_private_and_an_open_one_is_not() -> io::Result<()> {
        let place = tempfile::tempdir()?;
        let folder = place.path().join("new").join("folder");
        make_private_folder(&folder)?;
        assert!(is_private(&folder));
        write_private(&folder.join("a"), b"b")?;
        assert_eq!(fs::read(folder.join("a"))?, b"b");
        assert!(write_private(&folder.join("a"), b"c").is_err());
        assert!(!is_private(&folder.join("a")) && !is_private(&folder.join("none")));
        set_descriptor(&folder, "D:P(A;OICI;FA;;;WD)")?;
        assert!(!is_private(&folder));
        set_descriptor(&folder, "D:P(A;OICI;FR;;;WD)(A;OICI;FA;;;SY)")?;
        assert!(is_private(&folder));
        Ok(())
    }

    #[test]
    fn a_folder_is_held_by_one_at_a_time() -> io::Result<()> {
        let place = tempfile::tempdir()?;
        let folder = place.path().join("folder");
        let first = hold(&folder)?;
        assert!(first.is_some());
        assert!(hold(&folder)?.is_none());
        drop(first);
        assert!(!place.path().join("folder.lock").exists());
        assert!(hold(&folder)?.is_some());
        Ok(())
    }
}
