//! Opening files that others may have laid out: whose they are and who may touch them, told of the open file; and writing
//! files whole or not at all.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::os::windows::io::{AsHandle as _, AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::Path;
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateFileW, DELETE, FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_REPARSE_POINT, FILE_BASIC_INFO,
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_READ_ATTRIBUTES, FILE_SHARE_DELETE,
    FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_TYPE_DISK, FileBasicInfo, GetFileInformationByHandleEx,
    GetFileType, OPEN_ALWAYS, READ_CONTROL, SECURITY_IDENTIFICATION, SYNCHRONIZE,
};

use super::access::Access;
use super::folders::{self, FileIdentity};
use super::security::{User, private_files};
use super::words::wide;
use crate::platform::temporary::Temporary;
pub use crate::platform::temporary::{is_temporary, sweep};

/// Whose a file is and who may touch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: Kind,
    /// Whether it belongs to this process's user, to the system or to administrators.
    pub trusted_owner: bool,
    /// The user that it belongs to.
    pub owner: User,
    /// How many bytes, as far as the file system says.
    pub length: u64,
    access: Access,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file that holds bytes.
    Regular,
    /// A folder.
    Folder,
    /// A pipe, a device.
    Other,
}

impl Facts {
    fn of(file: &File) -> io::Result<Self> {
        // SAFETY: the handle is open.
        let is_on_a_disk = unsafe { GetFileType(file.as_raw_handle()) } == FILE_TYPE_DISK;
        let (kind, length) = if is_on_a_disk {
            let metadata = file.metadata()?;
            let kind = match &metadata {
                it if it.is_dir() => Kind::Folder,
                it if it.is_file() => Kind::Regular,
                _ => Kind::Other,
            };
            (kind, metadata.len())
        } else {
            (Kind::Other, 0)
        };
        let (owner, access) =
            if is_on_a_disk { Access::of(file.as_handle())? } else { (super::own_user(), Access::none()) };
        Ok(Self { kind, trusted_owner: owner.may_have_files(), owner, length, access })
    }

    /// Those of a file that is not there.
    #[cfg(test)]
    pub(super) fn made_up(kind: Kind, trusted_owner: bool, owner: User, access: Access) -> Self {
        Self { kind, trusted_owner, owner, length: 1, access }
    }

    /// Whether it is a folder in which only a file's owner can remove or replace it: there is none here.
    #[must_use]
    #[expect(clippy::unused_self, reason = "the signature is Unix'")]
    pub fn keeps_files_to_their_owners(&self) -> bool {
        false
    }

    /// Who may do what with it, in the system's words: `Everyone may read`.
    #[must_use]
    pub fn openness(&self) -> String {
        self.access.to_string()
    }

    /// Whether somebody may change the file who is neither this user nor the system nor an administrator.
    #[must_use]
    pub fn others_may_write(&self) -> bool {
        self.access.others_may_write()
    }

    /// Whether such a one may read or change it.
    #[must_use]
    pub fn others_may_touch(&self) -> bool {
        self.access.others_may_touch()
    }

    /// Whether everybody may read or change it.
    #[must_use]
    pub fn everybody_may_touch(&self) -> bool {
        self.access.everybody_may_touch()
    }
}

/// Opens for reading. Links are followed; who serves a pipe cannot act as us. The facts are those of what was opened,
/// whatever happens to the path.
///
/// # Errors
/// What the system says.
pub fn open(path: &Path) -> io::Result<(File, Facts)> {
    let file = for_reading(FILE_FLAG_BACKUP_SEMANTICS).open(path)?;
    let facts = Facts::of(&file)?;
    Ok((file, facts))
}

fn for_reading(flags: u32) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags).security_qos_flags(SECURITY_IDENTIFICATION);
    options
}

/// The same of what lies at `path` itself: `None` where that is a link of any kind.
///
/// # Errors
/// What the system says.
pub fn open_itself(path: &Path) -> io::Result<Option<(File, Facts)>> {
    let file = for_reading(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT).open(path)?;
    // SAFETY: the handle is open.
    let is_on_a_disk = unsafe { GetFileType(file.as_raw_handle()) } == FILE_TYPE_DISK;
    if is_on_a_disk {
        let metadata = file.metadata()?;
        if metadata.file_type().is_symlink() {
            return Ok(None);
        }
        // A file whose bytes lie elsewhere (OneDrive, deduplication): they come when it is opened in the usual way.
        if metadata.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
            return open(path).map(Some);
        }
    }
    let facts = Facts::of(&file)?;
    Ok(Some((file, facts)))
}

