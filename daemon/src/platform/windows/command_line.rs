//! The words with which another process was started.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::mem::size_of;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};

use windows_sys::Wdk::System::Threading::{NtQueryInformationProcess, ProcessCommandLineInformation};
use windows_sys::Win32::Foundation::{LocalFree, UNICODE_STRING};
use windows_sys::Win32::Globalization::lstrlenW;
use windows_sys::Win32::System::Threading::{OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION};
use windows_sys::Win32::UI::Shell::CommandLineToArgvW;

/// The words with which a process was started, where the system shows them.
#[must_use]
pub fn words_of_process(process: u32) -> Option<Vec<Vec<u8>>> {
    let line = command_line(process)?;
    let mut count = 0;
    // SAFETY: the line ends in a zero, and the count is written where it belongs.
    let words = unsafe { CommandLineToArgvW(line.as_ptr(), &raw mut count) };
    if words.is_null() {
        return None;
    }
    // SAFETY: there are as many words as the count says.
    let list = unsafe { std::slice::from_raw_parts(words, usize::try_from(count).unwrap_or(0)) };
    let mut found = Vec::with_capacity(list.len());
    for word in list {
        // SAFETY: each of them ends in a zero.
        let length = unsafe { lstrlenW(*word) };
        // SAFETY: all before the zero belongs to it.
        let word = unsafe { std::slice::from_raw_parts(*word, usize::try_from(length).unwrap_or(0)) };
        found.push(String::from_utf16_lossy(word).into_bytes());
    }
    // SAFETY: the words are one block of this kind, and nothing refers to it any more.
    let _ = unsafe { LocalFree(words.cast()) };
    Some(found)
}

/// The line, with a zero at its end.
fn command_line(process: u32) -> Option<Vec<u16>> {
    // SAFETY: the call has no conditions.
    let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, process) };
    if handle.is_null() {
        return None;
    }
    // SAFETY: the handle is open, and nobody else closes it.
    let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
    // A header, which points to the text behind it: 65,534 bytes at most.
    let mut block = vec![0u64; (65_536 + size_of::<UNICODE_STRING>()) / 8];
    let size = u32::try_from(block.len() * 8).ok()?;
    let mut written = 0;
    // SAFETY: the block is as long as is said, and aligned for the header.
    let status = unsafe {
        NtQueryInformationProcess(
            handle.as_raw_handle(),
            ProcessCommandLineInformation,
            block.as_mut_ptr().cast(),
            size,
            &raw mut written,
        )
    };
    if status != 0 {
        return None;
    }
    // SAFETY: the call has written a header at the beginning, or left zeros, which are an empty one.
    let header = unsafe { block.as_ptr().cast::<UNICODE_STRING>().read() };
    if header.Buffer.is_null() || header.Length == 0 {
        return None;
    }
    // SAFETY: the header's text lies in the block, as long as it says.
    let text = unsafe { std::slice::from_raw_parts(header.Buffer, usize::from(header.Length) / 2) };
    Some(text.iter().copied().chain([0]).collect())
}

#[cfg(test)]
mod tests {
    use crate::platform::testing;

    use super::*;

    #[test]
    fn this_process_was_started_by_these_words() {
        if testing::is_wine() {
            testing::skip("the words of a process", "Wine 8 has no ProcessCommandLineInformation");
            return;
        }
        let words: Vec<_> = std::env::args().map(String::into_bytes).collect();
        assert_eq!(words_of_process(std::process::id()), Some(words));
    }

    #[test]
    fn of_a_process_that_is_not_there_nothing_is_known() {
        assert_eq!(words_of_process(3), None);
    }
}
