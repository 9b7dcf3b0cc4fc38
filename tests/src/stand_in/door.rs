//! A port on loopback that can be closed and opened again, and the thread that serves it meanwhile.

use std::fmt;
use std::future::Future;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

use crate::sandbox::eventually;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

type Serve = Box<dyn Fn(TcpListener) -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync>;

/// An own port, served while it is open.
pub(super) struct Door {
    address: SocketAddr,
    serve: Arc<Serve>,
    state: Mutex<State>,
}

enum State {
    Open(Running),
    /// The port stays bound but is not listened on: connections are refused, and nobody else can take it.
    Closed(TcpSocket),
    /// Only while it goes from one to the other.
    Between,
}

impl Door {
    /// Opens a reserved port; `serve` is called anew at each opening.
    pub(super) fn new<F>(reserved: Reserved, serve: impl Fn(TcpListener) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let Reserved { socket, address } = reserved;
        let serve: Serve = Box::new(move |listener| Box::pin(serve(listener)));
        let door = Self { address, serve: Arc::new(serve), state: Mutex::new(State::Closed(socket)) };
        door.open();
        door
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection and refuses new ones.
    pub(super) fn close(&self) {
        let mut state = self.state();
        *state = match std::mem::replace(&mut *state, State::Between) {
            State::Open(running) => {
                // First, since a port that is listened on cannot be bound.
                drop(running);
                State::Closed(bind(self.address))
            }
            other => other,
        };
    }

    pub(super) fn open(&self) {
        let mut state = self.state();
        *state = match std::mem::replace(&mut *state, State::Between) {
            State::Closed(socket) => State::Open(Running::start(socket, Arc::clone(&self.serve))),
            other => other,
        };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while opening or closing")
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A free port that is bound and not yet listened on.
pub(super) struct Reserved {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Reserved {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

pub(super) fn reserve() -> Reserved {
    let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let address = socket.local_addr().expect("a bound socket has an address");
    Reserved { socket, address }
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("SO_REUSEADDR");
    // A program that another thread is just starting holds our old listener until it is itself: between fork and exec.
    eventually("a port on loopback", || match socket.bind(address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => None,
        bound => Some(bound),
    })
    .expect("a port on loopback");
    socket
}

/// A thread with a runtime of its own. Its end closes everything that it opened, since the runtime goes with it.
struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(socket: TcpSocket, serve: Arc<Serve>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // Listening before the thread starts: the first client cannot come too early.
        let listener = {
            let _inside = runtime.enter();
            socket.listen(BACKLOG).expect("to listen on a bound port")
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener) => {}
                }
            });
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A closed channel is the signal.
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there was printed when it happened; a second one here would hide the test's own.
            let _ = thread.join();
        }
    }
}
