//! Where a login by browser comes back to: a tiny HTTP server on the loopback (RFC 8252 7.3), as long as the
//! login lasts.
//!
//! Everybody on this machine may connect to it, and so may every page that a browser here has open. So
//! nothing is believed but an answer that repeats the login's `state`; nothing is said that only its person
//! should know, unless to whoever knows that; and a client that is silent, slow or many costs no more than
//! its small place.

mod page;
mod request;

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokend_proto::Secret;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use crate::provider::Failure;
use crate::provider::login::Redirect;

pub(super) use self::page::Page;
use self::request::Site;

/// A browser opens a few connections, also in advance. Beyond this the oldest that has asked nothing yet
/// makes room.
const MOST_CONNECTIONS: usize = 16;

/// How long a connection may take to ask.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);

/// A request's head has at most this many bytes.
const MOST_HEAD: usize = 16 * 1024;

/// A request has at most this many headers.
const MOST_HEADERS: usize = 100;

/// How long the last answers may take to be sent when the login has ended.
const GRACE: Duration = Duration::from_secs(2);

/// Another free port is tried so often where the first is free on one address only.
const TRIES: usize = 16;

/// A server on the loopback. It accepts while [`Listener::next`] is waited for; dropped, it is gone.
#[derive(Debug)]
pub(super) struct Listener {
    sockets: Vec<TcpListener>,
    site: Arc<Site>,
    connections: JoinSet<()>,
    places: Vec<Place>,
    arrivals: mpsc::Receiver<Arrival>,
    arrived: mpsc::Sender<Arrival>,
}

/// A connection, and whether it has asked.
#[derive(Debug)]
struct Place {
    task: AbortHandle,
    has_asked: Arc<AtomicBool>,
}

/// A browser came back. Dropped unanswered, it is told that the login is over.
#[derive(Debug)]
pub(super) struct Arrival {
    /// What stood behind the `?`.
    pub(super) query: Secret,
    answer: oneshot::Sender<Page>,
}

impl Arrival {
    /// Shows this page.
    pub(super) fn show(self, page: Page) {
        // It may have gone.
        let _ = self.answer.send(page);
    }
}

impl Listener {
    /// Listens where `redirect` says: at its port, or any that is free.
    ///
    /// # Errors
    /// The port is taken, or the machine has no such address.
    pub(super) async fn bind(redirect: &Redirect) -> Result<Self, Failure> {
        let sockets = sockets(redirect).await.map_err(|error| unavailable(redirect, &error))?;
        let port = sockets.first().and_then(|socket| socket.local_addr().ok()).map_or(0, |at| at.port());
        let (arrived, arrivals) = mpsc::channel(1);
        Ok(Self {
            sockets,
            site: Arc::new(Site::new(redirect, port)),
            connections: JoinSet::new(),
            places: Vec::new(),
            arrivals,
            arrived,
        })
    }

    /// The port that it listens at.
    pub(super) fn port(&self) -> u16 {
        self.site.port()
    }

