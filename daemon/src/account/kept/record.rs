//! The form of a kept token. A form never changes: a new need is a new number, and the old ones are read on.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokend_proto::{Secret, codec};
use zeroize::Zeroizing;

use super::form::{EMPTY, STRANGE, Unknown};
use crate::account::life::Restored;
use crate::account::token::Token;
use crate::clock::{Moment, Steady, Wall, is_apart, milliseconds};
use crate::secret::digest;

/// What stands before the first form's bytes.
const FIRST: u8 = 1;

/// The form that is written.
pub(in crate::account) const NEWEST: u8 = FIRST;

#[derive(Debug, Deserialize)]
pub(in crate::account) struct Record {
    /// What the account was: with other scopes or another client it is another token.
    service: [u8; 32],
    fields: Vec<(String, Secret)>,
    scope: Option<Vec<String>>,
    warnings: Vec<String>,
    /// The system's boot in which the steady times were read.
    boot: Option<String>,
    requested: Reading,
    received: Reading,
    lifetime_ms: Option<u64>,
    is_assumed: bool,
}

#[derive(Debug, Serialize)]
struct RecordRef<'a> {
    service: [u8; 32],
    fields: &'a [(String, Secret)],
    scope: Option<&'a [String]>,
    warnings: &'a [String],
    boot: Option<&'a str>,
    requested: Reading,
    received: Reading,
    lifetime_ms: Option<u64>,
    is_assumed: bool,
}

/// Both hands, as they were.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Reading {
    wall_ms: i64,
    steady_ms: u64,
}

impl From<Moment> for Reading {
    fn from(moment: Moment) -> Self {
        Self { wall_ms: moment.wall.0, steady_ms: moment.steady.0 }
    }
}

impl Record {
    /// A token's bytes; nothing where they are too many.
    pub(in crate::account) fn encode(
        token: &Token,
        service: [u8; 32],
        boot: Option<&str>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let record = RecordRef {
            service,
            fields: &token.fields,
            scope: token.scope.as_deref(),
            warnings: &token.warnings,
            boot,
            requested: token.requested.into(),
            received: token.received.into(),
            lifetime_ms: token.lifetime.map(milliseconds),
            is_assumed: token.is_assumed,
        };
        let body = codec::encode(&record).ok()?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(body.len() + 1));
        bytes.push(FIRST);
        bytes.extend_from_slice(&body);
        Some(bytes)
    }

    /// A record out of its bytes, or why not.
    pub(in crate::account) fn decode(bytes: &[u8]) -> Result<Self, Unknown> {
        match bytes.split_first() {
            Some((&FIRST, body)) => codec::decode_answer(body).map_err(|_| STRANGE),
            Some((&form, _)) => Err(Unknown::of(form, NEWEST)),
            None => Err(EMPTY),
        }
    }

    /// The token with its life on the clocks of now; nothing if it is of another definition.
    pub(in crate::account) fn restore(
        self,
        service: &[u8; 32],
        now: Moment,
        boot: Option<&str>,
    ) -> Option<Restored> {
        if self.service != *service {
            return None;
        }
        let sha256 = digest(b"", &self.fields.first()?.1);
        let age = Age::of(self.requested, now, boot.is_some() && self.boot.as_deref() == boot);
        let lifetime = self.lifetime_ms.map(Duration::from_millis);
        let steady = Steady(now.steady.0.saturating_sub(milliseconds(age.steady)));
        let requested = Moment { wall: Wall(self.requested.wall_ms), steady };
        let waited = Wall(self.requested.wall_ms).until(Wall(self.received.wall_ms));
        let token = Token {
            fields: self.fields,
            sha256,
            scope: self.scope,
            warnings: self.warnings,
            requested,
            received: requested.after(waited),
            lifetime,
            is_assumed: self.is_assumed,
            generation: 0,
        };
        let in_doubt = age.in_doubt || lifetime.is_none() || self.is_assumed;
        Some(Restored { token, in_doubt, clock_was_set_back: age.set_back })
    }
}

/// How old a token is, and how sure that is.
#[derive(Debug, Clone, Copy)]
struct Age {
    steady: Duration,
    in_doubt: bool,
    /// The wall shows an earlier time than when the token was asked for.
    set_back: bool,
}

