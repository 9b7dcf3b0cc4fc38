//! What a newer tokend has kept is neither used nor overwritten nor removed: nobody here knows what is in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

use super::{Binding, Cabinet, HashSet, cannot_keep, form, read_private};
use crate::newer::{self, Newer};
use crate::provider::Failure;

impl Cabinet {
    /// The files whose change may mend that a grant cannot be read.
    #[must_use]
    pub fn files_of(&self, binding: &Binding) -> Vec<PathBuf> {
        let state = self.folder.parent().map(Newer::layout_file);
        let own = self.folder.join(&binding.file);
        [own].into_iter().chain(state).chain(self.store.identity_files()).collect()
    }

    /// Whether a newer tokend has laid out the state's folder.
    pub(super) fn newer_layout(&self) -> Option<Newer> {
        self.folder.parent().and_then(Newer::layout)
    }

    /// What a newer tokend has put where this binding's file belongs. Needs no key.
    pub(super) fn newer_in_place_of(&self, binding: &Binding) -> Option<Newer> {
        if self.known().contains(&binding.file) {
            return None;
        }
        if let Some(newer) = self.newer_layout() {
            return Some(newer);
        }
        let path = self.folder.join(&binding.file);
        if self.of_a_newer().contains(&binding.file) && path.symlink_metadata().is_ok() {
            return Some(Newer::named(&path, "another form"));
        }
        // What cannot be read is none of ours either, but nothing says that it is of a newer one.
        let bytes = read_private(&path).ok()?;
        form::of_header(&path, &bytes, binding.newest)
    }

    /// Makes room for a person's new login: what a newer tokend has kept there is moved aside.
    pub(super) fn make_room(&self, binding: &Binding) -> Result<(), Failure> {
        let Some(newer) = self.newer_in_place_of(binding) else { return Ok(()) };
        let path = self.folder.join(&binding.file);
        if newer.path() != path {
            // Not this file alone.
            return Err(grant(&newer));
        }
        let aside = free(&path);
        fs::rename(&path, &aside).map_err(|error| cannot_keep(&path, &error))?;
        self.of_a_newer().remove(&binding.file);
        tracing::warn!("{newer}; for the new login it was moved to {}", aside.display());
        Ok(())
    }

    pub(super) fn of_a_newer(&self) -> MutexGuard<'_, HashSet<String>> {
        self.of_a_newer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a kept token is not used, nor another written in its place.
pub(super) fn token(newer: &Newer) -> Failure {
    Failure::source(newer::KIND, newer.to_string(), newer.hint())
}

/// Why no refresh token is sent: the first one may be long void, and to send it may end the login.
pub(super) fn grant(newer: &Newer) -> Failure {
    Failure::source(
        newer::KIND,
        format!("{newer}; it may have the only refresh token that is still good, so none is sent"),
        newer.hint(),
    )
}

/// A name beside `path` that nothing has.
fn free(path: &Path) -> PathBuf {
    let with = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let is_free =
        |path: &PathBuf| path.symlink_metadata().is_err_and(|it| it.kind() == io::ErrorKind::NotFound);
    let mut others = (2_u32..).map(|number| with(&format!(".newer-{number}")));
    Some(with(".newer")).filter(is_free).or_else(|| others.find(is_free)).unwrap_or_else(|| with(".newer"))
}
