//! Folders are watched by inotify, the wall by a timer that is cancelled when it is set; nothing polls.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// Tells when something in a folder is made, moved or removed, or the folder itself is.
#[derive(Debug)]
pub struct FolderWatch(AsyncFd<OwnedFd>);

impl FolderWatch {
    /// Watches `folder`.
    ///
    /// # Errors
    /// When there is no such folder, or the user watches too many.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let events = WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        inotify::add_watch(&watch, folder, events)?;
        // SAFETY: the descriptor is owned by what is registered, is never replaced, and closes with it.
        Ok(Self(unsafe { AsyncFd::register(watch) }?))
    }

    /// Ends when something has changed since the last call.
    ///
    /// # Errors
    /// When the watch broke.
    pub async fn changed(&self) -> io::Result<()> {
        drained(&self.0).await
    }
}

/// Tells when a file in one of some folders is made, written, moved, removed, or has other permissions.
#[derive(Debug)]
pub struct FolderWatches(AsyncFd<OwnedFd>);

impl FolderWatches {
    /// Watches the folders. Of one that does not exist the nearest one above it is watched.
    ///
    /// # Errors
    /// When the user watches too many.
    pub fn new<'a>(folders: impl Iterator<Item = &'a Path>) -> io::Result<Self> {
        let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let events = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        for folder in folders {
            for place in folder.ancestors() {
                match inotify::add_watch(&watch, place, events) {
                    Ok(_) => break,
                    Err(Errno::NOSPC | Errno::NOMEM) => {
                        return Err(io::Error::other("too many files are watched"));
                    }
                    Err(_) => {}
                }
            }
        }
        // SAFETY: the descriptor is owned by what is registered, is never replaced, and closes with it.
        Ok(Self(unsafe { AsyncFd::register(watch) }?))
    }

    /// Ends when something has changed since the last call.
    ///
    /// # Errors
    /// When the watch broke.
    pub async fn changed(&self) -> io::Result<()> {
        drained(&self.0).await
    }
}

/// Ends when there were events, and none is left.
async fn drained(watch: &AsyncFd<OwnedFd>) -> io::Result<()> {
    let mut ready = watch.readable().await?;
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(watch.get_ref(), &mut buffer);
    // What changed does not matter, only that nothing is left to read.
    while events.next().is_ok() {}
    ready.clear_ready();
    Ok(())
}

/// Tells when the wall is set, and when the machine wakes up from suspend.
///
/// A timer on `CLOCK_REALTIME` for a time that never comes: the kernel cancels it when that clock changes other than by
/// running (`TFD_TIMER_CANCEL_ON_SET` in `timerfd_create(2)`). A resume changes it, too, as `CLOCK_MONOTONIC` stood
/// still (`timerfd_resume` and `moffs` in `fs/timerfd.c`). One that was cancelled and read stays armed.
#[derive(Debug)]
pub struct ClockWatch(AsyncFd<OwnedFd>);

impl ClockWatch {
    /// Watches from now on.
    ///
    /// # Errors
    /// When the kernel has no such timer, or the process may not have one.
    pub fn new() -> io::Result<Self> {
        let never = Timespec { tv_sec: i64::MAX, tv_nsec: 0 };
        Self::with(never, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET)
    }

    fn with(at: Timespec, flags: TimerfdTimerFlags) -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
        match timerfd_settime(&timer, flags, &once) {
            // Cancelled between the two calls: it is armed all the same.
            Ok(_) | Err(Errno::CANCELED) => {}
            Err(error) => return Err(error.into()),
        }
        // SAFETY: the descriptor is owned by what is registered, is never replaced, and closes with it.
        Ok(Self(unsafe { AsyncFd::register(timer) }?))
    }

    /// Ends when the clock was set, or the machine woke up, since the last call.
    ///
    /// # Errors
    /// When the watch broke.
    pub async fn changed(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            match rustix::io::read(self.0.get_ref(), &mut [0_u8; 8]) {
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Ok(_) | Err(Errno::CANCELED) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Beats again and again, on the clock that stands still in suspend (`CLOCK_MONOTONIC`). Each beat wakes this process once;
/// a timer of the runtime would wake it up to three times, since it comes nearer to a far time in steps.
#[derive(Debug)]
pub struct Metronome(AsyncFd<OwnedFd>);

impl Metronome {
    /// The first beat is `span` from now.
    ///
    /// # Errors
    /// When the process may not have one more timer.
    pub fn every(span: Duration) -> io::Result<Self> {
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let span = Timespec {
            tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(span.subsec_nanos()),
        };
        let again_and_again = Itimerspec { it_interval: span, it_value: span };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &again_and_again)?;
        // SAFETY: the descriptor is owned by what is registered, is never replaced, and closes with it.
        Ok(Self(unsafe { AsyncFd::register(timer) }?))
    }

    /// Ends at the next beat; those that were missed are one.
    ///
    /// # Errors
    /// When the timer broke.
    pub async fn beat(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            match rustix::io::read(self.0.get_ref(), &mut [0_u8; 8]) {
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test should fail with the place")]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_clock_that_is_not_set_wakes_nobody() {
        let watch = ClockWatch::new().unwrap();
        assert!(timeout(Duration::from_millis(50), watch.changed()).await.is_err());
    }

    #[tokio::test]
    async fn a_metronome_beats_again() {
        let metronome = Metronome::every(Duration::from_millis(5)).unwrap();
        for _ in 0..3 {
            metronome.beat().await.unwrap();
        }
    }

    /// The clock cannot be set in a test; a timer that has run out is read in the same way as one that was cancelled.
    #[tokio::test]
    async fn a_timer_that_fires_is_told_once() {
        let soon = Timespec { tv_sec: 0, tv_nsec: 1 };
        let watch = ClockWatch::with(soon, TimerfdTimerFlags::empty()).unwrap();
        watch.changed().await.unwrap();
        assert!(timeout(Duration::from_millis(50), watch.changed()).await.is_err());
    }
}
