//! Whether the desktop's keyring can be reached, and has what the accounts want of it. Nobody is asked to
//! unlock it.

use std::sync::Arc;

use tokend_proto::finding;

use super::secrets::{fault, sources};
use super::{PATIENCE, Tell, side_by_side};
use crate::account::Definition;
use crate::provider::{Failure, Provider};
use crate::secret::{Errand, Teller};

/// Looks for every account that has a secret there.
pub(super) async fn look(accounts: &[Definition], tell: Tell<'_>) {
    let using =
        |account: &&Definition| sources(&*account.provider).any(|source| source.teller() == Teller::Keyring);
    let using: Vec<_> = accounts.iter().filter(using).collect();
    if using.is_empty() {
        tell(finding::KEYRING_NOT_USED.found("no account has a secret in the desktop's keyring", ""));
        return;
    }
    let work = using.iter().map(|account| look_for(account.name.clone(), Arc::clone(&account.provider)));
    let results = side_by_side(work.collect()).await;
    let mut is_reached = true;
    for (account, result) in using.iter().zip(results) {
        match result {
            Ok(()) => tell(finding::SECRET_THERE.found("its secret is in the keyring", "").of(&account.name)),
            Err(failure) if failure.kind == "secret-keyring" => {
                tell(fault(&failure, Teller::Keyring, &account.name));
            }
            // Once is enough: it is the same keyring for all.
            Err(failure) if is_reached => {
                is_reached = false;
                tell(finding::KEYRING_UNREACHABLE.found(failure.message, failure.hint));
            }
            Err(_) => {}
        }
    }
    if is_reached {
        tell(finding::KEYRING_ANSWERS.found("the desktop's keyring answers", ""));
    }
}

async fn look_for(account: String, provider: Arc<dyn Provider>) -> Result<(), Failure> {
    let errand = Errand::new(&account, &provider.identity().origin);
    for source in sources(&*provider).filter(|source| source.teller() == Teller::Keyring) {
        source.look(&errand, PATIENCE).await?;
    }
    Ok(())
}