impl Age {
    fn of(requested: Reading, now: Moment, same_boot: bool) -> Self {
        let wall = Wall(requested.wall_ms);
        let by_wall = wall.until(now.wall);
        let set_back = now.wall < wall;
        if same_boot {
            let steady = Steady(requested.steady_ms).until(now.steady);
            let apart = set_back || is_apart(steady.abs_diff(by_wall));
            Self { steady, in_doubt: apart, set_back: false }
        } else {
            Self { steady: by_wall, in_doubt: set_back, set_back }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::super::form::documented;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// The steady clock in seconds since the system was started.
    fn at(wall_s: i64, steady_s: u64) -> Moment {
        Moment { wall: Wall(wall_s * 1000), steady: Steady((1 << 42) + steady_s * 1000) }
    }

    fn token(requested: Moment, lifetime: Option<Duration>) -> Token {
        Token {
            fields: vec![("token".to_owned(), Secret::new(b"abc".to_vec()).unwrap())],
            sha256: Sha256::digest(b"abc").into(),
            scope: Some(vec!["s".to_owned()]),
            warnings: vec!["w".to_owned()],
            requested,
            received: requested.after(Duration::from_secs(2)),
            lifetime,
            is_assumed: false,
            generation: 7,
        }
    }

    fn restored(token: &Token, boot: Option<&str>, now: Moment, boot_now: Option<&str>) -> Restored {
        let bytes = Record::encode(token, [1; 32], boot).unwrap();
        Record::decode(&bytes).unwrap().restore(&[1; 32], now, boot_now).unwrap()
    }

    #[test]
    fn a_token_comes_back_as_it_was() {
        let token = token(at(1_000_000, 500), Some(HOUR));
        let back = restored(&token, Some("b"), at(1_000_600, 1100), Some("b"));
        assert!(!back.in_doubt);
        let back = back.token;
        assert_eq!(&back.fields[0].1.expose()[..], b"abc");
        assert_eq!(
            (back.sha256, back.requested, back.received),
            (token.sha256, token.requested, token.received)
        );
        assert_eq!((back.lifetime, back.scope, back.warnings), (token.lifetime, token.scope, token.warnings));
    }

    #[test]
    fn after_a_boot_the_wall_says_how_old_it_is() {
        let token = token(at(1_000_000, 90_000), Some(HOUR));
        let back = restored(&token, Some("b"), at(1_001_200, 5000), Some("c"));
        assert!(!back.in_doubt);
        assert_eq!(back.token.left(at(1_001_200, 5000)), Some(Duration::from_secs(2400)));
        // The machine was started after the token was asked for: it had no shorter life for that.
        let back = restored(&token, Some("b"), at(1_001_200, 60), Some("c")).token;
        assert_eq!(back.left(at(1_001_200, 60)), Some(Duration::from_secs(2400)));
        assert_eq!((back.lifetime, back.at_best()), (token.lifetime, token.at_best()));
    }

    #[test]
    fn a_clock_that_was_set_is_a_reason_to_doubt() {
        let token = token(at(1_000_000, 500), Some(HOUR));
        assert!(restored(&token, Some("b"), at(1_000_600, 1000), Some("b")).in_doubt);
        assert!(restored(&token, Some("b"), at(999_000, 600), Some("b")).in_doubt);
        let back = restored(&token, Some("b"), at(999_000, 600), Some("c"));
        assert!(back.in_doubt && back.clock_was_set_back);
    }

    #[test]
    fn an_unknown_life_is_a_reason_to_doubt() {
        let token = token(at(1_000_000, 500), None);
        assert!(restored(&token, Some("b"), at(1_000_600, 1100), Some("b")).in_doubt);
    }

    #[test]
    fn a_token_of_another_definition_does_not_come_back() {
        let bytes = Record::encode(&token(at(0, 0), None), [1; 32], None).unwrap();
        assert!(Record::decode(&bytes).unwrap().restore(&[2; 32], at(0, 0), None).is_none());
    }

    #[test]
    fn the_documented_form_is_what_is_read_and_written() {
        let documented = documented("kept-token-1");
        let moment = |wall, steady| Moment { wall: Wall(wall), steady: Steady(steady) };
        let token = Token { received: moment(3000, 2500), ..token(moment(1000, 500), Some(HOUR)) };
        assert_eq!(*Record::encode(&token, [7; 32], Some("b")).unwrap(), documented);
        let back = Record::decode(&documented).unwrap();
        assert_eq!(&back.fields[0].1.expose()[..], b"abc");
        assert_eq!((back.service, back.boot.as_deref()), ([7; 32], Some("b")));
        assert_eq!(
            (back.lifetime_ms, back.is_assumed, back.received.steady_ms),
            (Some(3_600_000), false, 2500)
        );
    }

    #[test]
    fn what_cannot_be_understood_is_said_so() {
        assert_eq!(Record::decode(&[]).unwrap_err(), EMPTY);
        assert_eq!(Record::decode(&[9, 1]).unwrap_err(), Unknown::Newer(9));
        assert_eq!(Record::decode(&[0, 1]).unwrap_err(), STRANGE);
        assert_eq!(Record::decode(&[1, 1]).unwrap_err(), STRANGE);
    }
}
