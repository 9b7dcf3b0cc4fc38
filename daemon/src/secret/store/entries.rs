//! The secrets' files: what is there, setting one, removing one. None of it needs the identity to be open.

use std::fs;
use std::io;
use std::time::SystemTime;

use tokend_proto::Secret;

use super::identity::{self, How};
use super::making::{self, Made};
use super::name::{RULE, did_you_mean, is_name};
use super::opening;
use super::places::{self, Places, Writing};
use super::sealed::{self, Bound, Label};
use super::trouble::{Closed, Trouble, shown};
use crate::document::printable;
use crate::platform::files;

/// For whom a secret is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// For whom it was so far; for everybody where it is new.
    Keep,
    /// For every account.
    Any,
    /// For this one alone.
    To(Bound),
}

/// What setting a secret did.
#[derive(Debug)]
pub struct Set {
    /// The identity that had to be made for it.
    pub made: Option<Made>,
    /// Whether there was one of this name.
    pub replaced: bool,
    /// For whom it is now.
    pub bound: Option<Bound>,
}

/// One file in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The secret's name; for a stranger's file, the file's.
    pub name: String,
    /// For whom alone it is.
    pub bound: Option<Bound>,
    /// When the file was changed.
    pub changed: Option<SystemTime>,
    /// Why it is no secret of the store's, if it is none.
    pub stranger: Option<String>,
}

/// The bytes of the file of the secret `name`.
pub(super) fn read(places: &Places, name: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, Trouble> {
    checked(name)?;
    places.check()?;
    let path = places.file_of(name);
    places::read(&path, Closed::ToWriters, &format!("the secret {name}"))?
        .ok_or_else(|| missing(places, name))
}

/// Encrypts a secret and writes it. Makes a plain identity where there is none.
pub(super) fn set(places: &Places, name: &str, secret: &Secret, binding: Binding) -> Result<Set, Trouble> {
    checked(name)?;
    if secret.is_empty() {
        return Err(Trouble::usage("an empty secret is none", "write it to standard input"));
    }
    let writing = places.write()?;
    let existing = existing(places, name)?;
    let replaced = existing.is_some();
    let (recipient, made) = making::ensure(&writing)?;
    let bound = match binding {
        Binding::Keep if replaced => kept(places, name)?,
        Binding::Keep | Binding::Any => None,
        Binding::To(bound) => Some(bound),
    };
    let label = Label { name: name.to_owned(), bound };
    let bytes = sealed::seal(&recipient, &label, &secret.expose())?;
    writing.replace(&places.file_of(name), &bytes)?;
    Ok(Set { made, replaced, bound: label.bound })
}

/// For whom the secret `name` is so far. Where the identity lies open that is certain, or an error; otherwise
/// it is what the file says.
fn kept(places: &Places, name: &str) -> Result<Option<Bound>, Trouble> {
    let bytes = read(places, name)?;
    let checked = match identity::find(places)? {
        Some(How::Plain) => sealed::check(&bytes, &opening::plain(places)?.identity()?),
        _ => Ok(()),
    };
    let label = checked.and_then(|()| sealed::peek(&bytes));
    label.map(|label| label.bound).map_err(|fault| {
        let trouble = fault.explain(&places.file_of(name), name);
        let message = format!("{}; so for whom the secret {name} was cannot be known", trouble.message);
        let hint = format!("say it: `tok secret set {name} --for ACCOUNT`, or --for-any for every account");
        Trouble::refused(trouble.kind, message, hint)
    })
}

/// Removes a secret.
pub(super) fn remove(places: &Places, name: &str) -> Result<(), Trouble> {
    checked(name)?;
    // Where there is nothing, nothing is made.
    read(places, name)?;
    let writing: Writing<'_> = places.write()?;
    match existing(places, name)? {
        Some(_) => writing.remove(&places.file_of(name)),
        None => Err(missing(places, name)),
    }
}

/// All that is there, by name.
pub(super) fn list(places: &Places) -> Result<Vec<Entry>, Trouble> {
    places.check()?;
    let folder = places.secrets();
    let failed = |error: io::Error| Trouble::io("read", &folder, &error);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let file_name = entry.file_name().to_string_lossy().into_owned();
        // A writer's, at work or killed.
        if files::is_temporary(entry.file_name().as_os_str()) {
            continue;
        }
        let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let (name, bound, stranger) = match label_of(places, &file_name) {
            Ok(label) => (label.name, label.bound, None),
            Err(why) => (printable(&file_name, 100), None, Some(why)),
        };
        found.push(Entry { name, bound, changed, stranger });
    }
    found.sort_by(|a, b| (a.stranger.is_some(), &a.name).cmp(&(b.stranger.is_some(), &b.name)));
    Ok(found)
}

/// The names of the secrets, as their files' names say.
pub(super) fn names(places: &Places) -> Vec<String> {
    let entries = fs::read_dir(places.secrets()).into_iter().flatten().flatten();
    let name = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?.strip_suffix(".age")?.to_owned();
        is_name(&name).then_some(name)
    };
    entries.filter_map(name).collect()
}

fn label_of(places: &Places, file_name: &str) -> Result<Label, String> {
    let name = file_name.strip_suffix(".age").filter(|name| is_name(name));
    let name = name.ok_or_else(|| "it is not named as a secret is".to_owned())?;
    existing(places, name)
        .and_then(|label| label.ok_or_else(|| missing(places, name)))
        .map_err(|trouble| trouble.message)
}

/// The label of what lies where the secret `name` belongs; trouble where that is not this secret's file,
/// since nothing of somebody else's is overwritten or removed.
fn existing(places: &Places, name: &str) -> Result<Option<Label>, Trouble> {
    let path = places.file_of(name);
    let bytes = places::read(&path, Closed::ToWriters, &format!("the secret {name}"))?;
    // Where the system cannot tell the two apart, what was read is the other's.
    let listed = names(places);
    let other = listed.iter().find(|other| other.eq_ignore_ascii_case(name));
    if let Some(other) = other.filter(|_| !listed.iter().any(|other| other == name)) {
        return Err(Trouble::usage(
            format!("there is a secret {other}, whose name differs only in case"),
            "name it so, or otherwise: some systems cannot tell the two apart",
        ));
    }
    let Some(bytes) = bytes else { return Ok(None) };
    let label = sealed::peek(&bytes).and_then(|label| sealed::fits(&label, name, None).map(|()| label));
    label.map(Some).map_err(|fault| fault.explain(&path, name))
}

/// The name, if it is one.
pub(super) fn checked(name: &str) -> Result<(), Trouble> {
    if is_name(name) {
        return Ok(());
    }
    // Whoever pastes a secret where its name belongs should not find it in an error.
    Err(Trouble::usage("this is no name of a secret", RULE))
}

fn missing(places: &Places, name: &str) -> Trouble {
    let names = names(places);
    let near = did_you_mean(name, names.iter().map(String::as_str));
    Trouble::missing(
        format!("the store has no secret {name} ({} is not there){near}", shown(&places.file_of(name))),
        format!("`tok secret set {name}` stores it, `tok secret list` shows what there is"),
    )
}
