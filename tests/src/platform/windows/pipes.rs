//! Named pipes, read and written with limits of time, as sockets are.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::{AsRawHandle, FromRawHandle as _, OwnedHandle, RawHandle};
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_BROKEN_PIPE, ERROR_IO_PENDING, ERROR_OPERATION_ABORTED, ERROR_PIPE_BUSY, ERROR_PIPE_CONNECTED,
    ERROR_PIPE_NOT_CONNECTED, GetLastError, HANDLE, INVALID_HANDLE_VALUE, WAIT_TIMEOUT,
};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX, ReadFile, SECURITY_IDENTIFICATION, WriteFile,
};
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Pipes::{
    ConnectNamedPipe, CreateNamedPipeW, PIPE_REJECT_REMOTE_CLIENTS, PIPE_UNLIMITED_INSTANCES, WaitNamedPipeW,
};
use windows_sys::Win32::System::Threading::{CreateEventW, INFINITE, WaitForSingleObject};

use super::descriptors::{check, for_own_user, parse};
use super::wide::wide;

/// How long one wait for a free instance of a pipe takes, in milliseconds, and how many of them there are.
const WAIT_MS: u32 = 50;
const WAITS: u32 = 100;

/// How much of each direction waits in a pipe, in bytes.
const BUFFER: u32 = 64 * 1024;

/// A connection by a named pipe.
#[derive(Debug)]
pub struct Stream {
    pipe: File,
    read_limit_ms: AtomicU32,
    write_limit_ms: AtomicU32,
}

/// A pipe to which others connect.
#[derive(Debug)]
pub struct Listener {
    name: PathBuf,
    descriptor: String,
    /// The instance that the next client gets.
    next: Mutex<Stream>,
}

/// Connects to whoever listens there.
///
/// # Errors
/// The system's: there is no such pipe, or nobody takes the connection.
pub fn connect(address: impl AsRef<Path>) -> io::Result<Stream> {
    let address = address.as_ref();
    let name = wide(address);
    let mut waits = 0;
    loop {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .security_qos_flags(SECURITY_IDENTIFICATION)
            .custom_flags(FILE_FLAG_OVERLAPPED)
            .open(address);
        match opened {
            Ok(pipe) => return Ok(Stream::from(pipe)),
            Err(error) if is(&error, ERROR_PIPE_BUSY) && waits < WAITS => {
                waits += 1;
                // SAFETY: the name ends with a zero. What it says is seen at the next try.
                unsafe { WaitNamedPipeW(name.as_ptr(), WAIT_MS) };
            }
            Err(error) => return Err(error),
        }
    }
}

/// Listens there, for this user alone.
///
/// # Errors
/// The system's.
pub fn listen(address: impl AsRef<Path>) -> io::Result<Listener> {
    let name = address.as_ref();
    listen_as(name, &for_own_user())
}

/// Listens there, with a security descriptor of this text.
///
/// # Errors
/// The system's.
pub fn listen_as(address: impl AsRef<Path>, descriptor: &str) -> io::Result<Listener> {
    let name = address.as_ref();
    let next = Mutex::new(instance(name, descriptor)?);
    Ok(Listener { name: name.to_owned(), descriptor: descriptor.to_owned(), next })
}

/// Whether there is a pipe of this name that takes a connection now.
pub(super) fn is_open(name: &Path) -> bool {
    let name = wide(name);
    // SAFETY: the name ends with a zero.
    unsafe { WaitNamedPipeW(name.as_ptr(), WAIT_MS) != 0 }
}

fn instance(name: &Path, descriptor: &str) -> io::Result<Stream> {
    let descriptor = parse(descriptor)?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or(0),
        lpSecurityDescriptor: descriptor.0,
        bInheritHandle: 0,
    };
    let name = wide(name);
    // SAFETY: the name ends with a zero, and the attributes live.
    let handle = unsafe {
        CreateNamedPipeW(
            name.as_ptr(),
            PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
            PIPE_REJECT_REMOTE_CLIENTS,
            PIPE_UNLIMITED_INSTANCES,
            BUFFER,
            BUFFER,
            0,
            &raw const attributes,
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is ours, and nobody else closes it.
    let pipe = unsafe { File::from_raw_handle(handle) };
    Ok(Stream::from(pipe))
}

impl Listener {
    /// The next who connects; the second of the pair is there since sockets have it.
    ///
    /// # Errors
    /// The system's.
    pub fn accept(&self) -> io::Result<(Stream, ())> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let connected = next.perform(0, |handle, overlapped| {
            // SAFETY: the pipe is open, and `perform` keeps the other until it is done.
            unsafe { ConnectNamedPipe(handle, overlapped) }
        });
        match connected {
            Err(error) if !is(&error, ERROR_PIPE_CONNECTED) => return Err(error),
            _ => {}
        }
        // The next client finds a pipe before this one is served.
        let another = instance(&self.name, &self.descriptor)?;
        Ok((std::mem::replace(&mut *next, another), ()))
    }

    /// All who connect, for ever.
    pub fn incoming(&self) -> impl Iterator<Item = io::Result<Stream>> + '_ {
        std::iter::repeat_with(|| self.accept().map(|(stream, ())| stream))
    }
}

