//! The store: one standard age file a secret, and the identity that opens them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

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

    /// The files whose change may mend a failed fetch of `name`.
    #[must_use]
    pub fn files_of(&self, name: &str) -> Vec<PathBuf> {
        vec![self.file_of(name)]
    }

    /// Forgets the opened identity.
    pub fn lock(&self) {}

    /// Opens the identity.
    pub async fn unlock(&self, passphrase: Option<Secret>) -> Result<(), UnlockError> {
        drop(passphrase);
        Ok(())
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> StoreState {
        StoreState { identity: IdentityKind::None, locked: false, open: false, needs_passphrase: false }
    }

    /// The keys of the kept state.
    pub async fn keys(&self) -> Result<Arc<StateKeys>, Failure> {
        Err(Failure::locked())
    }

    /// The same, after making an identity where there is none.
    pub async fn keys_or_make(&self) -> Result<Arc<StateKeys>, Failure> {
        Err(Failure::locked())
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

/// How the store is.
#[derive(Debug, Clone, Copy)]
pub struct StoreState {
    /// What opens it.
    pub identity: IdentityKind,
    /// Locked by a person.
    pub locked: bool,
    /// Its identity is open.
    pub open: bool,
    /// Only a passphrase opens it.
    pub needs_passphrase: bool,
}

/// What opens the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityKind {
    /// There is none yet.
    None,
    /// A plain file.
    Plain,
    /// A passphrase.
    Passphrase,
    /// An SSH key.
    SshKey,
    /// An age plugin.
    Plugin,
    /// The desktop's keyring.
    Keyring,
    /// A systemd credential.
    Credential,
}

/// Why the store stays closed.
#[derive(Debug)]
pub enum UnlockError {
    /// There is a passphrase, and none was given.
    PassphraseNeeded,
    /// Another passphrase.
    WrongPassphrase,
    /// Wrong ones came too fast.
    TooSoon(std::time::Duration),
    /// Anything else.
    Failure(Failure),
}

/// Seals and opens the kept state.
#[derive(Debug)]
pub struct StateKeys {}

/// Why a kept file is not used.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Of another identity, or damaged.
    NotOurs,
    /// Not written by tokend, or for another account.
    Planted,
}

impl StateKeys {
    /// An encrypted file.
    pub fn seal(&self, _context: &[u8], _plaintext: &[u8]) -> Result<Vec<u8>, Failure> {
        Err(Failure::locked())
    }

    /// What is in it.
    pub fn open(&self, _context: &[u8], _bytes: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, Unreadable> {
        Err(Unreadable::NotOurs)
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
