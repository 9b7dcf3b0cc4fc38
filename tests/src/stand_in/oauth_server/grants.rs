//! The refresh tokens of an OAuth server: families that rotate, and the record of what was sent and what came
//! of it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use super::super::clock;
use super::super::tokens::{fingerprint, opaque};

/// What a use of a refresh token does to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// Nothing: it stays good.
    #[default]
    Never,
    /// Another takes its place. One retry of the old one is honoured while the new one is unused: it brings
    /// the same pair again.
    Grace,
    /// Another takes its place; the old one is refused from then on.
    Strict,
    /// The same, and the old one sent again ends the whole family, access tokens included (RFC 9700 4.14.2).
    Revoking,
}

/// A server's book of refresh tokens. Every clone is the same book.
///
/// Tokens go in and out only where a test needs one; everything else names them by [`fingerprint`], so that
/// no report and no assertion shows one.
#[derive(Clone, Default)]
pub struct Grants(Arc<(Mutex<Book>, Condvar)>);

#[derive(Default)]
struct Book {
    families: Vec<Family>,
    /// Refresh tokens by fingerprint: family and generation.
    refresh: HashMap<String, (usize, usize)>,
    /// Access tokens by fingerprint: family and generation of the refresh token that came with it.
    access: HashMap<String, (usize, usize)>,
    sendings: Vec<Sending>,
}

struct Family {
    client: String,
    scope: Vec<String>,
    generations: Vec<Generation>,
    /// Fingerprints of the access tokens.
    access: Vec<String>,
    ended: bool,
}

struct Generation {
    token: String,
    /// How often it was sent.
    sent: usize,
    /// Whether it brought something.
    used: bool,
    /// Whether a caller was served an access token that came with it, or after it.
    served: bool,
    /// The access token that came with it, for a retry.
    access: String,
    /// Whether it was given a second time.
    retried: bool,
}

/// One sending of a refresh token that the book knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The token's fingerprint.
    pub token: String,
    /// Which first refresh token it goes back to, counted from 0 over the whole server.
    pub family: usize,
    /// 0 for the first refresh token, 1 for the one that took its place, and so on.
    pub generation: usize,
    /// The how-manieth sending of this token it was, from 1.
    pub time: usize,
    /// Which request it was, counted from 0 over all that the server heard.
    pub request: usize,
    /// When.
    pub at: SystemTime,
    /// What came of it at the server.
    pub outcome: Outcome,
    /// Whether the answer was written to the end as far as the server knows; a lost one never is.
    pub answered: bool,
    /// Whether a newer token of the family had been used by then, or an access token that came with a newer
    /// one had been served.
    pub stale: bool,
}

/// What came of sending a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An access token; the refresh token stays as it is.
    Same,
    /// An access token, and a new refresh token with this fingerprint.
    Rotated(String),
    /// The pair of the rotation before, again.
    Again(String),
    /// `invalid_grant`; nothing was changed, or the family ended.
    Refused,
}

/// A rotation that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its family.
    pub family: usize,
    /// The generation of the new token.
    pub generation: usize,
    /// The new token's fingerprint.
    pub token: String,
    /// When.
    pub at: SystemTime,
    /// Whether it was ever answered, at the first time or at a retry.
    pub answered: bool,
    /// Whether the new token was ever sent.
    pub sent: bool,
    /// Whether a caller was served an access token that came with it, as far as [`Grants::served`] was told.
    pub served: bool,
}

/// What the server gives for a refresh token.
pub(super) struct Given {
    pub(super) scope: Vec<String>,
    pub(super) family: usize,
    pub(super) generation: usize,
    /// The new refresh token, or the same one again.
    pub(super) refresh_token: Option<String>,
    /// The access token of the first time, on a retry.
    pub(super) access: Option<String>,
}

/// Why it gives nothing.
pub(super) struct No {
    /// Access tokens, by fingerprint, that end with it.
    pub(super) revoked: Vec<String>,
}

impl Sending {
    /// Whether this refresh token, by its fingerprint, came with the answer.
    fn brought(&self, token: &str) -> bool {
        match &self.outcome {
            Outcome::Rotated(brought) | Outcome::Again(brought) => brought == token,
            Outcome::Same | Outcome::Refused => false,
        }
    }
}

impl Grants {
    /// How often this refresh token was sent.
    #[must_use]
    pub fn sent(&self, token: &str) -> usize {
        let book = self.book();
        book.find(token).map_or(0, |(family, generation)| book.families[family].generations[generation].sent)
    }

