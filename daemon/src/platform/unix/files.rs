//! Opening files that others may have laid out: whose they are and who may touch them, told of the open
//! descriptor; and writing files whole or not at all.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{Access, OFlags, access};
use rustix::io::Errno;

use super::{User, system};
use crate::platform::temporary::Temporary;
pub use crate::platform::temporary::{is_temporary, sweep};

/// Whose a file is and who may touch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: Kind,
    /// Whether it belongs to this process's user or to root.
    pub trusted_owner: bool,
    /// The user that it belongs to.
    pub owner: User,
    /// How many bytes, as far as the file system says.
    pub length: u64,
    /// The permission bits, such as `0o600`.
    mode: u32,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file that holds bytes.
    Regular,
    /// A folder.
    Folder,
    /// A pipe, a socket, a device.
    Other,
}

impl Facts {
    fn of(metadata: &Metadata) -> Self {
        let kind = match metadata {
            it if it.is_file() => Kind::Regular,
            it if it.is_dir() => Kind::Folder,
            _ => Kind::Other,
        };
        let owner = User::with_number(metadata.uid());
        let trusted_owner = owner.is_trusted();
        Self { kind, trusted_owner, owner, length: metadata.len(), mode: metadata.mode() & 0o7777 }
    }

    /// Those of a file that is not there.
    #[cfg(test)]
    pub(in crate::platform) fn made_up(kind: Kind, trusted_owner: bool, owner: User, mode: u32) -> Self {
        Self { kind, trusted_owner, owner, length: 1, mode }
    }

    /// Whether it is a folder in which only a file's owner can remove or replace it, such as /tmp.
    #[must_use]
    pub fn keeps_files_to_their_owners(&self) -> bool {
        self.kind == Kind::Folder && self.mode & 0o1000 != 0
    }

    /// Who may do what with it, in the system's words: `mode 0640`.
    #[must_use]
    pub fn openness(&self) -> String {
        format!("mode {:04o}", self.mode)
    }

    /// Whether the file's group or everybody may change it.
    #[must_use]
    pub fn others_may_write(&self) -> bool {
        self.mode & 0o022 != 0
    }

    /// Whether the file's group or everybody may do anything with it.
    #[must_use]
    pub fn others_may_touch(&self) -> bool {
        self.mode & 0o077 != 0
    }

    /// Whether everybody may do anything with it.
    #[must_use]
    pub fn everybody_may_touch(&self) -> bool {
        self.mode & 0o007 != 0
    }
}

/// Opens for reading. Never waits for the other end of a pipe, never takes a terminal over; symbolic links
/// are followed. The facts are those of what was opened, whatever happens to the path.
///
/// # Errors
/// What the system says.
pub fn open(path: &Path) -> io::Result<(File, Facts)> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let facts = Facts::of(&file.metadata()?);
    Ok((file, facts))
}

/// The same of what lies at `path` itself: `None` where that is a symbolic link.
///
/// # Errors
/// What the system says.
pub fn open_itself(path: &Path) -> io::Result<Option<(File, Facts)>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => {
            let facts = Facts::of(&file.metadata()?);
            Ok(Some((file, facts)))
        }
        // open(2) says so of a link, FreeBSD by another word; a folder on the way may be a loop of links,
        // too.
        Err(error)
            if matches!(Errno::from_io_error(&error), Some(Errno::LOOP | Errno::MLINK))
                && fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_symlink()) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Writes `bytes` to `path`, whole or not at all, for its user alone: to a temporary file in the same folder,
/// which then takes the name. When this returns they are on the disk, and so is the name. What was at `path`
/// before, also a symbolic link, is gone only then.
///
/// # Errors
/// What the system says; then `path` is as it was, but for a failure of the folder's last fsync.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let temporary = Temporary::new(folder, name, |path| {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    })?;
    (&temporary.file).write_all(bytes)?;
    system::sync(&temporary.file)?;
    fs::rename(&temporary.path, path)?;
    temporary.has_its_name();
    sync_folder(folder)
}

/// Removes what is at `path`, for good when this returns.
///
/// # Errors
/// What the system says.
pub fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// What was renamed or removed in the folder stays so.
fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    system::sync(&File::open(folder)?)
}

/// The facts of a path, symbolic links followed.
///
/// # Errors
/// What the system says.
pub fn facts(path: &Path) -> io::Result<Facts> {
    Ok(Facts::of(&fs::metadata(path)?))
}

/// What changes when a file is written, replaced, opened to others or closed to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    mode: u32,
    owner: u32,
    changed: (i64, i64),
}

/// The stamp of the file at `path`, symbolic links followed; nothing where there is none.
#[must_use]
pub fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        length: metadata.len(),
        mode: metadata.mode(),
        owner: metadata.uid(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// When the file at `path` was last written, replaced or renamed, in seconds since 1970; symbolic links followed.
#[must_use]
pub fn changed_at(path: &Path) -> Option<i64> {
    Some(fs::metadata(path).ok()?.ctime())
}

/// Whether the path is a program that this process may run.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0)
        && access(path, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

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
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(names(folder.path()), ["a"]);
        }
    }

    #[test]
    fn a_link_is_replaced_and_its_target_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a"), folder.path().join("target"));
        fs::write(&target, "theirs").unwrap();
        symlink(&target, &path).unwrap();
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
        assert!(replace(Path::new("/"), b"x").is_err());
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
        symlink(&path, &link).unwrap();
        assert!(open_itself(&link).unwrap().is_none());
        assert!(open_itself(&path).unwrap().is_some());
        assert_eq!(open_itself(&folder.path().join("b")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
