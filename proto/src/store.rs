//! The messages about the store: unlocking it, and how it is.

use serde::{Deserialize, Serialize};

use crate::message::Words;
use crate::secret::Secret;

/// Open the store again, and serve its accounts.
#[derive(Debug, Serialize, Deserialize)]
pub struct Unlock {
    /// What opens the identity; none where that needs no passphrase.
    pub passphrase: Option<Secret>,
}

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreState {
    /// Whether accounts are not served until somebody unlocks.
    pub locked: bool,
    /// How the identity is kept: `none`, `plain`, `passphrase`, `ssh-key`, `plugin`, `keyring` or `credential`.
    pub identity: String,
    /// Whether an [`Unlock`] without a passphrase would be refused.
    pub needs_passphrase: bool,
    /// Whether secrets are kept in memory that the system never swaps out.
    pub memory_locked: bool,
    /// What a person should know.
    pub warnings: Words,
}

impl StoreState {
    /// There is no store.
    pub const NONE: &'static str = "none";
    /// A file that whoever can read it can use.
    pub const PLAIN: &'static str = "plain";
    /// A file under a passphrase.
    pub const PASSPHRASE: &'static str = "passphrase";
    /// A file encrypted to an SSH key.
    pub const SSH_KEY: &'static str = "ssh-key";
    /// A file encrypted to what an age plugin speaks for: a TPM, a security key.
    pub const PLUGIN: &'static str = "plugin";
    /// The desktop's keyring.
    pub const KEYRING: &'static str = "keyring";
    /// A credential that systemd hands to the service.
    pub const CREDENTIAL: &'static str = "credential";
}
