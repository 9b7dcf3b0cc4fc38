//! A service that gives tokens, well or ill: it delays, loses, breaks, lies about time, rotates, revokes and dies.

use std::time::Duration;

use super::dice::Dice;
use crate::provider::{CarriedOut, Failure, Probe};

pub(super) const SECOND: u64 = 1000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;

/// How long a client waits for an answer.
pub(super) const HTTP_TIMEOUT: u64 = 20 * SECOND;

/// What a service does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    Slow,
    /// Nothing listens.
    Dead,
    /// Requests vanish.
    Deaf,
    /// Requests are carried out, answers vanish.
    Mute,
    /// 500, and nothing was done.
    Broken,
    /// 502 from something before it, and all was done.
    BrokenAfter,
    /// 429.
    Busy(Option<u64>),
    /// A page of a captive portal.
    Portal,
    /// 4xx that say nothing.
    Odd,
    /// The credentials, or the grant, are refused until a person changes them.
    Refusing,
}

/// What a service says of its tokens' lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    Truth,
    Nothing,
    /// So many times what is true.
    Times(u32),
    /// A share of what is true.
    Share(u32),
    /// This, whatever is true.
    Absurd(u64),
}

/// What becomes of a refresh token that was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rotation {
    /// It lives on.
    Never,
    /// It is void.
    Always,
    /// It is void, but honoured once more.
    Grace,
    /// It is void; spent again, it takes all that came of it with it.
    Family,
}

/// A token that was given.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    /// When the service stops to honour it.
    pub(super) dies: u64,
    pub(super) told: Option<Duration>,
    /// It was to live longer.
    pub(super) is_revoked: bool,
}

/// A refresh token.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Grant {
    pub(super) is_void: bool,
    pub(super) graces: u8,
    /// Of which login it comes.
    pub(super) family: u32,
    /// How often it was carried out.
    pub(super) spent: u32,
}

/// What a service does with a request.
#[derive(Debug, Clone)]
pub(super) enum Given {
    /// A token, and a refresh token where there are such.
    Token {
        number: usize,
        refresh: Option<usize>,
    },
    Failed(Failure),
}

/// The answer and how long it takes; without one, it is lost.
#[derive(Debug)]
pub(super) struct Fate {
    pub(super) given: Given,
    pub(super) takes: u64,
}

#[derive(Debug)]
pub(super) struct Service {
    pub(super) life: u64,
    pub(super) tells: Tells,
    pub(super) can_probe: bool,
    pub(super) renews: bool,
    pub(super) rotation: Option<Rotation>,
    pub(super) mood: Mood,
    /// In so many of a hundred requests something goes wrong though it is well.
    pub(super) glitches: u32,
    /// Whether it gives a living token once more.
    pub(super) repeats: bool,
    pub(super) tokens: Vec<Issued>,
    pub(super) grants: Vec<Grant>,
    pub(super) dead_families: Vec<u32>,
    pub(super) family: u32,
}

