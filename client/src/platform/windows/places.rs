//! Where this user's things are.

use std::ffi::{OsString, c_void};
use std::os::windows::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use tokend_proto::places::{Folders, Surroundings};
use windows_sys::Win32::Globalization::lstrlenW;
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};
use windows_sys::Win32::UI::Shell::{FOLDERID_LocalAppData, FOLDERID_Profile, FOLDERID_RoamingAppData};
use windows_sys::core::{GUID, HRESULT, PWSTR, s, w};

use super::User;

/// What the place of the pipe depends on.
pub(crate) fn surroundings() -> Surroundings {
    Surroundings {
        tokend_sock: std::env::var_os("TOKEND_SOCK"),
        pipe: Some(own_pipe()),
        ..Surroundings::default()
    }
}

/// The same, with all that may be asked of them.
pub(crate) fn all_surroundings() -> Surroundings {
    Surroundings {
        xdg_state_home: std::env::var_os("XDG_STATE_HOME"),
        xdg_config_home: std::env::var_os("XDG_CONFIG_HOME"),
        xdg_data_home: std::env::var_os("XDG_DATA_HOME"),
        home: known_folder(&FOLDERID_Profile).map(PathBuf::into_os_string),
        folders: own_folders(),
        ..surroundings()
    }
}

/// The folder for what lives no longer than a login: this user's own of this machine.
pub(crate) fn run_folder(_pipe: &Path) -> Option<PathBuf> {
    all_surroundings().state().ok().map(|state| state.join("run"))
}

/// The pipe of this user's daemon. Without a name for the user there is none that is this user's, and nobody serves it.
fn own_pipe() -> PathBuf {
    let user = User::own().map_or_else(|_| "nobody".to_owned(), |user| user.to_string());
    PathBuf::from(format!(r"\\.\pipe\tokend-{user}"))
}

fn own_folders() -> Option<Folders> {
    let local = known_folder(&FOLDERID_LocalAppData)?.join("tokend");
    Some(Folders {
        configuration: known_folder(&FOLDERID_RoamingAppData)?.join("tokend"),
        data: local.join("data"),
        state: local.join("state"),
    })
}

/// Where the system has this folder for this user.
#[expect(unsafe_code, reason = "SHGetKnownFolderPath of Windows")]
fn known_folder(which: &GUID) -> Option<PathBuf> {
    let (find, free) = functions()?;
    let mut path = null_mut();
    // SAFETY: all that is handed over lives through the call, which allocates the path; no token means this user.
    let result = unsafe { find(which, 0, null_mut(), &raw mut path) };
    let mut found = None;
    if result >= 0 && !path.is_null() {
        // SAFETY: the path ends with a zero, and nothing behind that is read.
        let length = unsafe { lstrlenW(path) };
        // SAFETY: so many units are in front of the zero.
        let units = unsafe { std::slice::from_raw_parts(path, usize::try_from(length).unwrap_or(0)) };
        found = Some(PathBuf::from(OsString::from_wide(units)));
    }
    // SAFETY: it is to be freed so, whatever the result is; nothing is freed where it is null.
    unsafe { free(path.cast()) };
    found.filter(|path| path.is_absolute())
}

/// `SHGetKnownFolderPath` (`shlobj_core.h`).
type Find = unsafe extern "system" fn(*const GUID, u32, *mut c_void, *mut PWSTR) -> HRESULT;

/// `CoTaskMemFree` (`combaseapi.h`).
type Free = unsafe extern "system" fn(*const c_void);

/// Both functions. Their libraries are loaded only for them: with all that they bring along they would take most of the
/// start of a program as small as `tok`.
#[expect(unsafe_code, reason = "LoadLibraryExW and GetProcAddress of Windows")]
fn functions() -> Option<(Find, Free)> {
    // SAFETY: a text with a zero at its end; the system's own library is looked for where only the system writes.
    let shell = unsafe { LoadLibraryExW(w!("shell32.dll"), null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
    // SAFETY: as above.
    let com = unsafe { LoadLibraryExW(w!("ole32.dll"), null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
    if shell.is_null() || com.is_null() {
        return None;
    }
    // SAFETY: the library is loaded and stays so; the name ends with a zero.
    let find = unsafe { GetProcAddress(shell, s!("SHGetKnownFolderPath")) }?;
    // SAFETY: as above.
    let free = unsafe { GetProcAddress(com, s!("CoTaskMemFree")) }?;
    // SAFETY: the function of this name has this type.
    let find = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Find>(find) };
    // SAFETY: as above.
    let free = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Free>(free) };
    Some((find, free))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_knows_this_user_s_folders() {
        let folders = own_folders();
        assert!(folders.is_some_and(|folders| folders.configuration.ends_with("tokend")
            && folders.state.ends_with(r"tokend\state")
            && folders.data.is_absolute()));
        assert!(own_pipe().to_string_lossy().starts_with(r"\\.\pipe\tokend-S-1-5-"));
    }
}
