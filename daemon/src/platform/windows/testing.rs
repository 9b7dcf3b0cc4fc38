//! Permissions and links, for tests.

#![expect(unsafe_code, reason = "Windows' calls")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::Security::Authorization::{SE_FILE_OBJECT, SetNamedSecurityInfoW};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, PROTECTED_DACL_SECURITY_INFORMATION,
};
use windows_sys::Win32::Storage::FileSystem::{FILE_GENERIC_EXECUTE, FILE_GENERIC_READ, FILE_GENERIC_WRITE};

use super::access::Access;
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
    for (bits, who) in [(mode >> 3 & 7, "BU"), (mode & 7, "WD")] {
        for (bit, right) in [(4, "FR"), (2, "FW"), (1, "FX")] {
            if bits & bit != 0 {
                text.push_str(&format!("(A;{flags};{right};;;{who})"));
            }
        }
    }
    let descriptor = Descriptor::of(&text).unwrap();
    let (mut present, mut list, mut defaulted) = (0, null_mut(), 0);
    // SAFETY: the descriptor is valid, and the address is written where it belongs.
    let got = unsafe {
        GetSecurityDescriptorDacl(descriptor.as_ptr(), &raw mut present, &raw mut list, &raw mut defaulted)
    };
    assert_ne!(got, 0);
    let name = wide(path);
    // SAFETY: the name ends in a zero, and the list lies in the descriptor, which is still there.
    let error = unsafe {
        SetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
            null_mut(),
            null_mut(),
            list,
            null_mut(),
        )
    };
    assert_eq!(error, ERROR_SUCCESS, "{}", path.display());
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
    let others = [("S-1-5-32-545", rights(mode >> 3 & 7)), ("S-1-1-0", rights(mode & 7))];
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
