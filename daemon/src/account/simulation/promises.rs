//! The promises of INTERFACE, held against what is known of each life from outside.

use std::time::Duration;

use tokend_proto::message::{self, Code};

use super::people::Caller;
use super::service::{HOUR, MINUTE, Mood};
use super::site::{OnDisk, Rejected, number};
use super::watch::Held;
use super::world::World;
use crate::account::life::Restored;
use crate::account::policy::Refresh;
use crate::account::token::{Need, Token};
use crate::account::words;
use crate::clock::{Moment, Steady};
use crate::provider::{CarriedOut, Class, Failure, Minted, Probe};

/// A number of the contract, apart from that of the code.
const PATIENCE: Duration = Duration::from_secs(2);

/// So many tokens in ten minutes are not asked of a service whose tokens live for an hour, whatever callers do.
const MOST_IN_A_WINDOW: usize = 40;

impl World {
    // ---- what is learnt

    /// An attempt's end is about to be told to its life.
    pub(super) fn learn(
        &mut self,
        life: u64,
        generation: u64,
        requested: Moment,
        result: &Result<Minted, Failure>,
        number: Option<usize>,
    ) {
        let (now, marks, truth) = (self.hands.now(), self.hands.marks(), self.hands.truth());
        let Some(slot) = self.slots.get_mut(&life) else { return };
        if slot.watch.minting != Some(generation) {
            return;
        }
        slot.watch.minting = None;
        let site = &mut self.sites[slot.site];
        let failure = match (result, number) {
            (Ok(minted), Some(number)) => {
                let is_assumed = minted.lifetime.is_none();
                let lifetime = minted.lifetime.or(site.policy.assume_lifetime);
                let truth = truth - requested.steady.until(now.steady).as_millis().try_into().unwrap_or(0);
                let held = Held { number, requested, lifetime, is_assumed, marks, truth, is_in_doubt: false };
                let is_still_there = slot
                    .life
                    .token_to_keep()
                    .is_some_and(|token| super::site::number(&token.fields[0].1) == number);
                if is_still_there {
                    // The service was to be asked whether it lives, and gives it.
                    site.rejected.remove(&number);
                }
                if site.rejected.contains_key(&number) {
                    site.unsettle(self.hands.truth());
                    Some(words::same_again(site.service.renews))
                } else if held.is_dead_for_sure(now)
                    || (held.left(now) == Some(Duration::ZERO) && !held.is_apart(now))
                {
                    site.unsettle(self.hands.truth());
                    Some(words::dead_on_arrival())
                } else {
                    slot.watch.accept(held, now.steady);
                    // A service may give one once more that only an earlier run of the daemon knows as rejected.
                    site.gone.remove(&number);
                    None
                }
            }
            (Err(failure), _) => {
                // What spares the token in hand is no wish of the service: without that token nothing is waited for.
                let told = failure.retry_after.filter(|_| failure.carried_out == CarriedOut::No);
                let wait = told.map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(0));
                site.unsettle(self.hands.truth() + wait);
                Some(failure.clone())
            }
            (Ok(_), None) => None,
        };
        if let Some(failure) = failure {
            slot.watch.fail(&failure, now);
        }
        self.check_pressure(life);
    }

    pub(super) fn learn_probe(&mut self, life: u64, _: u64, number: usize, at: u64, says: Option<Probe>) {
        let now = self.hands.now();
        let Some(slot) = self.slots.get_mut(&life) else { return };
        let site = &mut self.sites[slot.site];
        site.unsettle(self.hands.truth());
        let Some(held) = slot.watch.held.as_mut().filter(|held| held.number == number) else { return };
        if let Some(Probe::Alive(left)) = says {
            if let Some(left) = left.filter(|_| held.is_in_doubt)
                && held.left(now).is_none_or(|believed| believed > left)
            {
                held.lifetime = Some(held.requested.steady.until(now.steady) + left);
                held.is_assumed = false;
            }
            held.is_in_doubt = false;
            if site.rejected.get(&number).is_some_and(|rejected| rejected.at <= at) {
                site.rejected.remove(&number);
            }
        } else {
            held.is_in_doubt = false;
            slot.watch.discards();
        }
        if says == Some(Probe::Dead) {
            // Not to be served again, whoever doubted it.
            let rejected = Rejected { at: self.hands.truth() };
            site.rejected.entry(number).or_insert(rejected);
        }
    }

    /// What lies on disk is about to be told to its life.
    pub(super) fn learn_restored(&mut self, life: u64, facts: Option<OnDisk>, restored: Option<&Restored>) {
        let now = self.hands.now();
        let marks = self.hands.marks();
        let Some(slot) = self.slots.get_mut(&life) else { return };
        if !std::mem::take(&mut slot.watch.is_restoring) {
            return;
        }
        let unseen = std::mem::take(&mut slot.watch.unseen);
        let site = &mut self.sites[slot.site];
        let Some(facts) = facts else { return };
        let held = Held {
            number: facts.number,
            requested: facts.requested,
            lifetime: if facts.is_assumed { site.policy.assume_lifetime } else { facts.lifetime },
            is_assumed: facts.is_assumed,
            marks: facts.marks,
            truth: facts.truth,
            is_in_doubt: false,
        };
        // As the contract has it: a clock that was set meanwhile, or a life that nobody told, is a doubt.
        let set_back = now.wall < facts.requested.wall && marks.boot != facts.marks.boot;
        let is_doubtful = set_back
            || facts.lifetime.is_none()
            || facts.is_assumed
            || now.wall < facts.requested.wall
            || (marks.boot == facts.marks.boot && held.is_apart(now));
        let held = if marks.boot == facts.marks.boot { held } else { held.by_the_wall(now, marks) };
        let is_usable = restored.is_some() && !held.is_dead_for_sure(now);
        if is_usable && (!set_back || site.service.can_probe) {
            self.trace.count("restored");
            let is_in_doubt = is_doubtful && site.service.can_probe;
            slot.watch.held = Some(Held { is_in_doubt, ..held });
            if unseen.contains(&facts.number) {
                slot.watch.discards();
                site.rejected.entry(facts.number).or_insert(Rejected { at: self.hands.truth() });
            }
        }
        if is_usable && site.gone.contains(&facts.number) {
            let what = format!("token {} of account {}", facts.number, site.index);
            self.broken("P10 a rejected token is gone from the disk, too", what);
        }
    }

    /// A caller's rejection is about to be told; the lives that hold that token.
    pub(super) fn learn_rejection(&mut self, site: usize, number: usize) -> Vec<u64> {
        let mut holders = Vec::new();
        let now = self.hands.now();
        let at = self.hands.truth();
        let mut counts = false;
        for life in self.all_of(site) {
            let Some(slot) = self.slots.get_mut(&life) else { continue };
            let warnings = slot.life.snapshot(now, slot.used).warnings;
            let is_vouched = warnings.iter().any(|warning| warning == words::VOUCHED);
            // One that has died of age is nobody's any more.
            let is_held = slot.watch.held.is_some_and(|held| held.number == number)
                && slot.life.token_to_keep().is_some();
            if slot.life.is_held() {
                slot.watch.unseen.push(number);
            } else if is_held {
                holders.push(life);
                slot.watch.discards();
                counts |= !is_vouched;
            }
        }
        if counts {
            let rejected = Rejected { at };
            // Rejected again while the service is asked, it is the same doubt.
            self.sites[site].rejected.entry(number).or_insert(rejected);
        }
        holders
    }

    /// One that the service vouches for may be honoured or not; whether it was, the life knows.
    pub(super) fn learn_what_became(&mut self, site: usize, number: usize, holders: &[u64]) {
        let at = self.hands.truth();
        for life in holders {
            let Some(slot) = self.slots.get(life) else { continue };
            if slot.life.token_to_keep().is_none() {
                let rejected = Rejected { at };
                self.sites[site].rejected.entry(number).or_insert(rejected);
            }
        }
    }

    /// A person, or a file, asks for one more try; one that `begins_anew` counts what is doubtful from none.
    pub(super) fn learn_push(&mut self, life: u64, begins_anew: bool) {
        let Some(slot) = self.slots.get_mut(&life) else { return };
        slot.watch.last_mint = None;
        slot.watch.may_try = true;
        if slot.watch.parked.is_some() && begins_anew {
            slot.watch.doubts = 0;
        }
    }

    /// Another lifetime is assumed from now on.
    pub(super) fn learn_assumed(&mut self, life: u64) {
        let Some(slot) = self.slots.get_mut(&life) else { return };
        let assumed = self.sites[slot.site].policy.assume_lifetime;
        let now = self.hands.now();
        // What has died of age does not rise again.
        slot.watch.held = slot.watch.held.filter(|held| !held.is_dead_for_sure(now));
        if let Some(held) = slot.watch.held.as_mut().filter(|held| held.is_assumed) {
            held.lifetime = assumed;
        }
    }

    pub(super) fn learn_locked(&mut self, life: u64) {
        let now = self.hands.now();
        let Some(slot) = self.slots.get_mut(&life) else { return };
        if slot.watch.held.take().is_some() && slot.watch.was_ambiguous {
            slot.watch.not_before = None;
        }
        slot.watch.is_restoring = false;
        if slot.watch.minting.take().is_some() {
            slot.watch.fail(&words::cancelled_by_a_lock(), now);
        }
    }

    pub(super) fn learn_unlocked(&mut self, life: u64, restoring: bool) {
        let Some(slot) = self.slots.get_mut(&life) else { return };
        let watch = &mut slot.watch;
        if watch.parked == Some(Class::Locked) {
            (watch.parked, watch.last_mint, watch.failures) = (None, None, 0);
        }
        watch.is_restoring = restoring;
    }

    // ---- what is expected

    /// Whether this token is there to be served, and will be for so long.
    pub(super) fn is_good(&self, life: u64, number: usize, span: Duration) -> bool {
        let now = self.hands.now();
        let Some(slot) = self.slots.get(&life) else { return false };
        let site = &self.sites[slot.site];
        let Some(held) = slot.watch.held.filter(|held| held.number == number) else { return false };
        !slot.life.is_held()
            && !held.is_in_doubt
            && !site.rejected.contains_key(&number)
            && !held.is_apart(now)
            && held.left(now).is_none_or(|left| left > span + Duration::from_millis(100))
    }

    /// By when a caller must be served with the token that is there.
    pub(super) fn expects(&self, life: u64, need: Need, wait: Duration) -> Option<(Steady, usize)> {
        let held = self.slots.get(&life)?.watch.held?;
        let span = wait.min(PATIENCE);
        let is_enough = match need {
            Need::Wish => true,
            Need::Demand(least) => held
                .left(self.hands.now())
                .is_some_and(|left| left > least + span + Duration::from_millis(100)),
        };
        let is_expected = is_enough && self.is_good(life, held.number, span);
        is_expected.then(|| (self.hands.now().steady.after(span), held.number))
    }

    // ---- what is held against it

    /// A token is given to a caller.
    pub(super) fn check_served(&mut self, caller: &Caller, token: &Token, warnings: &[String]) {
        let (now, marks) = (self.hands.now(), self.hands.marks());
        let Some(slot) = self.slots.get(&caller.life) else { return };
        let site = &self.sites[slot.site];
        let number = number(&token.fields[0].1);
        let says_apart = warnings.iter().any(|warning| warning == words::CLOCKS_DISAGREE);
        let what = || {
            format!(
                "token {number} of account {} at {now:?}, held {:?}, warnings {warnings:?}",
                site.index, slot.watch.held
            )
        };
        let truth = self.hands.truth();
        let issued = &site.service.tokens[number];
        let broken = match slot.watch.held {
            _ if self.is_locked => Some("P6 locked, nothing is served"),
            None => Some("P10 nothing is served that was forgotten"),
            Some(held) if held.number != number => Some("P3 nothing but the newest is served"),
            Some(held) => {
                let left = held.left(now);
                // The steady hand alone is enough, as long as it went on.
                let clocks_are_true = marks.boot == held.marks.boot && marks.stops == held.marks.stops;
                let told_truth = held.lifetime.is_some_and(|lifetime| {
                    let told = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
                    !issued.is_revoked && held.truth.saturating_add(told) <= issued.dies
                });
                let wishes = |wish: Duration| {
                    let lifetime = held.lifetime.unwrap_or_default();
                    wish.min(lifetime / 5)
                };
                if held.is_dead_for_sure(now) {
                    Some("P1 never a token that both clocks call dead")
                } else if left == Some(Duration::ZERO) && !says_apart {
                    Some("P1 never a token that one clock calls dead, without a warning")
                } else if clocks_are_true && told_truth && issued.dies <= truth && !says_apart {
                    Some("P1 never a dead token while clocks and service are honest")
                } else if held.lifetime.is_some() && site.service.renews && held.is_apart(now) && !says_apart
                {
                    Some("P7 a token of which the clocks disagree is served with a warning, after a try")
                } else if site.rejected.contains_key(&number) {
                    Some("P4 a rejected token is not served again")
                } else if held.is_in_doubt {
                    Some("P10 a kept token in doubt is asked about first")
                } else {
                    match (caller.need, left) {
                        (Some(Need::Demand(least)), Some(left)) if left < least => {
                            Some("P1 a demand is met or refused")
                        }
                        (Some(Need::Demand(_)), None) => Some("P1 an unknown life fails a demand"),
                        (Some(Need::Wish), Some(left))
                            if left < wishes(site.policy.min_valid) && warnings.is_empty() =>
                        {
                            Some("P1 less than the wish is served with a warning")
                        }
                        _ => None,
                    }
                }
            }
        };
        let refresh = site.spends.came_with.get(&number);
        let is_kept = refresh.is_none_or(|refresh| {
            site.spends.at_risk.contains(refresh) || site.spends.ever_on_disk.contains(refresh)
        });
        if let Some(check) = broken {
            let what = what();
            return self.broken(check, what);
        }
        if !is_kept {
            let what = format!("{}, refresh token {refresh:?}", what());
            return self
                .broken("P6 the new refresh token is on disk before its access token is served", what);
        }
        self.trace.note(|| format!("  serves token {number}"));
        let site = slot.site;
        self.sites[site].last_served = Some(number);
    }

    /// A caller is told why not.
    pub(super) fn check_failed(&mut self, caller: &Caller, failure: &message::Failure) {
        let Some((by, number)) = caller.expects else { return };
        let now = self.hands.now();
        // A suspend may have brought it beyond the token's end.
        if failure.code != Code::LOCKED
            && now.steady <= by
            && self.is_good(caller.life, number, Duration::ZERO)
        {
            let what = format!("token {number} is there, but: {}", failure.message);
            self.broken("P4 a living token is not lost by a failure", what);
        }
    }

    /// A life asks for a token.
    pub(super) fn check_mint(&mut self, life: u64, generation: u64) {
        let now = self.hands.now();
        let Some(slot) = self.slots.get_mut(&life) else { return };
        let watch = &mut slot.watch;
        let gap = watch.last_mint.map(|last| last.until(now.steady));
        let broken = if let Some(under_way) = watch.minting {
            Some(("P3 one request at a time", format!("{under_way} and {generation}")))
        } else if let Some(class) = watch.parked.filter(|_| !watch.may_try) {
            Some(("P5 a parked account sends nothing", format!("parked as {class:?}")))
        } else if watch.not_before.is_some_and(|at| now.steady < at) {
            let what = format!("{:?} after {} failures", watch.not_before, watch.failures);
            Some(("P5 never sooner than the last delay or the service says", what))
        } else if gap.is_some_and(|gap| gap < Duration::from_secs(1)) {
            Some(("P5 two requests are a second apart", format!("{gap:?}")))
        } else if self.is_locked {
            Some(("P6 locked, nothing is asked", String::new()))
        } else {
            None
        };
        watch.last_mint = Some(now.steady);
        if let Some((check, what)) = broken {
            let what = format!("life {life} of account {}: {what}", slot.site);
            self.broken(check, what);
        }
    }

    /// Whether callers make it hammer the service.
    fn check_pressure(&mut self, life: u64) {
        let Some(slot) = self.slots.get(&life) else { return };
        let site = &self.sites[slot.site];
        let lives_long = slot
            .watch
            .held
            .and_then(|held| held.lifetime)
            .is_some_and(|lifetime| lifetime >= Duration::from_millis(HOUR));
        let came = slot.watch.came.len();
        if lives_long && came > MOST_IN_A_WINDOW && site.service.life >= HOUR && self.is_calm(slot.site, HOUR)
        {
            let what = format!("{came} tokens in ten minutes");
            self.broken("P11 callers cannot make it hammer the service", what);
        }
    }

    /// Whether nothing unusual has happened for so long.
    fn is_calm(&self, site: usize, span: u64) -> bool {
        self.sites[site].calm_since + span <= self.hands.truth()
    }

    /// All is looked at.
    pub(super) fn inspect(&mut self) {
        if !self.is_up || self.is_locked || !self.is_store_open || self.stopping.is_some() {
            return;
        }
        for site in 0..self.sites.len() {
            self.inspect_freshness(site);
            self.inspect_disk(site);
        }
    }

    /// An eager account of a service that is well has a token.
    fn inspect_freshness(&mut self, index: usize) {
        let now = self.hands.now();
        let site = &self.sites[index];
        let Some(slot) = self.slots.get(&site.own) else { return };
        let is_well = site.service.mood == Mood::Well && site.service.glitches == 0;
        if site.policy.refresh != Refresh::Eager
            || !is_well
            || slot.watch.parked.is_some()
            || !self.is_calm(index, 20 * MINUTE)
        {
            return;
        }
        self.trace.count("inspected");
        let held = slot.watch.held;
        let left = held.map(|held| (held, held.left(now)));
        let is_fresh = match left {
            None => false,
            Some((_, None)) => true,
            Some((held, Some(left))) => {
                let lifetime = held.lifetime.unwrap_or_default();
                // Those are not renewed without end while nobody asks; and what is short may be in the making.
                // After an ambiguous end the token in hand is served to its end.
                lifetime < Duration::from_secs(120)
                    || (!left.is_zero()
                        && (slot.watch.was_ambiguous || left + Duration::from_secs(40) > lifetime / 50))
            }
        };
        let is_in_the_making = slot.watch.was_ambiguous && slot.watch.minting.is_some();
        if !is_fresh && !is_in_the_making && site.service.life >= 2 * MINUTE {
            let what = format!("account {index} at {now:?}: {held:?}, next {:?}", slot.deadline);
            self.broken("liveness: an eager account of a service that is well has a token", what);
        }
    }

    /// What is held for long is on disk.
    fn inspect_disk(&mut self, index: usize) {
        let site = &self.sites[index];
        let truth = self.hands.truth();
        let Some(slot) = self.slots.get(&site.own) else { return };
        let Some(held) = slot.watch.held else { return };
        let is_worth = held.lifetime.is_none_or(|lifetime| lifetime >= Duration::from_secs(61));
        let is_old = held.truth + 10 * MINUTE <= truth && self.is_calm(index, 10 * MINUTE);
        let disk_is_well = !self.disk_refuses && site.disk_since + 10 * MINUTE <= truth;
        if !site.service.renews || !is_worth || !is_old || !disk_is_well || slot.life.is_held() {
            return;
        }
        let alive = held.left(self.hands.now()).is_none_or(|left| !left.is_zero());
        let on_disk = site.disk.token.as_ref().map(|(_, facts)| facts.number);
        let is_rejected = site.rejected.contains_key(&held.number);
        if alive && !is_rejected && on_disk != Some(held.number) {
            let what = format!("account {index}: token {} is held, {on_disk:?} is on disk", held.number);
            self.broken("P10 the token in hand is on disk", what);
        }
    }
}
