//! What systemd passes to a service, and what a service tells it: `sd_listen_fds(3)`, `sd_notify(3)`,
//! `sd_watchdog_enabled(3)`. launchd's sockets are passed on in the same way.
//!
//! Not by a crate: what is told must never hold up who is served, a descriptor may go with it, and the variables are gone
//! before anything else could read them.

#![expect(unsafe_code, reason = "descriptors that are passed as numbers, and the environment")]

mod passed;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::io::FdFlags;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketType, sockopt,
};
use rustix::time::{ClockId, clock_gettime};

use super::{Listener, system};

/// The name of the socket's descriptor in the socket unit (`FileDescriptorName=`).
pub const SOCKET_NAME: &str = "tokend";

/// What is told at most waits so long for a systemd that does not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// A descriptor that is passed from one process to the next.
pub type Descriptor = OwnedFd;

/// What systemd, or launchd, passed to this process.
#[derive(Debug, Default)]
pub struct Passed {
    /// The listening sockets; more than one only where `trouble` says so.
    pub sockets: Vec<Descriptor>,
    /// What is wrong with what was passed.
    pub trouble: Option<String>,
    /// What was kept in the descriptor store under the name that was asked for.
    pub stored: Vec<Descriptor>,
    /// The names of whatever else was there; it has been closed.
    pub foreign: Vec<String>,
    /// The process that descriptors were meant for, where that is another.
    pub meant_for: Option<u32>,
    /// Who is told.
    pub notifier: Notifier,
    /// The watchdog's time, if there is one for this process.
    pub watchdog: Option<Duration>,
}

impl Passed {
    /// Reads what was passed, and takes it out of the environment, so that no child finds it. Before this process has
    /// a second thread, or opens anything; `stored` is the name of what it keeps in the descriptor store.
    #[must_use]
    pub fn take(stored: &str) -> Self {
        let variable = |name: &str| std::env::var_os(name);
        let text = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
        let own = std::process::id();
        let listing =
            passed::descriptors(text("LISTEN_PID"), text("LISTEN_FDS"), text("LISTEN_FDNAMES"), own);
        // Before a descriptor of our own is made, which could have a number that was only claimed.
        let listing = listing.map(|listing| match listing {
            passed::Listing::Ours(named) => Ok(named.into_iter().map(owned).collect::<Vec<_>>()),
            passed::Listing::Another(process) => Err(process),
        });
        let mut taken = Self {
            // One that is no Unix socket (a machine's VSOCK) is for the manager of that machine.
            notifier: variable("NOTIFY_SOCKET")
                .and_then(|address| Notifier::to(address.as_bytes()).ok())
                .unwrap_or_default(),
            watchdog: passed::watchdog(text("WATCHDOG_PID"), text("WATCHDOG_USEC"), own),
            ..Self::default()
        };
        forget_variables();
        match listing {
            Ok(Ok(owned)) => taken.sort(owned, stored),
            Ok(Err(process)) => taken.meant_for = Some(process),
            Err(why) => taken.trouble = Some(why),
        }
        // After the variables: threads may run from now on.
        taken.adopt(system::passed());
        taken
    }

    /// Sockets that were not passed by variables.
    fn adopt(&mut self, sockets: Vec<OwnedFd>) {
        for socket in sockets {
            if !is_listening_unix_socket(socket.as_fd()) {
                self.complain(format!(
                    "what launchd passes as {SOCKET_NAME} is no Unix socket (SockPathName)"
                ));
                continue;
            }
            if !self.sockets.is_empty() {
                self.complain(format!("launchd passes more than one socket as {SOCKET_NAME} (Sockets)"));
            }
            self.sockets.push(socket);
        }
    }

    fn sort(&mut self, owned: Vec<Owned>, stored: &str) {
        for Owned { number, name, descriptor } in owned {
            let Some(descriptor) = descriptor else {
                self.complain(format!("descriptor {number} of $LISTEN_FDS is not open"));
                continue;
            };
            let is_listening = is_listening_unix_socket(descriptor.as_fd());
            let is_socket = rustix::net::getsockname(&descriptor).is_ok();
            // What a socket unit without a name has, and a starter that gives none.
            let is_ours = [SOCKET_NAME, "tokend.socket", passed::NAMELESS].contains(&&*name);
            if name == stored {
                self.stored.push(descriptor);
            } else if is_listening {
                if !is_ours {
                    self.complain(format!(
                        "the socket that was passed is called {name:?}, not {SOCKET_NAME:?} (FileDescriptorName=)"
                    ));
                } else if !self.sockets.is_empty() {
                    self.complain("$LISTEN_FDS passes more than one socket (ListenStream=)".to_owned());
                }
                self.sockets.push(descriptor);
            } else if is_ours || is_socket {
                self.complain(format!(
                    "descriptor {number} of $LISTEN_FDS ({name}) is no listening Unix stream socket"
                ));
            } else {
                self.foreign.push(name);
            }
        }
    }

