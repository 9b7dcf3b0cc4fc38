//! Who listens and takes nobody in, and who has the only place.

use std::path::Path;

#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};

#[cfg(windows)]
use super::platform::Listener;

/// Both of them.
#[cfg(unix)]
pub(crate) fn full(socket: &Path) -> (UnixListener, UnixStream) {
    let listener = UnixListener::bind(socket).expect("a socket");
    rustix::net::listen(&listener, 0).expect("a backlog of one");
    let first = UnixStream::connect(socket).expect("a place in the backlog");
    (listener, first)
}

/// Both of them.
#[cfg(windows)]
pub(crate) fn full(pipe: &Path) -> (Listener, std::fs::File) {
    let listener = Listener::bind(pipe);
    let first = std::fs::File::options().read(true).write(true).open(pipe).expect("the only place");
    (listener, first)
}
