//! Unix: descriptors, modes of files, process images, signals.

mod full_screen;
mod programs;
mod terminal;
#[cfg(not(target_os = "macos"))]
pub(crate) mod words;
#[cfg(target_os = "macos")]
#[path = "words_macos.rs"]
pub(crate) mod words;

pub(crate) use self::full_screen::{FullScreen, Waker, end_by};
pub(crate) use self::programs::{beside_this, find_program, program};
pub(crate) use self::terminal::{Hushed, Keys, Terminal, Typed, show_typing_again};

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, Resource, Rlimit, Signal};
use signal_hook::consts::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;

use super::Desktop;

/// The limit that this process was started with.
static CORE_LIMIT: OnceLock<Rlimit> = OnceLock::new();

/// A token in memory must not end in a core file. Only the soft limit, so that it can be given back to a child.
pub(crate) fn forbid_core_dumps() {
    let limit = CORE_LIMIT.get_or_init(|| rustix::process::getrlimit(Resource::Core));
    if limit.current != Some(0) {
        let none = Rlimit { current: Some(0), maximum: limit.maximum };
        let _ = rustix::process::setrlimit(Resource::Core, none);
    }
}

fn allow_core_dumps_again() {
    if let Some(limit) = CORE_LIMIT.get() {
        let _ = rustix::process::setrlimit(Resource::Core, *limit);
    }
}

/// Writes all of it to standard output, without a buffer between.
pub(crate) fn write_out(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Writes all of it to standard error.
pub(crate) fn write_error(bytes: &[u8]) -> io::Result<()> {
    io::stderr().write_all(bytes)
}

/// Standard input itself: the standard library's keeps what it read in a buffer that nobody wipes.
pub(crate) fn unbuffered_stdin() -> io::Result<File> {
    Ok(File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 0)?))
}

/// Whether shells put a byte order mark in front of what they pipe.
pub(crate) const INPUT_MAY_HAVE_A_MARK: bool = false;

/// Whether the caller closed standard output. The standard library puts `/dev/null` there before `main`, so that
/// the token would go nowhere and tok would say that all is well; hence this looks before the library does.
pub(crate) fn stdout_was_closed() -> bool {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    return early::STDOUT_WAS_CLOSED.load(std::sync::atomic::Ordering::Relaxed);
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    return false;
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
#[expect(unsafe_code, reason = "the linker must be told to run a function before main")]
mod early {
    use std::sync::atomic::{AtomicBool, Ordering};

    pub(super) static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

    // SAFETY: the section holds pointers to functions that the C library calls before main, and this is one. It
    // makes one system call and stores a flag: nothing that would have to be initialized first.
    #[used]
    #[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
    #[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
    static LOOK: extern "C" fn() = look;

    extern "C" fn look() {
        let closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()) == Err(rustix::io::Errno::BADF);
        STDOUT_WAS_CLOSED.store(closed, Ordering::Relaxed);
    }
}

/// The columns of the terminal on standard output; nothing where that is no terminal.
pub(crate) fn terminal_width() -> Option<usize> {
    let stdout = rustix::stdio::stdout();
    if !rustix::termios::isatty(stdout) {
        return None;
    }
    let columns = rustix::termios::tcgetwinsize(stdout).map_or(0, |size| usize::from(size.ws_col));
    Some(if columns == 0 { 80 } else { columns })
}

