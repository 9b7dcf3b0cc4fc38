//! Unix systems that are neither Linux nor macOS: the clocks are looked at now and then, and little is told of processes.

use std::ffi::c_void;
use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::net::{SendFlags, sockopt};
use rustix::time::ClockId;
use tokend_proto::places::Folders;

use super::Stream;
use crate::platform::Supervisor;

pub(super) use super::portable::socket::{abstract_address, bind};
pub use super::portable::{FolderWatch, FolderWatches, Metronome, sealed_memory};

/// The nearest to a clock that goes on in suspend.
pub(super) const STEADY: ClockId = ClockId::Monotonic;

/// Whoever tells a reader that has gone gets an error, and no signal.
pub(super) const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;

/// What is watched is opened as if to be read.
pub(super) const ONLY_TO_WATCH: OFlags = OFlags::RDONLY;

/// How many descriptors the system lets a process have, whatever its limit is.
pub(super) fn most_descriptors() -> u64 {
    u64::MAX
}

/// What keeps a user's services running: nobody knows.
#[must_use]
pub fn supervisor() -> Supervisor {
    Supervisor::Unknown
}

/// The time since the system was started has no name: every start of the daemon counts as one of the system.
#[must_use]
pub fn boot() -> Option<String> {
    None
}

/// Where a user's sockets are, where such a folder is made.
#[expect(clippy::unnecessary_wraps, reason = "macOS may have none")]
pub(super) fn run_user() -> Option<PathBuf> {
    Some(PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw())))
}

/// The folders of the XDG base directory specification are the system's own.
pub(super) fn folders(_home: &Path) -> Option<Folders> {
    None
}

/// Whether there is swap: nobody tells.
#[must_use]
pub fn swap_is_on() -> Option<bool> {
    None
}

/// Bytes of memory that this process has at the moment: nobody tells.
#[must_use]
pub fn resident_memory() -> Option<u64> {
    None
}

/// How many threads this process has: nobody tells.
pub(super) fn threads() -> Option<usize> {
    None
}

/// The words with which a process was started: nobody tells.
#[must_use]
pub fn words_of_process(_process: u32) -> Option<Vec<Vec<u8>>> {
    None
}

/// What was written is on the disk when this returns.
pub(super) fn sync(file: &fs::File) -> io::Result<()> {
    file.sync_all()
}

/// Nothing: who may look into a process is the system's to say.
#[expect(clippy::unnecessary_wraps, reason = "the signature is Linux's")]
pub(super) fn refuse_debuggers() -> io::Result<()> {
    Ok(())
}

/// Nothing: there is no core file, since its limit is 0, and what is forked off here runs a program at once.
#[expect(clippy::unnecessary_wraps, reason = "the signature is Linux's")]
pub(super) fn keep_from_cores_and_children(_start: *mut c_void, _length: usize) -> io::Result<()> {
    Ok(())
}

/// The user at the other end, of whom the kernel's credentials are all that is known.
#[expect(clippy::unnecessary_wraps, reason = "macOS has two sources, which may disagree")]
pub(super) fn confirmed(_stream: &Stream, user: u32) -> io::Result<u32> {
    Ok(user)
}

/// Nobody but systemd's like passes sockets.
pub(super) fn passed() -> Vec<OwnedFd> {
    Vec::new()
}

/// Whether somebody may connect to the socket.
pub(super) fn is_listening(socket: BorrowedFd<'_>) -> bool {
    sockopt::socket_acceptconn(socket).unwrap_or(false)
}

/// Would tell when the wall is set or the machine wakes up; no system call here does, so that who asks has to look.
#[derive(Debug)]
pub struct ClockWatch(std::convert::Infallible);

impl ClockWatch {
    /// Nothing.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// There is none that could change.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    pub async fn changed(&self) -> io::Result<()> {
        match self.0 {}
    }
}
