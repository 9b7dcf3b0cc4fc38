//! Whose the other end of a socket is, by what the kernel remembers of it.

use std::io;
use std::os::fd::BorrowedFd;

use interprocess::local_socket::PeerCreds;

use super::super::Peer;
use super::User;

/// What the kernel says of the other end.
pub(super) fn known(credentials: io::Result<PeerCreds>, socket: BorrowedFd<'_>) -> Peer {
    match user(credentials, socket) {
        Some(user) => Peer::User(user),
        // No process id: either no connection, or a peer of another PID namespace.
        None if rustix::net::getpeername(socket).is_err() => Peer::NotConnected,
        None => Peer::Unknown,
    }
}

#[cfg(not(target_os = "macos"))]
fn user(credentials: io::Result<PeerCreds>, _socket: BorrowedFd<'_>) -> Option<User> {
    credentials.ok().and_then(|credentials| credentials.euid()).map(User::with_uid)
}

/// `LOCAL_PEERCRED` is who made the socket listen, which may have been launchd; the audit token is who had it last. Where
/// they differ, neither may be a stranger.
#[cfg(target_os = "macos")]
fn user(_credentials: io::Result<PeerCreds>, socket: BorrowedFd<'_>) -> Option<User> {
    let maker = maker(socket)?;
    let strangers = |user: &User| !user.is_superuser() && User::own().is_ok_and(|own| own != *user);
    Some(holder(socket).filter(strangers).unwrap_or(maker))
}

/// The user who made it listen (getpeereid(3), which asks `LOCAL_PEERCRED`).
#[cfg(target_os = "macos")]
#[expect(unsafe_code, reason = "getpeereid of the C library")]
fn maker(socket: BorrowedFd<'_>) -> Option<User> {
    use std::os::fd::AsRawFd;
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: the descriptor is open for as long as it is borrowed, and both numbers' places live through the call.
    let known = unsafe { libc::getpeereid(socket.as_raw_fd(), &raw mut uid, &raw mut gid) };
    (known == 0).then(|| User::with_uid(uid))
}

/// The user of the process that had it last; nothing where this macOS does not tell.
#[cfg(target_os = "macos")]
#[expect(unsafe_code, reason = "getsockopt of the C library")]
fn holder(socket: BorrowedFd<'_>) -> Option<User> {
    use std::os::fd::AsRawFd;
    /// The level of local sockets' options (`sys/un.h`).
    const SOL_LOCAL: libc::c_int = 0;
    /// Where the effective user is in an audit token (`audit_token_to_au32` of libbsm).
    const EFFECTIVE_USER: usize = 1;
    let mut token = [0_u32; 8];
    let mut size = libc::socklen_t::try_from(size_of_val(&token)).ok()?;
    let whole = size;
    // SAFETY: the descriptor is open for as long as it is borrowed; there is as much room as is said.
    let known = unsafe {
        let room = token.as_mut_ptr().cast();
        libc::getsockopt(socket.as_raw_fd(), SOL_LOCAL, libc::LOCAL_PEERTOKEN, room, &raw mut size)
    };
    (known == 0 && size == whole).then(|| User::with_uid(token[EFFECTIVE_USER]))
}
