//! The key that secrets are sealed under while they are at rest, in a page that stays out of swap and crash reports.
//!
//! Few bytes are locked, whatever the number of secrets: user services often may lock 8 MiB, and some nothing.

#![expect(unsafe_code, reason = "memory by its address")]

use std::io;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use chacha20::{ChaCha20, Key, Nonce};
use tokend_proto::secret::{self, Sealer};

use super::leftovers::scrub_cipher;
use super::{HOW_TO_LOCK_MEMORY, locked_page};

/// Bytes of a key.
pub(super) const KEY: usize = 32;

/// Bytes of a block of the cipher.
const BLOCK: usize = 64;

/// The cipher does four blocks in the time of one, but the last ones one by one.
const AT_ONCE: usize = 4 * BLOCK;

static SEALING: OnceLock<KeyPage> = OnceLock::new();

/// From now on every secret of this process is sealed while it is at rest, under a random key that is not
/// written anywhere. To be called once, before any secret is read. What cannot be had is said in the log, and
/// is no reason not to start.
pub fn seal_secrets() {
    let page = match KeyPage::new() {
        Ok(page) => SEALING.get_or_init(|| page),
        Err(error) => {
            tracing::warn!(%error, "secrets lie unsealed in memory: there is no page for their key");
            return;
        }
    };
    if !page.is_locked {
        tracing::warn!(
            "the key that secrets in memory are sealed under may be swapped out: this process may lock no \
             memory ({HOW_TO_LOCK_MEMORY})"
        );
    }
    // A second call changes nothing.
    let _ = secret::seal_with(page);
}

/// Whether secrets are sealed, and under a key that no swap gets to see.
#[must_use]
pub fn memory_is_locked() -> bool {
    SEALING.get().is_some_and(|page| page.is_locked)
}

/// A page of the system's that was filled once, is never unmapped, and can only be read.
pub(super) struct Page {
    /// Where it begins.
    pub(super) start: NonNull<[u8; KEY]>,
    /// Whether it stays out of swap.
    pub(super) is_locked: bool,
}

/// The page with the key.
struct KeyPage {
    key: NonNull<[u8; KEY]>,
    is_locked: bool,
    next: AtomicU64,
}

// SAFETY: the page is this value's own, is never unmapped, and is only read once it is made.
unsafe impl Send for KeyPage {}
// SAFETY: as above; the counter is atomic.
unsafe impl Sync for KeyPage {}

impl KeyPage {
    fn new() -> io::Result<Self> {
        let page = locked_page(|key| Ok(getrandom::getrandom(key)?))?;
        Ok(Self { key: page.start, is_locked: page.is_locked, next: AtomicU64::new(0) })
    }

    fn apply(&self, number: u64, bytes: &mut [u8]) {
        self.stream(number, bytes);
        scrub_cipher();
    }

    /// Encrypts, or decrypts: it is the same. In a frame of its own, so that all that it had on the stack is
    /// dead when it returns.
    #[inline(never)]
    fn stream(&self, number: u64, bytes: &mut [u8]) {
        let mut nonce = Nonce::default();
        nonce[4..].copy_from_slice(&number.to_le_bytes());
        // SAFETY: the page is mapped as long as the process lives, and only read.
        let key = unsafe { self.key.as_ref() };
        // A secret is far shorter than the 256 GiB that one nonce is good for.
        let mut cipher = ChaCha20::new(Key::from_slice(key), &nonce);
        let (whole, rest) = bytes.split_at_mut(bytes.len() / AT_ONCE * AT_ONCE);
        cipher.apply_keystream(whole);
        if rest.len() > BLOCK {
            let mut padded = [0; AT_ONCE];
            padded[..rest.len()].copy_from_slice(rest);
            cipher.apply_keystream(&mut padded);
            rest.copy_from_slice(&padded[..rest.len()]);
        } else {
            cipher.apply_keystream(rest);
        }
    }
}

impl Sealer for KeyPage {
    fn seal(&self, bytes: &mut [u8]) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.apply(number, bytes);
        number
    }

    fn open(&self, number: u64, bytes: &mut [u8]) {
        self.apply(number, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_its_number_alone() -> io::Result<()> {
        let page = KeyPage::new()?;
        let mut first = *b"hunter2-hunter2-hunter2";
        let mut second = first;
        let (one, two) = (page.seal(&mut first), page.seal(&mut second));
        assert_ne!(one, two);
        assert_ne!(first, second);
        page.open(one, &mut second);
        assert_ne!(&second, b"hunter2-hunter2-hunter2");
        page.open(one, &mut first);
        assert_eq!(&first, b"hunter2-hunter2-hunter2");
        Ok(())
    }

    #[test]
    fn every_length_is_sealed_as_rfc_8439_has_it() -> io::Result<()> {
        let page = KeyPage::new()?;
        // SAFETY: the page is mapped, and nobody writes to it.
        let key = unsafe { page.key.as_ref() };
        for length in 0..1100 {
            let mut bytes = vec![0; length];
            let number = page.seal(&mut bytes);
            let mut nonce = Nonce::default();
            nonce[4..].copy_from_slice(&number.to_le_bytes());
            let mut wanted = vec![0; length];
            ChaCha20::new(Key::from_slice(key), &nonce).apply_keystream(&mut wanted);
            assert_eq!(bytes, wanted, "{length} bytes");
        }
        Ok(())
    }

    #[test]
    fn no_two_processes_seal_alike() -> io::Result<()> {
        let (mut first, mut second) = ([0; 64], [0; 64]);
        KeyPage::new()?.seal(&mut first);
        KeyPage::new()?.seal(&mut second);
        assert_ne!(first, second);
        Ok(())
    }
}
