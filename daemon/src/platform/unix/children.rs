//! Child processes that are ended together with everything that they started.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::task::{Context, Poll};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::process::{Child, ChildStdout, Command};

/// What a program finds in its environment, if the daemon has it: who and where the user is, the session's bus, the
/// display.
pub const ENVIRONMENT: &[&str] = &[
    "HOME",
    "USER",
    "PATH",
    "LANG",
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_RUNTIME_DIR",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
];

/// Where programs are when there is no PATH.
pub const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The folder in which programs run.
pub const ROOT: &str = "/";

/// The program that is meant by a path.
#[must_use]
pub fn at(path: &Path) -> Option<PathBuf> {
    super::files::is_program(path).then(|| path.to_path_buf())
}

/// The user's home, as `~/` has it.
#[must_use]
pub fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute())
}

/// Everything that a child has started, and itself.
#[derive(Debug)]
pub struct Group(Option<Pid>);

/// Starts a child as the leader of a process group of its own, so that [`Group::kill`] reaches its descendants, too.
///
/// # Errors
/// As fork(2) and execve(2).
pub fn spawn(command: &mut Command) -> io::Result<(Child, Group)> {
    command.process_group(0);
    let child = command.spawn()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok((child, Group(group)))
}

impl Group {
    /// Kills the child and everything in its group at once. Only before the child was waited for: its number is
    /// its own until then.
    pub fn kill(&self, child: &Child) {
        // After it was waited for, `id` is none.
        if let Some(group) = self.0.filter(|_| child.id().is_some()) {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// What a child writes to its standard output.
#[derive(Debug)]
pub struct Output(Option<ChildStdout>);

impl Output {
    /// A pipe as the command's standard output.
    ///
    /// # Errors
    /// None; the signature is Windows'.
    #[expect(clippy::unnecessary_wraps, reason = "the signature is Windows'")]
    pub fn of(command: &mut Command) -> io::Result<Self> {
        command.stdout(Stdio::piped());
        Ok(Self(None))
    }

    /// The end to read from, once the child was started.
    ///
    /// # Errors
    /// It was started without that pipe.
    #[expect(clippy::unused_async, reason = "the signature is Windows'")]
    pub async fn begin(self, child: &mut Child) -> io::Result<Self> {
        child.stdout.take().map(|stdout| Self(Some(stdout))).ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }

    /// Reads what its writer, who has gone, has left: `None` when others hold its other end and say nothing, 0 at the
    /// end.
    ///
    /// # Errors
    /// What the system says.
    #[expect(clippy::unused_async, reason = "the signature is that of systems where it takes time")]
    pub async fn read_what_is_there(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match &self.0 {
            Some(stdout) => read_what_is_there(stdout, buffer),
            None => Ok(Some(0)),
        }
    }
}

impl AsyncRead for Output {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Some(stdout) => Pin::new(stdout).poll_read(context, buffer),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// The signal that ended a child, if one did.
#[must_use]
pub fn signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Reads what is there without waiting: `None` when that is nothing for now, 0 at the end.
fn read_what_is_there(source: impl AsFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match rustix::io::read(source.as_fd(), &mut *buffer) {
            Ok(count) => return Ok(Some(count)),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}
