//! `tok lock` and `tok unlock`, as they reach every life.

use std::collections::{BTreeSet, HashSet};

use tokio::sync::oneshot;
use tokio::task::Id;

use super::{LifeId, Task};
use crate::account::kept::Binding;
use crate::account::life::Event;

/// A lock that waits for the end of what it cancelled, and of what spends a refresh token.
pub(super) struct Locking {
    cancelled: HashSet<Id>,
    spending: BTreeSet<Binding>,
    done: oneshot::Sender<()>,
}

impl Task {
    /// Forgets the tokens of every account that is covered, and cancels its requests. Done when these have ended.
    pub(super) fn lock(&mut self, done: oneshot::Sender<()>) {
        self.is_locked = true;
        let covered: Vec<LifeId> =
            self.slots.iter().filter(|(_, slot)| slot.account.policy.lock).map(|(id, _)| *id).collect();
        self.lock_lives(covered, done);
    }

    pub(super) fn lock_lives(&mut self, lives: Vec<LifeId>, done: oneshot::Sender<()>) {
        let accounts: BTreeSet<String> =
            lives.iter().filter_map(|id| Some(self.slots.get(id)?.account.name.clone())).collect();
        let cancelled = lives.into_iter().filter_map(|id| self.lock_life(id)).collect();
        self.lock_grants(&accounts);
        let spending = self.spending.busy(&accounts);
        self.locking.push(Locking { cancelled, spending, done });
        self.answer_locks(None, None);
    }

    /// Locks one life; the task that it cancelled, if one was under way.
    fn lock_life(&mut self, id: LifeId) -> Option<Id> {
        let slot = self.slots.get_mut(&id)?;
        let attempt = slot.attempt.take().filter(|attempt| self.running.contains_key(&attempt.id()));
        if let Some(attempt) = &attempt {
            attempt.abort();
        }
        self.forget_unwritten(id);
        self.withdraw(id);
        self.step_aside(id);
        self.tell(id, Event::Locked);
        attempt.map(|attempt| attempt.id())
    }

    /// A task has ended, or nothing is under way for a grant: those locks that waited for it alone are done.
    pub(super) fn answer_locks(&mut self, ended: Option<Id>, grant: Option<&Binding>) {
        let mut waiting = Vec::new();
        for mut locking in std::mem::take(&mut self.locking) {
            if let Some(ended) = ended {
                locking.cancelled.remove(&ended);
            }
            if let Some(grant) = grant {
                locking.spending.remove(grant);
            }
            if locking.cancelled.is_empty() && locking.spending.is_empty() {
                // Only now: what was under way may have had the provider's own secrets in hand.
                for slot in self.slots.values().filter(|slot| slot.account.policy.lock) {
                    slot.account.provider.forget();
                }
                // Whoever asked may have gone; it is locked all the same.
                let _ = locking.done.send(());
            } else {
                waiting.push(locking);
            }
        }
        self.locking = waiting;
    }

    /// The store is open again: kept tokens are read, then everything goes on.
    pub(super) fn unlock(&mut self) {
        self.is_locked = false;
        let all: Vec<LifeId> = self.slots.keys().copied().collect();
        let wanted: Vec<LifeId> = all
            .iter()
            .filter(|id| {
                self.slots.get(id).is_some_and(|slot| {
                    slot.variant.is_own() && self.keeps(&slot.account) && slot.life.wants_what_was_kept()
                })
            })
            .copied()
            .collect();
        let restoring: HashSet<LifeId> = wanted.iter().copied().collect();
        for id in all {
            self.tell(id, Event::Unlocked { restoring: restoring.contains(&id) });
        }
        self.restore(&wanted);
        self.write_again();
        self.write_grants_again();
    }
}