/// Whether nobody reads standard output any more.
pub(crate) fn stdout_has_no_reader() -> bool {
    let mut looked = [PollFd::from_borrowed_fd(rustix::stdio::stdout(), PollFlags::empty())];
    rustix::event::poll(&mut looked, Some(&Timespec::default())).is_ok()
        && looked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

/// A time as this place's clocks show it: `14:03:21`.
#[expect(unsafe_code, reason = "the C library knows the time zone")]
pub(crate) fn time_of_day(ms_since_1970: i64) -> String {
    let seconds: libc::time_t = ms_since_1970.div_euclid(1000);
    // SAFETY: a structure of numbers and a pointer to a name, for which all bits 0 are a value.
    let mut time: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both live through the call, which keeps neither.
    let known = unsafe { libc::localtime_r(&raw const seconds, &raw mut time) };
    if known.is_null() {
        return String::new();
    }
    format!("{:02}:{:02}:{:02}", time.tm_hour, time.tm_min, time.tm_sec)
}

/// Whether the terminal on standard output obeys ECMA-48's sequences, whatever `$TERM` says.
pub(crate) fn terminal_can_draw() -> bool {
    true
}

/// Whether a terminal is one only where `$TERM` says which.
pub(crate) fn terminal_needs_name() -> bool {
    true
}

/// The columns and lines of the terminal on standard error; nothing where that is no terminal.
pub(crate) fn error_terminal_size() -> Option<(usize, usize)> {
    let stderr = rustix::stdio::stderr();
    if !rustix::termios::isatty(stderr) {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stderr).ok();
    let known = |cells: u16, otherwise| if cells == 0 { otherwise } else { usize::from(cells) };
    Some(size.map_or((80, 24), |size| (known(size.ws_col, 80), known(size.ws_row, 24))))
}

/// The name of this machine, as the daemon tells its own.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// How addresses are opened on this system's desktop. WSL's programs open them on Windows' desktop.
#[cfg(not(target_os = "macos"))]
pub(crate) const DESKTOP: Desktop = Desktop {
    openers: &[&["xdg-open"], &["gio", "open"], &["wslview"]],
    needs_display: true,
    separator: ':',
};

/// How addresses are opened on this system's desktop.
#[cfg(target_os = "macos")]
pub(crate) const DESKTOP: Desktop = Desktop { openers: &[&["open"]], needs_display: false, separator: ':' };

/// An open file that a program which replaces this one can read at the path that comes with it, and nobody else.
pub(crate) fn pass_on(content: &[u8]) -> io::Result<(OwnedFd, PathBuf)> {
    let mut file = File::from(unnamed_file()?);
    file.write_all(content)?;
    // macOS's /dev/fd shares the position with this descriptor.
    io::Seek::rewind(&mut file)?;
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty())?;
    let path = PathBuf::from(format!("/dev/fd/{}", file.as_raw_fd()));
    // Some versions of curl go on after a configuration that they cannot read, and would send no token.
    File::open(&path)?;
    Ok((file.into(), path))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn unnamed_file() -> io::Result<OwnedFd> {
    use rustix::fs::{MemfdFlags, memfd_create};
    // Systems that forbid executable memory files (vm.memfd_noexec=2) want the flag; kernels before 6.3 do not know it.
    let flags = MemfdFlags::CLOEXEC;
    let file = memfd_create("tok", flags | MemfdFlags::NOEXEC_SEAL).or_else(|_| memfd_create("tok", flags));
    file.or_else(|_| unlinked_file())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unnamed_file() -> io::Result<OwnedFd> {
    unlinked_file()
}

fn unlinked_file() -> io::Result<OwnedFd> {
    let path = std::env::temp_dir().join(format!("tok-{:016x}", crate::cli::token_folder::random()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file.into())
}

/// Becomes another program; returns only if that fails.
pub(crate) fn replace_by(command: &mut Command) -> io::Error {
    allow_core_dumps_again();
    let error = command.exec();
    forbid_core_dumps();
    error
}

/// Starts a child with the limits that this process was started with.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    allow_core_dumps_again();
    let child = command.spawn();
    forbid_core_dumps();
    child
}

/// Starts a program in a session of its own, with nothing to read and nowhere to write: it outlives this process, and
/// the signals of this terminal are not for it.
#[expect(unsafe_code, reason = "setsid between fork and exec")]
pub(crate) fn spawn_apart(command: &mut Command) -> io::Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let leave = || {
        // SAFETY: one system call that takes nothing, touches no memory, and may be made between fork and exec.
        let session = unsafe { libc::setsid() };
        if session == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: the closure allocates nothing and takes no lock; it captures nothing.
    unsafe { command.pre_exec(leave) };
    spawn(command)
}

/// A child's end as a shell reports it: its status, or 128 and the signal that killed it.
pub(crate) fn fold_status(status: ExitStatus) -> u8 {
    let folded = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(folded).unwrap_or(u8::MAX)
}

/// Ends as the child did, where that can be said in a status.
pub(crate) fn end_as(status: ExitStatus) -> u8 {
    fold_status(status)
}

/// Whether both names are the same variable's.
pub(crate) fn is_same_variable(one: &str, other: &str) -> bool {
    one == other
}

/// Families of variables that on this system alone decide what programs load, run or trust.
pub(crate) const DANGEROUS_FAMILIES: &[&str] = &[];

/// The same, one by one.
pub(crate) const DANGEROUS_VARIABLES: &[&str] = &[];

/// A new folder for this user alone.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// A new file for this user alone.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(content)
}

/// Whether this is a folder of this user's in which no other can make or remove anything.
pub(crate) fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|found| {
        found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0
    })
}

/// Whether files for this user alone may be made in this folder, which the daemon has made.
pub(crate) fn is_own_place(folder: &Path) -> bool {
    is_private(folder)
}

/// The lock on a folder.
#[derive(Debug)]
pub(crate) struct Hold {
    _folder: File,
}

/// Locks a folder for as long as what this gives lives; nothing where another process has it.
pub(crate) fn hold(folder: &Path) -> io::Result<Option<Hold>> {
    let folder = File::open(folder)?;
    Ok(folder.try_lock().is_ok().then_some(Hold { _folder: folder }))
}

