//! Whose turn it is to ask a service: whoever is waited for first, the rest at a pace. Pure; the keeper owns it.
//!
//! A place is taken by [`admit`](Turnstile::admit) and given back by [`leave`](Turnstile::leave). Those who are asked
//! for by nobody never take the last places, so that a service that hangs while a fleet begins does not hold up whoever
//! is waited for; nor do they go faster than the [`Pace`] of the service.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::account::life::Urgency;
use crate::clock::{Steady, milliseconds};

/// How many may ask at a time.
#[derive(Debug)]
struct Limits {
    /// How many ask already when one that nobody waits for has to wait for its turn.
    unasked: usize,
    /// The same for one whose token in hand has less life left than is wished for.
    ending: usize,
    /// The same for one that somebody waits for.
    asked: usize,
    /// How fast those go that nobody waits for.
    pace: Option<Pace>,
}

/// So many at once, then one in each interval.
#[derive(Debug)]
struct Pace {
    burst: u32,
    interval: Duration,
}

/// Of a service.
const SERVICE: Limits = Limits {
    unasked: 16,
    ending: 24,
    asked: 32,
    pace: Some(Pace { burst: 32, interval: Duration::from_millis(20) }),
};

/// Of this machine, for what has no service: programs that print a token.
const HERE: Limits = Limits { unasked: 32, ending: 64, asked: 128, pace: None };

/// A line that takes this long to pass is a crowd: more than a hundred accounts of one service.
const CROWD: Duration = Duration::from_secs(2);

/// Who waits for a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// The service at which a place is taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place(Arc<str>);

/// A turn has come: a place is taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Whose.
    pub(super) ticket: Ticket,
    /// What is to be given back.
    pub(super) place: Place,
    /// It goes with a crowd, of which the rest needs about this long.
    pub(super) crowd: Option<Duration>,
}

/// The lines at all services.
#[derive(Debug, Default)]
pub(super) struct Turnstile {
    last: u64,
    waiting: HashMap<Ticket, Waiting>,
    services: HashMap<Place, Service>,
    /// Where somebody's turn may have come.
    stirred: BTreeSet<Place>,
    /// When to look at a service though nothing happens there.
    wakes: BTreeSet<(Steady, Place)>,
}

#[derive(Debug)]
struct Waiting {
    place: Place,
    rank: Rank,
    /// When its token in hand falls short of the wish.
    by: Option<Steady>,
    since: Steady,
}

/// The order of a line; in each rank, whoever has waited longest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Asked,
    Ending,
    Unasked,
}

#[derive(Debug)]
struct Service {
    limits: &'static Limits,
    running: usize,
    line: BTreeSet<(Rank, Ticket)>,
    /// Those of the lowest rank that are to be raised one day.
    ending: BTreeSet<(Steady, Ticket)>,
    /// The pace is used up to here.
    spent: Steady,
    wake: Option<Steady>,
}

