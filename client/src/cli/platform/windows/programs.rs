//! Where programs are: beside this one, and in the folders of `PATH`, with the endings that `PATHEXT` names.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What makes a file a program where nothing else is said.
const ENDINGS: &str = ".COM;.EXE;.BAT;.CMD";

/// The program of this name in the folder that `tok` itself is in.
pub(crate) fn beside_this(name: &str) -> Option<PathBuf> {
    // Not made canonical: that would begin with `\\?\`, which some programs do not understand.
    let own = std::env::current_exe().ok()?;
    let found = own.parent()?.join(format!("{name}.exe"));
    found.is_file().then_some(found)
}

/// The first program of this name in `PATH`. A relative folder there would be another one in each place: passed over, and
/// so is the folder that one is in.
pub(crate) fn find_program(name: impl AsRef<Path>) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let endings = Endings::of_this_process();
    std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .find_map(|folder| endings.program(&folder.join(name.as_ref())))
}

/// The program that is meant by this word of a command line: by its path, or by its name in `PATH`. The word itself where
/// there is none.
pub(crate) fn program(word: &OsStr) -> OsString {
    let path = Path::new(word);
    let found = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => find_program(path),
        _ => Endings::of_this_process().program(path),
    };
    found.map_or_else(|| word.to_owned(), PathBuf::into_os_string)
}

struct Endings(Vec<String>);

impl Endings {
    fn of_this_process() -> Self {
        let named = std::env::var("PATHEXT").ok().filter(|named| !named.is_empty());
        Self::of(named.as_deref().unwrap_or(ENDINGS))
    }

    fn of(named: &str) -> Self {
        let endings = named.split(';').filter_map(|ending| ending.strip_prefix('.'));
        Self(endings.filter(|ending| !ending.is_empty()).map(str::to_ascii_lowercase).collect())
    }

    /// The program at this path: as it is where it ends like one, else with the first ending that makes it one.
    fn program(&self, path: &Path) -> Option<PathBuf> {
        let own = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        if own.is_some_and(|own| self.0.contains(&own)) && path.is_file() {
            return Some(path.to_path_buf());
        }
        path.file_name()?;
        self.0.iter().find_map(|ending| {
            let mut longer = path.as_os_str().to_owned();
            longer.push(".");
            longer.push(ending);
            Some(PathBuf::from(longer)).filter(|path| path.is_file())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io};

    use super::*;

    #[test]
    fn a_program_is_found_by_its_endings_in_their_order() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        for name in ["a.cmd", "a.exe", "b.bat", "c", "d.txt", "e.1.cmd"] {
            fs::write(folder.path().join(name), "")?;
        }
        let found = |endings: &str, name: &str| {
            let path = Endings::of(endings).program(&folder.path().join(name))?;
            path.file_name().map(|name| name.to_string_lossy().into_owned())
        };
        assert_eq!(found(ENDINGS, "a").as_deref(), Some("a.exe"));
        assert_eq!(found(".CMD;.EXE", "a").as_deref(), Some("a.cmd"));
        assert_eq!(found(ENDINGS, "a.CMD").as_deref().map(str::to_lowercase).as_deref(), Some("a.cmd"));
        assert_eq!(found(ENDINGS, "b").as_deref(), Some("b.bat"));
        assert_eq!(found(ENDINGS, "e.1").as_deref(), Some("e.1.cmd"));
        for none in ["c", "d.txt", "d", "z"] {
            assert_eq!(found(ENDINGS, none), None, "{none}");
        }
        Ok(())
    }

    #[test]
    fn the_system_s_own_programs_are_found() {
        assert!(find_program("cmd").is_some_and(|path| path.is_absolute()));
        assert!(program(OsStr::new("cmd")).to_string_lossy().to_lowercase().ends_with("cmd.exe"));
        assert_eq!(find_program("no-such-program"), None);
        assert_eq!(program(OsStr::new("no-such-program")), "no-such-program");
    }
}
