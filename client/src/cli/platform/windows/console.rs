//! A console: its modes, and text in and out of it, which is UTF-16 there.

use std::fs::File;
use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle};
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{ERROR_OPERATION_ABORTED, SetLastError};
use windows_sys::Win32::System::Console::{
    CONSOLE_SCREEN_BUFFER_INFO, ENABLE_PROCESSED_OUTPUT, ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode,
    GetConsoleScreenBufferInfo, ReadConsoleW, SetConsoleMode, WriteConsoleW,
};
use zeroize::Zeroizing;

/// More in one call and older systems say that there is no memory for it.
const AT_ONCE: usize = 8 * 1024;

/// The console that this process belongs to, for what is typed.
pub(super) fn input() -> io::Result<File> {
    File::options().read(true).write(true).open("CONIN$")
}

/// The console that this process belongs to, for what is shown: the screen buffer that is active.
pub(super) fn output() -> io::Result<File> {
    File::options().read(true).write(true).open("CONOUT$")
}

/// Its mode; an error where that is no console.
#[expect(unsafe_code, reason = "GetConsoleMode of Windows")]
pub(super) fn mode(console: &impl AsHandle) -> io::Result<u32> {
    let mut mode = 0;
    // SAFETY: the handle is open for as long as it is borrowed, and the number's place lives through the call.
    let known = unsafe { GetConsoleMode(console.as_handle().as_raw_handle(), &raw mut mode) };
    if known == 0 { Err(io::Error::last_os_error()) } else { Ok(mode) }
}

