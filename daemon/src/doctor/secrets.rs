//! Whether each account's secrets are where they should be; none of them is fetched.

use std::sync::Arc;

use tokend_proto::finding::{self, Finding, Sort};

use super::{Asked, PATIENCE, Tell, side_by_side};
use crate::account::Definition;
use crate::provider::{Failure, Provider};
use crate::secret::{Errand, Source, Teller};

/// Looks at those that anybody can tell of. Keyrings have a check of their own.
pub(super) async fn look(asked: &Asked, accounts: &[Definition], tell: Tell<'_>) {
    let work = accounts
        .iter()
        .map(|account| look_at(account.name.clone(), Arc::clone(&account.provider), asked.running));
    for found in side_by_side(work.collect()).await.into_iter().flatten() {
        tell(found);
    }
}

async fn look_at(account: String, provider: Arc<dyn Provider>, running: bool) -> Vec<Finding> {
    let errand = Errand::new(&account, &provider.identity().origin);
    let mut found = Vec::new();
    let mut seen = 0;
    if let Some(program) = provider.program() {
        seen += 1;
        if let Err(failure) = program.look() {
            found.push(fault(&failure, Teller::Anybody, &account));
        }
    }
    for source in sources(&*provider) {
        let teller = source.teller();
        if teller == Teller::Keyring || (teller == Teller::Daemon && running) {
            // The keyring's own check tells, or the daemon did.
            seen += usize::from(running && teller == Teller::Daemon);
            continue;
        }
        seen += 1;
        match source.look(&errand, PATIENCE).await {
            Ok(()) => {}
            Err(_) if teller == Teller::Daemon => {
                let message =
                    format!("only the daemon knows of the {}, and it does not run", source.describe());
                let hint = "start it, then `tok doctor` again";
                found.push(finding::SECRET_UNKNOWN.found(message, hint).of(&account));
            }
            Err(failure) => found.push(fault(&failure, teller, &account)),
        }
    }
    if found.is_empty() && seen > 0 {
        found.push(finding::SECRET_THERE.found("its secrets are where they should be", "").of(&account));
    }
    found
}

/// Every source of an account.
pub(super) fn sources(provider: &dyn Provider) -> impl Iterator<Item = &Source> {
    provider.sources().into_iter().chain(provider.first_refresh_token())
}

/// What is wrong with a secret, as a finding.
pub(super) fn fault(failure: &Failure, teller: Teller, account: &str) -> Finding {
    sort_of(failure, teller).found(failure.message.clone(), failure.hint.clone()).of(account)
}

/// The same of a source that only the daemon can tell of.
pub(crate) fn daemons_fault(failure: &Failure, account: &str) -> Finding {
    fault(failure, Teller::Daemon, account)
}

fn sort_of(failure: &Failure, teller: Teller) -> &'static Sort {
    match (teller, failure.kind) {
        (Teller::Vault, _) => &finding::SECRET_VAULT,
        (Teller::Keyring, _) => &finding::SECRET_KEYRING,
        (_, "secret-file") => &finding::SECRET_FILE,
        (_, "secret-env") => &finding::SECRET_VARIABLE,
        (_, "secret-credential") => &finding::SECRET_CREDENTIAL,
        (_, "command") => &finding::SECRET_PROGRAM,
        _ => &finding::SECRET_STORE,
    }
}
