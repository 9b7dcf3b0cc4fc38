//! Which files are programs, and what a program needs in its environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::files;

/// What a program finds in its environment, if the daemon has it: who and where the user is, where the system and its
/// programs are, without which many do not start.
pub const ENVIRONMENT: &[&str] = &[
    "HOME",
    "USERNAME",
    "USERDOMAIN",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "ALLUSERSPROFILE",
    "PUBLIC",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "ProgramW6432",
    "CommonProgramFiles",
    "CommonProgramFiles(x86)",
    "CommonProgramW6432",
    "SystemRoot",
    "SystemDrive",
    "windir",
    "ComSpec",
    "PATH",
    "PATHEXT",
    "TEMP",
    "TMP",
    "OS",
    "COMPUTERNAME",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
    "PSModulePath",
    "LANG",
];

/// Where programs are when there is no PATH.
pub const DEFAULT_PATH: &str = r"C:\Windows\System32;C:\Windows;C:\Windows\System32\WindowsPowerShell\v1.0";

/// The folder in which programs run.
pub const ROOT: &str = r"\";

/// What the system starts by itself, or by its own interpreter of batch files.
const RUNNABLE: [&str; 4] = ["com", "exe", "bat", "cmd"];

pub(super) fn is_runnable(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|it| RUNNABLE.iter().any(|runnable| it.eq_ignore_ascii_case(runnable)))
}

/// The program that is meant by a path without, or with, its extension: those of `%PATHEXT%` are tried in their order, as
/// the system's own interpreter does.
#[must_use]
pub fn at(path: &Path) -> Option<PathBuf> {
    if files::is_program(path) {
        return Some(path.to_path_buf());
    }
    let listed = std::env::var("PATHEXT").unwrap_or_default();
    let listed = if listed.is_empty() { ".COM;.EXE;.BAT;.CMD" } else { &listed };
    listed.split(';').filter_map(|extension| extension.strip_prefix('.')).find_map(|extension| {
        let mut whole = path.as_os_str().to_owned();
        whole.push(".");
        whole.push(extension.to_ascii_lowercase());
        Some(PathBuf::from(whole)).filter(|path| files::is_program(path))
    })
}

/// The user's home, as `~/` has it.
#[must_use]
pub fn home() -> Option<PathBuf> {
    super::surroundings().home.map(PathBuf::from).filter(|home| home.is_absolute())
}
