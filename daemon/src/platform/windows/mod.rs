//! Windows.

mod access;
mod background;
pub mod children;
mod clock;
mod command_line;
mod dynamic;
pub mod files;
mod folders;
mod page;
mod pipe;
mod places;
mod process;
mod programs;
pub mod remedies;
pub mod sealed_memory;
mod security;
pub mod service;
mod signals;
pub mod systemd;
mod words;

#[cfg(test)]
pub(super) mod testing;

pub use background::{USUAL_SHELL, leave_the_terminal, spawn_apart, supervisor, write_errors_to};
pub use clock::{ClockWatch, Metronome, boot, steady_milliseconds};
pub use command_line::words_of_process;
pub use folders::{
    FileIdentity, file_identity, lock, open_file_identity, open_lock, private_folder, try_lock,
    try_lock_shared,
};
pub use page::HOW_TO_LOCK_MEMORY;
pub(super) use page::locked_page;
pub use pipe::{Listener, Stream, accept, beside, connect, is_a_file, listen, peer_user, who_listens};
pub use places::{host_name, surroundings};
pub use process::{
    close_new_files_to_others, close_to_onlookers, keep_descriptors_from_children, leaves_core_files,
    own_unit, processor_milliseconds, raise_descriptor_limit, resident_memory, stderr_is_the_journal,
    stderr_takes_colours, swap_is_on, systemd_runs, watchdog,
};
pub use security::{User, own_user};
pub use signals::{Signals, ask_to_end};
