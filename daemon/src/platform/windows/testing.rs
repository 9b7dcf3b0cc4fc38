//! Permissions and links, for tests.

#![expect(unsafe_code, reason = "Windows' calls")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, SetFileSecurityW,
};
use windows_sys::Win32::Storage::FileSystem::{FILE_GENERIC_EXECUTE, FILE_GENERIC_READ, FILE_GENERIC_WRITE};

use super::access::Access;
use super::dynamic::function;
use super::files::{self, Facts, Kind};
use super::security::{Descriptor, User};
use super::words::wide;
use super::{file_identity, own_user};
use crate::platform::testing::skip;

/// Lets in whom this mode lets in: users of this machine as the group, and everybody.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    let user = own_user();
    let flags = if path.is_dir() { "OICI" } else { "" };
    let mut text = format!("D:P(A;{flags};FA;;;{user})(A;{flags};FA;;;SY)(A;{flags};FA;;;BA)");
    let group = if is_wine() { "WD" } else { "BU" };
    for (bits, who) in [(mode >> 3 & 7, group), (mode & 7, "WD")] {
        for (bit, right) in [(4, "FR"), (2, "FW"), (1, "FX")] {
            if bits & bit != 0 {
                let _ = write!(text, "(A;{flags};{right};;;{who})");
            }
        }
    }
    let descriptor = Descriptor::of(&text).unwrap();
    let name = wide(path);
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: the name ends in a zero, and the descriptor lives until the call is over.
    let set = unsafe { SetFileSecurityW(name.as_ptr(), what, descriptor.as_ptr()) };
    assert_ne!(set, 0, "{}: {}", path.display(), std::io::Error::last_os_error());
}

/// Whether this is Wine, which keeps an access list as the nine bits of Unix.
pub(crate) fn is_wine() -> bool {
    function("ntdll.dll", c"wine_get_version").is_some()
}

/// Whether nobody but its user, the system and administrators may do anything with it.
pub(crate) fn is_closed(path: &Path) -> bool {
    !files::facts(path).unwrap().others_may_touch()
}

/// How a message says who may do what with the file at `path`, which has this mode.
pub(crate) fn openness(path: &Path, _mode: u32) -> String {
    files::facts(path).unwrap().openness()
}

/// Makes a symbolic link, where the system lets this user; under Wine there are none.
pub(crate) fn link(to: impl AsRef<Path>, at: impl AsRef<Path>) -> bool {
    let at = at.as_ref();
    let made = std::os::windows::fs::symlink_file(to, at);
    let is_one = made.is_ok() && at.is_symlink();
    if !is_one {
        skip("a symbolic link", "this system makes none for this user");
    }
    is_one
}

/// Makes a pipe in a folder: there are none.
pub(crate) fn pipe_at(_path: &Path) -> bool {
    skip("a pipe in a folder", "this system has none");
    false
}

/// Gives a file to another user: nobody may here.
pub(crate) fn give_away(_path: &Path) -> Option<String> {
    skip("a file of another user", "this system lets nobody give files away");
    None
}

/// Makes it this user's own again.
pub(crate) fn take_back(_path: &Path) {}

fn others(mode: u32) -> Access {
    let rights = |bits: u32| {
        [(4, FILE_GENERIC_READ), (2, FILE_GENERIC_WRITE), (1, FILE_GENERIC_EXECUTE)]
            .into_iter()
            .filter(|(bit, _)| bits & bit != 0)
            .fold(0, |all, (_, right)| all | right)
    };
    let others = [("S-1-5-21-1-2-3-513", rights(mode >> 3 & 7)), ("S-1-1-0", rights(mode & 7))];
    Access::made_up(others.into_iter().filter(|(_, rights)| *rights != 0))
}

/// The facts of a file of this mode that belongs to this user.
pub(crate) fn facts(kind: Kind, mode: u32) -> Facts {
    Facts::made_up(kind, true, own_user(), others(mode))
}

/// The facts of a file that belongs to another user, and how messages name that one.
pub(crate) fn facts_of_another(kind: Kind) -> (Facts, String) {
    let user = "S-1-5-21-1-2-3-1234";
    (Facts::made_up(kind, false, User::with_text(user), Access::none()), user.to_owned())
}

/// What tells a file from another that later has its name.
pub(crate) fn number(path: &Path) -> u64 {
    file_identity(path).unwrap().1
}

/// A device that anybody may open.
pub(crate) const DEVICE: &str = r"\\.\NUL";

/// Paths where no file is or can be.
pub(crate) const NO_FILES: [&str; 2] = [r"C:\nonexistent\secret", r"C:\nonexistent?\secret"];

/// Whether there is a shell that reads lines as POSIX has them.
pub(crate) fn has_sh() -> bool {
    skip("a line of sh", "this system has none; `platform::windows` has its own tests of programs");
    false
}

/// Whether the system shows what a process has open, and a shell can look.
pub(crate) fn shows_descriptors() -> bool {
    skip("what a program has open", "this system shows it in no folder");
    false
}

/// The path of a program whose name is without what this system adds.
pub(crate) fn program(path: &Path) -> PathBuf {
    path.with_extension("cmd")
}

/// Puts a program into a folder that prints its arguments.
pub(crate) fn put_echo(folder: &Path, name: &str) {
    std::fs::write(program(&folder.join(name)), "@echo off\r\necho %*\r\n").unwrap();
}

/// How a whole path begins.
pub(crate) const ROOT: &str = "C:/";

/// A program that is there.
pub(crate) const PROGRAM: &str = r"C:\windows\system32\cmd.exe";

/// Whether systemd could hand over credentials.
pub(crate) fn has_credentials() -> bool {
    skip("credentials of systemd", "this system has no systemd");
    false
}

/// Whether the system takes authorities of tokend's own beside its own.
pub(crate) fn takes_authorities() -> bool {
    let takes = !is_wine();
    if !takes {
        skip("authorities of tokend's own", "Wine 8 makes no chain engine with roots of its own");
    }
    takes
}

/// The facts of a folder that everybody may write to, but nobody may remove others' files from: there is none.
pub(crate) fn folder_of_everybody() -> Option<Facts> {
    None
}

/// A configuration whose whole paths, as Unix has them, are whole here.
pub(crate) fn with_whole_paths(text: &str) -> String {
    ["file = '", "file = \""]
        .iter()
        .fold(text.to_owned(), |text, start| text.replace(&format!("{start}/"), &format!("{start}{ROOT}")))
}

/// Whether the system tells a file of this mode from one that is closed to others: Wine forgets who may run it.
pub(crate) fn tells(mode: u32) -> bool {
    let tells = !is_wine() || mode & 0o066 != 0;
    if !tells {
        skip("a file that others may run", "Wine 8 keeps that of no access list");
    }
    tells
}
