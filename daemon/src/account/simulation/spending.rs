//! What a grant says is carried out, each step with a delay; and what is known from outside of its refresh tokens.

use std::sync::Arc;

use super::service::SECOND;
use super::site::{Site, number};
use super::world::{GrantStep, Request, World};
use crate::account::grant::{Effect, End, Event, Grant, InHand, Kept, Unwritten, Want};
use crate::account::kept::grant as form;
use crate::clock::Steady;
use crate::provider::{CarriedOut, Class, Failure, Minted};

/// One of so many steps of a grant breaks down.
const FRAIL: u32 = 5000;

impl World {
    pub(super) fn want_to_spend(&mut self, life: u64, generation: u64) {
        let Some(slot) = self.slots.get(&life) else { return };
        let site = slot.site;
        self.tell_grant(site, Event::Wanted(Want { life, generation }));
    }

    pub(super) fn withdraw(&mut self, life: u64) {
        let Some(slot) = self.slots.get(&life) else { return };
        let site = slot.site;
        self.tell_grant(site, Event::Withdrawn(life));
    }

    pub(super) fn tell_grant(&mut self, site: usize, event: Event) {
        let now = self.hands.now();
        let in_hand = self.in_hand_until(site);
        let asker = self.sites[site].grant.as_ref().and_then(Grant::asker);
        let of_the_asker = asker.and_then(|life| self.slots.get(&life)?.life.in_hand_until(now));
        let Some(grant) = self.sites[site].grant.as_mut() else { return };
        self.trace.note(|| format!("  grant {site} takes {event:?} in hand {in_hand:?}"));
        let effects = grant.handle(event, now, InHand { of_any: in_hand, of_the_asker });
        for effect in effects {
            if self.weather.crashes && self.dice.one_in(500) {
                return self.crash();
            }
            self.carry_out_of_grant(site, effect);
            if !self.is_up {
                return;
            }
        }
    }

    /// Until when a token of the account is there to be served.
    fn in_hand_until(&self, site: usize) -> Option<Steady> {
        let now = self.hands.now();
        let lives = self.all_of(site);
        lives.iter().filter_map(|id| self.slots.get(id)?.life.in_hand_until(now)).max()
    }

    fn carry_out_of_grant(&mut self, site: usize, effect: Effect) {
        match effect {
            Effect::Load => {
                let takes = self.dice.span_ms(1, if self.disk_is_slow { 5 * SECOND } else { 50 });
                self.grant_after(site, takes, GrantStep::Loaded);
            }
            Effect::ReadSource(_) => {
                let takes = self.dice.span_ms(1, 100);
                self.grant_after(site, takes, GrantStep::Sourced);
            }
            Effect::TakeTurn(want) => {
                // Whose token is about to end goes before the rest.
                let longest = if self.dice.one_in(20) { 5 * SECOND } else { 50 };
                let takes = self.dice.span_ms(1, longest);
                self.grant_after(site, takes, GrantStep::Turn(want));
            }
            Effect::Write(kept) => {
                let takes = self.dice.span_ms(1, if self.disk_is_slow { 5 * SECOND } else { 50 });
                self.grant_after(site, takes, GrantStep::Written(Box::new(kept)));
            }
            Effect::Send(want, token) => {
                let spends = number(&token);
                self.check_spending(site, spends);
                self.sites[site].spends.in_flight = Some(spends);
                self.dispatch(site, want.life, want.generation, Some(spends));
            }
            Effect::Done { want, requested, result } => {
                let number = result.as_ref().ok().map(|minted| number(&minted.fields[0].1));
                self.check_grant_done(site, &result);
                self.minted(want.life, want.generation, requested, result, number);
            }
            // Nobody logs in or out in this world: the tests of the grant do.
            Effect::Remove | Effect::Revoke(_) | Effect::LoggedIn(_) | Effect::LoggedOut(_) => {}
        }
    }

    pub(super) fn grant_step(&mut self, site: usize, step: GrantStep) {
        if self.dice.one_in(FRAIL) {
            let failure = Failure::not_now("internal", "a step broke down", "report it");
            if let GrantStep::Written(kept) = step {
                self.sites[site].risk(number(&kept.token));
            }
            return self.tell_grant(site, Event::Broke(failure));
        }
        let event = match step {
            GrantStep::Loaded => Event::Loaded(self.load_grant(site)),
            GrantStep::Sourced => Event::Sourced(self.read_first(site)),
            GrantStep::Turn(want) => Event::Turn(want),
            GrantStep::Written(kept) => Event::Written(self.write_grant(site, &kept)),
        };
        self.tell_grant(site, event);
    }

    fn load_grant(&self, site: usize) -> Result<Option<Kept>, Failure> {
        if !self.is_store_open {
            return Err(Failure::locked());
        }
        Ok(self.sites[site].kept_grant())
    }

    fn read_first(&self, site: usize) -> Result<Arc<tokend_proto::Secret>, Failure> {
        let site = &self.sites[site];
        if site.source_gives {
            Ok(site.refresh_token(site.first))
        } else {
            Err(Failure::source("secret-file", "there is no such file", "make it"))
        }
    }

    fn write_grant(&mut self, site: usize, kept: &Kept) -> Result<(), Unwritten> {
        let token = number(&kept.token);
        if !self.is_store_open {
            self.sites[site].risk(token);
            return Err(Unwritten::Locked);
        }
        if self.disk_refuses {
            self.sites[site].risk(token);
            return Err(Unwritten::Refused("the disk is full".to_owned()));
        }
        self.sites[site].put_grant(kept);
        Ok(())
    }

