//! Where the user's files are.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::ptr::null_mut;

use tokend_proto::places::{Folders, Surroundings};
use windows_sys::Win32::System::Com::CoTaskMemFree;
use windows_sys::Win32::System::SystemInformation::{ComputerNameDnsHostname, GetComputerNameExW};
use windows_sys::Win32::UI::Shell::{
    FOLDERID_LocalAppData, FOLDERID_Profile, FOLDERID_RoamingAppData, KF_FLAG_DEFAULT, SHGetKnownFolderPath,
};
use windows_sys::core::GUID;

use super::words::narrow;

/// This machine's name.
#[must_use]
pub fn host_name() -> String {
    let mut name = [0_u16; 256];
    let mut length = 256;
    // SAFETY: no more is written than there is space.
    let got = unsafe { GetComputerNameExW(ComputerNameDnsHostname, name.as_mut_ptr(), &raw mut length) };
    if got == 0 { String::new() } else { narrow(&name).to_string_lossy().into_owned() }
}

/// What places depend on, read once.
#[must_use]
pub fn surroundings() -> Surroundings {
    let variable = |name| std::env::var_os(name);
    let profile = variable("USERPROFILE").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = profile.or_else(|| known(&FOLDERID_Profile)).map(PathBuf::into_os_string);
    Surroundings {
        tokend_sock: variable("TOKEND_SOCK"),
        xdg_runtime_dir: None,
        xdg_state_home: variable("XDG_STATE_HOME"),
        xdg_config_home: variable("XDG_CONFIG_HOME"),
        xdg_data_home: variable("XDG_DATA_HOME"),
        home,
        run_user: None,
        pipe: Some(super::pipe::of_user()),
        folders: folders(),
        host: host_name(),
    }
}

fn folders() -> Option<Folders> {
    let local = known(&FOLDERID_LocalAppData)?.join("tokend");
    Some(Folders {
        configuration: known(&FOLDERID_RoamingAppData)?.join("tokend"),
        data: local.join("data"),
        state: local.join("state"),
    })
}

/// One of the folders that Windows knows of each user.
fn known(folder: &GUID) -> Option<PathBuf> {
    let mut path = null_mut();
    let flags = KF_FLAG_DEFAULT.cast_unsigned();
    // SAFETY: the folder's number lives until the call is over, and the path is written where it belongs.
    let result = unsafe { SHGetKnownFolderPath(folder, flags, null_mut(), &raw mut path) };
    let found = (result >= 0 && !path.is_null()).then(|| {
        let mut length = 0;
        // SAFETY: the zero at its end was not met before this place.
        while unsafe { path.wrapping_add(length).read() } != 0 {
            length += 1;
        }
        // SAFETY: so many were just read.
        narrow(unsafe { std::slice::from_raw_parts(path, length) })
    });
    // SAFETY: it was allocated for this place alone, or is null.
    unsafe { CoTaskMemFree(path.cast()) };
    found.map(|path: OsString| PathBuf::from(path)).filter(|path| path.is_absolute())
}
