//! A port that accepts every connection and never answers.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use tokio::net::TcpListener;

use super::door::{self, Door};

/// Accepts and says nothing, until it is dropped.
#[derive(Debug)]
pub struct Hole {
    door: Door,
    accepted: Arc<Accepted>,
}

impl Hole {
    /// Starts it; it listens when this returns.
    ///
    /// # Panics
    ///
    /// If loopback has no free port.
    #[must_use]
    pub fn start() -> Self {
        let accepted = Arc::new(Accepted::default());
        let counter = Arc::clone(&accepted);
        let door = Door::new(door::reserve(), move |listener| swallow(listener, Arc::clone(&counter)));
        Self { door, accepted }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// How many connections it accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        *self.accepted.count()
    }

    /// Waits until it accepted so many; false when that did not happen in time.
    #[must_use]
    pub fn wait_for_connections(&self, count: usize, timeout: Duration) -> bool {
        self.accepted.wait(count, timeout)
    }
}

/// How many connections were accepted, and a bell that rings at each.
#[derive(Debug, Default)]
struct Accepted {
    count: Mutex<usize>,
    bell: Condvar,
}

impl Accepted {
    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().expect("nobody panics while counting")
    }

    fn wait(&self, count: usize, timeout: Duration) -> bool {
        let (_count, outcome) = self
            .bell
            .wait_timeout_while(self.count(), timeout, |accepted| *accepted < count)
            .expect("nobody panics while counting");
        !outcome.timed_out()
    }
}

async fn swallow(listener: TcpListener, accepted: Arc<Accepted>) {
    // Kept, since a dropped stream is a closed one.
    let mut held = Vec::new();
    while let Ok((stream, _)) = listener.accept().await {
        held.push(stream);
        *accepted.count() += 1;
        accepted.bell.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn it_takes_what_comes_and_says_nothing() {
        let hole = Hole::start();
        assert!(!hole.wait_for_connections(1, Duration::ZERO));
        let mut stream = TcpStream::connect(hole.address()).expect("a connection");
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a limit");
        let silence = stream.read(&mut [0]).expect_err("no byte and no end");
        assert!(matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
        assert!(hole.wait_for_connections(1, Duration::from_secs(5)));
        assert_eq!(hole.connections(), 1);
    }
}
