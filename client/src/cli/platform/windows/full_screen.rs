//! The session's console as one screen that is drawn as a whole, and as before after every way out: the end, an error, a
//! panic, Ctrl-C, a window that is closed.

use std::fs::File;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::null;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use windows_sys::Win32::Foundation::WAIT_FAILED;
use windows_sys::Win32::System::Console::{
    DISABLE_NEWLINE_AUTO_RETURN, ENABLE_EXTENDED_FLAGS, ENABLE_PROCESSED_INPUT,
    ENABLE_VIRTUAL_TERMINAL_INPUT, ENABLE_WINDOW_INPUT, GetNumberOfConsoleInputEvents, INPUT_RECORD,
    KEY_EVENT, ReadConsoleInputW, WINDOW_BUFFER_SIZE_EVENT,
};
use windows_sys::Win32::System::Threading::{CreateEventW, SetEvent, WaitForMultipleObjects};

use super::children::exit;
use super::console::{self, Decoder};
use super::control::{self, Attended, Called, ENDED_BY_CONTROL};
use super::terminal::forget_typed;

/// The alternate screen, no cursor, no wrapping: what is too long is cut off instead of moving the rest.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l";

/// As before, whatever was half written.
const LEAVE: &[u8] = b"\x1b[0m\x1b[?2026l\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The screen that was taken, if one is, and how it was before.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

/// Whether Ctrl-C or the like has asked for the end.
static ENDED: AtomicBool = AtomicBool::new(false);

/// The bell of the screen that waits: an event's handle, which is never closed.
static BELL: AtomicPtr<std::ffi::c_void> = AtomicPtr::new(std::ptr::null_mut());

struct Taken {
    input: Arc<File>,
    output: Arc<File>,
    before: (u32, u32),
}

/// The console, drawn on as a whole until this is dropped.
#[derive(Debug)]
pub(crate) struct FullScreen {
    input: Arc<File>,
    output: Arc<File>,
    /// What wakes a wait.
    bell: Arc<OwnedHandle>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    size: Option<(usize, usize)>,
    decoder: Decoder,
}

/// What happened while one waited.
#[derive(Debug, Default)]
pub(crate) struct Happened {
    /// The keys that were hit.
    pub(crate) keys: Vec<u8>,
    /// The screen is to be drawn anew: nobody knows what is on it.
    pub(crate) anew: bool,
    /// This ends the process: see [`end_by`].
    pub(crate) ended: Option<i32>,
}

/// Ends a wait at the screen.
#[derive(Debug)]
pub(crate) struct Waker(Arc<OwnedHandle>);

impl Waker {
    /// The wait ends.
    #[expect(unsafe_code, reason = "SetEvent of Windows")]
    pub(crate) fn wake(&self) {
        // SAFETY: the event is open for as long as this has it.
        unsafe { SetEvent(self.0.as_raw_handle()) };
    }
}

impl FullScreen {
    /// Takes the session's console, wherever standard input comes from.
    pub(crate) fn open() -> io::Result<Self> {
        let (input, output) = (Arc::new(console::input()?), Arc::new(console::output()?));
        let bell = Arc::new(bell()?);
        let screen = Self { input, output, bell, seen: Mutex::default() };
        // What rings it may do so at any later time: it is never closed.
        std::mem::forget(Arc::clone(&screen.bell));
        BELL.store(screen.bell.as_raw_handle(), Ordering::SeqCst);
        control::attend(end_soon)?;
        restore_at_panics();
        screen.enter()?;
        Ok(screen)
    }

    /// Its columns and lines.
    pub(crate) fn size(&self) -> (usize, usize) {
        console::size(&*self.output).unwrap_or((80, 24))
    }

