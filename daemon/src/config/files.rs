//! Reading the configuration's files, if nobody but the user and root can write them.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::document::{Diagnostic, printable};
use crate::platform::files::{self, Facts, Kind, Stamp};
use crate::platform::remedies;

/// A file of the configuration holds at most this many bytes.
const MOST: u64 = 4 * 1024 * 1024;

/// One file, read.
pub(super) struct Text {
    pub(super) path: PathBuf,
    pub(super) content: String,
    /// Whether it is `config.toml`.
    pub(super) is_main: bool,
}

/// The texts of `config.toml` and `accounts.d/*.toml` in `folder`, and what is wrong with others of them.
pub(super) fn read(folder: &Path) -> (Vec<Text>, Vec<Diagnostic>) {
    let main = folder.join("config.toml");
    let mut found = Vec::new();
    let mut texts = Vec::new();
    check_folder(folder, &mut found);
    let mut read = |path: PathBuf, is_main| match read_one(&path) {
        Ok(content) => texts.push(Text { path, content, is_main }),
        Err(Unread::Missing) if is_main => {}
        Err(Unread::Missing) => {
            found.push(Diagnostic::of_file(&path, "this file cannot be found", "a broken link? remove it"));
        }
        Err(Unread::Faulty(mistake)) => found.push(*mistake),
    };
    read(main.clone(), true);
    let more = list(&folder.join("accounts.d"));
    match more {
        Ok(paths) => paths.into_iter().for_each(|path| read(path, false)),
        Err(mistakes) => found.extend(mistakes),
    }
    if texts.is_empty() && found.is_empty() {
        let hint = "write your accounts there; until then there is nothing to serve";
        found.push(Diagnostic::of_file(&main, "there is no configuration", hint).into_warning());
    }
    (texts, found)
}

/// The files that would be read, and what changes with each of them. Blocks.
#[must_use]
pub fn stamps(folder: &Path) -> Vec<(PathBuf, Stamp)> {
    let more = list(&folder.join("accounts.d")).unwrap_or_default();
    let all = std::iter::once(folder.join("config.toml")).chain(more);
    all.filter_map(|path| Some((path.clone(), files::stamp(&path)?))).collect()
}

/// Whoever can write the folder can put another file in the place of one that he cannot write.
fn check_folder(folder: &Path, found: &mut Vec<Diagnostic>) {
    if let Ok(facts) = files::facts(folder) {
        found.extend(distrust(folder, &facts));
    }
}

/// The files of `accounts.d` in the order of their names; none if there is no such folder. Hidden files and
/// those that editors leave behind do not count.
fn list(folder: &Path) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    let mistake = |message: String, hint: &str| vec![Diagnostic::of_file(folder, message, hint)];
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(mistake(
                format!("this folder cannot be read: {error}"),
                &format!("see `{}` on it", remedies::LOOK_AT_FOLDER),
            ));
        }
    };
    let mut mistakes = Vec::new();
    check_folder(folder, &mut mistakes);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let names: io::Result<Vec<OsString>> =
        entries.map(|entry| entry.map(|entry| entry.file_name())).collect();
    let mut names = names.map_err(|error| mistake(format!("this folder cannot be read: {error}"), ""))?;
    names.retain(|name| {
        let name = name.as_encoded_bytes();
        !name.starts_with(b".") && name.ends_with(b".toml")
    });
    names.sort_unstable();
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

enum Unread {
    Missing,
    Faulty(Box<Diagnostic>),
}

fn read_one(path: &Path) -> Result<String, Unread> {
    let faulty =
        |message: String, hint: &str| Unread::Faulty(Box::new(Diagnostic::of_file(path, message, hint)));
    let (file, facts) = files::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unread::Missing,
        _ => faulty(
            format!("this file cannot be read: {error}"),
            &format!("see `{}` on it", remedies::LOOK_AT_IT),
        ),
    })?;
    match facts.kind {
        Kind::Regular => {}
        Kind::Folder => return Err(faulty("this is a folder, not a file".to_owned(), "rename it")),
        Kind::Other => return Err(faulty("this is not a regular file".to_owned(), "rename it")),
    }
    if let Some(mistake) = distrust(path, &facts) {
        return Err(Unread::Faulty(Box::new(mistake)));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(facts.length.min(MOST)).unwrap_or(0) + 1);
    let read = file.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|error| faulty(format!("this file cannot be read: {error}"), ""))?;
    if bytes.len() as u64 > MOST {
        return Err(faulty("this file is too long".to_owned(), "at most 4 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let line = 1 + good.matches('\n').count();
        faulty(format!("this file is not UTF-8 (line {line})"), "save it as UTF-8")
    })
}

/// Why a file or folder of the configuration is not to be trusted, if so.
fn distrust(path: &Path, facts: &Facts) -> Option<Diagnostic> {
    let shown = printable(&path.to_string_lossy(), 300);
    if !facts.trusted_owner {
        let message = format!("this belongs to user {}, who can change it", facts.owner);
        return Some(Diagnostic::of_file(
            path,
            message,
            format!("make it yours: `{}`", remedies::own(&shown)),
        ));
    }
    facts.others_may_write().then(|| {
        let message = format!("others can write this ({})", facts.openness());
        Diagnostic::of_file(path, message, format!("close it: `{}`", remedies::close_to_writers(&shown)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::testing;

    #[test]
    fn what_belongs_to_another_user_is_not_trusted() {
        let (facts, user) = testing::facts_of_another(Kind::Regular);
        let mistake = distrust(Path::new("/c/config.toml"), &facts).map(|mistake| mistake.to_string());
        let mistake = mistake.unwrap_or_default();
        assert!(
            mistake.contains(&format!("this belongs to user {user}")) && mistake.contains("/c/config.toml"),
            "{mistake}"
        );
    }

    #[test]
    fn what_others_can_write_is_not_trusted() {
        for (mode, trusted) in [(0o600, true), (0o644, true), (0o444, true), (0o620, false), (0o602, false)] {
            let facts = testing::facts(Kind::Regular, mode);
            assert_eq!(distrust(Path::new("/c"), &facts).is_none(), trusted, "{mode:o}");
        }
    }
}
