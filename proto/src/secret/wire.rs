//! Secrets on the wire: their bytes, like any others'. What is sealed is opened where it is put.

use std::cell::Cell;
use std::fmt;

use serde::de::{Error as _, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{SEALER, Secret};

/// What a secret is serialized for.
#[derive(Clone, Copy)]
enum Pass {
    /// To be read by whoever gets the bytes.
    Open,
    /// For the number of bytes alone, which sealing does not change.
    Measured,
    /// For a writer that calls [`arrived`] with what it has written. Where the sealed bytes lie that are on their way
    /// to it, and their number.
    Placed(Option<(usize, u64)>),
}

thread_local! {
    static PASS: Cell<Pass> = const { Cell::new(Pass::Open) };
}

/// Back to the usual, even where a serializer panics.
struct Usual;

impl Drop for Usual {
    fn drop(&mut self) {
        PASS.set(Pass::Open);
    }
}

/// Serializes something for the sake of its length: no secret is opened for that.
pub(crate) fn measuring<T>(serialize: impl FnOnce() -> T) -> T {
    PASS.set(Pass::Measured);
    let _usual = Usual;
    serialize()
}

/// Serializes something with a writer that calls [`arrived`], so that no secret is opened anywhere else than in the
/// writer's own buffer.
pub(crate) fn placing<T>(serialize: impl FnOnce() -> T) -> T {
    PASS.set(Pass::Placed(None));
    let _usual = Usual;
    serialize()
}

/// The writer was given `bytes`, and its copy of them is `copy`: opens the copy if they are a sealed secret.
pub(crate) fn arrived(bytes: &[u8], copy: &mut [u8]) {
    if let Pass::Placed(Some((address, number))) = PASS.get()
        && address == bytes.as_ptr().addr()
        && let Some(sealer) = SEALER.get()
    {
        sealer.open(number, copy);
        PASS.set(Pass::Placed(None));
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(number) = self.number.filter(|_| !self.is_empty()) else {
            return serializer.serialize_bytes(&self.bytes);
        };
        match PASS.get() {
            Pass::Open => serializer.serialize_bytes(&self.expose()),
            Pass::Measured => serializer.serialize_bytes(&self.bytes),
            Pass::Placed(_) => {
                PASS.set(Pass::Placed(Some((self.bytes.as_ptr().addr(), number))));
                let done = serializer.serialize_bytes(&self.bytes)?;
                match PASS.get() {
                    Pass::Placed(None) => Ok(done),
                    // A serializer that keeps bytes back, or gives them on in parts, is none for secrets.
                    _ => Err(S::Error::custom("a secret that was not opened")),
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(bytes_that_arrived(deserializer)?).map_err(D::Error::custom)
    }
}

/// Copies the bytes once, after they are known to be there: nothing is allocated for a length that was only
/// claimed.
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
