//! Last tokens are read when an account begins, and given to the [`writing`](super::writing) whenever there is a new one:
//! tasks of their own, so that a slow disk delays nobody's token.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::writing::Writer;
use super::{LifeId, Report, Task};
use crate::account::kept::{Binding, Cabinet};
use crate::account::life::Event;
use crate::account::registry::{Account, Shared};
use crate::account::token::Token;
use crate::clock::Clock;
use crate::platform;
use crate::provider::Class;

/// The store's key may need a person's touch or a password at login; the accounts do not wait for that forever.
const LONGEST_OPENING: Duration = Duration::from_secs(10);

/// Nor for a disk that hangs: this long to say which files there are,
const LONGEST_LISTING: Duration = Duration::from_secs(5);

/// and this long to read them all.
const LONGEST_READING: Duration = Duration::from_secs(15);

/// What is to be done with a kept file.
pub(super) enum Job {
    Keep {
        binding: Binding,
        service: [u8; 32],
        token: Arc<Token>,
        shared: Weak<Shared>,
    },
    Remove {
        binding: Binding,
        shared: Weak<Shared>,
    },
    /// What is not on disk yet is forgotten.
    Forget(Binding),
    /// What could not be done is tried again now.
    TryAgain,
    /// Tell when nothing waits, or what waits cannot be done now.
    Flush(oneshot::Sender<()>),
}

/// The kept state as the keeper sees it.
pub(super) struct Keeping {
    cabinet: Arc<Cabinet>,
    jobs: mpsc::UnboundedSender<Job>,
}

impl Keeping {
    /// Starts the task that writes. It ends with the keeper.
    pub(super) fn start(cabinet: Arc<Cabinet>, clock: Arc<dyn Clock>) -> Self {
        let (jobs, inbox) = mpsc::unbounded_channel();
        tokio::spawn(Writer::new(Arc::clone(&cabinet), clock).run(inbox));
        Self { cabinet, jobs }
    }

    pub(super) fn cabinet(&self) -> &Arc<Cabinet> {
        &self.cabinet
    }

    pub(super) fn send(&self, job: Job) {
        // Without a writer the daemon is stopping.
        let _ = self.jobs.send(job);
    }
}

impl Task {
    /// Whether the last token of an account is kept.
    pub(super) fn keeps(&self, account: &Account) -> bool {
        self.keeping.is_some() && account.provider.renews()
    }

    /// Reads what was kept for these lives; each is told, whatever comes of it.
    pub(super) fn restore(&mut self, lives: &[LifeId]) {
        self.look_at_logins(lives);
        let Some(keeping) = &self.keeping else { return };
        let wanted: Vec<_> = lives
            .iter()
            .filter_map(|id| {
                let slot = self.slots.get(id)?;
                Some(Wanted {
                    life: *id,
                    account: slot.account.name.clone(),
                    binding: Binding::of(&slot.account),
                    service: slot.account.service,
                })
            })
            .collect();
        if !wanted.is_empty() {
            tokio::spawn(read(
                Arc::clone(&keeping.cabinet),
                Arc::clone(&self.clock),
                wanted,
                self.reports.clone(),
            ));
        }
    }

    /// Brings the disk up to what the life holds.
    pub(super) fn keep(&mut self, id: LifeId) {
        let Some(keeping) = &self.keeping else { return };
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if !slot.variant.is_own() || !slot.account.provider.renews() || slot.life.is_held() {
            return;
        }
        let token = slot.life.token_worth_keeping();
        let generation = token.map(|token| token.generation);
        if slot.kept == generation {
            return;
        }
        slot.kept = generation;
        let binding = Binding::of(&slot.account);
        let shared = Arc::downgrade(&slot.shared);
        keeping.send(match token {
            Some(token) => {
                Job::Keep { binding, service: slot.account.service, token: Arc::clone(token), shared }
            }
            None => Job::Remove { binding, shared },
        });
    }

    /// What waits to be written is forgotten; what is on disk stays.
    pub(super) fn forget_unwritten(&mut self, id: LifeId) {
        if let (Some(keeping), Some(slot)) = (&self.keeping, self.slots.get_mut(&id)) {
            slot.kept = None;
            keeping.send(Job::Forget(Binding::of(&slot.account)));
        }
    }

    pub(super) fn write_again(&self) {
        if let Some(keeping) = &self.keeping {
            keeping.send(Job::TryAgain);
        }
    }
}

struct Wanted {
    life: LifeId,
    account: String,
    binding: Binding,
    service: [u8; 32],
}

async fn read(
    cabinet: Arc<Cabinet>,
    clock: Arc<dyn Clock>,
    wanted: Vec<Wanted>,
    reports: mpsc::UnboundedSender<Report>,
) {
    let without = |wanted: Vec<Wanted>| {
        for wanted in wanted {
            let _ = reports.send(Report::Restored(wanted.life, Event::Restored(None)));
        }
    };
    let listing = Arc::clone(&cabinet);
    let listing = tokio::task::spawn_blocking(move || listing.files());
    let Ok(Ok(files)) = tokio::time::timeout(LONGEST_LISTING, listing).await else {
        tracing::warn!("the disk does not say in time which tokens are kept: they are not used");
        return without(wanted);
    };
    let (there, absent): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|wanted| files.has(&wanted.binding));
    for wanted in &absent {
        if files.has_other(&wanted.binding, &wanted.account) {
            tracing::info!(
                account = wanted.account,
                "what was kept for another service, client or user of this account is set aside, not used"
            );
        }
    }
    without(absent);
    if there.is_empty() {
        return;
    }
    let keys = match tokio::time::timeout(LONGEST_OPENING, cabinet.store().keys()).await {
        Ok(Ok(keys)) => keys,
        Ok(Err(failure)) => {
            if failure.class == Class::Locked {
                tracing::info!("the store is locked: kept tokens are not used");
            } else {
                tracing::warn!("kept tokens cannot be read: {} ({})", failure.message, failure.hint);
            }
            return without(there);
        }
        Err(_) => {
            tracing::warn!("the store does not open in time: kept tokens are not used");
            return without(there);
        }
    };
    let sender = reports.clone();
    let lives: Vec<LifeId> = there.iter().map(|wanted| wanted.life).collect();
    let reading = tokio::task::spawn_blocking(move || {
        for wanted in there {
            let kept = cabinet.read(&keys, &wanted.binding, &wanted.service, clock.now());
            let _ = sender.send(Report::Restored(wanted.life, Event::Restored(kept)));
        }
        platform::scrub_stack();
    });
    match tokio::time::timeout(LONGEST_READING, reading).await {
        Ok(Ok(())) => return,
        Ok(Err(_)) => tracing::error!("reading the kept tokens failed; this is a bug in tokend"),
        Err(_) => tracing::warn!("kept tokens cannot be read in time: those that are missing are not used"),
    }
    // Nobody shall wait for what may not come; to those that were told already it changes nothing.
    for life in lives {
        let _ = reports.send(Report::Restored(life, Event::Restored(None)));
    }
}
