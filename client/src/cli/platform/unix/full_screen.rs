//! The session's terminal as one screen that is drawn as a whole, and as before after every way out: the end, an error,
//! a panic, a signal that ends the process, a suspension.
//!
//! Signals only leave a mark and wake [`FullScreen::wait`]; what they ask for is done there, by the thread that draws.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcgetwinsize, tcsetattr,
};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::{flag, low_level};

use super::ignored_signals;
use super::terminal::stop;

/// The alternate screen, no cursor, no wrapping: what is too long is cut off instead of moving the rest.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l";

/// As before, whatever was half written.
const LEAVE: &[u8] = b"\x1b[0m\x1b[?2026l\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Between two looks whether a terminal takes more, when it takes nothing.
const STUCK: Duration = Duration::from_secs(1);

/// The screen that was taken, if one is, and how it was before.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

struct Taken {
    device: Arc<File>,
    before: Termios,
}

/// The terminal, drawn on as a whole until this is dropped.
#[derive(Debug)]
pub(crate) struct FullScreen {
    device: Arc<File>,
    signs: Signs,
    /// What wakes a wait: a byte from a signal or a [`Waker`].
    bell: UnixStream,
    waker: UnixStream,
}

/// What signals ask for.
#[derive(Debug)]
struct Signs {
    ended: Arc<AtomicUsize>,
    suspended: Arc<AtomicBool>,
    resumed: Arc<AtomicBool>,
    resized: Arc<AtomicBool>,
}

/// What happened while one waited.
#[derive(Debug, Default)]
pub(crate) struct Happened {
    /// The keys that were hit.
    pub(crate) keys: Vec<u8>,
    /// The screen is to be drawn anew: nobody knows what is on it.
    pub(crate) anew: bool,
    /// This signal ends the process: see [`end_by`].
    pub(crate) ended: Option<i32>,
}

/// Ends a wait at the screen.
#[derive(Debug)]
pub(crate) struct Waker(UnixStream);

impl Waker {
    /// The wait ends.
    pub(crate) fn wake(&self) {
        // A full pipe wakes as well.
        let _ = (&self.0).write(b"w");
    }
}

