//! Opening files that others may have laid out: whose they are and who may touch them, told of the open descriptor.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{Access, OFlags, access};

/// Whose a file is and who may touch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: Kind,
    /// Whether it belongs to this process's user or to root.
    pub trusted_owner: bool,
    /// The user that it belongs to.
    pub owner: u32,
    /// The permission bits, such as `0o600`.
    pub mode: u32,
    /// How many bytes, as far as the file system says.
    pub length: u64,
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
        let owner = metadata.uid();
        Self {
            kind,
            trusted_owner: owner == 0 || owner == rustix::process::geteuid().as_raw(),
            owner,
            mode: metadata.mode() & 0o7777,
            length: metadata.len(),
        }
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

/// Opens for reading. Never waits for the other end of a pipe, never takes a terminal over; symbolic links are
/// followed. The facts are those of what was opened, whatever happens to the path.
///
/// # Errors
/// What the system says.
pub fn open(path: &Path) -> io::Result<(File, Facts)> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let facts = Facts::of(&file.metadata()?);
    Ok((file, facts))
}

/// The facts of a path, symbolic links followed.
///
/// # Errors
/// What the system says.
pub fn facts(path: &Path) -> io::Result<Facts> {
    Ok(Facts::of(&std::fs::metadata(path)?))
}

/// Puts `bytes` into the place of the file at `path`.
///
/// # Errors
/// What the system says.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::write(path, bytes)
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
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        length: metadata.len(),
        mode: metadata.mode(),
        owner: metadata.uid(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// Whether the path is a program that this process may run.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0)
        && access(path, Access::EXEC_OK).is_ok()
}
