//! One account, with its service, its files, and what is known of it from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::dice::Dice;
use super::hands::Marks;
use super::service::{HOUR, MINUTE, SECOND, Service};
use crate::account::grant::{self, Grant, Origin};
use crate::account::kept::grant as form;
use crate::account::life::Traits;
use crate::account::policy::{Policy, Refresh};
use crate::clock::{Moment, Steady, Wall};
use crate::provider::Presentation;

/// An account and all that is its own.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) name: String,
    pub(super) index: usize,
    pub(super) policy: Policy,
    pub(super) service: Service,
    /// Milliseconds between two callers, about.
    pub(super) tempo: u64,
    /// The first refresh token, as its source has it now.
    pub(super) first: usize,
    /// Whether the source gives it.
    pub(super) source_gives: bool,
    /// The lives of the daemon that runs: its own, and those of variants.
    pub(super) own: u64,
    pub(super) variants: BTreeMap<u8, u64>,
    pub(super) grant: Option<Grant>,
    pub(super) disk: Disk,
    pub(super) writer: Writer,
    /// Tokens that were rejected in this run of the daemon.
    pub(super) rejected: BTreeMap<usize, Rejected>,
    /// Those whose callers were told that they are gone from the disk, too.
    pub(super) gone: BTreeSet<usize>,
    /// What was last served, for those who reject.
    pub(super) last_served: Option<usize>,
    /// Since when nothing unusual has happened, in true time.
    pub(super) calm_since: u64,
    pub(super) disk_since: u64,
    pub(super) disk_was_ill: bool,
    pub(super) spends: Spends,
}

/// A rejection by a caller that counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rejected {
    pub(super) at: u64,
}

/// What lies on the disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) token: Option<(Zeroizing<Vec<u8>>, OnDisk)>,
    pub(super) grant: Option<Vec<u8>>,
}

/// A kept token as it is known from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnDisk {
    pub(super) number: usize,
    pub(super) requested: Moment,
    pub(super) lifetime: Option<Duration>,
    pub(super) is_assumed: bool,
    pub(super) marks: Marks,
    pub(super) truth: u64,
}

/// What is to be written; of a file only the newest.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) pending: Option<Pending>,
    pub(super) writing: Option<Pending>,
    pub(super) failures: u32,
    /// Rejected tokens whose callers wait for the disk.
    pub(super) flushing: Vec<usize>,
}

#[derive(Debug)]
pub(super) enum Pending {
    Keep { bytes: Zeroizing<Vec<u8>>, facts: OnDisk, removes: bool },
    Remove,
}

impl Pending {
    pub(super) fn removes(&self) -> bool {
        matches!(self, Self::Remove | Self::Keep { removes: true, .. })
    }
}

/// What is known from outside of the refresh tokens.
#[derive(Debug, Default)]
pub(super) struct Spends {
    /// How often each was sent without an end that is known.
    pub(super) unsettled: BTreeMap<usize, u32>,
    /// Those of which an end was ever unknown, and how often.
    pub(super) doubted: BTreeMap<usize, u32>,
    /// Those with which something happened while the disk refused: a crash may lose them.
    pub(super) at_risk: BTreeSet<usize>,
    /// Those that the service refused in a mood.
    pub(super) refused_by_mood: BTreeSet<usize>,
    /// The newest that the daemon of this run knows, and the newest that ever was on disk.
    pub(super) newest: Option<usize>,
    pub(super) newest_on_disk: Option<usize>,
    pub(super) ever_on_disk: BTreeSet<usize>,
    /// What is on its way in this run.
    pub(super) in_flight: Option<usize>,
    /// The access token that came with a refresh token.
    pub(super) came_with: BTreeMap<usize, usize>,
}

impl Site {
    pub(super) fn new(index: usize, dice: &mut Dice) -> Self {
        let service = Service::new(dice);
        let refresh = [Refresh::Eager, Refresh::Eager, Refresh::Auto, Refresh::OnDemand][dice.below(4)];
        let first = service.grants.len() - 1;
        let policy = Policy {
            min_valid: [Duration::from_secs(60), Duration::ZERO, dice.span(SECOND, HOUR)][dice.below(3)],
            refresh,
            assume_lifetime: dice.one_in(4).then(|| dice.span(MINUTE, HOUR)),
            ..plain_policy()
        };
        let grant = service.rotation.map(|_| Grant::new(dice.number(), Origin::Source));
        Self {
            name: format!("account-{index}"),
            index,
            policy,
            tempo: dice.span_ms(100, HOUR),
            service,
            first,
            source_gives: true,
            own: 0,
            variants: BTreeMap::new(),
            grant,
            disk: Disk::default(),
            writer: Writer::default(),
            rejected: BTreeMap::new(),
            gone: BTreeSet::new(),
            last_served: None,
            calm_since: 0,
            disk_since: 0,
            disk_was_ill: false,
            spends: Spends::default(),
        }
    }

    /// Something unusual has happened.
    pub(super) fn unsettle(&mut self, truth: u64) {
        self.calm_since = self.calm_since.max(truth);
    }

    pub(super) fn traits(&self, is_variant: bool, seed: u64) -> Traits {
        Traits {
            account: self.name.clone(),
            can_probe: self.service.can_probe,
            renews: self.service.renews,
            assumed_lifetime: None,
            variant: is_variant,
            seed,
        }
    }

    /// What the definition hashes to.
    pub(super) fn definition(&self) -> [u8; 32] {
        [u8::try_from(self.index).unwrap_or_default(); 32]
    }

    pub(super) fn token(&self, number: usize) -> Secret {
        secret(format!("t{}-{number}", self.index))
    }

    pub(super) fn refresh_token(&self, number: usize) -> Arc<Secret> {
        Arc::new(secret(format!("r{}-{number}", self.index)))
    }

    /// Until when a token of the account is there to be served, as the grant is told.
    pub(super) fn is_grant_busy(&self) -> bool {
        self.grant.as_ref().is_some_and(Grant::is_busy)
    }

    /// What lies on disk of its grant.
    pub(super) fn kept_grant(&self) -> Option<grant::Kept> {
        form::decode(self.disk.grant.as_deref()?).ok()
    }
}

/// How an account is kept that says nothing of it.
fn plain_policy() -> Policy {
    Policy {
        min_valid: Duration::ZERO,
        refresh: Refresh::Eager,
        assume_lifetime: None,
        presentation: Presentation::Header { scheme: "Bearer".to_owned() },
        request_scopes: Vec::new(),
        exclusive: false,
        lock: true,
    }
}

fn secret(text: String) -> Secret {
    Secret::new(text.into_bytes()).unwrap_or_else(|_| unreachable!("it is short"))
}

/// The number of a token, or of a refresh token.
pub(super) fn number(secret: &Secret) -> usize {
    let bytes = secret.expose();
    let digits = bytes.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    bytes[bytes.len() - digits..].iter().fold(0, |number, byte| number * 10 + usize::from(byte - b'0'))
}

/// When a life that began then ends, by both hands.
pub(super) fn end(requested: Moment, lifetime: Duration) -> (Wall, Steady) {
    (requested.wall.after(lifetime), requested.steady.after(lifetime))
}
