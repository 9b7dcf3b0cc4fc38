//! Windows: consoles, security descriptors, jobs, named pipes.

mod children;
mod console;
mod control;
mod descriptor;
mod full_screen;
mod machine;
mod pass_on;
mod private;
mod programs;
mod standard;
mod terminal;
mod variables;
pub(crate) mod words;

pub(crate) use self::children::{Signals, end_as, fold_status, replace_by, spawn, spawn_apart};
pub(crate) use self::full_screen::{FullScreen, Waker, end_by};
pub(crate) use self::machine::{forbid_core_dumps, host_name, time_of_day};
pub(crate) use self::pass_on::pass_on;
pub(crate) use self::private::{Hold, hold, is_own_place, is_private, make_private_folder, write_private};
pub(crate) use self::programs::{beside_this, find_program, program};
pub(crate) use self::standard::{
    INPUT_MAY_HAVE_A_MARK, error_terminal_size, stdout_has_no_reader, stdout_was_closed, terminal_can_draw,
    terminal_needs_name, terminal_width, unbuffered_stdin, write_error, write_out,
};
pub(crate) use self::terminal::{Hushed, Keys, Terminal, Typed, show_typing_again};
pub(crate) use self::variables::{DANGEROUS_FAMILIES, DANGEROUS_VARIABLES, is_same_variable};

use super::Desktop;

/// How addresses are opened on this system's desktop: by the system's own program, never by a shell, which would read
/// `&` as the end of a command.
pub(crate) const DESKTOP: Desktop = Desktop {
    openers: &[&["rundll32", "url.dll,FileProtocolHandler"]],
    needs_display: false,
    separator: ';',
};

/// Whether there is something at this path, and it is no socket. A pipe's path can name nothing else.
pub(crate) fn is_something_else(_path: &std::path::Path) -> bool {
    false
}

#[cfg(test)]
pub(crate) mod testing {
    use std::path::Path;
    use std::process::Command;
    use std::{fs, io};

    /// Lets others write into a folder.
    pub(crate) fn open_to_others(folder: &Path) -> io::Result<()> {
        super::private::set_descriptor(folder, "D:P(A;OICI;FA;;;WD)")
    }

    /// A program.
    pub(crate) fn says_hello_and_ends_with_3() -> Command {
        cmd("echo hello& exit 3")
    }

    /// A program.
    pub(crate) fn goes_on_and_on() -> Command {
        cmd("for /L %i in (1,0,2) do @rem")
    }

    fn cmd(line: &str) -> Command {
        let mut command = Command::new("cmd");
        command.args(["/c", line]);
        command
    }

    /// Whether a file that somebody has open can have another one put in its place: since Windows 10, not in Wine 8.
    pub(crate) fn replaces_open_files() -> bool {
        let Ok(folder) = tempfile::tempdir() else { return false };
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let replace = || {
            fs::write(&old, "old")?;
            fs::write(&new, "new")?;
            let _open = fs::File::open(&old)?;
            fs::rename(&new, &old)
        };
        let can: io::Result<()> = replace();
        if let Err(error) = &can {
            eprintln!("SKIPPED: the file that somebody has open: it cannot be replaced here: {error}");
        }
        can.is_ok()
    }

    /// A path of a file that is not there, and one of something that is.
    pub(crate) const NO_FILE_AND_A_FILE: (&str, &str) = (r"C:\nonexistent\x", r"C:\");
}
