//! What macOS tells of processes, and who may look into this one.

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::ptr;

use super::sysctl;

/// `PROC_FLAG_TRACED` of `<sys/proc_info.h>`: a debugger holds the process.
const TRACED: u32 = 2;

/// Programs' words are at most so long where the kernel does not say (`ARG_MAX`).
const LONGEST_WORDS: usize = 1 << 20;

/// Bytes of memory that this process has at the moment.
#[must_use]
pub fn resident_memory() -> Option<u64> {
    task().map(|task| task.pti_resident_size)
}

/// How many threads this process has.
pub(in crate::platform::unix) fn threads() -> Option<usize> {
    usize::try_from(task()?.pti_threadnum).ok()
}

fn task() -> Option<libc::proc_taskinfo> {
    let mut facts = MaybeUninit::<libc::proc_taskinfo>::zeroed();
    about_this_process(libc::PROC_PIDTASKINFO, facts.as_mut_ptr().cast(), size_of::<libc::proc_taskinfo>())?;
    // SAFETY: it holds numbers only, and all of it has been written.
    Some(unsafe { facts.assume_init() })
}

fn is_traced() -> bool {
    let mut facts = MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let length = size_of::<libc::proc_bsdinfo>();
    if about_this_process(libc::PROC_PIDTBSDINFO, facts.as_mut_ptr().cast(), length).is_none() {
        return false;
    }
    // SAFETY: it holds numbers only, and all of it has been written.
    let facts = unsafe { facts.assume_init() };
    facts.pbi_flags & TRACED != 0
}

/// Fills `length` bytes (`proc_pidinfo` of `<libproc.h>`); none where that are not exactly as many.
fn about_this_process(what: c_int, facts: *mut c_void, length: usize) -> Option<()> {
    let own = c_int::try_from(std::process::id()).ok()?;
    let length = c_int::try_from(length).ok()?;
    // SAFETY: both callers own `length` writable bytes at `facts`, and the kernel writes no more.
    let written = unsafe { libc::proc_pidinfo(own, what, 0, facts, length) };
    (written == length).then_some(())
}

/// No debugger may attach from now on: ptrace(2) with `PT_DENY_ATTACH`. Not where one holds this process already, since the
/// kernel would end it.
///
/// It stops lldb, and whatever else attaches by ptrace, of the same user. It does not stop root; nor does it close the
/// task port, by which a program that may debug reads the memory of others of its user. That, and libraries that
/// are put into the program by `DYLD_INSERT_LIBRARIES`, is stopped by a signature with the hardened runtime
/// (`codesign --options runtime`), which is up to whoever packs the program.
pub(in crate::platform::unix) fn refuse_debuggers() -> io::Result<()> {
    if is_traced() {
        return Err(io::Error::other("a debugger holds it already"));
    }
    // SAFETY: this request reads neither the process's number nor the address.
    let status = unsafe { libc::ptrace(libc::PT_DENY_ATTACH, 0, ptr::null_mut(), 0) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A child that is forked off has no such pages. There is no way to leave them out of a core file, but there is none: its
/// limit is 0.
pub(in crate::platform::unix) fn keep_from_cores_and_children(
    start: *mut c_void,
    length: usize,
) -> io::Result<()> {
    // SAFETY: this changes nothing in this process, only what a child of it gets.
    let status = unsafe { libc::minherit(start, length, libc::VM_INHERIT_NONE) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The words with which a process of the same user was started.
#[must_use]
pub fn words_of_process(process: u32) -> Option<Vec<Vec<u8>>> {
    let process = c_int::try_from(process).ok()?;
    let most = sysctl::number(c"kern.argmax").and_then(|most| usize::try_from(most).ok());
    let mut facts = vec![0; most.unwrap_or(LONGEST_WORDS)];
    let length = sysctl::by_numbers(&mut [libc::CTL_KERN, libc::KERN_PROCARGS2, process], &mut facts).ok()?;
    words_in(facts.get(..length)?)
}

/// How many words there are, the program's path, zeroes, the words, and its environment, which is nobody's business.
fn words_in(facts: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (count, rest) = facts.split_first_chunk()?;
    let count = usize::try_from(i32::from_ne_bytes(*count)).ok()?;
    let path = rest.iter().position(|byte| *byte == 0)?;
    let padding = rest[path..].iter().position(|byte| *byte != 0)?;
    let words: Vec<_> =
        rest[path + padding..].split(|byte| *byte == 0).take(count).map(<[u8]>::to_vec).collect();
    (words.len() == count).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_between_the_path_and_the_environment() {
        let facts = [&2_i32.to_ne_bytes()[..], b"/usr/bin/tokend\0\0\0\0tokend\0run\0SECRET=1\0"].concat();
        assert_eq!(words_in(&facts), Some(vec![b"tokend".to_vec(), b"run".to_vec()]));
        assert_eq!(words_in(&facts[..3]), None);
        assert_eq!(words_in(&9_i32.to_ne_bytes()), None);
    }

    #[test]
    fn this_process_has_memory_threads_and_words() {
        assert!(resident_memory().is_some_and(|bytes| bytes > 1 << 16));
        assert!(threads().is_some_and(|count| count > 0));
        assert!(words_of_process(std::process::id()).is_some_and(|words| !words.is_empty()));
    }
}
