//! Opening the identity, whatever protects it.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, scrypt};
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::blocking;
use super::identity::{self, How, Opened};
use super::places::{self, Places};
use super::plugin::{self, Voice};
use super::sealed;
use super::ssh;
use super::trouble::{Closed, Trouble, shown};
use crate::secret::file::{self, Openness, Readers};
use crate::secret::keyring;

/// More work than age's 2^18 is refused from 2^23 on: that is 8 GiB of memory.
const MOST_WORK: u8 = 22;

/// How long a keyring may take: it may ask its user.
const KEYRING_PATIENCE: Duration = Duration::from_secs(120);

/// How long a file system may take.
const FILE_PATIENCE: Duration = Duration::from_secs(30);

/// Why the identity stays shut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shut {
    /// It opens with a passphrase, and none was given.
    PassphraseNeeded,
    /// The passphrase is not the right one.
    WrongPassphrase,
    /// Anything else.
    Trouble(Trouble),
}

impl From<Trouble> for Shut {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Shut {
    /// What to say where nobody can be asked for a passphrase.
    pub(super) fn without_asking(self) -> Trouble {
        match self {
            Self::PassphraseNeeded | Self::WrongPassphrase => Trouble::locked(),
            Self::Trouble(trouble) => trouble,
        }
    }
}

/// Opens the identity. Takes as long as a plugin's or a keyring's person does.
pub(super) async fn open(places: &Places, passphrase: Option<Secret>, voice: &Voice) -> Result<Opened, Shut> {
    let found = {
        let places = places.clone();
        blocking(move || identity::find(&places)).await?
    };
    let Some(how) = found else { return Err(Shut::Trouble(missing(places))) };
    let opened = match how {
        How::Keyring(user) => {
            let text = keyring::fetch(&user, KEYRING_PATIENCE).await.map_err(Trouble::from)?;
            Opened::read(&text.expose(), &format!("the keyring's secret {user}"))?
        }
        How::Credential(name) => {
            let path = credential(&name, env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from))?;
            let origin = format!("the credential {}", shown(&path));
            let readers = Readers::default();
            let text = file::fetch(path, Openness::GroupToo, KIND, &readers, FILE_PATIENCE).await;
            let text = text.map_err(Trouble::from)?;
            Opened::read(&text.expose(), &origin)?
        }
        how @ How::Plugin(_) => {
            let (places, voice) = (places.clone(), voice.clone());
            let work = move || by_file(&places, how, None, &voice);
            plugin::TURN.run(plugin::PATIENCE, work).await??
        }
        how => {
            let (places, voice) = (places.clone(), voice.clone());
            let result = blocking(move || Ok(by_file(&places, how, passphrase.as_ref(), &voice))).await?;
            result?
        }
    };
    let places = places.clone();
    Ok(blocking(move || confirm(opened, &places)).await?)
}

const KIND: &str = "store-identity";

fn missing(places: &Places) -> Trouble {
    if places.recipients().exists() {
        return identity::vanished(&places.plain());
    }
    Trouble::refused(
        KIND,
        format!("the store in {} has no identity yet", shown(places.folder())),
        "`tok init` makes one, and so does the first `tok secret set`",
    )
}

/// Whether the identity is the one that secrets are encrypted for. Its public half is written where it is not
/// there.
fn confirm(opened: Opened, places: &Places) -> Result<Opened, Trouble> {
    match identity::recipient(places)? {
        Some(recipient) => opened.fits(&recipient, places)?,
        None => {
            // Where this cannot be written, whatever must write says so.
            if let Ok(writing) = places.write() {
                let text = identity::recipients_file(&opened.recipient);
                let _ = writing.replace(&places.recipients(), text.as_bytes());
            }
        }
    }
    Ok(opened)
}

fn credential(name: &str, folder: Option<PathBuf>) -> Result<PathBuf, Trouble> {
    match folder.filter(|folder| folder.is_absolute()) {
        Some(folder) => Ok(folder.join(name)),
        None => Err(Trouble::refused(
            KIND,
            format!("the store's identity is the credential {name}, and $CREDENTIALS_DIRECTORY is not set"),
            format!("add `LoadCredentialEncrypted={name}:PATH` to the unit, and start it by systemd"),
        )),
    }
}

