//! Whether the secrets of a configuration are where it says: a look at each source, without fetching what
//! is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Loaded;
use crate::provider::{Failure, Provider};
use crate::secret::{Errand, Source, Teller};

/// What one look may take: a file system that hangs, a vault that does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a look at every source found.
#[derive(Debug, Default)]
pub struct Looked {
    /// By account and by how the source is described: nothing, or what is wrong.
    found: BTreeMap<(String, String), Result<(), String>>,
}

impl Looked {
    /// Looks at every source and program of every account, side by side. Nobody is asked, nothing is run or
    /// opened.
    pub async fn at(loaded: &Loaded) -> Self {
        let mut looks = JoinSet::new();
        for account in loaded.configuration.accounts.values() {
            looks.spawn(of_account(account.name.clone(), Arc::clone(&account.provider)));
        }
        let mut found = BTreeMap::new();
        while let Some(of_one) = looks.join_next().await {
            found.extend(of_one.into_iter().flatten());
        }
        Self { found }
    }

    /// What to say behind the description of a source; nothing where nobody looked.
    pub(super) fn remark(&self, account: &str, description: &str) -> Option<String> {
        match self.found.get(&(account.to_owned(), description.to_owned()))? {
            Ok(()) => Some(" (there)".to_owned()),
            Err(why) => Some(format!(" (not now: {why})")),
        }
    }
}

type Found = ((String, String), Result<(), String>);

async fn of_account(name: String, provider: Arc<dyn Provider>) -> Vec<Found> {
    let errand = Errand::new(&name, &provider.identity().origin);
    let mut found = Vec::new();
    if let Some(program) = provider.program() {
        found.push(((name.clone(), program.describe()), program.look().map_err(|failure| failure.message)));
    }
    for source in provider.sources().into_iter().chain(provider.first_refresh_token()) {
        let looked = source.look(&errand, PATIENCE).await;
        found.push(((name.clone(), source.describe()), looked.map_err(|failure| why(source, failure))));
    }
    found
}

fn why(source: &Source, failure: Failure) -> String {
    match source.teller() {
        // Another environment than the daemon's may be this one's.
        Teller::Daemon => format!("{}, as far as this shell knows", failure.message),
        Teller::Anybody | Teller::Keyring | Teller::Vault => failure.message,
    }
}
