//! The life of an account, told as stories on a clock that is turned by hand.

#![expect(clippy::panic, reason = "a test that expected another answer fails with the answer")]

mod clocks;
mod holding;
mod outage;
mod refreshing;
mod refusing;
mod schedule;

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokend_proto::Secret;
use tokend_proto::message::Code;

use super::*;
use crate::clock::{Moment, Steady, Wall};
use crate::provider::{CarriedOut, Class, Failure, Minted, Presentation, Probe};

const HOUR: Duration = Duration::from_secs(3600);

/// A life, its clock, and what it asked for so far.
struct Story {
    life: Life,
    policy: Policy,
    now: Moment,
    used: Option<Steady>,
    waiters: u64,
    mints: Vec<u64>,
    probes: Vec<u64>,
    answers: Vec<(u64, Reply)>,
}

impl Story {
    fn new(refresh: Refresh) -> Self {
        Self::with(refresh, false, true)
    }

    fn with(refresh: Refresh, can_probe: bool, renews: bool) -> Self {
        Self::of(traits(can_probe, renews), refresh)
    }

    fn of(traits: Traits, refresh: Refresh) -> Self {
        let policy = policy(refresh);
        Self::begun(Life::new(traits, policy.clone()), policy)
    }

    fn begun(life: Life, policy: Policy) -> Self {
        let now = Moment { wall: Wall(1_700_000_000_000), steady: Steady(1_000_000_000) };
        let mut story = Self {
            life,
            policy,
            now,
            used: None,
            waiters: 0,
            mints: Vec::new(),
            probes: Vec::new(),
            answers: Vec::new(),
        };
        story.tell(Event::Started);
        story
    }

    /// How it is kept.
    fn policy(&self) -> Policy {
        self.policy.clone()
    }

    fn tell(&mut self, event: Event) {
        for effect in self.life.handle(event, self.now, self.used) {
            match effect {
                Effect::Mint { generation } => self.mints.push(generation),
                Effect::Probe { generation, .. } => self.probes.push(generation),
                Effect::Answer(waiter, reply) => self.answers.push((waiter, reply)),
            }
        }
    }

    /// Lets time pass, stopping at each deadline as the keeper does.
    fn pass(&mut self, span: Duration) {
        let end = self.now.steady.after(span);
        while let Some(at) = self.life.deadline(self.now, self.used).filter(|at| *at <= end) {
            self.now = self.now.after(self.now.steady.until(at));
            self.tell(Event::Tick);
        }
        self.now = self.now.after(self.now.steady.until(end));
        self.tell(Event::Tick);
    }

    fn ask_for(&mut self, need: Need, wait: Duration) -> u64 {
        self.waiters += 1;
        self.used = Some(self.now.steady);
        let ask = Ask { waiter: self.waiters, need, deadline: self.now.steady.after(wait) };
        self.tell(Event::Asked(ask));
        self.waiters
    }

    fn ask(&mut self) -> u64 {
        self.ask_for(Need::Wish, Duration::from_secs(30))
    }

    fn refresh(&mut self) -> u64 {
        self.waiters += 1;
        let deadline = self.now.steady.after(Duration::from_secs(30));
        self.tell(Event::Refresh(Ask { waiter: self.waiters, need: Need::Wish, deadline }));
        self.waiters
    }

    fn mint(&mut self, token: &str, lifetime: Option<Duration>) {
        let generation = *self.mints.last().unwrap_or(&0);
        let minted = Minted { lifetime, ..Minted::of(secret(token)) };
        self.tell(Event::Minted { generation, requested: self.now, result: Ok(minted) });
    }

    fn fail(&mut self, class: Class) {
        self.fail_with(class, None);
    }

    fn fail_with(&mut self, class: Class, retry_after: Option<Duration>) {
        self.fail_as(class, retry_after, CarriedOut::No);
    }

    /// Whether the request was carried out is told, too.
    fn fail_as(&mut self, class: Class, retry_after: Option<Duration>, carried_out: CarriedOut) {
        let generation = *self.mints.last().unwrap_or(&0);
        let failure = Failure {
            class,
            kind: "test",
            message: "it did not work".to_owned(),
            hint: "do something".to_owned(),
            retry_after,
            carried_out,
            rotated: None,
        };
        self.tell(Event::Minted { generation, requested: self.now, result: Err(failure) });
    }

    fn reject(&mut self, token: &str) {
        self.tell(Event::Rejected(Sha256::digest(token.as_bytes()).into()));
    }

    fn probe(&mut self, probe: Probe) {
        let generation = *self.probes.last().unwrap_or(&0);
        self.tell(Event::Probed { generation, result: Ok(probe) });
    }

    fn answer(&mut self, waiter: u64) -> Option<Reply> {
        let index = self.answers.iter().position(|(id, _)| *id == waiter)?;
        Some(self.answers.swap_remove(index).1)
    }

    /// The token that this caller got, and how many warnings with it.
    fn token(&mut self, waiter: u64) -> (String, usize) {
        match self.answer(waiter) {
            Some(Reply::Token(token, warnings)) => {
                (String::from_utf8_lossy(&token.fields[0].1.expose()).into_owned(), warnings.len())
            }
            other => panic!("expected a token, got {other:?}"),
        }
    }

    fn code(&mut self, waiter: u64) -> Code {
        match self.answer(waiter) {
            Some(Reply::Failure(failure)) => failure.code,
            other => panic!("expected a failure, got {other:?}"),
        }
    }
}

fn traits(can_probe: bool, renews: bool) -> Traits {
    Traits { account: "a".to_owned(), can_probe, renews, assumed_lifetime: None, variant: false, seed: 7 }
}

fn policy(refresh: Refresh) -> Policy {
    Policy {
        min_valid: Duration::from_secs(60),
        refresh,
        assume_lifetime: None,
        presentation: Presentation::Header { scheme: "Bearer".to_owned() },
        request_scopes: Vec::new(),
        lock: true,
        exclusive: false,
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec()).unwrap_or_else(|_| panic!("too long"))
}
