//! `tokend store import`: stores secrets that are elsewhere, under names made of theirs. What it reads stays
//! as it is.

mod aws;
mod dotenv;
mod pass;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use tokend::document::printable;
use tokend::platform::{self, files};
use tokend::secret::store::{Binding, Store, is_name, made_of};
use tokend::secret::{MOST_READ, Unfit, without_newline};
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::complaint::Complaint;
use super::{input, note, print};

/// Where from.
#[derive(Debug, Subcommand)]
pub(super) enum From {
    /// A file that is one secret, but for a newline at its end.
    File {
        /// The file.
        path: PathBuf,
        /// The secret's name; made of the file's where none is given.
        #[arg(long)]
        name: Option<String>,
    },
    /// Variables of a dotenv file.
    Dotenv {
        /// The file.
        path: PathBuf,
        /// Which variables; all where none is named.
        variables: Vec<String>,
        /// What each secret's name begins with.
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// The first lines of entries of the password store `pass`.
    Pass {
        /// The entries, as `pass show` knows them.
        #[arg(required = true)]
        entries: Vec<String>,
    },
    /// The keys in an AWS credentials file (`~/.aws/credentials`).
    Aws {
        /// The file.
        path: Option<PathBuf>,
        /// Which profiles; all where none is named.
        #[arg(long = "profile", value_name = "PROFILE")]
        profiles: Vec<String>,
    },
}

/// A secret on its way into the store.
#[derive(Debug)]
struct Found {
    /// What it was called.
    was: String,
    name: String,
    secret: Secret,
}

/// The most that is read of a file of several secrets.
const MOST_FILE: usize = 1024 * 1024;

pub(super) async fn run(store: &Store, from: From, replace: bool) -> Result<(), Complaint> {
    let (found, origin) = match from {
        From::File { path, name } => (vec![one_file(&path, name)?], path.display().to_string()),
        From::Dotenv { path, variables, prefix } => {
            (dotenv::read(&path, &variables, &prefix)?, path.display().to_string())
        }
        From::Pass { entries } => (pass::read(&entries)?, "pass".to_owned()),
        From::Aws { path, profiles } => {
            let at_home = || platform::surroundings().home().map(|home| home.join(".aws/credentials"));
            let path = path.map_or_else(at_home, Ok);
            let path = path.map_err(|error| Complaint::fault(error.to_string(), "name the file"))?;
            (aws::read(&path, &profiles)?, path.display().to_string())
        }
    };
    if found.is_empty() {
        return Err(Complaint::unknown(
            "nothing",
            format!("{origin} holds no secret that could be imported"),
            "name another",
        ));
    }
    free(store, &found, replace).await?;
    let mut count = 0;
    for Found { was, name, secret } in found {
        let set = store.set(&name, secret, Binding::Keep).await?;
        if let Some(made) = &set.made {
            note(&made.to_string());
        }
        count += 1;
        let replaced = if set.replaced { " (replaced)" } else { "" };
        print(format!("{} -> {name}{replaced}\n", printable(&was, 200)).as_bytes())?;
    }
    let them = if count == 1 { "it is" } else { "they are" };
    note(&format!("{them} still in {}: remove the old copy once everything works", printable(&origin, 300)));
    Ok(())
}

/// Before the first is stored it is known that all can be.
async fn free(store: &Store, found: &[Found], replace: bool) -> Result<(), Complaint> {
    let mut taken = BTreeSet::new();
    if !replace {
        taken.extend(store.list().await?.into_iter().map(|entry| entry.name.to_ascii_lowercase()));
    }
    for Found { was, name, .. } in found {
        if !taken.insert(name.to_ascii_lowercase()) {
            let was = printable(was, 200);
            return Err(Complaint::usage(
                format!("{was} would be the secret {name}, and there is one"),
                "nothing was stored; --replace replaces what is there, --name or --prefix make other names",
            ));
        }
    }
    Ok(())
}

fn one_file(path: &Path, name: Option<String>) -> Result<Found, Complaint> {
    let bytes = bytes_of(path, MOST_READ)?;
    let was = path.display().to_string();
    let name = match name {
        Some(name) => name,
        None => name_of(path.file_stem().unwrap_or_default().to_string_lossy().as_ref(), "--name")?,
    };
    if !is_name(&name) {
        return Err(Complaint::usage(
            "this is no name of a secret",
            "letters, digits, `.`, `_` and `-`: see docs/store.md",
        ));
    }
    Ok(Found { secret: fit(&bytes, &was)?, was, name })
}

/// A name made of another one.
fn name_of(words: &str, otherwise: &str) -> Result<String, Complaint> {
    made_of(words).ok_or_else(|| {
        let message = format!("no name can be made of {}", printable(words, 100));
        Complaint::usage(message, format!("give one with {otherwise}"))
    })
}

/// The secret in these bytes.
fn fit(bytes: &Zeroizing<Vec<u8>>, of: &str) -> Result<Secret, Complaint> {
    let of = printable(of, 200);
    without_newline(bytes).map_err(|unfit| match unfit {
        Unfit::Empty => Complaint::usage(format!("{of} is empty"), "nothing was stored; leave it out"),
        Unfit::TooLong => {
            Complaint::usage(format!("{of} is too long for a secret"), "nothing was stored; leave it out")
        }
    })
}

/// What is in a file.
fn bytes_of(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, Complaint> {
    let shown = printable(&path.to_string_lossy(), 300);
    let refused =
        |what: &str| Complaint::usage(format!("{shown} {what}"), "name the file that holds the secrets");
    let (file, facts) = files::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Complaint::unknown(
            "no-file",
            format!("there is no file {shown}"),
            "name the one that holds the secrets",
        ),
        _ => refused(&format!("cannot be read: {error}")),
    })?;
    if facts.kind != files::Kind::Regular {
        return Err(refused("is no regular file"));
    }
    let bytes = input::bounded(file, most).map_err(|error| refused(&format!("cannot be read: {error}")))?;
    if facts.length > most as u64 { Err(refused("is too long")) } else { Ok(bytes) }
}

/// The same as text.
fn text_of(path: &Path) -> Result<Zeroizing<String>, Complaint> {
    let bytes = bytes_of(path, MOST_FILE)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        let message = format!("{} is not UTF-8 text", printable(&path.to_string_lossy(), 300));
        Complaint::usage(message, "name the file that holds the secrets")
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}
