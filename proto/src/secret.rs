//! The one type that secrets and tokens live in: wiped on drop, silent in `Debug`, never cloned unseen, and
//! sealed while it is at rest where the process has a [`Sealer`].

mod wire;

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::limits::MAX_SECRET;

pub(crate) use self::wire::{arrived, bytes_that_arrived, measuring, placing};

/// Encrypts what is at rest under a key of this process, as OpenSSH shields its keys: a copy of the memory
/// without the page with the key (a core file, swap, a stray read) then shows nothing.
pub trait Sealer: Send + Sync {
    /// Encrypts `bytes` where they lie, and says under which number. No number comes twice in the life of the
    /// key.
    fn seal(&self, bytes: &mut [u8]) -> u64;

    /// Decrypts `bytes` where they lie, which were encrypted under this number.
    fn open(&self, number: u64, bytes: &mut [u8]);
}

static SEALER: OnceLock<&'static dyn Sealer> = OnceLock::new();

/// There is a sealer already. It stays, since secrets are sealed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedAlready;

impl fmt::Display for SealedAlready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secrets are sealed already")
    }
}

impl std::error::Error for SealedAlready {}

/// Every [`Secret`] that is made from now on is sealed by `sealer`. A process that calls this does so once,
/// before it has secrets: those that it has already stay as they are. Without a call (in `tok`) none is
/// sealed.
///
/// # Errors
/// [`SealedAlready`] at a second call.
pub fn seal_with(sealer: &'static dyn Sealer) -> Result<(), SealedAlready> {
    SEALER.set(sealer).map_err(|_| SealedAlready)
}

/// Bytes that must not be seen: a password, a key, a token.
///
/// At most [`MAX_SECRET`] bytes. There is no `Clone`: a second copy is made by [`Secret::duplicate`], where a
/// reader of the code sees it; share one by `Arc` instead. There is no `PartialEq` either: comparing by
/// [`Secret::matches`] takes the same time wherever the first difference is.
pub struct Secret {
    /// Encrypted, if there is a number.
    bytes: Zeroizing<Vec<u8>>,
    /// What they were sealed under.
    number: Option<u64>,
}

/// The bytes are more than [`MAX_SECRET`]. They have been wiped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "longer than {MAX_SECRET} bytes")
    }
}

impl std::error::Error for TooLong {}

impl Secret {
    /// Takes the bytes over. They are not copied, but sealed where they lie; what is refused is wiped.
    ///
    /// # Errors
    /// [`TooLong`] for more than [`MAX_SECRET`] bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, TooLong> {
        let mut bytes = Zeroizing::new(bytes);
        if bytes.len() > MAX_SECRET {
            return Err(TooLong);
        }
        let number = SEALER.get().map(|sealer| {
            // Behind the end may be what was cut off.
            bytes.spare_capacity_mut().zeroize();
            sealer.seal(&mut bytes)
        });
        Ok(Self { bytes, number })
    }

    /// The bytes, to be read as long as the guard lives: keep it short. Whoever copies them out answers for
    /// the copy.
    #[must_use]
    pub fn expose(&self) -> Exposed<'_> {
        match (self.number, SEALER.get()) {
            (Some(number), Some(sealer)) => {
                let mut bytes = Zeroizing::new(self.bytes.to_vec());
                sealer.open(number, &mut bytes);
                Exposed(Plain::Opened(bytes))
            }
            _ => Exposed(Plain::Held(&self.bytes)),
        }
    }

    /// A second copy, on purpose.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self { bytes: Zeroizing::new(self.bytes.to_vec()), number: self.number }
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is not a single byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether both hold the same bytes; takes the same time for all pairs of one length.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.expose().ct_eq(&other.expose()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A secret's bytes while they are looked at. What was opened for it is wiped when it goes.
pub struct Exposed<'s>(Plain<'s>);

enum Plain<'s> {
    Held(&'s [u8]),
    Opened(Zeroizing<Vec<u8>>),
}

impl<'s> Exposed<'s> {
    /// The bytes as text, where they are UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self).ok()
    }

    /// The same as a guard of its own.
    #[must_use]
    pub fn into_text(self) -> Option<ExposedText<'s>> {
        self.as_str().is_some().then_some(ExposedText(self))
    }
}

impl Deref for Exposed<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Plain::Held(bytes) => bytes,
            Plain::Opened(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Exposed<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Exposed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Nothing.
impl Default for Exposed<'_> {
    fn default() -> Self {
        Self(Plain::Held(&[]))
    }
}

/// A secret that is text, while it is looked at; see [`Exposed`].
#[derive(Default)]
pub struct ExposedText<'s>(Exposed<'s>);

impl Deref for ExposedText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        // It was looked at when this was made.
        self.0.as_str().unwrap_or_default()
    }
}

impl fmt::Debug for ExposedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new(b"hunter2".to_vec()).map_err(|_| ());
        assert_eq!(format!("{secret:?}"), "Ok(…)");
        let exposed = secret.as_ref().map(Secret::expose);
        assert_eq!(format!("{exposed:?}"), "Ok(…)");
        assert_eq!(format!("{:?}", exposed.map(Exposed::into_text)), "Ok(Some(…))");
    }

    #[test]
    fn a_secret_of_the_limit_fits_and_one_byte_more_does_not() {
        assert!(Secret::new(vec![b'x'; MAX_SECRET]).is_ok());
        assert_eq!(Secret::new(vec![b'x'; MAX_SECRET + 1]).err(), Some(TooLong));
    }

    #[test]
    fn only_equal_bytes_match() -> Result<(), TooLong> {
        let secret = Secret::new(b"abc".to_vec())?;
        assert!(secret.matches(&secret.duplicate()));
        assert!(!secret.matches(&Secret::new(b"abd".to_vec())?));
        assert!(!secret.matches(&Secret::new(b"abcd".to_vec())?));
        Ok(())
    }

    #[test]
    fn only_utf_8_is_text() -> Result<(), TooLong> {
        assert_eq!(Secret::new("ü".into())?.expose().into_text().as_deref(), Some("ü"));
        assert!(Secret::new(vec![0xff])?.expose().into_text().is_none());
        Ok(())
    }
}
