//! Child processes that are ended together with everything that they started: in a job of their own.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::Path;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::ptr::null;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio::net::windows::named_pipe::{NamedPipeServer, PipeMode, ServerOptions};
use tokio::process::{Child, Command};
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::Storage::FileSystem::SECURITY_ANONYMOUS;
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
    TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_DEFAULT_ERROR_MODE, CREATE_NO_WINDOW, CREATE_SUSPENDED, OpenThread, ResumeThread,
    THREAD_SUSPEND_RESUME,
};

use super::security::{Descriptor, for_its_user, no_attributes};

pub use super::programs::{DEFAULT_PATH, ENVIRONMENT, ROOT, at, home};

/// After a child's end so long is waited for what it wrote: that is on its way already.
const ON_ITS_WAY: Duration = Duration::from_millis(50);

/// Everything that a child has started, and itself. Dropped, all of it is killed.
#[derive(Debug)]
pub struct Group(OwnedHandle);

/// Starts a child that leads a group of its own, so that [`Group::kill`] reaches its descendants, too. They have no
/// console.
///
/// # Errors
/// What the system says.
pub fn spawn(command: &mut Command) -> io::Result<(Child, Group)> {
    // A batch file that has gone would be looked for by its interpreter, which is there.
    let program = Path::new(command.as_std().get_program());
    if program.is_absolute() && !program.exists() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let job = job()?;
    // It does nothing before it is in the job.
    let mut child =
        command.creation_flags(CREATE_NO_WINDOW | CREATE_SUSPENDED | CREATE_DEFAULT_ERROR_MODE).spawn()?;
    let begun = adopt(&job, &child);
    if let Err(error) = begun {
        let _ = child.start_kill();
        return Err(error);
    }
    Ok((child, Group(job)))
}

fn job() -> io::Result<OwnedHandle> {
    // SAFETY: it has no name, and the attributes are the defaults.
    let job = unsafe { CreateJobObjectW(no_attributes(), null()) };
    if job.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just made for this place alone.
    let job = unsafe { OwnedHandle::from_raw_handle(job) };
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    let size = u32::try_from(size_of_val(&limits)).unwrap_or(0);
    // SAFETY: the job is open, and the limits are of the kind that is named.
    let set = unsafe {
        SetInformationJobObject(
            job.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            (&raw const limits).cast(),
            size,
        )
    };
    if set == 0 { Err(io::Error::last_os_error()) } else { Ok(job) }
}

fn adopt(job: &OwnedHandle, child: &Child) -> io::Result<()> {
    let (Some(process), Some(id)) = (child.raw_handle(), child.id()) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    // SAFETY: both handles are open.
    if unsafe { AssignProcessToJobObject(job.as_raw_handle(), process) } == 0 {
        return Err(io::Error::last_os_error());
    }
    resume(id)
}

/// Lets a process that was made suspended begin: its one thread, which the system names to who looks for it.
fn resume(process: u32) -> io::Result<()> {
    // SAFETY: the call has no conditions.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just made for this place alone.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    let size = u32::try_from(size_of::<THREADENTRY32>()).unwrap_or(0);
    let mut entry = THREADENTRY32 { dwSize: size, ..THREADENTRY32::default() };
    // SAFETY: the snapshot is open, and the entry says how long it is.
    let mut is_one = unsafe { Thread32First(snapshot.as_raw_handle(), &raw mut entry) };
    while is_one != 0 {
        if entry.th32OwnerProcessID == process {
            // SAFETY: the call has no conditions.
            let thread = unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, entry.th32ThreadID) };
            if thread.is_null() {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: it was just opened for this place alone.
            let thread = unsafe { OwnedHandle::from_raw_handle(thread) };
            // SAFETY: the thread's handle is open.
            let count = unsafe { ResumeThread(thread.as_raw_handle()) };
            return if count == u32::MAX { Err(io::Error::last_os_error()) } else { Ok(()) };
        }
        entry.dwSize = size;
        // SAFETY: as for the first.
        is_one = unsafe { Thread32Next(snapshot.as_raw_handle(), &raw mut entry) };
    }
    Err(io::ErrorKind::NotFound.into())
}

impl Group {
    /// Kills the child and everything in its group at once.
    pub fn kill(&self, _child: &Child) {
        // It may have ended by itself.
        // SAFETY: the job is open.
        let _ = unsafe { TerminateJobObject(self.0.as_raw_handle(), 1) };
    }
}

/// What a child writes to its standard output.
#[derive(Debug)]
pub struct Output(NamedPipeServer);

