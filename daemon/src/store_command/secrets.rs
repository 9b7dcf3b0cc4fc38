//! `tokend store set|list|show`.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;
use tokend::config;
use tokend::document::{nearest_few, printable};
use tokend::platform;
use tokend::provider::http::ProxyEnvironment;
use tokend::secret::store::{Binding, Bound, Entry, Sort, Store};
use zeroize::Zeroizing;

use super::complaint::{Complaint, json_line};
use super::{input, note, print};

/// Whom the secrets that `[vault]` logs in with are for.
const VAULT: &str = "vault";

/// Stores the secret on standard input.
pub(super) async fn set(
    store: Store,
    name: &str,
    account: Option<String>,
    for_any: bool,
) -> Result<(), Complaint> {
    let store = Arc::new(store);
    // Whoever must type it anew for a mistake in the rest is annoyed.
    let binding = match account {
        Some(account) => Binding::To(bound_to(&store, &account)?),
        None if for_any => Binding::Any,
        None => Binding::Keep,
    };
    let set = store.set(name, input::secret()?, binding).await?;
    if let Some(made) = &set.made {
        note(&made.to_string());
    }
    if let Some(bound) = &set.bound {
        note(&format!("{name} is for {} alone", in_words(bound)));
    }
    Ok(())
}

/// The account of the configuration, and the origin of its service.
fn bound_to(store: &Arc<Store>, account: &str) -> Result<Bound, Complaint> {
    let folder = platform::surroundings().configuration();
    let folder = folder.map_err(|error| Complaint::fault(error.to_string(), "set HOME"))?;
    let loaded = config::load(&folder, &ProxyEnvironment::of_process(), store).map_err(|_| {
        let hint = "`tokend check` shows where; without --for the secret is for every account";
        Complaint::usage("the configuration, which knows the account, is faulty", hint)
    })?;
    let accounts = &loaded.configuration.accounts;
    if let Some(definition) = accounts.get(account) {
        return Ok(Bound { account: account.to_owned(), origin: definition.provider.identity().origin });
    }
    // What `[vault]` logs in with asks for itself under this name.
    if account == VAULT {
        let vault = loaded.configuration.vault.ok_or_else(|| {
            Complaint::unknown(
                "no-account",
                "there is neither a [vault] nor an account vault in the configuration",
                format!(
                    "write [vault] with its `address` into {} first",
                    folder.join("config.toml").display()
                ),
            )
        })?;
        return Ok(Bound { account: VAULT.to_owned(), origin: vault.origin() });
    }
    let near = nearest_few(account, accounts.keys().map(String::as_str), 3).join(", ");
    let hint = match near.as_str() {
        "" => format!("configure it first, in {}", folder.display()),
        near => format!("did you mean {near}?"),
    };
    Err(Complaint::unknown("no-account", "there is no such account in the configuration", hint))
}

/// All that is in the store, without its secrets.
pub(super) async fn list(store: &Store, json: bool) -> Result<(), Complaint> {
    let entries = store.list().await?;
    if json {
        let list: Vec<_> = entries
            .iter()
            .map(|entry| {
                json!({
                    "name": entry.name,
                    "account": entry.bound.as_ref().map(|bound| &bound.account),
                    "origin": entry.bound.as_ref().map(|bound| &bound.origin),
                    "changed_at": changed_at(entry),
                    "stranger": entry.stranger,
                })
            })
            .collect();
        return print(format!("{}\n", json_line(&list.into())).as_bytes());
    }
    let widest = entries.iter().map(|entry| entry.name.chars().count()).max().unwrap_or(0);
    let mut lines = String::new();
    for entry in &entries {
        let changed = changed_at(entry).unwrap_or_else(|| "-".to_owned());
        let more = match (&entry.stranger, &entry.bound) {
            (Some(why), _) => format!("  not the store's: {}", printable(why, 500)),
            (None, Some(bound)) => format!("  for {} alone", in_words(bound)),
            (None, None) => String::new(),
        };
        let _ = writeln!(lines, "{:widest$}  {changed}{more}", entry.name);
    }
    print(lines.as_bytes())
}

fn changed_at(entry: &Entry) -> Option<String> {
    entry.changed.map(|time| humantime::format_rfc3339_seconds(time).to_string())
}

fn in_words(bound: &Bound) -> String {
    let account = printable(&bound.account, 100);
    match bound.origin.as_str() {
        "" => format!("the account {account}"),
        origin => format!("the account {account} at {}", printable(origin, 300)),
    }
}

/// Writes a secret to standard output.
pub(super) async fn show(store: &Store, name: &str, passphrase_stdin: bool) -> Result<(), Complaint> {
    let passphrase = if passphrase_stdin { input::passphrase()? } else { None };
    let opened = match passphrase {
        None => store.show(name).await,
        Some(passphrase) => {
            store.unlock(Some(passphrase)).await?;
            store.show(name).await
        }
    };
    let secret = opened.map_err(|trouble| match trouble.sort {
        Sort::Locked => {
            Complaint::passphrase_needed("`tok secret show` asks for it; or give it with --passphrase-stdin")
        }
        _ => trouble.into(),
    })?;
    let bytes = secret.expose();
    let mut line = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    line.extend_from_slice(&bytes);
    line.push(b'\n');
    print(&line)
}