/// Whether there is something at this path, and it is no socket.
pub(crate) fn is_something_else(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::metadata(path).is_ok_and(|found| !found.file_type().is_socket())
}

/// Signals that are passed on to a child. A terminal sends its own to the child by itself.
pub(crate) struct Signals(SignalsInfo<WithOrigin>);

/// What has come.
enum Event {
    /// The child may have ended.
    Child,
    /// A signal that the child did not get.
    Forward(Forwarded),
}

/// A signal for the child.
struct Forwarded(i32);

impl Signals {
    /// From here on, these signals do not end this process. Those that it was told to ignore (`nohup`, a shell's
    /// background jobs) stay ignored, for the child too.
    pub(crate) fn catch() -> io::Result<Self> {
        let ignored = ignored_signals();
        let caught = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT];
        let wanted = caught.into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0).chain([SIGCHLD]);
        SignalsInfo::with_exfiltrator(wanted, WithOrigin::default()).map(Self)
    }

    /// Passes them on until the child has ended.
    pub(crate) fn accompany(&mut self, mut child: Child) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            for event in self.wait() {
                if let Event::Forward(signal) = event {
                    signal.send_to(&child);
                }
            }
        }
    }

    /// Waits for the next ones.
    fn wait(&mut self) -> impl Iterator<Item = Event> {
        self.0.wait().filter_map(|origin| match origin.signal {
            SIGCHLD => Some(Event::Child),
            // A hang-up reaches only the session's leader, which may be tok alone.
            SIGHUP if is_session_leader() => Some(Event::Forward(Forwarded(SIGHUP))),
            // Where the kernel does not say that it is the terminal's, which the child has got, too.
            SIGINT | SIGQUIT | SIGWINCH if names_a_sender_always() && is_in_front() => None,
            signal => origin.process.map(|_| Event::Forward(Forwarded(signal))),
        })
    }
}

impl Forwarded {
    /// Sends it on. The child has not been waited for yet, so that its id is still its own.
    fn send_to(&self, child: &Child) {
        if let Some(signal) = Signal::from_named_raw(self.0) {
            let _ = rustix::process::kill_process(Pid::from_child(child), signal);
        }
    }
}

/// Not with rustix, whose `getsid` takes it that a leader has an id: one outside of this PID namespace (a container's, or
/// `unshare --pid`'s) has none, and is told as 0.
#[expect(unsafe_code, reason = "getsid of the C library")]
fn is_session_leader() -> bool {
    // SAFETY: takes a number, touches no memory.
    let leader = unsafe { libc::getsid(0) };
    u32::try_from(leader).is_ok_and(|leader| leader == std::process::id())
}

/// Whether a terminal's signals seem to come from a process: on Linux they come from the kernel.
const fn names_a_sender_always() -> bool {
    cfg!(not(any(target_os = "linux", target_os = "android")))
}

/// Whether what is typed at the session's terminal is for this process.
fn is_in_front() -> bool {
    File::open("/dev/tty").is_ok_and(|terminal| {
        rustix::termios::tcgetpgrp(&terminal).is_ok_and(|group| group == rustix::process::getpgrp())
    })
}

/// A bit for each signal that this process was started to ignore. To be asked before handlers are set.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(unsafe_code, reason = "sigaction of the C library")]
fn ignored_signals() -> u64 {
    let is_ignored = |signal: &i32| {
        let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: nothing is set, and what is told is written to a value of this function's own.
        let known = unsafe { libc::sigaction(*signal, std::ptr::null(), now.as_mut_ptr()) };
        // SAFETY: numbers, for which all bits 0 are a value.
        known == 0 && unsafe { now.assume_init() }.sa_sigaction == libc::SIG_IGN
    };
    (1..=31).filter(is_ignored).fold(0, |mask, signal| mask | 1 << (signal - 1))
}

/// A bit for each signal that this process was started to ignore.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod testing {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::Command;
    use std::{fs, io};

    /// Lets others write into a folder.
    pub(crate) fn open_to_others(folder: &Path) -> io::Result<()> {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777))
    }

    /// A program.
    pub(crate) fn says_hello_and_ends_with_3() -> Command {
        shell("echo hello; exit 3")
    }

    /// A program.
    pub(crate) fn goes_on_and_on() -> Command {
        shell("exec sleep 600")
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    /// Whether a file that somebody has open can have another one put in its place.
    pub(crate) fn replaces_open_files() -> bool {
        true
    }

    /// A path of a file that is not there, and one of something that is.
    pub(crate) const NO_FILE_AND_A_FILE: (&str, &str) = ("/nonexistent/x", "/");
}
