//! Named pipes in the place of sockets: one for each user, which lets in that user alone and nobody by the network.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle as _, BorrowedHandle};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::windows::named_pipe::{
    ClientOptions, NamedPipeClient, NamedPipeServer, PipeMode, ServerOptions,
};
use tokio::sync::Mutex;
use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_FILE_NOT_FOUND, ERROR_PIPE_BUSY, HANDLE};
use windows_sys::Win32::Security::Authorization::SE_KERNEL_OBJECT;
use windows_sys::Win32::Storage::FileSystem::SECURITY_IDENTIFICATION;
use windows_sys::Win32::System::Pipes::{GetNamedPipeClientProcessId, GetNamedPipeServerProcessId};

use super::security::{Descriptor, User, for_its_user_alone, own_user, user_of_process};

/// How long a client waits for a pipe whose instances are all taken, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(5);

/// What one end may have written before the other has read it, in bytes.
const BUFFER: u32 = 64 * 1024;

/// The name of this user's pipe.
pub(super) fn of_user() -> PathBuf {
    PathBuf::from(format!(r"\\.\pipe\tokend-{}", own_user()))
}

/// A pipe that listens.
#[derive(Debug)]
pub struct Listener {
    path: PathBuf,
    /// The instance that waits for the next client. Nobody can make one of our name while we have one.
    waiting: Mutex<NamedPipeServer>,
}

/// One end of a connection.
#[derive(Debug)]
pub struct Stream(End);

#[derive(Debug)]
enum End {
    Server(NamedPipeServer),
    Client(NamedPipeClient),
}

/// A new pipe at `path`, which lets in its user alone from birth. Never joins one that is there.
///
/// # Errors
/// `AddrInUse` where a pipe has that name, whoever made it, and whatever else the system says.
pub fn listen(path: &Path) -> io::Result<Listener> {
    let instance = make(path, true).map_err(|error| match code(&error) {
        // With FILE_FLAG_FIRST_PIPE_INSTANCE that is the answer where there is one; busy says the same of one that has
        // no more than one instance.
        Some(ERROR_ACCESS_DENIED | ERROR_PIPE_BUSY) => io::Error::from(io::ErrorKind::AddrInUse),
        _ => error,
    })?;
    Ok(Listener { path: path.to_path_buf(), waiting: Mutex::new(instance) })
}

fn make(path: &Path, is_first: bool) -> io::Result<NamedPipeServer> {
    let descriptor = Descriptor::of(&for_its_user_alone())?;
    let mut attributes = descriptor.attributes();
    let mut options = ServerOptions::new();
    options
        .pipe_mode(PipeMode::Byte)
        .first_pipe_instance(is_first)
        .reject_remote_clients(true)
        .in_buffer_size(BUFFER)
        .out_buffer_size(BUFFER);
    // SAFETY: the attributes and the descriptor that they point to live until the call is over.
    unsafe { options.create_with_security_attributes_raw(path, (&raw mut attributes).cast::<c_void>()) }
}

/// The next connection. May be dropped and called again.
///
/// # Errors
/// When the system is short of something.
pub async fn accept(listener: &Listener) -> io::Result<Stream> {
    let mut waiting = listener.waiting.lock().await;
    let connected = waiting.connect().await;
    // Also in the place of one whose client has gone before it was greeted: that one takes no other any more.
    let next = make(&listener.path, false)?;
    let instance = std::mem::replace(&mut *waiting, next);
    drop(waiting);
    match connected {
        Ok(()) => Ok(Stream(End::Server(instance))),
        Err(error) => Err(error),
    }
}

