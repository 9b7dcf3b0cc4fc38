//! macOS: what it tells of itself, of processes and of who calls.

mod clock;
mod launchd;
mod process;
mod sysctl;

use std::ffi::c_int;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::time::ClockId;
use tokend_proto::places::Folders;

pub use clock::ClockWatch;
pub(super) use launchd::sockets as sockets_of_launchd;
pub(super) use process::{keep_from_cores_and_children, refuse_debuggers, threads};
pub use process::{resident_memory, words_of_process};

/// The clock that goes on in sleep: here `CLOCK_MONOTONIC` does (clock_gettime(3)). It is adjusted together with the wall, as
/// `CLOCK_MONOTONIC_RAW` is not, so that the two do not drift apart.
pub(super) const STEADY: ClockId = ClockId::Monotonic;

/// `OPEN_MAX`: setrlimit(2) takes no more descriptors.
const OPEN_MAX: u64 = 10_240;

/// As many callers wait for their turn as the kernel lets them.
const LONGEST_QUEUE: c_int = -1;

/// How many descriptors a process may have at most.
pub(super) fn most_descriptors() -> u64 {
    let most = sysctl::number(c"kern.maxfilesperproc").and_then(|most| u64::try_from(most).ok());
    most.unwrap_or(OPEN_MAX).min(OPEN_MAX)
}

/// What names the time since the system was started.
#[must_use]
pub fn boot() -> Option<String> {
    sysctl::text(c"kern.bootsessionuuid")
}

/// Whether memory may be written to a disk as it is. What macOS swaps out is encrypted under a key that is gone with the next
/// start.
#[must_use]
pub fn swap_is_on() -> Option<bool> {
    // `struct xsw_usage` of `<sys/sysctl.h>`: three numbers of 8 bytes, the size of a page, and whether it is encrypted.
    let usage: [u8; 32] = sysctl::bytes(c"vm.swapusage")?;
    let (_, is_encrypted) = usage.split_last_chunk::<4>()?;
    Some(*is_encrypted == [0; 4])
}

/// The folder for temporary files of this user alone (`$TMPDIR`, which may say anything).
pub(super) fn run_user() -> Option<PathBuf> {
    let mut path = vec![0_u8; 1024];
    // SAFETY: so many bytes are writable as are said to be.
    let length = unsafe {
        libc::confstr(libc::_CS_DARWIN_USER_TEMP_DIR, path.as_mut_ptr().cast(), path.len())
    };
    // It counts the zero at the end, and would count what did not fit.
    if length < 2 || length > path.len() {
        return None;
    }
    path.truncate(length - 1);
    while path.len() > 1 && path.last() == Some(&b'/') {
        path.pop();
    }
    Some(PathBuf::from(std::ffi::OsString::from_vec(path)))
}

/// Where programs of this user keep what is theirs.
pub(super) fn folders(home: &Path) -> Folders {
    let own = home.join("Library/Application Support/tokend");
    Folders { data: own.join("data"), state: own.join("state"), configuration: own }
}

/// The user at the other end, by the audit token of the process there (`<bsm/libbsm.h>`), whose second number is the
/// effective user.
///
/// # Errors
/// When the process has gone, or the kernel does not say.
pub(super) fn user_by_audit_token(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let mut token = [0_u32; 8];
    let wanted = size_of::<[u32; 8]>();
    let mut length = libc::socklen_t::try_from(wanted).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: so many bytes are writable as are said to be.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_LOCAL,
            libc::LOCAL_PEERTOKEN,
            token.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    if usize::try_from(length) != Ok(wanted) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(token[1])
}

/// Whether somebody may connect to the socket. The kernel knows `SO_ACCEPTCONN` by name only, and cannot be asked;
/// listen(2) changes nothing where a socket listens already, and refuses one that is connected, or bound to nothing.
pub(super) fn is_listening(socket: BorrowedFd<'_>) -> bool {
    rustix::net::listen(socket, LONGEST_QUEUE).is_ok()
}