impl Service {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let renews = !dice.one_in(12);
        let rotation = (renews && dice.percent(60))
            .then(|| [Rotation::Never, Rotation::Always, Rotation::Grace, Rotation::Family][dice.below(4)]);
        let mut service = Self {
            life: Self::some_life(dice),
            tells: Tells::Truth,
            can_probe: renews && rotation.is_none() && dice.percent(40),
            renews,
            rotation,
            mood: Mood::Well,
            glitches: if dice.percent(50) { 0 } else { 5 },
            repeats: rotation.is_none() && dice.one_in(8),
            tokens: Vec::new(),
            grants: Vec::new(),
            dead_families: Vec::new(),
            family: 0,
        };
        service.log_in();
        service
    }

    fn some_life(dice: &mut Dice) -> u64 {
        match dice.below(10) {
            0 => dice.span_ms(2 * SECOND, 30 * SECOND),
            1 => dice.span_ms(DAY, 3650 * DAY),
            2..=4 => HOUR,
            _ => dice.span_ms(MINUTE, DAY),
        }
    }

    /// A person logs in: a new first refresh token, which is returned.
    pub(super) fn log_in(&mut self) -> usize {
        self.family += 1;
        self.add_grant(self.family)
    }

    fn add_grant(&mut self, family: u32) -> usize {
        self.grants.push(Grant { family, ..Grant::default() });
        self.grants.len() - 1
    }

    /// Something changes at the service.
    pub(super) fn change_mood(&mut self, dice: &mut Dice) -> u64 {
        if self.mood == Mood::Refusing && !dice.one_in(4) {
            // Only a person mends that, as a rule.
            return dice.span_ms(MINUTE, DAY);
        }
        let was_well = self.mood == Mood::Well;
        self.mood = if was_well || dice.percent(30) {
            match dice.below(24) {
                0..=2 => Mood::Slow,
                3..=6 => Mood::Dead,
                7 | 8 => Mood::Deaf,
                9..=12 => Mood::Mute,
                13 | 14 => Mood::Broken,
                15..=17 => Mood::BrokenAfter,
                18 => Mood::Busy(None),
                19 => Mood::Busy(Some(dice.span_ms(SECOND, 2 * HOUR))),
                20 => Mood::Portal,
                21 => Mood::Odd,
                22 if dice.percent(50) => Mood::Refusing,
                _ => Mood::Well,
            }
        } else {
            Mood::Well
        };
        if dice.percent(15) {
            self.tells = match dice.below(8) {
                0 => Tells::Nothing,
                1 => Tells::Times(2 + u32::try_from(dice.below(100)).unwrap_or(0)),
                2 => Tells::Share(2 + u32::try_from(dice.below(10)).unwrap_or(0)),
                3 => Tells::Absurd([0, 1, 999, 3650 * DAY, 36_500 * DAY][dice.below(5)]),
                _ => Tells::Truth,
            };
        }
        if dice.percent(8) {
            self.life = Self::some_life(dice);
        }
        match self.mood {
            Mood::Well => dice.span_ms(10 * MINUTE, 2 * DAY),
            _ if dice.one_in(10) => dice.span_ms(DAY, 12 * DAY),
            _ => dice.span_ms(5 * SECOND, 6 * HOUR),
        }
    }

    /// It stops to honour a token before its time.
    pub(super) fn revoke(&mut self, number: usize, now: u64) {
        if let Some(issued) = self.tokens.get_mut(number)
            && issued.dies > now
        {
            issued.dies = now;
            issued.is_revoked = true;
        }
    }

    pub(super) fn is_alive(&self, number: usize, now: u64) -> bool {
        self.tokens.get(number).is_some_and(|issued| issued.dies > now)
    }

    /// A request for a token arrives, which may spend a refresh token.
    pub(super) fn ask(&mut self, spends: Option<usize>, now: u64, dice: &mut Dice) -> Fate {
        let mood = if dice.percent(self.glitches) { glitch(dice) } else { self.mood };
        let quick = dice.span_ms(20, 2 * SECOND);
        let late = HTTP_TIMEOUT + dice.span_ms(SECOND, MINUTE);
        let fail = |failure: Failure, takes| Fate { given: Given::Failed(failure), takes };
        match mood {
            Mood::Well => Fate { given: self.carry_out(spends, now, dice), takes: quick },
            Mood::Slow => {
                let takes = dice.span_ms(2 * SECOND, 40 * SECOND);
                Fate { given: self.carry_out(spends, now, dice), takes }
            }
            Mood::Dead => fail(Failure::not_now("unreachable", "nothing listens", "wait"), quick),
            Mood::Deaf => fail(lost(), late),
            Mood::Mute => Fate { given: self.carry_out(spends, now, dice), takes: late },
            Mood::Broken => fail(broken(), quick),
            Mood::BrokenAfter => {
                self.carry_out(spends, now, dice);
                fail(broken(), quick)
            }
            Mood::Busy(wait) => {
                let failure = Failure::not_now("busy", "too many requests", "wait");
                fail(failure.after(wait.map(Duration::from_millis)), quick)
            }
            Mood::Portal => {
                let failure = Failure::not_now("page", "a page instead of an answer", "look at it");
                fail(failure.perhaps(CarriedOut::Unclear), quick)
            }
            Mood::Odd => fail(Failure::doubtful("status", "status 418", "look at it"), quick),
            Mood::Refusing => fail(self.refusal(), quick),
        }
    }

    fn refusal(&self) -> Failure {
        if self.rotation.is_some() {
            // What the provider makes of `invalid_grant`.
            Failure::login_needed("invalid_grant", "the grant has ended", "log in")
        } else {
            Failure::no("refused", "wrong credentials", "mend them")
        }
    }

    /// The service knows best: does what is asked.
    fn carry_out(&mut self, spends: Option<usize>, now: u64, dice: &mut Dice) -> Given {
        if !self.renews {
            if self.tokens.is_empty() {
                self.add_token(u64::MAX, None);
            }
            return Given::Token { number: self.tokens.len() - 1, refresh: None };
        }
        let refresh = match (self.rotation, spends) {
            (Some(rotation), Some(spends)) => match self.spend(rotation, spends) {
                Some(refresh) => refresh,
                None => return Given::Failed(self.refusal()),
            },
            _ => None,
        };
        if self.repeats
            && let Some(last) = self.tokens.len().checked_sub(1).filter(|last| self.is_alive(*last, now))
        {
            let left = self.tokens[last].dies - now;
            self.tokens[last].told = self.tells(left);
            return Given::Token { number: last, refresh };
        }
        let life = if dice.one_in(50) { dice.span_ms(SECOND, self.life) } else { self.life };
        let told = self.tells(life);
        self.add_token(now.saturating_add(life), told);
        Given::Token { number: self.tokens.len() - 1, refresh }
    }

    fn add_token(&mut self, dies: u64, told: Option<Duration>) {
        self.tokens.push(Issued { dies, told, is_revoked: false });
    }

    fn tells(&self, life: u64) -> Option<Duration> {
        let told = match self.tells {
            Tells::Truth => life,
            Tells::Nothing => return None,
            Tells::Times(n) => life.saturating_mul(u64::from(n)),
            Tells::Share(n) => life / u64::from(n.max(1)),
            Tells::Absurd(ms) => ms,
        };
        // What the border makes of anything longer.
        Some(Duration::from_millis(told.min(3650 * DAY)))
    }

    /// Spends a refresh token: the next one, or a refusal.
    #[expect(clippy::option_option, reason = "a refusal, or perhaps a new refresh token")]
    fn spend(&mut self, rotation: Rotation, index: usize) -> Option<Option<usize>> {
        let grant = *self.grants.get(index)?;
        if self.dead_families.contains(&grant.family) {
            return None;
        }
        if grant.is_void {
            match rotation {
                Rotation::Grace if grant.graces == 0 => self.grants[index].graces = 1,
                Rotation::Family => {
                    self.dead_families.push(grant.family);
                    return None;
                }
                _ => return None,
            }
        }
        self.grants[index].spent += 1;
        if rotation == Rotation::Never {
            return Some(None);
        }
        self.grants[index].is_void = true;
        Some(Some(self.add_grant(grant.family)))
    }

    /// Whether a token lives.
    pub(super) fn probe(&self, number: usize, now: u64, dice: &mut Dice) -> (Result<Probe, Failure>, u64) {
        let takes = dice.span_ms(20, 2 * SECOND);
        match self.mood {
            Mood::Well | Mood::Slow | Mood::Refusing => {
                let left = self.tokens.get(number).map_or(0, |issued| issued.dies.saturating_sub(now));
                if left == 0 {
                    return (Ok(Probe::Dead), takes);
                }
                let told = dice.percent(50).then(|| Duration::from_millis(left));
                (Ok(Probe::Alive(told)), takes)
            }
            Mood::Dead | Mood::Deaf | Mood::Mute => (Err(lost()), takes),
            _ => (Ok(Probe::Unknown), takes),
        }
    }
}

/// What a client says of an answer that does not come.
pub(super) fn lost() -> Failure {
    Failure::not_now("timeout", "no answer", "wait").perhaps(CarriedOut::AnswerLost)
}

fn broken() -> Failure {
    Failure::not_now("status", "status 502", "wait").perhaps(CarriedOut::Unclear)
}

fn glitch(dice: &mut Dice) -> Mood {
    [Mood::Slow, Mood::Dead, Mood::Deaf, Mood::Mute, Mood::Broken, Mood::BrokenAfter, Mood::Busy(None)]
        [dice.below(7)]
}