    /// Every sending of a refresh token that was given here, in order.
    #[must_use]
    pub fn sendings(&self) -> Vec<Sending> {
        self.book().sendings.clone()
    }

    /// The sendings of one family, in order.
    #[must_use]
    pub fn sendings_of(&self, family: usize) -> Vec<Sending> {
        self.book().sendings.iter().filter(|sending| sending.family == family).cloned().collect()
    }

    /// Every rotation that was carried out in a family, in order.
    #[must_use]
    pub fn rotations_of(&self, family: usize) -> Vec<Committed> {
        let sendings = self.sendings_of(family);
        let book = self.book();
        let Some(of) = book.families.get(family) else { return Vec::new() };
        let new = of.generations.iter().enumerate().skip(1);
        new.filter_map(|(generation, new)| {
            let token = fingerprint(&new.token);
            let brought: Vec<_> = sendings.iter().filter(|sending| sending.brought(&token)).collect();
            Some(Committed {
                family,
                generation,
                token,
                at: brought.first()?.at,
                answered: brought.iter().any(|sending| sending.answered),
                sent: new.sent > 0,
                served: new.served,
            })
        })
        .collect()
    }

    /// Every rotation that was carried out, family by family.
    #[must_use]
    pub fn rotations(&self) -> Vec<Committed> {
        let families = self.book().families.len();
        (0..families).flat_map(|family| self.rotations_of(family)).collect()
    }

    /// The family that a refresh token is of.
    #[must_use]
    pub fn family_of(&self, token: &str) -> Option<usize> {
        self.book().find(token).map(|(family, _)| family)
    }

    /// Every refresh token of a family, oldest first: to be looked for where they may be, or may not.
    #[must_use]
    pub fn tokens_of(&self, family: usize) -> Vec<String> {
        let book = self.book();
        let generations = book.families.get(family).map_or(&[][..], |of| &of.generations);
        generations.iter().map(|generation| generation.token.clone()).collect()
    }

    /// The newest refresh token of a family.
    #[must_use]
    pub fn newest(&self, family: usize) -> Option<String> {
        self.book().families.get(family)?.generations.last().map(|newest| newest.token.clone())
    }

    /// The generation of a family's newest refresh token: how often it was rotated.
    #[must_use]
    pub fn newest_generation(&self, family: usize) -> Option<usize> {
        self.book().families.get(family).map(|of| of.generations.len() - 1)
    }

    /// Whether a family has ended: by a replay, or by [`end`](Self::end).
    #[must_use]
    pub fn has_ended(&self, family: usize) -> bool {
        self.book().families.get(family).is_none_or(|of| of.ended)
    }

    /// Ends a family as a person does who takes a consent back; its access tokens live on.
    pub fn end(&self, family: usize) {
        if let Some(of) = self.book().families.get_mut(family) {
            of.ended = true;
        }
    }

    /// Writes down that a caller was served this access token, and says with which refresh token it had come:
    /// its family and generation. Sending an older one from now on is [`Sending::stale`].
    #[expect(clippy::must_use_candidate, reason = "a test may only want it written down")]
    pub fn served(&self, access_token: &str) -> Option<(usize, usize)> {
        let mut book = self.book();
        let (family, generation) = *book.access.get(&fingerprint(access_token))?;
        book.families[family].generations[generation].served = true;
        Some((family, generation))
    }

    /// The sendings that must never be: of a token whose successor was in use already.
    #[must_use]
    pub fn stale(&self) -> Vec<Sending> {
        self.book().sendings.iter().filter(|sending| sending.stale).cloned().collect()
    }

