//! The only place that knows bincode: values to bytes and back, within bounds.
//!
//! The encoding is bincode's standard configuration: little endian, integers of variable length, lengths before
//! strings, bytes and lists. `docs/wire-protocol.md` spells it out, so that another implementation can take over.

use std::fmt;
use std::io::Write;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::limits::{MAX_ANSWER, MAX_REQUEST};
use crate::secret;

/// The bytes are not what was expected. Whose fault: the sender's. Never says what the bytes were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end too early, have a wrong form, or claim more than the bounds allow.
    Malformed,
    /// Bytes are left over after the value.
    Trailing,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "a malformed message",
            Self::Trailing => "a message with bytes left over",
        })
    }
}

impl std::error::Error for DecodeError {}

/// The value is larger than what may travel. Whose fault: the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeError;

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message is too large to send")
    }
}

impl std::error::Error for EncodeError {}

/// Bytes of a value. The buffer is wiped when dropped, and so is each smaller one that it outgrew.
///
/// # Errors
/// [`EncodeError`] above [`MAX_ANSWER`] bytes.
pub fn encode<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
    let mut buffer = Buffer(Zeroizing::new(Vec::with_capacity(512)));
    bincode::serde::encode_into_std_write(value, &mut buffer, bincode::config::standard())
        .map_err(|_| EncodeError)?;
    Ok(buffer.0)
}

/// A value from a request's bytes: nothing larger than twice [`MAX_REQUEST`] is allocated for what they claim.
///
/// # Errors
/// [`DecodeError`] unless the bytes are one whole value and no more.
pub fn decode_request<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    whole(
        bytes,
        bincode::serde::decode_from_slice(
            bytes,
            bincode::config::standard().with_limit::<{ 2 * MAX_REQUEST }>(),
        ),
    )
}

/// A value from an answer's bytes: nothing larger than twice [`MAX_ANSWER`] is allocated for what they claim.
///
/// # Errors
/// [`DecodeError`] unless the bytes are one whole value and no more.
pub fn decode_answer<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    whole(
        bytes,
        bincode::serde::decode_from_slice(
            bytes,
            bincode::config::standard().with_limit::<{ 2 * MAX_ANSWER }>(),
        ),
    )
}

// Why twice: bincode counts a length or a u64 as eight bytes against its limit, however few it takes. The fullest
// page of `status` gains 546 bytes an account by that, and must still be read.
fn whole<T>(
    bytes: &[u8],
    decoded: Result<(T, usize), bincode::error::DecodeError>,
) -> Result<T, DecodeError> {
    // bincode's error may name a variant or quote text: none of it is passed on.
    let (value, used) = decoded.map_err(|_| DecodeError::Malformed)?;
    if used == bytes.len() { Ok(value) } else { Err(DecodeError::Trailing) }
}

/// How many bytes [`encode`] would give.
pub(crate) fn size<T: Serialize>(value: &T) -> Result<usize, EncodeError> {
    let mut size = bincode::enc::write::SizeWriter::default();
    secret::measuring(|| bincode::serde::encode_into_writer(value, &mut size, bincode::config::standard()))
        .map_err(|_| EncodeError)?;
    Ok(size.bytes_written)
}

/// Appends a value's bytes to `buffer`, whose capacity must do.
pub(crate) fn append<T: Serialize>(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
    let config = bincode::config::standard();
    secret::placing(|| bincode::serde::encode_into_std_write(value, &mut Appending(buffer), config))
        .map_err(|_| EncodeError)?;
    Ok(())
}

/// A value that borrows from a request's bytes.
pub(crate) fn borrow_request<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, DecodeError> {
    whole(
        bytes,
        bincode::serde::borrow_decode_from_slice(
            bytes,
            bincode::config::standard().with_limit::<{ 2 * MAX_REQUEST }>(),
        ),
    )
}

/// Opens sealed secrets where they are put.
struct Appending<'v>(&'v mut Vec<u8>);

impl Write for Appending<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let start = self.0.len();
        self.0.extend_from_slice(bytes);
        secret::arrived(bytes, &mut self.0[start..]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Buffer(Zeroizing<Vec<u8>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > MAX_ANSWER {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
