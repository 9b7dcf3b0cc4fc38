//! Whether the kept state can be written: tried, since only that tells.

use std::io;
use std::path::Path;

use tokend_proto::finding::{self, Finding};

use crate::document::printable;
use crate::platform::{files, remedies};

/// As much as what is kept of an account takes.
const AS_MUCH: [u8; 8192] = [0; 8192];

/// Writes a file where the accounts' state is kept, and removes it. Nothing where that works, or nothing has
/// been kept yet. Blocks.
#[must_use]
pub fn trouble(state: &Path) -> Option<Finding> {
    if !state.is_dir() {
        return None;
    }
    let accounts = state.join("accounts");
    let folder = if std::fs::symlink_metadata(&accounts).is_ok() { accounts } else { state.to_path_buf() };
    let path = folder.join("doctor");
    let remove = || match files::remove(&path) {
        // Somebody else looks at the same time.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    let error = files::replace(&path, &AS_MUCH).and_then(|()| remove()).err()?;
    Some(explain(&folder, &error))
}

fn explain(folder: &Path, error: &io::Error) -> Finding {
    use io::ErrorKind as E;
    let shown = printable(&folder.to_string_lossy(), 300);
    let message = format!("what tokend keeps cannot be written to {shown}: {error}");
    match error.kind() {
        E::StorageFull | E::QuotaExceeded => {
            let hint = format!("make room: `df -h {shown}`; until then a crash loses logins and tokens");
            finding::STORE_DISK_FULL.found(message, hint)
        }
        E::ReadOnlyFilesystem => {
            let hint = format!(
                "`findmnt -T {shown}` shows what is mounted there; in a unit, \
                 look at its ReadOnlyPaths= and Protect…="
            );
            finding::STORE_STATE_CLOSED.found(message, hint)
        }
        _ => {
            let hint = format!("it must be this user's own, and writable: see `{}`", remedies::look(&shown));
            finding::STORE_STATE_CLOSED.found(message, hint)
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_takes_files_is_left_as_it_was() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(trouble(state.path()), None);
        assert_eq!(trouble(&state.path().join("none")), None);
        std::fs::create_dir(state.path().join("accounts")).unwrap();
        assert_eq!(trouble(state.path()), None);
        assert_eq!(std::fs::read_dir(state.path().join("accounts")).unwrap().count(), 0);
    }

    #[test]
    fn each_way_to_refuse_has_its_finding() {
        let found = |kind: io::ErrorKind| explain(Path::new("/s"), &kind.into());
        assert!(found(io::ErrorKind::StorageFull).is(&finding::STORE_DISK_FULL));
        assert!(found(io::ErrorKind::QuotaExceeded).is(&finding::STORE_DISK_FULL));
        assert!(found(io::ErrorKind::ReadOnlyFilesystem).hint.contains("findmnt"));
        assert!(found(io::ErrorKind::PermissionDenied).is(&finding::STORE_STATE_CLOSED));
        let state = tempfile::tempdir().unwrap();
        std::fs::write(state.path().join("accounts"), "").unwrap();
        assert!(trouble(state.path()).is_some_and(|found| found.is(&finding::STORE_STATE_CLOSED)));
    }
}
