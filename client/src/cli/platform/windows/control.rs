//! Ctrl-C, Ctrl-Break and the end of a console: what they do to this process.
//!
//! The system calls who attends on a thread of its own. Where nobody attends, the process ends with
//! `STATUS_CONTROL_C_EXIT`, as it would without this.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler};

/// What a process ends with that Ctrl-C has ended (`STATUS_CONTROL_C_EXIT`).
pub(super) const ENDED_BY_CONTROL: u32 = 0xC000_013A;

/// What was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Called(u32);

impl Called {
    /// Whether the console goes away, by its window, a logoff or a shutdown: the process is ended as soon as all who
    /// attend have returned, and after some seconds in any case.
    pub(super) fn is_the_end(self) -> bool {
        ![CTRL_C_EVENT, CTRL_BREAK_EVENT].contains(&self.0)
    }
}

/// What somebody who attends says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attended {
    /// The process goes on.
    Handled,
    /// The next one is asked, at last the system.
    NotHandled,
}

type Attendant = fn(Called) -> Attended;

/// Those who attend; the last one first.
static ATTENDANTS: Mutex<Vec<Attendant>> = Mutex::new(Vec::new());

/// From now on this function is called, once however often this is.
#[expect(unsafe_code, reason = "SetConsoleCtrlHandler of Windows")]
pub(super) fn attend(attendant: Attendant) -> io::Result<()> {
    let mut attendants = ATTENDANTS.lock().unwrap_or_else(PoisonError::into_inner);
    if attendants.is_empty() {
        // SAFETY: a function that lives as long as the process, and takes and gives what the system says.
        let set = unsafe { SetConsoleCtrlHandler(Some(called), 1) };
        if set == 0 {
            return Err(io::Error::last_os_error());
        }
    }
    if !attendants.iter().any(|known| std::ptr::fn_addr_eq(*known, attendant)) {
        attendants.push(attendant);
    }
    Ok(())
}

extern "system" fn called(event: u32) -> i32 {
    let called = Called(event);
    // Not held while they are asked: one of them may wait for long.
    let attendants = ATTENDANTS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if !attendants.iter().rev().any(|attendant| attendant(called) == Attended::Handled) {
        return 0;
    }
    while called.is_the_end() {
        // Until another thread has ended this process, or the system has lost its patience.
        std::thread::sleep(Duration::from_secs(1));
    }
    1
}
