//! The socket in its folder: made for its user alone, never in place of a live one, made anew when it vanishes.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::platform::{self, FileIdentity, FolderWatch, Listener, Listens, Stream};

/// How often it is tried to make a vanished socket anew where its folder cannot be watched.
const MEND_PAUSE: Duration = Duration::from_secs(30);

/// A listening socket that looks after its name.
#[derive(Debug)]
pub struct Socket {
    listener: Listener,
    path: PathBuf,
    /// None where nothing is at the path.
    identity: Option<FileIdentity>,
    /// Whether it has vanished, as far as we know, and is not made anew yet.
    is_missing: bool,
    watch: Option<FolderWatch>,
    /// Held beside a socket that we made: of two daemons that find a stale one, only one replaces it.
    lock: Option<File>,
}

/// The socket cannot be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum SocketError {
    /// Somebody listens there.
    Live(PathBuf),
    /// The system says no.
    Io(PathBuf, io::Error),
}

impl std::fmt::Display for SocketError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Live(path) => write!(f, "a program listens at {} already", path.display()),
            Self::Io(path, error) => write!(f, "cannot listen at {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for SocketError {}

impl Socket {
    /// Makes the socket: its folder with mode 0700 where there is none, a stale socket replaced, a live one never.
    ///
    /// # Errors
    /// [`SocketError`]: somebody listens there, or the system says no.
    pub async fn open(path: &Path) -> Result<Self, SocketError> {
        if !platform::is_a_file(path) {
            // A name that cannot vanish, and that nobody can take from us.
            return Ok(Self::adopted(bind(path)?, None));
        }
        let (listener, lock) = make(path).await?;
        Ok(Self::with(listener, path, Some(lock)))
    }

    /// Takes over the socket that systemd made, and the path that it bound it to.
    #[must_use]
    pub fn adopted(listener: Listener, path: Option<&Path>) -> Self {
        match path {
            Some(path) => Self::with(listener, path, None),
            None => Self {
                listener,
                path: PathBuf::new(),
                identity: None,
                is_missing: false,
                watch: None,
                lock: None,
            },
        }
    }

    fn with(listener: Listener, path: &Path, lock: Option<File>) -> Self {
        // The watch first: what happens after the look is then seen.
        let watch = watch(path);
        let identity = platform::file_identity(path);
        // It may be gone already: systemd keeps a socket whose name somebody removed.
        let is_missing = identity.is_none();
        Self { listener, path: path.to_path_buf(), identity, is_missing, watch, lock }
    }

    /// The next connection. Meanwhile the socket is made anew, should it vanish. May be dropped and called again.
    ///
    /// # Errors
    /// As accept(2).
    pub async fn accept(&mut self) -> io::Result<Stream> {
        let is_named = !self.path.as_os_str().is_empty();
        if is_named && self.is_missing {
            self.mend().await;
        }
        loop {
            tokio::select! {
                stream = platform::accept(&self.listener) => return stream,
                () = changed(self.watch.as_ref()), if is_named => self.mend().await,
            }
        }
    }

    async fn mend(&mut self) {
        if self.identity.is_some() && platform::file_identity(&self.path) == self.identity {
            if self.watch.is_none() {
                self.watch = watch(&self.path);
            }
            return;
        }
        self.is_missing = true;
        // The lock's file may have gone with its folder.
        self.lock = None;
        match make(&self.path).await {
            Ok((listener, lock)) => {
                tracing::warn!(path = %self.path.display(), "the socket had vanished; it was made anew");
                self.listener = listener;
                self.lock = Some(lock);
                self.watch = watch(&self.path);
                self.identity = platform::file_identity(&self.path);
                self.is_missing = false;
            }
            Err(error) => {
                // Looked at again after a pause, not at once.
                self.is_missing = false;
                tracing::error!(%error, "the socket has vanished and cannot be made anew; trying again");
                self.watch = None;
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // One that systemd made stays for the next start; one that is not ours any more is not ours to remove.
        if self.lock.is_some() && platform::file_identity(&self.path) == self.identity {
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_file(lock_path(&self.path));
        }
    }
}

async fn changed(watch: Option<&FolderWatch>) {
    match watch {
        Some(watch) => {
            if watch.changed().await.is_err() {
                tokio::time::sleep(MEND_PAUSE).await;
            }
        }
        None => tokio::time::sleep(MEND_PAUSE).await,
    }
}

fn watch(path: &Path) -> Option<FolderWatch> {
    FolderWatch::new(path.parent()?)
        .inspect_err(|error| tracing::debug!(%error, "cannot watch the socket"))
        .ok()
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Listens under a name that is no file.
fn bind(path: &Path) -> Result<Listener, SocketError> {
    platform::listen(path).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => SocketError::Live(path.to_path_buf()),
        _ => SocketError::Io(path.to_path_buf(), error),
    })
}

async fn make(path: &Path) -> Result<(Listener, File), SocketError> {
    let wrong = |error| SocketError::Io(path.to_path_buf(), error);
    let folder = path.parent().unwrap_or(Path::new("/"));
    platform::private_folder(folder).map_err(wrong)?;
    let lock = locked(path)?;
    match platform::listen(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
        Err(error) => return Err(wrong(error)),
        Ok(listener) => return Ok((listener, lock)),
    }
    match platform::who_listens(path).await {
        Listens::Somebody => return Err(SocketError::Live(path.to_path_buf())),
        Listens::Unknown(error) => {
            let _ = fs::remove_file(lock_path(path));
            return Err(wrong(error));
        }
        Listens::Nobody => {}
    }
    fs::remove_file(path).map_err(wrong)?;
    Ok((platform::listen(path).map_err(wrong)?, lock))
}

/// The lock beside the socket. Its last holder may have removed it between our open and our lock: then it is not
/// the file that others see, and is opened again.
fn locked(path: &Path) -> Result<File, SocketError> {
    let wrong = |error| SocketError::Io(path.to_path_buf(), error);
    let lock_path = lock_path(path);
    for _ in 0..16 {
        let lock = platform::open_lock(&lock_path).map_err(wrong)?;
        match platform::try_lock(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SocketError::Live(path.to_path_buf())),
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
        if platform::open_file_identity(&lock).is_ok_and(|id| Some(id) == platform::file_identity(&lock_path))
        {
            return Ok(lock);
        }
    }
    Err(SocketError::Live(path.to_path_buf()))
}
