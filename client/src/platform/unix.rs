//! Unix: uids, `/run/user`, the credentials of a socket's peer.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use interprocess::local_socket::traits::StreamCommon;
use interprocess::local_socket::{PeerCreds, Stream};
use rustix::process::geteuid;
use tokend_proto::places::Surroundings;

use super::Peer;

/// What the places depend on. The folder of `/run` and the host's name are looked up only where no variable
/// decides before them.
pub(crate) fn surroundings() -> Surroundings {
    let mut found = Surroundings {
        tokend_sock: std::env::var_os("TOKEND_SOCK"),
        xdg_runtime_dir: std::env::var_os("XDG_RUNTIME_DIR"),
        ..Surroundings::default()
    };
    let set =
        |variable: &Option<std::ffi::OsString>| variable.as_ref().is_some_and(|value| !value.is_empty());
    if set(&found.tokend_sock) || set(&found.xdg_runtime_dir) && found.socket().is_ok() {
        return found;
    }
    found.run_user = run_user();
    if found.run_user.is_none() { all_surroundings() } else { found }
}

/// The same, with all that may be asked of them.
pub(crate) fn all_surroundings() -> Surroundings {
    Surroundings {
        tokend_sock: std::env::var_os("TOKEND_SOCK"),
        xdg_runtime_dir: std::env::var_os("XDG_RUNTIME_DIR"),
        xdg_state_home: std::env::var_os("XDG_STATE_HOME"),
        xdg_config_home: std::env::var_os("XDG_CONFIG_HOME"),
        xdg_data_home: std::env::var_os("XDG_DATA_HOME"),
        // As tokend does: without HOME, what the system's list of users says.
        home: std::env::home_dir().map(PathBuf::into_os_string),
        run_user: run_user(),
        pipe: None,
        folders: None,
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    }
}

/// The user that this process acts as.
pub(crate) fn own_uid() -> u32 {
    geteuid().as_raw()
}

/// Who listens at the other end.
pub(crate) fn peer(stream: &Stream) -> Peer {
    let Stream::UdSocket(socket) = stream;
    known(stream.peer_creds(), socket.as_fd())
}

/// Who listens at the other end.
#[cfg(feature = "tokio")]
pub(crate) fn peer_of_async(stream: &interprocess::local_socket::tokio::Stream) -> Peer {
    let interprocess::local_socket::tokio::Stream::UdSocket(socket) = stream;
    known(stream.peer_creds(), socket.as_fd())
}

fn known(credentials: io::Result<PeerCreds>, socket: BorrowedFd<'_>) -> Peer {
    match credentials.ok().and_then(|credentials| credentials.euid()) {
        Some(uid) => Peer::Uid(uid),
        // No process id: either no connection, or a peer of another PID namespace.
        None if rustix::net::getpeername(socket).is_err() => Peer::NotConnected,
        None => Peer::Unknown,
    }
}

/// `/run/user/UID`, if it is this user's and closed to others.
fn run_user() -> Option<PathBuf> {
    let uid = own_uid();
    let folder = PathBuf::from(format!("/run/user/{uid}"));
    let found = rustix::fs::stat(&folder).ok()?;
    let kind = rustix::fs::FileType::from_raw_mode(found.st_mode);
    (kind.is_dir() && found.st_uid == uid && found.st_mode & 0o777 == 0o700).then_some(folder)
}
