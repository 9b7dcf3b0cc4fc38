//! What the keeper does with last tokens: reads them when a life begins, and writes the newest, one after the other.

use super::service::SECOND;
use super::site::{OnDisk, Pending, number};
use super::world::{Happening, World};
use crate::account::kept::record::Record;
use crate::account::life::Event;
use crate::account::schedule;

impl World {
    pub(super) fn restore(&mut self, id: u64) {
        let Some(slot) = self.slots.get(&id) else { return };
        if slot.variant.is_some() || !self.sites[slot.site].service.renews {
            return;
        }
        let takes = self.dice.span_ms(5, if self.disk_is_slow { 15 * SECOND } else { 200 });
        self.after(takes, Happening::Restored { run: self.run, life: id });
    }

    pub(super) fn restored(&mut self, id: u64) {
        let Some(slot) = self.slots.get(&id) else { return };
        let site = &self.sites[slot.site];
        let now = self.hands.now();
        let kept = site.disk.token.as_ref().filter(|_| self.is_store_open);
        let facts = kept.map(|(_, facts)| *facts);
        let restored = kept
            .and_then(|(bytes, _)| Record::decode(bytes).ok())
            .and_then(|record| record.restore(&site.definition(), now, Some(&self.hands.boot())));
        self.learn_restored(id, facts, restored.as_ref());
        self.take_in(id, Event::Restored(restored), true);
    }

    /// Brings the disk up to what the life holds.
    pub(super) fn keep(&mut self, id: u64) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let site = &mut self.sites[slot.site];
        if slot.variant.is_some() || !site.service.renews || slot.life.is_held() {
            return;
        }
        let token = slot.life.token_worth_keeping();
        let generation = token.map(|token| token.generation);
        if slot.kept == generation {
            return;
        }
        slot.kept = generation;
        let job = match token {
            Some(token) => {
                let removes = site.writer.pending.as_ref().is_some_and(Pending::removes);
                let Some(bytes) = Record::encode(token, site.definition(), Some(&self.hands.boot())) else {
                    return;
                };
                let facts = OnDisk {
                    number: number(&token.fields[0].1),
                    requested: token.requested,
                    lifetime: token.lifetime,
                    is_assumed: token.is_assumed,
                    marks: slot.watch.held.map_or(self.hands.marks(), |held| held.marks),
                    truth: slot.watch.held.map_or(0, |held| held.truth),
                };
                Pending::Keep { bytes, facts, removes }
            }
            None => Pending::Remove,
        };
        site.writer.pending = Some(job);
        let site = slot.site;
        self.begin_writing(site);
    }

    /// What waits to be written is forgotten; what must not be used is removed.
    pub(super) fn forget_unwritten(&mut self, id: u64) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.kept = None;
        let site = slot.site;
        let writer = &mut self.sites[site].writer;
        match &writer.pending {
            Some(Pending::Keep { removes: true, .. }) => writer.pending = Some(Pending::Remove),
            Some(Pending::Keep { .. }) => writer.pending = None,
            _ => {}
        }
        self.begin_writing(site);
    }

    pub(super) fn begin_writing(&mut self, site: usize) {
        let writer = &mut self.sites[site].writer;
        if writer.writing.is_some() {
            return;
        }
        if writer.pending.is_none() {
            return self.flushed(site);
        }
        writer.writing = writer.pending.take();
        let takes = self.dice.span_ms(1, if self.disk_is_slow { 20 * SECOND } else { 50 });
        self.after(takes, Happening::Kept { run: self.run, site });
    }

    pub(super) fn token_is_written(&mut self, site: usize) {
        let needs_key = matches!(self.sites[site].writer.writing, Some(Pending::Keep { .. }));
        let of = &mut self.sites[site];
        let Some(job) = of.writer.writing.take() else { return };
        if self.disk_refuses || (needs_key && !self.is_store_open) {
            of.writer.failures = of.writer.failures.saturating_add(1);
            // Whoever waits for the disk waits no longer.
            of.writer.flushing.clear();
            if of.writer.pending.is_none() {
                of.writer.pending = Some(job);
            } else if job.removes()
                && let Some(Pending::Keep { removes, .. }) = &mut of.writer.pending
            {
                *removes = true;
            }
            let pause = schedule::backoff(of.writer.failures, None, 0.5);
            let pause = u64::try_from(pause.as_millis()).unwrap_or_default();
            return self.after(pause, Happening::KeepAgain { run: self.run, site });
        }
        of.writer.failures = 0;
        match job {
            Pending::Keep { bytes, facts, .. } => of.disk.token = Some((bytes, facts)),
            Pending::Remove => of.disk.token = None,
        }
        self.begin_writing(site);
    }

    /// Nothing waits to be written.
    fn flushed(&mut self, site: usize) {
        let waiting = std::mem::take(&mut self.sites[site].writer.flushing);
        for number in waiting {
            let held =
                self.slots.get(&self.sites[site].own).and_then(|slot| slot.life.token_to_keep().cloned());
            let holds = held.is_some_and(|token| super::site::number(&token.fields[0].1) == number);
            if !holds && self.sites[site].rejected.contains_key(&number) {
                self.sites[site].gone.insert(number);
            }
        }
    }
}
