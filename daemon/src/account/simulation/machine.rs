//! The daemon of a world: its lives, and what follows from them carried out as the keeper does it, each effect with a
//! delay of its own, and with a crash between any two.

use std::sync::Arc;
use std::time::Duration;

use super::people::Caller;
use super::service::{DAY, Given, HTTP_TIMEOUT, MINUTE, SECOND, lost};
use super::site::{Pending, number};
use super::watch::Watch;
use super::world::{GrantStep, Happening, Request, World};
use crate::account::grant::{Grant, Origin};
use crate::account::life::{Ask, Effect, Event, Life, Reply};
use crate::account::snapshot::Snapshot;
use crate::account::token::{Need, Token};
use crate::clock::{Moment, Steady};
use crate::provider::{Failure, Minted, Probe};

/// In one of so many effects the daemon dies between it and the one before.
const DEADLY: u32 = 4000;

/// A life with what belongs to it outside.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) life: Life,
    pub(super) site: usize,
    /// Nothing: the account's own.
    pub(super) variant: Option<u8>,
    pub(super) used: Option<Steady>,
    pub(super) snapshot: Snapshot,
    pub(super) deadline: Option<Steady>,
    /// Which token is on disk, or on its way there.
    pub(super) kept: Option<u64>,
    pub(super) watch: Watch,
}

impl World {
    // ---- start and end

    pub(super) fn start(&mut self) {
        if self.is_up {
            return;
        }
        self.run += 1;
        self.is_up = true;
        self.is_locked = false;
        self.is_store_open = !self.has_passphrase || self.run == 1;
        self.trace.count("start");
        for index in 0..self.sites.len() {
            let seed = self.dice.number();
            let site = &mut self.sites[index];
            site.unsettle(self.hands.truth());
            site.grant = site.service.rotation.map(|_| Grant::new(seed, Origin::Source));
            self.sites[index].own = self.begin(index, None);
        }
        let lives: Vec<u64> = self.slots.keys().copied().collect();
        for life in &lives {
            self.tell(*life, Event::Started);
        }
        for life in lives {
            self.restore(life);
        }
    }

    /// Everything in memory is gone.
    pub(super) fn crash(&mut self) {
        if !self.is_up {
            return;
        }
        self.trace.count("crash");
        self.trace.note(|| "  the daemon dies".to_owned());
        self.is_up = false;
        self.stopping = None;
        self.run += 1;
        self.slots.clear();
        self.callers.clear();
        for index in 0..self.sites.len() {
            self.lose_memory(index);
        }
        if self.dice.one_in(4) {
            // The machine, too.
            self.hands.boot_again();
        }
        let longest = if self.dice.one_in(10) { DAY } else { 10 * SECOND };
        let pause = self.dice.span_ms(100, longest);
        self.after(pause, Happening::Start);
    }

    fn lose_memory(&mut self, index: usize) {
        // What was only begun is there, or not.
        let is_there = self.dice.percent(50);
        let site = &mut self.sites[index];
        if let Some(writing) = site.writer.writing.take().filter(|_| is_there && !self.disk_refuses) {
            match writing {
                Pending::Keep { bytes, facts, .. } => site.disk.token = Some((bytes, facts)),
                Pending::Remove => site.disk.token = None,
            }
        }
        site.writer = super::site::Writer::default();
        site.variants.clear();
        site.grant = None;
        site.rejected.clear();
        site.unsettle(self.hands.truth());
        site.forget_spends();
    }

    /// The machine or its clock has moved: every life looks.
    pub(super) fn wake(&mut self) {
        let lives: Vec<u64> = self.slots.keys().copied().collect();
        for life in lives {
            self.tell(life, Event::Tick);
        }
    }

    // ---- lives

    pub(super) fn begin(&mut self, site: usize, variant: Option<u8>) -> u64 {
        self.next_life += 1;
        let id = self.next_life;
        let seed = self.dice.number();
        let of = &self.sites[site];
        let life = Life::new(of.traits(variant.is_some(), seed), of.policy.clone());
        let keeps = variant.is_none() && of.service.renews;
        let life = if keeps { life.restoring() } else { life };
        let slot = Slot {
            life,
            site,
            variant,
            used: None,
            snapshot: Snapshot::default(),
            deadline: None,
            kept: None,
            watch: Watch::new(keeps),
        };
        self.slots.insert(id, slot);
        if self.is_locked && self.sites[site].policy.lock {
            self.tell(id, Event::Locked);
        }
        id
    }

