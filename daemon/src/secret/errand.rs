//! For whom a secret is fetched: one that is bound to an account is for that one alone.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokend_proto::Secret;

use super::digest;

/// For whom secrets are fetched, and which ones were.
#[derive(Clone, Default)]
pub struct Errand {
    /// The account.
    pub account: String,
    /// The origin of its service (`https://host`); empty where it has none.
    pub origin: String,
    fetched: Arc<Mutex<Vec<[u8; 32]>>>,
}

impl Errand {
    /// For this account and the origin of its service.
    #[must_use]
    pub fn new(account: &str, origin: &str) -> Self {
        Self { account: account.to_owned(), origin: origin.to_owned(), fetched: Arc::default() }
    }

    /// Remembers a secret that was fetched, by its hash.
    pub(super) fn note(&self, secret: &Secret) {
        let hash = digest(b"tokend: a secret that was fetched", secret);
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner).push(hash);
    }

    /// Hashes of the secrets that were fetched, in no order, each once.
    #[must_use]
    pub fn fetched(&self) -> Vec<[u8; 32]> {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        fetched.sort_unstable();
        fetched.dedup();
        fetched
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errand")
            .field("account", &self.account)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
