//! Files: modes, owners, links.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
    PermissionsExt as _,
};
use std::path::Path;
use std::process::{Command, Stdio};

/// Opens a file anew for writing; one that is made is its user's alone from birth.
///
/// # Errors
/// The system's.
pub fn open_private(path: impl AsRef<Path>) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Makes a folder, and those above it that are missing, for its user alone.
///
/// # Errors
/// The system's.
pub fn private_folder(path: impl AsRef<Path>) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Gives a file or folder these bits.
///
/// # Errors
/// The system's.
pub fn set_mode(path: impl AsRef<Path>, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// The bits of a file or folder; a link's own.
///
/// # Errors
/// The system's.
pub fn mode(path: impl AsRef<Path>) -> io::Result<u32> {
    Ok(fs::symlink_metadata(path)?.permissions().mode() & 0o7777)
}

/// Whether a file or folder is its user's alone: 0600, or 0700.
///
/// # Errors
/// The system's.
pub fn is_private(path: impl AsRef<Path>) -> io::Result<bool> {
    let facts = fs::symlink_metadata(path)?;
    Ok(facts.permissions().mode() & 0o7777 == if facts.is_dir() { 0o700 } else { 0o600 })
}

/// The number of whom a file or folder belongs to; a link's own.
///
/// # Errors
/// The system's.
pub fn owner(path: impl AsRef<Path>) -> io::Result<u32> {
    Ok(fs::symlink_metadata(path)?.uid())
}

/// The number by which the file system knows a file (inode).
///
/// # Errors
/// The system's.
pub fn number(path: impl AsRef<Path>) -> io::Result<u64> {
    Ok(fs::metadata(path)?.ino())
}

/// On which device a file is, and its number there.
///
/// # Errors
/// The system's.
pub fn device_and_number(file: &File) -> io::Result<(u64, u64)> {
    let facts = file.metadata()?;
    Ok((facts.dev(), facts.ino()))
}

/// Whether a socket is there.
///
/// # Errors
/// The system's.
pub fn is_socket(path: impl AsRef<Path>) -> io::Result<bool> {
    Ok(fs::symlink_metadata(path)?.file_type().is_socket())
}

/// Gives a file to the user of this number, and to the user's group.
///
/// # Errors
/// The system's: only root may.
pub fn give_away(path: impl AsRef<Path>, user: u32) -> io::Result<()> {
    std::os::unix::fs::lchown(path, Some(user), Some(user))
}

/// Gives a file to the user and the group of these numbers; what is not said stays.
///
/// # Errors
/// The system's: only root may.
pub fn chown(path: impl AsRef<Path>, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
    std::os::unix::fs::chown(path, user, group)
}

/// Puts a file in the place of another one.
///
/// # Errors
/// The system's.
pub fn replace(new: &Path, old: &Path) -> io::Result<()> {
    fs::rename(new, old)
}

/// Makes a link to a file.
///
/// # Errors
/// The system's.
pub fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    std::os::unix::fs::symlink(original, link)
}

/// Makes a named pipe in a folder, for its user alone.
///
/// # Errors
/// The system's.
pub fn fifo(path: impl AsRef<Path>) -> io::Result<()> {
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(path.as_ref()).status()?;
    if made.success() { Ok(()) } else { Err(io::Error::other("mkfifo failed")) }
}

/// Fills the buffer from this place of a file on.
///
/// # Errors
/// The system's, and where the file is shorter.
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buffer, offset)
}

/// Writes a program that its user can run, and others too where `mode` says so. Another process writes it: a
/// descriptor of this one, open for writing, would be inherited by whatever another test starts in that moment, and
/// the program would be busy (ETXTBSY).
///
/// # Panics
/// When it cannot be written.
pub fn write_program(path: &Path, mode: u32, content: &[u8]) {
    let script = r#"umask 077; rm -f "$1" && cat >"$1" && chmod "$0" "$1""#;
    let mut shell = Command::new("/bin/sh")
        .args(["-c", script, &format!("{mode:o}")])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    let written = shell.stdin.take().map(|mut stdin| stdin.write_all(content));
    assert!(written.is_some_and(|written| written.is_ok()), "{}", path.display());
    assert!(shell.wait().expect("the shell ends").success(), "{}", path.display());
}
