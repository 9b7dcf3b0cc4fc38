//! Unix: sockets, and what ends a process.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// A connection of a stand-in daemon.
pub(crate) type Stream = UnixStream;

/// What a stand-in daemon listens on.
pub(crate) struct Listener(UnixListener);

impl Listener {
    /// Listens there.
    pub(crate) fn bind(socket: &Path) -> Self {
        Self(UnixListener::bind(socket).expect("a socket"))
    }

    /// The next connection; nothing where nobody can connect any more.
    pub(crate) fn accept(&mut self) -> Option<Stream> {
        self.0.accept().ok().map(|(stream, _)| stream)
    }

    /// Another one may listen there.
    pub(crate) fn give_way(socket: &Path) {
        Self::vanish(socket);
    }

    /// From here on nobody can connect.
    pub(crate) fn vanish(socket: &Path) {
        std::fs::remove_file(socket).expect("the socket");
    }
}

/// Where a daemon of this home listens.
pub(crate) fn socket_in(home: &Path) -> PathBuf {
    let folder = home.join("run");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join("tokend.sock")
}

/// The exit status; one below 0 for a signal.
pub(crate) fn code_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| -status.signal().unwrap_or(0))
}

/// This is its home.
pub(crate) fn live_in(command: &mut Command, home: &Path) {
    command.env("HOME", home);
}

/// What every program needs of the environment: nothing.
pub(crate) fn keep_what_programs_need(_: &mut Command) {}

/// Where programs are.
pub(crate) const USUAL_PATH: &str = "/usr/bin:/bin";

/// What tells how the daemon is started.
pub(crate) const START: &str = "systemctl --user start tokend.socket";

/// This machine's name, as `tok` and `tokend` know it.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// By another process: a file that this one has open for writing, if only until a thread's child has become another
/// program, cannot be run.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    let copy = Command::new("cp").args([from, to]).status();
    assert!(copy.is_ok_and(|status| status.success()), "{} cannot be copied", from.display());
}

/// A program that writes its words to this file, a line each call, and ends well.
pub(crate) fn make_idle_program(path: &Path, words: &Path) {
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\n", words.display());
    let folder = path.parent().expect("a folder");
    let plain = folder.join("idle.sh");
    std::fs::write(&plain, script).expect("a script");
    let made = Command::new("install").args(["-m", "755"]).args([&plain, path]).status();
    assert!(made.is_ok_and(|status| status.success()), "{} cannot be made", path.display());
}

/// Starts a program.
pub(crate) fn starting<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    start()
}
