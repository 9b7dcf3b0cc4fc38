//! What is to be done: decided first, as a list that a dry run shows and an installation carries out.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use tokend::platform::files::{self, Kind};

use super::manifest::{Manifest, hash};
use super::pieces::Piece;
use super::trouble::Trouble;

/// Nothing of ours is longer: the longest is the program, where the service has a copy of its own.
const LONGEST: u64 = 256 * 1024 * 1024;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Ends a daemon that `tokend env` started.
    EndBackground(u32),
    /// Writes a file where there is none, or over an older one of ours.
    Write {
        /// Where.
        path: PathBuf,
        /// What.
        bytes: Vec<u8>,
        /// Whether there is an older one.
        replaces: bool,
    },
    /// Removes a file of ours.
    Remove(PathBuf),
    /// Removes an empty folder of ours.
    RemoveFolder(PathBuf),
    /// Tells the service manager something about these.
    Tell(Order, Vec<String>),
}

/// What a service manager is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// To read its units again.
    Reload,
    /// To know it from now on, and to start it at each login.
    Enable,
    /// To do that no more.
    Disable,
    Start,
    Restart,
    Stop,
}

/// What becomes of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It lies there as it should.
    Same,
    /// There is nothing.
    New,
    /// An older one of ours lies there.
    Older,
    /// What lies there is the person's, and stays.
    Theirs(&'static str),
}

/// What lies at a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum There {
    Nothing,
    /// A file, with its hash.
    File(String),
    /// A link, with the hash of the file that it leads to, if it leads to one.
    Link(Option<String>),
    /// Something else, or nothing that can be read.
    Other,
}

impl There {
    /// Looks.
    pub(super) fn at(path: &Path) -> Self {
        match files::open_itself(path) {
            Ok(Some((file, facts))) if facts.kind == Kind::Regular => {
                read(file).map_or(Self::Other, |bytes| Self::File(hash(&bytes)))
            }
            Ok(None) => {
                let target = files::open(path).ok().filter(|(_, facts)| facts.kind == Kind::Regular);
                Self::Link(target.and_then(|(file, _)| read(file).ok()).map(|bytes| hash(&bytes)))
            }
            // Where a file is in the way of its folder, writing says so.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Self::Nothing
            }
            Ok(Some(_)) | Err(_) => Self::Other,
        }
    }
}

fn read(file: fs::File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What becomes of `piece` where `there` is what lies in its place.
pub(super) fn judge(piece: &Piece, there: &There, manifest: &Manifest) -> Verdict {
    let wanted = hash(&piece.bytes);
    match there {
        There::Nothing => Verdict::New,
        There::File(hash) | There::Link(Some(hash)) if *hash == wanted => Verdict::Same,
        There::File(hash) if manifest.knows(&piece.path, hash) || piece.other_forms.contains(hash) => {
            Verdict::Older
        }
        There::File(_) if manifest.files.contains_key(&piece.path) => {
            Verdict::Theirs("changed since install wrote it")
        }
        There::File(_) => Verdict::Theirs("not of install's making"),
        There::Link(_) => Verdict::Theirs("a link of somebody's own"),
        There::Other => Verdict::Theirs("no file that can be read"),
    }
}

/// Folders above `path` that are not there yet, the outermost first.
pub(super) fn missing_folders(path: &Path) -> Vec<PathBuf> {
    let mut missing: Vec<_> = path
        .ancestors()
        .skip(1)
        .take_while(|folder| fs::symlink_metadata(folder).is_err())
        .map(Path::to_path_buf)
        .collect();
    missing.reverse();
    missing
}

/// Of `folders`, those that are empty once everything in `gone` is: the innermost first.
pub(super) fn emptied(folders: &BTreeSet<PathBuf>, gone: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let mut gone = gone.clone();
    let mut emptied = Vec::new();
    // A folder comes before what is in it.
    for folder in folders.iter().rev() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        if entries.flatten().all(|entry| gone.contains(&entry.path())) {
            gone.insert(folder.clone());
            emptied.push(folder.clone());
        }
    }
    emptied
}

/// Writes a file, and the folders above it.
///
/// # Errors
/// What the system says.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    let made = path.parent().map_or(Ok(()), make_folder);
    let written = made.and_then(|()| match files::replace(path, bytes) {
        Err(error) => instead_of_a_running_one(path, error, |path| files::replace(path, bytes)),
        Ok(()) => Ok(()),
    });
    written.map_err(|error| unwritable(path, &error))
}

