//! Child processes that are ended together with everything that they started.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// Makes the child the leader of a process group of its own, so that [`kill_group`] reaches its descendants, too.
pub fn lead_group(command: &mut Command) {
    command.process_group(0);
}

/// Kills the child and everything in its group at once. Only before the child was waited for: its number is
/// its own until then.
pub fn kill_group(child: &Child) {
    // After it was waited for, `id` is none.
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group {
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// The signal that ended a child, if one did.
#[must_use]
pub fn signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Reads what is there without waiting: `None` when that is nothing for now, 0 at the end.
///
/// # Errors
/// What the system says.
pub fn read_what_is_there(source: impl AsFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match rustix::io::read(source.as_fd(), &mut *buffer) {
            Ok(count) => return Ok(Some(count)),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}