    fn complain(&mut self, what: String) {
        self.trouble.get_or_insert(what);
    }
}

/// A descriptor that was passed.
struct Owned {
    number: RawFd,
    name: String,
    /// None where nothing is open under that number.
    descriptor: Option<OwnedFd>,
}

fn owned((number, name): (RawFd, String)) -> Owned {
    Owned { number, name, descriptor: own(number) }
}

/// Only while nobody else can be reading the environment.
fn forget_variables() {
    if system::threads() != Some(1) {
        return;
    }
    for name in
        ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"]
    {
        // SAFETY: this is the only thread of the process, as the kernel has just said.
        unsafe { std::env::remove_var(name) };
    }
}

/// The descriptor with this number, closed to children from now on; none where there is none.
fn own(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: the number is not negative, and is only used for fcntl, which answers EBADF where nothing is open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    let flags = rustix::io::fcntl_getfd(borrowed).ok()?;
    rustix::io::fcntl_setfd(borrowed, flags | FdFlags::CLOEXEC).ok()?;
    // SAFETY: it is open, and sd_listen_fds(3) gives it to this process alone; nobody else here owns it.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

fn is_listening_unix_socket(descriptor: BorrowedFd<'_>) -> bool {
    rustix::net::getsockname(descriptor).is_ok_and(|name| name.address_family() == AddressFamily::UNIX)
        && sockopt::socket_type(descriptor).is_ok_and(|kind| kind == SocketType::STREAM)
        && system::is_listening(descriptor)
}

/// A listening socket that was passed, to be accepted from, and where it is bound, if it is to a path.
///
/// # Errors
/// As fcntl(2).
pub fn listener(socket: Descriptor) -> io::Result<(Listener, Option<PathBuf>)> {
    let path = bound_path(socket.as_fd());
    let listener = interprocess::os::unix::uds_local_socket::tokio::Listener::try_from(socket)?;
    Ok((Listener::from(listener), path))
}

fn bound_path(socket: BorrowedFd<'_>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let name = SocketAddrUnix::try_from(rustix::net::getsockname(socket).ok()?).ok()?;
    let bytes = name.path()?.to_bytes().to_vec();
    Some(PathBuf::from(std::ffi::OsString::from_vec(bytes))).filter(|path| path.is_absolute())
}

/// Microseconds of `CLOCK_MONOTONIC`, by which systemd tells one reload from another.
#[must_use]
pub fn monotonic_microseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0) / 1000)
}

/// Tells systemd, where it listens.
#[derive(Debug, Clone, Default)]
pub struct Notifier(Option<Arc<Ear>>);

#[derive(Debug)]
struct Ear {
    socket: OwnedFd,
    address: SocketAddrUnix,
    /// Whether a failure was logged: once is enough.
    has_complained: AtomicBool,
}

impl Notifier {
    /// Tells who listens at `$NOTIFY_SOCKET`: a path, or `@` and a name.
    fn to(address: &[u8]) -> io::Result<Self> {
        let address = match address {
            [b'/', ..] => SocketAddrUnix::new(std::ffi::OsStr::from_bytes(address)),
            [b'@', name @ ..] => system::abstract_address(name),
            _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "it is no Unix socket")),
        }?;
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::DGRAM, None)?;
        rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(PATIENCE))?;
        Ok(Self(Some(Arc::new(Ear { socket, address, has_complained: AtomicBool::new(false) }))))
    }

    /// Whether anybody is told.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    /// Tells something that may be lost where systemd has no time to read: whether it was not.
    #[must_use]
    pub fn mention(&self, lines: &[&str]) -> bool {
        self.send(lines, &[], SendFlags::DONTWAIT)
    }

    /// Tells something that matters, and waits a moment for a systemd that is busy.
    pub fn tell(&self, lines: &[&str]) {
        self.send(lines, &[], SendFlags::empty());
    }

    /// The same, with a descriptor: whether it was sent.
    #[must_use]
    pub fn hand_over(&self, lines: &[&str], descriptor: &Descriptor) -> bool {
        self.send(lines, &[descriptor.as_fd()], SendFlags::empty())
    }

    fn send(&self, lines: &[&str], descriptors: &[BorrowedFd<'_>], flags: SendFlags) -> bool {
        let Some(ear) = &self.0 else { return false };
        let message = lines.join("\n");
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let parts = [io::IoSlice::new(message.as_bytes())];
        let flags = flags | system::NO_SIGNAL;
        let sent = rustix::io::retry_on_intr(|| {
            rustix::net::sendmsg_addr(&ear.socket, &ear.address, &parts, &mut control, flags)
        });
        match sent {
            Ok(_) => true,
            // What could be lost is lost.
            Err(rustix::io::Errno::AGAIN) => false,
            Err(error) => {
                if !ear.has_complained.swap(true, Ordering::Relaxed) {
                    tracing::debug!(%error, "systemd cannot be told");
                }
                false
            }
        }
    }
}
