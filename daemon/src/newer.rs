//! What a newer tokend has written: it stays as it is, and whoever looks is told.
//!
//! Each file of ours has a form, and the folders have a layout. An older form is read, and the next write is of the
//! newest; of a newer one only the number is read. `docs/upgrading.md` has all of them.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::document::printable;

/// The word for programs.
pub const KIND: &str = "newer-tokend";

/// This tokend's own version.
pub const OURS: &str = env!("CARGO_PKG_VERSION");

/// The file that says which layout a folder has. The first layout has none.
const LAYOUT: &str = "layout";

/// The newest layout that this tokend knows, of the store's folder and of the state's.
const KNOWN_LAYOUT: u32 = 1;

/// No layout has as many digits.
const LONGEST: u64 = 64;

/// Something that this tokend cannot read, since a newer one wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newer {
    path: PathBuf,
    form: String,
}

impl Newer {
    /// A file of a form that is not known.
    #[must_use]
    pub fn form(path: &Path, number: u32) -> Self {
        Self { path: path.to_path_buf(), form: format!("form {number}") }
    }

    /// A file whose form is told in words.
    #[must_use]
    pub fn named(path: &Path, form: &str) -> Self {
        Self { path: path.to_path_buf(), form: printable(form, 60) }
    }

    /// A folder whose layout is newer than what is known, or not said in a way that is.
    #[must_use]
    pub fn layout(folder: &Path) -> Option<Self> {
        let path = folder.join(LAYOUT);
        let mut text = String::new();
        let read = fs::File::open(&path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
        match read {
            Ok(_) => match text.trim().parse() {
                Ok(1..=KNOWN_LAYOUT) => None,
                Ok::<u32, _>(number) => Some(Self { path, form: format!("layout {number}") }),
                Err(_) => Some(Self { path, form: "a layout without a number".to_owned() }),
            },
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                None
            }
            Err(error) => Some(Self { path, form: format!("its layout cannot be read: {error}") }),
        }
    }

    /// The file that says the layout of a folder, whether there is one or not.
    #[must_use]
    pub fn layout_file(folder: &Path) -> PathBuf {
        folder.join(LAYOUT)
    }

    /// What lies there.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("install that tokend again; or, to do without what is in it, move {} away", shown(&self.path))
    }
}

/// What happened, in one line.
impl fmt::Display for Newer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = shown(&self.path);
        write!(f, "{path} was kept by a newer tokend ({}): this one ({OURS}) cannot read it", self.form)
    }
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy(), 300)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_layout_has_the_first() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Newer::layout(folder.path()), None);
        assert_eq!(Newer::layout(&folder.path().join("nowhere")), None);
        fs::write(folder.path().join("layout"), "1\n").unwrap();
        assert_eq!(Newer::layout(folder.path()), None);
    }

    #[test]
    fn a_layout_of_tomorrow_is_named_and_so_is_none_that_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        for (text, said) in
            [("2\n", "(layout 2)"), ("", "without a number"), ("0", "(layout 0)"), ("x", "without")]
        {
            fs::write(folder.path().join("layout"), text).unwrap();
            let newer = Newer::layout(folder.path()).unwrap();
            assert!(newer.to_string().contains(said), "{newer}");
            assert!(newer.to_string().contains(OURS) && newer.hint().contains("layout away"), "{newer}");
        }
        fs::remove_file(folder.path().join("layout")).unwrap();
        fs::create_dir(folder.path().join("layout")).unwrap();
        assert!(Newer::layout(folder.path()).is_some());
    }
}
