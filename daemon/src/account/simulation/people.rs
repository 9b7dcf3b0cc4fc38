//! Callers, who want, demand, reject and leave; and a person, who locks, mends, reloads and stops.

use std::time::Duration;

use super::service::{DAY, HOUR, MINUTE, Mood, SECOND};
use super::world::{Happening, World};
use crate::account::life::{Ask, Event};
use crate::account::policy::Refresh;
use crate::account::token::Need;
use crate::clock::{Moment, Steady};
use crate::secret::digest;

/// Somebody who waits for a token.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) life: u64,
    /// Nothing: it wants a new one.
    pub(super) need: Option<Need>,
    pub(super) asked: Moment,
    pub(super) deadline: Steady,
    /// By when it must have been served, as long as that token lives.
    pub(super) expects: Option<(Steady, usize)>,
    pub(super) leaves: bool,
}

impl World {
    pub(super) fn arrive(&mut self, site: usize) {
        let tempo = self.sites[site].tempo;
        let next = self.dice.span_ms((tempo / 8).max(1), tempo * 2);
        // Now and then nobody comes for long.
        let next = if self.dice.one_in(300) { self.dice.span_ms(next, 2 * DAY) } else { next };
        self.after(next, Happening::Arrival(site));
        if !self.is_up || self.stopping.is_some() {
            return;
        }
        let service = &self.sites[site].service;
        let has_variants = service.renews && !service.repeats;
        let variant = (has_variants && self.dice.one_in(6)).then(|| u8::from(self.dice.percent(50)));
        match self.dice.below(100) {
            0..=69 => self.want(site, variant, Need::Wish),
            70..=82 => {
                let least = self.dice.span(SECOND, self.sites[site].service.life.clamp(2 * SECOND, 10 * DAY));
                self.want(site, variant, Need::Demand(least));
            }
            83..=86 => self.want_a_new_one(site),
            87..=90 => self.reject_at_random(site),
            _ => self.reject_if_dead(site),
        }
        if self.dice.one_in(200) {
            self.some_leave();
        }
    }

    fn want(&mut self, site: usize, variant: Option<u8>, need: Need) {
        let life = self.life_for(site, variant);
        let wait = self.dice.span(100, 30 * SECOND);
        self.ask(life, need, wait);
    }

    fn want_a_new_one(&mut self, site: usize) {
        let life = self.sites[site].own;
        let now = self.hands.now();
        let deadline = now.steady.after(self.dice.span(100, 30 * SECOND));
        self.next_caller += 1;
        let waiter = self.next_caller;
        let caller = Caller { life, need: None, asked: now, deadline, expects: None, leaves: false };
        self.callers.insert(waiter, caller);
        self.sites[site].unsettle(self.hands.truth());
        self.learn_push(life, false);
        self.tell(life, Event::Refresh(Ask { waiter, need: Need::Wish, deadline }));
        for id in self.all_of(site).into_iter().filter(|id| *id != life) {
            self.learn_push(id, true);
            self.tell(id, Event::Started);
        }
    }

    fn reject_at_random(&mut self, site: usize) {
        // The one that was served last, or any other.
        let last = self.sites[site].last_served;
        let any = self.dice.below(self.sites[site].service.tokens.len().max(1));
        let number = if self.dice.percent(80) { last.unwrap_or(any) } else { any };
        if self.dice.percent(50) {
            // Rightly.
            self.sites[site].service.revoke(number, self.hands.truth());
        }
        self.reject(site, number);
    }

    fn reject_if_dead(&mut self, site: usize) {
        let Some(last) = self.sites[site].last_served else { return };
        if !self.sites[site].service.is_alive(last, self.hands.truth()) {
            self.reject(site, last);
        }
    }

    pub(super) fn reject(&mut self, site: usize, number: usize) {
        self.trace.count("rejection");
        self.trace.note(|| format!("  account {site}: token {number} is rejected"));
        self.sites[site].unsettle(self.hands.truth());
        let sha256 = digest(b"", &self.sites[site].token(number));
        let holders = self.learn_rejection(site, number);
        for life in self.all_of(site) {
            self.tell(life, Event::Rejected(sha256));
        }
        self.learn_what_became(site, number, &holders);
        if self.is_up {
            self.sites[site].writer.flushing.push(number);
            self.begin_writing(site);
        }
    }