/// Connects to the pipe at `path`. Who serves it learns who we are, but cannot act as us.
///
/// # Errors
/// There is none, it is busy, or it does not let us in.
pub async fn connect(path: &Path) -> io::Result<Stream> {
    let busy = async {
        loop {
            match open(path) {
                Err(error) if code(&error) == Some(ERROR_PIPE_BUSY) => tokio::time::sleep(LOOK).await,
                other => return other,
            }
        }
    };
    tokio::time::timeout(PATIENCE, busy).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn open(path: &Path) -> io::Result<Stream> {
    let client = ClientOptions::new().security_qos_flags(SECURITY_IDENTIFICATION).open(path)?;
    Ok(Stream(End::Client(client)))
}

/// Looks who listens at `path`.
pub async fn who_listens(path: &Path) -> crate::platform::Listens {
    use crate::platform::Listens;
    match open(path) {
        Ok(_) => Listens::Somebody,
        Err(error) => match code(&error) {
            Some(ERROR_PIPE_BUSY) => Listens::Somebody,
            Some(ERROR_FILE_NOT_FOUND) => Listens::Nobody,
            _ => Listens::Unknown(error),
        },
    }
}

/// Whether a socket with this name is a file, which others can replace and which may vanish. A pipe's name is its
/// first server's as long as that lives.
#[must_use]
pub fn is_a_file(_socket: &Path) -> bool {
    false
}

/// The name of another socket of the same daemon: `name` tells it from the others. A whole pipe's name is taken as it
/// is.
#[must_use]
pub fn beside(socket: &Path, name: &Path) -> PathBuf {
    if name.is_absolute() {
        return name.to_path_buf();
    }
    let mut whole = socket.as_os_str().to_owned();
    whole.push("-");
    whole.push(name);
    whole.into()
}

/// The user at the other end, by the system's word.
///
/// # Errors
/// When the system does not say.
pub fn peer_user(stream: &Stream) -> io::Result<User> {
    match user_of_process(peer_process(stream)?) {
        // A program of this user that runs with more rights keeps its token to itself. The access list has let in nobody
        // else, if it is still ours.
        Err(error) if code(&error) == Some(ERROR_ACCESS_DENIED) && lets_in_its_user_alone(stream) => {
            Ok(own_user())
        }
        known => known,
    }
}

/// The process at the other end.
fn peer_process(stream: &Stream) -> io::Result<u32> {
    let mut process = 0;
    let handle: HANDLE = stream.handle().as_raw_handle();
    let told = match stream.0 {
        // SAFETY: the handle is open as long as the stream is, and the number is written where it belongs.
        End::Server(_) => unsafe { GetNamedPipeClientProcessId(handle, &raw mut process) },
        // SAFETY: as above.
        End::Client(_) => unsafe { GetNamedPipeServerProcessId(handle, &raw mut process) },
    };
    if told == 0 { Err(io::Error::last_os_error()) } else { Ok(process) }
}

/// Whether a pipe of ours has the descriptor that it was made with.
fn lets_in_its_user_alone(stream: &Stream) -> bool {
    let text = |descriptor: io::Result<Descriptor>| descriptor.and_then(|descriptor| descriptor.text());
    let wanted = text(Descriptor::of(&for_its_user_alone()));
    let found = text(Descriptor::read(stream.handle(), SE_KERNEL_OBJECT));
    // Once set, the general right is spelled out as those of files.
    // Nothing comes down to a pipe from above, so that not every system keeps that it is protected.
    let plain = |text: &str| text.replace(";FA;", ";GA;").replace("D:P(", "D:(").replace("D:AI(", "D:(");
    let same = |found: &str, wanted: &str| plain(found) == plain(wanted);
    matches!((found, wanted), (Ok(found), Ok(wanted)) if same(&found, &wanted))
}

fn code(error: &io::Error) -> Option<u32> {
    error.raw_os_error().map(i32::cast_unsigned)
}

impl Stream {
    fn handle(&self) -> BorrowedHandle<'_> {
        let handle = match &self.0 {
            End::Server(end) => end.as_raw_handle(),
            End::Client(end) => end.as_raw_handle(),
        };
        // SAFETY: it is open as long as the stream is, which is borrowed.
        unsafe { BorrowedHandle::borrow_raw(handle) }
    }

    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.0 {
            End::Server(end) => end.poll_read_ready(context),
            End::Client(end) => end.poll_read_ready(context),
        }
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.0 {
            End::Server(end) => end.poll_write_ready(context),
            End::Client(end) => end.poll_write_ready(context),
        }
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            End::Server(end) => end.try_read(buffer),
            End::Client(end) => end.try_read(buffer),
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            End::Server(end) => end.try_write(bytes),
            End::Client(end) => end.try_write(bytes),
        }
    }
}

