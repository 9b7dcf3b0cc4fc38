//! A connection to the daemon's pipe, with overlapped I/O: the only kind that has time limits on Windows.

use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_BROKEN_PIPE, ERROR_IO_PENDING, ERROR_NO_DATA, ERROR_OPERATION_ABORTED, ERROR_PIPE_BUSY,
    ERROR_PIPE_NOT_CONNECTED, ERROR_SEM_TIMEOUT, GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE,
    WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_OVERLAPPED, OPEN_EXISTING, ReadFile, SECURITY_IDENTIFICATION,
    SECURITY_SQOS_PRESENT, WriteFile,
};
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Pipes::WaitNamedPipeW;
use windows_sys::Win32::System::Threading::{CreateEventW, INFINITE, WaitForSingleObject};

use super::super::Peer;
use super::owner;
use crate::clock;

/// A connection whose reads and writes have time limits.
#[derive(Debug)]
pub(crate) struct Stream {
    pipe: OwnedHandle,
    /// Set when a read or a write has ended; there is one at a time.
    done: OwnedHandle,
}

impl Stream {
    /// Connects, and waits no longer than this where all instances of the pipe are taken.
    pub(crate) fn connect(pipe: &Path, limit: Duration) -> io::Result<Self> {
        let name = name(pipe)?;
        let deadline = clock::deadline(limit);
        loop {
            match open(&name) {
                Ok(pipe) => return Ok(Self { pipe, done: event()? }),
                Err(error) if is(&error, ERROR_PIPE_BUSY) => {}
                Err(error) => return Err(error),
            }
            let left = clock::left(deadline).ok_or(io::ErrorKind::TimedOut)?;
            wait_for_instance(&name, left)?;
        }
    }

    /// Who listens at the other end.
    pub(crate) fn peer(&self) -> Peer {
        owner::peer(self.pipe.as_handle())
    }

    /// Writes all of it, and waits no longer than this for room.
    pub(crate) fn write_all(&mut self, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.write(bytes, limit).map_err(|error| {
                // The system has three words for it.
                let closed = [ERROR_BROKEN_PIPE, ERROR_NO_DATA, ERROR_PIPE_NOT_CONNECTED];
                if closed.iter().any(|code| is(&error, *code)) {
                    io::ErrorKind::BrokenPipe.into()
                } else {
                    error
                }
            })?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Waits for bytes, for so long at most; 0 is the end.
    #[expect(unsafe_code, reason = "ReadFile of Windows")]
    pub(crate) fn read(&mut self, room: &mut [u8], limit: Option<Duration>) -> io::Result<usize> {
        let mut operation = self.operation();
        // SAFETY: the room and the operation live until `ended` has seen the end of the read.
        let begun = unsafe {
            ReadFile(
                self.pipe.as_raw_handle(),
                room.as_mut_ptr(),
                length(room),
                null_mut(),
                &raw mut operation,
            )
        };
        match self.ended(begun, &mut operation, limit) {
            Err(error) if is(&error, ERROR_BROKEN_PIPE) || is(&error, ERROR_PIPE_NOT_CONNECTED) => Ok(0),
            other => other,
        }
    }

    #[expect(unsafe_code, reason = "WriteFile of Windows")]
    fn write(&mut self, bytes: &[u8], limit: Duration) -> io::Result<usize> {
        let mut operation = self.operation();
        // SAFETY: the bytes and the operation live until `ended` has seen the end of the write.
        let begun = unsafe {
            WriteFile(
                self.pipe.as_raw_handle(),
                bytes.as_ptr(),
                length(bytes),
                null_mut(),
                &raw mut operation,
            )
        };
        self.ended(begun, &mut operation, Some(limit))
    }

    fn operation(&self) -> OVERLAPPED {
        OVERLAPPED { hEvent: self.done.as_raw_handle(), ..OVERLAPPED::default() }
    }

    /// Waits for the end of what was begun; cancels it when the time is over. From here on, the system uses neither the
    /// operation nor its buffer any more.
    #[expect(unsafe_code, reason = "CancelIoEx and GetOverlappedResult of Windows")]
    fn ended(&self, begun: i32, operation: &mut OVERLAPPED, limit: Option<Duration>) -> io::Result<usize> {
        if begun == 0 {
            let error = io::Error::last_os_error();
            if !is(&error, ERROR_IO_PENDING) {
                return Err(error);
            }
        }
        let in_time = wait(&self.done, limit);
        let pipe = self.pipe.as_raw_handle();
        if !matches!(in_time, Ok(true)) {
            // SAFETY: the handle is open, and the operation is one that was begun on it.
            unsafe { CancelIoEx(pipe, operation) };
        }
        let mut count = 0;
        // SAFETY: as above. It waits until the operation has ended, which after a cancellation is at once.
        if unsafe { GetOverlappedResult(pipe, operation, &raw mut count, 1) } != 0 {
            // It may have ended in the moment in which it was given up.
            return Ok(usize::try_from(count).unwrap_or(0));
        }
        let error = io::Error::last_os_error();
        in_time?;
        Err(if is(&error, ERROR_OPERATION_ABORTED) { io::ErrorKind::TimedOut.into() } else { error })
    }
}

/// Whether that is what the system said.
pub(super) fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

/// A pipe's name for the system. Only this machine's: another one would be told who this user is.
pub(super) fn name(pipe: &Path) -> io::Result<Vec<u16>> {
    const START: &str = r"\\.\pipe\";
    let text = pipe.as_os_str();
    let start = text.as_encoded_bytes().get(..START.len());
    if !start.is_some_and(|start| start.eq_ignore_ascii_case(START.as_bytes())) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            r"it is no pipe of this machine (\\.\pipe\NAME)",
        ));
    }
    let units: Vec<u16> = text.encode_wide().chain([0]).collect();
    if units[..units.len() - 1].contains(&0) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is a zero in its name"));
    }
    Ok(units)
}

