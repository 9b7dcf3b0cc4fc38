//! Frames: a length, then that many bytes; and the protocol number in the first of each direction.
//!
//! `length` is a u32, little endian, and counts what follows it. The first frame of a connection begins, in each
//! direction, with a plain u16 (little endian): from the client the protocol that it speaks, from the daemon the
//! same number, or 0 and then the ones that it speaks ([`Opening`]).

use std::fmt;

use zeroize::Zeroizing;

use crate::codec::{DecodeError, EncodeError};
use crate::limits::PROTOCOL;

/// Bytes of a frame's length.
pub const HEADER: usize = 4;

/// A frame announced more bytes than may travel. Nothing was allocated for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oversize {
    /// What was announced, in bytes.
    pub announced: usize,
    /// What may be sent, in bytes.
    pub limit: usize,
}

impl fmt::Display for Oversize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message of {} bytes, where {} are the most", self.announced, self.limit)
    }
}

impl std::error::Error for Oversize {}

/// A payload as a frame, with the protocol number before it when it is the first of its direction.
///
/// # Errors
/// [`EncodeError`] when the payload is larger than `limit`.
pub fn encode(payload: &[u8], first: bool, limit: usize) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
    let opening: &[u8] = if first { &PROTOCOL.to_le_bytes() } else { &[] };
    let length = opening.len() + payload.len();
    if length > limit {
        return Err(EncodeError);
    }
    let announced = u32::try_from(length).map_err(|_| EncodeError)?;
    let mut frame = Zeroizing::new(Vec::with_capacity(HEADER + length));
    frame.extend_from_slice(&announced.to_le_bytes());
    frame.extend_from_slice(opening);
    frame.extend_from_slice(payload);
    Ok(frame)
}

/// What a frame's first four bytes announce, in bytes.
///
/// # Errors
/// [`Oversize`] above `limit`.
pub fn announced(header: [u8; HEADER], limit: usize) -> Result<usize, Oversize> {
    // A u32 that does not fit a usize is above every limit.
    let announced = usize::try_from(u32::from_le_bytes(header)).unwrap_or(usize::MAX);
    if announced > limit { Err(Oversize { announced, limit }) } else { Ok(announced) }
}

/// How a direction of a connection opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening<'a> {
    /// Our protocol; the payload follows.
    Spoken(&'a [u8]),
    /// From a client: another protocol, this one.
    Other(u16),
    /// From the daemon: not that one, but these.
    Refused(Vec<u16>),
}

/// Splits the protocol number off a first frame.
///
/// # Errors
/// [`DecodeError::Malformed`] when the frame is too short for one.
pub fn opening(frame: &[u8]) -> Result<Opening<'_>, DecodeError> {
    let (number, rest) = frame.split_first_chunk::<2>().ok_or(DecodeError::Malformed)?;
    match u16::from_le_bytes(*number) {
        PROTOCOL => Ok(Opening::Spoken(rest)),
        0 => {
            let (count, numbers) = rest.split_first().ok_or(DecodeError::Malformed)?;
            if numbers.len() != usize::from(*count) * 2 {
                return Err(DecodeError::Malformed);
            }
            Ok(Opening::Refused(
                numbers.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect(),
            ))
        }
        other => Ok(Opening::Other(other)),
    }
}

/// The daemon's whole answer to a client of another protocol: a frame with 0, a count, and the numbers that it
/// speaks. The connection ends after it; the client decides what to do.
#[must_use]
pub fn refusal() -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER + 5);
    frame.extend_from_slice(&5_u32.to_le_bytes());
    frame.extend_from_slice(&0_u16.to_le_bytes());
    frame.push(1);
    frame.extend_from_slice(&PROTOCOL.to_le_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frame_carries_the_protocol_number() {
        let frame = encode(b"xyz", true, 64).map(|f| f.to_vec());
        assert_eq!(frame, Ok(vec![5, 0, 0, 0, 1, 0, b'x', b'y', b'z']));
        assert_eq!(opening(&[1, 0, b'x', b'y', b'z']), Ok(Opening::Spoken(b"xyz")));
    }

    #[test]
    fn later_frames_do_not() {
        assert_eq!(encode(b"xyz", false, 64).map(|f| f.to_vec()), Ok(vec![3, 0, 0, 0, b'x', b'y', b'z']));
    }

    #[test]
    fn an_announced_length_beyond_the_limit_is_refused_before_anything_is_read() {
        assert_eq!(announced(100_u32.to_le_bytes(), 100), Ok(100));
        assert_eq!(announced(101_u32.to_le_bytes(), 100), Err(Oversize { announced: 101, limit: 100 }));
        assert!(announced([0xff; 4], 1 << 20).is_err());
    }

    #[test]
    fn a_refusal_names_what_is_spoken() {
        let frame = refusal();
        let mut header = [0; HEADER];
        header.copy_from_slice(&frame[..HEADER]);
        assert_eq!(announced(header, 64), Ok(frame.len() - HEADER));
        assert_eq!(opening(&frame[HEADER..]), Ok(Opening::Refused(vec![PROTOCOL])));
        assert_eq!(opening(&[7, 0]), Ok(Opening::Other(7)));
        assert_eq!(opening(&[1]), Err(DecodeError::Malformed));
        assert_eq!(opening(&[0, 0, 2, 1, 0]), Err(DecodeError::Malformed));
    }
}