/// Writes `bytes` to `path`, whole or not at all, for its user alone: to a temporary file in the same folder,
/// which then takes the name. When this returns they are on the disk, and so is the name. What was at `path`
/// before, also a symbolic link, is gone only then.
///
/// # Errors
/// What the system says; then `path` is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let temporary = Temporary::new(folder, name, |path| closed_to_others(path, CREATE_NEW))?;
    (&temporary.file).write_all(bytes)?;
    temporary.file.sync_all()?;
    patiently(|| fs::rename(&temporary.path, path))?;
    // The name is part of the file's own records, which are written with it.
    let synced = temporary.file.sync_all();
    temporary.has_its_name();
    synced
}

/// Virus scanners and indexers open what is new, for a moment.
fn patiently(mut work: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let mut pause = Duration::from_millis(5);
    loop {
        match work() {
            Err(error) if is_in_use(&error) && pause < Duration::from_millis(500) => {
                std::thread::sleep(pause);
                pause *= 2;
            }
            done => return done,
        }
    }
}

fn is_in_use(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(i32::cast_unsigned);
    matches!(code, Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION))
}

/// Removes what is at `path`.
///
/// # Errors
/// What the system says.
pub fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Opens a file for reading and writing, or makes one that is closed to others from birth.
pub(super) fn open_or_make(path: &Path) -> io::Result<File> {
    closed_to_others(path, OPEN_ALWAYS)
}

