//! What asks a daemon to end: its console, the system, the service control manager, and an event for other programs of its
//! user.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle as _, OwnedHandle};
use std::sync::Arc;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_logoff,
    ctrl_shutdown,
};
use tokio::sync::Notify;
use windows_sys::Win32::Foundation::{ERROR_ALREADY_EXISTS, GetLastError};
use windows_sys::Win32::System::Threading::{
    CreateEventW, EVENT_MODIFY_STATE, INFINITE, OpenEventW, SetEvent, WaitForMultipleObjects,
};

use super::security::{Descriptor, for_its_user};
use super::service;
use super::words::wide;
use crate::platform::Signal;

/// Ctrl-C, Ctrl-Break, the console's close, a logoff, a shutdown, the service control manager's word, and the event, from
/// now on.
#[derive(Debug)]
pub struct Signals {
    c: CtrlC,
    break_: CtrlBreak,
    close: CtrlClose,
    logoff: CtrlLogoff,
    shutdown: CtrlShutdown,
    asked: Arc<Notify>,
}

impl Signals {
    /// Takes them from now on.
    ///
    /// # Errors
    /// When the system is short of something, or somebody else holds the event's name.
    pub fn new() -> io::Result<Self> {
        let asked = Arc::new(Notify::new());
        listen(std::process::id(), Arc::clone(&asked))?;
        let signals = Self {
            c: ctrl_c()?,
            break_: ctrl_break()?,
            close: ctrl_close()?,
            logoff: ctrl_logoff()?,
            shutdown: ctrl_shutdown()?,
            asked,
        };
        service::is_running();
        Ok(signals)
    }

    /// The next one. May be dropped and called again.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.c.recv() => Signal::End,
            _ = self.break_.recv() => Signal::End,
            _ = self.close.recv() => Signal::End,
            _ = self.logoff.recv() => Signal::End,
            _ = self.shutdown.recv() => Signal::End,
            () = self.asked.notified() => Signal::End,
            signal = service::asked() => signal,
        }
    }
}

/// The names of a process's event: of its session, and of the machine, where other sessions of the same user find it.
fn names(process: u32) -> [String; 2] {
    ["Local", "Global"].map(|space| format!(r"{space}\tokend-end-{process}"))
}

/// Tells when the event of this process is set.
fn listen(process: u32, asked: Arc<Notify>) -> io::Result<()> {
    let [local, global] = names(process);
    let mut events = vec![event(&local)?];
    // Who has taken that name could end us, and cannot: it is passed over.
    events.extend(event(&global));
    std::thread::Builder::new().name("end".to_owned()).spawn(move || {
        let handles: Vec<_> = events.iter().map(AsRawHandle::as_raw_handle).collect();
        let count = u32::try_from(handles.len()).unwrap_or(1);
        loop {
            // SAFETY: there are so many handles, and they are open as long as this thread runs.
            let told = unsafe { WaitForMultipleObjects(count, handles.as_ptr(), 0, INFINITE) };
            if told >= count {
                return;
            }
            asked.notify_one();
        }
    })?;
    Ok(())
}

/// An event of this name, which its user alone may set, and which nobody else has made.
fn event(name: &str) -> io::Result<OwnedHandle> {
    let descriptor = Descriptor::of(&for_its_user())?;
    let attributes = descriptor.attributes();
    let name = wide(name);
    // SAFETY: the name ends in a zero, and the descriptor lives until the call is over.
    let event = unsafe { CreateEventW(&raw const attributes, 0, 0, name.as_ptr()) };
    // SAFETY: the call has no conditions.
    let code = unsafe { GetLastError() };
    if event.is_null() {
        return Err(io::Error::from_raw_os_error(code.cast_signed()));
    }
    // SAFETY: it was just made for this place alone.
    let event = unsafe { OwnedHandle::from_raw_handle(event) };
    if code == ERROR_ALREADY_EXISTS { Err(io::ErrorKind::AlreadyExists.into()) } else { Ok(event) }
}

/// Asks a daemon to end, as its console does.
///
/// # Errors
/// When there is no such daemon, or it is another user's.
pub fn ask_to_end(process: u32) -> io::Result<()> {
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    for name in names(process) {
        outcome = set(&name);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn set(name: &str) -> io::Result<()> {
    let name = wide(name);
    // SAFETY: the name ends in a zero.
    let event = unsafe { OpenEventW(EVENT_MODIFY_STATE, 0, name.as_ptr()) };
    if event.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened for this place alone.
    let event = unsafe { OwnedHandle::from_raw_handle(event) };
    // SAFETY: the event is open.
    if unsafe { SetEvent(event.as_raw_handle()) } == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test should fail with the place")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_asked_to_end_is_told_and_who_is_not_there_is_not() {
        let asked = Arc::new(Notify::new());
        // No process has this number: they are multiples of four.
        listen(4_000_000_001, Arc::clone(&asked)).unwrap();
        assert_eq!(
            listen(4_000_000_001, Arc::clone(&asked)).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        ask_to_end(4_000_000_001).unwrap();
        tokio::time::timeout(std::time::Duration::from_secs(30), asked.notified()).await.unwrap();
        assert_eq!(ask_to_end(4_000_000_003).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
