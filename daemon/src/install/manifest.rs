//! What `tokend install` wrote, so that the next one and `tokend uninstall` know their own files from the person's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokend::platform::files;

use super::trouble::Trouble;

/// The form that is written.
const VERSION: u32 = 1;

/// The list. It is on disk before the first file of its own is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    /// Files that were written, with the SHA-256 (in hex) of whatever of ours may lie there.
    pub(super) files: BTreeMap<PathBuf, BTreeSet<String>>,
    /// Folders that were not there before.
    pub(super) folders: BTreeSet<PathBuf>,
    /// Units, agents or tasks that were enabled.
    pub(super) enabled: BTreeSet<String>,
    /// What else tells whether something has changed since, by the service manager's own names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) stamps: BTreeMap<String, String>,
    /// Whether the installation that wrote this has not come to its end.
    pub(super) is_begun: bool,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            version: VERSION,
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
            enabled: BTreeSet::new(),
            stamps: BTreeMap::new(),
            is_begun: false,
        }
    }
}

/// Only the number, whatever else a later form has.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

impl Manifest {
    /// Where it is, of the state in `folder`.
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join("installed.json")
    }

    /// The one at `path`; none where nothing was installed.
    ///
    /// # Errors
    /// One that cannot be read, or is of a later tokend.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Trouble> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            // Where a file is in the way of its folder, writing says so.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => {
                let hint = "it lists what was installed; make it readable";
                return Err(Trouble::new(format!("cannot read {}: {error}", path.display()), hint));
            }
        };
        match serde_json::from_slice(&bytes) {
            Ok(Head { version: VERSION }) => {}
            Ok(Head { version }) => {
                let what =
                    format!("{} is of another tokend: its form has the number {version}", path.display());
                return Err(Trouble::new(what, "do it with the newer tokend"));
            }
            Err(_) => return Err(damaged(path)),
        }
        serde_json::from_slice(&bytes).map(Some).map_err(|_| damaged(path))
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        text.push('\n');
        files::replace(path, text.as_bytes())
    }

    /// Whether these bytes at that path are ours.
    pub(super) fn knows(&self, path: &Path, hash: &str) -> bool {
        self.files.get(path).is_some_and(|hashes| hashes.contains(hash))
    }
}

fn damaged(path: &Path) -> Trouble {
    let hint = "remove it: files that differ from what install writes are then left alone";
    Trouble::new(format!("{} is damaged", path.display()), hint)
}

/// SHA-256 in hex, as sha256sum(1) prints it.
pub(super) fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = Manifest::path(folder.path());
        assert_eq!(Manifest::read(&path).unwrap(), None);
        let mut manifest = Manifest::default();
        manifest.files.insert("/a".into(), [hash(b"abc")].into());
        manifest.folders.insert("/b".into());
        manifest.enabled.insert("tokend.socket".into());
        manifest.write(&path).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), Some(manifest.clone()));
        // FIPS 180-2, B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(manifest.knows(Path::new("/a"), abc));
        assert!(!manifest.knows(Path::new("/b"), abc));
    }

    #[test]
    fn a_damaged_one_and_one_of_a_later_form_are_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = Manifest::path(folder.path());
        for (text, said) in [
            ("{", "is damaged"),
            ("{\"version\": 1}", "is damaged"),
            ("{\"version\": 2, \"paths\": []}", "is of another tokend"),
        ] {
            fs::write(&path, text).unwrap();
            assert!(Manifest::read(&path).unwrap_err().what.contains(said), "{text}");
        }
    }
}
