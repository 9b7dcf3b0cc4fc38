//! The form of a kept grant. A form never changes: a new need is a new number, and the old ones are read on.
//!
//! The intent is part of it: how often the refresh token that lies there was sent, or was about to be. So an intent can
//! never be taken for that of another token.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokend_proto::{Secret, codec};
use zeroize::Zeroizing;

use super::form::{EMPTY, STRANGE, Unknown};
use crate::account::grant::{End, Kept};
use crate::clock::Wall;

/// What stands before the first form's bytes.
const FIRST: u8 = 1;
/// The second has behind all that the first has a term, and whose login it is.
const SECOND: u8 = 2;

/// The form that is written.
pub(in crate::account) const NEWEST: u8 = SECOND;

#[derive(Debug, Deserialize)]
struct Second {
    form: Form,
    until_ms: Option<i64>,
    subject: Option<[u8; 32]>,
}

#[derive(Debug, Serialize)]
struct SecondRef<'a> {
    form: FormRef<'a>,
    until_ms: Option<i64>,
    subject: Option<[u8; 32]>,
}

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
            End::LoggedOut => 3,
            End::Over => 4,
        }),
        at_ms: kept.at.0,
    };
    let form = SecondRef { form, until_ms: kept.until.map(|until| until.0), subject: kept.subject };
    let body = codec::encode(&form).ok()?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(body.len() + 1));
    bytes.push(SECOND);
    bytes.extend_from_slice(&body);
    Some(bytes)
}

/// A grant out of its bytes, or why not.
pub(in crate::account) fn decode(bytes: &[u8]) -> Result<Kept, Unknown> {
    let Second { form, until_ms, subject } = match bytes.split_first() {
        Some((&SECOND, body)) => codec::decode_answer(body).map_err(|_| STRANGE)?,
        Some((&FIRST, body)) => {
            let form = codec::decode_answer(body).map_err(|_| STRANGE)?;
            Second { form, until_ms: None, subject: None }
        }
        Some((&form, _)) => return Err(Unknown::of(form, NEWEST)),
        None => return Err(EMPTY),
    };
    let ended = match form.ended {
        None => None,
        Some(1) => Some(End::Refused),
        Some(2) => Some(End::Lost),
        Some(3) => Some(End::LoggedOut),
        Some(4) => Some(End::Over),
        Some(_) => return Err(STRANGE),
    };
    Ok(Kept {
        first: form.first,
        token: Arc::new(form.token),
        sendings: form.sendings,
        is_unclear: form.is_unclear,
        ended,
        until: until_ms.map(Wall),
        subject,
        at: Wall(form.at_ms),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::super::form::documented;
    use super::*;

    #[test]
    fn a_grant_comes_back_as_it_was() {
        for (sendings, is_unclear, ended, until) in [
            (0, false, None, None),
            (1, true, None, Some(Wall(7))),
            (2, false, Some(End::Lost), None),
            (1, false, Some(End::Refused), None),
            (0, false, Some(End::LoggedOut), None),
            (0, false, Some(End::Over), Some(Wall(-7))),
        ] {
            let token = Arc::new(Secret::new(b"refresh".to_vec()).unwrap());
            let kept = Kept {
                first: [7; 32],
                token,
                sendings,
                is_unclear,
                ended,
                until,
                subject: until.map(|_| [9; 32]),
                at: Wall(-5),
            };
            let back = decode(&encode(&kept).unwrap()).unwrap();
            assert_eq!((&back.token.expose()[..], back.subject), (&b"refresh"[..], kept.subject));
            assert_eq!(
                (back.first, back.sendings, back.is_unclear, back.ended, back.until, back.at),
                (kept.first, sendings, is_unclear, ended, until, kept.at)
            );
        }
    }

    #[test]
    fn what_cannot_be_understood_is_said_so() {
        assert_eq!(decode(&[]).unwrap_err(), EMPTY);
        assert_eq!(decode(&[9, 1]).unwrap_err(), Unknown::Newer(9));
        assert_eq!(decode(&[0, 1]).unwrap_err(), STRANGE);
        assert_eq!(decode(&[1, 1]).unwrap_err(), STRANGE);
    }

    #[test]
    fn every_documented_form_is_read_and_the_newest_is_what_is_written() {
        let kept = decode(&documented("kept-grant-1")).unwrap();
        assert_eq!((kept.first, &kept.token.expose()[..]), ([7; 32], &b"abc"[..]));
        assert_eq!((kept.sendings, kept.is_unclear, kept.ended, kept.at), (1, false, None, Wall(1)));
        assert_eq!((kept.until, kept.subject), (None, None));
        let newest = documented("kept-grant-2");
        let kept = decode(&newest).unwrap();
        assert_eq!((kept.until, kept.subject), (Some(Wall(3)), Some([8; 32])));
        assert_eq!(*encode(&kept).unwrap(), newest);
    }
}
