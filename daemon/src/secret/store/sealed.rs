//! One secret in a standard age file, whose header says which secret it is and for whom.
//!
//! Beside the recipient's stanza the header has one of type `tokend-secret` with the arguments NAME, and for
//! a bound secret ACCOUNT and ORIGIN; its body is empty. The header's MAC covers it, so that a file can be
//! neither renamed nor bound otherwise by who has not the key; other programs skip it
//! (<https://c2sp.org/age>).

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::iter;
use std::path::Path;

use age::{DecryptError, Decryptor, EncryptError, Encryptor, Identity, Recipient, x25519};
use age_core::format::{FileKey, Stanza};
use tokend_proto::Secret;
use tokend_proto::limits::MAX_SECRET;
use zeroize::Zeroizing;

use super::name::is_name;
use super::trouble::{Trouble, shown};
use crate::document::printable;
use crate::newer::Newer;
use crate::secret::Errand;

/// The stanza's type. That of a form to come has its number behind it: `tokend-secret-2`.
const STANZA: &str = "tokend-secret";

/// The type of the stanza in kept state; its argument is the form's number.
const KEPT: &str = "tokend-kept";

/// How every age file begins, but for armored ones.
const BEGINNING: &[u8] = b"age-encryption.org/";

/// How those begin that age knows today.
const FIRST_LINE: &[u8] = b"age-encryption.org/v1\n";

/// For whom alone a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The account.
    pub account: String,
    /// The origin of its service; empty where it has none.
    pub origin: String,
}

/// Which secret a file holds, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) name: String,
    pub(super) bound: Option<Bound>,
}

/// Why a file gives no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is not a byte in it.
    Empty,
    /// It is no age file.
    NotAge,
    /// An age file that does not say which secret it is.
    Unlabelled,
    /// A newer tokend, or a newer age, has written it.
    Newer(String),
    /// It holds another secret.
    Moved(String),
    /// It is bound to another account, or to another origin.
    BoundTo(Bound),
    /// It was changed, or its end is missing.
    Damaged,
    /// The identity does not open it.
    NotForUs,
    /// More than a secret may have.
    TooLong,
}

impl Label {
    fn args(&self) -> Vec<String> {
        let mut args = vec![self.name.clone()];
        if let Some(Bound { account, origin }) = &self.bound {
            args.extend([encoded(account), encoded(origin)]);
        }
        args
    }

    /// The one label of a header.
    fn among(stanzas: &[Stanza]) -> Result<Self, Fault> {
        let mut ours = stanzas.iter().filter(|stanza| stanza.tag == STANZA);
        let (first, second) = (ours.next(), ours.next());
        let args = first.filter(|_| second.is_none()).map(|stanza| &stanza.args[..]);
        let (name, bound) = match args {
            Some([name]) => (name, None),
            Some([name, account, origin]) => {
                let decoded = |text| decoded(text).ok_or(Fault::Damaged);
                (name, Some(Bound { account: decoded(account)?, origin: decoded(origin)? }))
            }
            None if first.is_none() => return Err(newer(stanzas).unwrap_or(Fault::Unlabelled)),
            _ => return Err(Fault::Damaged),
        };
        if is_name(name) { Ok(Self { name: name.clone(), bound }) } else { Err(Fault::Damaged) }
    }
}

/// Whether they are those of a form to come.
fn newer(stanzas: &[Stanza]) -> Option<Fault> {
    let form = |stanza: &Stanza| {
        stanza.tag.strip_prefix(STANZA)?.strip_prefix('-').map(|form| Fault::Newer(format!("form {form}")))
    };
    stanzas.iter().find_map(form)
}

/// age's arguments are one or more visible ASCII characters: whatever else there is, and `%`, becomes `%XX`;
/// nothing is `-`.
fn encoded(text: &str) -> String {
    match text {
        "" => "-".to_owned(),
        "-" => "%2D".to_owned(),
        text => text.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_graphic() && byte != b'%' {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "%{byte:02X}");
            }
            out
        }),
    }
}

