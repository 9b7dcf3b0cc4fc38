//! The sources that a configuration can name.

mod looking;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokend_proto::Secret;
use tokend_proto::limits::MAX_SECRET;
use zeroize::Zeroizing;

use super::file::{self, Openness, Readers};
use super::program::{Program, is_variable};
use super::store::{self, Store};
use super::vault::{Place, Vault};
use super::{Errand, Reach, Unfit, keyring, without_newline};
use crate::document::{Shape, Table, nearest, printable};
use crate::provider::Failure;

pub use looking::Teller;

/// Where a secret comes from. Fetched anew whenever it is needed.
#[derive(Debug)]
pub struct Source(Origin);

#[derive(Debug)]
enum Origin {
    File { path: PathBuf, readers: Readers },
    Env(String),
    Command(Program),
    Credential { name: String, readers: Readers },
    Store { name: String, store: Arc<Store> },
    Keyring(String),
    Vault { place: Place, vault: Arc<Vault> },
}

/// What a person may write instead of a secret.
const FORMS: &str = "name its source: { store = NAME }, { file = PATH }, { env = NAME }, { command = [ARGV…] }, \
                     { credential = NAME }, { keyring = NAME } or { vault = \"MOUNT/PATH#FIELD\" }";
/// The key of each.
const WORDS: &[&str] = &["store", "file", "env", "command", "credential", "keyring", "vault"];

impl Source {
    /// Reads `key = { file = … }` and the like. Absent: `None`. Faulty: reported, `None`.
    pub fn read(table: &mut Table<'_>, key: &str, reach: &Reach) -> Option<Self> {
        table.allow(key);
        if table.shape(key)? != Shape::Table {
            let span = table.value_span(key)?;
            table.report(&span, format!("`{key}` is a secret, which is never written here"), FORMS);
            return None;
        }
        let mut source = table.table(key)?;
        let named: Vec<_> = WORDS.iter().filter(|word| source.has(word)).copied().collect();
        let origin = match named[..] {
            [word] => read_one(&mut source, word, reach),
            [] => {
                if source.remaining_keys().is_empty() {
                    source.report(&source.span(), format!("`{key}` names no source"), FORMS);
                }
                for key in source.remaining_keys() {
                    if nearest(&key.value, WORDS.iter().copied()).is_none() {
                        source.allow(&key.value);
                        source.report(&key.span, "this is no source of a secret", FORMS);
                    }
                }
                for word in WORDS {
                    source.allow(word);
                }
                None
            }
            [_, second, ..] => {
                let span = source.key_span(second).unwrap_or_else(|| source.span());
                source.report(&span, format!("`{key}` names two sources"), "keep one of them");
                for word in named.iter().chain(&["pass_env"]) {
                    source.allow(word);
                }
                None
            }
        };
        // A key too many spoils the source: nobody knows what it was meant to do.
        let stray = source.key_span("pass_env").filter(|_| !named.contains(&"command"));
        let sound = source.remaining_keys().is_empty() && stray.is_none();
        if let Some(span) = stray {
            source.allow("pass_env");
            source.report(&span, "`pass_env` belongs to `command`", "remove it");
        }
        source.finish();
        origin.filter(|_| sound).map(Self)
    }

    /// The same where the key must be there.
    pub fn required(table: &mut Table<'_>, key: &str, reach: &Reach) -> Option<Self> {
        table.require(key);
        Self::read(table, key, reach)
    }

    /// Gets the secret.
    ///
    /// # Errors
    /// `Source` where only a person can mend it (a missing or too open file, an unset variable, a program that is not
    /// there), `NotNow` where it may pass (a program that fails, `timeout`).
    pub async fn fetch(&self, errand: &Errand, timeout: Duration) -> Result<Secret, Failure> {
        let secret = self.fetch_in(&|name| env::var_os(name), errand, timeout).await?;
        errand.note(&secret);
        Ok(secret)
    }

    async fn fetch_in(
        &self,
        environment: &(dyn Fn(&str) -> Option<OsString> + Sync),
        errand: &Errand,
        timeout: Duration,
    ) -> Result<Secret, Failure> {
        match &self.0 {
            Origin::File { path, readers } => {
                file::fetch(path.clone(), Openness::OwnerOnly, "secret-file", readers, timeout).await
            }
            Origin::Env(name) => from_variable(name, environment(name)),
            Origin::Command(program) => Box::pin(program.run(timeout)).await,
            Origin::Credential { name, readers } => {
                let path = credential(name, environment("CREDENTIALS_DIRECTORY"))?;
                file::fetch(path, Openness::GroupToo, CREDENTIAL, readers, timeout).await
            }
            // Boxed: ten thousand accounts that start together must not each have room for the largest of these.
            Origin::Store { name, store } => Box::pin(store.fetch(name, errand)).await,
            Origin::Keyring(user) => Box::pin(keyring::fetch(user, timeout)).await,
            Origin::Vault { place, vault } => Box::pin(vault.fetch(place, timeout)).await,
        }
    }

