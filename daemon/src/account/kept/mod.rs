//! What survives the daemon: the last token and the grant of each account, encrypted to the store's identity and bound to
//! the account, its type, its service's origin, its client and its user, so that no file can be planted, moved or sent
//! elsewhere.

mod form;
pub(super) mod grant;
mod newer;
pub(super) mod record;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use tokend_proto::limits::MAX_ANSWER;

use super::grant::Kept;
use super::life::Restored;
use super::registry::Account;
use super::token::Token;
use crate::clock::Moment;
use crate::newer::Newer;
use crate::platform::{self, files};
use crate::provider::Failure;
use crate::secret::store::{StateKeys, Store, Unreadable};

use self::form::Unknown;
use self::record::Record;

/// A kept token is never larger than this many bytes.
const LARGEST: u64 = 2 * MAX_ANSWER as u64;

/// The folder of the kept state (`$XDG_STATE_HOME/tokend/accounts`), and the store whose keys open it. Blocks.
#[derive(Debug)]
pub struct Cabinet {
    folder: PathBuf,
    store: Arc<Store>,
    boot: Option<String>,
    /// Files in whose place may be written: nothing of others lies there.
    known: Mutex<HashSet<String>>,
    /// Those that a newer tokend has written.
    of_a_newer: Mutex<HashSet<String>>,
}

/// Whom a kept file belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Binding {
    /// The file's name. It has a hash of all the rest, so that the state of another service lies beside it, untouched.
    file: String,
    context: Vec<u8>,
    /// The newest form of what is in it.
    newest: u8,
}

impl Binding {
    /// That of the last token of an account as it is configured.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        Self::with("tokend kept token 1", account, "age", record::NEWEST)
    }

    /// That of its grant.
    #[must_use]
    pub fn of_grant(account: &Account) -> Self {
        Self::with("tokend kept grant 1", account, "grant.age", grant::NEWEST)
    }

    fn with(what: &str, account: &Account, ending: &str, newest: u8) -> Self {
        let identity = account.provider.identity();
        let mut context = Vec::with_capacity(256);
        let words: [&str; 6] =
            [what, &account.name, account.kind, &identity.origin, &identity.client, &identity.user];
        for word in words {
            // A length before each, so that no two bindings have the same bytes.
            context.extend_from_slice(&(word.len() as u64).to_le_bytes());
            context.extend_from_slice(word.as_bytes());
        }
        let hash = Sha256::digest(&context);
        let head = hash.iter().take(8).fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
        Self { file: format!("{}.{head:016x}.{ending}", account.name), context, newest }
    }
}

impl Cabinet {
    /// The kept state in `folder`, which need not exist.
    #[must_use]
    pub fn new(folder: &Path, store: Arc<Store>) -> Self {
        Self {
            folder: folder.to_path_buf(),
            store,
            boot: platform::boot(),
            known: Mutex::default(),
            of_a_newer: Mutex::default(),
        }
    }

    /// The store whose keys it uses.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The files that there are.
    #[must_use]
    pub fn files(&self) -> Files {
        if let Some(newer) = self.newer_layout() {
            tracing::warn!("nothing that was kept is used, and nothing is kept: {newer}; {}", newer.hint());
            return Files(HashSet::new());
        }
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
        match self.look(keys, binding, Record::decode) {
            Ok(record) => record?.restore(service, now, self.boot.as_deref()),
            Err(failure) => {
                tracing::warn!("what was kept is not used: {}; {}", failure.message, failure.hint);
                None
            }
        }
    }