impl FullScreen {
    /// Takes the session's terminal, wherever standard input comes from.
    pub(crate) fn open() -> io::Result<Self> {
        // Opened anew: that it does not block is not seen by the shell and others that have it open.
        let flags = (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits().cast_signed();
        let device = OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/tty")?;
        Self::on(device)
    }

    fn on(device: File) -> io::Result<Self> {
        let (bell, waker) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let signs = Signs::attend(&waker)?;
        restore_at_panics();
        let screen = Self { device: Arc::new(device), signs, bell, waker };
        screen.enter()?;
        Ok(screen)
    }

    /// Its columns and lines.
    pub(crate) fn size(&self) -> (usize, usize) {
        let size = tcgetwinsize(&*self.device).ok();
        let known = |cells: u16, otherwise| if cells == 0 { otherwise } else { usize::from(cells) };
        size.map_or((80, 24), |size| (known(size.ws_col, 80), known(size.ws_row, 24)))
    }

    /// Draws. Where the terminal takes nothing, it is waited for until it does, or a signal ends this process.
    pub(crate) fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(&*self.device, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.signs.ended.load(Ordering::SeqCst) != 0 => return Ok(()),
                Err(Errno::AGAIN) => {
                    let mut room = [PollFd::new(&*self.device, PollFlags::OUT)];
                    ignoring_signals(poll(&mut room, Some(&timespec(STUCK))))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits until something happens, `longest` at most.
    pub(crate) fn wait(&self, longest: Duration) -> io::Result<Happened> {
        let mut waiting = [PollFd::new(&*self.device, PollFlags::IN), PollFd::new(&self.bell, PollFlags::IN)];
        ignoring_signals(poll(&mut waiting, Some(&timespec(longest))))?;
        let from_terminal = waiting[0].revents();
        let mut rung = [0; 64];
        while matches!((&self.bell).read(&mut rung), Ok(1..)) {}
        let mut happened = Happened::default();
        if let Ok(signal @ 1..) = i32::try_from(self.signs.ended.load(Ordering::SeqCst)) {
            happened.ended = Some(signal);
            return Ok(happened);
        }
        if self.signs.suspended.swap(false, Ordering::SeqCst) {
            restore();
            stop();
            self.signs.resumed.store(true, Ordering::SeqCst);
        }
        if self.signs.resumed.swap(false, Ordering::SeqCst) {
            // Whoever had the terminal meanwhile may have left it in any way.
            self.enter()?;
            happened.anew = true;
            return Ok(happened);
        }
        happened.anew = self.signs.resized.swap(false, Ordering::SeqCst);
        if from_terminal.contains(PollFlags::IN) {
            let mut keys = [0; 256];
            match rustix::io::read(&*self.device, &mut keys) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => happened.keys.extend_from_slice(&keys[..count]),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        } else if from_terminal.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(happened)
    }

    /// Something that ends a wait, for another thread.
    pub(crate) fn waker(&self) -> io::Result<Waker> {
        self.waker.try_clone().map(Waker)
    }

    fn enter(&self) -> io::Result<()> {
        let mut taken = slot();
        // After a stop that nobody could foresee (SIGSTOP) what was before still counts.
        let before = match taken.take() {
            Some(taken) => taken.before,
            None => tcgetattr(&*self.device)?,
        };
        let mut raw = before.clone();
        raw.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::IEXTEN;
        // Ctrl-S is no way to make the screen hang.
        raw.input_modes -= InputModes::IXON;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        set(&self.device, &raw)?;
        *taken = Some(Taken { device: Arc::clone(&self.device), before });
        drop(taken);
        self.write(ENTER)
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        // Keys that were hit for this are not for whoever reads next.
        let _ = tcflush(&*self.device, QueueSelector::IFlush);
        restore();
    }
}

impl Signs {
    /// From now on these signals leave marks. Those that this process was told to ignore stay ignored.
    fn attend(bell: &UnixStream) -> io::Result<Self> {
        let signs = Self {
            ended: Arc::default(),
            suspended: Arc::default(),
            resumed: Arc::default(),
            resized: Arc::default(),
        };
        let ignored = ignored_signals();
        let is_ignored = |signal: i32| ignored & (1 << (signal - 1)) != 0;
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            if !is_ignored(signal) {
                let number = usize::try_from(signal).unwrap_or(0);
                flag::register_usize(signal, Arc::clone(&signs.ended), number)?;
                low_level::pipe::register(signal, bell.try_clone()?)?;
            }
        }
        for (signal, mark) in
            [(SIGTSTP, &signs.suspended), (SIGCONT, &signs.resumed), (SIGWINCH, &signs.resized)]
        {
            if !is_ignored(signal) {
                flag::register(signal, Arc::clone(mark))?;
                low_level::pipe::register(signal, bell.try_clone()?)?;
            }
        }
        Ok(signs)
    }
}

/// Ends as the signal does where nobody catches it; the status, should that fail.
pub(crate) fn end_by(signal: i32) -> u8 {
    let _ = low_level::emulate_default_handler(signal);
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// A panic's message is shown where it can be read.
fn restore_at_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
    });
}

/// The terminal is as before. A second call does nothing.
fn restore() {
    let Some(Taken { device, before }) = slot().take() else { return };
    // What does not fit is lost: a terminal that hangs must not hold up the end.
    let _ = rustix::io::write(&*device, LEAVE);
    let _ = set(&device, &before);
}

/// A background process is stopped for it, and tries again when it is in the foreground.
fn set(device: &File, modes: &Termios) -> io::Result<()> {
    loop {
        match tcsetattr(device.as_fd(), OptionalActions::Now, modes) {
            Err(Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

fn slot() -> MutexGuard<'static, Option<Taken>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ignoring_signals(result: rustix::io::Result<usize>) -> io::Result<()> {
    match result {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn timespec(span: Duration) -> Timespec {
    // A second at most is asked for.
    Timespec { tv_sec: span.as_secs().try_into().unwrap_or(1), tv_nsec: span.subsec_nanos().into() }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::Read;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    /// A terminal of no session, and what is written to it.
    fn terminal() -> io::Result<(File, File)> {
        let hand = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&hand)?;
        unlockpt(&hand)?;
        let path = ptsname(&hand, Vec::new())?.into_string().map_err(io::Error::other)?;
        let flags = (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits().cast_signed();
        Ok((File::from(hand), OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?))
    }

    #[test]
    fn a_panic_leaves_the_terminal_as_it_was() -> io::Result<()> {
        let (mut hand, device) = terminal()?;
        let looked_at = device.try_clone()?;
        let settings = || tcgetattr(&looked_at).map(|settings| format!("{settings:?}"));
        let before = settings()?;
        let screen = FullScreen::on(device)?;
        assert_ne!(settings()?, before);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let _screen = screen;
            panic!("meant so");
        }));
        assert!(ended.is_err());
        assert_eq!(settings()?, before);
        let mut written = [0; 256];
        let count = hand.read(&mut written)?;
        assert_eq!(&written[..count], [ENTER, LEAVE].concat());
        Ok(())
    }
}
