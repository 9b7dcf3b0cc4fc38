//! Where this process's standard error leads, and what it uses.

use std::io::IsTerminal as _;

use rustix::time::{ClockId, clock_gettime};

/// Whether standard error leads to the journal: `JOURNAL_STREAM` names its device and inode (systemd.exec(5)). The
/// variable alone says nothing, for whoever is started by a service inherits it.
#[must_use]
pub fn stderr_is_the_journal() -> bool {
    let Some(named) = std::env::var("JOURNAL_STREAM").ok() else { return false };
    let Some((device, inode)) = named.split_once(':') else { return false };
    let Ok(facts) = rustix::fs::fstat(std::io::stderr()) else { return false };
    device == facts.st_dev.to_string() && inode == facts.st_ino.to_string()
}

/// Milliseconds of processor time that this process has used.
#[must_use]
pub fn processor_milliseconds() -> u64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(used.tv_sec).unwrap_or(0);
    let milliseconds = u64::try_from(used.tv_nsec).unwrap_or(0) / 1_000_000;
    seconds.saturating_mul(1000).saturating_add(milliseconds)
}

/// Whether standard error is a terminal, which takes colours.
#[must_use]
pub fn stderr_takes_colours() -> bool {
    std::io::stderr().is_terminal()
}
