//! The commands that a person is told to type, without the quotes around them.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
pub use macos::*;

#[cfg(not(target_os = "macos"))]
mod systemd;
#[cfg(not(target_os = "macos"))]
pub use systemd::*;

/// Makes a file the user's own.
#[must_use]
pub fn own(path: &str) -> String {
    format!("chown $(id -u) {path}")
}

/// Makes a folder and all that is in it the user's own.
#[must_use]
pub fn own_all(path: &str) -> String {
    format!("chown -R $(id -u) {path}")
}

/// Closes a file to all others.
#[must_use]
pub fn close(path: &str) -> String {
    format!("chmod 600 {path}")
}

/// Closes a folder to all others.
#[must_use]
pub fn close_folder(path: &str) -> String {
    format!("chmod 700 {path}")
}

/// Takes the right to write from all others.
#[must_use]
pub fn close_to_writers(path: &str) -> String {
    format!("chmod go-w {path}")
}

/// Closes a file that has no path yet.
pub const CLOSE_IT: &str = "chmod 600";

/// Shows whose a file is, and who may do what with it.
#[must_use]
pub fn look(path: &str) -> String {
    format!("ls -ld {path}")
}

/// Shows what is in a folder, or that there is nothing.
#[must_use]
pub fn look_inside(path: &str) -> String {
    format!("ls -la {path}")
}

/// Shows a file, said without its path.
pub const LOOK_AT_IT: &str = "ls -l";

/// Shows a folder, said without its path.
pub const LOOK_AT_FOLDER: &str = "ls -ld";

/// Shows whose a file is, and who may do what with it.
#[must_use]
pub fn look_at_file(path: &str) -> String {
    format!("ls -l {path}")
}

/// Sets a variable in the shell.
#[must_use]
pub fn set_variable(name: &str, value: &str) -> String {
    format!("export {name}='{value}'")
}

/// How a whole path begins.
pub const WHOLE_PATH: &str = "/ or ~/";
