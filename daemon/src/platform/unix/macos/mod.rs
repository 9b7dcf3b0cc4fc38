//! macOS: what it tells of itself, of processes and of who calls.
//!
//! Nothing of this was run: it is written after Apple's headers and manual pages, and type-checked.

#![expect(unsafe_code, reason = "calls that no crate has under a safe name")]

mod clock;
mod launchd;
mod process;
mod sysctl;

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::net::SendFlags;
use rustix::time::ClockId;
use tokend_proto::places::Folders;

use super::Stream;
use crate::platform::Supervisor;

pub(super) use super::portable::socket::{abstract_address, bind};
pub use super::portable::{FolderWatch, FolderWatches, Metronome, sealed_memory};
pub use clock::ClockWatch;
pub(super) use launchd::passed;
pub(super) use process::{keep_from_cores_and_children, refuse_debuggers, threads};
pub use process::{resident_memory, words_of_process};

/// The clock that goes on in sleep: here `CLOCK_MONOTONIC` does (`clock_gettime(3)`). It is adjusted together with the wall, as
/// `CLOCK_MONOTONIC_RAW` is not, so that the two do not drift apart.
pub(super) const STEADY: ClockId = ClockId::Monotonic;

/// There is no such flag, nor a need: the runtime ignores SIGPIPE.
pub(super) const NO_SIGNAL: SendFlags = SendFlags::empty();

/// `OPEN_MAX`: setrlimit(2) takes no more descriptors.
const OPEN_MAX: u64 = 10_240;

/// As many callers wait for their turn as the kernel lets them.
const LONGEST_QUEUE: c_int = -1;

/// What is open for its events alone keeps no volume from being unmounted.
pub(super) const ONLY_TO_WATCH: OFlags = OFlags::from_bits_retain(libc::O_EVTONLY.cast_unsigned());

/// How many descriptors a process may have at most.
pub(super) fn most_descriptors() -> u64 {
    let most = sysctl::number(c"kern.maxfilesperproc").and_then(|most| u64::try_from(most).ok());
    most.unwrap_or(OPEN_MAX).min(OPEN_MAX)
}

/// What keeps a user's services running.
#[must_use]
pub fn supervisor() -> Supervisor {
    Supervisor::Launchd(PathBuf::from("/bin/launchctl"))
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
    let length =
        unsafe { libc::confstr(libc::_CS_DARWIN_USER_TEMP_DIR, path.as_mut_ptr().cast(), path.len()) };
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
#[expect(clippy::unnecessary_wraps, reason = "Linux has none but those of XDG")]
pub(super) fn folders(home: &Path) -> Option<Folders> {
    let own = home.join("Library/Application Support/tokend");
    Some(Folders { data: own.join("data"), state: own.join("state"), configuration: own })
}

/// What was written is on the disk when this returns, not only in its cache: the standard library asks for `F_FULLFSYNC`
/// (fcntl(2)). Not every file system has that, such as one on another machine; there, fsync(2) has to do.
pub(super) fn sync(file: &File) -> io::Result<()> {
    // They say so in several words. A disk that fails says it again.
    file.sync_all().or_else(|_| Ok(rustix::fs::fsync(file)?))
}

/// The user at the other end. The kernel knows it twice: the credentials are those of who connected, or listened, then; the
/// audit token is that of the process that has the socket now. Both have to name the same user. Where one of them is
/// root, the other counts, who may do less: launchd, which is root, makes the socket that a daemon then accepts from.
///
/// # Errors
/// When they name two users, or the process has gone.
pub(super) fn confirmed(stream: &Stream, connected: u32) -> io::Result<u32> {
    let Stream::UdSocket(stream) = stream;
    let now = user_by_audit_token(stream.as_fd())?;
    one_of(connected, now).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("user {connected} connected, and a process of user {now} goes on"),
        )
    })
}

fn one_of(connected: u32, now: u32) -> Option<u32> {
    match (connected, now) {
        (0, user) | (user, 0) => Some(user),
        (one, other) => (one == other).then_some(one),
    }
}

/// The user at the other end, by the audit token of the process there (`<bsm/libbsm.h>`), whose second number is the
/// effective user.
///
/// # Errors
/// When the process has gone, or the kernel does not say.
fn user_by_audit_token(socket: BorrowedFd<'_>) -> io::Result<u32> {
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test should fail with the place")]
mod tests {
    use super::*;

    #[test]
    fn both_words_must_name_the_same_user_or_root() {
        assert_eq!(one_of(501, 501), Some(501));
        assert_eq!(one_of(0, 501), Some(501));
        assert_eq!(one_of(501, 0), Some(501));
        assert_eq!(one_of(0, 0), Some(0));
        assert_eq!(one_of(501, 502), None);
    }

    #[test]
    fn a_process_of_this_user_is_at_the_other_end() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(user_by_audit_token(one.as_fd()).unwrap(), rustix::process::geteuid().as_raw());
    }

    #[test]
    fn a_socket_listens_once_it_was_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        assert!(is_listening(listener.as_fd()));
        let (connected, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(!is_listening(connected.as_fd()));
    }

    #[test]
    fn the_system_tells_of_itself() {
        assert_eq!(boot().map(|id| id.len()), Some(36));
        assert_eq!(swap_is_on(), Some(false));
        assert!(run_user().is_some_and(|path| path.is_absolute()));
        assert!((1..=OPEN_MAX).contains(&most_descriptors()));
    }
}
