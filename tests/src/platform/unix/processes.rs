//! Processes: signals, ends, what the kernel tells of them.

use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus};
use std::sync::Mutex;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, kill_process, kill_process_group, setrlimit};
use tokio::signal::unix::{SignalKind, signal as caught};

pub use rustix::process::Signal;

/// Sends a signal to a process.
///
/// # Errors
/// The system's: there is no such process, or it is another user's.
pub fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(pid, signal)?)
}

/// Lets a program lead a group of its own.
pub fn leads_a_group(command: &mut Command) {
    command.process_group(0);
}

/// Sends a signal to all in the group that a child leads.
///
/// # Errors
/// The system's: there is nobody left.
pub fn signal_group(child: &Child, signal: Signal) -> io::Result<()> {
    Ok(kill_process_group(Pid::from_child(child), signal)?)
}

/// Ends with the first signal that asks for an end. They are caught from the call on; it takes a runtime.
///
/// # Errors
/// The system's.
pub fn until_asked_to_end() -> io::Result<impl Future<Output = ()> + Send> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [mut first, mut second, mut third] = [caught(kinds[0])?, caught(kinds[1])?, caught(kinds[2])?];
    Ok(async move {
        tokio::select! {
            _ = first.recv() => {}
            _ = second.recv() => {}
            _ = third.recv() => {}
        }
    })
}

/// A program's exit code, or 128 and the signal that ended it.
#[must_use]
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// Whether it was this signal that ended it.
#[must_use]
pub fn ended_by(status: ExitStatus, signal: Signal) -> bool {
    status.signal() == Some(signal.as_raw())
}

/// Makes a program run as this user, with no other group.
pub fn as_user(command: &mut Command, user: u32) -> &mut Command {
    command.uid(user).gid(user)
}

/// The number of the user.
#[must_use]
pub fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether the tests run as root, whom mode bits do not bind.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes room for so many descriptors in this process, and says how many of them there are.
///
/// # Panics
/// When the limit cannot be raised.
#[must_use]
pub fn room_for(descriptors: u64) -> u64 {
    // Limits are the whole process's, and its tests run side by side: never lowered.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let wanted = descriptors.min(most).max(limit.current.unwrap_or(u64::MAX));
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("a limit below the highest");
    wanted.min(descriptors)
}

/// This program. Not by its path: cargo, building for another proof, may have put another there.
#[must_use]
pub fn this_program() -> Command {
    Command::new("/proc/self/exe")
}

/// Whether there is such a process; one that ended and was not waited for is none.
#[must_use]
pub fn is_running(pid: u32) -> bool {
    // The state follows the name, which is in brackets and may hold anything (proc(5)).
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X'])))
}

/// The peak resident memory of a process in KiB (`VmHWM`).
///
/// # Panics
/// When the kernel does not tell it.
#[must_use]
pub fn memory_peak_kib(pid: u32) -> u64 {
    memory_kib(pid, "VmHWM:")
}

/// The same without the pages of its programs and libraries, which are larger the less a build is optimized.
///
/// # Panics
/// When the kernel does not tell it.
#[must_use]
pub fn own_memory_peak_kib(pid: u32) -> u64 {
    memory_kib(pid, "VmHWM:").saturating_sub(memory_kib(pid, "RssFile:"))
}

fn memory_kib(pid: u32, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix(what)).expect(what);
    line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
}

/// What a process computed, in seconds of one processor: `utime` and `stime` of proc(5), in ticks of which there are
/// 100 a second on every Linux.
///
/// # Panics
/// When the kernel does not tell it.
#[must_use]
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("its state");
    let rest = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = rest.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
