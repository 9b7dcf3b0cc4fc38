//! Kept files are written and removed one after the other; one that cannot be holds up none of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use tokio::sync::{mpsc, oneshot};

use super::keeping::Job;
use crate::account::kept::{Binding, Cabinet};
use crate::account::registry::Shared;
use crate::account::schedule;
use crate::account::token::Token;
use crate::clock::{Clock, Steady};
use crate::platform;
use crate::provider::{Class, Failure};

/// Writes round after round; of each file only the newest.
pub(super) struct Writer {
    cabinet: Arc<Cabinet>,
    clock: Arc<dyn Clock>,
    pending: BTreeMap<Binding, Entry>,
    /// What is still to be tried in this round: removals first, since they need no key.
    due: BTreeSet<(bool, Binding)>,
    /// Whether anything could be done in this round.
    has_succeeded: bool,
    /// Whether the log was told of an obstacle in this round: a full disk is one line, not one for each file.
    has_told: bool,
    /// Rounds in which nothing could be done, in a row.
    failures: u32,
    flushing: Vec<oneshot::Sender<()>>,
}

struct Entry {
    pending: Pending,
    shared: Weak<Shared>,
    /// Whether the log has why it cannot be done.
    is_told: bool,
}

enum Pending {
    /// `removes`: what is on disk must not be used any more, whether this token gets there or not.
    Keep {
        service: [u8; 32],
        token: Arc<Token>,
        removes: bool,
    },
    Remove,
}

/// What stands in the way.
enum Obstacle {
    /// Of all tokens.
    Store(Failure),
    /// Of this file.
    File(Failure),
}

impl Pending {
    fn is_keep(&self) -> bool {
        matches!(self, Self::Keep { .. })
    }

    fn removes(&self) -> bool {
        matches!(self, Self::Remove | Self::Keep { removes: true, .. })
    }
}

impl Entry {
    fn tell_why(&self, failure: &Failure) {
        let Some(shared) = self.shared.upgrade() else { return };
        let what = match self.pending {
            Pending::Keep { .. } => "its token is not kept over a restart",
            Pending::Remove => "its last token is not to be used any more, but is still on disk",
        };
        shared.set_unkept(Some(format!("{what}: {}; it is tried again ({})", failure.message, failure.hint)));
    }

    fn tell_done(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.set_unkept(None);
        }
    }
}

