//! Making the store's identity, and giving it another passphrase.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use age::scrypt;
use age::secrecy::SecretString;
use tokend_proto::Secret;

use super::blocking;
use super::identity::{self, How, IdentityKind, Opened};
use super::opening::{self, Shut};
use super::places::{Places, Writing};
use super::plugin::{self, Voice};
use super::sealed;
use super::ssh;
use super::trouble::{Trouble, shown};
use crate::provider::Class;
use crate::secret::keyring;

/// The work that a passphrase costs, as age asks for it: 2^18, 256 MiB and about a second.
#[cfg(not(test))]
const WORK: u8 = 18;
/// Tests have no second.
#[cfg(test)]
const WORK: u8 = 4;

/// How long a keyring may take: it may ask its user.
const KEYRING_PATIENCE: Duration = Duration::from_secs(120);

/// What shall protect a new identity.
#[derive(Debug)]
pub enum Protection {
    /// Nothing but the file's mode.
    None,
    /// A passphrase.
    Passphrase(Secret),
    /// The SSH key whose private or public file this is.
    SshKey(PathBuf),
    /// The plugin whose identity is in this file.
    Plugin(PathBuf),
    /// The desktop's keyring, under this user.
    Keyring(String),
    /// A systemd credential of this name.
    Credential(String),
}

/// An identity that was just made.
#[derive(Debug)]
pub struct Made {
    /// What protects it.
    pub kind: IdentityKind,
    /// Where it is: a file, or where there is none, the file that says where.
    pub place: PathBuf,
    /// Its public half, `age1…`.
    pub recipient: String,
    /// The identity file itself, where somebody else must keep it: a systemd credential.
    pub text: Option<Secret>,
}

/// What a person must know of it, in a few lines.
impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = shown(&self.place);
        writeln!(f, "made the store's identity {place} (recipient {})", self.recipient)?;
        match self.kind {
            IdentityKind::None => Ok(()),
            IdentityKind::Plain => write!(
                f,
                "back it up: without it nobody can read the secrets, and whoever has it can read them all\n\
                 it has no passphrase: it does not protect from programs that run as you, from root, nor \
                 from whoever copies this disk or a backup of it; `tok init --change-passphrase` gives it one"
            ),
            IdentityKind::Passphrase => write!(
                f,
                "back it up, and keep the passphrase elsewhere: without both nobody can read the secrets\n\
                 the passphrase does not protect from programs that run as you while the store is unlocked"
            ),
            IdentityKind::SshKey => write!(
                f,
                "back it up with identity.source, and the SSH key: without both nobody can read the secrets\n\
                 an SSH key without a passphrase does not protect from programs that run as you, nor from \
                 whoever copies this disk"
            ),
            IdentityKind::Plugin => write!(
                f,
                "back it up with identity.source: without it and the plugin's device nobody can read the \
                 secrets; the device cannot be copied, so keep a copy of the secrets elsewhere"
            ),
            IdentityKind::Keyring => write!(
                f,
                "back the keyring up: without its entry nobody can read the secrets\n\
                 the keyring does not protect from programs that run as you while it is open"
            ),
            IdentityKind::Credential => write!(
                f,
                "back the identity up before it is sealed to this machine: without it nobody can read the \
                 secrets"
            ),
        }
    }
}

/// Makes an identity where there is none.
pub(super) async fn make(places: &Places, protection: Protection, voice: &Voice) -> Result<Made, Trouble> {
    {
        let places = places.clone();
        let other = is_other(&protection);
        blocking(move || none_yet(&places, other)).await?;
    }
    let opened = Opened::generate()?;
    if let Protection::Keyring(user) = &protection {
        put_into_keyring(user, &opened).await?;
    }
    let (places, voice) = (places.clone(), voice.clone());
    blocking(move || {
        // Nobody else waits for a device or for scrypt.
        let (how, wrapped) = wrap(&protection, &opened, &voice)?;
        let writing = places.write()?;
        none_yet(&places, is_other(&protection))?;
        write(&writing, &opened, &how, wrapped.as_deref())
    })
    .await
}

