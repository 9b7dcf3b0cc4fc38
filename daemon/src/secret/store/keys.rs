//! The keys of the kept state: it is encrypted for the store's recipient, and authenticated so that nobody
//! who only knows the recipient can plant a file, and no file can take another's place.
//!
//! A sealed file is a standard age file, whose header has the form of what is in it (a stanza `tokend-kept FORM`), so
//! that whoever does not know that form leaves it alone, also without the key. Its plaintext is 32 bytes of HMAC-SHA256, then what was sealed. The
//! HMAC's key is HKDF-SHA256 of the identity's text (`AGE-SECRET-KEY-1…`, without a newline), no salt, info
//! `tokend kept state v1`; it is over the context's length (8 bytes, big endian), the context, and what was
//! sealed.

use std::fmt;
use std::sync::{Arc, Weak};

use age::x25519;
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::identity::Opened;
use super::sealed;
use crate::platform::scrub_stack;
use crate::provider::Failure;

/// What makes the key another than any that is ever made of the identity.
const INFO: &[u8] = b"tokend kept state v1";

/// The bytes of the HMAC.
const MAC: usize = 32;

/// What seals and opens kept state. Useless once the store is locked, unless it is [`held`](Self::held).
pub struct StateKeys {
    opened: Weak<Opened>,
    held: Option<Arc<Opened>>,
}

/// Why a file of the kept state gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// The store is locked.
    Locked,
    /// It is for another recipient, or damaged.
    NotOurs,
    /// It was not sealed by this store, or for another context: somebody put it there.
    Planted,
}

impl StateKeys {
    pub(super) fn of(opened: &Arc<Opened>) -> Self {
        Self { opened: Arc::downgrade(opened), held: None }
    }

    /// The same, which stay good over a lock: for a refresh that was begun before, and whose result must be kept. The
    /// store's key is in memory until they are dropped. None once the store is locked.
    #[must_use]
    pub fn held(&self) -> Option<Self> {
        let opened = self.opened()?;
        Some(Self { opened: Weak::clone(&self.opened), held: Some(opened) })
    }

    fn opened(&self) -> Option<Arc<Opened>> {
        self.held.clone().or_else(|| self.opened.upgrade())
    }

    /// An age file of this form that only [`open`](Self::open) with the same context takes for ours.
    ///
    /// # Errors
    /// `Locked` once the store is.
    pub fn seal(&self, context: &[u8], form: u8, plaintext: &[u8]) -> Result<Vec<u8>, Failure> {
        let opened = self.opened().ok_or_else(Failure::locked)?;
        let mut framed = Zeroizing::new(Vec::with_capacity(MAC + plaintext.len()));
        let tag = mac(&opened, context, plaintext).map(|mac| mac.finalize().into_bytes());
        let tag =
            tag.ok_or_else(|| Failure::not_now("store-io", "no key can be made", "please report this"))?;
        framed.extend_from_slice(&tag);
        framed.extend_from_slice(plaintext);
        let sealed = sealed::keep(&opened.recipient, form, &framed).map_err(Failure::from);
        scrub_stack();
        sealed
    }

    /// What was sealed for this context.
    ///
    /// # Errors
    /// [`Unreadable`] says why it gives nothing.
    pub fn open(&self, context: &[u8], bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let opened = self.opened().ok_or(Unreadable::Locked)?;
        let plaintext = opened_by(&opened, context, bytes);
        scrub_stack();
        plaintext
    }
}

/// Which form a sealed file says that it has, where it says so; files of tokend's first days do not. Needs no key, and
/// is as true as the file's folder is closed.
#[must_use]
pub fn form_of(bytes: &[u8]) -> Option<String> {
    sealed::kept_form(bytes)
}

fn opened_by(opened: &Opened, context: &[u8], bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
    let identity: x25519::Identity = opened.identity().map_err(|_| Unreadable::NotOurs)?;
    let framed = sealed::decrypt(bytes, &identity).map_err(|_| Unreadable::NotOurs)?;
    let (tag, plaintext) = framed.split_at_checked(MAC).ok_or(Unreadable::Planted)?;
    let mac = mac(opened, context, plaintext).ok_or(Unreadable::NotOurs)?;
    mac.verify_slice(tag).map_err(|_| Unreadable::Planted)?;
    Ok(Zeroizing::new(plaintext.to_vec()))
}

/// None never comes: HKDF gives 32 bytes, and HMAC takes keys of any length.
fn mac(opened: &Opened, context: &[u8], plaintext: &[u8]) -> Option<Hmac<Sha256>> {
    let mut key = Zeroizing::new([0; MAC]);
    Hkdf::<Sha256>::new(None, &opened.text.expose()).expand(INFO, &mut *key).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&*key).ok()?;
    mac.update(&(context.len() as u64).to_be_bytes());
    mac.update(context);
    mac.update(plaintext);
    Some(mac)
}

impl fmt::Debug for StateKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateKeys")
    }
}
