//! What is known of a grant, on disk and in memory.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokend_proto::Secret;

use crate::account::words;
use crate::clock::{Moment, Steady, Wall};
use crate::provider::{CarriedOut, Failure, ID_TOKEN, Minted, jwt};

/// For the last bit of a term no other token is got.
const LAST: Duration = Duration::from_secs(5);

/// The newest refresh token, and what became of it so far.
#[derive(Debug, Clone)]
pub struct Kept {
    /// A hash of the first refresh token, as its source gave it: another one there begins anew.
    pub first: [u8; 32],
    /// The newest.
    pub token: Arc<Secret>,
    /// How often it was sent, or was about to be, without anybody knowing whether that was carried out: the intent.
    pub sendings: u8,
    /// The last time something answered that may not have been the service, or that broke over it.
    pub is_unclear: bool,
    /// Why it is of no use any more.
    pub ended: Option<End>,
    /// When the term of the login is over, where a person gave it one.
    pub until: Option<Wall>,
    /// A hash of whose login it is, where an id token told.
    pub subject: Option<[u8; 32]>,
    /// When that was so.
    pub at: Wall,
}

/// Why a grant has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The service refused the refresh token.
    Refused,
    /// It was sent twice, and what became of it is not known.
    Lost,
    /// A person logged out.
    LoggedOut,
    /// The term that a person gave the login is over.
    Over,
}

impl Kept {
    /// A grant that begins with the token of its source.
    pub(super) fn begun(first: [u8; 32], token: Arc<Secret>, at: Wall) -> Self {
        Self { first, token, sendings: 0, is_unclear: false, ended: None, until: None, subject: None, at }
    }

    /// An id token that comes with a refresh is of the same person as that of the login (OpenID Connect Core 1.0, 12.2), or
    /// it is not served.
    pub(super) fn knows(&mut self, minted: &mut Minted) {
        let Some(place) = minted.fields.iter().position(|(name, _)| name == ID_TOKEN) else { return };
        let subject = jwt::claims(&minted.fields[place].1).and_then(|claims| claims.subject);
        let subject = subject.map(|subject| digest_of(subject.as_bytes()));
        if self.subject.is_some() && self.subject != subject {
            minted.fields.remove(place);
            minted
                .warnings
                .push("an id token of another person came with this token; it is not served".to_owned());
        } else {
            self.subject = subject;
        }
    }

    /// It has ended by a person's will: what it had is wiped, also on disk.
    pub(super) fn emptied(&mut self, end: End) {
        // The form has no place for nothing.
        if let Ok(nothing) = Secret::new(b"-".to_vec()) {
            self.token = Arc::new(nothing);
        }
        self.ended = Some(end);
        self.subject = None;
        self.renew(None);
    }

    /// Whether its term is over.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| until <= now.wall)
    }

    /// Whether the token in hand lives to the end of the term: then no other is needed.
    pub(super) fn ends_with(&self, in_hand: Option<Steady>, now: Moment) -> bool {
        let left = self.until.map(|until| now.wall.until(until));
        left.zip(in_hand).is_some_and(|(left, end)| end.after(LAST) >= now.steady.after(left))
    }

    /// The service carried a request out; a new refresh token came with it, or the old one goes on.
    pub(super) fn renew(&mut self, rotated: Option<Arc<Secret>>) {
        if let Some(token) = rotated {
            self.token = token;
        }
        self.sendings = 0;
        self.is_unclear = false;
    }

    /// Why it is not sent now: while a token in hand lives, what may have been spent is not spent again.
    pub(super) fn spares(&self, in_hand: Option<Steady>, now: Moment) -> Option<Failure> {
        let is_in_doubt = self.sendings > 0 || self.is_unclear;
        let end = in_hand.filter(|end| is_in_doubt && *end > now.steady)?;
        Some(words::refresh_in_doubt().at_the_end_of(Some(end), now))
    }
}

fn digest_of(subject: &[u8]) -> [u8; 32] {
    Sha256::digest(subject).into()
}

/// No token outlives the term of its login.
pub(super) fn limit(minted: &mut Minted, until: Option<Wall>, requested: Moment) {
    if let Some(until) = until {
        let left = requested.wall.until(until);
        minted.lifetime = Some(minted.lifetime.map_or(left, |told| told.min(left)));
    }
}

impl Failure {
    /// The same; not before the token in hand has come to its end. Says that the refresh token is in doubt.
    pub(super) fn at_the_end_of(self, in_hand: Option<Steady>, now: Moment) -> Self {
        let wait = in_hand.map(|end| now.steady.until(end)).filter(|wait| !wait.is_zero());
        let carried_out = match self.carried_out {
            CarriedOut::No => CarriedOut::AnswerLost,
            told => told,
        };
        Self { retry_after: wait.max(self.retry_after), carried_out, ..self }
    }
}