    /// The next browser that comes back. May be dropped at any time and misses nothing.
    pub(super) async fn next(&mut self) -> Arrival {
        loop {
            tokio::select! {
                biased;
                Some(arrival) = self.arrivals.recv() => return arrival,
                stream = accept(&self.sockets) => match stream {
                    Ok(stream) => self.admit(stream),
                    // Out of descriptors, most likely: no reason to spin.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
            }
        }
    }

    /// Accepts nobody any more; who has an answer coming gets it.
    pub(super) fn finish(self) {
        let Self { mut connections, arrivals, sockets, .. } = self;
        drop((arrivals, sockets));
        tokio::spawn(async move {
            let all = async { while connections.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(GRACE, all).await;
        });
    }

    fn admit(&mut self, stream: TcpStream) {
        while self.connections.try_join_next().is_some() {}
        self.places.retain(|place| !place.task.is_finished());
        if self.places.len() >= MOST_CONNECTIONS {
            let silent = self.places.iter().position(|place| !place.has_asked.load(Ordering::Relaxed));
            let Some(silent) = silent else { return };
            self.places.remove(silent).task.abort();
        }
        let has_asked = Arc::<AtomicBool>::default();
        let visit = Visit {
            site: Arc::clone(&self.site),
            arrived: self.arrived.clone(),
            has_asked: Arc::clone(&has_asked),
        };
        let task = self.connections.spawn(serve(stream, visit));
        self.places.push(Place { task, has_asked });
    }
}

/// What a connection needs.
#[derive(Clone)]
struct Visit {
    site: Arc<Site>,
    arrived: mpsc::Sender<Arrival>,
    has_asked: Arc<AtomicBool>,
}

/// One request, one answer.
async fn serve(stream: TcpStream, visit: Visit) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let visit = visit.clone();
        async move { Ok::<_, Infallible>(visit.answer(&request).await.response()) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .keep_alive(false)
        .max_buf_size(MOST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection to the login's page ended");
    }
}

impl Visit {
    async fn answer(&self, request: &hyper::Request<Incoming>) -> Page {
        let query = match self.site.query(request) {
            Ok(query) => query,
            Err(page) => return page,
        };
        let Ok(query) = Secret::new(query.as_bytes().to_vec()) else { return Page::nothing_here() };
        self.has_asked.store(true, Ordering::Relaxed);
        let (answer, page) = oneshot::channel();
        if self.arrived.send(Arrival { query, answer }).await.is_err() {
            return Page::over();
        }
        page.await.unwrap_or_else(|_| Page::over())
    }
}

/// The next connection at any of the sockets.
async fn accept(sockets: &[TcpListener]) -> io::Result<TcpStream> {
    std::future::poll_fn(|context| {
        for socket in sockets {
            if let Poll::Ready(accepted) = socket.poll_accept(context) {
                return Poll::Ready(accepted.map(|(stream, _)| stream));
            }
        }
        Poll::Pending
    })
    .await
}

/// A socket at each address that is meant. By name it is both, at one port: a browser takes either.
async fn sockets(redirect: &Redirect) -> io::Result<Vec<TcpListener>> {
    let port = redirect.port.unwrap_or(0);
    if !redirect.is_by_name() {
        let bare = redirect.host.trim_start_matches('[').trim_end_matches(']');
        let address: IpAddr = bare.parse().map_err(|_| io::Error::from(ErrorKind::AddrNotAvailable))?;
        if !address.is_loopback() {
            return Err(ErrorKind::AddrNotAvailable.into());
        }
        return Ok(vec![TcpListener::bind(SocketAddr::new(address, port)).await?]);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let here = first.local_addr()?.port();
        match TcpListener::bind((Ipv6Addr::LOCALHOST, here)).await {
            Ok(second) => return Ok(vec![first, second]),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                // Who is there would be sent what is for us.
                if redirect.port.is_some() || tries >= TRIES {
                    return Err(error);
                }
            }
            // A machine without IPv6.
            Err(_) => return Ok(vec![first]),
        }
    }
}

fn unavailable(redirect: &Redirect, error: &io::Error) -> Failure {
    let host = &redirect.host;
    match (redirect.port, error.kind()) {
        (Some(port), ErrorKind::AddrInUse) => Failure::not_now(
            "redirect-port",
            format!(
                "the browser is to come back to {host}:{port}, and another program or login listens there"
            ),
            "stop it, or set another `redirect_port` that is registered at the service",
        ),
        (Some(port), ErrorKind::PermissionDenied) => Failure::source(
            "redirect-port",
            format!("the browser is to come back to {host}:{port}, where only root may listen"),
            "set a `redirect_port` above 1023 that is registered at the service",
        ),
        _ => Failure::not_now(
            "redirect-port",
            format!("the browser is to come back to {host}, and nobody can listen there: {error}"),
            "look at this machine's loopback; `tok login --device` needs none, where the service has it",
        ),
    }
}

#[cfg(test)]
mod tests;
