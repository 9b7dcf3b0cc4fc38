//! How the daemon comes to run without a console, and who keeps it running.

#![expect(unsafe_code, reason = "calls of the Windows API")]

use std::fs::File;
use std::io;
use std::os::windows::io::IntoRawHandle as _;
use std::os::windows::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};

use windows_sys::Win32::Foundation::{
    HANDLE, HANDLE_FLAG_INHERIT, INVALID_HANDLE_VALUE, SetHandleInformation,
};
use windows_sys::Win32::System::Console::{
    FreeConsole, GetConsoleProcessList, GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE,
    SetStdHandle,
};
use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;
use windows_sys::Win32::System::Threading::{
    CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, DETACHED_PROCESS,
};

use super::super::Supervisor;

/// The shell to which `tokend env` speaks where `$SHELL` says nothing: Git's bash sets it.
pub const USUAL_SHELL: &str = "powershell";

/// What keeps a user's services running on this system.
#[must_use]
pub fn supervisor() -> Supervisor {
    // By its whole path: by its name alone one beside this program would come first.
    system_folder()
        .map_or(Supervisor::Unknown, |folder| Supervisor::TaskScheduler(folder.join("schtasks.exe")))
}

/// The system's programs, `C:\Windows\System32`.
fn system_folder() -> Option<PathBuf> {
    use std::os::windows::ffi::OsStringExt as _;
    let mut text = [0u16; 512];
    // SAFETY: the buffer is as long as is said.
    let length = unsafe { GetSystemDirectoryW(text.as_mut_ptr(), 512) };
    let text = usize::try_from(length).ok().and_then(|length| text.get(..length))?;
    Some(PathBuf::from(std::ffi::OsString::from_wide(text))).filter(|path| path.is_absolute())
}

/// Starts a program that goes on when the shell that started it has gone: without a console, in a group of its own, and
/// outside of the shell's job where that lets it. Of this process's handles it gets those that `command` names, and
/// not the pipe to whoever reads what this process says: who reads to its end would wait for the program's.
///
/// # Errors
/// As [`Command::spawn`].
pub fn spawn_apart(command: &mut Command) -> io::Result<Child> {
    for number in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: any number may be asked for.
        let handle = unsafe { GetStdHandle(number) };
        if !handle.is_null() && handle != INVALID_HANDLE_VALUE {
            // SAFETY: a handle of this process; one that is closed by now is refused.
            let _ = unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) };
        }
    }
    if let Some(folder) = system_folder() {
        // The folder of the shell could not be removed while it runs.
        command.current_dir(folder);
    }
    let apart = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP;
    match command.creation_flags(apart | CREATE_BREAKAWAY_FROM_JOB).spawn() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            command.creation_flags(apart).spawn()
        }
        spawned => spawned,
    }
}

/// Leaves the console: at once where it is this process's alone, and its window goes with it.
///
/// # Errors
/// What the system says.
pub fn leave_the_terminal() -> io::Result<()> {
    let mut processes = [0u32; 2];
    // SAFETY: the buffer is as long as is said.
    let number = unsafe { GetConsoleProcessList(processes.as_mut_ptr(), 2) };
    if number != 1 {
        // There is none, or it is a shell's: then whoever typed the word looks at it.
        return Ok(());
    }
    for number in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: any number may be asked for.
        let handle = unsafe { GetStdHandle(number) };
        if is_console(handle) {
            // SAFETY: no handle means that what is written goes nowhere.
            let _ = unsafe { SetStdHandle(number, std::ptr::null_mut()) };
        }
    }
    // SAFETY: nothing of this process refers to the console any more.
    if unsafe { FreeConsole() } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn is_console(handle: HANDLE) -> bool {
    let mut mode = 0;
    // SAFETY: a handle that is none, or no console's, is refused.
    unsafe { windows_sys::Win32::System::Console::GetConsoleMode(handle, &raw mut mode) != 0 }
}

/// From now on what is written to standard error goes to `file`.
///
/// # Errors
/// What the system says.
pub fn write_errors_to(file: File) -> io::Result<()> {
    // It is the process's from now on, and is closed with it.
    let handle = file.into_raw_handle();
    // SAFETY: the handle is open and stays so.
    if unsafe { SetStdHandle(STD_ERROR_HANDLE, handle) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
