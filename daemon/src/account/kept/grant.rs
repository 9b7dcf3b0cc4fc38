//! The form of a kept grant. A form never changes: a new need is a new number, and the old ones are read on.
//!
//! The intent is part of it: how often the refresh token that lies there was sent, or was about to be. So an intent can
//! never be taken for that of another token.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokend_proto::{Secret, codec};
use zeroize::Zeroizing;

use crate::account::grant::{End, Kept};
use crate::clock::Wall;

/// What stands before the first form's bytes.
const FIRST: u8 = 1;

#[derive(Debug, Deserialize)]
struct Form {
    first: [u8; 32],
    token: Secret,
    sendings: u8,
    is_unclear: bool,
    ended: Option<u8>,
    at_ms: i64,
}

#[derive(Debug, Serialize)]
struct FormRef<'a> {
    first: [u8; 32],
    token: &'a Secret,
    sendings: u8,
    is_unclear: bool,
    ended: Option<u8>,
    at_ms: i64,
}

/// A grant's bytes; nothing where they are too many.
pub(in crate::account) fn encode(kept: &Kept) -> Option<Zeroizing<Vec<u8>>> {
    let form = FormRef {
        first: kept.first,
        token: &kept.token,
        sendings: kept.sendings,
        is_unclear: kept.is_unclear,
        ended: kept.ended.map(|end| match end {
            End::Refused => 1,
            End::Lost => 2,
        }),
        at_ms: kept.at.0,
    };
    let body = codec::encode(&form).ok()?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(body.len() + 1));
    bytes.push(FIRST);
    bytes.extend_from_slice(&body);
    Some(bytes)
}

/// A grant out of its bytes, or why not.
pub(in crate::account) fn decode(bytes: &[u8]) -> Result<Kept, &'static str> {
    const STRANGE: &str = "it cannot be understood";
    let form: Form = match bytes.split_first() {
        Some((&FIRST, body)) => codec::decode_answer(body).map_err(|_| STRANGE)?,
        Some(_) => return Err("a newer tokend wrote it"),
        None => return Err("it is empty"),
    };
    let ended = match form.ended {
        None => None,
        Some(1) => Some(End::Refused),
        Some(2) => Some(End::Lost),
        Some(_) => return Err(STRANGE),
    };
    Ok(Kept {
        first: form.first,
        token: Arc::new(form.token),
        sendings: form.sendings,
        is_unclear: form.is_unclear,
        ended,
        at: Wall(form.at_ms),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_grant_comes_back_as_it_was() {
        for (sendings, is_unclear, ended) in
            [(0, false, None), (1, true, None), (2, false, Some(End::Lost)), (1, false, Some(End::Refused))]
        {
            let token = Arc::new(Secret::new(b"refresh".to_vec()).unwrap());
            let kept = Kept { first: [7; 32], token, sendings, is_unclear, ended, at: Wall(-5) };
            let back = decode(&encode(&kept).unwrap()).unwrap();
            assert_eq!(&back.token.expose()[..], b"refresh");
            assert_eq!(
                (back.first, back.sendings, back.is_unclear, back.ended, back.at),
                (kept.first, sendings, is_unclear, ended, kept.at)
            );
        }
    }

    #[test]
    fn what_cannot_be_understood_is_said_so() {
        assert_eq!(decode(&[]).unwrap_err(), "it is empty");
        assert_eq!(decode(&[9, 1]).unwrap_err(), "a newer tokend wrote it");
        assert_eq!(decode(&[1, 1]).unwrap_err(), "it cannot be understood");
    }

    #[test]
    fn yesterdays_bytes_are_read() {
        let mut bytes = vec![1];
        bytes.extend([7; 32]);
        bytes.extend(b"\x03abc\x01\x00\x00\x02");
        let kept = decode(&bytes).unwrap();
        assert_eq!((&kept.token.expose()[..], kept.sendings, kept.at), (&b"abc"[..], 1, Wall(1)));
    }
}
