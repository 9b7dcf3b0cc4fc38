//! The console of this session, which does not show what is typed while a secret is asked for.
//!
//! Its mode is as before after every way out: an answer, an error, Ctrl-C, a console that goes away.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windows_sys::Win32::System::Console::{
    ENABLE_ECHO_INPUT, ENABLE_LINE_INPUT, ENABLE_PROCESSED_INPUT, ENABLE_VIRTUAL_TERMINAL_INPUT,
    FlushConsoleInputBuffer, GetNumberOfConsoleInputEvents,
};
use zeroize::Zeroizing;

use super::console::{self, Decoder};
use super::control::{self, Attended, Called};

/// What is being asked for without showing it, if anything is.
static HIDDEN: Mutex<Option<Hidden>> = Mutex::new(None);

/// The console that this process belongs to, wherever its standard input comes from.
#[derive(Debug)]
pub(crate) struct Terminal {
    input: Arc<File>,
    output: Arc<File>,
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

/// Backspace, Esc and Ctrl-Z, as in a line of cmd.
const KEYS: Keys = Keys { erase: 0x08, kill: 0x1b, end: 0x1a };

/// What came from the terminal.
pub(crate) enum Typed {
    /// One byte.
    Key(u8),
    /// The process was suspended, and the prompt was shown again: the line begins anew.
    #[expect(dead_code, reason = "no process is suspended by its console on this system")]
    Anew,
}

impl Terminal {
    /// Nothing where the process has no console: in a service, or started from a desktop.
    pub(crate) fn open() -> Option<Self> {
        let (input, output) = (console::input().ok()?, console::output().ok()?);
        let are_consoles = console::mode(&input).is_ok() && console::mode(&output).is_ok();
        are_consoles.then(|| Self { input: Arc::new(input), output: Arc::new(output) })
    }

    /// The characters for this.
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "a terminal of Unix has its own, and may be gone"
    )]
    pub(crate) fn keys(&self) -> io::Result<Keys> {
        Ok(KEYS)
    }

    /// Shows a text.
    pub(crate) fn show(&self, text: &str) -> io::Result<()> {
        console::show(&*self.output, text.as_bytes())
    }

    /// Shows no more of what is typed, until [`show_typing_again`], however this process ends.
    pub(crate) fn hush(self) -> io::Result<Option<Hushed>> {
        let until_the_end = Hiding::begin(&self, "")?;
        let decoder = Mutex::new(Decoder::default());
        Ok(Some(Hushed { terminal: self, decoder, _until_the_end: until_the_end }))
    }

    /// Shows the prompt and gives away what is typed, unseen, until `take` says that it is enough. Tells whether still
    /// more was typed, or pasted; that is thrown away.
    pub(crate) fn read_hidden(&self, prompt: &str, mut take: impl FnMut(Typed) -> bool) -> io::Result<bool> {
        let _until_the_end = Hiding::begin(self, prompt)?;
        let mut decoder = Decoder::default();
        loop {
            let (mut is_enough, mut has_more) = (false, false);
            read(&self.input, &mut decoder, |byte| {
                has_more |= is_enough;
                is_enough = is_enough || take(Typed::Key(byte));
            })?;
            if is_enough {
                return Ok(has_more || keys_wait(&self.input));
            }
        }
    }
}

/// A terminal that is read beside something else, and shows nothing of what is typed.
pub(crate) struct Hushed {
    terminal: Terminal,
    decoder: Mutex<Decoder>,
    _until_the_end: Hiding,
}

impl Hushed {
    /// The characters for this.
    pub(crate) fn keys(&self) -> io::Result<Keys> {
        self.terminal.keys()
    }

    /// Waits for what is typed next, and gives it away.
    pub(crate) fn read(&self, mut take: impl FnMut(Typed)) -> io::Result<()> {
        let mut decoder = self.decoder.lock().unwrap_or_else(PoisonError::into_inner);
        read(&self.terminal.input, &mut decoder, |byte| take(Typed::Key(byte)))
    }
}

fn read(input: &File, decoder: &mut Decoder, take: impl FnMut(u8)) -> io::Result<()> {
    let mut units = Zeroizing::new([0; 512]);
    let count = console::read(input, &mut units[..])?;
    decoder.take(&units[..count], take);
    Ok(())
}

/// Whether something waits that may be typed text. That a key was let go is told, too, so that one is none.
#[expect(unsafe_code, reason = "GetNumberOfConsoleInputEvents of Windows")]
fn keys_wait(input: &File) -> bool {
    use std::os::windows::io::AsRawHandle;
    let mut count = 0;
    // SAFETY: the handle is open for as long as it is borrowed, and the number's place lives through the call.
    let known = unsafe { GetNumberOfConsoleInputEvents(input.as_raw_handle(), &raw mut count) };
    known != 0 && count > 2
}

/// The terminal is as before, whoever made it hide what is typed.
pub(crate) fn show_typing_again() {
    if let Some(hidden) = slot().take() {
        hidden.restore_quietly();
    }
}

/// A console that shows nothing, and how it was before.
struct Hidden {
    input: Arc<File>,
    output: Arc<File>,
    before: u32,
}

impl Hidden {
    /// As before. The rest of what was typed is not for whoever reads next.
    fn restore(&self) {
        self.restore_quietly();
        let _ = console::show(&*self.output, b"\n");
    }

    fn restore_quietly(&self) {
        forget_typed(&self.input);
        let _ = console::set_mode(&*self.input, self.before);
    }
}

/// Keys that were hit for something else are no answer.
#[expect(unsafe_code, reason = "FlushConsoleInputBuffer of Windows")]
pub(super) fn forget_typed(input: &File) {
    use std::os::windows::io::AsRawHandle;
    // SAFETY: the handle is open for as long as it is borrowed.
    unsafe { FlushConsoleInputBuffer(input.as_raw_handle()) };
}

/// Hides until it is dropped.
struct Hiding;

impl Hiding {
    fn begin(terminal: &Terminal, prompt: &str) -> io::Result<Self> {
        control::attend(restore_before_the_end)?;
        let before = console::mode(&*terminal.input)?;
        // Ctrl-C stays what it is, and each key is handed over at once.
        let quiet = (before | ENABLE_PROCESSED_INPUT)
            & !(ENABLE_ECHO_INPUT | ENABLE_LINE_INPUT | ENABLE_VIRTUAL_TERMINAL_INPUT);
        let (input, output) = (Arc::clone(&terminal.input), Arc::clone(&terminal.output));
        let mut slot = slot();
        forget_typed(&input);
        console::set_mode(&*input, quiet)?;
        *slot = Some(Hidden { input, output, before });
        drop(slot);
        terminal.show(prompt)?;
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

fn restore_before_the_end(_: Called) -> Attended {
    if let Some(hidden) = slot().take() {
        hidden.restore();
    }
    Attended::NotHandled
}

fn slot() -> MutexGuard<'static, Option<Hidden>> {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner)
}
