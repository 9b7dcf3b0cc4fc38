//! What tokend counts, for Prometheus: its text format on a Unix socket of its own, where the configuration names one.

mod exposition;
mod gather;
mod site;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::account::Keeper;
use crate::clock::Wall;
use crate::server::socket::SocketError;
use crate::server::{Server, Socket};

/// A folder that takes longer does as if it refused.
const LONGEST_OPENING: Duration = Duration::from_secs(3);

/// Where the numbers come from.
#[derive(Debug)]
struct Source {
    keeper: Keeper,
    server: Arc<Server>,
    started: Wall,
}

/// The socket with the numbers, if there is to be one.
#[derive(Debug)]
pub struct Metrics {
    source: Arc<Source>,
    serving: Option<Serving>,
}

#[derive(Debug)]
struct Serving {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Metrics {
    /// The numbers of this daemon, which began at `started`; served nowhere yet.
    #[must_use]
    pub fn new(keeper: Keeper, server: Arc<Server>, started: Wall) -> Self {
        Self { source: Arc::new(Source { keeper, server, started }), serving: None }
    }

    /// From now on they are served at `path`, or nowhere. What is there already stays as it is.
    ///
    /// # Errors
    /// The socket cannot be made: then they are served nowhere, and the rest of tokend goes on.
    pub async fn serve_at(&mut self, path: Option<&Path>) -> Result<(), SocketError> {
        if self.serving.as_ref().is_some_and(|serving| Some(&*serving.path) == path) {
            return Ok(());
        }
        self.stop().await;
        let Some(path) = path else { return Ok(()) };
        // Its folder may lie on a disk that hangs, and whoever is served must not wait for it.
        let (handle, at) = (tokio::runtime::Handle::current(), path.to_path_buf());
        let opening = tokio::task::spawn_blocking(move || handle.block_on(Socket::open(&at)));
        let opened = tokio::time::timeout(LONGEST_OPENING, opening).await.ok().and_then(Result::ok);
        let hangs = || io::Error::new(io::ErrorKind::TimedOut, "its folder does not answer");
        let socket = opened.unwrap_or_else(|| Err(SocketError::Io(path.to_path_buf(), hangs())))?;
        let task = tokio::spawn(site::run(socket, Arc::clone(&self.source)));
        self.serving = Some(Serving { path: path.to_path_buf(), task });
        Ok(())
    }

    /// They are served no more, and the socket is gone.
    pub async fn stop(&mut self) {
        if let Some(Serving { task, .. }) = self.serving.take() {
            task.abort();
            // Its socket goes with it.
            let _ = task.await;
        }
    }
}
