//! Permissions, links and pipes, for tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::files::{Facts, Kind};
use super::{User, own_user};

/// Lets in whom this mode lets in.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Whether nobody but its user may do anything with it.
pub(crate) fn is_closed(path: &Path) -> bool {
    let metadata = fs::metadata(path).unwrap();
    metadata.mode() & 0o777 == if metadata.is_dir() { 0o700 } else { 0o600 }
}

/// How a message says who may do what with the file at `path`, which has this mode.
pub(crate) fn openness(_path: &Path, mode: u32) -> String {
    format!("mode {mode:04o}")
}

/// Makes a symbolic link. Whether the system has them.
pub(crate) fn link(to: impl AsRef<Path>, at: impl AsRef<Path>) -> bool {
    std::os::unix::fs::symlink(to, at).unwrap();
    true
}

/// Makes a pipe in a folder, open to its user alone. Whether the system has them.
pub(crate) fn pipe_at(path: &Path) -> bool {
    // The program, since no crate has the call on macOS.
    std::process::Command::new("mkfifo").arg("-m600").arg(path).status().unwrap().success()
}

/// Gives a file to another user, if this one may (root alone): how messages name that user.
pub(crate) fn give_away(path: &Path) -> Option<String> {
    std::os::unix::fs::chown(path, Some(12_345), None).ok().map(|()| "12345".to_owned())
}

/// Makes it this user's own again.
pub(crate) fn take_back(path: &Path) {
    std::os::unix::fs::chown(path, Some(rustix::process::geteuid().as_raw()), None).unwrap();
}

/// The facts of a file of this mode that belongs to this user.
pub(crate) fn facts(kind: Kind, mode: u32) -> Facts {
    Facts::made_up(kind, true, own_user(), mode)
}

/// The facts of a file that belongs to another user, and how messages name that one.
pub(crate) fn facts_of_another(kind: Kind) -> (Facts, String) {
    (Facts::made_up(kind, false, User::with_number(1234), 0o600), "1234".to_owned())
}

/// What tells a file from another that later has its name.
pub(crate) fn number(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

/// A device that anybody may open.
pub(crate) const DEVICE: &str = "/dev/null";

/// Paths where no file is or can be.
pub(crate) const NO_FILES: [&str; 2] = ["/nonexistent/secret", "/dev/null/secret"];

/// Whether there is a shell that reads lines as POSIX has them.
pub(crate) fn has_sh() -> bool {
    true
}

/// Whether the system shows what a process has open, and a shell can look.
pub(crate) fn shows_descriptors() -> bool {
    let shows = Path::new("/proc/self/fd").exists();
    if !shows {
        crate::platform::testing::skip("what a program has open", "this system shows it in no folder");
    }
    shows
}

/// The path of a program whose name is without what this system adds.
pub(crate) fn program(path: &Path) -> PathBuf {
    path.to_path_buf()
}

/// Puts a program into a folder that prints its arguments.
pub(crate) fn put_echo(folder: &Path, name: &str) {
    link("/bin/echo", folder.join(name));
}

/// How a whole path begins.
pub(crate) const ROOT: &str = "/";

/// A program that is there.
pub(crate) const PROGRAM: &str = "/bin/sh";

/// Whether systemd could hand over credentials.
pub(crate) fn has_credentials() -> bool {
    true
}

/// Whether the system takes authorities of tokend's own beside its own.
pub(crate) fn takes_authorities() -> bool {
    true
}

/// The facts of a folder that everybody may write to, but nobody may remove others' files from, such as /tmp.
#[expect(clippy::unnecessary_wraps, reason = "Windows has none")]
pub(crate) fn folder_of_everybody() -> Option<Facts> {
    Some(facts(Kind::Folder, 0o1777))
}

/// A configuration whose whole paths, as Unix has them, are whole here.
pub(crate) fn with_whole_paths(text: &str) -> String {
    text.to_owned()
}

/// Whether the system tells a file of this mode from one that is closed to others.
pub(crate) fn tells(_mode: u32) -> bool {
    true
}
