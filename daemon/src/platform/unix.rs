//! Unix: clocks, users, limits, descriptors.

#![expect(unsafe_code, reason = "descriptors that are passed as numbers")]

use std::fs::{self, TryLockError};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::path::{Path, PathBuf};

use interprocess::local_socket::tokio::prelude::*;
pub use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::{GenericFilePath, ListenerOptions, ToFsName};
use interprocess::os::unix::local_socket::ListenerOptionsExt;
use rustix::io::FdFlags;
use rustix::process::{Resource, Rlimit};
use rustix::time::{ClockId, clock_gettime};
use tokend_proto::places::Surroundings;

use super::Listens;

mod background;
pub use background::{USUAL_SHELL, spawn_apart, supervisor, write_errors_to};

pub mod children;
pub mod files;
pub mod remedies;
pub mod sealed_memory;
pub mod systemd;

mod limits;
pub use limits::{leaves_core_files, own_unit, swap_is_on, watchdog};

mod memory;
pub use memory::HOW_TO_LOCK_MEMORY;
pub(super) use memory::locked_page;

mod process;
pub use process::{processor_milliseconds, resident_memory, stderr_is_the_journal, stderr_takes_colours};

pub mod service;

mod signals;
pub use signals::Signals;

mod users;
pub use users::{User, own_user};

#[cfg(test)]
pub(super) mod testing;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux::keep_from_cores_and_children;
#[cfg(target_os = "linux")]
pub use linux::{ClockWatch, FolderWatch, FolderWatches, Metronome};

#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
use portable::keep_from_cores_and_children;
#[cfg(not(target_os = "linux"))]
pub use portable::{ClockWatch, Metronome};

/// Milliseconds on the clock that goes on in suspend.
#[must_use]
pub fn steady_milliseconds() -> u64 {
    #[cfg(target_os = "linux")]
    let clock = ClockId::Boottime;
    // On macOS CLOCK_MONOTONIC goes on in sleep.
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Monotonic;
    let now = clock_gettime(clock);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let milliseconds = u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000;
    seconds.saturating_mul(1000).saturating_add(milliseconds)
}

/// What names the time since the system was started, where it has a name.
#[must_use]
pub fn boot() -> Option<String> {
    // Linux's; elsewhere every start of the daemon counts as one of the system.
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

/// This machine's name.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// `/run/user/UID`, if it is this user's own and closed to others.
fn run_user() -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    let path = PathBuf::from(format!("/run/user/{user}"));
    let metadata = fs::symlink_metadata(&path).ok()?;
    let closed = metadata.is_dir() && metadata.mode() & 0o7777 == 0o700 && metadata.uid() == user;
    closed.then_some(path)
}

/// What places depend on, read once.
#[must_use]
pub fn surroundings() -> Surroundings {
    Surroundings {
        tokend_sock: std::env::var_os("TOKEND_SOCK"),
        xdg_runtime_dir: std::env::var_os("XDG_RUNTIME_DIR"),
        xdg_state_home: std::env::var_os("XDG_STATE_HOME"),
        xdg_config_home: std::env::var_os("XDG_CONFIG_HOME"),
        xdg_data_home: std::env::var_os("XDG_DATA_HOME"),
        home: std::env::home_dir().map(PathBuf::into_os_string),
        run_user: run_user(),
        pipe: None,
        folders: None,
        host: host_name(),
    }
}

/// Leaves no core file and lets no process of the same user look into this one's memory.
pub fn close_to_onlookers() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core files cannot be switched off");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "this process stays traceable");
    }
}

/// Files that this process makes are its user's alone, whatever the shell's mask was.
pub fn close_new_files_to_others() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Raises the limit of open descriptors as far as it may go, and says how many there are.
#[must_use]
pub fn raise_descriptor_limit() -> u64 {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    // Beyond this, nothing here needs more.
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(65_536);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= wanted {
        return current;
    }
    match rustix::process::setrlimit(
        Resource::Nofile,
        Rlimit { current: Some(wanted), maximum: limit.maximum },
    ) {
        Ok(()) => wanted,
        Err(_) => current,
    }
}

/// Descriptors that this process was started with do not reach the programs that it runs.
pub fn keep_descriptors_from_children() {
    // Linux has /proc/self/fd, the others /dev/fd.
    let Ok(entries) = fs::read_dir("/proc/self/fd").or_else(|_| fs::read_dir("/dev/fd")) else { return };
    let numbers: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // SAFETY: the number is not negative, and is only used for fcntl, which answers EBADF where the
        // descriptor is closed by now (that of the listing is).
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        if let Ok(flags) = rustix::io::fcntl_getfd(descriptor) {
            let _ = rustix::io::fcntl_setfd(descriptor, flags | FdFlags::CLOEXEC);
        }
    }
}

