//! What the daemon keeps, read and written as `docs/store.md` and `docs/upgrading.md` say it, with nothing of tokend's
//! own: so that files of yesterday and of tomorrow can be made.

#![expect(clippy::missing_panics_doc, reason = "each of these stops its test when it cannot go on")]

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::iter;
use std::path::{Path, PathBuf};

use age::x25519;
use age::{DecryptError, Decryptor, EncryptError, Encryptor, Identity, Recipient};
use age_core::format::{FileKey, Stanza};
use ring::{hkdf, hmac};

use crate::sandbox::{Sandbox, write_private};

/// The bytes of the HMAC before what was kept.
const MAC: usize = 32;

/// The store's plain identity: what opens and seals.
#[derive(Debug)]
pub struct Keys {
    text: String,
}

/// Whose a kept file is: the six words that its context is made of.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// `tokend kept token 1` or `tokend kept grant 1`.
    pub what: &'a str,
    /// The account.
    pub account: &'a str,
    /// Its type.
    pub kind: &'a str,
    /// The origin of its service.
    pub origin: &'a str,
    /// Its client.
    pub client: &'a str,
    /// Its user.
    pub user: &'a str,
}

impl Context<'_> {
    /// Its bytes: each word behind its length (8 bytes, little endian).
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let words = [self.what, self.account, self.kind, self.origin, self.client, self.user];
        words.iter().flat_map(|word| [&(word.len() as u64).to_le_bytes(), word.as_bytes()].concat()).collect()
    }
}

impl Keys {
    /// Those of the store in this home, whose identity is plain.
    #[must_use]
    pub fn of(sandbox: &Sandbox) -> Self {
        let file = fs::read_to_string(sandbox.path().join("data/tokend/identity")).expect("the identity");
        let text = file.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).expect("its key");
        Self { text: text.to_owned() }
    }

    fn identity(&self) -> x25519::Identity {
        self.text.parse().expect("an identity")
    }

    fn mac(&self, context: &Context<'_>, kept: &[u8]) -> hmac::Tag {
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(self.text.as_bytes());
        let info = [&b"tokend kept state v1"[..]];
        let key = hmac::Key::from(key.expand(&info, hmac::HMAC_SHA256).expect("32 bytes"));
        let context = context.bytes();
        let all = [&(context.len() as u64).to_be_bytes()[..], &context, kept].concat();
        hmac::sign(&key, &all)
    }

    /// What was kept in this file for this context, and which form its header tells.
    #[must_use]
    pub fn open(&self, path: &Path, context: &Context<'_>) -> (Option<String>, Vec<u8>) {
        let bytes = fs::read(path).expect("a kept file");
        let reader = Opening { identity: self.identity(), form: RefCell::default() };
        let decryptor = Decryptor::new_buffered(&bytes[..]).expect("an age file");
        let mut plain = Vec::new();
        let mut stream = decryptor.decrypt(iter::once(&reader as &dyn Identity)).expect("for the store");
        stream.read_to_end(&mut plain).expect("whole");
        let kept = plain.split_off(MAC);
        assert_eq!(plain, self.mac(context, &kept).as_ref(), "the HMAC is that of the documents");
        (reader.form.take(), kept)
    }

    /// Writes a kept file for this context, with this form in its header, or none as tokend's first days had none.
    pub fn write(&self, path: &Path, context: &Context<'_>, form: Option<u32>, kept: &[u8]) {
        let plain = [self.mac(context, kept).as_ref(), kept].concat();
        let stanza = form.map(|form| ("tokend-kept", vec![form.to_string()]));
        self.encrypt(path, stanza, &plain);
    }

    /// Writes any file for the store, with one more stanza in its header.
    pub fn encrypt(&self, path: &Path, stanza: Option<(&'static str, Vec<String>)>, plain: &[u8]) {
        let recipient = Sealing { recipient: self.identity().to_public(), stanza };
        let encryptor = Encryptor::with_recipients(iter::once(&recipient as &dyn Recipient)).expect("sealed");
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed).expect("sealed");
        writer.write_all(plain).expect("sealed");
        writer.finish().expect("sealed");
        write_private(path, &sealed);
    }
}

/// The kept files whose names end so, such as `.grant.age`.
#[must_use]
pub fn files(sandbox: &Sandbox) -> Vec<PathBuf> {
    let entries = fs::read_dir(sandbox.state().join("accounts")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// The kept file of an account: its token, or its grant.
#[must_use]
pub fn file(sandbox: &Sandbox, account: &str, is_grant: bool) -> Option<PathBuf> {
    files(sandbox).into_iter().find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("{account}."))
            && name.ends_with(".age")
            && name.ends_with(".grant.age") == is_grant
    })
}

struct Opening {
    identity: x25519::Identity,
    form: RefCell<Option<String>>,
}

impl Identity for Opening {
    fn unwrap_stanza(&self, _: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        None
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        let kept = stanzas.iter().find(|stanza| stanza.tag == "tokend-kept");
        self.form.replace(kept.map(|stanza| stanza.args.join(" ")));
        self.identity.unwrap_stanzas(stanzas)
    }
}

struct Sealing {
    recipient: x25519::Recipient,
    stanza: Option<(&'static str, Vec<String>)>,
}

impl Recipient for Sealing {
    fn wrap_file_key(&self, key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let (mut stanzas, labels) = self.recipient.wrap_file_key(key)?;
        if let Some((tag, args)) = &self.stanza {
            stanzas.push(Stanza { tag: (*tag).to_owned(), args: args.clone(), body: Vec::new() });
        }
        Ok((stanzas, labels))
    }
}
