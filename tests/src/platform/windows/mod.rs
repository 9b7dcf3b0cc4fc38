//! Windows: named pipes, an event that asks a daemon to end, descriptors of security.

mod descriptors;
mod files;
mod pipes;
mod processes;
mod readiness;
pub mod remedies;
mod wide;

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::windows::named_pipe::ServerOptions;

pub use descriptors::{descriptor_of_file, descriptor_of_pipe, own_user};
pub use files::{
    chown, device_and_number, fifo, give_away, is_private, is_socket, mode, number, open_private, owner,
    private_folder, read_exact_at, replace, set_mode, symlink, write_program,
};
pub use pipes::{Listener, Stream, connect, listen, listen_as};
pub use processes::{
    Signal, break_group, cpu_seconds, exit_code, is_root, is_running, is_wine, leads_a_group,
    memory_peak_kib, own_memory_peak_kib, room_for, signal, signal_group, this_program, until_asked_to_end,
};
pub use readiness::Readiness;

/// What a program takes of memory before it does anything, in KiB, beyond what tests allow: its own pages, which Wine
/// counts as the process's.
pub const PROGRAM_KIB: u64 = 32 * 1024;

/// So many of what a test does so often, where each takes a program that is started: a fifth, since a start takes many
/// times as long here, and some tenths of a second with Wine.
#[must_use]
pub const fn share(amount: usize) -> usize {
    amount.div_ceil(5)
}

/// The words of a command that prints this.
#[must_use]
pub fn prints(text: &str) -> Vec<String> {
    ["cmd", "/c", "echo", text].map(str::to_owned).to_vec()
}

/// The words of `tokend env` for a shell of Unix.
pub const ENV: &[&str] = &["env", "--shell", "sh"];

/// Where the daemon of a home listens: a pipe of its own, since pipes are in no folder.
#[must_use]
pub fn address(home: &Path) -> PathBuf {
    address_called(home, "tokend")
}

/// Some other place of this home where something can listen.
#[must_use]
pub fn address_called(home: &Path, name: &str) -> PathBuf {
    let home = home.file_name().unwrap_or_default().to_string_lossy().into_owned();
    PathBuf::from(format!(r"\\.\pipe\{home}-{name}"))
}

/// Where another pipe of this name is, beside the daemon's.
#[must_use]
pub fn beside(address: &Path, name: &str) -> PathBuf {
    PathBuf::from(format!("{}-{name}", address.display()))
}

/// Whether something is at this place.
#[must_use]
pub fn is_there(address: impl AsRef<Path>) -> bool {
    pipes::is_open(address.as_ref())
}

/// The folder in which a daemon listens, where there is one: pipes are in none.
#[must_use]
pub const fn folder_of(_address: &Path) -> Option<&Path> {
    None
}

/// Listens there, and answers each read of a connection with the same bytes, as few doings as a server can have: requests
/// smaller than a page that come one at a time are a read each. Ends when it cannot listen.
///
/// # Errors
/// The system's.
pub async fn answer_each_read(address: &Path, answer: &[u8], is_ready: impl FnOnce()) -> io::Result<()> {
    let mut next = ServerOptions::new().first_pipe_instance(true).create(address)?;
    is_ready();
    loop {
        next.connect().await?;
        let mut stream = std::mem::replace(&mut next, ServerOptions::new().create(address)?);
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

/// What a program needs besides, in a home at this place: the pipe, the home by the names that Windows' programs know,
/// and what every program there has.
pub fn surround(command: &mut Command, home: &Path) {
    command
        .env("TOKEND_SOCK", address(home))
        .env("USERPROFILE", home.join("home"))
        .env("APPDATA", home.join("home"))
        .env("LOCALAPPDATA", home.join("home"));
    for name in
        ["SystemRoot", "SystemDrive", "windir", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERNAME", "USERDOMAIN"]
    {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    // Of Wine, which is no Windows without its prefix.
    for (name, value) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WINE")) {
        command.env(name, value);
    }
}

/// How the names of programs end that a person has written.
pub const SCRIPT_ENDING: &str = ".cmd";

/// A program that the system has, by its whole path: in the place of the one that the README names.
pub const LOGGER: &str = "C:/Windows/System32/cmd.exe";

/// Starts a program. Wine 8 fails to now and then where many are started, as `ERROR_INTERNAL_ERROR`: then once more.
///
/// # Errors
/// What the system says.
pub fn starting<T>(mut start: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..8 {
        match start() {
            Err(error) if error.raw_os_error() == Some(1359) => {}
            other => return other,
        }
    }
    start()
}