impl Writer {
    pub(super) fn new(cabinet: Arc<Cabinet>, clock: Arc<dyn Clock>) -> Self {
        Self {
            cabinet,
            clock,
            pending: BTreeMap::new(),
            due: BTreeSet::new(),
            has_succeeded: false,
            has_told: false,
            failures: 0,
            flushing: Vec::new(),
        }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Job>) {
        let mut not_before: Option<Steady> = None;
        let cabinet = Arc::clone(&self.cabinet);
        // What a run that was killed has left behind.
        let _ = tokio::task::spawn_blocking(move || cabinet.sweep()).await;
        loop {
            if self.due.is_empty() {
                for flushed in self.flushing.drain(..) {
                    let _ = flushed.send(());
                }
            }
            let clock = Arc::clone(&self.clock);
            let (is_due, is_pending) = (!self.due.is_empty(), !self.pending.is_empty());
            let wake = async {
                match not_before {
                    _ if is_due => {}
                    Some(at) if is_pending => clock.sleep_until(at).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                job = inbox.recv() => match job {
                    Some(job) => {
                        self.take(job);
                        if self.due.is_empty() && not_before.is_none() {
                            not_before = self.end_round();
                        }
                    }
                    None => break,
                },
                () = wake => match self.due.pop_first() {
                    Some((_, binding)) => {
                        self.write_one(binding).await;
                        if self.due.is_empty() {
                            not_before = self.end_round();
                        }
                    }
                    None if not_before.is_some_and(|at| self.clock.now().steady < at) => {}
                    None => self.begin_round(),
                },
            }
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Keep { binding, service, token, shared } => {
                let removes = self.pending.get(&binding).is_some_and(|entry| entry.pending.removes());
                self.owe(binding, Pending::Keep { service, token, removes }, shared);
            }
            Job::Remove { binding, shared } => self.owe(binding, Pending::Remove, shared),
            Job::Forget(binding) => {
                let Some(entry) = self.pending.get(&binding).filter(|entry| entry.pending.is_keep()) else {
                    return;
                };
                entry.tell_done();
                if entry.pending.removes() {
                    let shared = Weak::clone(&entry.shared);
                    self.owe(binding, Pending::Remove, shared);
                } else {
                    self.settle(&binding);
                }
            }
            Job::Flush(flushed) => {
                self.flushing.push(flushed);
                self.begin_round();
            }
            Job::TryAgain => self.begin_round(),
        }
    }

    fn owe(&mut self, binding: Binding, pending: Pending, shared: Weak<Shared>) {
        let is_told = self.settle(&binding).is_some_and(|entry| entry.is_told);
        self.due.insert((pending.is_keep(), binding.clone()));
        self.pending.insert(binding, Entry { pending, shared, is_told });
    }

    /// Nothing is to be done with this file any more.
    fn settle(&mut self, binding: &Binding) -> Option<Entry> {
        let entry = self.pending.remove(binding)?;
        self.due.remove(&(entry.pending.is_keep(), binding.clone()));
        Some(entry)
    }

    /// Everything that waits is tried once.
    fn begin_round(&mut self) {
        self.due =
            self.pending.iter().map(|(binding, entry)| (entry.pending.is_keep(), binding.clone())).collect();
    }

    /// When the next round begins, if anything is left for it.
    fn end_round(&mut self) -> Option<Steady> {
        self.has_told = false;
        if std::mem::take(&mut self.has_succeeded) {
            self.failures = 0;
        }
        if self.pending.is_empty() {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        Some(self.clock.now().steady.after(schedule::backoff(self.failures, None, fastrand::f64())))
    }

    async fn write_one(&mut self, binding: Binding) {
        let Some(mut entry) = self.pending.remove(&binding) else { return };
        match self.write(&binding, &entry.pending).await {
            Ok(()) => {
                self.has_succeeded = true;
                entry.tell_done();
                return;
            }
            Err(Obstacle::File(failure)) => self.complain(&mut entry, &failure),
            Err(Obstacle::Store(failure)) => {
                self.complain(&mut entry, &failure);
                // The others that wait have the same fate. Locked is no fault: `tok unlock` tries again.
                for (_, other) in std::mem::take(&mut self.due) {
                    if let Some(other) = self.pending.get_mut(&other)
                        && failure.class != Class::Locked
                    {
                        other.is_told = true;
                        other.tell_why(&failure);
                    }
                }
            }
        }
        self.pending.insert(binding, entry);
    }

    fn complain(&mut self, entry: &mut Entry, failure: &Failure) {
        if failure.class == Class::Locked {
            return;
        }
        if !self.has_told && !entry.is_told {
            (self.has_told, entry.is_told) = (true, true);
            tracing::warn!("{}; it is tried again ({})", failure.message, failure.hint);
        }
        entry.tell_why(failure);
    }

    async fn write(&self, binding: &Binding, pending: &Pending) -> Result<(), Obstacle> {
        let cabinet = Arc::clone(&self.cabinet);
        let binding = binding.clone();
        let work = match pending {
            Pending::Remove => tokio::task::spawn_blocking(move || cabinet.remove(&binding)),
            Pending::Keep { service, token, .. } => {
                let (keys, made) = cabinet.store().keys_or_make().await.map_err(Obstacle::Store)?;
                if let Some(made) = made {
                    for line in made.to_string().lines() {
                        tracing::warn!("{line}");
                    }
                }
                let (service, token) = (*service, Arc::clone(token));
                tokio::task::spawn_blocking(move || {
                    let result = cabinet.write(&keys, &binding, service, &token);
                    platform::scrub_stack();
                    result
                })
            }
        };
        work.await
            .unwrap_or_else(|_| Err(Failure::not_now("internal", "keeping a token failed", "see the log")))
            .map_err(Obstacle::File)
    }
}
