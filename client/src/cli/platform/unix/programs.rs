//! Where programs are: beside this one, and in the folders of `PATH`.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The program of this name in the folder that `tok` itself is in, whatever link it was called by.
pub(crate) fn beside_this(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().and_then(|path| path.canonicalize()).ok()?;
    let found = own.parent()?.join(name);
    is_program(&found).then_some(found)
}

/// The first program of this name in `PATH`. A relative folder there would be another one in each place: passed over.
pub(crate) fn find_program(name: impl AsRef<Path>) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name.as_ref()))
        .find(|path| is_program(path))
}

/// The program that is meant by this word of a command line: the system looks it up itself.
pub(crate) fn program(word: &OsStr) -> OsString {
    word.to_owned()
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_run_is_a_program() {
        assert!(is_program(Path::new("/bin/sh")));
        assert!(!is_program(Path::new("/bin")));
        assert!(!is_program(Path::new("/etc/passwd")));
        assert!(!is_program(Path::new("/nonexistent")));
        assert!(find_program("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find_program("no-such-program"), None);
    }
}
