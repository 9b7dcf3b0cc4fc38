//! One world: its time, its services, its disk, its people, and the daemon that they meet. One step is one thing that
//! happens.

use std::collections::BTreeMap;

use super::dice::Dice;
use super::hands::Hands;
use super::machine::Slot;
use super::people::Caller;
use super::service::{DAY, Given, HOUR, MINUTE, SECOND};
use super::site::Site;
use super::trace::Trace;
use crate::account::grant;
use crate::clock::Moment;
use crate::provider::Probe;

/// What happens next, and to whom. What belongs to one run of the daemon carries its number: after a crash it is void.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    /// Somebody wants something of an account.
    Arrival(usize),
    /// A request for a token leaves the daemon.
    Sent { run: u32, life: u64, generation: u64 },
    /// It arrives at the service.
    Arrived { request: Request },
    /// Its answer is back.
    Answered { request: Request, given: Given },
    /// The service says whether a token lives.
    Probed { run: u32, life: u64, generation: u64, number: usize, at: u64, says: Option<Probe> },
    /// A kept token was read.
    Restored { run: u32, life: u64 },
    /// A token's file is written, or cannot be.
    Kept { run: u32, site: usize },
    /// It is tried again.
    KeepAgain { run: u32, site: usize },
    /// An answer to a grant.
    Grant { run: u32, site: usize, step: GrantStep },
    /// The service changes.
    Mood(usize),
    /// Somebody or something touches the clocks.
    Clocks,
    /// The disk changes.
    Disk,
    /// A person does something.
    Person,
    /// The daemon dies.
    Crash,
    /// It is started again.
    Start,
    /// A person stops it.
    Stop,
    /// All is looked at.
    Inspection,
}

/// A request on its way.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) run: u32,
    pub(super) site: usize,
    pub(super) life: u64,
    pub(super) generation: u64,
    pub(super) requested: Moment,
    pub(super) sent: u64,
    /// The refresh token that it spends.
    pub(super) spends: Option<usize>,
}

/// What a grant waits for.
#[derive(Debug, Clone)]
pub(super) enum GrantStep {
    Loaded,
    Sourced,
    Turn(grant::Want),
    Written(Box<grant::Kept>),
}

/// Which kinds of foul weather there are.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each kind of weather is there or not")]
pub(super) struct Weather {
    pub(super) clocks: bool,
    pub(super) crashes: bool,
    pub(super) disk: bool,
    pub(super) persons: bool,
    pub(super) services: bool,
    /// The person does something every now and then.
    pub(super) is_busy: bool,
}

/// A world. The same seed gives the same one.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the world's own")]
pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) hands: Hands,
    pub(super) weather: Weather,
    pub(super) sites: Vec<Site>,
    queue: BTreeMap<(u64, u64), Happening>,
    queued: u64,
    /// The daemon's run, from 1; and whether it runs.
    pub(super) run: u32,
    pub(super) is_up: bool,
    /// It ends when nothing spends a grant, or at this time.
    pub(super) stopping: Option<u64>,
    /// The person has locked.
    pub(super) is_locked: bool,
    /// The store is open: without a passphrase, always.
    pub(super) is_store_open: bool,
    pub(super) has_passphrase: bool,
    pub(super) disk_refuses: bool,
    pub(super) disk_is_slow: bool,
    pub(super) slots: BTreeMap<u64, Slot>,
    pub(super) next_life: u64,
    pub(super) callers: BTreeMap<u64, Caller>,
    pub(super) next_caller: u64,
    pub(super) trace: Trace,
    pub(super) steps: u64,
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The seed of the world.
    pub seed: u64,
    /// After which step.
    pub step: u64,
    /// Which check found it.
    pub check: &'static str,
    /// What was seen.
    pub what: String,
    /// What happened before, the last at the end.
    pub trace: Vec<String>,
}

/// How a world ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) steps: u64,
    pub(super) digest: u64,
    pub(super) violation: Option<(&'static str, String)>,
    pub(super) trace: Vec<String>,
    pub(super) counts: BTreeMap<&'static str, u64>,
}

