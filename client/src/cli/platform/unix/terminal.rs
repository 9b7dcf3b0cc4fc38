//! The terminal of this session, which does not show what is typed while a secret is asked for.
//!
//! Its settings are as before after every way out: an answer, an error, a signal that ends the process, a suspension.
//! What a signal does is done by a thread, since a read of the terminal begins anew after a signal and would keep a
//! handler's word to itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use zeroize::Zeroizing;

use super::ignored_signals;

/// What is being asked for without showing it, if anything is.
static HIDDEN: Mutex<Option<Hidden>> = Mutex::new(None);

/// Whether the process was suspended since: then what was typed before is forgotten.
static RESUMED: AtomicBool = AtomicBool::new(false);

/// Between two looks whether this process is in the foreground again, while somebody types for another.
const IN_BACKGROUND: Duration = Duration::from_millis(250);

/// The terminal that this process belongs to, wherever its standard input comes from.
#[derive(Debug)]
pub(crate) struct Terminal {
    device: Arc<File>,
}

/// The characters that edit what is typed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys {
    /// Takes the last character back.
    pub(crate) erase: u8,
    /// Takes everything back.
    pub(crate) kill: u8,
    /// Ends the input.
    pub(crate) end: u8,
}

/// What came from the terminal.
pub(crate) enum Typed {
    /// One byte.
    Key(u8),
    /// The process was suspended, and the prompt was shown again: the line begins anew.
    Anew,
}

