//! The commands that a person is told to type, without the quotes around them: of icacls and takeown, which every Windows
//! has, and which PowerShell and cmd read alike. Administrators and the system are named by their numbers, since their names
//! are in the system's language.

use super::own_user;

/// The two that may always do all: the system and administrators.
const ALWAYS: &str = "\"*S-1-5-18:F\" \"*S-1-5-32-544:F\"";

/// The same of a folder and what will be made in it.
const ALWAYS_BELOW: &str = "\"*S-1-5-18:(OI)(CI)F\" \"*S-1-5-32-544:(OI)(CI)F\"";

/// Those to whom a file may have been opened by name: everyone, who is logged in, users, guests.
const OTHERS: &str = "\"*S-1-1-0\" \"*S-1-5-11\" \"*S-1-5-32-545\" \"*S-1-5-32-546\"";

/// Makes a file the user's own.
#[must_use]
pub fn own(path: &str) -> String {
    format!("takeown /f \"{path}\"")
}

/// Makes a folder and all that is in it the user's own.
#[must_use]
pub fn own_all(path: &str) -> String {
    format!("takeown /f \"{path}\" /r")
}

/// Closes a file to all others.
#[must_use]
pub fn close(path: &str) -> String {
    format!("icacls \"{path}\" /inheritance:r /grant:r \"*{}:F\" {ALWAYS} /remove {OTHERS}", own_user())
}

/// Closes a folder to all others.
#[must_use]
pub fn close_folder(path: &str) -> String {
    format!(
        "icacls \"{path}\" /inheritance:r /grant:r \"*{}:(OI)(CI)F\" {ALWAYS_BELOW} /remove {OTHERS}",
        own_user()
    )
}

/// Takes the right to write from all others.
#[must_use]
pub fn close_to_writers(path: &str) -> String {
    close(path)
}

/// Closes a file that has no path yet.
pub const CLOSE_IT: &str = "icacls FILE /inheritance:r /grant:r \"${env:USERNAME}:F\"";

/// Shows whose a file is, and who may do what with it.
#[must_use]
pub fn look(path: &str) -> String {
    format!("icacls \"{path}\"")
}

/// Shows whose a file is, and who may do what with it.
#[must_use]
pub fn look_at_file(path: &str) -> String {
    look(path)
}

/// Shows what is in a folder, or that there is nothing.
#[must_use]
pub fn look_inside(path: &str) -> String {
    format!("dir \"{path}\"")
}

/// Shows a file, said without its path.
pub const LOOK_AT_IT: &str = "dir";

/// Shows a folder, said without its path.
pub const LOOK_AT_FOLDER: &str = "icacls";

/// Shows the store.
pub const LOOK_AT_STORE: &str = r"dir $env:LOCALAPPDATA\tokend\data";

/// Shows whether the clock is right.
pub const LOOK_AT_CLOCK: &str = "w32tm /query /status";

/// Where the system tells of disks that fail.
pub const FAILING_DISKS: &str = "the Event Viewer may know of a failing disk";

/// How a crash leaves no core file.
pub const NO_CORE_FILES: &str = "this should not be; please report it";

/// Sets a variable in the shell.
#[must_use]
pub fn set_variable(name: &str, value: &str) -> String {
    format!("$env:{name} = '{value}'")
}

/// How a whole path begins.
pub const WHOLE_PATH: &str = "C:\\ (between single quotes) or ~/";

/// Sets the clock by the network.
pub const SET_CLOCK: &str =
    "set it by the network: `w32tm /resync` as administrator; `w32tm /query /status` shows how it is";

/// Where what tokend said is to be read.
pub const LOOK_AT_LOG: &str =
    r"the log says more: $env:LOCALAPPDATA\tokend\state\tokend.log, or what tokend itself printed";

/// Starts the daemon, as whoever it is that keeps it running does.
pub const START: &str = "tokend install";

/// The same of one that ended by itself.
pub const START_SERVICE: &str = "tokend install";
