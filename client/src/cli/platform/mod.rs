//! What `tok` needs of the operating system beyond the standard library: the only home of `unsafe` in this program.

#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use programs::{beside_this, find_program};
#[cfg(unix)]
pub(crate) use terminal::{Keys, Terminal, Typed};
#[cfg(unix)]
pub(crate) use unix::{
    Event, Signals, fold_status, forbid_core_dumps, is_private, make_private_folder, pass_on, replace_by,
    spawn, stdout_was_closed, terminal_width, unbuffered_stdin, write_out, write_private,
};

#[cfg(not(unix))]
compile_error!("tok is not built for this system yet; Windows is an issue of its own");