impl World {
    pub(super) fn new(seed: u64, lines: usize) -> Self {
        let mut dice = Dice::new(seed);
        let drift = match dice.below(4) {
            0 => 200,
            1 => -200,
            _ => 0,
        };
        let weather = Weather {
            clocks: dice.percent(50),
            crashes: dice.percent(60),
            disk: dice.percent(40),
            persons: dice.percent(50),
            services: dice.percent(75),
            is_busy: dice.percent(30),
        };
        let sites: Vec<Site> = (0..=dice.below(3)).map(|index| Site::new(index, &mut dice)).collect();
        let has_passphrase = dice.one_in(4);
        let mut world = Self {
            hands: Hands::new(drift),
            weather,
            sites,
            queue: BTreeMap::new(),
            queued: 0,
            run: 0,
            is_up: false,
            stopping: None,
            is_locked: false,
            is_store_open: true,
            has_passphrase,
            disk_refuses: false,
            disk_is_slow: false,
            slots: BTreeMap::new(),
            next_life: 0,
            callers: BTreeMap::new(),
            next_caller: 0,
            trace: Trace::new(lines),
            steps: 0,
            dice,
        };
        world.sow();
        world
    }

    fn sow(&mut self) {
        self.after(0, Happening::Start);
        for site in 0..self.sites.len() {
            self.after(SECOND, Happening::Arrival(site));
            if self.weather.services {
                let first = self.dice.span_ms(SECOND, DAY);
                self.after(first, Happening::Mood(site));
            }
        }
        for (is_on, happening) in [
            (self.weather.clocks, Happening::Clocks),
            (self.weather.crashes, Happening::Crash),
            (self.weather.disk, Happening::Disk),
            (self.weather.persons, Happening::Person),
            (true, Happening::Inspection),
        ] {
            if is_on {
                let first = self.dice.span_ms(MINUTE, 6 * HOUR);
                self.after(first, happening);
            }
        }
    }

    /// Lets something happen in so many milliseconds.
    pub(super) fn after(&mut self, span: u64, happening: Happening) {
        self.queued += 1;
        self.queue.insert((self.hands.truth() + span, self.queued), happening);
    }

    /// Runs so many steps, or until a promise is broken.
    pub(super) fn run(mut self, steps: u64) -> Ending {
        while self.steps < steps && !self.trace.is_broken() && self.step() {}
        self.trace.end(self.steps)
    }

    /// The next thing happens. `false`: nothing will.
    fn step(&mut self) -> bool {
        let timer = self.next_timer().map(|deadline| self.hands.truth_at(deadline));
        let Some(next) = self.queue.first_key_value().map(|(at, _)| *at) else { return false };
        self.steps += 1;
        if let Some(at) = timer.filter(|at| *at <= next.0) {
            self.hands.advance_to(at);
            self.trace.step(self.steps, self.hands.now(), 0, || "tick".to_owned());
            self.tick();
        } else if let Some(happening) = self.queue.remove(&next) {
            self.hands.advance_to(next.0);
            let kind = happening.kind();
            self.trace.step(self.steps, self.hands.now(), kind, || format!("{happening:?}"));
            self.happen(happening, next.0);
        }
        self.go_on_stopping();
        self.check_callers();
        true
    }