/// The recipient of the store; makes a plain identity where there is none, and says so then.
pub(super) fn ensure(writing: &Writing<'_>) -> Result<(age::x25519::Recipient, Option<Made>), Trouble> {
    let places = writing.places();
    let recipient = identity::recipient(places)?;
    match (identity::find(places)?, recipient) {
        (None, _) => {
            none_yet(places, false)?;
            let opened = Opened::generate()?;
            let made = write(writing, &opened, &How::Plain, None)?;
            Ok((opened.recipient.clone(), Some(made)))
        }
        // This one can be asked without a passphrase.
        (Some(How::Plain), recipient) => {
            let opened = opening::plain(places)?;
            match recipient {
                Some(recipient) => opened.fits(&recipient, places)?,
                None => write_recipient(writing, &opened)?,
            }
            Ok((opened.recipient.clone(), None))
        }
        (Some(_), Some(recipient)) => {
            identity::noted(places, &recipient)?;
            Ok((recipient, None))
        }
        (Some(_), None) => Err(Trouble::refused(
            "store-identity",
            format!("{} is not there: nobody knows for whom to encrypt", shown(&places.recipients())),
            "restore it from your backup, or `tok unlock`, which writes it anew",
        )),
    }
}

/// Gives the identity another passphrase, or one at all, or none.
pub(super) async fn change_passphrase(
    places: &Places,
    old: Option<Secret>,
    new: Option<Secret>,
    voice: &Voice,
) -> Result<Made, Shut> {
    let how = {
        let places = places.clone();
        blocking(move || identity::find(&places)).await?
    };
    match how {
        Some(How::Plain | How::Passphrase) => {}
        None => {
            let message = format!("the store in {} has no identity yet", shown(places.folder()));
            return Err(Trouble::usage(message, "`tok init` makes one").into());
        }
        Some(How::SshKey(path)) => {
            let message =
                format!("the SSH key {} opens the store, not a passphrase of its own", shown(&path));
            let hint = format!("`ssh-keygen -p -f {}` changes the key's", shown(&path));
            return Err(Trouble::usage(message, hint).into());
        }
        Some(_) => {
            let message = "the store's identity has no passphrase of its own";
            return Err(Trouble::usage(message, "it is opened as identity.source says").into());
        }
    }
    let opened = opening::open(places, old, voice).await?;
    let places = places.clone();
    let made = blocking(move || {
        let protection = new.filter(|new| !new.is_empty()).map_or(Protection::None, Protection::Passphrase);
        let (how, wrapped) = wrap(&protection, &opened, &Voice::default())?;
        let writing = places.write()?;
        if identity::recipient(&places)?.is_none_or(|recipient| recipient != opened.recipient) {
            let message = "the store's identity was changed meanwhile";
            return Err(Trouble::fault(message, "look at its folder, and try again"));
        }
        let made = write(&writing, &opened, &how, wrapped.as_deref())?;
        let other = if how == How::Plain { places.protected() } else { places.plain() };
        if other.symlink_metadata().is_ok() {
            writing.remove(&other)?;
        }
        Ok(made)
    });
    Ok(made.await?)
}

/// Whether this is neither a passphrase nor none: it can only be chosen when the identity is made.
fn is_other(protection: &Protection) -> bool {
    !matches!(protection, Protection::None | Protection::Passphrase(_))
}

/// An identity is not made where there is one, nor where one belongs that is lost. `other` says that it should
/// be protected by something else than a passphrase.
fn none_yet(places: &Places, other: bool) -> Result<(), Trouble> {
    let mut secrets = std::fs::read_dir(places.secrets())
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| Path::new(&entry.file_name()).extension().is_some_and(|it| it == "age"));
    if let Some(how) = identity::find(places)? {
        let place = place(places, &how);
        let hint = if how == How::Plain && !other {
            "nothing was changed; `tok init --change-passphrase` gives it a passphrase".to_owned()
        } else if secrets.next().is_none() {
            let mut files = vec![places.plain(), places.protected(), places.source(), places.recipients()];
            files.retain(|file| file.symlink_metadata().is_ok());
            let files: Vec<_> = files.iter().map(|file| shown(file)).collect();
            format!(
                "there is no secret, so nothing is lost but what tokend can fetch anew or ask you to log in \
                 for: stop tokend, `rm {}`, and do it again",
                files.join(" ")
            )
        } else {
            format!(
                "nothing was changed; if no secret of {} is needed any more, move that folder away",
                shown(places.folder())
            )
        };
        return Err(Trouble::usage(format!("there is an identity: {}", shown(&place)), hint));
    }
    if places.recipients().symlink_metadata().is_ok() {
        return Err(identity::vanished(&places.plain()));
    }
    match secrets.next() {
        Some(_) => Err(identity::vanished(&places.plain())),
        None => Ok(()),
    }
}