    /// The life that a caller asks; made where it is a variant's that is not there.
    pub(super) fn life_for(&mut self, site: usize, variant: Option<u8>) -> u64 {
        let own = self.sites[site].own;
        let Some(name) = variant else { return own };
        if let Some(life) = self.sites[site].variants.get(&name) {
            return *life;
        }
        let id = self.begin(site, variant);
        if let Some(mut new) = self.slots.remove(&id) {
            if let Some(old) = self.slots.get(&own) {
                new.life.inherit(&old.life);
                new.watch.inherit(&old.watch);
            }
            self.slots.insert(id, new);
        }
        self.sites[site].variants.insert(name, id);
        id
    }

    pub(super) fn all_of(&self, site: usize) -> Vec<u64> {
        let site = &self.sites[site];
        std::iter::once(site.own).chain(site.variants.values().copied()).collect()
    }

    /// Takes an event into a life, carries out what follows.
    pub(super) fn tell(&mut self, id: u64, event: Event) {
        self.take_in(id, event, false);
    }

    pub(super) fn take_in(&mut self, id: u64, event: Event, comes_from_disk: bool) {
        let now = self.hands.now();
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let generation = |life: &Life| life.token_to_keep().map(|token| token.generation);
        let before = generation(&slot.life);
        let on_disk = match &event {
            Event::Restored(Some(restored)) => Some(restored.token.sha256),
            _ => None,
        };
        let effects = slot.life.handle(event, now, slot.used);
        if comes_from_disk && generation(&slot.life) != before {
            slot.kept = generation(&slot.life);
        } else if on_disk.is_some_and(|sha256| slot.life.has_refused(&sha256)) {
            slot.kept = Some(0);
        }
        slot.snapshot = slot.life.snapshot(now, slot.used);
        for effect in effects {
            if self.weather.crashes && self.dice.one_in(DEADLY) {
                return self.crash();
            }
            self.carry_out(id, effect);
            if !self.is_up {
                return;
            }
        }
        self.keep(id);
        self.schedule(id);
    }

    fn schedule(&mut self, id: u64) {
        let now = self.hands.now();
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let forget = slot.forget_at(now);
        slot.deadline = [slot.life.deadline(now, slot.used), forget].into_iter().flatten().min();
    }

    /// When the daemon wakes by itself.
    pub(super) fn next_timer(&self) -> Option<Steady> {
        if !self.is_up {
            return None;
        }
        let lives = self.slots.values().filter_map(|slot| slot.deadline);
        lives.chain(self.sites.iter().filter_map(|site| site.grant.as_ref()?.deadline())).min()
    }