fn decoded(text: &str) -> Option<String> {
    if text == "-" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        if *first == b'%' {
            let (digits, others) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = others;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The file that holds `plaintext` as the secret of this label.
pub(super) fn seal(
    recipient: &x25519::Recipient,
    label: &Label,
    plaintext: &[u8],
) -> Result<Vec<u8>, Trouble> {
    encrypt(&Labelled { recipient, tag: STANZA, args: label.args() }, plaintext)
}

/// The file that holds `plaintext` as kept state of this form.
pub(super) fn keep(recipient: &x25519::Recipient, form: u8, plaintext: &[u8]) -> Result<Vec<u8>, Trouble> {
    encrypt(&Labelled { recipient, tag: KEPT, args: vec![form.to_string()] }, plaintext)
}

/// Which form a file of kept state says that it has, where it says so: the first ones did not. Without the key.
pub(super) fn kept_form(bytes: &[u8]) -> Option<String> {
    if is_of_newer_age(bytes) {
        return Some("of a newer age".to_owned());
    }
    let form = |stanzas: &[Stanza]| {
        let kept = stanzas.iter().find(|stanza| stanza.tag == KEPT)?;
        Some(kept.args.first().cloned().unwrap_or_default())
    };
    header(bytes, form).ok()??
}

/// What `read` finds in a file's header. Without the key: it may lie.
fn header<T>(bytes: &[u8], read: impl Fn(&[Stanza]) -> T) -> Result<Option<T>, DecryptError> {
    let reader = HeaderReader { read, found: RefCell::new(None) };
    // It opens nothing.
    let _ = Decryptor::new_buffered(bytes)?.decrypt(iter::once(&reader as &dyn Identity));
    Ok(reader.found.into_inner())
}

/// Whether it is an age file, and of no form that age has today.
fn is_of_newer_age(bytes: &[u8]) -> bool {
    let line = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let version = line.strip_prefix(BEGINNING).and_then(|rest| rest.strip_prefix(b"v"));
    let version = version.and_then(|rest| rest.strip_suffix(b"\n"));
    line != FIRST_LINE && version.is_some_and(|it| !it.is_empty() && it.iter().all(u8::is_ascii_digit))
}

/// The secret `name` in a file's bytes, for an errand or, with none, for its owner.
pub(super) fn open(
    bytes: &[u8],
    identity: &x25519::Identity,
    name: &str,
    errand: Option<&Errand>,
) -> Result<Secret, Fault> {
    let wary = Wary { identity, name, errand, fault: RefCell::default() };
    let plaintext = decrypt(bytes, &wary);
    if let Some(fault) = wary.fault.take() {
        return Err(fault);
    }
    let plaintext = plaintext.map_err(|error| fault_of(bytes, &error))?;
    // A copy of exactly its length.
    let secret = Secret::new(plaintext.to_vec()).map_err(|_| Fault::TooLong)?;
    if secret.is_empty() { Err(Fault::Damaged) } else { Ok(secret) }
}

/// Whether a file's header is as its writer made it, whatever became of the rest.
pub(super) fn check(bytes: &[u8], identity: &x25519::Identity) -> Result<(), Fault> {
    let opened = Decryptor::new_buffered(bytes)
        .and_then(|decryptor| decryptor.decrypt(iter::once(identity as &dyn Identity)).map(drop));
    opened.map_err(|error| fault_of(bytes, &error))
}

/// What a file says that it is. Without the key: it may lie.
pub(super) fn peek(bytes: &[u8]) -> Result<Label, Fault> {
    match header(bytes, Label::among) {
        Ok(label) => label.unwrap_or(Err(Fault::Damaged)),
        Err(error) => Err(fault_of(bytes, &error)),
    }
}

/// Whether `label` is that of the secret `name` and, where it is bound, this errand's.
pub(super) fn fits(label: &Label, name: &str, errand: Option<&Errand>) -> Result<(), Fault> {
    if label.name != name {
        return Err(Fault::Moved(label.name.clone()));
    }
    match (&label.bound, errand) {
        (Some(bound), Some(errand)) if bound.account != errand.account || bound.origin != errand.origin => {
            Err(Fault::BoundTo(bound.clone()))
        }
        _ => Ok(()),
    }
}

fn fault_of(bytes: &[u8], error: &DecryptError) -> Fault {
    match error {
        _ if bytes.is_empty() => Fault::Empty,
        _ if !bytes.starts_with(BEGINNING) => Fault::NotAge,
        _ if is_of_newer_age(bytes) => Fault::Newer("another age format".to_owned()),
        DecryptError::NoMatchingKeys => Fault::NotForUs,
        _ => Fault::Damaged,
    }
}

/// Encrypts for any recipient.
pub(super) fn encrypt(recipient: &dyn Recipient, plaintext: &[u8]) -> Result<Vec<u8>, Trouble> {
    let failed = |error: EncryptError| {
        Trouble::fault(
            format!("cannot encrypt: {}", words(&error)),
            "try again; where a plugin is asked, see that its device is there",
        )
    };
    let encryptor = Encryptor::with_recipients(iter::once(recipient)).map_err(failed)?;
    let mut sealed = Vec::with_capacity(plaintext.len() + 1024);
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(|error| failed(error.into()))?;
    writer.write_all(plaintext).map_err(|error| failed(error.into()))?;
    writer.finish().map_err(|error| failed(error.into()))?;
    Ok(sealed)
}

/// What age says, in one line; it marks where foreign words begin and end, by characters that nobody sees.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    printable(&error.to_string().replace(['\u{2068}', '\u{2069}'], "").replace('\n', " "), 200)
}

/// Decrypts by any identity.
pub(super) fn decrypt(bytes: &[u8], identity: &dyn Identity) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let mut reader = Decryptor::new_buffered(bytes)?.decrypt(iter::once(identity))?;
    // It is shorter than what it is in, so the buffer never grows and leaves nothing behind.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(bytes.len()));
    reader.read_to_end(&mut plaintext)?;
    Ok(plaintext)
}