    /// The files whose change may mend a failed fetch or a refused secret: of a vault, those that log in.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match &self.0 {
            Origin::File { path, .. } => vec![path.clone()],
            Origin::Store { name, store } => store.files_of(name),
            Origin::Vault { vault, .. } => vault.files(),
            _ => Vec::new(),
        }
    }

    /// Forgets what it keeps between two fetches.
    pub fn forget(&self) {
        if let Origin::Vault { vault, .. } = &self.0 {
            vault.forget();
        }
    }

    /// The vault that it comes from.
    #[must_use]
    pub fn vault(&self) -> Option<&Arc<Vault>> {
        match &self.0 {
            Origin::Vault { vault, .. } => Some(vault),
            _ => None,
        }
    }

    /// Its name in the store, where it comes from there.
    #[must_use]
    pub fn in_store(&self) -> Option<&str> {
        match &self.0 {
            Origin::Store { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Where it comes from, for people; nothing secret.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.0 {
            Origin::File { path, .. } => format!("file {}", printable(&path.to_string_lossy(), 300)),
            Origin::Env(name) => format!("variable {name}"),
            Origin::Command(program) => format!("command {}", program.describe()),
            Origin::Credential { name, .. } => format!("systemd credential {name}"),
            Origin::Store { name, .. } => format!("store {name}"),
            Origin::Keyring(user) => format!("keyring, service tokend, user {}", printable(user, 255)),
            Origin::Vault { place, .. } => format!("vault {}", printable(&place.to_string(), 300)),
        }
    }
}

fn read_one(source: &mut Table<'_>, word: &str, reach: &Reach) -> Option<Origin> {
    match word {
        "store" => {
            let name = source.string(word)?;
            if store::is_name(&name.value) {
                return Some(Origin::Store { name: name.value, store: Arc::clone(&reach.store) });
            }
            source.report(&name.span, "`store` names no secret", "a name that `tok secret list` shows");
            None
        }
        "file" => source
            .path_of_file(word)
            .map(|path| Origin::File { path: path.value, readers: Readers::default() }),
        "env" => {
            let name = source.string(word)?;
            if looks_like_a_secret(&name.value) {
                let what = "`env` wants the name of a variable; this looks like the secret itself";
                source.report(
                    &name.span,
                    what,
                    "put it into a variable of tokend's environment, and write its name here",
                );
                return None;
            }
            if is_variable(&name.value) {
                return Some(Origin::Env(name.value));
            }
            source.report(&name.span, "`env` names no variable", "a name such as \"API_KEY\", without $");
            None
        }
        "command" => Program::read(source, word).map(Origin::Command),
        "credential" => {
            let name = source.string(word)?;
            if is_credential(&name.value) {
                return Some(Origin::Credential { name: name.value, readers: Readers::default() });
            }
            source.report(
                &name.span,
                "`credential` names none",
                "the name after LoadCredential=, without a path",
            );
            None
        }
        "keyring" => {
            let user = source.string(word)?;
            if keyring::is_name(&user.value) {
                return Some(Origin::Keyring(user.value));
            }
            let hint = "1 to 255 bytes without control characters: the user of an item of service `tokend`";
            source.report(&user.span, "`keyring` names no item", hint);
            None
        }
        "vault" => {
            let text = source.string(word)?;
            let place = Place::parse(&text.value)
                .map_err(|form| source.report(&text.span, "`vault` names no field of a secret", form))
                .ok();
            if reach.vault.is_none() && !reach.has_vault {
                let hint = "write [vault] into config.toml, with `address` and `auth`";
                source.report(&source.key_span(word)?, "there is no `[vault]` to get this from", hint);
            }
            Some(Origin::Vault { place: place?, vault: Arc::clone(reach.vault.as_ref()?) })
        }
        _ => None,
    }
}

/// systemd: a file name of at most 255 bytes.
fn is_credential(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name != "."
        && name != ".."
        && name.chars().all(|c| c != '/' && c != ':' && !c.is_control())
}

fn from_variable(name: &str, value: Option<OsString>) -> Result<Secret, Failure> {
    const KIND: &str = "secret-env";
    let hint = "set it where the daemon is started, and start the daemon anew";
    let Some(value) = value else {
        return Err(Failure::source(KIND, format!("the variable {name} is not set"), hint));
    };
    let bytes = Zeroizing::new(value.into_encoded_bytes());
    without_newline(&bytes).map_err(|unfit| match unfit {
        Unfit::Empty => Failure::source(KIND, format!("the variable {name} is empty"), hint),
        Unfit::TooLong => {
            Failure::source(KIND, format!("the variable {name} holds more than {MAX_SECRET} bytes"), hint)
        }
    })
}

const CREDENTIAL: &str = "secret-credential";

fn credential(name: &str, directory: Option<OsString>) -> Result<PathBuf, Failure> {
    let directory = directory.map(PathBuf::from).filter(|directory| directory.is_absolute());
    let Some(directory) = directory else {
        return Err(Failure::source(
            CREDENTIAL,
            format!("there is no credential {name}: $CREDENTIALS_DIRECTORY is not set"),
            format!("add `LoadCredential={name}:PATH` to the daemon's unit, and start it by systemd"),
        ));
    };
    let path = directory.join(Path::new(name));
    Ok(path)
}

/// Names are shown, and words of names are no long mixtures of letters and digits.
fn looks_like_a_secret(name: &str) -> bool {
    let is_mixed = |word: &str| {
        word.bytes().any(|byte| byte.is_ascii_digit()) && word.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    name.split('_').any(|word| word.len() > 16 && is_mixed(word))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests;