    pub(super) fn tick(&mut self) {
        let now = self.hands.now();
        let due: Vec<u64> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.deadline.is_some_and(|at| at <= now.steady))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            slot.deadline = None;
            if slot.forget_at(now).is_some_and(|at| at <= now.steady) {
                self.drop_variant(id);
            } else {
                self.tell(id, Event::Tick);
            }
        }
        for site in 0..self.sites.len() {
            let at = self.sites[site].grant.as_ref().and_then(Grant::deadline);
            if at.is_some_and(|at| at <= now.steady) {
                self.tell_grant(site, crate::account::grant::Event::Tick);
            }
        }
    }

    fn drop_variant(&mut self, id: u64) {
        let Some(site) = self.slots.get(&id).map(|slot| slot.site) else { return };
        self.withdraw(id);
        if let Some(name) = self.slots.remove(&id).and_then(|slot| slot.variant) {
            self.sites[site].variants.remove(&name);
        }
    }

    fn carry_out(&mut self, id: u64, effect: Effect) {
        match effect {
            Effect::Mint { generation } => {
                self.check_mint(id, generation);
                let Some(slot) = self.slots.get_mut(&id) else { return };
                slot.watch.minting = Some(generation);
                let site = slot.site;
                if self.sites[site].grant.is_some() {
                    self.want_to_spend(id, generation);
                } else {
                    let turn = self.dice.span_ms(1, 50);
                    self.after(turn, Happening::Sent { run: self.run, life: id, generation });
                }
            }
            Effect::Probe { generation, token } => self.probe(id, generation, &token),
            Effect::Answer(waiter, reply) => self.reply(waiter, reply),
        }
    }

    // ---- requests

    /// A request leaves.
    pub(super) fn send(&mut self, life: u64, generation: u64) {
        let Some(slot) = self.slots.get(&life) else { return };
        if slot.watch.minting != Some(generation) {
            // It was cancelled before.
            return;
        }
        let site = slot.site;
        if !self.is_store_open {
            let failure = Failure::locked();
            return self.minted(life, generation, self.hands.now(), Err(failure), None);
        }
        self.dispatch(site, life, generation, None);
    }

    pub(super) fn dispatch(&mut self, site: usize, life: u64, generation: u64, spends: Option<usize>) {
        self.trace.count("request");
        let request = Request {
            run: self.run,
            site,
            life,
            generation,
            requested: self.hands.now(),
            sent: self.hands.truth(),
            spends,
        };
        let way = self.dice.span_ms(5, 500);
        self.after(way, Happening::Arrived { request });
    }

    /// A request arrives at its service, at the service's own time.
    pub(super) fn reach_service(&mut self, request: Request, at: u64) {
        let site = &mut self.sites[request.site];
        let fate = site.service.ask(request.spends, at, &mut self.dice);
        if let (Some(spends), Given::Failed(_)) = (request.spends, &fate.given)
            && site.service.mood == super::service::Mood::Refusing
        {
            site.spends.refused_by_mood.insert(spends);
        }
        let arrives = at + fate.takes;
        let gives_up = request.sent + HTTP_TIMEOUT;
        let (given, when) =
            if arrives < gives_up { (fate.given, arrives) } else { (Given::Failed(lost()), gives_up) };
        let span = when.saturating_sub(self.hands.truth());
        self.trace.note(|| format!("  gives {given:?} in {span} ms"));
        if request.spends.is_none() && self.dice.one_in(50) {
            let again = self.dice.span_ms(1, MINUTE);
            let (request, given) = (request.clone(), given.clone());
            self.after(span + again, Happening::Answered { request, given });
        }
        self.after(span, Happening::Answered { request, given });
    }

    pub(super) fn answered(&mut self, request: &Request, given: Given) {
        if request.run != self.run || !self.is_up {
            return;
        }
        let (result, number) = self.result_of(request.site, given);
        if request.spends.is_some() {
            self.grant_answered(request, result, number);
        } else {
            self.minted(request.life, request.generation, request.requested, result, number);
        }
    }

    fn result_of(&self, site: usize, given: Given) -> (Result<Minted, Failure>, Option<usize>) {
        let site = &self.sites[site];
        match given {
            Given::Token { number, refresh } => {
                let mut minted = Minted::of(site.token(number));
                minted.lifetime = site.service.tokens.get(number).and_then(|issued| issued.told);
                minted.refresh_token =
                    refresh.map(|refresh| site.refresh_token(refresh)).and_then(Arc::into_inner);
                (Ok(minted), Some(number))
            }
            Given::Failed(failure) => (Err(failure), None),
        }
    }

    /// An attempt has ended.
    pub(super) fn minted(
        &mut self,
        life: u64,
        generation: u64,
        requested: Moment,
        result: Result<Minted, Failure>,
        number: Option<usize>,
    ) {
        self.learn(life, generation, requested, &result, number);
        self.tell(life, Event::Minted { generation, requested, result });
    }

    fn probe(&mut self, id: u64, generation: u64, token: &Arc<Token>) {
        let Some(slot) = self.slots.get(&id) else { return };
        let number = number(&token.fields[0].1);
        let truth = self.hands.truth();
        let (says, takes) = self.sites[slot.site].service.probe(number, truth, &mut self.dice);
        let says = says.ok();
        self.trace.count("probe");
        self.after(takes, Happening::Probed { run: self.run, life: id, generation, number, at: truth, says });
    }

    pub(super) fn probed(&mut self, id: u64, generation: u64, number: usize, at: u64, says: Option<Probe>) {
        self.learn_probe(id, generation, number, at, says);
        let result = says.ok_or_else(lost);
        self.tell(id, Event::Probed { generation, result });
    }

    // ---- callers

    /// A caller wants a token: from what is published, or from the life.
    pub(super) fn ask(&mut self, id: u64, need: Need, wait: Duration) {
        let now = self.hands.now();
        let Some(slot) = self.slots.get_mut(&id) else { return };
        self.next_caller += 1;
        let waiter = self.next_caller;
        let deadline = now.steady.after(wait);
        let caller =
            Caller { life: id, need: Some(need), asked: now, deadline, expects: None, leaves: false };
        if let Some(token) = slot.snapshot.serve(need, now).cloned() {
            slot.used = Some(now.steady);
            let warnings = slot.snapshot.warnings_at(now);
            self.trace.count("served at once");
            self.check_served(&caller, &token, &warnings);
            return;
        }
        let expects = self.expects(id, need, wait);
        let caller = Caller { expects, leaves: self.dice.one_in(10), ..caller };
        self.callers.insert(waiter, caller);
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.used = Some(now.steady);
        }
        self.tell(id, Event::Asked(Ask { waiter, need, deadline }));
    }

    fn reply(&mut self, waiter: u64, reply: Reply) {
        let Some(caller) = self.callers.remove(&waiter) else { return };
        match reply {
            Reply::Token(token, warnings) => {
                let now = self.hands.now();
                if let Some(slot) = self.slots.get_mut(&caller.life) {
                    slot.used = Some(now.steady);
                }
                self.trace.count("served");
                self.check_served(&caller, &token, &warnings);
            }
            Reply::Failure(failure) => {
                self.trace.count("failed");
                self.trace.note(|| format!("  caller {waiter} is told: {}", failure.message));
                self.check_failed(&caller, &failure);
            }
        }
    }

    // ---- lock

    pub(super) fn lock(&mut self) {
        self.trace.count("lock");
        self.is_locked = true;
        self.is_store_open = !self.has_passphrase;
        let lives: Vec<u64> = self.slots.keys().copied().collect();
        for id in &lives {
            self.forget_unwritten(*id);
            self.withdraw(*id);
            self.learn_locked(*id);
            self.tell(*id, Event::Locked);
        }
        for site in 0..self.sites.len() {
            self.tell_grant(site, crate::account::grant::Event::Locked);
        }
    }

    pub(super) fn unlock(&mut self) {
        self.is_locked = false;
        self.is_store_open = true;
        let lives: Vec<u64> = self.slots.keys().copied().collect();
        for id in lives {
            let Some(slot) = self.slots.get(&id) else { continue };
            let keeps = slot.variant.is_none() && self.sites[slot.site].service.renews;
            let restoring = keeps && slot.life.wants_what_was_kept();
            self.learn_unlocked(id, restoring);
            self.tell(id, Event::Unlocked { restoring });
            if restoring {
                self.restore(id);
            }
        }
        for site in 0..self.sites.len() {
            self.begin_writing(site);
        }
    }

    // ---- stop

    pub(super) fn stop(&mut self) {
        if !self.is_up || self.stopping.is_some() {
            return;
        }
        self.trace.count("stop");
        self.stopping = Some(self.hands.truth() + HTTP_TIMEOUT + SECOND);
        for site in 0..self.sites.len() {
            self.tell_grant(site, crate::account::grant::Event::Closing);
            for life in self.all_of(site) {
                self.withdraw(life);
            }
        }
        self.after(HTTP_TIMEOUT + 2 * SECOND, Happening::Inspection);
    }

    pub(super) fn go_on_stopping(&mut self) {
        let Some(latest) = self.stopping.filter(|_| self.is_up) else { return };
        let is_busy = self.sites.iter().any(super::site::Site::is_grant_busy);
        let is_writing = self.sites.iter().any(|site| site.writer.writing.is_some()) && !self.disk_refuses;
        if (!is_busy && !is_writing) || self.hands.truth() > latest {
            self.crash();
        }
    }

    /// Something of a grant's that takes a while.
    pub(super) fn grant_after(&mut self, site: usize, span: u64, step: GrantStep) {
        self.after(span, Happening::Grant { run: self.run, site, step });
    }
}

impl Slot {
    /// When a variant that nobody uses is dropped.
    fn forget_at(&self, now: Moment) -> Option<Steady> {
        if self.variant.is_none() || !self.life.is_at_rest() {
            return None;
        }
        Some(self.used.unwrap_or(now.steady).after(self.life.unused_span()))
    }
}
