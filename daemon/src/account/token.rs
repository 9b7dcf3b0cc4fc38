//! A token that is held, and what is known of it.

use std::time::Duration;

use tokend_proto::Secret;

use super::schedule::effective_wish;
use crate::clock::Moment;
use crate::provider::{ID_TOKEN, jwt};

/// The life that a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// What the account wishes for; less is served with a warning.
    Wish,
    /// At least this much, or a failure.
    Demand(Duration),
}

/// A token as it is held and served. Shared by `Arc`, never copied; its secrets are wiped with the last holder.
#[derive(Debug)]
pub struct Token {
    /// The named secret fields; the first is `token`.
    pub fields: Vec<(String, Secret)>,
    /// SHA-256 of the first field's bytes: what a rejection names.
    pub sha256: [u8; 32],
    /// What it is good for, if the service said so.
    pub scope: Option<Vec<String>>,
    /// What whoever gets it should know.
    pub warnings: Vec<String>,
    /// The moment before the request was sent: life counts from here.
    pub requested: Moment,
    /// When the answer arrived.
    pub received: Moment,
    /// The life that it was given, if that is known.
    pub lifetime: Option<Duration>,
    /// Whether that life is only assumed, since the service did not tell.
    pub is_assumed: bool,
    /// Which of its account's tokens it is.
    pub generation: u64,
}

/// An id token that was verified when it came.
#[derive(Debug)]
pub struct IdToken<'a> {
    /// Its bytes.
    pub secret: &'a Secret,
    /// The life that it was given.
    pub life: Duration,
    /// What of that is left.
    pub left: Duration,
}

impl Token {
    /// The same token, of which another life is assumed. Its secrets are copied: the old one may still be read.
    #[must_use]
    pub fn assuming(&self, lifetime: Option<Duration>) -> Self {
        Self {
            fields: self.fields.iter().map(|(name, value)| (name.clone(), value.duplicate())).collect(),
            sha256: self.sha256,
            scope: self.scope.clone(),
            warnings: self.warnings.clone(),
            requested: self.requested,
            received: self.received,
            lifetime,
            is_assumed: true,
            generation: self.generation,
        }
    }

    /// The same token, of which the service said that it lives so long from now on.
    #[must_use]
    pub fn ending_in(&self, left: Duration, now: Moment) -> Self {
        let lifetime = self.requested.steady.until(now.steady) + left;
        Self { is_assumed: false, ..self.assuming(Some(lifetime)) }
    }

    /// The id token that came with it, its whole life, and what of that is left, by its own claims.
    #[must_use]
    pub fn id_token(&self, now: Moment) -> Option<IdToken<'_>> {
        let (_, secret) = self.fields.iter().find(|(name, _)| name == ID_TOKEN)?;
        let claims = jwt::claims(secret)?;
        let end = claims.end?;
        let life = claims.start.unwrap_or(self.requested.wall).until(end);
        let by_the_request = self.requested.after(life);
        let left = now.wall.until(end).min(now.steady.until(by_the_request.steady));
        Some(IdToken { secret, life, left })
    }

    /// Its fields as a credential has them: without the id token, which is for who asks for it.
    #[must_use]
    pub fn credential(&self) -> &[(String, Secret)] {
        let end = self.fields.iter().position(|(name, _)| name == ID_TOKEN);
        &self.fields[..end.unwrap_or(self.fields.len())]
    }

    /// The life that it has left, by whichever clock says less; `None` where it is not known.
    #[must_use]
    pub fn left(&self, now: Moment) -> Option<Duration> {
        let end = self.requested.after(self.lifetime?);
        Some(now.wall.until(end.wall).min(now.steady.until(end.steady)))
    }

    /// The most that a caller could have had of it: the life that it had left when it arrived.
    #[must_use]
    pub fn at_best(&self) -> Option<Duration> {
        self.left(self.received)
    }

    /// Whether the clocks disagree about how much of its life has passed. Nothing passes of one that is not known.
    #[must_use]
    pub fn is_disputed(&self, now: Moment) -> bool {
        self.lifetime.is_some() && now.is_apart_from(self.requested)
    }

    /// Whether both clocks call it dead. Where one has jumped, the other may be right.
    #[must_use]
    pub fn is_dead_for_sure(&self, now: Moment) -> bool {
        let Some(lifetime) = self.lifetime else { return false };
        let end = self.requested.after(lifetime);
        now.wall >= end.wall && now.steady >= end.steady
    }

    /// Whether it may still be served: an unknown expiry counts as alive.
    #[must_use]
    pub fn is_alive(&self, now: Moment) -> bool {
        self.left(now) != Some(Duration::ZERO)
    }

    /// Whether it has the life that is needed: an unknown expiry satisfies a wish and fails a demand.
    #[must_use]
    pub fn meets(&self, need: Need, wish: Duration, now: Moment) -> bool {
        match (need, self.lifetime, self.left(now)) {
            (Need::Wish, Some(lifetime), Some(left)) => {
                left > Duration::ZERO && left >= effective_wish(wish, lifetime)
            }
            (Need::Wish, _, _) => true,
            (Need::Demand(least), _, Some(left)) => left > Duration::ZERO && left >= least,
            (Need::Demand(_), _, None) => false,
        }
    }
}