impl Terminal {
    /// Nothing where the process has no terminal: in a service, a cron job, a desktop's launcher.
    pub(crate) fn open() -> Option<Self> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        rustix::termios::isatty(&device).then(|| Self { device: Arc::new(device) })
    }

    /// The characters that its user has for this.
    pub(crate) fn keys(&self) -> io::Result<Keys> {
        let codes = tcgetattr(&*self.device)?.special_codes;
        Ok(Keys {
            erase: codes[SpecialCodeIndex::VERASE],
            kill: codes[SpecialCodeIndex::VKILL],
            end: codes[SpecialCodeIndex::VEOF],
        })
    }

    /// Shows a text.
    pub(crate) fn show(&self, text: &str) -> io::Result<()> {
        (&*self.device).write_all(text.as_bytes())
    }

    /// Shows no more of what is typed, until [`show_typing_again`], however this process ends. Nothing where the
    /// terminal is not this process's to set, since it runs in the background.
    pub(crate) fn hush(self) -> io::Result<Option<Hushed>> {
        if front(&self.device) != own_group() {
            return Ok(None);
        }
        attend_to_signals()?;
        let until_the_end = Hiding::begin(&self, "")?;
        Ok(Some(Hushed { terminal: self, _until_the_end: until_the_end }))
    }

    /// Shows the prompt and gives away what is typed, unseen, until `take` says that it is enough. Tells whether still
    /// more was typed, or pasted; that is thrown away.
    ///
    /// The terminal hands over each key at once, and not a line of at most 4095 bytes: some tokens are longer.
    pub(crate) fn read_hidden(&self, prompt: &str, mut take: impl FnMut(Typed) -> bool) -> io::Result<bool> {
        attend_to_signals()?;
        let _until_the_end = Hiding::begin(self, prompt)?;
        let mut keys = Zeroizing::new([0; 1024]);
        loop {
            let count = match rustix::io::read(&*self.device, &mut keys[..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            if RESUMED.swap(false, Ordering::SeqCst) {
                take(Typed::Anew);
            }
            for place in 0..count {
                if take(Typed::Key(keys[place])) {
                    let waiting = rustix::io::ioctl_fionread(&*self.device).unwrap_or(0);
                    return Ok(place + 1 < count || waiting > 0);
                }
            }
        }
    }
}

/// A terminal that is read beside something else, and shows nothing of what is typed.
pub(crate) struct Hushed {
    terminal: Terminal,
    _until_the_end: Hiding,
}

impl Hushed {
    /// The characters that its user has for this.
    pub(crate) fn keys(&self) -> io::Result<Keys> {
        self.terminal.keys()
    }

    /// Waits for what is typed next, and gives it away. In the background it reads nothing: that would stop the process.
    pub(crate) fn read(&self, mut take: impl FnMut(Typed)) -> io::Result<()> {
        let device = &*self.terminal.device;
        let mut waiting = [PollFd::new(device, PollFlags::IN)];
        match poll(&mut waiting, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if !waiting[0].revents().contains(PollFlags::IN) {
            let gone = waiting[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
            return if gone { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) };
        }
        if front(device) != own_group() {
            thread::sleep(IN_BACKGROUND);
            return Ok(());
        }
        let mut keys = Zeroizing::new([0; 1024]);
        let count = match rustix::io::read(device, &mut keys[..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(rustix::io::Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        if RESUMED.swap(false, Ordering::SeqCst) {
            take(Typed::Anew);
        }
        keys[..count].iter().for_each(|key| take(Typed::Key(*key)));
        Ok(())
    }
}

/// The terminal is as before, whoever made it hide what is typed.
pub(crate) fn show_typing_again() {
    if let Some(hidden) = slot().take() {
        hidden.restore_quietly();
    }
}

/// A terminal that shows nothing, and how it was before.
struct Hidden {
    device: Arc<File>,
    before: Termios,
    prompt: String,
}

impl Hidden {
    fn hide(&self) -> io::Result<()> {
        let mut quiet = self.before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::IEXTEN;
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Keys that were hit before the prompt are no answer to it.
        tcsetattr(&*self.device, OptionalActions::Flush, &quiet)?;
        (&*self.device).write_all(self.prompt.as_bytes())
    }

    /// As before. The rest of what was typed is not for whoever reads next.
    fn restore(&self) {
        self.restore_quietly();
        let _ = (&*self.device).write_all(b"\n");
    }

    fn restore_quietly(&self) {
        let _ = tcsetattr(&*self.device, OptionalActions::Flush, &self.before);
    }

    /// Whether the terminal is this process's to set; a background process would be stopped for it.
    fn is_in_front(&self) -> bool {
        front(&self.device) == own_group()
    }
}

/// Hides until it is dropped.
struct Hiding;

impl Hiding {
    fn begin(terminal: &Terminal, prompt: &str) -> io::Result<Self> {
        let before = tcgetattr(&*terminal.device)?;
        let hidden = Hidden { device: Arc::clone(&terminal.device), before, prompt: prompt.to_owned() };
        let mut slot = slot();
        RESUMED.store(false, Ordering::SeqCst);
        hidden.hide()?;
        *slot = Some(hidden);
        Ok(Self)
    }
}

impl Drop for Hiding {
    fn drop(&mut self) {
        if let Some(hidden) = slot().take() {
            hidden.restore();
        }
    }
}

fn slot() -> MutexGuard<'static, Option<Hidden>> {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From the first call on, a signal puts the terminal back before it does what it does anyway.
fn attend_to_signals() -> io::Result<()> {
    static ATTENDED: Mutex<bool> = Mutex::new(false);
    let mut attended = ATTENDED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*attended {
        let ignored = ignored_signals();
        let caught = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP].into_iter();
        let caught = caught.filter(|signal| ignored & (1 << (signal - 1)) == 0).chain([SIGCONT]);
        let mut signals = Signals::new(caught)?;
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || signals.forever().for_each(obey))
            .map(drop)?;
        *attended = true;
    }
    Ok(())
}

fn obey(signal: i32) {
    let hidden = slot();
    let in_front = hidden.as_ref().filter(|hidden| hidden.is_in_front());
    if signal == SIGCONT {
        if let Some(hidden) = in_front {
            RESUMED.store(true, Ordering::SeqCst);
            let _ = hidden.hide();
        }
        return;
    }
    if let Some(hidden) = in_front {
        hidden.restore();
    }
    if signal == SIGTSTP {
        stop();
    } else {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
}

/// The process group that the terminal belongs to at the moment.
#[expect(unsafe_code, reason = "rustix cannot name a group outside of this PID namespace")]
fn front(terminal: &File) -> libc::pid_t {
    // SAFETY: takes a descriptor that is open for as long as `terminal` is borrowed, touches no memory.
    unsafe { libc::tcgetpgrp(terminal.as_raw_fd()) }
}

#[expect(unsafe_code, reason = "as above")]
fn own_group() -> libc::pid_t {
    // SAFETY: takes nothing, touches no memory.
    unsafe { libc::getpgrp() }
}

/// Stops as a process does that does not catch SIGTSTP: until SIGCONT, and not where no shell is there to send one.
#[expect(unsafe_code, reason = "the C library's sigaction and raise")]
pub(super) fn stop() {
    // SAFETY: a structure of numbers and a set of signals, for which all bits 0 are the default and the empty set.
    let default: libc::sigaction = unsafe { std::mem::zeroed() };
    let mut handler = default;
    // SAFETY: both structures live through the call.
    let changed = unsafe { libc::sigaction(SIGTSTP, &raw const default, &raw mut handler) };
    if changed == 0 {
        // SAFETY: takes a number; the process goes on behind it once it is continued.
        unsafe { libc::raise(SIGTSTP) };
        // SAFETY: puts back what the call above has taken out.
        unsafe { libc::sigaction(SIGTSTP, &raw const handler, std::ptr::null_mut()) };
    }
}
