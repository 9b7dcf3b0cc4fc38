use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::identity::Opened;
use super::*;
use crate::platform::testing;
use crate::provider::Class;

mod identities;
mod kept;
mod locking;
mod secrets;
mod strange;

/// A store in a folder of its own, made by nobody yet.
struct Home {
    root: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("data").join("tokend")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name.split('/').collect::<PathBuf>())
    }

    fn store(&self) -> Store {
        Store::at(&self.folder())
    }

    /// A store with an identity and these secrets, each holding its own name in capitals.
    async fn with(names: &[&str]) -> (Self, Store) {
        let home = Self::new();
        let store = home.store();
        for name in names {
            store.set(name, secret(&name.to_uppercase()), Binding::Keep).await.unwrap();
        }
        (home, store)
    }

    /// A store whose identity has this passphrase, with the secret `a`.
    async fn with_passphrase(passphrase: &str) -> (Self, Store) {
        let home = Self::new();
        let store = home.store();
        store.make(Protection::Passphrase(secret(passphrase))).await.unwrap();
        store.set("a", secret("A"), Binding::Keep).await.unwrap();
        (home, store)
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec()).unwrap()
}

fn errand() -> Errand {
    Errand::new("account", "https://one.example")
}

fn text(secret: &Secret) -> String {
    let bytes = secret.expose();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a fetch brings.
async fn fetched(store: &Store, name: &str) -> Result<String, Failure> {
    store.fetch(name, &errand()).await.map(|secret| text(&secret))
}

fn write(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).unwrap();
    testing::set_mode(path, mode);
}

/// Every file in the store, with its bytes, but for the lock.
fn everything(home: &Home) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![home.folder()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && path.file_name().unwrap() != "lock" {
                let bytes = fs::read(&path).unwrap_or_default();
                files.push((path, bytes));
            }
        }
    }
    files.sort();
    files
}
