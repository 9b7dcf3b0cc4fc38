//! Whether a secret is where it should be, without fetching it: nobody is asked, nothing is run or opened.

use std::time::Duration;

use super::{CREDENTIAL, Origin, Source, credential, from_variable};
use crate::provider::Failure;
use crate::secret::file::{self, Openness};
use crate::secret::{Errand, keyring};

/// Who can tell whether a secret is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// Any process of the user.
    Anybody,
    /// Only a process with the daemon's environment.
    Daemon,
    /// The desktop's keyring.
    Keyring,
    /// The vault.
    Vault,
}

impl Source {
    /// Who can tell whether it is there.
    #[must_use]
    pub fn teller(&self) -> Teller {
        match &self.0 {
            Origin::Env(_) | Origin::Credential { .. } => Teller::Daemon,
            Origin::Keyring(_) => Teller::Keyring,
            Origin::Vault { .. } => Teller::Vault,
            Origin::File { .. } | Origin::Command(_) | Origin::Store { .. } => Teller::Anybody,
        }
    }

    /// Looks whether the secret could be had, as far as that shows without having it. The store stays as it
    /// is, programs are not run, a person is asked nothing.
    ///
    /// # Errors
    /// Why it could not.
    pub async fn look(&self, errand: &Errand, timeout: Duration) -> Result<(), Failure> {
        match &self.0 {
            Origin::File { path, readers } => {
                file::look(path.clone(), Openness::OwnerOnly, "secret-file", readers, timeout).await
            }
            Origin::Env(name) => from_variable(name, std::env::var_os(name)).map(drop),
            Origin::Command(program) => program.look(),
            Origin::Credential { name, readers } => {
                let path = credential(name, std::env::var_os("CREDENTIALS_DIRECTORY"))?;
                file::look(path, Openness::GroupToo, CREDENTIAL, readers, timeout).await
            }
            Origin::Store { name, store } => Ok(store.look(name, errand).await?),
            Origin::Keyring(user) => Box::pin(keyring::look(user, timeout)).await,
            Origin::Vault { vault, .. } => vault.door().knock(timeout).await.map(drop),
        }
    }
}