impl AsyncRead for &Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_read_ready(context))?;
            match self.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The other end has gone: that is the end of what it sent.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for &Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_write_ready(context))?;
            match self.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What was taken is on its way, also when this end is closed.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_shutdown(context)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test should fail with the place")]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::platform::Listens;

    fn name(of: &str) -> PathBuf {
        PathBuf::from(format!(r"\\.\pipe\tokend-trial-{of}-{}", std::process::id()))
    }

    #[tokio::test]
    async fn it_lets_in_its_user_alone_as_its_descriptor_says() {
        let path = name("descriptor");
        let listener = listen(&path).unwrap();
        let client = connect(&path).await.unwrap();
        let server = accept(&listener).await.unwrap();
        for stream in [&client, &server] {
            let text = Descriptor::read(stream.handle(), SE_KERNEL_OBJECT).unwrap().text().unwrap();
            let user = own_user();
            let wanted = ["GA", "FA"].map(|all| format!("O:{user}D:P(D;;{all};;;NU)(A;;{all};;;{user})"));
            assert!(wanted.contains(&text), "{text}");
            assert!(lets_in_its_user_alone(stream));
            assert_eq!(peer_user(stream).unwrap(), own_user());
            assert_eq!(peer_process(stream).unwrap(), std::process::id());
        }
        assert!(own_user().is_trusted() && own_user().as_str().starts_with("S-1-5-"));
    }

    #[tokio::test]
    async fn what_is_written_arrives_also_from_who_has_gone_since() {
        let path = name("bytes");
        assert!(matches!(who_listens(&path).await, Listens::Nobody));
        let listener = listen(&path).unwrap();
        for round in 0..20_u8 {
            let mut client = connect(&path).await.unwrap();
            let mut server = accept(&listener).await.unwrap();
            client.write_all(&vec![round; 100_000]).await.unwrap();
            server.write_all(&[round]).await.unwrap();
            let mut got = vec![0; 100_000];
            server.read_exact(&mut got).await.unwrap();
            assert!(got.iter().all(|byte| *byte == round));
            drop(server);
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.unwrap();
            assert_eq!(rest, [round]);
        }
    }

    #[tokio::test]
    async fn who_comes_and_goes_at_once_keeps_nobody_out() {
        let path = name("hasty");
        let listener = listen(&path).unwrap();
        for _ in 0..5 {
            drop(connect(&path).await.unwrap());
            // It is a connection that has ended, or none.
            let _ = accept(&listener).await;
        }
        let accepting = async {
            loop {
                if let Ok(stream) = accept(&listener).await {
                    let mut byte = [0];
                    if matches!((&stream).read(&mut byte).await, Ok(1)) {
                        return byte;
                    }
                }
            }
        };
        let calling = async {
            let mut client = connect(&path).await.unwrap();
            client.write_all(b"x").await.unwrap();
            client
        };
        let (byte, _client) = tokio::join!(accepting, calling);
        assert_eq!(byte, *b"x");
    }

    #[tokio::test]
    async fn a_name_that_is_taken_is_not_shared() {
        let path = name("taken");
        let first = listen(&path).unwrap();
        match listen(&path) {
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::AddrInUse),
            Ok(_) => crate::platform::testing::skip(
                "a name that is taken",
                "this system does not enforce FILE_FLAG_FIRST_PIPE_INSTANCE (Wine 8)",
            ),
        }
        drop(first);
        assert!(listen(&path).is_ok());
    }

    #[test]
    fn another_socket_of_the_same_daemon_has_a_name_of_its_own() {
        let own = Path::new(r"\\.\pipe\tokend-S-1-5-21-7");
        assert_eq!(beside(own, Path::new("metrics")), Path::new(r"\\.\pipe\tokend-S-1-5-21-7-metrics"));
        let other = Path::new(r"\\.\pipe\metrics");
        assert_eq!(beside(own, other), other);
    }
}