/// Sets its mode.
#[expect(unsafe_code, reason = "SetConsoleMode of Windows")]
pub(super) fn set_mode(console: &impl AsHandle, mode: u32) -> io::Result<()> {
    // SAFETY: the handle is open for as long as it is borrowed; the rest is a number.
    let set = unsafe { SetConsoleMode(console.as_handle().as_raw_handle(), mode) };
    if set == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The mode in which it obeys ECMA-48's sequences, as all consoles since Windows 10 can.
pub(super) fn drawing(mode: u32) -> u32 {
    mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING
}

/// Whether it can obey them.
pub(super) fn can_draw(console: &impl AsHandle) -> bool {
    let Ok(before) = mode(console) else { return false };
    if drawing(before) == before {
        return true;
    }
    let can = set_mode(console, drawing(before)).is_ok();
    let _ = set_mode(console, before);
    can
}

/// The columns and lines of its window.
#[expect(unsafe_code, reason = "GetConsoleScreenBufferInfo of Windows")]
pub(super) fn size(console: &impl AsHandle) -> Option<(usize, usize)> {
    let mut info = CONSOLE_SCREEN_BUFFER_INFO::default();
    // SAFETY: the handle is open for as long as it is borrowed, and the structure lives through the call.
    let known = unsafe { GetConsoleScreenBufferInfo(console.as_handle().as_raw_handle(), &raw mut info) };
    let window = info.srWindow;
    let cells = |first: i16, last: i16| usize::try_from(i32::from(last) - i32::from(first) + 1).unwrap_or(0);
    let (columns, lines) = (cells(window.Left, window.Right), cells(window.Top, window.Bottom));
    (known != 0 && columns > 1 && lines > 0).then_some((columns, lines))
}

/// Shows it. Sequences in it are obeyed, where the console can; its mode is as before afterwards.
pub(super) fn show(console: &impl AsHandle, text: &[u8]) -> io::Result<()> {
    let before = mode(console)?;
    let draws = text.contains(&0x1b) && drawing(before) != before;
    if draws {
        let _ = set_mode(console, drawing(before));
    }
    let shown = write(console, text);
    if draws {
        let _ = set_mode(console, before);
    }
    shown
}

/// Shows it in the mode that there is.
#[expect(unsafe_code, reason = "WriteConsoleW of Windows")]
pub(super) fn write(console: &impl AsHandle, text: &[u8]) -> io::Result<()> {
    let text = String::from_utf8_lossy(text);
    let mut units = Zeroizing::new(Vec::with_capacity(text.len()));
    units.extend(text.encode_utf16());
    let mut rest = &units[..];
    while !rest.is_empty() {
        let piece = &rest[..whole_characters(rest)];
        let count = u32::try_from(piece.len()).unwrap_or(0);
        let mut written = 0;
        // SAFETY: the handle is open for as long as it is borrowed; the units are as many as is said.
        let done = unsafe {
            WriteConsoleW(
                console.as_handle().as_raw_handle(),
                piece.as_ptr(),
                count,
                &raw mut written,
                null_mut(),
            )
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        match usize::try_from(written).unwrap_or(0) {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => rest = &rest[written.min(rest.len())..],
        }
    }
    Ok(())
}

/// How many units are shown at once: no character is cut in two.
fn whole_characters(units: &[u16]) -> usize {
    if units.len() <= AT_ONCE {
        return units.len();
    }
    let is_first_half = (0xd800..0xdc00).contains(&units[AT_ONCE - 1]);
    if is_first_half { AT_ONCE - 1 } else { AT_ONCE }
}

/// Waits for what is typed; as lines or as keys, as its mode says.
#[expect(unsafe_code, reason = "ReadConsoleW of Windows")]
pub(super) fn read(console: &impl AsHandle, units: &mut [u16]) -> io::Result<usize> {
    let room = u32::try_from(units.len()).unwrap_or(u32::MAX);
    let mut count = 0;
    loop {
        // SAFETY: a number of this thread.
        unsafe { SetLastError(0) };
        // SAFETY: the handle is open for as long as it is borrowed; there is as much room as is said.
        let done = unsafe {
            let handle = console.as_handle().as_raw_handle();
            ReadConsoleW(handle, units.as_mut_ptr().cast(), room, &raw mut count, std::ptr::null())
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        let aborted =
            io::Error::last_os_error().raw_os_error() == Some(ERROR_OPERATION_ABORTED.cast_signed());
        // Ctrl-C looks like the end of the input, and is none: this process is being ended.
        if count > 0 || !aborted {
            return Ok(usize::try_from(count).unwrap_or(0));
        }
    }
}

/// Makes UTF-8 of UTF-16 that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    first_half: Option<u16>,
}

impl Decoder {
    /// The characters that are whole now. What is none becomes U+FFFD.
    pub(super) fn take(&mut self, units: &[u16], mut give: impl FnMut(u8)) {
        let all = self.first_half.take().into_iter().chain(units.iter().copied());
        for decoded in char::decode_utf16(all) {
            let character = match decoded {
                Ok(character) => character,
                // Its other half is in the next piece.
                Err(half)
                    if is_first(half.unpaired_surrogate())
                        && units.last() == Some(&half.unpaired_surrogate()) =>
                {
                    self.first_half = Some(half.unpaired_surrogate());
                    continue;
                }
                Err(_) => char::REPLACEMENT_CHARACTER,
            };
            let mut bytes = [0; 4];
            character.encode_utf8(&mut bytes).bytes().for_each(&mut give);
        }
    }
}

fn is_first(half: u16) -> bool {
    (0xd800..0xdc00).contains(&half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(pieces: &[&[u16]]) -> String {
        let mut decoder = Decoder::default();
        let mut bytes = Vec::new();
        for piece in pieces {
            decoder.take(piece, |byte| bytes.push(byte));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn a_character_that_comes_in_two_pieces_is_one() {
        let units: Vec<u16> = "aü€😀b".encode_utf16().collect();
        for place in 0..=units.len() {
            assert_eq!(decoded(&[&units[..place], &units[place..]]), "aü€😀b", "{place}");
        }
        assert_eq!(decoded(&[&[0xdc00, 0x61]]), "\u{fffd}a");
        assert_eq!(decoded(&[&[0xd83d], &[0x61]]), "\u{fffd}a");
    }

    #[test]
    fn no_character_is_shown_in_two_halves() {
        let mut units = vec![0x61; AT_ONCE - 1];
        units.extend("😀".encode_utf16());
        assert_eq!(whole_characters(&units), AT_ONCE - 1);
        assert_eq!(whole_characters(&units[1..]), AT_ONCE);
        assert_eq!(whole_characters(&[0xd83d]), 1);
    }
}