/// Opens an identity that lies in a file of the store.
fn by_file(places: &Places, how: How, passphrase: Option<&Secret>, voice: &Voice) -> Result<Opened, Shut> {
    let path = if how == How::Plain { places.plain() } else { places.protected() };
    // What is encrypted is safe even where others can read it, but a backup tool that opens it should be
    // noticed.
    let bytes = places::read(&path, Closed::ToAll, "the store's identity")?
        .ok_or_else(|| identity::vanished(&path))?;
    let text = match how {
        How::Plain => bytes,
        How::SshKey(key) => by_ssh_key(&bytes, &path, &key, passphrase)?,
        How::Plugin(identity) => plugin::unwrap(&identity, voice, &bytes)?,
        _ => by_passphrase(&bytes, &path, passphrase)?,
    };
    Ok(Opened::read(&text, &shown(&path))?)
}

/// The identity that lies there in plain.
pub(super) fn plain(places: &Places) -> Result<Opened, Trouble> {
    by_file(places, How::Plain, None, &Voice::default()).map_err(Shut::without_asking)
}

fn by_passphrase(bytes: &[u8], path: &Path, passphrase: Option<&Secret>) -> Result<Zeroizing<Vec<u8>>, Shut> {
    let damaged = || damaged(path);
    if !Decryptor::new_buffered(bytes).map_err(|_| damaged())?.is_scrypt() {
        return Err(Shut::Trouble(Trouble::refused(
            KIND,
            format!("{} is not under a passphrase, and there is no identity.source", shown(path)),
            "restore identity.source from your backup: it says which SSH key or plugin opens it",
        )));
    }
    let mut identity = scrypt::Identity::new(as_text(passphrase)?);
    identity.set_max_work_factor(MOST_WORK);
    sealed::decrypt(bytes, &identity).map_err(|error| match error {
        DecryptError::DecryptionFailed => Shut::WrongPassphrase,
        DecryptError::ExcessiveWork { required, .. } => Shut::Trouble(Trouble::refused(
            KIND,
            format!("{} asks for too much work (2^{required})", shown(path)),
            "encrypt it anew with age, which asks for 2^18",
        )),
        _ => Shut::Trouble(damaged()),
    })
}

fn by_ssh_key(
    bytes: &[u8],
    path: &Path,
    key: &Path,
    passphrase: Option<&Secret>,
) -> Result<Zeroizing<Vec<u8>>, Shut> {
    let private = ssh::Key::read(key)?;
    let passphrase = match private {
        ssh::Key::Open(_) => None,
        ssh::Key::Shut(_) => Some(as_text(passphrase)?),
    };
    let identity = private.open(passphrase).map_err(|_| Shut::WrongPassphrase)?;
    sealed::decrypt(bytes, &identity).map_err(|error| {
        Shut::Trouble(match error {
            DecryptError::NoMatchingKeys => Trouble::refused(
                KIND,
                format!("{} is not for the SSH key {}", shown(path), shown(key)),
                "restore the key that it was made for; identity.source names its path",
            ),
            _ => damaged(path),
        })
    })
}

fn damaged(path: &Path) -> Trouble {
    let message = format!("{} is damaged: it was changed, or its end is missing", shown(path));
    Trouble::refused(KIND, message, "restore it from your backup")
}

/// age takes passphrases as text.
fn as_text(passphrase: Option<&Secret>) -> Result<SecretString, Shut> {
    let bytes = passphrase.ok_or(Shut::PassphraseNeeded)?.expose();
    let text = std::str::from_utf8(&bytes).map_err(|_| Shut::WrongPassphrase)?;
    Ok(SecretString::from(text))
}

/// Whether opening asks for a passphrase. Reads small files at most.
pub(super) fn needs_passphrase(how: &How) -> bool {
    match how {
        How::Passphrase => true,
        How::SshKey(path) => matches!(ssh::Key::read(path), Ok(ssh::Key::Shut(_))),
        _ => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_found_where_systemd_puts_it() {
        if !crate::platform::testing::has_credentials() {
            return;
        }
        assert_eq!(credential("id", Some("/run/c".into())).unwrap(), PathBuf::from("/run/c/id"));
        for nowhere in [None, Some("c".into())] {
            let trouble = credential("id", nowhere).unwrap_err();
            assert!(trouble.hint.contains("LoadCredentialEncrypted=id:"), "{trouble:?}");
        }
    }
}
