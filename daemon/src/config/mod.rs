//! What the user wrote becomes values that cannot be wrong: all of it is understood, or every mistake is
//! shown.

mod account;
mod daemon;
mod describe;
mod files;
mod keys;
mod looked;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests;
mod vault;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::account::Accounts;
use crate::account::Definition;
use crate::document::{Diagnostic, Document, Severity, Table};
use crate::platform::files::Stamp;
use crate::provider::http::ProxyEnvironment;
use crate::provider::{Kind, kinds};
use crate::secret::Reach;
use crate::secret::store::Store;
use crate::secret::vault::Vault;

pub use daemon::{Daemon, LogFormat};
pub use describe::describe;
pub use files::stamps;
pub use keys::schema;
pub use looked::Looked;

/// What the daemon is to do. `Debug` shows the accounts' names.
pub struct Configuration {
    /// What concerns all accounts.
    pub daemon: Daemon,
    /// Where `{ vault = … }` leads.
    pub vault: Option<Arc<Vault>>,
    /// The accounts by their names.
    pub accounts: BTreeMap<String, Definition>,
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.accounts.keys().collect();
        f.debug_struct("Configuration")
            .field("daemon", &self.daemon)
            .field("accounts", &names)
            .finish_non_exhaustive()
    }
}

/// A configuration that has been read.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub configuration: Configuration,
    /// What in it is probably not meant.
    pub warnings: Vec<Diagnostic>,
    /// The files that it was read from, in their order.
    pub files: Vec<PathBuf>,
    /// What they were like just before they were read.
    pub stamps: Vec<(PathBuf, Stamp)>,
}

/// Reads `config.toml` and `accounts.d/*.toml` in `folder`. Blocks while it reads. None there is an empty
/// configuration with a warning that says where to write one.
///
/// # Errors
/// Every mistake of every file, in the order of the files and lines. None holds a value of the configuration
/// that could be a secret.
pub fn load(
    folder: &Path,
    environment: &ProxyEnvironment,
    store: &Arc<Store>,
) -> Result<Loaded, Vec<Diagnostic>> {
    load_kinds(folder, environment, store, kinds())
}

/// The mistakes as they are shown to a person: at most 20, and how many more there are.
#[must_use]
pub fn report(mistakes: &[Diagnostic]) -> String {
    const SHOWN: usize = 20;
    let mut out = String::new();
    for mistake in mistakes.iter().take(SHOWN) {
        let _ = writeln!(out, "{mistake}\n");
    }
    if mistakes.len() > SHOWN {
        let _ = writeln!(out, "… and {} more", mistakes.len() - SHOWN);
    }
    out.truncate(out.trim_end().len());
    out
}

fn load_kinds(
    folder: &Path,
    environment: &ProxyEnvironment,
    store: &Arc<Store>,
    kinds: &[Kind],
) -> Result<Loaded, Vec<Diagnostic>> {
    let stamps = stamps(folder);
    let (texts, mut found) = files::read(folder);
    let mut documents = Vec::with_capacity(texts.len());
    for text in &texts {
        match Document::parse(&text.path, &text.content) {
            Ok(document) => documents.push((document, text.is_main)),
            Err(mistake) => found.push(*mistake),
        }
    }
    let mut roots: Vec<_> = documents.iter().map(|(document, is_main)| (document.root(), *is_main)).collect();
    let daemon = read_daemon(&mut roots);
    let reach = Reach { store: Arc::clone(store), ..Reach::default() };
    let mut defaults = daemon.defaults(environment.clone(), reach);
    let vault = vault::read(&mut roots, &mut defaults);
    let mut accounts = Accounts::new(kinds, &daemon, &defaults);
    for (mut root, _) in roots {
        root.allow("vault");
        if let Some(table) = root.table("accounts") {
            accounts.read(table);
        }
        root.finish();
    }
    let accounts = accounts.into_definitions();
    found.extend(documents.iter().flat_map(|(document, _)| document.diagnostics()));
    found.extend(daemon.unreadable_ca_file());
    let main = folder.join("config.toml");
    found.sort_by(|one, other| {
        let order = |mistake: &Diagnostic| mistake.place.file != main;
        order(one).cmp(&order(other)).then_with(|| one.place.file.cmp(&other.place.file))
    });
    if found.iter().any(|mistake| mistake.severity == Severity::Error) {
        found.retain(|mistake| mistake.severity == Severity::Error);
        return Err(found);
    }
    let files = texts.iter().map(|text| text.path.clone()).collect();
    Ok(Loaded { configuration: Configuration { daemon, vault, accounts }, warnings: found, files, stamps })
}

fn read_daemon(roots: &mut [(Table<'_>, bool)]) -> Daemon {
    let mut daemon = Daemon::default();
    for (root, is_main) in roots {
        let span = root.key_span("daemon");
        let Some(table) = root.table("daemon") else {
            continue;
        };
        match span {
            Some(span) if !*is_main => {
                root.report(&span, "`[daemon]` is for config.toml alone", "move it there");
            }
            _ => daemon = Daemon::read(table),
        }
    }
    daemon
}