    /// How many sendings there were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.book().sendings.len()
    }

    /// Waits until the record of sendings is as wanted, looking at each change; false when that did not
    /// happen in time.
    #[must_use]
    pub fn wait_until(&self, timeout: Duration, wanted: impl Fn(&[Sending]) -> bool) -> bool {
        let outcome = self.0.1.wait_timeout_while(self.book(), timeout, |book| !wanted(&book.sendings));
        outcome.is_ok_and(|(_book, waiting)| !waiting.timed_out())
    }

    /// A new family with its first refresh token.
    pub(super) fn begin(&self, client: &str, scope: Vec<String>) -> String {
        let mut book = self.book();
        let family = book.families.len();
        let token = book.enter(family, 0);
        let first = Generation::new(token.clone());
        let (generations, access) = (vec![first], Vec::new());
        book.families.push(Family { client: client.to_owned(), scope, generations, access, ended: false });
        token
    }

    /// The scope of a refresh token, if it is one and this client's.
    pub(super) fn scope(&self, token: &str, client: &str) -> Option<Vec<String>> {
        let book = self.book();
        let of = &book.families[book.find(token)?.0];
        (of.client == client).then(|| of.scope.clone())
    }

    /// A client spends a refresh token.
    pub(super) fn spend(
        &self,
        token: &str,
        client: &str,
        rotation: Rotation,
        request: usize,
    ) -> Result<Given, No> {
        let mut book = self.book();
        let Some((family, generation)) = book.find(token) else {
            return Err(No { revoked: Vec::new() });
        };
        let (outcome, result) = book.spend(family, generation, client, rotation);
        let stale = {
            let generations = &book.families[family].generations;
            generations[generation + 1..].iter().any(|newer| newer.served || newer.sent > 0)
        };
        let of = &mut book.families[family].generations[generation];
        of.sent += 1;
        let time = of.sent;
        let (token, at) = (fingerprint(token), clock::now());
        let sending =
            Sending { token, family, generation, time, request, at, outcome, answered: false, stale };
        book.sendings.push(sending);
        self.0.1.notify_all();
        result
    }

    /// The access token that was given with a generation.
    pub(super) fn gave(&self, family: usize, generation: usize, access: &str) {
        let mut book = self.book();
        book.access.insert(fingerprint(access), (family, generation));
        let of = &mut book.families[family];
        of.access.push(fingerprint(access));
        access.clone_into(&mut of.generations[generation].access);
    }

    /// The answer to this request is on its way.
    pub(super) fn answered(&self, request: usize) {
        let mut book = self.book();
        if let Some(sending) = book.sendings.iter_mut().rev().find(|sending| sending.request == request) {
            sending.answered = true;
            self.0.1.notify_all();
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.0.lock().expect("nobody panics while writing")
    }
}

impl Book {
    fn find(&self, token: &str) -> Option<(usize, usize)> {
        self.refresh.get(&fingerprint(token)).copied()
    }

    /// A new token's name in the book.
    fn enter(&mut self, family: usize, generation: usize) -> String {
        let token = format!("rt-{}", opaque());
        self.refresh.insert(fingerprint(&token), (family, generation));
        token
    }

    fn spend(
        &mut self,
        family: usize,
        generation: usize,
        client: &str,
        rotation: Rotation,
    ) -> (Outcome, Result<Given, No>) {
        let of = &self.families[family];
        let refuse = || (Outcome::Refused, Err(No { revoked: Vec::new() }));
        if of.ended || of.client != client {
            return refuse();
        }
        let newest = of.generations.len() - 1;
        let scope = of.scope.clone();
        let given = |generation, refresh_token, access| {
            Ok(Given { scope, family, generation, refresh_token, access })
        };
        if generation == newest {
            self.families[family].generations[generation].used = true;
            if rotation == Rotation::Never {
                return (Outcome::Same, given(generation, None, None));
            }
            let new = self.enter(family, newest + 1);
            self.families[family].generations.push(Generation::new(new.clone()));
            return (Outcome::Rotated(fingerprint(&new)), given(newest + 1, Some(new), None));
        }
        match rotation {
            Rotation::Grace if generation + 1 == newest => {
                let new = &mut self.families[family].generations[newest];
                if new.used || new.retried {
                    return refuse();
                }
                new.retried = true;
                let (token, access) = (new.token.clone(), new.access.clone());
                (Outcome::Again(fingerprint(&token)), given(newest, Some(token), Some(access)))
            }
            Rotation::Revoking => {
                let of = &mut self.families[family];
                of.ended = true;
                (Outcome::Refused, Err(No { revoked: of.access.clone() }))
            }
            Rotation::Never | Rotation::Grace | Rotation::Strict => refuse(),
        }
    }
}

impl Generation {
    fn new(token: String) -> Self {
        Self { token, sent: 0, used: false, served: false, access: String::new(), retried: false }
    }
}

/// Figures only: what is in there are tokens.
impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.book();
        f.debug_struct("Grants")
            .field("families", &book.families.len())
            .field("sendings", &book.sendings.len())
            .finish_non_exhaustive()
    }
}
