//! Where the store's files are, how they are read, and the lock that its writers take turns by.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::trouble::{Closed, Trouble, check, is_a_link, shown};
use crate::newer::Newer;
use crate::platform::{self, files, remedies};

/// More than this no file of the store has: the longest secret and age's header, with room to spare.
pub(super) const MOST: usize = 256 * 1024;

/// The store's folder and what is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    folder: PathBuf,
}

impl Places {
    pub(super) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the secrets.
    pub(super) fn secrets(&self) -> PathBuf {
        self.folder.join("secrets")
    }

    /// The file of the secret `name`.
    pub(super) fn file_of(&self, name: &str) -> PathBuf {
        self.secrets().join(format!("{name}.age"))
    }

    /// The identity that anyone who can read it can use.
    pub(super) fn plain(&self) -> PathBuf {
        self.folder.join("identity")
    }

    /// The identity under a passphrase, an SSH key or a plugin.
    pub(super) fn protected(&self) -> PathBuf {
        self.folder.join("identity.age")
    }

    /// What opens the identity, where it is neither a plain file nor a passphrase.
    pub(super) fn source(&self) -> PathBuf {
        self.folder.join("identity.source")
    }

    /// The public half.
    pub(super) fn recipients(&self) -> PathBuf {
        self.folder.join("recipients.txt")
    }

    /// Whether others can put files into the store's folders, or a newer tokend has laid them out. Missing ones are
    /// no trouble.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        if self.folder.as_os_str().is_empty() {
            return Err(Trouble::refused("store-nowhere", "there is no place for a store", "set HOME"));
        }
        check_folder(&self.folder)?;
        check_folder(&self.secrets())?;
        Newer::layout(&self.folder).map_or(Ok(()), |newer| Err(Trouble::newer(&newer)))
    }

    /// Makes the folders where they are not, and keeps other writers out until the guard is dropped. What a
    /// killed writer left is removed.
    pub(super) fn write(&self) -> Result<Writing<'_>, Trouble> {
        self.check()?;
        for folder in [self.folder.clone(), self.secrets()] {
            platform::private_folder(&folder).map_err(|error| Trouble::io("make", &folder, &error))?;
        }
        let path = self.folder.join("lock");
        let lock = platform::open_lock(&path).map_err(|error| Trouble::io("open", &path, &error))?;
        platform::lock(&lock).map_err(|error| Trouble::io("lock", &path, &error))?;
        for folder in [self.folder.clone(), self.secrets()] {
            files::sweep(&folder).map_err(|error| Trouble::io("read", &folder, &error))?;
        }
        Ok(Writing { places: self, _lock: lock })
    }
}

/// The right to change what is in the store.
#[derive(Debug)]
pub(super) struct Writing<'a> {
    places: &'a Places,
    _lock: File,
}

impl Writing<'_> {
    pub(super) fn places(&self) -> &Places {
        self.places
    }

    /// Writes a file whole or not at all, and for good.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
        debug_assert!(path.starts_with(&self.places.folder), "the lock is this store's");
        files::replace(path, bytes).map_err(|error| Trouble::io("write", path, &error))
    }

    /// Removes a file for good.
    pub(super) fn remove(&self, path: &Path) -> Result<(), Trouble> {
        debug_assert!(path.starts_with(&self.places.folder), "the lock is this store's");
        files::remove(path).map_err(|error| Trouble::io("remove", path, &error))
    }
}

/// The bytes of a file of the store; none where there is no file. `what` says what it should be.
pub(super) fn read(path: &Path, closed: Closed, what: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
    let failed = |error: io::Error| Trouble::io("read", path, &error);
    let (file, facts) = match files::open_itself(path) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Err(is_a_link(path, what)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A socket, for one, cannot be opened; what is there says more than that.
        Err(error) => {
            if let Ok(facts) = files::facts(path) {
                check(path, &facts, closed, what)?;
            }
            return Err(failed(error));
        }
    };
    check(path, &facts, closed, what)?;
    // One allocation that never grows, so that nothing is left behind.
    let expected = usize::try_from(facts.length).unwrap_or(usize::MAX).min(MOST);
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected + 1));
    file.take(MOST as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MOST {
        return Err(Trouble::refused(
            "store-strange",
            format!("{} has more than {MOST} bytes, where {what} should be", shown(path)),
            format!("look at it (`{}`), and move it away", remedies::look(&shown(path))),
        ));
    }
    Ok(Some(bytes))
}

/// Whether others can put files into a folder; a missing one is no trouble.
fn check_folder(folder: &Path) -> Result<(), Trouble> {
    let facts = match files::facts(folder) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Trouble::io("read", folder, &error)),
    };
    let path = shown(folder);
    if facts.kind != files::Kind::Folder {
        Err(Trouble::refused(
            "store-strange",
            format!("{path} is no folder, where the store should be"),
            format!("look at it (`{}`), and move it away", remedies::look(&path)),
        ))
    } else if !facts.trusted_owner {
        Err(Trouble::refused(
            "store-open",
            format!("the folder {path} belongs to user {}, who can change what is in it", facts.owner),
            format!("if you trust what is in it, make it yours: `{}`", remedies::own_all(&path)),
        ))
    } else if facts.others_may_write() {
        Err(Trouble::refused(
            "store-open",
            format!("others can write to the folder {path} ({})", facts.openness()),
            format!("close it: `{}`", remedies::close_folder(&path)),
        ))
    } else {
        Ok(())
    }
}