/// Does once more what failed, with the file out of the way: a system may refuse to replace or remove a program that
/// runs, and let it be moved. It goes to where temporary files are, which empties itself.
fn instead_of_a_running_one(
    path: &Path,
    error: io::Error,
    again: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return Err(error);
    }
    let aside = std::env::temp_dir().join(format!("tokend-{}.old", std::process::id()));
    if fs::rename(path, &aside).is_err() {
        return Err(error);
    }
    match again(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let _ = fs::rename(&aside, path);
            Err(error)
        }
        _ => {
            // Not while it runs.
            let _ = fs::remove_file(&aside);
            Ok(())
        }
    }
}

/// Removes a file; one that has gone by itself is removed.
///
/// # Errors
/// What the system says.
pub(super) fn remove(path: &Path) -> Result<(), Trouble> {
    match files::remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let removed = instead_of_a_running_one(path, error, files::remove);
            removed.map_err(|error| unwritable(path, &error))
        }
        _ => Ok(()),
    }
}

/// Removes a folder, if it is as empty as it was thought to be.
pub(super) fn remove_folder(path: &Path) {
    // The service manager removes its own; what somebody put there meanwhile stays.
    let _ = fs::remove_dir(path);
}

/// Makes a folder and those above it; new ones are their user's alone, as the XDG specification wants it.
fn make_folder(folder: &Path) -> io::Result<()> {
    // The mask is set.
    fs::create_dir_all(folder)
}

/// Why nothing can be written there, and what to do.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> Trouble {
    let hint = match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "the home must be writable for a moment; where it never is, let the machine's administrator install \
             the package, and say `tokend env` in the profile"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room, and say it once more: it goes on where it stopped"
        }
        _ => "mend it, and say it once more: it goes on where it stopped",
    };
    Trouble::new(format!("cannot write {}: {error}", path.display()), hint)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    /// Whether the system makes links, lets this user make them, and knows them again.
    #[expect(
        deprecated,
        reason = "the one way that is the same on all systems; the links here lead to files"
    )]
    fn link(to: &Path, at: &Path) -> bool {
        let made = fs::soft_link(to, at).and_then(|()| fs::symlink_metadata(at));
        let why = match made {
            Ok(metadata) if metadata.is_symlink() => return true,
            Ok(_) => "it is none".to_owned(),
            Err(error) => error.to_string(),
        };
        eprintln!("SKIPPED: a link in the place of a file: {why}");
        false
    }

    fn piece(path: &Path) -> Piece {
        Piece {
            path: path.to_path_buf(),
            bytes: b"new".to_vec(),
            other_forms: vec![hash(b"shipped")],
            is_unit: false,
        }
    }

    #[test]
    fn only_what_is_known_to_be_ours_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let piece = piece(&path);
        let mut manifest = Manifest::default();
        let verdict = |manifest: &Manifest| judge(&piece, &There::at(&path), manifest);
        assert_eq!(verdict(&manifest), Verdict::New);
        fs::write(&path, "old").unwrap();
        assert_eq!(verdict(&manifest), Verdict::Theirs("not of install's making"));
        manifest.files.insert(path.clone(), [hash(b"old")].into());
        assert_eq!(verdict(&manifest), Verdict::Older);
        fs::write(&path, "old, edited").unwrap();
        assert_eq!(verdict(&manifest), Verdict::Theirs("changed since install wrote it"));
        fs::write(&path, "shipped").unwrap();
        assert_eq!(verdict(&Manifest::default()), Verdict::Older);
        fs::write(&path, "new").unwrap();
        assert_eq!(verdict(&Manifest::default()), Verdict::Same);
    }

    #[test]
    fn a_link_is_never_replaced_but_may_lead_to_the_right_thing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a"), folder.path().join("b"));
        if !link(&target, &path) {
            return;
        }
        assert_eq!(There::at(&path), There::Link(None));
        let piece = piece(&path);
        let mut manifest = Manifest::default();
        manifest.files.insert(path.clone(), [hash(b"old")].into());
        fs::write(&target, "old").unwrap();
        let judged = judge(&piece, &There::at(&path), &manifest);
        assert_eq!(judged, Verdict::Theirs("a link of somebody's own"));
        fs::write(&target, "new").unwrap();
        assert_eq!(judge(&piece, &There::at(&path), &manifest), Verdict::Same);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(There::at(&path), There::Other);
    }

    #[test]
    fn of_the_folders_only_those_that_will_be_empty_go() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        assert_eq!(missing_folders(&at("a/b/file")), [at("a"), at("a/b")]);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::create_dir_all(at("a/c")).unwrap();
        fs::write(at("a/b/file"), "").unwrap();
        let folders = [at("a"), at("a/b"), at("a/c"), at("a/never")].into();
        assert_eq!(emptied(&folders, &BTreeSet::new()), [at("a/c")]);
        assert_eq!(emptied(&folders, &[at("a/b/file")].into()), [at("a/c"), at("a/b"), at("a")]);
    }
}
