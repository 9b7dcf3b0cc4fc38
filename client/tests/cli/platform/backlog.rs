//! Who listens and takes nobody in, and who has the only place.

use std::path::Path;

#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};

#[cfg(windows)]
use super::platform::{Listener, Stream};

/// What takes the next one in, and who has the only place.
#[cfg(unix)]
pub(crate) fn full(socket: &Path) -> (impl FnMut() -> UnixStream, UnixStream) {
    let listener = UnixListener::bind(socket).expect("a socket");
    rustix::net::listen(&listener, 0).expect("a backlog of one");
    let first = UnixStream::connect(socket).expect("a place in the backlog");
    (move || listener.accept().expect("a connection").0, first)
}

/// What takes the next one in, and who has the only place.
#[cfg(windows)]
pub(crate) fn full(pipe: &Path) -> (impl FnMut() -> Stream, std::fs::File) {
    let mut listener = Listener::bind(pipe);
    let first = std::fs::File::options().read(true).write(true).open(pipe).expect("the only place");
    (move || listener.accept().expect("a connection"), first)
}