impl Turnstile {
    /// Joins the line at a service; one without a name is this machine.
    pub(super) fn queue(&mut self, service: &str, urgency: Urgency, now: Steady) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        let place = Place(Arc::from(service));
        let limits = if service.is_empty() { &HERE } else { &SERVICE };
        self.services.entry(place.clone()).or_insert_with(|| Service::new(limits));
        self.waiting.insert(ticket, Waiting { place, rank: Rank::Unasked, by: None, since: now });
        self.line_up(ticket, Rank::of(urgency), by(urgency));
        ticket
    }

    /// It has become more urgent, perhaps; it never becomes less so.
    pub(super) fn raise(&mut self, ticket: Ticket, urgency: Urgency) {
        let Some(waiting) = self.waiting.get(&ticket) else { return };
        let rank = Rank::of(urgency).min(waiting.rank);
        if (rank, by(urgency)) != (waiting.rank, waiting.by) {
            self.line_up(ticket, rank, by(urgency));
        }
    }

    /// It does not want its turn any more.
    pub(super) fn withdraw(&mut self, ticket: Ticket) {
        self.step_out(ticket);
        if let Some(waiting) = self.waiting.remove(&ticket) {
            self.stirred.insert(waiting.place);
        }
    }

    /// Gives a place back.
    pub(super) fn leave(&mut self, place: Place) {
        if let Some(service) = self.services.get_mut(&place) {
            service.running = service.running.saturating_sub(1);
            self.stirred.insert(place);
        }
    }

    /// The next one whose turn has come. Ask until there is none.
    pub(super) fn admit(&mut self, now: Steady) -> Option<Turn> {
        while let Some((_, place)) = self.wakes.first().filter(|(at, _)| *at <= now).cloned() {
            self.set_wake(&place, None);
            self.stirred.insert(place);
        }
        while let Some(place) = self.stirred.first().cloned() {
            if let Some(turn) = self.admit_at(&place, now) {
                return Some(turn);
            }
            self.stirred.remove(&place);
            let wake = self.services.get(&place).and_then(|service| service.wake_after(now));
            self.set_wake(&place, wake);
            if self.services.get(&place).is_some_and(|service| service.is_idle(now)) {
                self.services.remove(&place);
            }
        }
        None
    }

    /// When to ask for turns again, should nothing happen before.
    pub(super) fn wake(&self) -> Option<Steady> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// When the turn comes of one that has just joined, as far as the pace decides that.
    pub(super) fn expected(&self, ticket: Ticket, now: Steady) -> Option<Steady> {
        let waiting = self.waiting.get(&ticket)?;
        let service = self.services.get(&waiting.place)?;
        let line = if waiting.rank == Rank::Unasked { service.passes_after(now) } else { Duration::ZERO };
        Some(now.after(line))
    }

    fn admit_at(&mut self, place: &Place, now: Steady) -> Option<Turn> {
        while let Some((_, ticket)) = self.services.get(place)?.ending.first().filter(|(at, _)| *at <= now) {
            self.line_up(*ticket, Rank::Ending, None);
        }
        let service = self.services.get_mut(place)?;
        let (rank, ticket) = *service.line.first()?;
        if !service.has_room(rank) || (rank == Rank::Unasked && service.paced_until(now).is_some()) {
            return None;
        }
        if let (Rank::Unasked, Some(pace)) = (rank, &service.limits.pace) {
            service.spent = service.spent.max(now).after(pace.interval);
        }
        service.running += 1;
        self.step_out(ticket);
        let waited = self.waiting.remove(&ticket)?.since.until(now);
        let rest = self.services.get(place)?.passes_after(now);
        let crowd = (waited >= CROWD || rest >= CROWD).then_some(rest);
        Some(Turn { ticket, place: place.clone(), crowd })
    }

    /// Takes its place in the line, from wherever it was.
    fn line_up(&mut self, ticket: Ticket, rank: Rank, by: Option<Steady>) {
        self.step_out(ticket);
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        (waiting.rank, waiting.by) = (rank, by);
        let Some(service) = self.services.get_mut(&waiting.place) else { return };
        service.line.insert((rank, ticket));
        if let Some(by) = by {
            service.ending.insert((by, ticket));
        }
        self.stirred.insert(waiting.place.clone());
    }

    fn step_out(&mut self, ticket: Ticket) {
        let Some(waiting) = self.waiting.get(&ticket) else { return };
        let Some(service) = self.services.get_mut(&waiting.place) else { return };
        service.line.remove(&(waiting.rank, ticket));
        if let Some(by) = waiting.by {
            service.ending.remove(&(by, ticket));
        }
    }

    fn set_wake(&mut self, place: &Place, wake: Option<Steady>) {
        let Some(service) = self.services.get_mut(place) else { return };
        if let Some(old) = std::mem::replace(&mut service.wake, wake) {
            self.wakes.remove(&(old, place.clone()));
        }
        if let Some(new) = wake {
            self.wakes.insert((new, place.clone()));
        }
    }
}

impl Service {
    fn new(limits: &'static Limits) -> Self {
        let (line, ending) = (BTreeSet::new(), BTreeSet::new());
        Self { limits, running: 0, line, ending, spent: Steady(0), wake: None }
    }

    fn has_room(&self, rank: Rank) -> bool {
        let limit = match rank {
            Rank::Asked => self.limits.asked,
            Rank::Ending => self.limits.ending,
            Rank::Unasked => self.limits.unasked,
        };
        self.running < limit
    }

    /// Until when the pace holds back those that nobody waits for, if it does.
    fn paced_until(&self, now: Steady) -> Option<Steady> {
        let pace = self.limits.pace.as_ref()?;
        let ahead = milliseconds(pace.interval * pace.burst.saturating_sub(1));
        let free = Steady(self.spent.0.saturating_sub(ahead));
        (free > now).then_some(free)
    }

