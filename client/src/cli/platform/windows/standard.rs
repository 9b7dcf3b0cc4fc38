//! Standard input, output and error: consoles get characters, everything else gets the bytes as they are.

use std::fs::File;
use std::io::{self, Read, Write};
use std::mem::size_of;
use std::os::windows::io::{AsHandle, AsRawHandle};

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_PIPE_CLOSING_STATE, FILE_PIPE_DISCONNECTED_STATE, FILE_PIPE_LOCAL_INFORMATION,
    FilePipeLocalInformation, NtQueryInformationFile,
};
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;
use zeroize::Zeroizing;

use super::console::{self, Decoder};

/// Writes all of it to standard output, without a buffer between. Line ends are written as they are.
pub(crate) fn write_out(bytes: &[u8]) -> io::Result<()> {
    write_to(&io::stdout(), bytes)
}

/// Writes all of it to standard error, without a buffer between.
pub(crate) fn write_error(bytes: &[u8]) -> io::Result<()> {
    write_to(&io::stderr(), bytes)
}

fn write_to(stream: &(impl AsHandle + AsRawHandle), bytes: &[u8]) -> io::Result<()> {
    if !is_open(stream) {
        return Ok(());
    }
    if console::mode(stream).is_ok() {
        return console::show(stream, bytes);
    }
    File::from(stream.as_handle().try_clone_to_owned()?).write_all(bytes)
}

fn is_open(stream: &impl AsRawHandle) -> bool {
    let handle = stream.as_raw_handle();
    !handle.is_null() && handle != INVALID_HANDLE_VALUE
}

/// Whether there is no standard output.
pub(crate) fn stdout_was_closed() -> bool {
    !is_open(&io::stdout())
}

/// Whether nobody reads standard output any more.
#[expect(unsafe_code, reason = "NtQueryInformationFile of Windows: nothing else tells how a pipe is")]
pub(crate) fn stdout_has_no_reader() -> bool {
    let mut status = IO_STATUS_BLOCK::default();
    let mut pipe = FILE_PIPE_LOCAL_INFORMATION::default();
    let size = u32::try_from(size_of::<FILE_PIPE_LOCAL_INFORMATION>()).unwrap_or(0);
    let stdout = io::stdout();
    // SAFETY: both structures live through the call, and the size is that of the second one.
    let result = unsafe {
        let room = (&raw mut pipe).cast();
        NtQueryInformationFile(stdout.as_raw_handle(), &raw mut status, room, size, FilePipeLocalInformation)
    };
    // What is no pipe has no such information.
    result >= 0 && [FILE_PIPE_CLOSING_STATE, FILE_PIPE_DISCONNECTED_STATE].contains(&pipe.NamedPipeState)
}

/// The columns of the terminal on standard output; nothing where that is no terminal.
pub(crate) fn terminal_width() -> Option<usize> {
    let stdout = io::stdout();
    console::mode(&stdout).ok()?;
    Some(console::size(&stdout).map_or(80, |(columns, _)| columns))
}

/// The columns and lines of the terminal on standard error; nothing where that is no terminal that can do more than
/// print.
pub(crate) fn error_terminal_size() -> Option<(usize, usize)> {
    let stderr = io::stderr();
    console::can_draw(&stderr).then(|| console::size(&stderr).unwrap_or((80, 24)))
}

/// Whether the terminal on standard output, if there is one, obeys ECMA-48's sequences.
pub(crate) fn terminal_can_draw() -> bool {
    console::can_draw(&io::stdout())
}

/// Whether a terminal is one only where `$TERM` says which.
pub(crate) fn terminal_needs_name() -> bool {
    false
}

/// Standard input itself: the standard library's keeps what it read in a buffer that nobody wipes.
pub(crate) fn unbuffered_stdin() -> io::Result<Stdin> {
    let stdin = io::stdin();
    let file = File::from(stdin.as_handle().try_clone_to_owned()?);
    let is_console = console::mode(&file).is_ok();
    Ok(Stdin {
        source: file,
        is_console,
        decoder: Decoder::default(),
        ready: Zeroizing::default(),
        begins: true,
    })
}

/// Standard input. A byte order mark at its beginning is left out: `PowerShell` puts one in front of what it pipes, where
/// it was told to speak UTF-8, and it is part of no secret.
#[derive(Debug)]
pub(crate) struct Stdin {
    source: File,
    is_console: bool,
    decoder: Decoder,
    /// What was read and not given yet, the next byte last.
    ready: Zeroizing<Vec<u8>>,
    begins: bool,
}

/// Whether shells put one there.
pub(crate) const INPUT_MAY_HAVE_A_MARK: bool = true;

/// U+FEFF in UTF-8.
const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Room for what one reading of a console gives.
const LINE: usize = 2048;

impl Read for Stdin {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.is_console {
            return self.read_console(room);
        }
        if std::mem::take(&mut self.begins) {
            self.ready = without_mark(&mut self.source)?;
        }
        match self.give(room) {
            0 => self.source.read(room),
            count => Ok(count),
        }
    }
}

impl Stdin {
    fn give(&mut self, room: &mut [u8]) -> usize {
        let mut count = 0;
        while count < room.len()
            && let Some(byte) = self.ready.pop()
        {
            room[count] = byte;
            count += 1;
        }
        count
    }

    fn read_console(&mut self, room: &mut [u8]) -> io::Result<usize> {
        // Half of a character is nothing yet, and not the end.
        while self.ready.is_empty() && !room.is_empty() {
            let mut units = Zeroizing::new([0; LINE]);
            let count = console::read(&self.source, &mut units[..])?;
            // Ctrl-Z at the beginning of a line is the end, as everywhere on this system.
            if count == 0 || units[0] == 0x1a {
                return Ok(0);
            }
            self.ready = Zeroizing::new(Vec::with_capacity(3 * count + 3));
            let ready = &mut self.ready;
            self.decoder.take(&units[..count], |byte| ready.push(byte));
            ready.reverse();
        }
        Ok(self.give(room))
    }
}

/// The first bytes, the next one last; nothing where they were the mark.
fn without_mark(source: &mut impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut first = Zeroizing::new(Vec::with_capacity(MARK.len()));
    while first.len() < MARK.len() && MARK.starts_with(&first) {
        let mut byte = Zeroizing::new([0]);
        match source.read(&mut byte[..]) {
            Ok(0) => break,
            Ok(_) => first.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if *first == MARK {
        first.clear();
    }
    first.reverse();
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_left_out_and_nothing_else() -> io::Result<()> {
        for (input, expected) in [
            (&b"\xef\xbb\xbfab"[..], &b"ab"[..]),
            (b"\xef\xbbab", b"\xef\xbbab"),
            (b"\xef\xbb", b"\xef\xbb"),
            (b"ab", b"ab"),
            (b"", b""),
            (b"\xef\xbb\xbf\xef\xbb\xbfa", b"\xef\xbb\xbfa"),
        ] {
            let mut source = input;
            let mut given: Vec<u8> = without_mark(&mut source)?.iter().rev().copied().collect();
            source.read_to_end(&mut given)?;
            assert_eq!(given, expected, "{input:?}");
        }
        Ok(())
    }
}
