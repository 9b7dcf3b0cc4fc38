//! Files on their way to another name, as every system writes them: what they are called, and what becomes of them when
//! nobody finishes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// How many random letters are in a temporary file's name.
const LETTERS: usize = 8;

/// A file on its way to another name. Dropped before that, it goes.
pub(super) struct Temporary {
    pub(super) path: PathBuf,
    pub(super) file: File,
}

impl Temporary {
    /// `.NAME.LETTERS.tmp` in `folder`. `make` makes it, closed to others from birth, and says `AlreadyExists` where there
    /// is one.
    pub(super) fn new(
        folder: &Path,
        name: &OsStr,
        make: impl Fn(&Path) -> io::Result<File>,
    ) -> io::Result<Self> {
        let mut tries = 0;
        loop {
            let letters: String = std::iter::repeat_with(fastrand::alphanumeric).take(LETTERS).collect();
            let mut temporary = OsStr::new(".").to_owned();
            temporary.push(name);
            temporary.push(format!(".{letters}.tmp"));
            let path = folder.join(temporary);
            match make(&path) {
                Ok(file) => return Ok(Self { path, file }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < 16 => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// It is no temporary file any more.
    pub(super) fn has_its_name(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // It is swept later where it cannot be removed now.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what a killed [`replace`](super::files::replace) has left in `folder`, and says how many files that were. Only
/// for who keeps all other writers out of the folder: their temporary files would go, too.
///
/// # Errors
/// When the folder cannot be read.
pub fn sweep(folder: &Path) -> io::Result<usize> {
    let mut swept = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let ours = is_temporary(&entry.file_name()) && entry.file_type()?.is_file();
        if ours && fs::remove_file(entry.path()).is_ok() {
            swept += 1;
        }
    }
    Ok(swept)
}

/// Whether a file's name is one that [`replace`](super::files::replace) gives on the way.
#[must_use]
pub fn is_temporary(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let Some(rest) = name.strip_prefix(b".").and_then(|rest| rest.strip_suffix(b".tmp")) else {
        return false;
    };
    let Some(letters) = rest.len().checked_sub(LETTERS).map(|start| &rest[start..]) else { return false };
    letters.iter().all(u8::is_ascii_alphanumeric)
        && rest[..rest.len() - LETTERS].strip_suffix(b".").is_some_and(|name| !name.is_empty())
}