/// Starts a session of its own: the shell that started it may go.
pub fn leave_the_terminal() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// A new socket at `path`, open to its user alone from birth. Never displaces what is there.
///
/// # Errors
/// `AddrInUse` where something is at `path`, and whatever else bind(2) says.
pub fn listen(path: &Path) -> io::Result<Listener> {
    let name = path.to_fs_name::<GenericFilePath>()?;
    ListenerOptions::new().name(name).reclaim_name(false).mode(0o600).create_tokio()
}

/// Asks a process to end, as systemd does.
///
/// # Errors
/// When there is no such process, or it is another user's.
pub fn ask_to_end(process: u32) -> io::Result<()> {
    let pid = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::kill_process(pid, rustix::process::Signal::TERM)?)
}

/// Whether systemd runs this machine, as `sd_booted(3)` finds out.
#[must_use]
pub fn systemd_runs() -> bool {
    fs::symlink_metadata("/run/systemd/system").is_ok_and(|metadata| metadata.is_dir())
}

/// The words with which a process was started, where the system shows them.
#[must_use]
pub fn words_of_process(process: u32) -> Option<Vec<Vec<u8>>> {
    let words = fs::read(format!("/proc/{process}/cmdline")).ok()?;
    Some(words.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect())
}

/// Connects to the socket at `path`.
///
/// # Errors
/// As connect(2).
pub async fn connect(path: &Path) -> io::Result<Stream> {
    Stream::connect(path.to_fs_name::<GenericFilePath>()?).await
}

/// Looks who listens at `path`.
pub async fn who_listens(path: &Path) -> Listens {
    use std::os::unix::fs::FileTypeExt;
    let name = match path.to_fs_name::<GenericFilePath>() {
        Ok(name) => name,
        Err(error) => return Listens::Unknown(error),
    };
    match Stream::connect(name).await {
        Ok(_) => Listens::Somebody,
        // connect(2) refuses a file that is no socket in the same words.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.file_type().is_socket() => Listens::Nobody,
            Ok(_) => Listens::Unknown(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "there is a file that is no socket; it was left alone",
            )),
            Err(error) => Listens::Unknown(error),
        },
        Err(error) => Listens::Unknown(error),
    }
}

/// The user at the other end, by the kernel's word.
///
/// # Errors
/// When the kernel does not say.
pub fn peer_user(stream: &Stream) -> io::Result<User> {
    let number = stream.peer_creds()?.euid().ok_or(io::ErrorKind::Unsupported)?;
    Ok(User::with_number(number))
}

/// The next connection. May be dropped and called again.
///
/// # Errors
/// As accept(2).
pub async fn accept(listener: &Listener) -> io::Result<Stream> {
    listener.accept().await
}

/// The name of another socket of the same daemon, in the folder of `socket` unless `name` says where.
#[must_use]
pub fn beside(socket: &Path, name: &Path) -> PathBuf {
    socket.parent().map_or_else(|| name.to_path_buf(), |folder| folder.join(name))
}

/// Whether a socket with this name is a file, which others can replace and which may vanish.
#[must_use]
pub fn is_a_file(_socket: &Path) -> bool {
    true
}

/// Makes `folder` with mode 0700 from birth, or looks whether what is there is safe to put a socket in: nobody
/// else may be able to replace what lies in it.
///
/// # Errors
/// When it cannot be made, or others could tamper with it.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let metadata = fs::metadata(folder)?;
    let owner = metadata.uid();
    // In a sticky folder, such as /tmp, only its owner removes a file.
    let tampered_with = metadata.mode() & 0o022 != 0 && metadata.mode() & 0o1000 == 0;
    if !User::with_number(owner).is_trusted() || tampered_with {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("others can write to {}", folder.display()),
        ));
    }
    Ok(())
}

/// What tells a file from another that later has its name.
pub type FileIdentity = (u64, u64);

/// The identity of the file at `path`, if there is one.
#[must_use]
pub fn file_identity(path: &Path) -> Option<FileIdentity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Opens the lock file, for its user alone.
///
/// # Errors
/// As open(2).
pub fn open_lock(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Locks the file for this process alone, if nobody has locked it.
///
/// # Errors
/// Somebody has; or as flock(2).
pub fn try_lock(file: &fs::File) -> Result<(), TryLockError> {
    file.try_lock()
}

/// Locks the file together with others who do the same, if nobody has locked it alone.
///
/// # Errors
/// Somebody has; or as flock(2).
pub fn try_lock_shared(file: &fs::File) -> Result<(), TryLockError> {
    file.try_lock_shared()
}

/// Waits until nobody else has locked the file, and locks it.
///
/// # Errors
/// As flock(2).
pub fn lock(file: &fs::File) -> io::Result<()> {
    file.lock()
}

/// The identity of an open file.
///
/// # Errors
/// As fstat(2).
pub fn open_file_identity(file: &fs::File) -> io::Result<FileIdentity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}