    /// Whether something lies in the place of this binding's file. Needs no key.
    ///
    /// # Errors
    /// What the disk says; or that a newer tokend has laid the folder out, so that it may lie elsewhere.
    pub fn has(&self, binding: &Binding) -> Result<bool, Failure> {
        if let Some(newer) = self.newer_layout() {
            return Err(newer::grant(&newer));
        }
        let path = self.folder.join(&binding.file);
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if is_absence(&error) => Ok(false),
            Err(error) => Err(cannot_read(&path, &error)),
        }
    }

    /// The grant that was kept, if it is this account's.
    ///
    /// # Errors
    /// What the disk says, or why what lies there cannot be read: then there may be one. It is not moved aside, as a
    /// token would be: only a person knows whether the first refresh token may be sent in its place.
    pub fn read_grant(&self, keys: &StateKeys, binding: &Binding) -> Result<Option<Kept>, Failure> {
        let path = self.folder.join(&binding.file);
        let kept = self.find(keys, binding, grant::decode).or_else(|unfit| match unfit {
            // A wrong owner or mode is an accident that a person mends.
            Unfit::Strange(why) | Unfit::Closed(why) => Err(closed(&path, &why)),
            Unfit::Newer(newer) => Err(newer::grant(&newer)),
            unfit => set_aside(&path, unfit),
        })?;
        self.known().insert(binding.file.clone());
        Ok(kept)
    }

    /// Keeps a grant in the place of the one before: whole or not at all, and on disk when this returns. One that a
    /// newer tokend has kept is moved aside: who writes without having read has a person's new login.
    ///
    /// # Errors
    /// What the store or the disk says.
    pub fn write_grant(&self, keys: &StateKeys, binding: &Binding, kept: &Kept) -> Result<(), Failure> {
        let bytes = grant::encode(kept)
            .ok_or_else(|| Failure::not_now("kept-state", "the refresh token is too large to keep", ""))?;
        self.make_room(binding)?;
        self.put(keys, binding, &bytes)
    }

    /// What lies in the place of this binding's file. What tokend did not write there is moved aside, never lost.
    fn look<T>(
        &self,
        keys: &StateKeys,
        binding: &Binding,
        decode: fn(&[u8]) -> Result<T, Unknown>,
    ) -> Result<Option<T>, Failure> {
        let record = self.find(keys, binding, decode);
        let record = record.or_else(|unfit| set_aside(&self.folder.join(&binding.file), unfit))?;
        self.known().insert(binding.file.clone());
        Ok(record)
    }

    fn find<T>(
        &self,
        keys: &StateKeys,
        binding: &Binding,
        decode: fn(&[u8]) -> Result<T, Unknown>,
    ) -> Result<Option<T>, Unfit> {
        if let Some(newer) = self.newer_layout() {
            return Err(Unfit::Newer(newer));
        }
        let path = self.folder.join(&binding.file);
        let bytes = match read_private(&path) {
            Err(Unfit::Unread(error)) if is_absence(&error) => return Ok(None),
            read => read?,
        };
        if let Some(newer) = form::of_header(&path, &bytes, binding.newest) {
            return Err(Unfit::Newer(newer));
        }
        match keys.open(&binding.context, &bytes) {
            Ok(plain) => decode(&plain).map(Some).map_err(|unknown| match unknown {
                Unknown::Newer(form) => {
                    self.of_a_newer().insert(binding.file.clone());
                    Unfit::Newer(Newer::form(&path, form.into()))
                }
                Unknown::Strange(why) => Unfit::Closed(why.to_owned()),
            }),
            Err(Unreadable::Planted) => {
                let why = "tokend did not write this file, or not for this account and service";
                Err(Unfit::Planted(why.to_owned()))
            }
            Err(Unreadable::Locked) => Err(Unfit::Locked),
            Err(Unreadable::NotOurs) => {
                Err(Unfit::Closed("it is damaged, or of another identity of the store".to_owned()))
            }
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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
        if !self.known().contains(&binding.file) {
            self.look(keys, binding, Record::decode)?;
        }
        self.put(keys, binding, &bytes)
    }

    fn put(&self, keys: &StateKeys, binding: &Binding, bytes: &[u8]) -> Result<(), Failure> {
        let bytes = keys.seal(&binding.context, binding.newest, bytes)?;
        let path = self.folder.join(&binding.file);
        platform::private_folder(&self.folder)
            .and_then(|()| files::replace(&path, &bytes))
            .map_err(|error| cannot_keep(&path, &error))?;
        self.known().insert(binding.file.clone());
        Ok(())
    }

    /// No token is kept any more. One that a newer tokend has kept stays: it is none that was refused here.
    ///
    /// # Errors
    /// What the disk says.
    pub fn remove(&self, binding: &Binding) -> Result<(), Failure> {
        if self.newer_in_place_of(binding).is_some() {
            return Ok(());
        }
        self.take_away(binding)
    }

    /// No grant is kept any more.
    ///
    /// # Errors
    /// What the disk says; or that a newer tokend has kept this one, so that only a person may remove it.
    pub fn remove_grant(&self, binding: &Binding) -> Result<(), Failure> {
        match self.newer_in_place_of(binding) {
            Some(newer) => Err(newer::grant(&newer)),
            None => self.take_away(binding),
        }
    }

    fn take_away(&self, binding: &Binding) -> Result<(), Failure> {
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

/// Why a kept file is not used.
enum Unfit {
    /// Somebody else wrote it.
    Planted(String),
    /// It does not lie there as tokend lays its files out.
    Strange(String),
    /// It cannot be read: damaged, or of another identity.
    Closed(String),
    /// A newer tokend has kept it.
    Newer(Newer),
    /// The system does not give it.
    Unread(io::Error),
    /// The store was locked meanwhile.
    Locked,
}

impl Unfit {
    fn strange(why: &str) -> Self {
        Self::Strange(why.to_owned())
    }
}

/// What cannot be used is moved aside; where the system, the store or a newer tokend is in the way, it stays.
fn set_aside<T>(path: &Path, unfit: Unfit) -> Result<Option<T>, Failure> {
    let why = match unfit {
        Unfit::Planted(why) | Unfit::Strange(why) | Unfit::Closed(why) => why,
        Unfit::Newer(newer) => return Err(newer::token(&newer)),
        Unfit::Unread(error) => return Err(cannot_read(path, &error)),
        // Nobody knows what it is.
        Unfit::Locked => return Err(Failure::locked()),
    };
    let mut aside = path.as_os_str().to_owned();
    aside.push(".unreadable");
    let aside = PathBuf::from(aside);
    if let Err(error) = fs::rename(path, &aside) {
        let message = format!("{}: {why}; it cannot be moved aside: {error}", path.display());
        return Err(Failure::not_now("kept-state", message, "move the file away"));
    }
    tracing::warn!(
        "what was kept is not used: {}: {why}; it was moved to {}",
        path.display(),
        aside.display()
    );
    Ok(None)
}

fn read_private(path: &Path) -> Result<Vec<u8>, Unfit> {
    use std::io::Read as _;
    let (file, facts) = files::open(path).map_err(|error| match error.kind() {
        // Not as tokend lays its files out.
        io::ErrorKind::PermissionDenied => Unfit::strange(&error.to_string()),
        _ if fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink()) => Unfit::strange(&error.to_string()),
        _ => Unfit::Unread(error),
    })?;
    let refuse = |why: String| Err(Unfit::Strange(why));
    if facts.kind != files::Kind::Regular {
        return refuse("it is no regular file".to_owned());
    }
    if !facts.trusted_owner {
        return refuse(format!("it belongs to user {}", facts.owner));
    }
    if facts.others_may_write() {
        return refuse(format!("others can write it ({})", facts.openness()));
    }
    if facts.length > LARGEST {
        return refuse("it is far too large".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(Unfit::Unread)?;
    Ok(bytes)
}

/// Whether it says that there is no such file.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot read {}: {error}", path.display());
    Failure::not_now("kept-state", message, "mend the disk, or move the file away")
}

/// A grant that cannot be read: what is in it may be newer than what its source has.
fn closed(path: &Path, why: &str) -> Failure {
    Failure::not_now(
        "kept-state",
        format!("{}: {why}; it may have the only refresh token that is still good", path.display()),
        "bring the store's identity back, or what wrote the file; or log in at the service anew, put its refresh token \
         where the account's comes from, and move the file away",
    )
}

fn cannot_keep(path: &Path, error: &io::Error) -> Failure {
    Failure::not_now(
        "kept-state",
        format!("cannot write {}: {error}", path.display()),
        "make room on the disk, or let its owner write there",
    )
}
