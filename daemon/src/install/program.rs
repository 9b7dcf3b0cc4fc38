//! Which path of this program the service names: one that is still right after the program's next upgrade.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::trouble::Trouble;

/// What empties itself: by age, at a reboot, with its terminal.
const FLEETING: [&str; 9] = [
    "/tmp",
    "/var/tmp",
    "/dev/shm",
    "/run",
    "/proc",
    // macOS', where `$TMPDIR` is in the last ones.
    "/private/tmp",
    "/private/var/tmp",
    "/private/var/folders",
    "/var/folders",
];

/// The program as a unit is to name it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// Its path, absolute; symbolic links on the way are left as they are.
    pub(super) path: PathBuf,
    /// What the person should know of that path.
    pub(super) note: Option<String>,
}

/// How this program was called.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// The file that runs, links resolved.
    pub(super) running: &'a Path,
    /// The first word of the command line.
    pub(super) word: Option<&'a OsStr>,
    /// `$PATH`.
    pub(super) path: Option<&'a OsStr>,
    /// The folder in which it was called.
    pub(super) folder: Option<&'a Path>,
    /// The user's home.
    pub(super) home: &'a Path,
}

impl Program {
    /// The path under which a shell finds this program, where that is the same file: a link such as
    /// `~/.nix-profile/bin/tokend` goes on to be right when what it points to has another name. Else the path by
    /// which it was called, else the file's own.
    ///
    /// # Errors
    /// A program that lies where the next clean-up takes it away.
    pub(super) fn find(call: &Call<'_>) -> Result<Self, Trouble> {
        let own = fs::canonicalize(call.running).map_err(|error| {
            Trouble::new(
                format!("the program's own file {} cannot be found: {error}", call.running.display()),
                "was it just replaced? say it once more with the new one",
            )
        })?;
        let is_own = |path: &PathBuf| fs::canonicalize(path).is_ok_and(|it| it == own);
        let path = in_path(call).find(is_own).or_else(|| called(call).filter(is_own)).unwrap_or(own.clone());
        if let Some(why) = fleeting(&path, call.home) {
            let what = format!("{} {why}: no service can rely on it", path.display());
            return Err(Trouble::new(what, HINT));
        }
        let note = fleeting(&own, call.home)
            .map(|why| format!("{} is a link to {}, which {why}", path.display(), own.display()));
        Ok(Self { path, note })
    }
}

const HINT: &str =
    "install it, by `cargo install --path daemon` or as a package, and say `tokend install` with that one";

/// Where a shell would find it, in this order.
fn in_path<'a>(call: &'a Call<'_>) -> impl Iterator<Item = PathBuf> + 'a {
    let name = call.word.and_then(|word| Path::new(word).file_name()).unwrap_or(OsStr::new("tokend"));
    let folders = call.path.into_iter().flat_map(std::env::split_paths);
    folders.filter(|folder| folder.is_absolute()).map(move |folder| folder.join(name))
}

/// The path by which it was called, if it was by one.
fn called(call: &Call<'_>) -> Option<PathBuf> {
    let word = Path::new(call.word?);
    if word.is_absolute() {
        return Some(word.to_path_buf());
    }
    let mut words = word.components().peekable();
    words.peek().filter(|_| word.parent() != Some(Path::new("")))?;
    let mut path = call.folder?.to_path_buf();
    for word in words {
        match word {
            Component::CurDir => {}
            // `..` of a link is not what the path says.
            Component::ParentDir => return None,
            word => path.push(word),
        }
    }
    Some(path)
}

