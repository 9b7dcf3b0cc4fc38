//! Programs that run in the place of this one, or beside it.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::ptr::null;

use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, INVALID_HANDLE_VALUE, SetHandleInformation};
use windows_sys::Win32::System::Console::{
    GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_BREAKAWAY_OK,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, DETACHED_PROCESS, GetCurrentProcess};

use super::control::{self, Attended, Called, ENDED_BY_CONTROL};
use super::machine::{allow_reports_again, forbid_core_dumps};

/// Another program takes this one's place, as far as this system can: this process waits for it and ends as it does.
/// Returns only if it does not start.
pub(crate) fn replace_by(command: &mut Command) -> io::Error {
    match Signals::catch().and_then(|mut signals| signals.accompany(spawn(command)?)) {
        Ok(status) => exit(status_of(status)),
        Err(error) => error,
    }
}

/// Starts a child with the error mode that this process was started with.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    allow_reports_again();
    let child = command.spawn();
    forbid_core_dumps();
    child
}

/// Starts a program without a console, with nothing to read and nowhere to write: it outlives this process, and Ctrl-C is
/// not for it.
pub(crate) fn spawn_apart(command: &mut Command) -> io::Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    keep_own_handles();
    spawn(command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP))
}

/// This process's standard handles go to nobody from here on: whoever reads what it says to the end would wait for a
/// program that outlives it.
#[expect(unsafe_code, reason = "GetStdHandle and SetHandleInformation of Windows")]
fn keep_own_handles() {
    for number in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: any number may be asked for.
        let handle = unsafe { GetStdHandle(number) };
        if !handle.is_null() && handle != INVALID_HANDLE_VALUE {
            // SAFETY: a handle of this process; one that is closed by now is refused.
            let _ = unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) };
        }
    }
}

/// A child's end as tok's own status: one that does not fit is 255, and that of Ctrl-C is 130, as shells of Unix have it.
pub(crate) fn fold_status(status: ExitStatus) -> u8 {
    match status_of(status) {
        ENDED_BY_CONTROL => 130,
        other => u8::try_from(other).unwrap_or(u8::MAX),
    }
}

/// Ends as the child did, with all 32 bits of its status.
pub(crate) fn end_as(status: ExitStatus) -> u8 {
    exit(status_of(status))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a status of 32 bits; as after exec, what is in memory goes with the process"
)]
pub(super) fn exit(status: u32) -> ! {
    std::process::exit(status.cast_signed())
}

fn status_of(status: ExitStatus) -> u32 {
    status.code().unwrap_or(1).cast_unsigned()
}

/// Ctrl-C and the like, which the console sends to a child by itself, and the job that ends what this process has started
/// when this process is ended.
pub(crate) struct Signals {
    job: Option<Job>,
}

impl Signals {
    /// From here on, Ctrl-C does not end this process, and all that it starts ends with it.
    pub(crate) fn catch() -> io::Result<Self> {
        control::attend(leave_to_the_child)?;
        // A sandbox may forbid it; the child is run then all the same.
        Ok(Self { job: Job::around_this().ok() })
    }

    /// Waits for the child's end. What it leaves behind lives on, as on other systems.
    pub(crate) fn accompany(&mut self, mut child: Child) -> io::Result<ExitStatus> {
        let status = child.wait()?;
        if let Some(job) = &self.job {
            job.let_go();
        }
        Ok(status)
    }
}

fn leave_to_the_child(_: Called) -> Attended {
    Attended::Handled
}

/// A job around this process, which is ended with its last handle.
struct Job(OwnedHandle);

impl Job {
    /// Around this process, so that all that it starts is in it from its first moment on.
    #[expect(unsafe_code, reason = "CreateJobObjectW and AssignProcessToJobObject of Windows")]
    fn around_this() -> io::Result<Self> {
        // SAFETY: a job without a name, and with the default descriptor: this user's.
        let job = unsafe { CreateJobObjectW(null(), null()) };
        if job.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was made just now, and nobody else has it.
        let job = Self(unsafe { OwnedHandle::from_raw_handle(job) });
        job.limit(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_BREAKAWAY_OK)?;
        // SAFETY: gives a constant that stands for this process and need not be closed.
        let this = unsafe { GetCurrentProcess() };
        // SAFETY: both handles are open.
        if unsafe { AssignProcessToJobObject(job.0.as_raw_handle(), this) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(job)
    }

    /// What is in it lives on when this process ends.
    fn let_go(&self) {
        let _ = self.limit(JOB_OBJECT_LIMIT_BREAKAWAY_OK);
    }

    #[expect(unsafe_code, reason = "SetInformationJobObject of Windows")]
    fn limit(&self, flags: u32) -> io::Result<()> {
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = flags;
        let size = u32::try_from(size_of_val(&limits)).unwrap_or(0);
        // SAFETY: the job is open, the structure lives through the call and is as large as is said.
        let set = unsafe {
            let limits = (&raw const limits).cast();
            SetInformationJobObject(self.0.as_raw_handle(), JobObjectExtendedLimitInformation, limits, size)
        };
        if set == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // This process is in it, too, and has more to do.
        self.let_go();
    }
}

#[cfg(test)]
mod tests {
    use std::os::windows::process::ExitStatusExt;

    use super::*;

    #[test]
    fn a_status_that_does_not_fit_is_none_that_means_success() {
        let folded = |status| fold_status(ExitStatus::from_raw(status));
        assert_eq!([0, 1, 7, 255].map(folded), [0, 1, 7, 255]);
        assert_eq!([256, 0xC000_0005, u32::MAX].map(folded), [255; 3]);
        assert_eq!(folded(0xC000_013A), 130);
    }
}