/// A recipient that labels what is encrypted for it.
struct Labelled<'a> {
    recipient: &'a x25519::Recipient,
    tag: &'static str,
    args: Vec<String>,
}

impl Recipient for Labelled<'_> {
    fn wrap_file_key(&self, key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let (mut stanzas, labels) = self.recipient.wrap_file_key(key)?;
        stanzas.push(Stanza { tag: self.tag.to_owned(), args: self.args.clone(), body: Vec::new() });
        Ok((stanzas, labels))
    }
}

/// An identity that opens one secret only, and for nobody else than it is bound to.
struct Wary<'a> {
    identity: &'a x25519::Identity,
    name: &'a str,
    errand: Option<&'a Errand>,
    fault: RefCell<Option<Fault>>,
}

impl Identity for Wary<'_> {
    /// Only all stanzas together say what a file is.
    fn unwrap_stanza(&self, _: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        None
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        match Label::among(stanzas).and_then(|label| fits(&label, self.name, self.errand)) {
            Ok(()) => self.identity.unwrap_stanzas(stanzas),
            Err(fault) => {
                self.fault.replace(Some(fault));
                None
            }
        }
    }
}

/// Opens nothing: it only reads the header.
struct HeaderReader<T, R> {
    read: R,
    found: RefCell<Option<T>>,
}

impl<T, R: Fn(&[Stanza]) -> T> Identity for HeaderReader<T, R> {
    fn unwrap_stanza(&self, _: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        None
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        self.found.replace(Some((self.read)(stanzas)));
        None
    }
}

impl Fault {
    /// In words, of the file at `path`, which should hold the secret `name`.
    pub(super) fn explain(&self, path: &Path, name: &str) -> Trouble {
        let file = path;
        let path = shown(path);
        let restore =
            format!("restore it from a backup; or look at it, `rm {path}`, and `tok secret set {name}`");
        let stranger = format!("move it away, and `tok secret set {name}` with what it holds");
        match self {
            Self::Empty => Trouble::refused("secret-damaged", format!("{path} is empty"), restore),
            Self::NotAge => Trouble::refused("secret-strange", format!("{path} is no age file"), stranger),
            Self::Unlabelled => Trouble::refused(
                "secret-strange",
                format!("{path} is an age file, but none of the store's: it does not say which secret it is"),
                stranger,
            ),
            Self::Newer(form) => Trouble::newer(&Newer::named(file, form)),
            Self::Moved(other) => Trouble::refused(
                "secret-swapped",
                format!("{path} holds the secret {other}: it was moved or swapped"),
                moved(file, other, name),
            ),
            Self::BoundTo(Bound { account, origin }) => {
                let account = printable(account, 100);
                let at = match printable(origin, 300) {
                    origin if origin.is_empty() => String::new(),
                    origin => format!(" at {origin}"),
                };
                Trouble::refused(
                    "secret-bound",
                    format!("the secret {name} is bound to the account {account}{at}"),
                    format!("set it anew with `tok secret set {name} --for ACCOUNT`, if that is meant"),
                )
            }
            Self::Damaged => Trouble::refused(
                "secret-damaged",
                format!("{path} is damaged: it was changed, or its end is missing"),
                restore,
            ),
            Self::NotForUs => Trouble::refused(
                "secret-foreign",
                format!("{path} is encrypted for another recipient than this store's identity, or damaged"),
                format!(
                    "restore the identity that it was made for, or `rm {path}` and `tok secret set {name}`"
                ),
            ),
            Self::TooLong => Trouble::refused(
                "secret-damaged",
                format!("{path} holds more than {MAX_SECRET} bytes"),
                restore,
            ),
        }
    }
}

/// What to do about the file of the secret `other` that lies where `name` belongs.
fn moved(file: &Path, other: &str, name: &str) -> String {
    let home = file.with_file_name(format!("{other}.age"));
    let (path, home) = (shown(file), shown(&home));
    if Path::new(&home).symlink_metadata().is_ok() {
        format!("{home} is there: if this is a copy of it, `rm {path}`; if not, move it away")
    } else {
        format!("`mv {path} {home}` puts it back; then restore {name}.age, or `tok secret set {name}`")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests;