/// Why a file at this path will not be there for long.
fn fleeting(path: &Path, home: &Path) -> Option<String> {
    // cargo, and others, mark what they can make anew (bford.info/cachedir).
    let cache = path.ancestors().skip(1).find(|folder| folder.join("CACHEDIR.TAG").is_file());
    if let Some(cache) = cache {
        return Some(format!("lies in the cache {}, which a clean-up empties", cache.display()));
    }
    // A home may well be there, one of a test for example.
    let own = home.parent().is_some() && path.starts_with(home);
    let place = FLEETING.iter().find(|place| path.starts_with(place)).filter(|_| !own)?;
    Some(format!("lies in {place}, which empties itself"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    /// Whether the system makes links, lets this user make them, and finds what they lead to.
    #[expect(deprecated, reason = "the one way that is the same on all systems")]
    fn link(to: &Path, at: &Path) -> bool {
        let found = fs::soft_link(to, at).and_then(|()| fs::canonicalize(at));
        let why = match found {
            Ok(found) if fs::canonicalize(to).is_ok_and(|to| to == found) => return true,
            Ok(_) => "it leads nowhere".to_owned(),
            Err(error) => error.to_string(),
        };
        eprintln!("SKIPPED: a program behind a link: {why}");
        false
    }

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new() -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            for folder in ["bin", "store/1", "target/debug"] {
                fs::create_dir_all(tree.at(folder)).unwrap();
            }
            fs::write(tree.at("target/CACHEDIR.TAG"), "").unwrap();
            tree
        }

        fn at(&self, path: &str) -> PathBuf {
            // What mktemp says may itself be behind a link.
            fs::canonicalize(self.0.path()).unwrap().join(path)
        }

        fn program(&self, path: &str) -> PathBuf {
            fs::write(self.at(path), "").unwrap();
            self.at(path)
        }

        fn find(&self, running: &Path, word: &str, path: &str) -> Result<Program, Trouble> {
            let home = self.at("");
            Program::find(&Call {
                running,
                word: Some(OsStr::new(word)),
                path: Some(self.at(path).as_os_str()),
                folder: Some(&home),
                home: &home,
            })
        }
    }

    #[test]
    fn a_link_in_path_is_kept_since_it_outlives_what_it_points_to() {
        let tree = Tree::new();
        let running = tree.program("store/1/tokend");
        if !link(&running, &tree.at("bin/tokend")) {
            return;
        }
        let found = tree.find(&running, "tokend", "bin").unwrap();
        assert_eq!(found, Program { path: tree.at("bin/tokend"), note: None });
        // Also when it was called by the other name.
        let found = tree.find(&running, running.to_str().unwrap(), "bin").unwrap();
        assert_eq!(found.path, tree.at("bin/tokend"));
    }

    #[test]
    fn another_program_of_that_name_in_path_does_not_count() {
        let tree = Tree::new();
        let running = tree.program("store/1/tokend");
        tree.program("bin/tokend");
        assert_eq!(tree.find(&running, "tokend", "bin").unwrap().path, running);
    }

    #[test]
    fn without_path_the_way_by_which_it_was_called_counts() {
        let tree = Tree::new();
        let running = tree.program("store/1/tokend");
        assert_eq!(tree.find(&running, "something else", "bin").unwrap().path, running);
        if !link(&tree.at("store/1"), &tree.at("store/current")) {
            return;
        }
        for word in ["store/current/tokend", "./store/current/tokend"] {
            assert_eq!(
                tree.find(&running, word, "bin").unwrap().path,
                tree.at("store/current/tokend"),
                "{word}"
            );
        }
        assert_eq!(tree.find(&running, "store/current/../1/tokend", "bin").unwrap().path, running);
    }

    #[test]
    fn what_the_next_clean_up_takes_away_is_refused() {
        let tree = Tree::new();
        let running = tree.program("target/debug/tokend");
        let trouble = tree.find(&running, "target/debug/tokend", "bin").unwrap_err();
        assert!(trouble.what.contains("lies in the cache"), "{trouble:?}");
        // A link from elsewhere was somebody's decision.
        if !link(&running, &tree.at("bin/tokend")) {
            return;
        }
        let found = tree.find(&running, "tokend", "bin").unwrap();
        assert_eq!(found.path, tree.at("bin/tokend"));
        assert!(found.note.unwrap().contains("is a link to"));
        assert!(fleeting(Path::new("/tmp/x/tokend"), Path::new("/home/a")).unwrap().contains("/tmp"));
        assert_eq!(fleeting(Path::new("/tmp/home/bin/tokend"), Path::new("/tmp/home")), None);
        assert!(fleeting(Path::new("/tmp/tokend"), Path::new("/")).is_some());
        assert_eq!(fleeting(Path::new("/usr/bin/tokend"), Path::new("/root")), None);
    }
}