    fn some_leave(&mut self) {
        let gone: Vec<u64> =
            self.callers.iter().filter(|(_, caller)| caller.leaves).map(|(id, _)| *id).collect();
        self.callers.retain(|id, _| !gone.contains(id));
        for slot in self.slots.values_mut() {
            slot.life.forget_waiters(|waiter| gone.contains(&waiter));
        }
    }

    /// A person does something.
    pub(super) fn person_acts(&mut self) {
        let longest = if self.weather.is_busy { HOUR } else { 2 * DAY };
        let next = self.dice.span_ms(10 * SECOND, longest);
        self.after(next, Happening::Person);
        let site = self.dice.below(self.sites.len());
        let truth = self.hands.truth();
        for site in &mut self.sites {
            site.unsettle(truth);
        }
        if !self.is_up {
            return;
        }
        if self.is_locked || !self.is_store_open {
            self.trace.note(|| "  the person unlocks".to_owned());
            return self.unlock();
        }
        let what = self.dice.below(10);
        self.trace.note(|| format!("  the person does {what} to {site}"));
        match what {
            0 | 1 => self.lock(),
            2 => self.after(0, Happening::Stop),
            3 => self.reload(),
            4 => self.keep_otherwise(site),
            5 => self.sites[site].source_gives = !self.sites[site].source_gives,
            6 | 7 => self.mend(site),
            8 => self.new_secret(site),
            _ => self.want_a_new_one(site),
        }
    }

    fn reload(&mut self) {
        let lives: Vec<u64> = self.slots.keys().copied().collect();
        for life in lives {
            self.learn_push(life, true);
            self.tell(life, Event::Started);
        }
    }

    fn keep_otherwise(&mut self, site: usize) {
        let min_valid = self.dice.span(SECOND, HOUR);
        let refresh = [Refresh::Eager, Refresh::Auto, Refresh::OnDemand][self.dice.below(3)];
        let assume = self.dice.one_in(2).then(|| self.dice.span(MINUTE, HOUR));
        let policy = &mut self.sites[site].policy;
        (policy.min_valid, policy.refresh, policy.assume_lifetime) = (min_valid, refresh, assume);
        let policy = policy.clone();
        for life in self.all_of(site) {
            self.learn_push(life, true);
            self.learn_assumed(life);
            self.tell(life, Event::Kept(policy.clone()));
        }
    }

    /// The credentials, or the login, are mended at the service and here.
    fn mend(&mut self, site: usize) {
        let of = &mut self.sites[site];
        if of.service.mood == Mood::Refusing {
            of.service.mood = Mood::Well;
        }
        of.source_gives = true;
        if of.service.rotation.is_some() {
            of.first = of.service.log_in();
        }
        for life in self.all_of(site) {
            self.learn_push(life, true);
            self.tell(life, Event::Mended);
        }
    }

    /// A new secret without any need: nothing is told before the next request.
    fn new_secret(&mut self, site: usize) {
        let of = &mut self.sites[site];
        if of.service.rotation.is_some() {
            of.first = of.service.log_in();
        }
    }

    /// So long may a caller be late, since both the machine and the daemon's timers are.
    pub(super) fn check_callers(&mut self) {
        if !self.is_up || self.stopping.is_some() {
            return;
        }
        let now = self.hands.now();
        if self.next_timer().is_some_and(|at| at <= now.steady) {
            // It is about to be woken.
            return;
        }
        let late = self.callers.iter().find(|(_, caller)| caller.deadline < now.steady);
        if let Some((id, caller)) = late {
            let what =
                format!("caller {id} waits since {:?}, until {:?}", caller.asked.steady, caller.deadline);
            return self.broken("liveness: every caller is answered by its deadline", what);
        }
        let late: Vec<(u64, usize)> = self
            .callers
            .iter()
            .filter_map(|(id, caller)| Some((*id, caller.expects.filter(|(at, _)| *at < now.steady)?.1)))
            .collect();
        for (id, number) in late {
            self.check_expectation(id, number);
        }
    }

    /// A caller should have been served by now, if its token is still as good as it was.
    fn check_expectation(&mut self, id: u64, number: usize) {
        let Some(caller) = self.callers.get_mut(&id) else { return };
        caller.expects = None;
        let life = caller.life;
        if self.is_good(life, number, Duration::ZERO) {
            let what = format!("caller {id} waits for token {number}, which is there");
            self.broken("P2 a living token is served within two seconds", what);
        }
    }
}
