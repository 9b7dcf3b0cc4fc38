//! Folders that are looked at now and then.

use std::io;
use std::path::Path;
use std::time::Duration;

/// Tells now and then that something in a folder may have changed.
#[derive(Debug)]
pub struct FolderWatch;

impl FolderWatch {
    /// Watches any folder.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    #[expect(clippy::unnecessary_wraps, reason = "the signature is Linux's")]
    pub fn new(_folder: &Path) -> io::Result<Self> {
        Ok(Self)
    }

    /// Ends after half a minute.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    pub async fn changed(&self) -> io::Result<()> {
        tokio::time::sleep(Duration::from_secs(30)).await;
        Ok(())
    }
}

/// Tells now and then that something in some folders may have changed.
#[derive(Debug)]
pub struct FolderWatches;

impl FolderWatches {
    /// Watches any folders.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    #[expect(clippy::unnecessary_wraps, reason = "the signature is Linux's")]
    pub fn new<'a>(_folders: impl Iterator<Item = &'a Path>) -> io::Result<Self> {
        Ok(Self)
    }

    /// Ends after half a minute.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    pub async fn changed(&self) -> io::Result<()> {
        tokio::time::sleep(Duration::from_secs(30)).await;
        Ok(())
    }
}