    fn happen(&mut self, happening: Happening, at: u64) {
        match happening {
            Happening::Arrival(site) => self.arrive(site),
            Happening::Sent { run, life, generation } if run == self.run => self.send(life, generation),
            Happening::Arrived { request } => self.reach_service(request, at),
            Happening::Answered { request, given } => self.answered(&request, given),
            Happening::Probed { run, life, generation, number, at, says } if run == self.run => {
                self.probed(life, generation, number, at, says);
            }
            Happening::Restored { run, life } if run == self.run => self.restored(life),
            Happening::Kept { run, site } if run == self.run => self.token_is_written(site),
            Happening::KeepAgain { run, site } if run == self.run => self.begin_writing(site),
            Happening::Grant { run, site, step } if run == self.run => self.grant_step(site, step),
            Happening::Mood(site) => self.change_mood(site),
            Happening::Clocks => self.touch_clocks(),
            Happening::Disk => self.change_disk(),
            Happening::Person => self.person_acts(),
            Happening::Crash => {
                self.crash();
                let next = self.dice.span_ms(10 * SECOND, 2 * DAY);
                self.after(next, Happening::Crash);
            }
            Happening::Start => self.start(),
            Happening::Stop => self.stop(),
            Happening::Inspection => {
                self.inspect();
                let next = self.dice.span_ms(30 * SECOND, HOUR);
                self.after(next, Happening::Inspection);
            }
            _ => {}
        }
    }

    fn change_mood(&mut self, site: usize) {
        let until = self.sites[site].service.change_mood(&mut self.dice);
        self.sites[site].unsettle(self.hands.truth());
        self.trace.note(|| format!("  service {site} is {:?}", self.sites[site].service.mood));
        self.after(until, Happening::Mood(site));
    }

    fn touch_clocks(&mut self) {
        let next = self.dice.span_ms(10 * MINUTE, 5 * DAY);
        let truth = self.hands.truth();
        match self.dice.below(6) {
            0 => self.set_wall(false),
            1 => self.set_wall(true),
            2 => {
                let span = self.dice.span(SECOND, 8 * HOUR);
                let wall_is_set = self.dice.percent(70);
                self.hands.pause(span, wall_is_set);
                self.trace.note(|| format!("  paused for {span:?}, the wall is set: {wall_is_set}"));
                self.wake();
            }
            // Suspend: both hands go on, nothing runs.
            _ => {
                let span = self.dice.span_ms(SECOND, 12 * HOUR);
                self.hands.advance_to(truth + span);
                self.trace.note(|| format!("  suspended for {span} ms"));
                self.wake();
            }
        }
        let truth = self.hands.truth();
        for site in &mut self.sites {
            site.unsettle(truth);
        }
        self.after(next, Happening::Clocks);
    }

    fn set_wall(&mut self, is_back: bool) {
        let by = i64::try_from(self.dice.span_ms(100, 5 * HOUR)).unwrap_or_default();
        let by = if is_back { -by } else { by };
        self.hands.set_wall(by);
        self.trace.note(|| format!("  the wall is set by {by} ms"));
        self.wake();
    }

    fn change_disk(&mut self) {
        (self.disk_refuses, self.disk_is_slow) = match self.dice.below(4) {
            0 => (true, self.disk_is_slow),
            1 => (false, true),
            _ => (false, false),
        };
        let span = if self.disk_refuses {
            self.dice.span_ms(SECOND, 12 * HOUR)
        } else {
            self.dice.span_ms(10 * MINUTE, 3 * DAY)
        };
        let truth = self.hands.truth();
        for site in &mut self.sites {
            site.disk_since = truth;
            if self.disk_refuses {
                site.disk_was_ill = true;
            }
        }
        self.after(span, Happening::Disk);
    }

    /// A promise is broken.
    pub(super) fn broken(&mut self, check: &'static str, what: String) {
        self.trace.broken(check, what);
    }
}

impl Happening {
    /// A number of its kind, for the digest of a run.
    fn kind(&self) -> u64 {
        match self {
            Self::Arrival(_) => 1,
            Self::Sent { .. } => 2,
            Self::Arrived { .. } => 3,
            Self::Answered { .. } => 4,
            Self::Probed { .. } => 5,
            Self::Restored { .. } => 6,
            Self::Kept { .. } => 7,
            Self::KeepAgain { .. } => 8,
            Self::Grant { .. } => 9,
            Self::Mood(_) => 10,
            Self::Clocks => 11,
            Self::Disk => 12,
            Self::Person => 13,
            Self::Crash => 14,
            Self::Start => 15,
            Self::Stop => 16,
            Self::Inspection => 17,
        }
    }
}