impl Output {
    /// A pipe of its own, which nobody else can open, as the command's standard output. That of the runtime would be read by a
    /// thread that cannot be called back.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(command: &mut Command) -> io::Result<Self> {
        let letters: String = std::iter::repeat_with(fastrand::alphanumeric).take(24).collect();
        let name = format!(r"\\.\pipe\tokend-output-{}-{letters}", std::process::id());
        let descriptor = Descriptor::of(&for_its_user())?;
        let mut attributes = descriptor.attributes();
        let mut options = ServerOptions::new();
        options
            .pipe_mode(PipeMode::Byte)
            .access_outbound(false)
            .first_pipe_instance(true)
            .reject_remote_clients(true)
            .max_instances(1);
        // SAFETY: the attributes and the descriptor that they point to live until the call is over.
        let ours =
            unsafe { options.create_with_security_attributes_raw(&name, (&raw mut attributes).cast()) }?;
        let mut theirs = std::fs::OpenOptions::new();
        let theirs = theirs.write(true).security_qos_flags(SECURITY_ANONYMOUS).open(&name)?;
        command.stdout(Stdio::from(theirs));
        Ok(Self(ours))
    }

    /// The end to read from, once the child was started.
    ///
    /// # Errors
    /// What the system says.
    pub async fn begin(self, _child: &mut Child) -> io::Result<Self> {
        // It is connected already; the runtime has to know.
        self.0.connect().await?;
        Ok(self)
    }

    /// Reads what its writer, who has gone, has left: `None` when others hold its other end and say nothing, 0 at the
    /// end.
    ///
    /// # Errors
    /// What the system says.
    pub async fn read_what_is_there(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match tokio::time::timeout(ON_ITS_WAY, self.read(buffer)).await {
            Ok(count) => count.map(Some),
            Err(_) => Ok(None),
        }
    }
}

impl AsyncRead for Output {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.0).poll_read(context, buffer) {
            // Nobody holds its other end any more.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Poll::Ready(Ok(())),
            other => other,
        }
    }
}

/// The signal that ended a child: there are none.
#[must_use]
pub fn signal(_status: ExitStatus) -> Option<i32> {
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test should fail with the place")]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A child that runs a line of cmd, which waits in `set /p` for input that never comes, and what it prints.
    async fn run(line: &str) -> (Child, Group, Output) {
        let mut command = Command::new(std::env::var_os("ComSpec").unwrap_or_else(|| "cmd.exe".into()));
        command.args(["/d", "/c"]).raw_arg(line).stdin(Stdio::piped()).stderr(Stdio::null());
        let output = Output::of(&mut command).unwrap();
        let (mut child, group) = spawn(&mut command).unwrap();
        drop(command);
        let output = output.begin(&mut child).await.unwrap();
        (child, group, output)
    }

    #[tokio::test]
    async fn what_a_child_prints_is_read_to_its_end() {
        let (mut child, _group, mut output) = run("echo hunter2").await;
        let mut printed = Vec::new();
        timeout(LONG, output.read_to_end(&mut printed)).await.unwrap().unwrap();
        assert_eq!(printed, b"hunter2\r\n");
        assert!(timeout(LONG, child.wait()).await.unwrap().unwrap().success());
    }

    #[tokio::test]
    async fn a_child_s_status_is_its_own() {
        let (mut child, _group, _output) = run("exit 3").await;
        assert_eq!(timeout(LONG, child.wait()).await.unwrap().unwrap().code(), Some(3));
    }

    /// A grandchild that holds the output keeps it from ending: its end is the end of all.
    #[tokio::test]
    async fn a_killed_group_has_no_member_left() {
        let (mut child, group, mut output) = run("echo x& cmd /d /c set /p a=& set /p b=").await;
        let mut byte = [0];
        timeout(LONG, output.read_exact(&mut byte)).await.unwrap().unwrap();
        group.kill(&child);
        timeout(LONG, child.wait()).await.unwrap().unwrap();
        let mut rest = Vec::new();
        timeout(LONG, output.read_to_end(&mut rest)).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_dropped_group_is_killed() {
        let (mut child, group, mut output) = run("echo x& set /p a=").await;
        let mut byte = [0];
        timeout(LONG, output.read_exact(&mut byte)).await.unwrap().unwrap();
        drop(group);
        timeout(LONG, child.wait()).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn who_holds_the_output_of_one_that_has_gone_is_not_waited_for() {
        let (mut child, _group, mut output) = run("start /b cmd /d /c set /p a=& echo hunter2").await;
        timeout(LONG, child.wait()).await.unwrap().unwrap();
        let mut printed = Vec::new();
        let mut some = [0; 64];
        while let Some(count @ 1..) = output.read_what_is_there(&mut some).await.unwrap() {
            printed.extend_from_slice(&some[..count]);
        }
        assert!(String::from_utf8_lossy(&printed).contains("hunter2"), "{printed:?}");
    }
}
