//! Where this user's things are.

use std::path::{Path, PathBuf};

use tokend_proto::places::Surroundings;

/// What the places depend on. The folder of `/run` and the host's name are looked up only where no variable
/// decides before them.
pub(crate) fn surroundings() -> Surroundings {
    let mut found = Surroundings {
        tokend_sock: std::env::var_os("TOKEND_SOCK"),
        xdg_runtime_dir: std::env::var_os("XDG_RUNTIME_DIR"),
        ..Surroundings::default()
    };
    let set =
        |variable: &Option<std::ffi::OsString>| variable.as_ref().is_some_and(|value| !value.is_empty());
    if set(&found.tokend_sock) || set(&found.xdg_runtime_dir) && found.socket().is_ok() {
        return found;
    }
    found.run_user = run_user();
    if found.run_user.is_none() { all_surroundings() } else { found }
}

/// The same, with all that may be asked of them.
pub(crate) fn all_surroundings() -> Surroundings {
    // As tokend does: without HOME, what the system's list of users says.
    let home = std::env::home_dir();
    Surroundings {
        tokend_sock: std::env::var_os("TOKEND_SOCK"),
        xdg_runtime_dir: std::env::var_os("XDG_RUNTIME_DIR"),
        xdg_state_home: std::env::var_os("XDG_STATE_HOME"),
        xdg_config_home: std::env::var_os("XDG_CONFIG_HOME"),
        xdg_data_home: std::env::var_os("XDG_DATA_HOME"),
        folders: home.as_deref().and_then(own_folders),
        home: home.map(PathBuf::into_os_string),
        run_user: run_user(),
        pipe: None,
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    }
}

/// The folder for what lives no longer than a login: the socket's own.
pub(crate) fn run_folder(socket: &Path) -> Option<PathBuf> {
    socket.parent().map(Path::to_path_buf)
}

/// Where the system's guidelines want programs' files, if that is not where XDG wants them.
#[cfg(not(target_os = "macos"))]
fn own_folders(_home: &Path) -> Option<tokend_proto::places::Folders> {
    None
}

/// Where Apple's guidelines want programs' files.
#[cfg(target_os = "macos")]
fn own_folders(home: &Path) -> Option<tokend_proto::places::Folders> {
    let own = home.join("Library/Application Support/tokend");
    home.is_absolute().then(|| tokend_proto::places::Folders {
        data: own.join("data"),
        state: own.join("state"),
        configuration: own,
    })
}

/// The folder of this login, if it is this user's and closed to others.
fn run_user() -> Option<PathBuf> {
    let folder = run_user_folder()?;
    let found = rustix::fs::stat(&folder).ok()?;
    let kind = rustix::fs::FileType::from_raw_mode(found.st_mode);
    let own = rustix::process::geteuid().as_raw();
    (kind.is_dir() && found.st_uid == own && found.st_mode & 0o777 == 0o700).then_some(folder)
}

#[cfg(not(target_os = "macos"))]
#[expect(clippy::unnecessary_wraps, reason = "macOS may not know it")]
fn run_user_folder() -> Option<PathBuf> {
    Some(PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw())))
}

/// What `$TMPDIR` is unless somebody changed it: a folder of this user's (confstr(3)).
#[cfg(target_os = "macos")]
#[expect(unsafe_code, reason = "confstr of the C library")]
fn run_user_folder() -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;

    let mut path = vec![0_u8; 1024];
    // SAFETY: the buffer is as long as is said, and lives through the call.
    let length =
        unsafe { libc::confstr(libc::_CS_DARWIN_USER_TEMP_DIR, path.as_mut_ptr().cast(), path.len()) };
    // The length counts the zero at the end; more than there is room for is no such path.
    let length = length.checked_sub(1).filter(|length| *length < path.len())?;
    path.truncate(length);
    Some(PathBuf::from(std::ffi::OsString::from_vec(path))).filter(|path| path.is_absolute())
}
