//! Sockets where fchmod(2) does not reach them, and where each has a file.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use interprocess::local_socket::ListenerOptions;
use rustix::net::SocketAddrUnix;

use crate::platform::Listener;

/// A new socket that is open to its user alone: from birth by this process's mask, which is set before it makes anything,
/// and by its mode a moment later whatever the mask is. Nobody else can exchange it meanwhile, since its folder is closed
/// to whoever would write there.
pub(in crate::platform::unix) fn bind(options: ListenerOptions<'_>, path: &Path) -> io::Result<Listener> {
    let listener = options.create_tokio()?;
    fs::set_permissions(path, Permissions::from_mode(0o600)).inspect_err(|_| {
        // What is open to others must not stay. If it cannot be removed either, the error says so already.
        let _ = fs::remove_file(path);
    })?;
    Ok(listener)
}

/// There are no sockets without a file.
pub(in crate::platform::unix) fn abstract_address(_name: &[u8]) -> rustix::io::Result<SocketAddrUnix> {
    Err(rustix::io::Errno::AFNOSUPPORT)
}
