//! Sleep, and a wall that is set.

use std::ffi::{CStr, c_char, c_int};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::event::kqueue::kqueue;
use rustix::fs::OFlags;
use rustix::io::{Errno, FdFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// So often the machine is looked at for whether it slept; see [`ClockWatch`].
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// A shorter sleep makes no timer late enough to matter.
const LONG_ENOUGH: u64 = 1_000_000_000;

/// `kNotifyClockSet` of `<notify_keys.h>`: a process has set the clock.
const CLOCK_SET: &CStr = c"com.apple.system.clock_set";

// notify(3), a part of libSystem, to which every program is linked.
unsafe extern "C" {
    fn notify_register_file_descriptor(
        name: *const c_char,
        descriptor: *mut c_int,
        flags: c_int,
        token: *mut c_int,
    ) -> u32;
    fn notify_cancel(token: c_int) -> u32;
}

/// Tells when the wall is set, and when the machine wakes up from sleep.
///
/// Of the wall notify(3) tells at once. Of a wake no file descriptor does, so that a timer has to fire: an interval of half
/// a minute on the clock that goes on in sleep (`NOTE_MACH_CONTINUOUS_TIME` in kqueue(2)). One that has run out in sleep fires
/// as soon as the machine is awake, and a sleep that was shorter is noticed with the next interval, half a minute later at
/// most. Whether there was a sleep is told from two clocks, of which one stands still in it. That wakes this process
/// twice a minute.
#[derive(Debug)]
pub struct ClockWatch {
    timer: AsyncFd<OwnedFd>,
    settings: AsyncFd<OwnedFd>,
    token: c_int,
    /// How long the machine had slept when it was last looked at, in nanoseconds.
    slept: AtomicU64,
}

impl ClockWatch {
    /// Watches from now on.
    ///
    /// # Errors
    /// When the process may not have one more descriptor, or nobody tells when the clock is set.
    pub fn new() -> io::Result<Self> {
        let timer = interval(LOOK_EVERY)?;
        let (settings, token) = settings()?;
        Ok(Self { timer, settings, token, slept: AtomicU64::new(slept()) })
    }

    /// Ends when the clock was set, or the machine woke up, since the last call.
    ///
    /// # Errors
    /// When the watch broke.
    pub async fn changed(&self) -> io::Result<()> {
        loop {
            tokio::select! {
                set = drained(&self.settings) => return set,
                fired = fired(&self.timer) => fired?,
            }
            if self.has_slept() {
                return Ok(());
            }
        }
    }

    fn has_slept(&self) -> bool {
        let now = slept();
        now.saturating_sub(self.slept.swap(now, Ordering::Relaxed)) >= LONG_ENOUGH
    }
}

impl Drop for ClockWatch {
    fn drop(&mut self) {
        cancel(self.token);
    }
}

/// How long this machine has slept since it was started, in nanoseconds: `CLOCK_MONOTONIC_RAW` goes on in sleep,
/// `CLOCK_UPTIME_RAW` does not, and nobody adjusts either (`clock_gettime(3)`).
fn slept() -> u64 {
    // This one first: what passes between the two looks like sleep, not like less of it.
    let awake = nanoseconds(libc::CLOCK_UPTIME_RAW);
    nanoseconds(libc::CLOCK_MONOTONIC_RAW).saturating_sub(awake)
}

fn nanoseconds(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is written to a value of this function's own. An unknown clock leaves it as it is.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0))
}

/// What becomes readable when the clock is set, and what it is registered under.
fn settings() -> io::Result<(AsyncFd<OwnedFd>, c_int)> {
    let (mut descriptor, mut token) = (-1, 0);
    // SAFETY: the name ends with a zero, and both numbers are written to values of this function's own.
    let status = unsafe {
        notify_register_file_descriptor(CLOCK_SET.as_ptr(), &raw mut descriptor, 0, &raw mut token)
    };
    if status != 0 || descriptor < 0 {
        return Err(io::Error::other(format!("notify(3) answers {status}")));
    }
    // SAFETY: notify(3) has just made it, and closes it itself when the token is given back, not before.
    let theirs = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let pipe = own_copy(theirs).inspect_err(|_| cancel(token))?;
    // The end that is written to is not known here, but is as open to children.
    super::super::keep_descriptors_from_children();
    // SAFETY: the descriptor is owned by what is registered, is never replaced, and closes with it.
    let pipe = unsafe { AsyncFd::register_with_interest(pipe, Interest::READABLE) };
    Ok((pipe.inspect_err(|_| cancel(token))?, token))
}

/// The same end of a pipe under a number of this process's own, from which is read without waiting.
fn own_copy(pipe: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = rustix::fs::fcntl_getfl(pipe)?;
    rustix::fs::fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?;
    Ok(rustix::io::fcntl_dupfd_cloexec(pipe, 0)?)
}

/// Gives a token of notify(3) back, which closes its descriptor.
fn cancel(token: c_int) {
    // SAFETY: the token is from a registration of ours, and is given back once.
    unsafe { notify_cancel(token) };
}

/// Ends when there was something to read, and nothing is left.
async fn drained(pipe: &AsyncFd<OwnedFd>) -> io::Result<()> {
    let mut has_told = false;
    loop {
        let mut ready = pipe.readable().await?;
        loop {
            match rustix::io::read(pipe.get_ref(), &mut [0_u8; 64]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => has_told = true,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        ready.clear_ready();
        if has_told {
            return Ok(());
        }
    }
}

/// A timer that fires again and again, also while the machine sleeps; what it missed there is told as one.
fn interval(span: Duration) -> io::Result<AsyncFd<OwnedFd>> {
    let queue = kqueue()?;
    rustix::io::fcntl_setfd(&queue, FdFlags::CLOEXEC)?;
    let timer = libc::kevent {
        ident: 1,
        filter: libc::EVFILT_TIMER,
        flags: libc::EV_ADD,
        fflags: libc::NOTE_SECONDS | libc::NOTE_MACH_CONTINUOUS_TIME,
        data: isize::try_from(span.as_secs()).unwrap_or(isize::MAX),
        udata: ptr::null_mut(),
    };
    // SAFETY: one change is read, and no event is asked for.
    let status =
        unsafe { libc::kevent(queue.as_raw_fd(), &raw const timer, 1, ptr::null_mut(), 0, ptr::null()) };
    if status < 0 {
        return Err(io::Error::last_os_error());
    }
    // Only to read: a kqueue in another one takes nothing else.
    // SAFETY: the descriptor is owned by what is registered, is never replaced, and closes with it.
    Ok(unsafe { AsyncFd::register_with_interest(queue, Interest::READABLE) }?)
}

/// Ends when the timer has fired since the last call.
async fn fired(timer: &AsyncFd<OwnedFd>) -> io::Result<()> {
    loop {
        let mut ready = timer.readable().await?;
        let mut event = MaybeUninit::<libc::kevent>::uninit();
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let queue = timer.get_ref().as_raw_fd();
        // SAFETY: one event is written at most, to a value of this function's own, and nothing is changed.
        let count = unsafe { libc::kevent(queue, ptr::null(), 0, event.as_mut_ptr(), 1, &raw const at_once) };
        match count {
            1.. => return Ok(()),
            0 => ready.clear_ready(),
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
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
    async fn an_interval_fires_again() {
        let timer = interval(Duration::from_secs(1)).unwrap();
        for _ in 0..2 {
            fired(&timer).await.unwrap();
        }
    }

    #[test]
    fn a_machine_that_is_awake_does_not_sleep() {
        let before = slept();
        std::thread::sleep(Duration::from_millis(20));
        assert!(slept() - before < LONG_ENOUGH);
    }
}
