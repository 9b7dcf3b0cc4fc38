//! Files: who may read and write them is in their descriptors, not in bits.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use super::descriptors::{descriptor_of_file, own_user, set_descriptor};

/// How long is waited for whoever has a file open.
const LOOK: Duration = Duration::from_millis(20);

/// Opens a file anew for writing, for its user alone.
///
/// # Errors
/// The system's.
pub fn open_private(path: impl AsRef<Path>) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    set_mode(path, 0o600)?;
    Ok(file)
}

/// Makes a folder, and those above it that are missing; this one is its user's alone.
///
/// # Errors
/// The system's.
pub fn private_folder(path: impl AsRef<Path>) -> io::Result<()> {
    fs::create_dir_all(&path)?;
    set_mode(path, 0o700)
}

/// Lets everybody read or write a file or folder where these bits let others, and else its user alone.
///
/// # Errors
/// The system's.
pub fn set_mode(path: impl AsRef<Path>, mode: u32) -> io::Result<()> {
    let path = path.as_ref();
    let me = own_user();
    // What is made in a folder has the folder's entries.
    let inherit = if path.is_dir() { "OICI" } else { "" };
    let own = if mode & 0o200 == 0 { "GRGX" } else { "FA" };
    let others = [(0o044, "FR"), (0o022, "FW")].into_iter().filter(|(bits, _)| mode & bits != 0);
    let others: Vec<String> = others.map(|(_, may)| format!("(A;{inherit};{may};;;WD)")).collect();
    set_descriptor(path, &format!("D:P(A;{inherit};{own};;;{me}){}", others.concat()))
}

/// Whether nobody but its user, the system and its administrators may do anything with a file or folder.
///
/// # Errors
/// The system's.
pub fn is_private(path: impl AsRef<Path>) -> io::Result<bool> {
    let text = descriptor_of_file(path.as_ref())?;
    let entries = text.split('(').skip(1).filter_map(|entry| entry.split(')').next());
    let mut trusted = entries.filter(|entry| entry.starts_with("A;")).map(|entry| {
        let who = entry.rsplit(';').next().unwrap_or_default();
        who == own_user() || ["SY", "BA"].contains(&who)
    });
    // No list at all is everybody.
    Ok(text.contains('(') && trusted.all(|it| it))
}

/// Files have no bits here.
///
/// # Errors
/// Always.
pub fn mode(_path: impl AsRef<Path>) -> io::Result<u32> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Users have no numbers here.
///
/// # Errors
/// Always.
pub fn owner(_path: impl AsRef<Path>) -> io::Result<u32> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Files are not known by numbers here.
///
/// # Errors
/// Always.
pub fn number(_path: impl AsRef<Path>) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Files are not known by numbers here.
///
/// # Errors
/// Always.
pub fn device_and_number(_file: &File) -> io::Result<(u64, u64)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Sockets are in no folder here.
///
/// # Errors
/// Always.
pub fn is_socket(_path: impl AsRef<Path>) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Users have no numbers here.
///
/// # Errors
/// Always.
pub fn give_away(_path: impl AsRef<Path>, _user: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Users have no numbers here.
///
/// # Errors
/// Always.
pub fn chown(_path: impl AsRef<Path>, _user: Option<u32>, _group: Option<u32>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Puts a file in the place of another one, which somebody may be reading at this moment: then it is tried again.
///
/// # Errors
/// The system's.
pub fn replace(new: &Path, old: &Path) -> io::Result<()> {
    for _ in 0..100 {
        match fs::rename(new, old) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => std::thread::sleep(LOOK),
            done => return done,
        }
    }
    fs::rename(new, old)
}

/// Makes a link to a file.
///
/// # Errors
/// The system's: not everybody may.
pub fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    std::os::windows::fs::symlink_file(original, link)
}

/// Pipes are in no folder here.
///
/// # Errors
/// Always.
pub fn fifo(_path: impl AsRef<Path>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Fills the buffer from this place of a file on.
///
/// # Errors
/// The system's, and where the file is shorter.
pub fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let count = file.seek_read(buffer, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[count..];
        offset += count as u64;
    }
    Ok(())
}

/// Writes a program; who may run it is as with any file.
///
/// # Panics
/// When it cannot be written.
pub fn write_program(path: &Path, mode: u32, content: &[u8]) {
    fs::write(path, content)
        .and_then(|()| set_mode(path, mode))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
