//! What `tok` needs of the operating system beyond the standard library: the only home of `unsafe` in this program.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(crate) use system::{
    DANGEROUS_FAMILIES, DANGEROUS_VARIABLES, DESKTOP, FullScreen, Hold, Hushed, INPUT_MAY_HAVE_A_MARK, Keys,
    Signals, Terminal, Typed, Waker, beside_this, end_as, end_by, error_terminal_size, find_program,
    fold_status, forbid_core_dumps, hold, host_name, is_own_place, is_private, is_same_variable,
    is_something_else, make_private_folder, pass_on, program, replace_by, show_typing_again, spawn,
    spawn_apart, stdout_has_no_reader, stdout_was_closed, terminal_can_draw, terminal_needs_name,
    terminal_width, time_of_day, unbuffered_stdin, words, write_error, write_out, write_private,
};

#[cfg(test)]
pub(crate) use system::testing;

/// How addresses are opened on a desktop of this system.
#[derive(Debug)]
pub(crate) struct Desktop {
    /// Programs that open one, the first that is there, each with the words before the address.
    pub(crate) openers: &'static [&'static [&'static str]],
    /// Whether a process is on a desktop only where a variable names its display.
    pub(crate) needs_display: bool,
    /// What stands between the programs in `$BROWSER`.
    pub(crate) separator: char,
}
