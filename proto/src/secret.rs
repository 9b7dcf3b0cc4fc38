//! The one type that secrets and tokens live in: wiped on drop, silent in `Debug`, never cloned unseen.

use std::fmt;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::limits::MAX_SECRET;

/// Bytes that must not be seen: a password, a key, a token.
///
/// At most [`MAX_SECRET`] bytes. There is no `Clone`: a second copy is made by [`Secret::duplicate`], where a
/// reader of the code sees it; share one by `Arc` instead. There is no `PartialEq` either: comparing by
/// [`Secret::matches`] takes the same time wherever the first difference is.
pub struct Secret(Zeroizing<Vec<u8>>);

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
    /// Takes the bytes over. They are not copied; what is refused is wiped.
    ///
    /// # Errors
    /// [`TooLong`] for more than [`MAX_SECRET`] bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, TooLong> {
        let bytes = Zeroizing::new(bytes);
        if bytes.len() > MAX_SECRET { Err(TooLong) } else { Ok(Self(bytes)) }
    }

    /// The bytes. Whoever copies them out answers for the copy.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, where they are UTF-8.
    #[must_use]
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// A second copy, on purpose.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(Zeroizing::new(self.0.to_vec()))
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is not a single byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both hold the same bytes; takes the same time for all pairs of one length.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && std::hint::black_box(self.0.iter().zip(other.0.iter()).fold(0, |acc, (a, b)| acc | (a ^ b)))
                == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(bytes_that_arrived(deserializer)?).map_err(D::Error::custom)
    }
}

/// Copies the bytes once, after they are known to be there: nothing is allocated for a length that was only claimed.
pub(crate) fn bytes_that_arrived<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    deserializer.deserialize_bytes(BytesVisitor)
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new(b"hunter2".to_vec()).map_err(|_| ());
        assert_eq!(format!("{secret:?}"), "Ok(…)");
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
}