fn place(places: &Places, how: &How) -> PathBuf {
    match how {
        How::Plain => places.plain(),
        How::Passphrase | How::SshKey(_) | How::Plugin(_) => places.protected(),
        How::Keyring(_) | How::Credential(_) => places.source(),
    }
}

/// How the identity is opened from now on, and what goes into `identity.age`.
fn wrap(protection: &Protection, opened: &Opened, voice: &Voice) -> Result<(How, Option<Vec<u8>>), Trouble> {
    let text = opened.file();
    Ok(match protection {
        Protection::None => (How::Plain, None),
        Protection::Passphrase(passphrase) => {
            let bytes = passphrase.expose();
            let passphrase = std::str::from_utf8(&bytes)
                .map_err(|_| Trouble::usage("the passphrase is not UTF-8 text", "type another one"))?;
            let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase));
            recipient.set_work_factor(WORK);
            (How::Passphrase, Some(sealed::encrypt(&recipient, &text)?))
        }
        Protection::SshKey(path) => {
            let path = absolute(&ssh::private(path))?;
            let recipient = ssh::Key::read(&path)?.recipient(&path)?;
            (How::SshKey(path), Some(sealed::encrypt(&recipient, &text)?))
        }
        Protection::Plugin(path) => {
            let identity = plugin::read(path)?;
            let wrapped = plugin::wrap(&identity, voice, &text)?;
            (How::Plugin(identity), Some(wrapped))
        }
        Protection::Keyring(user) => (How::Keyring(named(user)?), None),
        Protection::Credential(name) => (How::Credential(named(name)?), None),
    })
}

/// A name that is one word of `identity.source`.
fn named(name: &str) -> Result<String, Trouble> {
    if super::is_name(name) {
        return Ok(name.to_owned());
    }
    Err(Trouble::usage("this name cannot be used", super::name::RULE))
}

/// `identity.source` is one line of text.
fn absolute(path: &Path) -> Result<PathBuf, Trouble> {
    let absolute = std::path::absolute(path).map_err(|error| Trouble::io("find", path, &error))?;
    if absolute.to_str().is_some_and(|text| !text.contains(char::is_control) && text.trim() == text) {
        return Ok(absolute);
    }
    let message = format!("the path {} cannot be written down", shown(path));
    Err(Trouble::usage(message, "name a key whose path is plain text"))
}

async fn put_into_keyring(user: &str, opened: &Opened) -> Result<(), Trouble> {
    let user = named(user)?;
    match keyring::fetch(&user, KEYRING_PATIENCE).await {
        Ok(_) => Err(Trouble::usage(
            format!("the keyring has a secret {user} of tokend's already"),
            "nothing was changed; name another: `tok init --keyring NAME`",
        )),
        // It is not there, so there is room for it.
        Err(failure) if failure.class == Class::Source => {
            keyring::put(&user, &opened.text, KEYRING_PATIENCE).await.map_err(Trouble::from)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// What opens comes first, then what is opened, and last what says for whom to encrypt: until then it is not
/// used.
fn write(writing: &Writing<'_>, opened: &Opened, how: &How, wrapped: Option<&[u8]>) -> Result<Made, Trouble> {
    let places = writing.places();
    match how.source(&opened.recipient) {
        Some(text) => writing.replace(&places.source(), text.as_bytes())?,
        // Of the passphrase that it had, or of an `init` that was killed.
        None if places.source().symlink_metadata().is_ok() => writing.remove(&places.source())?,
        None => {}
    }
    let text = opened.file();
    match (how, wrapped) {
        (How::Plain, _) => writing.replace(&places.plain(), &text)?,
        (_, Some(wrapped)) => writing.replace(&places.protected(), wrapped)?,
        _ => {}
    }
    write_recipient(writing, opened)?;
    let handed_out = matches!(how, How::Credential(_)).then(|| Secret::new(text.to_vec()).ok()).flatten();
    Ok(Made {
        kind: how.kind(),
        place: place(places, how),
        recipient: opened.recipient.to_string(),
        text: handed_out,
    })
}

fn write_recipient(writing: &Writing<'_>, opened: &Opened) -> Result<(), Trouble> {
    let text = identity::recipients_file(&opened.recipient);
    writing.replace(&writing.places().recipients(), text.as_bytes())
}