    /// How long the line needs at its pace.
    fn passes_after(&self, now: Steady) -> Duration {
        let Some(pace) = &self.limits.pace else { return Duration::ZERO };
        let line = u32::try_from(self.line.len()).unwrap_or(u32::MAX);
        let all = self.spent.max(now).after(pace.interval.saturating_mul(line));
        now.until(all).saturating_sub(pace.interval * pace.burst)
    }

    /// When somebody's turn may come, though nobody leaves.
    fn wake_after(&self, now: Steady) -> Option<Steady> {
        let (rank, _) = self.line.first()?;
        let paced = || if self.has_room(Rank::Unasked) { self.paced_until(now) } else { None };
        let ending = || self.ending.first().map(|(at, _)| *at).filter(|_| self.has_room(Rank::Ending));
        match rank {
            Rank::Unasked => [paced(), ending()].into_iter().flatten().min(),
            // Those wait for a place.
            Rank::Asked | Rank::Ending => None,
        }
    }

    fn is_idle(&self, now: Steady) -> bool {
        self.running == 0 && self.line.is_empty() && self.spent <= now
    }
}

impl Rank {
    fn of(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Asked => Self::Asked,
            Urgency::By(_) | Urgency::Whenever => Self::Unasked,
        }
    }
}

fn by(urgency: Urgency) -> Option<Steady> {
    match urgency {
        Urgency::By(at) => Some(at),
        Urgency::Asked | Urgency::Whenever => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "https://a.example";

    /// A turnstile, and a clock in milliseconds.
    #[derive(Default)]
    struct Story {
        turnstile: Turnstile,
        now: u64,
        inside: Vec<Place>,
    }

    impl Story {
        fn queue(&mut self, urgency: Urgency) -> Ticket {
            self.queue_at(SERVICE, urgency)
        }

        fn queue_at(&mut self, service: &str, urgency: Urgency) -> Ticket {
            self.turnstile.queue(service, urgency, Steady(self.now))
        }

        fn crowd(&mut self, count: usize) -> Vec<Ticket> {
            (0..count).map(|_| self.queue(Urgency::Whenever)).collect()
        }

        fn turns(&mut self) -> Vec<Turn> {
            let turns: Vec<_> = std::iter::from_fn(|| self.turnstile.admit(Steady(self.now))).collect();
            self.inside.extend(turns.iter().map(|turn| turn.place.clone()));
            turns
        }

        fn admitted(&mut self) -> Vec<Ticket> {
            self.turns().into_iter().map(|turn| turn.ticket).collect()
        }

        fn all_leave(&mut self) {
            for place in self.inside.drain(..) {
                self.turnstile.leave(place);
            }
        }
    }

    #[test]
    fn a_small_fleet_goes_at_once_as_far_as_there_are_places() {
        let mut story = Story::default();
        let fleet = story.crowd(32);
        assert_eq!(story.admitted(), fleet[..16]);
        story.all_leave();
        assert_eq!(story.admitted(), fleet[16..]);
        assert_eq!(story.turnstile.wake(), None);
    }

    #[test]
    fn a_large_fleet_goes_at_its_pace_first_come_first_served() {
        let mut story = Story::default();
        let fleet = story.crowd(1000);
        let mut admitted = Vec::new();
        let mut at = Vec::new();
        loop {
            let turns = story.admitted();
            at.extend(turns.iter().map(|_| story.now));
            admitted.extend(turns);
            story.all_leave();
            match story.turnstile.wake() {
                Some(wake) => story.now = story.now.max(wake.0),
                None if admitted.len() == fleet.len() => break,
                None => {}
            }
        }
        assert_eq!(admitted, fleet);
        assert_eq!(at.iter().filter(|at| **at == 0).count(), 32);
        for window in at.windows(83) {
            assert!(window[82] - window[0] >= 1000, "at most burst and fifty in a second");
        }
        assert_eq!(story.now, (1000 - 32) * 20);
    }

    #[test]
    fn whoever_is_waited_for_goes_first_and_finds_a_place_where_the_rest_hangs() {
        let mut story = Story::default();
        let fleet = story.crowd(500);
        assert_eq!(story.admitted().len(), 16);
        story.now += 1000;
        // They hang: nobody leaves.
        assert!(story.admitted().is_empty());
        let asked: Vec<_> = (0..20).map(|_| story.queue(Urgency::Asked)).collect();
        assert_eq!(story.admitted(), asked[..16]);
        story.turnstile.raise(fleet[400], Urgency::Asked);
        story.all_leave();
        let next = story.admitted();
        // Among those that are waited for, the one that has waited longest in all.
        assert_eq!((next[0], &next[1..5]), (fleet[400], &asked[16..]));
        assert_eq!(next[5..], fleet[16..27]);
    }

    #[test]
    fn a_token_that_is_about_to_fall_short_is_raised_by_itself() {
        let mut story = Story::default();
        let fleet = story.crowd(500);
        assert_eq!(story.admitted().len(), 16);
        let ending = story.queue(Urgency::By(Steady(5000)));
        assert!(story.admitted().is_empty());
        assert_eq!(story.turnstile.wake(), Some(Steady(5000)));
        story.now = 5000;
        assert_eq!(story.admitted(), [ending]);
        assert_eq!(story.turnstile.wake(), None);
        let late = story.queue(Urgency::By(Steady(4000)));
        let asked = story.queue(Urgency::Asked);
        assert_eq!(story.admitted(), [asked, late]);
        // What was asked for stays first, though who asked has gone.
        story.turnstile.raise(fleet[300], Urgency::Asked);
        story.turnstile.raise(fleet[300], Urgency::Whenever);
        assert_eq!(story.admitted(), [fleet[300]]);
    }

    #[test]
    fn a_full_service_holds_up_no_other() {
        let mut story = Story::default();
        for _ in 0..100 {
            story.queue(Urgency::Asked);
        }
        assert_eq!(story.admitted().len(), 32);
        let other = story.queue_at("https://b.example", Urgency::Whenever);
        assert_eq!(story.admitted(), [other]);
        let programs: Vec<_> = (0..200).map(|_| story.queue_at("", Urgency::Whenever)).collect();
        assert_eq!(story.admitted(), programs[..32]);
        let asked = story.queue_at("", Urgency::Asked);
        assert_eq!(story.admitted(), [asked]);
    }

    #[test]
    fn one_that_has_withdrawn_gets_no_turn_and_takes_no_place() {
        let mut story = Story::default();
        let fleet = story.crowd(40);
        for ticket in &fleet[..30] {
            story.turnstile.withdraw(*ticket);
        }
        assert_eq!(story.admitted(), fleet[30..]);
        let asked = story.queue(Urgency::Asked);
        story.turnstile.withdraw(asked);
        assert!(story.admitted().is_empty());
    }

    #[test]
    fn a_crowd_is_told_how_long_it_needs_and_a_hundred_are_none() {
        let mut story = Story::default();
        story.crowd(100);
        assert!(story.turns().iter().all(|turn| turn.crowd.is_none()));
        let mut story = Story::default();
        let fleet = story.crowd(1032);
        assert_eq!(story.turnstile.expected(fleet[1031], Steady(0)), Some(Steady(20_000)));
        let first = &story.turns()[0];
        assert_eq!(first.crowd, Some(Duration::from_millis(999 * 20 + 20)));
        // One that somebody waits for is minted together with them, too.
        let asked = story.queue(Urgency::Asked);
        assert_eq!(story.turnstile.expected(asked, Steady(0)), Some(Steady(0)));
        assert!(story.turns().iter().any(|turn| turn.ticket == asked && turn.crowd.is_some()));
        for ticket in &fleet[16..1031] {
            story.turnstile.withdraw(*ticket);
        }
        story.all_leave();
        story.now = 30_000;
        // The last of them has waited with them.
        assert_eq!(story.turns()[0].crowd, Some(Duration::ZERO));
    }

    #[test]
    fn nothing_is_kept_of_services_that_nobody_asks() {
        let mut story = Story::default();
        for number in 0..100 {
            story.queue_at(&format!("https://{number}.example"), Urgency::Whenever);
        }
        assert_eq!(story.admitted().len(), 100);
        story.now += 10_000;
        story.all_leave();
        assert!(story.admitted().is_empty());
        let Turnstile { last: _, waiting, services, stirred, wakes } = &story.turnstile;
        assert!(waiting.is_empty() && services.is_empty() && stirred.is_empty() && wakes.is_empty());
    }
}
