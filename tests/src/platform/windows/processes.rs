//! Processes: how they are asked to end, and what Windows tells of them.

use std::future::Future;
use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::os::windows::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use windows_sys::Win32::Foundation::{FILETIME, WAIT_TIMEOUT};
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, EVENT_MODIFY_STATE, GetProcessTimes, OpenEventW, OpenProcess,
    PROCESS_QUERY_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE, PROCESS_VM_READ, SetEvent,
    TerminateProcess, WaitForSingleObject,
};

use super::descriptors::check;
use super::wide::wide;

/// What Unix would send: here those that ask for an end are a daemon's event, and the last of them needs nobody's leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(i32);

impl Signal {
    /// Asks for the end as a service manager does.
    pub const TERM: Self = Self(15);
    /// Asks for the end as a person does.
    pub const INT: Self = Self(2);
    /// Asks for the end, too.
    pub const QUIT: Self = Self(3);
    /// Ends at once.
    pub const KILL: Self = Self(9);
    /// Is not there.
    pub const HUP: Self = Self(1);
    /// Is not there.
    pub const STOP: Self = Self(19);
    /// Is not there.
    pub const CONT: Self = Self(18);

    /// The number that Linux has for it.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

/// The exit code of what was killed.
const KILLED: u32 = 137;

/// How often and how long a daemon's event is looked for: one that has just begun to listen may not have it yet.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: u32 = 250;

/// Asks a daemon to end, or ends any process.
///
/// # Errors
/// The system's: there is no such process, or no such signal.
pub fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    match signal {
        Signal::TERM | Signal::INT | Signal::QUIT => ask_to_end(pid),
        Signal::KILL => {
            let process = open(pid, PROCESS_TERMINATE)?;
            // SAFETY: the handle is open.
            check(unsafe { TerminateProcess(process.as_raw_handle(), KILLED) })
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Sets the event that a daemon waits for, as `tokend env -k` does.
fn ask_to_end(pid: u32) -> io::Result<()> {
    let name = wide(format!(r"Local\tokend-end-{pid}"));
    let mut looks = 0;
    loop {
        // SAFETY: the name ends with a zero.
        let event = unsafe { OpenEventW(EVENT_MODIFY_STATE, 0, name.as_ptr()) };
        if !event.is_null() {
            // SAFETY: it is ours, and nobody else closes it.
            let event = unsafe { OwnedHandle::from_raw_handle(event) };
            // SAFETY: the event is open.
            return check(unsafe { SetEvent(event.as_raw_handle()) });
        }
        let error = io::Error::last_os_error();
        looks += 1;
        if !is_running(pid) {
            // One that has ended and was not waited for takes it, and nothing comes of it.
            return open(pid, PROCESS_SYNCHRONIZE).map(drop);
        }
        if looks == LOOKS {
            return Err(error);
        }
        std::thread::sleep(LOOK);
    }
}

/// Lets a program lead a group of its own.
pub fn leads_a_group(command: &mut Command) {
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

/// Asks all in the group that a child leads to end, by Ctrl-Break; or ends the child.
///
/// # Errors
/// The system's.
pub fn signal_group(child: &Child, signal: Signal) -> io::Result<()> {
    if signal == Signal::KILL {
        return self::signal(child.id(), signal);
    }
    break_group(child.id())
}

/// Presses Ctrl-Break for the group that the process of this id leads.
///
/// # Errors
/// The system's: this process has no console.
pub fn break_group(leader: u32) -> io::Result<()> {
    // SAFETY: has no preconditions.
    check(unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, leader) })
}

/// Ends with the first that asks for an end: Ctrl-C, Ctrl-Break, a console that is closed. They are caught from the
/// call on; it takes a runtime.
///
/// # Errors
/// The system's.
pub fn until_asked_to_end() -> io::Result<impl Future<Output = ()> + Send> {
    let (mut first, mut second, mut third) = (
        tokio::signal::windows::ctrl_c()?,
        tokio::signal::windows::ctrl_break()?,
        tokio::signal::windows::ctrl_close()?,
    );
    Ok(async move {
        tokio::select! {
            _ = first.recv() => {}
            _ = second.recv() => {}
            _ = third.recv() => {}
        }
    })
}

/// A program's exit code.
#[must_use]
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

/// There is no user here whom nothing binds.
#[must_use]
pub fn is_root() -> bool {
    false
}

/// Handles need no room to be made.
#[must_use]
pub fn room_for(descriptors: u64) -> u64 {
    descriptors
}

/// This program.
///
/// # Panics
/// When it does not know where it is.
#[must_use]
pub fn this_program() -> Command {
    Command::new(std::env::current_exe().expect("the path of this program"))
}

/// Whether this Windows is played by Wine, which does not enforce all that Windows does.
#[must_use]
pub fn is_wine() -> bool {
    let name = wide("ntdll.dll");
    // SAFETY: the name ends with a zero; the library is in every process.
    let library = unsafe { GetModuleHandleW(name.as_ptr()) };
    // SAFETY: the name ends with a zero. What it finds is not called.
    unsafe { GetProcAddress(library, c"wine_get_version".as_ptr().cast()).is_some() }
}

/// Whether there is such a process.
#[must_use]
pub fn is_running(pid: u32) -> bool {
    open(pid, PROCESS_SYNCHRONIZE).is_ok_and(|process| {
        // SAFETY: the handle is open.
        unsafe { WaitForSingleObject(process.as_raw_handle(), 0) == WAIT_TIMEOUT }
    })
}

/// The peak resident memory of a process in KiB (its working set).
///
/// # Panics
/// When Windows does not tell it.
#[must_use]
pub fn memory_peak_kib(pid: u32) -> u64 {
    let counters = counters(pid).expect("its memory");
    counters.PeakWorkingSetSize as u64 / 1024
}

/// The peak of what is the process's own, without the pages of its programs and libraries, in KiB.
///
/// # Panics
/// When Windows does not tell it.
#[must_use]
pub fn own_memory_peak_kib(pid: u32) -> u64 {
    let counters = counters(pid).expect("its memory");
    counters.PeakPagefileUsage as u64 / 1024
}

fn counters(pid: u32) -> io::Result<PROCESS_MEMORY_COUNTERS> {
    let process = open(pid, PROCESS_QUERY_INFORMATION | PROCESS_VM_READ)?;
    let size = u32::try_from(size_of::<PROCESS_MEMORY_COUNTERS>()).unwrap_or(0);
    let mut counters = PROCESS_MEMORY_COUNTERS { cb: size, ..PROCESS_MEMORY_COUNTERS::default() };
    // SAFETY: the handle is open, and there is room for `size` bytes.
    check(unsafe { K32GetProcessMemoryInfo(process.as_raw_handle(), &raw mut counters, size) })?;
    Ok(counters)
}

/// What a process computed, in seconds of one processor.
///
/// # Panics
/// When Windows does not tell it.
#[must_use]
pub fn cpu_seconds(pid: u32) -> f64 {
    let process = open(pid, PROCESS_QUERY_INFORMATION).expect("its times");
    let mut times = [FILETIME::default(); 4];
    let [created, ended, kernel, user] = &mut times;
    // SAFETY: the handle is open, and all four are there.
    let told = check(unsafe {
        GetProcessTimes(
            process.as_raw_handle(),
            &raw mut *created,
            &raw mut *ended,
            &raw mut *kernel,
            &raw mut *user,
        )
    });
    told.expect("its times");
    // In steps of 100 nanoseconds.
    let seconds = |time: FILETIME| {
        f64::from(time.dwHighDateTime) * 4_294_967_296.0 / 1e7 + f64::from(time.dwLowDateTime) / 1e7
    };
    seconds(times[2]) + seconds(times[3])
}

fn open(pid: u32, access: u32) -> io::Result<OwnedHandle> {
    // SAFETY: has no preconditions.
    let process = unsafe { OpenProcess(access, 0, pid) };
    if process.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is ours, and nobody else closes it.
    Ok(unsafe { OwnedHandle::from_raw_handle(process) })
}