    /// The service has answered, or not, to a request that spends.
    pub(super) fn grant_answered(
        &mut self,
        request: &Request,
        result: Result<Minted, Failure>,
        number: Option<usize>,
    ) {
        let site = &mut self.sites[request.site];
        if let Some(spent) = request.spends {
            site.learn_spending(spent, &result, number);
        }
        self.tell_grant(request.site, Event::Answered { requested: request.requested, result });
    }

    /// Before a refresh token is sent (promise 6).
    fn check_spending(&mut self, index: usize, token: usize) {
        let now = self.hands.now();
        let in_hand = self.in_hand_until(index);
        let site = &self.sites[index];
        let on_disk = site.kept_grant();
        let intends = on_disk.as_ref().is_some_and(|kept| number(&kept.token) == token && kept.sendings > 0);
        let sent = site.spends.unsettled.get(&token).copied().unwrap_or_default();
        let is_at_risk = site.spends.at_risk.contains(&token);
        let is_of_now = |other: usize| {
            site.service.grants.get(other).map(|it| it.family)
                == site.service.grants.get(token).map(|it| it.family)
        };
        let newer = [site.spends.newest, site.spends.newest_on_disk];
        let newer = newer.into_iter().flatten().filter(|other| is_of_now(*other)).max();
        let mut broken = None;
        if !intends && !is_at_risk {
            broken = Some((
                "P6 the intent is on disk before a refresh token is sent",
                format!("{token} is sent, on disk is {on_disk:?}"),
            ));
        } else if sent >= 2 && !is_at_risk {
            broken = Some(("P6 never a third time", format!("{token} was sent {sent} times")));
        } else if newer.is_some_and(|newer| newer > token) {
            broken =
                Some(("P6 never an older refresh token", format!("{token} is sent, known was {newer:?}")));
        } else if let Some(other) = site.spends.in_flight {
            broken = Some((
                "P3 requests that spend one grant go one after another",
                format!("{other} and {token}"),
            ));
        } else if sent > 0 && in_hand.is_some_and(|end| end > now.steady) {
            broken = Some((
                "P6 the token in hand is served to its end before the one more sending",
                format!("{token} is sent again, in hand until {in_hand:?}"),
            ));
        }
        if let Some((check, what)) = broken {
            self.broken(check, what);
        }
        self.trace.count("spent");
        *self.sites[index].spends.unsettled.entry(token).or_default() += 1;
    }

    /// A login is lost only where the rules say so.
    fn check_grant_done(&mut self, index: usize, result: &Result<Minted, Failure>) {
        let Err(failure) = result else { return };
        if failure.class != Class::LoginNeeded {
            return;
        }
        self.trace.count("login needed");
        let site = &self.sites[index];
        let kept = site.kept_grant();
        let token = kept.as_ref().map_or(site.first, |kept| number(&kept.token));
        let spends = &site.spends;
        let doubts = spends.doubted.get(&token).copied().unwrap_or_default();
        let is_excused = spends.refused_by_mood.contains(&token)
            || spends.at_risk.contains(&token)
            || !spends.at_risk.is_empty();
        let least = match site.service.rotation {
            Some(super::service::Rotation::Grace) => 2,
            _ => 1,
        };
        if !is_excused && doubts < least {
            let what = format!("{token} was in doubt {doubts} times: {} ({kept:?})", failure.message);
            self.broken("P6 a login is lost only after an ambiguous end", what);
        }
        if let Some(End::Lost) = kept.and_then(|kept| kept.ended)
            && !is_excused
            && doubts < 2
        {
            let what = format!("{token} was in doubt {doubts} times");
            self.broken("P6 the old refresh token is sent once more before a login is given up", what);
        }
    }
}

impl Site {
    pub(super) fn put_grant(&mut self, kept: &Kept) {
        let token = number(&kept.token);
        self.disk.grant = form::encode(kept).map(|bytes| bytes.to_vec());
        self.spends.newest_on_disk = Some(token);
        self.spends.ever_on_disk.insert(token);
    }

    /// With this refresh token something happened that is not on disk.
    pub(super) fn risk(&mut self, token: usize) {
        self.spends.at_risk.insert(token);
    }

    /// What an answer, or its absence, tells of a refresh token.
    fn learn_spending(&mut self, spent: usize, result: &Result<Minted, Failure>, number_of: Option<usize>) {
        let spends = &mut self.spends;
        spends.in_flight = None;
        match result {
            Ok(minted) => {
                spends.unsettled.remove(&spent);
                let newest = minted.refresh_token.as_ref().map_or(spent, number);
                spends.newest = Some(newest);
                if let Some(access) = number_of {
                    spends.came_with.insert(access, newest);
                }
            }
            Err(failure) => match failure.carried_out {
                CarriedOut::No => self.settle_sending(spent),
                CarriedOut::Unclear => {
                    *spends.doubted.entry(spent).or_default() += 1;
                    if spends.unsettled.get(&spent).is_some_and(|sent| *sent == 1) {
                        self.settle_sending(spent);
                    }
                }
                CarriedOut::AnswerLost => *spends.doubted.entry(spent).or_default() += 1,
            },
        }
    }

    fn settle_sending(&mut self, spent: usize) {
        if let Some(sent) = self.spends.unsettled.get_mut(&spent) {
            *sent = sent.saturating_sub(1);
        }
    }

    /// After a crash: what was on its way has an unknown end, and what was only in memory is not known.
    pub(super) fn forget_spends(&mut self) {
        let spends = &mut self.spends;
        if let Some(sent) = spends.in_flight.take() {
            *spends.doubted.entry(sent).or_default() += 1;
        }
        spends.newest = None;
        if let Some(kept) = self.kept_grant() {
            // An intent without an end: the next run cannot know more.
            let doubts = self.spends.doubted.entry(number(&kept.token)).or_default();
            *doubts = (*doubts).max(u32::from(kept.sendings));
        }
    }
}
