//! A private folder of token files that never outlives who made it.

use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::platform::{self, Hold};

/// How the folders' names begin.
const PREFIX: &str = "exec-";

/// The same, in the system's temporary folder.
const ELSEWHERE: &str = "tok-exec-";

/// The folder. Holds a lock as long as it lives, by which the next one knows what a killed one left behind.
#[derive(Debug)]
pub(crate) struct TokenFolder {
    path: PathBuf,
    _lock: Hold,
    /// Whether the folder is still there: a late rotation must not write into a folder that is being removed.
    open: Mutex<bool>,
}

impl TokenFolder {
    /// A new folder beside the daemon's socket (where that is no file, in a folder of this user's), or under the system's temporary folder where that place is not
    /// this user's alone.
    pub(crate) fn beside(socket: &Path) -> io::Result<Self> {
        match tokend_client::places::run_folder(socket) {
            Some(place) => Self::within(&place),
            None => Self::make(&std::env::temp_dir(), ELSEWHERE),
        }
    }

    fn within(place: &Path) -> io::Result<Self> {
        if platform::is_own_place(place) {
            sweep(place);
            if let Ok(folder) = Self::make(place, PREFIX) {
                return Ok(folder);
            }
        }
        Self::make(&std::env::temp_dir(), ELSEWHERE)
    }

    fn make(place: &Path, prefix: &str) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..8 {
            let path = place.join(format!("{prefix}{:016x}", random()));
            match platform::make_private_folder(&path).and_then(|()| platform::hold(&path)) {
                // Another tok's sweep may have taken it for an abandoned one: then the lock fails or the folder is gone.
                Ok(Some(lock)) if path.is_dir() => {
                    return Ok(Self { path, _lock: lock, open: Mutex::new(true) });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where the file of this name is or will be.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file anew: whoever reads it sees the old content or the new, never half of one. Does nothing once
    /// the folder is gone.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !*open {
            return Ok(());
        }
        let fresh = self.path.join(format!(".{name}.new"));
        let _ = fs::remove_file(&fresh);
        platform::write_private(&fresh, content)?;
        fs::rename(&fresh, self.file(name))
    }

    /// Removes the files and the folder, for good.
    pub(crate) fn remove(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *open) {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

impl Drop for TokenFolder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Removes what a tok that was killed left behind: a folder that nobody holds locked.
fn sweep(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in
        entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()))
    {
        let path = entry.path();
        if platform::is_private(&path) && matches!(platform::hold(&path), Ok(Some(_))) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// A number that no other process has at the same time; not a secret.
pub(crate) fn random() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(place: &Path) -> Vec<String> {
        let entries =
            fs::read_dir(place).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn files_are_replaced_whole_and_go_with_their_folder() -> io::Result<()> {
        let place = tempfile::tempdir()?;
        let folder = TokenFolder::within(place.path())?;
        folder.write("A", b"one")?;
        let old = platform::testing::replaces_open_files().then(|| fs::File::open(folder.file("A")));
        folder.write("A", b"two")?;
        assert_eq!(fs::read(folder.file("A"))?, b"two");
        if let Some(old) = old {
            assert_eq!(io::read_to_string(old?)?, "one");
        }
        assert_eq!(names(&folder.path), ["A"]);
        folder.remove();
        folder.write("A", b"late")?;
        assert!(!folder.path.exists());
        drop(folder);
        assert_eq!(names(place.path()), Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn what_a_killed_one_left_is_swept_and_what_lives_stays() -> io::Result<()> {
        let place = tempfile::tempdir()?;
        let abandoned = place.path().join("exec-0");
        platform::make_private_folder(&abandoned)?;
        fs::write(abandoned.join("A"), "left")?;
        let first = TokenFolder::within(place.path())?;
        assert!(!abandoned.exists());
        first.write("A", b"alive")?;
        let _second = TokenFolder::within(place.path())?;
        assert_eq!(fs::read(first.file("A"))?, b"alive");
        Ok(())
    }

    #[test]
    fn a_place_that_others_can_write_to_is_not_used() -> io::Result<()> {
        let place = tempfile::tempdir()?;
        platform::testing::open_to_others(place.path())?;
        let folder = TokenFolder::within(place.path())?;
        assert!(!folder.path.starts_with(place.path()));
        Ok(())
    }
}
