//! Linux: what it tells of itself and of processes, mostly in `/proc`.

mod watches;

pub mod sealed_memory;

use std::ffi::c_void;
use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use interprocess::local_socket::ListenerOptions;
use interprocess::os::unix::local_socket::ListenerOptionsExt as _;
use rustix::mm::Advice;
use rustix::net::{SendFlags, SocketAddrUnix, sockopt};
use rustix::process::DumpableBehavior;
use rustix::time::ClockId;
use tokend_proto::places::Folders;

use super::{Listener, Stream};
use crate::platform::Supervisor;

pub use watches::{ClockWatch, FolderWatch, FolderWatches, Metronome};

/// The clock that goes on in suspend.
pub(super) const STEADY: ClockId = ClockId::Boottime;

/// Whoever tells a reader that has gone gets an error, and no signal.
pub(super) const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;

/// How many descriptors the system lets a process have, whatever its limit is.
pub(super) fn most_descriptors() -> u64 {
    u64::MAX
}

/// What keeps a user's services running.
#[must_use]
pub fn supervisor() -> Supervisor {
    Supervisor::Systemd
}

/// What names the time since the system was started.
#[must_use]
pub fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

/// Where a user's sockets are.
#[expect(clippy::unnecessary_wraps, reason = "macOS may have none")]
pub(super) fn run_user() -> Option<PathBuf> {
    Some(PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw())))
}

/// The folders of the XDG base directory specification are the system's own.
pub(super) fn folders(_home: &Path) -> Option<Folders> {
    None
}

/// Whether there is swap, where the system tells.
#[must_use]
pub fn swap_is_on() -> Option<bool> {
    // A line of titles, then one for each place.
    let table = fs::read_to_string("/proc/swaps").ok()?;
    Some(table.lines().count() > 1)
}

/// Bytes of memory that this process has at the moment, where the system tells.
#[must_use]
pub fn resident_memory() -> Option<u64> {
    // proc(5): the second number, in pages.
    let facts = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = facts.split_ascii_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
}

/// How many threads this process has.
pub(super) fn threads() -> Option<usize> {
    fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}

/// The words with which a process was started, where the system shows them.
#[must_use]
pub fn words_of_process(process: u32) -> Option<Vec<Vec<u8>>> {
    let words = fs::read(format!("/proc/{process}/cmdline")).ok()?;
    Some(words.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect())
}

/// What was written is on the disk when this returns.
pub(super) fn sync(file: &fs::File) -> io::Result<()> {
    file.sync_all()
}

/// Lets no process of the same user look into this one's memory.
pub(super) fn refuse_debuggers() -> io::Result<()> {
    Ok(rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Leaves these pages out of a core file, and empties them in a process that is forked off.
pub(super) fn keep_from_cores_and_children(start: *mut c_void, length: usize) -> io::Result<()> {
    // SAFETY: neither advice changes what this process reads at any address.
    unsafe { rustix::mm::madvise(start, length, Advice::LinuxDontDump) }?;
    // SAFETY: as above.
    unsafe { rustix::mm::madvise(start, length, Advice::LinuxWipeOnFork) }?;
    Ok(())
}

/// A new socket that is open to its user alone from birth.
pub(super) fn bind(options: ListenerOptions<'_>, _path: &Path) -> io::Result<Listener> {
    options.mode(0o600).create_tokio()
}

/// The user at the other end, of whom the kernel's credentials are all that is known.
#[expect(clippy::unnecessary_wraps, reason = "macOS has two sources, which may disagree")]
pub(super) fn confirmed(_stream: &Stream, user: u32) -> io::Result<u32> {
    Ok(user)
}

/// Nobody but systemd passes sockets, by its variables.
pub(super) fn passed() -> Vec<OwnedFd> {
    Vec::new()
}

/// Whether somebody may connect to the socket.
pub(super) fn is_listening(socket: BorrowedFd<'_>) -> bool {
    sockopt::socket_acceptconn(socket).unwrap_or(false)
}

/// The address of a socket that has a name, but no file.
pub(super) fn abstract_address(name: &[u8]) -> rustix::io::Result<SocketAddrUnix> {
    SocketAddrUnix::new_abstract_name(name)
}
