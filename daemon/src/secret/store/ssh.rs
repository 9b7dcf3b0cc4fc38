//! An SSH key as what opens the store's identity: ed25519, with or without a passphrase of its own.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use age::DecryptError;
use age::secrecy::SecretString;
use age::ssh::{EncryptedKey, Identity, Recipient, UnsupportedKey};
use zeroize::Zeroizing;

use super::trouble::{Closed, Trouble, check, shown};
use crate::document::printable;
use crate::platform::files;

const KIND: &str = "store-ssh-key";

/// No ed25519 key is as long.
const MOST: u64 = 64 * 1024;

/// A private key.
pub(super) enum Key {
    Open(Identity),
    /// Under a passphrase.
    Shut(EncryptedKey),
}

impl Key {
    /// Reads the private key at `path`. A symbolic link is followed, as ssh does.
    pub(super) fn read(path: &Path) -> Result<Self, Trouble> {
        let (file, facts) = files::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Trouble::refused(
                KIND,
                format!("there is no SSH key {}, which opens the store's identity", shown(path)),
                "put it back, or name another one",
            ),
            _ => Trouble::io("read", path, &error),
        })?;
        check(path, &facts, Closed::ToAll, "an SSH key")?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(MOST).unwrap_or_default()));
        file.take(MOST).read_to_end(&mut bytes).map_err(|error| Trouble::io("read", path, &error))?;
        let refused = |what: &str| {
            Trouble::refused(
                KIND,
                format!("{} {what}", shown(path)),
                "name an ed25519 key (`ssh-keygen -t ed25519` makes one)",
            )
        };
        let identity =
            Identity::from_buffer(&bytes[..], None).map_err(|_| refused("is no SSH private key"))?;
        match identity {
            Identity::Unencrypted(_) => Ok(Self::Open(identity)),
            Identity::Encrypted(key) => Ok(Self::Shut(key)),
            Identity::Unsupported(UnsupportedKey::Type(kind) | UnsupportedKey::Hardware(kind)) => {
                Err(refused(&format!("is of a type that age does not know ({})", printable(&kind, 40))))
            }
            Identity::Unsupported(UnsupportedKey::EncryptedSsh(cipher)) => Err(refused(&format!(
                "is under a cipher that age does not know ({})",
                printable(&cipher, 40)
            ))),
            Identity::Unsupported(UnsupportedKey::EncryptedPem) => Err(refused("is in an old format")),
        }
    }

    /// Its public half.
    pub(super) fn recipient(&self, path: &Path) -> Result<Recipient, Trouble> {
        let identity = match self {
            Self::Open(identity) => identity.clone(),
            Self::Shut(key) => Identity::from(key.clone()),
        };
        match Recipient::try_from(identity) {
            Ok(recipient @ Recipient::SshEd25519(..)) => Ok(recipient),
            _ => Err(Trouble::refused(
                KIND,
                format!("{} is no ed25519 key", shown(path)),
                "name an ed25519 key (`ssh-keygen -t ed25519` makes one)",
            )),
        }
    }

    /// The key that decrypts; `KeyDecryptionFailed` where the passphrase is wrong.
    pub(super) fn open(self, passphrase: Option<SecretString>) -> Result<Identity, DecryptError> {
        match self {
            Self::Open(identity) => Ok(identity),
            Self::Shut(key) => {
                let passphrase = passphrase.ok_or(DecryptError::KeyDecryptionFailed)?;
                Ok(key.decrypt(passphrase)?.into())
            }
        }
    }
}

/// The path of the private key, where the public one may be named.
pub(super) fn private(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|extension| extension == "pub") {
        path.with_extension("")
    } else {
        path.to_path_buf()
    }
}