/// The server may learn who this is, and not act as this user.
#[expect(unsafe_code, reason = "CreateFileW of Windows")]
fn open(name: &[u16]) -> io::Result<OwnedHandle> {
    let flags = FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION;
    // SAFETY: the name ends with a zero and lives through the call; the rest are numbers and nothing.
    let pipe = unsafe {
        CreateFileW(name.as_ptr(), GENERIC_READ | GENERIC_WRITE, 0, null(), OPEN_EXISTING, flags, null_mut())
    };
    if pipe == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was opened just now, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(pipe) })
}

/// Until an instance may be free; another client may be faster.
#[expect(unsafe_code, reason = "WaitNamedPipeW of Windows")]
fn wait_for_instance(name: &[u16], limit: Duration) -> io::Result<()> {
    // 0 would be the server's own default.
    let limit = milliseconds(limit).max(1);
    // SAFETY: the name ends with a zero and lives through the call.
    if unsafe { WaitNamedPipeW(name.as_ptr(), limit) } != 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    Err(if is(&error, ERROR_SEM_TIMEOUT) { io::ErrorKind::TimedOut.into() } else { error })
}

#[expect(unsafe_code, reason = "CreateEventW of Windows")]
fn event() -> io::Result<OwnedHandle> {
    // SAFETY: nothing is handed over but numbers: an event without a name that somebody has to reset.
    let event = unsafe { CreateEventW(null(), 1, 0, null()) };
    if event.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was made just now, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(event) })
}

/// Whether it was set in time.
#[expect(unsafe_code, reason = "WaitForSingleObject of Windows")]
fn wait(event: &OwnedHandle, limit: Option<Duration>) -> io::Result<bool> {
    // SAFETY: the handle is open for as long as it is borrowed.
    match unsafe { WaitForSingleObject(event.as_raw_handle(), limit.map_or(INFINITE, milliseconds)) } {
        WAIT_OBJECT_0 => Ok(true),
        WAIT_TIMEOUT => Ok(false),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Rounded up, so that nothing ends too soon; never what means "for ever".
fn milliseconds(span: Duration) -> u32 {
    u32::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(INFINITE).min(INFINITE - 1)
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pipes_of_this_machine_are_opened() {
        for wrong in
            [r"C:\x", r"\\server\pipe\tokend", r"\\.\pip", "", r"\\.\pipe\a\0b".replace(r"\0", "\0").as_str()]
        {
            assert!(
                name(Path::new(wrong)).is_err_and(|error| error.kind() == io::ErrorKind::InvalidInput),
                "{wrong}"
            );
        }
        assert!(name(Path::new(r"\\.\PIPE\x")).is_ok_and(|name| name.ends_with(&[u16::from(b'x'), 0])));
    }

    #[test]
    fn a_pipe_that_nobody_serves_is_not_found() {
        let nobody = Stream::connect(Path::new(r"\\.\pipe\tokend-test-nobody"), Duration::from_secs(1));
        assert!(nobody.is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
    }

    #[test]
    fn a_time_limit_is_never_shorter_and_never_endless() {
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::from_millis(7)), 7);
        assert_eq!(milliseconds(Duration::MAX), INFINITE - 1);
    }
}
