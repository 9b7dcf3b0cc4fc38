//! Unix: signals, modes, sockets that are files.

mod files;
pub mod notifications;
mod processes;
mod pty;
mod readiness;
pub mod remedies;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A connection to a daemon.
pub use std::os::unix::net::UnixStream as Stream;

/// What waits for such connections.
pub use std::os::unix::net::UnixListener as Listener;

/// What others take a descriptor of this process as.
pub use std::os::fd::OwnedFd as Passed;

pub use files::{
    chown, device_and_number, fifo, give_away, is_private, is_socket, mode, number, open_private, owner,
    private_folder, read_exact_at, replace, set_mode, symlink, write_program,
};
pub use processes::{
    Signal, as_user, cpu_seconds, ended_by, exit_code, is_root, is_running, leads_a_group, memory_peak_kib,
    own_memory_peak_kib, own_user, room_for, signal, signal_group, this_program, until_asked_to_end,
};
pub use pty::{Hand, open_terminal, terminal_settings};
pub use readiness::Readiness;

/// What a program takes of memory before it does anything, in KiB, beyond what tests allow.
pub const PROGRAM_KIB: u64 = 0;

/// So many of what a test does so often, where each takes a program that is started: all of them.
#[must_use]
pub const fn share(amount: usize) -> usize {
    amount
}

/// The words of a command that prints this.
#[must_use]
pub fn prints(text: &str) -> Vec<String> {
    ["printf", "%s", text].map(str::to_owned).to_vec()
}

/// The words of `tokend env` for a shell of Unix.
pub const ENV: &[&str] = &["env"];

/// Where the daemon of a home listens.
#[must_use]
pub fn address(home: &Path) -> PathBuf {
    home.join("run/tokend/tokend.sock")
}

/// Some other place in this home where something can listen.
#[must_use]
pub fn address_called(home: &Path, name: &str) -> PathBuf {
    home.join("run").join(name)
}

/// Where another socket of this name is, beside the daemon's.
#[must_use]
pub fn beside(address: &Path, name: &str) -> PathBuf {
    address.with_file_name(name)
}

/// Whether something is at this place, listening or left.
#[must_use]
pub fn is_there(address: impl AsRef<Path>) -> bool {
    address.as_ref().exists()
}

/// The folder in which a daemon listens, where there is one.
#[must_use]
pub fn folder_of(address: &Path) -> Option<&Path> {
    address.parent()
}

/// Connects to whoever listens there.
///
/// # Errors
/// The system's: nobody listens there.
pub fn connect(address: impl AsRef<Path>) -> io::Result<Stream> {
    Stream::connect(address)
}

/// Listens there.
///
/// # Errors
/// The system's.
pub fn listen(address: impl AsRef<Path>) -> io::Result<Listener> {
    Listener::bind(address)
}

/// Listens there, and answers each read of a connection with the same bytes, as few doings as a server can have: requests
/// smaller than a page that come one at a time are a read each. Ends when it cannot listen.
///
/// # Errors
/// The system's.
pub async fn answer_each_read(address: &Path, answer: &[u8], is_ready: impl FnOnce()) -> io::Result<()> {
    let listener = tokio::net::UnixListener::bind(address)?;
    is_ready();
    loop {
        let (mut stream, _) = listener.accept().await?;
        let answer = answer.to_vec();
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// What a program needs besides, in a home at this place; nothing here.
pub fn surround(_command: &mut Command, _home: &Path) {}

/// How the names of programs end that a person has written.
pub const SCRIPT_ENDING: &str = "";

/// A program that the system has, by its whole path: in the place of the one that the README names.
pub const LOGGER: &str = "/usr/bin/logger";

/// Starts a program.
///
/// # Errors
/// What the system says.
pub fn starting<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    start()
}
