//! `tok init`: makes the store's identity, as ssh-keygen makes a key.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokend_client::Secret;

use super::arguments::{Word, Words};
use super::asking::{Asker, Question, ask_twice};
use super::complaint::{Complaint, Stop};
use super::engine::Engine;
use super::unlock::passphrase_from_stdin;
use super::{input, output};

/// Whoever cannot see what is typed types it twice.
const AGAIN: &str = "The same passphrase again";

/// `tok init`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let call = Call::read(&mut words)?;
    let mut engine = Engine::find(*words.manner, "init")?;
    if call.change {
        return change(&engine.word("--change-passphrase").word("--passphrase-stdin"), call.passphrase);
    }
    if let Some(protection) = call.protection {
        engine = protection.told_to(engine);
    }
    let passphrase = match call.passphrase {
        Given::None => return Err(engine.take_over()),
        Given::OnStdin => passphrase_from_stdin()?,
        Given::Asked => {
            let asker = at_terminal()?;
            // Before somebody thinks of a passphrase in vain. The engine looks again.
            refuse_a_second(identity_there())?;
            output::tell("Making an identity: the key that opens tokend's store.\n");
            ask_twice(&asker, "Passphrase (empty for none)", AGAIN)?
        }
    };
    if passphrase.is_empty() {
        return Err(engine.take_over());
    }
    engine.word("--passphrase-stdin").run(Some(&passphrase))
}

/// What the words of the call say.
struct Call {
    protection: Option<Protection>,
    change: bool,
    passphrase: Given,
}

/// What protects the identity instead of a passphrase.
enum Protection {
    /// An option whose value is a file, or a name.
    With(&'static str, OsString),
    /// The keyring's usual entry.
    Keyring,
}

/// Where the passphrase comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    /// From whoever sits at the terminal.
    Asked,
    /// From standard input.
    OnStdin,
    /// There is none.
    None,
}

impl Call {
    fn read(words: &mut Words<'_>) -> Result<Self, Stop> {
        let mut protections = Vec::new();
        let mut change = false;
        let mut passphrase = Given::Asked;
        while let Some(word) = words.next()? {
            let protection = match word {
                Word::Long(option @ ("no-passphrase" | "stdin")) => {
                    if passphrase != Given::Asked {
                        return Err(words.usage("--stdin and --no-passphrase do not go together"));
                    }
                    passphrase = if option == "stdin" { Given::OnStdin } else { Given::None };
                    continue;
                }
                Word::Long("change-passphrase") => {
                    change = true;
                    continue;
                }
                Word::Long("ssh-key") => Protection::With("--ssh-key", words.value()?),
                Word::Long("plugin") => Protection::With("--plugin", words.value()?),
                Word::Long("credential") => Protection::With("--credential", words.value()?),
                Word::Long("keyring") => match words.optional_value() {
                    Some(name) => Protection::With("--keyring", name),
                    None => Protection::Keyring,
                },
                // `--keyring NAME`: it may do without one.
                Word::Value(name) if matches!(protections.last(), Some(Protection::Keyring)) => {
                    protections.pop();
                    Protection::With("--keyring", name)
                }
                other => return Err(words.unexpected(&other)),
            };
            protections.push(protection);
        }
        if protections.len() > 1 {
            return Err(
                words.usage("one of --ssh-key, --plugin, --keyring and --credential protects the identity")
            );
        }
        let protection = protections.pop();
        if let Some(protection) = &protection {
            protection.refuse_strange_values(words)?;
            if change {
                return Err(words.usage(
                    "--change-passphrase is for an identity that is there, and goes without the others",
                ));
            }
            if passphrase == Given::OnStdin {
                return Err(
                    words.usage("--stdin gives a passphrase, and something else protects the identity")
                );
            }
            passphrase = Given::None;
        }
        if passphrase == Given::OnStdin && input::is_terminal() {
            return Err(
                words.usage("standard input is a terminal: without --stdin the passphrase is not shown")
            );
        }
        Ok(Self { protection, change, passphrase })
    }
}

impl Protection {
    /// The engine would take it for an option of its own.
    fn refuse_strange_values(&self, words: &Words<'_>) -> Result<(), Stop> {
        match self {
            Self::With(option, value) if value.is_empty() || value.as_encoded_bytes().starts_with(b"-") => {
                Err(words.usage(format!("the value of {option} is empty, or begins with `-`")))
            }
            _ => Ok(()),
        }
    }

    fn told_to(self, engine: Engine) -> Engine {
        match self {
            Self::With(option, value) => engine.word(option).word(value),
            Self::Keyring => engine.word("--keyring"),
        }
    }
}

/// Two lines on the engine's standard input: the old passphrase and the new one, either of them empty for none.
fn change(engine: &Engine, passphrase: Given) -> Result<u8, Stop> {
    if passphrase == Given::OnStdin {
        return Err(engine.take_over());
    }
    let asker = at_terminal()?;
    let old = asker.ask(Question { prompt: "Old passphrase (empty if there is none)", mistake: None })?;
    let new = if passphrase == Given::None {
        None
    } else {
        Some(ask_twice(&asker, "New passphrase (empty for none)", AGAIN)?)
    };
    let room = old.len() + new.as_ref().map_or(0, Secret::len) + 2;
    let mut lines = Vec::with_capacity(room);
    lines.extend(old.expose().iter());
    lines.push(b'\n');
    if let Some(new) = &new {
        lines.extend(new.expose().iter());
    }
    lines.push(b'\n');
    let lines = Secret::new(lines)
        .map_err(|_| Complaint::usage("the passphrases are too long", "shorten the new one"))?;
    engine.run(Some(&lines))
}

/// Only there: what opens the store for years is not made up in passing, in a dialogue that somebody may have missed.
fn at_terminal() -> Result<Asker, Complaint> {
    Asker::at_terminal().ok_or_else(|| {
        Complaint::usage(
            "there is no terminal to ask for the passphrase at",
            "say it with --stdin or --no-passphrase, or protect the identity otherwise: --ssh-key, --plugin, \
             --keyring, --credential",
        )
    })
}

fn refuse_a_second(there: Option<PathBuf>) -> Result<(), Complaint> {
    let Some(there) = there else { return Ok(()) };
    Err(Complaint::usage(
        format!("the store has an identity already: {}", there.display()),
        "`tok init --change-passphrase` changes its passphrase; another identity could not open the store",
    ))
}

/// Where the store is.
fn store_folder() -> Option<PathBuf> {
    tokend_client::places::data()
}

/// The names of the store's secrets, as far as they can be seen, in order.
pub(crate) fn names_of_secrets() -> Vec<String> {
    let files = store_folder().and_then(|folder| std::fs::read_dir(folder.join("secrets")).ok());
    let names = files.into_iter().flatten().filter_map(Result::ok).map(|file| file.file_name());
    let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(".age")?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names
}

/// Whether an SSH key opens the store.
pub(crate) fn by_ssh_key() -> bool {
    let source =
        store_folder().and_then(|folder| std::fs::read_to_string(folder.join("identity.source")).ok());
    source.is_some_and(|source| source.lines().any(|line| line.starts_with("ssh-key ")))
}

/// The identity that the store has, where it has one.
fn identity_there() -> Option<PathBuf> {
    let folder = store_folder()?;
    ["identity", "identity.age", "identity.source"]
        .map(|name| folder.join(name))
        .into_iter()
        .find(|path| Path::symlink_metadata(path).is_ok())
}