fn closed_to_others(path: &Path, how: u32) -> io::Result<File> {
    let descriptor = private_files()?;
    let attributes = descriptor.attributes();
    let name = wide(std::path::absolute(path)?);
    // SAFETY: the name ends in a zero, and the descriptor lives until the call is over.
    let handle = unsafe {
        CreateFileW(
            name.as_ptr(),
            GENERIC_READ | GENERIC_WRITE | DELETE | SYNCHRONIZE,
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            &raw const attributes,
            how,
            FILE_ATTRIBUTE_NORMAL,
            std::ptr::null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened for this place alone.
    Ok(File::from(unsafe { OwnedHandle::from_raw_handle(handle) }))
}

/// The facts of a path, symbolic links followed.
///
/// # Errors
/// What the system says.
pub fn facts(path: &Path) -> io::Result<Facts> {
    Facts::of(&to_be_looked_at(path)?)
}

/// Opened for what is known of it alone: who may not read the bytes may know that.
fn to_be_looked_at(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.access_mode(FILE_READ_ATTRIBUTES | READ_CONTROL).custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
    options.security_qos_flags(SECURITY_IDENTIFICATION).open(path)
}

/// What changes when a file is written, replaced, opened to others or closed to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    identity: FileIdentity,
    length: u64,
    /// Of the file's records, in the system's own units.
    changed: i64,
    /// Of its bytes.
    written: i64,
}

/// The stamp of the file at `path`, symbolic links followed; nothing where there is none.
#[must_use]
pub fn stamp(path: &Path) -> Option<Stamp> {
    let file = to_be_looked_at(path).ok()?;
    let facts = folders::by_handle(&file).ok()?;
    let times = times(&file).ok()?;
    Some(Stamp {
        identity: folders::open_file_identity(&file).ok()?,
        length: u64::from(facts.nFileSizeHigh) << 32 | u64::from(facts.nFileSizeLow),
        changed: times.ChangeTime,
        written: times.LastWriteTime,
    })
}

/// When the file at `path` was last written, replaced or renamed, in seconds since 1970; symbolic links followed.
#[must_use]
pub fn changed_at(path: &Path) -> Option<i64> {
    /// Of 1970, in units of 100 ns since 1601.
    const EPOCH: i64 = 116_444_736_000_000_000;
    let changed = times(&to_be_looked_at(path).ok()?).ok()?.ChangeTime;
    Some((changed - EPOCH).div_euclid(10_000_000))
}

fn times(file: &File) -> io::Result<FILE_BASIC_INFO> {
    let mut times = FILE_BASIC_INFO::default();
    let size = u32::try_from(size_of::<FILE_BASIC_INFO>()).unwrap_or(0);
    // SAFETY: the handle is open, and no more is written than there is space.
    let got = unsafe {
        GetFileInformationByHandleEx(file.as_raw_handle(), FileBasicInfo, (&raw mut times).cast(), size)
    };
    if got == 0 { Err(io::Error::last_os_error()) } else { Ok(times) }
}

/// Whether the path is a program that this process may run: what the system can start by itself.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    super::programs::is_runnable(path) && fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::platform::testing;

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_is_written_is_closed_to_others_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for bytes in [b"one".as_slice(), b"", b"three"] {
            replace(&path, bytes).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert!(testing::is_closed(&path));
            assert_eq!(names(folder.path()), ["a"]);
        }
    }

    #[test]
    fn a_link_is_replaced_and_its_target_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a"), folder.path().join("target"));
        fs::write(&target, "theirs").unwrap();
        if !testing::link(&target, &path) {
            return;
        }
        replace(&path, b"ours").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"x").is_err());
        assert_eq!(names(folder.path()), ["a"]);
        assert!(replace(&folder.path().join("missing/a"), b"x").is_err());
        assert!(replace(Path::new(r"C:\"), b"x").is_err());
    }

    #[test]
    fn only_leftovers_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let theirs =
            [".a.tmp", ".abcdefgh.tmp", "..abcdefgh.tmp", ".a.abcdef-h.tmp", "a.abcdefgh.tmp", "a.age"];
        for name in theirs.iter().chain(&[".a.age.abcdEF12.tmp", ".recipients.txt.00000000.tmp"]) {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::create_dir(folder.path().join(".b.abcdefgh.tmp")).unwrap();
        assert_eq!(sweep(folder.path()).unwrap(), 2);
        let mut left = theirs.map(str::to_owned).to_vec();
        left.push(".b.abcdefgh.tmp".to_owned());
        left.sort_unstable();
        assert_eq!(names(folder.path()), left);
    }

    #[test]
    fn a_link_is_not_opened_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a"), folder.path().join("link"));
        fs::write(&path, "x").unwrap();
        if !testing::link(&path, &link) {
            return;
        }
        assert!(open_itself(&link).unwrap().is_none());
        assert!(open_itself(&path).unwrap().is_some());
        assert_eq!(open_itself(&folder.path().join("b")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_somebody_reads_is_replaced_and_the_reader_keeps_the_old_one() {
        use std::io::Read as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        replace(&path, b"old").unwrap();
        let (mut reader, facts) = open(&path).unwrap();
        assert_eq!((facts.kind, facts.length, facts.trusted_owner), (Kind::Regular, 3, true));
        let before = stamp(&path).unwrap();
        if replace(&path, b"newer").is_err() && testing::is_wine() {
            testing::skip("a file that somebody reads is replaced", "Wine 8 renames nothing onto it");
            return;
        }
        assert_ne!(stamp(&path), Some(before));
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        assert_eq!((read.as_str(), &*fs::read(&path).unwrap()), ("old", b"newer".as_slice()));
    }

    #[test]
    fn the_facts_say_who_may_do_what() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "x").unwrap();
        for (mode, touch, write) in [(0o600, false, false), (0o644, true, false), (0o666, true, true)] {
            testing::set_mode(&path, mode);
            let facts = Facts::of(&File::open(&path).unwrap()).unwrap();
            let found = (facts.others_may_touch(), facts.others_may_write(), facts.everybody_may_touch());
            assert_eq!(found, (touch, write, touch), "{mode:o}: {}", facts.openness());
            assert_eq!(facts.openness() == "closed to others", !touch);
        }
        assert_eq!(facts(folder.path()).unwrap().kind, Kind::Folder);
        let changed = changed_at(&path).unwrap();
        assert!((1_700_000_000..5_000_000_000).contains(&changed), "{changed}");
    }

    #[test]
    fn programs_are_what_the_system_starts() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a.exe", "b.CMD", "c.txt", "d"] {
            fs::write(at(name), "").unwrap();
        }
        fs::create_dir(at("e.exe")).unwrap();
        let is = ["a.exe", "b.CMD", "c.txt", "d", "e.exe", "f.exe"].map(|name| is_program(&at(name)));
        assert_eq!(is, [true, true, false, false, false, false]);
        assert_eq!(super::super::programs::at(&at("a")), Some(at("a.exe")));
        assert_eq!(super::super::programs::at(&at("c")), None);
    }
}
