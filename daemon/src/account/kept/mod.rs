//! What survives the daemon: the last token of each account, encrypted to the store's identity and bound to the account,
//! its type, its service's origin, its client and its user, so that no file can be planted, moved or sent elsewhere.

mod record;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokend_proto::limits::MAX_ANSWER;

use super::life::Restored;
use super::registry::Account;
use super::token::Token;
use crate::clock::Moment;
use crate::platform::{self, files};
use crate::provider::Failure;
use crate::secret::store::{StateKeys, Store, Unreadable};

use self::record::Record;

/// A kept token is never larger than this many bytes.
const LARGEST: u64 = 2 * MAX_ANSWER as u64;

/// The folder of the kept state (`$XDG_STATE_HOME/tokend/accounts`), and the store whose keys open it. Blocks.
#[derive(Debug)]
pub struct Cabinet {
    folder: PathBuf,
    store: Arc<Store>,
    boot: Option<String>,
}

/// Whom a kept file belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Binding {
    /// The file's name. It has a hash of all the rest, so that the state of another service lies beside it, untouched.
    file: String,
    context: Vec<u8>,
}

impl Binding {
    /// That of an account as it is configured.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        let identity = account.provider.identity();
        let mut context = Vec::with_capacity(256);
        let words: [&str; 6] = [
            "tokend kept token 1",
            &account.name,
            account.kind,
            &identity.origin,
            &identity.client,
            &identity.user,
        ];
        for word in words {
            // A length before each, so that no two bindings have the same bytes.
            context.extend_from_slice(&(word.len() as u64).to_le_bytes());
            context.extend_from_slice(word.as_bytes());
        }
        let hash = Sha256::digest(&context);
        let head = hash.iter().take(8).fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
        Self { file: format!("{}.{head:016x}.age", account.name), context }
    }
}

impl Cabinet {
    /// The kept state in `folder`, which need not exist.
    #[must_use]
    pub fn new(folder: &Path, store: Arc<Store>) -> Self {
        Self { folder: folder.to_path_buf(), store, boot: platform::boot() }
    }

    /// The store whose keys it uses.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The files that there are.
    #[must_use]
    pub fn files(&self) -> Files {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        Files(entries.filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    /// Removes what an earlier run did not write to the end. Only for the one who writes here.
    pub fn sweep(&self) {
        if let Ok(swept @ 1..) = files::sweep(&self.folder) {
            tracing::info!(swept, "removed what an earlier run did not write to the end");
        }
    }

    /// The token that was kept, if it is this account's, whole, and of the same definition.
    #[must_use]
    pub fn read(
        &self,
        keys: &StateKeys,
        binding: &Binding,
        service: &[u8; 32],
        now: Moment,
    ) -> Option<Restored> {
        let path = self.folder.join(&binding.file);
        let ignore = |why: &str| {
            tracing::warn!(path = %path.display(), "what was kept is not used: {why}; it is left as it is");
        };
        let bytes = match read_private(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                ignore(&error.to_string());
                return None;
            }
        };
        let plain = match keys.open(&binding.context, &bytes) {
            Ok(plain) => plain,
            Err(Unreadable::Planted) => {
                ignore("tokend did not write this file, or not for this account and service");
                return None;
            }
            Err(_) => {
                ignore("it is damaged, or of another identity of the store");
                return None;
            }
        };
        match Record::decode(&plain) {
            Ok(record) => record.restore(service, now, self.boot.as_deref()),
            Err(why) => {
                ignore(why);
                None
            }
        }
    }

    /// Keeps a token in the place of the one before: whole or not at all, and on disk when this returns.
    ///
    /// # Errors
    /// What the store or the disk says.
    pub fn write(
        &self,
        keys: &StateKeys,
        binding: &Binding,
        service: [u8; 32],
        token: &Token,
    ) -> Result<(), Failure> {
        let bytes = Record::encode(token, service, self.boot.as_deref())
            .ok_or_else(|| Failure::not_now("kept-state", "the token is too large to keep", ""))?;
        let bytes = keys.seal(&binding.context, &bytes)?;
        let path = self.folder.join(&binding.file);
        platform::private_folder(&self.folder)
            .and_then(|()| files::replace(&path, &bytes))
            .map_err(|error| cannot_keep(&path, &error))
    }

    /// Nothing is kept any more.
    ///
    /// # Errors
    /// What the disk says.
    pub fn remove(&self, binding: &Binding) -> Result<(), Failure> {
        let path = self.folder.join(&binding.file);
        match files::remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot_keep(&path, &error)),
            _ => Ok(()),
        }
    }
}

/// The names of the kept files.
#[derive(Debug)]
pub struct Files(HashSet<String>);

impl Files {
    /// Whether there is one of this binding.
    #[must_use]
    pub fn has(&self, binding: &Binding) -> bool {
        self.0.contains(&binding.file)
    }

    /// Whether there is one of an account of this name at another service, or with another client or user.
    #[must_use]
    pub fn has_other(&self, binding: &Binding, account: &str) -> bool {
        self.0.iter().any(|file| {
            *file != binding.file
                && file.strip_prefix(account).is_some_and(|rest| rest.len() == ".0123456789abcdef.age".len())
        })
    }
}

fn read_private(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let (file, facts) = files::open(path)?;
    let refuse = |why: String| Err(io::Error::other(why));
    if facts.kind != files::Kind::Regular {
        return refuse("it is no regular file".to_owned());
    }
    if !facts.trusted_owner {
        return refuse(format!("it belongs to user {}", facts.owner));
    }
    if facts.others_may_write() {
        return refuse(format!("others can write it (mode {:04o})", facts.mode));
    }
    if facts.length > LARGEST {
        return refuse("it is far too large".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cannot_keep(path: &Path, error: &io::Error) -> Failure {
    Failure::not_now(
        "kept-state",
        format!("cannot write {}: {error}", path.display()),
        "make room on the disk, or let its owner write there",
    )
}
