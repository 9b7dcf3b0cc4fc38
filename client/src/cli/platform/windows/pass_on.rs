//! Something that another program reads once: this system has no `/dev/fd`, but a pipe has a path.

use std::fs::File;
use std::io::{self, Write};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::thread;

use windows_sys::Win32::Foundation::{ERROR_PIPE_CONNECTED, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_FIRST_PIPE_INSTANCE, FlushFileBuffers, PIPE_ACCESS_OUTBOUND,
};
use windows_sys::Win32::System::Pipes::{
    ConnectNamedPipe, CreateNamedPipeW, PIPE_READMODE_BYTE, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE,
    PIPE_WAIT,
};
use zeroize::Zeroizing;

use super::descriptor::{Descriptor, wide};
use crate::cli::token_folder::random;

/// Serves it to the first who asks, until this process ends.
#[derive(Debug)]
pub(crate) struct Passed;

/// A path at which another program can read this, once, and nobody but this user. The pipe has one instance, so that
/// whoever comes second finds it busy, and whoever squats on its name makes this fail.
pub(crate) fn pass_on(content: &[u8]) -> io::Result<(Passed, PathBuf)> {
    let path = PathBuf::from(format!(r"\\.\pipe\tok-{}-{:016x}", std::process::id(), random()));
    let pipe = File::from(make(&path)?);
    let content = Zeroizing::new(content.to_vec());
    thread::Builder::new().name("pass on".to_owned()).spawn(move || {
        // A reader that goes away early has its own reasons.
        let _ = serve(pipe, &content);
    })?;
    Ok((Passed, path))
}

#[expect(unsafe_code, reason = "CreateNamedPipeW of Windows")]
fn make(path: &Path) -> io::Result<OwnedHandle> {
    let descriptor = Descriptor::of_pipe()?;
    let (name, attributes) = (wide(path)?, descriptor.attributes());
    let mode = PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS;
    let access = PIPE_ACCESS_OUTBOUND | FILE_FLAG_FIRST_PIPE_INSTANCE;
    // SAFETY: the name ends with a zero; both live through the call, and so does the descriptor.
    let pipe = unsafe { CreateNamedPipeW(name.as_ptr(), access, mode, 1, 4096, 0, 0, &raw const attributes) };
    if pipe == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was made just now, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(pipe) })
}

/// Waits for one reader, and until it has read everything: with the end of the pipe its reading ends.
#[expect(unsafe_code, reason = "ConnectNamedPipe and FlushFileBuffers of Windows")]
fn serve(mut pipe: File, content: &[u8]) -> io::Result<()> {
    // SAFETY: the handle is open; it is no pipe for overlapped I/O.
    if unsafe { ConnectNamedPipe(pipe.as_raw_handle(), null_mut()) } == 0 {
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(ERROR_PIPE_CONNECTED.cast_signed()) {
            return Err(error);
        }
    }
    pipe.write_all(content)?;
    // SAFETY: the handle is open.
    unsafe { FlushFileBuffers(pipe.as_raw_handle()) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_once_and_whole() -> io::Result<()> {
        let (_passed, path) = pass_on(b"header = \"a\"\n")?;
        assert!(make(&path).is_err(), "there is one instance");
        assert_eq!(std::fs::read(&path)?, b"header = \"a\"\n");
        Ok(())
    }
}
