//! Folders that only their user may change, lock files, and what tells one file from another.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsRawHandle as _;
use std::path::Path;

use windows_sys::Win32::Foundation::{ERROR_IO_PENDING, ERROR_LOCK_VIOLATION};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, CreateDirectoryW, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_READ_ATTRIBUTES, GetFileInformationByHandle, LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY,
    LockFileEx,
};
use windows_sys::Win32::System::IO::OVERLAPPED;

use super::files;
use super::security::private_files;
use super::words::wide;

/// Makes `folder`, and what is missing above it, open to its user alone from birth; or looks whether what is there is
/// safe: nobody else may be able to replace what lies in it.
///
/// # Errors
/// When it cannot be made, or others could tamper with it.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    make(folder)?;
    let facts = files::facts(folder)?;
    if !facts.trusted_owner || facts.others_may_write() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("others can write to {} ({})", folder.display(), facts.openness()),
        ));
    }
    Ok(())
}

fn make(folder: &Path) -> io::Result<()> {
    match make_one(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).ok_or(error)?;
            make(above)?;
            make_one(folder)
        }
        done => done,
    }
}

fn make_one(folder: &Path) -> io::Result<()> {
    let descriptor = private_files()?;
    let attributes = descriptor.attributes();
    let name = wide(std::path::absolute(folder)?);
    // SAFETY: the name ends in a zero, and the descriptor lives until the call is over.
    if unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) } != 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() { Ok(()) } else { Err(error) }
}

/// What tells a file from another that later has its name: its volume and its number there.
pub type FileIdentity = (u64, u64);

/// The identity of the file at `path`, if there is one.
#[must_use]
pub fn file_identity(path: &Path) -> Option<FileIdentity> {
    let flags = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
    let file = OpenOptions::new().access_mode(FILE_READ_ATTRIBUTES).custom_flags(flags).open(path).ok()?;
    open_file_identity(&file).ok()
}

/// The identity of an open file.
///
/// # Errors
/// What the system says.
pub fn open_file_identity(file: &File) -> io::Result<FileIdentity> {
    let facts = by_handle(file)?;
    let number = u64::from(facts.nFileIndexHigh) << 32 | u64::from(facts.nFileIndexLow);
    Ok((facts.dwVolumeSerialNumber.into(), number))
}

pub(super) fn by_handle(file: &File) -> io::Result<BY_HANDLE_FILE_INFORMATION> {
    let mut facts = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open, and what is known of the file is written where it belongs.
    if unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut facts) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(facts)
}

/// Opens the lock file, for its user alone.
///
/// # Errors
/// What the system says.
pub fn open_lock(path: &Path) -> io::Result<File> {
    files::open_or_make(path)
}

/// Where the byte lies that is locked: locks are mandatory here, and whoever holds one writes its name at the beginning,
/// where others read it. No file reaches that far.
const LOCKED_BYTE: u64 = 1 << 62;

/// Locks the file for this process alone, if nobody has locked it.
///
/// # Errors
/// Somebody has; or what the system says.
pub fn try_lock(file: &File) -> Result<(), TryLockError> {
    at_once(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY)
}

/// Locks the file together with others who do the same, if nobody has locked it alone.
///
/// # Errors
/// Somebody has; or what the system says.
pub fn try_lock_shared(file: &File) -> Result<(), TryLockError> {
    at_once(file, LOCKFILE_FAIL_IMMEDIATELY)
}

/// Waits until nobody else has locked the file, and locks it.
///
/// # Errors
/// What the system says.
pub fn lock(file: &File) -> io::Result<()> {
    lock_byte(file, LOCKFILE_EXCLUSIVE_LOCK)
}

fn at_once(file: &File, flags: u32) -> Result<(), TryLockError> {
    lock_byte(file, flags).map_err(|error| match error.raw_os_error().map(i32::cast_unsigned) {
        Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => TryLockError::WouldBlock,
        _ => TryLockError::Error(error),
    })
}

fn lock_byte(file: &File, flags: u32) -> io::Result<()> {
    let mut place = OVERLAPPED::default();
    let [low, high] =
        [LOCKED_BYTE & 0xffff_ffff, LOCKED_BYTE >> 32].map(|half| u32::try_from(half).unwrap_or(0));
    place.Anonymous.Anonymous.Offset = low;
    place.Anonymous.Anonymous.OffsetHigh = high;
    // SAFETY: the handle is open for calls that end before they return, so that the place is not used after this one.
    if unsafe { LockFileEx(file.as_raw_handle(), flags, 0, 1, 0, &raw mut place) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test should fail with the place")]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;
    use crate::platform::testing;

    #[test]
    fn who_holds_a_lock_can_be_read_by_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut first = open_lock(&path).unwrap();
        try_lock(&first).unwrap();
        writeln!(first, "process 7").unwrap();
        let mut second = open_lock(&path).unwrap();
        assert!(matches!(try_lock(&second), Err(TryLockError::WouldBlock)));
        let mut only_looks = File::open(&path).unwrap();
        assert!(matches!(try_lock_shared(&only_looks), Err(TryLockError::WouldBlock)));
        for reader in [&mut second, &mut only_looks] {
            let mut read = String::new();
            reader.read_to_string(&mut read).unwrap();
            assert_eq!(read, "process 7\n");
        }
        drop(first);
        try_lock_shared(&only_looks).unwrap();
        try_lock_shared(&second).unwrap();
        assert!(matches!(try_lock(&open_lock(&path).unwrap()), Err(TryLockError::WouldBlock)));
    }

    #[test]
    fn a_private_folder_is_closed_from_birth_and_an_open_one_is_none() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a").join("b");
        private_folder(&folder).unwrap();
        private_folder(&folder).unwrap();
        for made in [&folder, folder.parent().unwrap()] {
            assert!(testing::is_closed(made), "{}", files::facts(made).unwrap().openness());
        }
        // What is made in it is closed, too.
        std::fs::write(folder.join("file"), "x").unwrap();
        if testing::is_wine() {
            testing::skip("what a folder hands down", "Wine 8 hands down no access list");
        } else {
            assert!(testing::is_closed(&folder.join("file")));
        }
        testing::set_mode(&folder, 0o777);
        let refused = private_folder(&folder).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(refused.to_string().contains("Everyone may"), "{refused}");
    }

    #[test]
    fn a_file_is_told_from_its_successor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert_eq!(file_identity(&path), None);
        let first = open_lock(&path).unwrap();
        let before = open_file_identity(&first).ok();
        assert_eq!(file_identity(&path), before);
        drop(first);
        files::replace(&path, b"x").unwrap();
        assert_ne!(file_identity(&path), before);
    }
}
