//! Folders are watched by `ReadDirectoryChangesW`, through the crate `notify`.

use std::io;
use std::path::Path;
use std::sync::Arc;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// Tells when something in a folder is made, moved or removed, or the folder itself is.
#[derive(Debug)]
pub struct FolderWatch(FolderWatches);

impl FolderWatch {
    /// Watches `folder`.
    ///
    /// # Errors
    /// When there is no such folder, or the system watches too many.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let mut watches = FolderWatches::none()?;
        watches.watcher.watch(folder, RecursiveMode::NonRecursive).map_err(as_io)?;
        Ok(Self(watches))
    }

    /// Ends when something has changed since the last call.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    pub async fn changed(&self) -> io::Result<()> {
        self.0.changed().await
    }
}

/// Tells when a file in one of some folders is made, written, moved, removed, or has other permissions.
#[derive(Debug)]
pub struct FolderWatches {
    watcher: RecommendedWatcher,
    /// That something has changed and nobody was told of it yet is kept.
    change: Arc<Notify>,
}

impl FolderWatches {
    /// Watches the folders. Of one that does not exist the nearest one above it is watched.
    ///
    /// # Errors
    /// When the system watches too many.
    pub fn new<'a>(folders: impl Iterator<Item = &'a Path>) -> io::Result<Self> {
        let mut watches = Self::none()?;
        for folder in folders {
            for place in folder.ancestors().filter(|place| place.is_dir()) {
                match watches.watcher.watch(place, RecursiveMode::NonRecursive) {
                    Ok(()) => break,
                    Err(error) if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) => {
                        return Err(io::Error::other("too many files are watched"));
                    }
                    Err(_) => {}
                }
            }
        }
        Ok(watches)
    }

    fn none() -> io::Result<Self> {
        let change = Arc::new(Notify::new());
        let teller = Arc::clone(&change);
        let tell = move |event: notify::Result<notify::Event>| {
            // Who only reads changes nothing. An error may mean that something was missed.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                teller.notify_one();
            }
        };
        let watcher = notify::recommended_watcher(tell).map_err(as_io)?;
        Ok(Self { watcher, change })
    }

    /// Ends when something has changed since the last call.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    pub async fn changed(&self) -> io::Result<()> {
        self.change.notified().await;
        Ok(())
    }
}

fn as_io(error: notify::Error) -> io::Error {
    match error.kind {
        notify::ErrorKind::Io(error) => error,
        notify::ErrorKind::PathNotFound => io::ErrorKind::NotFound.into(),
        _ => io::Error::other(error),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test should fail with the place")]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_file_that_comes_and_goes_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let watch = FolderWatch::new(folder.path()).unwrap();
        std::fs::write(&path, "x").unwrap();
        timeout(LONG, watch.changed()).await.unwrap().unwrap();
        std::fs::remove_file(&path).unwrap();
        timeout(LONG, watch.changed()).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_nearest_folder_that_is_there_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("not/there");
        assert!(FolderWatch::new(&missing).is_err());
        let watches = FolderWatches::new([missing.as_path()].into_iter()).unwrap();
        std::fs::create_dir(folder.path().join("not")).unwrap();
        timeout(LONG, watches.changed()).await.unwrap().unwrap();
    }
}