    /// Draws.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        console::write(&*self.output, bytes)
    }

    /// Waits until something happens, `longest` at most.
    #[expect(unsafe_code, reason = "WaitForMultipleObjects of Windows")]
    pub(crate) fn wait(&self, longest: Duration) -> io::Result<Happened> {
        let waited_for = [self.bell.as_raw_handle(), self.input.as_raw_handle()];
        let longest = u32::try_from(longest.as_millis().max(1)).unwrap_or(1000);
        // SAFETY: both handles are open for as long as this is borrowed, and there are two.
        if unsafe { WaitForMultipleObjects(2, waited_for.as_ptr(), 0, longest) } == WAIT_FAILED {
            return Err(io::Error::last_os_error());
        }
        let mut happened = Happened::default();
        if ENDED.load(Ordering::SeqCst) {
            happened.ended = Some(ENDED_BY_CONTROL.cast_signed());
            return Ok(happened);
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for record in self.records()? {
            self.take(&record, &mut seen.decoder, &mut happened);
        }
        // A window that shows more or less of its buffer tells nobody.
        let size = Some(self.size());
        happened.anew |= std::mem::replace(&mut seen.size, size).is_some_and(|before| Some(before) != size);
        Ok(happened)
    }

    /// Something that ends a wait, for another thread.
    #[expect(clippy::unnecessary_wraps, reason = "Unix may be short of descriptors")]
    pub(crate) fn waker(&self) -> io::Result<Waker> {
        Ok(Waker(Arc::clone(&self.bell)))
    }

    /// What has come, without waiting for more.
    #[expect(unsafe_code, reason = "GetNumberOfConsoleInputEvents and ReadConsoleInputW of Windows")]
    fn records(&self) -> io::Result<Vec<INPUT_RECORD>> {
        let input = self.input.as_raw_handle();
        let mut waiting = 0;
        // SAFETY: the handle is open for as long as this is borrowed, and the number's place lives through the call.
        if unsafe { GetNumberOfConsoleInputEvents(input, &raw mut waiting) } == 0 {
            return Err(io::Error::last_os_error());
        }
        if waiting == 0 {
            return Ok(Vec::new());
        }
        let mut records = vec![INPUT_RECORD::default(); 128];
        let mut count = 0;
        // SAFETY: as above; there is room for as many records as is said.
        if unsafe { ReadConsoleInputW(input, records.as_mut_ptr(), 128, &raw mut count) } == 0 {
            return Err(io::Error::last_os_error());
        }
        records.truncate(usize::try_from(count).unwrap_or(0));
        Ok(records)
    }

    #[expect(unsafe_code, reason = "a record of Windows is a union")]
    #[expect(clippy::unused_self, reason = "reads as what the screen does")]
    fn take(&self, record: &INPUT_RECORD, decoder: &mut Decoder, happened: &mut Happened) {
        match u32::from(record.EventType) {
            KEY_EVENT => {
                // SAFETY: the type says that it is this of the union.
                let key = unsafe { record.Event.KeyEvent };
                // SAFETY: both of the union are numbers of which any bits are a value.
                let unit = unsafe { key.uChar.UnicodeChar };
                if key.bKeyDown != 0 && unit != 0 {
                    for _ in 0..key.wRepeatCount.max(1) {
                        decoder.take(&[unit], |byte| happened.keys.push(byte));
                    }
                }
            }
            WINDOW_BUFFER_SIZE_EVENT => happened.anew = true,
            _ => {}
        }
    }

    fn enter(&self) -> io::Result<()> {
        let mut taken = slot();
        let before = (console::mode(&*self.input)?, console::mode(&*self.output)?);
        let keys = ENABLE_PROCESSED_INPUT
            | ENABLE_WINDOW_INPUT
            | ENABLE_VIRTUAL_TERMINAL_INPUT
            | (before.0 & ENABLE_EXTENDED_FLAGS);
        let drawing = console::drawing(before.1);
        // The screen first: a console that cannot draw is none for this.
        let drawn = console::set_mode(&*self.output, drawing | DISABLE_NEWLINE_AUTO_RETURN);
        drawn.or_else(|_| console::set_mode(&*self.output, drawing))?;
        *taken = Some(Taken { input: Arc::clone(&self.input), output: Arc::clone(&self.output), before });
        drop(taken);
        console::set_mode(&*self.input, keys)?;
        self.write(ENTER)
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        // Keys that were hit for this are not for whoever reads next.
        forget_typed(&self.input);
        restore();
    }
}

#[expect(unsafe_code, reason = "CreateEventW of Windows")]
fn bell() -> io::Result<OwnedHandle> {
    // SAFETY: nothing is handed over but numbers: an event without a name that a wait resets.
    let event = unsafe { CreateEventW(null(), 0, 0, null()) };
    if event.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was made just now, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(event) })
}

/// The thread that draws ends the process; where the console goes away there is little time, and nothing to restore.
#[expect(unsafe_code, reason = "SetEvent of Windows")]
fn end_soon(_: Called) -> Attended {
    if slot().is_none() {
        return Attended::NotHandled;
    }
    ENDED.store(true, Ordering::SeqCst);
    // SAFETY: the handle of an event that is never closed.
    unsafe { SetEvent(BELL.load(Ordering::SeqCst)) };
    Attended::Handled
}

/// Ends as Ctrl-C does where nobody attends to it.
pub(crate) fn end_by(status: i32) -> u8 {
    exit(status.cast_unsigned())
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

/// The console is as before. A second call does nothing.
fn restore() {
    let Some(Taken { input, output, before }) = slot().take() else { return };
    let _ = console::write(&*output, LEAVE);
    let _ = console::set_mode(&*output, before.1);
    let _ = console::set_mode(&*input, before.0);
}

fn slot() -> MutexGuard<'static, Option<Taken>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}