impl From<File> for Stream {
    fn from(pipe: File) -> Self {
        Self { pipe, read_limit_ms: AtomicU32::new(0), write_limit_ms: AtomicU32::new(0) }
    }
}

impl AsRawHandle for Stream {
    fn as_raw_handle(&self) -> RawHandle {
        self.pipe.as_raw_handle()
    }
}

impl Stream {
    /// How long a read may take; nothing is for ever.
    ///
    /// # Errors
    /// Where it is no time at all.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.read_limit_ms.store(milliseconds(limit)?, Ordering::Relaxed);
        Ok(())
    }

    /// How long a write may take; nothing is for ever.
    ///
    /// # Errors
    /// Where it is no time at all.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.write_limit_ms.store(milliseconds(limit)?, Ordering::Relaxed);
        Ok(())
    }

    /// Another handle of the same connection.
    ///
    /// # Errors
    /// The system's.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.pipe.try_clone().map(Self::from)
    }

    /// A pipe has no half that could be closed alone.
    ///
    /// # Errors
    /// Always.
    #[expect(clippy::unused_self, reason = "sockets have both")]
    pub fn shutdown(&self, _how: Shutdown) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    /// Begins something, waits for it at most so many milliseconds (0: for ever), and says how much was done.
    fn perform(
        &self,
        limit_ms: u32,
        begin: impl FnOnce(HANDLE, *mut OVERLAPPED) -> i32,
    ) -> io::Result<usize> {
        // SAFETY: attributes and a name may be null.
        let event = unsafe { CreateEventW(null(), 1, 0, null()) };
        if event.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is ours, and nobody else closes it.
        let event = unsafe { OwnedHandle::from_raw_handle(event) };
        let mut overlapped = OVERLAPPED { hEvent: event.as_raw_handle(), ..OVERLAPPED::default() };
        let handle = self.pipe.as_raw_handle();
        if begin(handle, &raw mut overlapped) == 0 {
            // SAFETY: has no preconditions.
            let code = unsafe { GetLastError() };
            if code != ERROR_IO_PENDING {
                return Err(io::Error::from_raw_os_error(code.cast_signed()));
            }
        }
        let limit = if limit_ms == 0 { INFINITE } else { limit_ms };
        // SAFETY: the event is open.
        if unsafe { WaitForSingleObject(overlapped.hEvent, limit) } == WAIT_TIMEOUT {
            // SAFETY: both live. Where it is done already, that is seen below.
            unsafe { CancelIoEx(handle, &raw const overlapped) };
        }
        let mut count = 0;
        // SAFETY: both live until it is done, for which this waits.
        let done = check(unsafe { GetOverlappedResult(handle, &raw const overlapped, &raw mut count, 1) });
        match done {
            Err(error) if is(&error, ERROR_OPERATION_ABORTED) => Err(ErrorKind::TimedOut.into()),
            Err(error) => Err(error),
            Ok(()) => Ok(usize::try_from(count).unwrap_or(0)),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let to = bytes.as_mut_ptr();
        let done = self.perform(self.read_limit_ms.load(Ordering::Relaxed), |handle, overlapped| {
            // SAFETY: there is room for `length` bytes, and `perform` returns when nobody writes there any more.
            unsafe { ReadFile(handle, to, length, null_mut(), overlapped) }
        });
        match done {
            // The other end is closed.
            Err(error) if is(&error, ERROR_BROKEN_PIPE) || is(&error, ERROR_PIPE_NOT_CONNECTED) => Ok(0),
            done => done,
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.perform(self.write_limit_ms.load(Ordering::Relaxed), |handle, overlapped| {
            // SAFETY: `length` bytes are there, and `perform` returns when nobody reads them any more.
            unsafe { WriteFile(handle, bytes.as_ptr(), length, null_mut(), overlapped) }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn milliseconds(limit: Option<Duration>) -> io::Result<u32> {
    match limit {
        None => Ok(0),
        Some(Duration::ZERO) => Err(ErrorKind::InvalidInput.into()),
        Some(limit) => Ok(u32::try_from(limit.as_millis()).unwrap_or(u32::MAX - 1).max(1)),
    }
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}
