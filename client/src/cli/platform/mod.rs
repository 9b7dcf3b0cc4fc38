//! What `tok` needs of the operating system beyond the standard library: the only home of `unsafe` in this program.

#[cfg(unix)]
mod full_screen;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use full_screen::{FullScreen, Waker, end_by};
#[cfg(unix)]
pub(crate) use programs::{beside_this, find_program};
#[cfg(unix)]
pub(crate) use terminal::{Hushed, Keys, Terminal, Typed, show_typing_again};
#[cfg(unix)]
pub(crate) use unix::{
    DESKTOP, Event, Signals, error_terminal_size, fold_status, forbid_core_dumps, host_name, is_private,
    is_something_else, make_private_folder, pass_on, replace_by, spawn, spawn_apart, stdout_has_no_reader,
    stdout_was_closed, terminal_width, time_of_day, unbuffered_stdin, write_out, write_private,
};

/// How addresses are opened on a desktop of this system.
#[derive(Debug)]
pub(crate) struct Desktop {
    /// Programs that open one, the first that is there, each with the words before the address.
    pub(crate) openers: &'static [&'static [&'static str]],
    /// Whether a process is on a desktop only where a variable names its display.
    pub(crate) needs_display: bool,
}

#[cfg(not(unix))]
compile_error!("tok is not built for this system yet; Windows is an issue of its own");
