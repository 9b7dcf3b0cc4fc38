//! The life of an account, told as stories on a clock that is turned by hand.

#![expect(clippy::panic, reason = "a test that expected another answer fails with the answer")]

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokend_proto::Secret;
use tokend_proto::message::Code;

use super::*;
use crate::clock::{Moment, Steady, Wall};
use crate::provider::{Class, Failure, Minted, Presentation, Probe};

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
        let traits = Traits {
            account: "a".to_owned(),
            can_probe,
            renews,
            assumed_lifetime: None,
            variant: false,
            seed: 7,
        };
        let policy = policy(refresh);
        let now = Moment { wall: Wall(1_700_000_000_000), steady: Steady(1_000_000) };
        let mut story = Self {
            life: Life::new(traits, policy.clone()),
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
        let minted = Minted {
            fields: vec![("token".to_owned(), secret(token))],
            lifetime,
            scope: None,
            warnings: Vec::new(),
        };
        self.tell(Event::Minted { generation, requested: self.now, result: Ok(minted) });
    }

    fn fail(&mut self, class: Class) {
        self.fail_with(class, None);
    }

    fn fail_with(&mut self, class: Class, retry_after: Option<Duration>) {
        let generation = *self.mints.last().unwrap_or(&0);
        let failure = Failure {
            class,
            kind: "test",
            message: "it did not work".to_owned(),
            hint: "do something".to_owned(),
            retry_after,
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
                (token.fields[0].1.expose().as_str().unwrap_or_default().to_owned(), warnings.len())
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

fn policy(refresh: Refresh) -> Policy {
    Policy {
        min_valid: Duration::from_secs(60),
        refresh,
        assume_lifetime: None,
        presentation: Presentation::Header { scheme: "Bearer".to_owned() },
        request_scopes: Vec::new(),
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec()).unwrap_or_else(|_| panic!("too long"))
}

#[test]
fn an_eager_account_asks_before_anyone_does_and_an_on_demand_one_waits() {
    assert_eq!(Story::new(Refresh::Eager).mints, [1]);
    assert!(Story::new(Refresh::Auto).mints.is_empty());
    let mut on_demand = Story::new(Refresh::OnDemand);
    on_demand.ask();
    assert_eq!(on_demand.mints, [1]);
}

#[test]
fn many_callers_make_one_request_and_get_one_token() {
    let mut story = Story::new(Refresh::OnDemand);
    let callers: Vec<u64> = (0..200).map(|_| story.ask()).collect();
    story.mint("t1", Some(HOUR));
    assert_eq!(story.mints, [1]);
    for caller in callers {
        assert_eq!(story.token(caller), ("t1".to_owned(), 0));
    }
}

#[test]
fn a_refresh_comes_before_the_end_and_replaces_the_token() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    story.pass(Duration::from_secs(2600));
    assert_eq!(story.mints, [1]);
    story.pass(Duration::from_secs(500));
    assert_eq!(story.mints, [1, 2]);
    story.mint("t2", Some(HOUR));
    let caller = story.ask();
    assert_eq!(story.token(caller), ("t2".to_owned(), 0));
}

#[test]
fn a_failed_refresh_keeps_the_token_and_is_tried_again_with_growing_pauses() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    story.pass(Duration::from_secs(3100));
    story.fail(Class::NotNow);
    let caller = story.ask();
    assert_eq!(story.token(caller).0, "t1");
    for tries in 3..=5 {
        story.pass(Duration::from_secs(20));
        assert_eq!(story.mints.len(), tries);
        story.fail(Class::NotNow);
    }
    assert_eq!(story.life.snapshot(story.now, None).state, State::Waiting);
}

#[test]
fn a_dead_token_is_never_served() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(Duration::from_secs(8)));
    story.pass(Duration::from_secs(7));
    story.fail_with(Class::NotNow, Some(Duration::from_secs(60)));
    story.pass(Duration::from_secs(1));
    assert!(story.life.snapshot(story.now, None).token.is_none());
    let caller = story.ask();
    assert_eq!(story.code(caller), Code::NOT_NOW);
}

#[test]
fn retry_after_is_honoured_by_callers_and_by_the_schedule() {
    let mut story = Story::new(Refresh::Eager);
    story.fail_with(Class::NotNow, Some(Duration::from_secs(40)));
    for _ in 0..39 {
        story.pass(Duration::from_secs(1));
        let caller = story.ask_for(Need::Wish, Duration::from_millis(1));
        assert_eq!(story.code(caller), Code::NOT_NOW);
    }
    assert_eq!(story.mints, [1]);
    story.pass(Duration::from_secs(2));
    assert_eq!(story.mints, [1, 2]);
}

#[test]
fn a_short_token_is_waited_for_two_seconds_and_then_served_with_a_warning() {
    let mut story = Story::new(Refresh::OnDemand);
    story.ask();
    story.mint("t1", Some(HOUR));
    story.pass(Duration::from_secs(3570));
    let caller = story.ask();
    assert_eq!(story.mints, [1, 2]);
    story.pass(Duration::from_millis(1900));
    assert!(story.answer(caller).is_none());
    story.pass(Duration::from_millis(200));
    assert_eq!(story.token(caller), ("t1".to_owned(), 1));
    // The service hangs: whoever comes later does not wait for it again.
    let later = story.ask();
    assert_eq!(story.token(later), ("t1".to_owned(), 1));
    assert_eq!(story.mints, [1, 2]);
}

#[test]
fn tokens_shorter_than_the_wish_cost_one_request_each_not_one_per_call() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(Duration::from_secs(8)));
    for _ in 0..50 {
        story.pass(Duration::from_millis(100));
        let caller = story.ask();
        assert_eq!(story.token(caller), ("t1".to_owned(), 0));
    }
    assert_eq!(story.mints, [1]);
}

#[test]
fn a_demand_beyond_what_the_service_gives_fails_at_once_with_10() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    let caller = story.ask_for(Need::Demand(HOUR * 2), Duration::from_secs(30));
    assert_eq!(story.code(caller), Code::NEVER_THAT_LONG);
    assert_eq!(story.mints, [1]);
}

#[test]
fn a_demand_that_even_a_new_token_does_not_meet_asks_for_no_more_of_them() {
    let mut story = Story::new(Refresh::OnDemand);
    let caller = story.ask_for(Need::Demand(HOUR), Duration::from_secs(30));
    // Life counts from the request, and the answer takes its time.
    let (generation, requested) = (story.mints[0], story.now);
    story.pass(Duration::from_millis(5));
    let minted = Minted { lifetime: Some(HOUR), ..Minted::of(secret("t1")) };
    story.tell(Event::Minted { generation, requested, result: Ok(minted) });
    assert_eq!(story.code(caller), Code::NEVER_THAT_LONG);
    story.pass(Duration::from_secs(5));
    let caller = story.ask_for(Need::Demand(HOUR), Duration::from_secs(30));
    assert_eq!(story.code(caller), Code::NEVER_THAT_LONG);
    assert_eq!(story.mints, [1]);
}

#[test]
fn a_demand_that_the_service_can_meet_refreshes_and_fails_with_6_while_it_cannot() {
    let mut story = Story::new(Refresh::OnDemand);
    story.ask();
    story.mint("t1", Some(HOUR));
    story.pass(Duration::from_secs(1000));
    let caller = story.ask_for(Need::Demand(Duration::from_secs(3000)), Duration::from_secs(30));
    story.mint("t2", Some(HOUR));
    assert_eq!(story.token(caller).0, "t2");
    story.pass(Duration::from_secs(1000));
    let caller = story.ask_for(Need::Demand(Duration::from_secs(3000)), Duration::from_secs(30));
    story.fail_with(Class::NotNow, Some(Duration::from_secs(100)));
    assert_eq!(story.code(caller), Code::NOT_NOW);
    let content = story.ask();
    assert_eq!(story.token(content).0, "t2");
}

#[test]
fn an_unknown_expiry_satisfies_a_wish_and_fails_a_demand() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", None);
    story.pass(HOUR * 24 * 365);
    let content = story.ask();
    assert_eq!(story.token(content).0, "t1");
    let caller = story.ask_for(Need::Demand(Duration::from_secs(1)), Duration::from_secs(30));
    assert_eq!(story.code(caller), Code::NEVER_THAT_LONG);
    assert_eq!(story.mints, [1]);
}

#[test]
fn a_no_parks_the_account_and_nothing_but_a_person_asks_again() {
    let mut story = Story::new(Refresh::Eager);
    story.fail(Class::No);
    for _ in 0..10 {
        story.pass(HOUR);
        let caller = story.ask();
        assert_eq!(story.code(caller), Code::REFUSED);
    }
    assert_eq!(story.mints, [1]);
    let person = story.refresh();
    assert_eq!(story.mints, [1, 2]);
    story.fail(Class::No);
    assert_eq!(story.code(person), Code::REFUSED);
    story.tell(Event::Started);
    story.pass(Duration::from_secs(9));
    assert_eq!(story.mints.len(), 2, "a reload obeys the limit of forced refreshes");
    story.pass(Duration::from_secs(1));
    assert_eq!(story.mints.len(), 3);
    story.mint("t1", Some(HOUR));
    assert_eq!(story.life.snapshot(story.now, None).state, State::Fresh);
}

#[test]
fn a_parked_account_still_serves_the_token_it_has() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    story.pass(Duration::from_secs(3100));
    story.fail(Class::No);
    let caller = story.ask();
    assert_eq!(story.token(caller).0, "t1");
    story.pass(Duration::from_secs(500));
    let caller = story.ask();
    assert_eq!(story.code(caller), Code::REFUSED);
}

#[test]
fn another_4xx_counts_as_a_no_after_three_tries() {
    let mut story = Story::new(Refresh::Eager);
    for _ in 0..3 {
        story.fail(Class::Doubtful);
        story.pass(Duration::from_secs(10));
    }
    assert_eq!(story.mints.len(), 3);
    assert_eq!(story.life.snapshot(story.now, None).state, State::Parked);
}

#[test]
fn a_short_pause_is_waited_out_and_a_long_one_is_told() {
    let mut story = Story::new(Refresh::OnDemand);
    let caller = story.ask();
    story.fail(Class::NotNow);
    assert!(story.answer(caller).is_none());
    story.pass(Duration::from_millis(1300));
    assert_eq!(story.mints, [1, 2]);
    story.mint("t1", Some(HOUR));
    assert_eq!(story.token(caller).0, "t1");
}

#[test]
fn the_first_rejection_is_honoured_and_the_next_get_brings_another() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    story.reject("t1");
    assert_eq!(story.mints, [1, 2]);
    let caller = story.ask();
    story.mint("t2", Some(HOUR));
    assert_eq!(story.token(caller).0, "t2");
    story.reject("t1");
    let caller = story.ask();
    assert_eq!(story.token(caller).0, "t2", "a token that was replaced can be rejected again and again");
}

#[test]
fn a_caller_that_rejects_every_token_makes_no_hammer() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    for round in 1..=100 {
        story.reject(&format!("t{}", story.mints.len()));
        story.pass(Duration::from_millis(100));
        let caller = story.ask_for(Need::Wish, Duration::from_millis(10));
        if story.mints.len() == 2 && round == 1 {
            story.mint("t2", Some(HOUR));
        }
        let _ = story.answer(caller);
    }
    assert_eq!(story.mints.len(), 2, "one at first, one free");
    story.pass(Duration::from_secs(1));
    assert_eq!(story.mints.len(), 3, "and one after the first pause of ten seconds");
}

#[test]
fn where_the_service_can_say_a_later_rejection_of_a_live_token_is_not_honoured() {
    let mut story = Story::with(Refresh::Eager, true, true);
    story.mint("t1", Some(HOUR));
    story.reject("t1");
    story.mint("t2", Some(HOUR));
    story.reject("t2");
    assert_eq!(story.probes.len(), 1);
    let caller = story.ask();
    story.probe(Probe::Alive(None));
    assert_eq!(story.token(caller).0, "t2");
    for _ in 0..50 {
        story.reject("t2");
        let caller = story.ask();
        assert_eq!(story.token(caller).0, "t2");
    }
    assert_eq!((story.mints.len(), story.probes.len()), (2, 1));
}

#[test]
fn where_the_service_calls_it_dead_a_later_rejection_is_honoured_and_waits() {
    let mut story = Story::with(Refresh::Eager, true, true);
    story.mint("t1", Some(HOUR));
    story.reject("t1");
    story.mint("t2", Some(HOUR));
    story.reject("t2");
    story.probe(Probe::Dead);
    let caller = story.ask();
    assert_eq!(story.code(caller), Code::NOT_NOW);
    assert_eq!(story.mints.len(), 2);
    story.pass(Duration::from_secs(10));
    assert_eq!(story.mints.len(), 3);
}

#[test]
fn a_rejected_token_that_the_service_gives_again_is_not_served() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    story.reject("t1");
    story.mint("t1", Some(HOUR));
    assert!(story.life.snapshot(story.now, None).token.is_none());
    let mut only = Story::with(Refresh::Eager, false, false);
    only.mint("t1", None);
    only.reject("t1");
    only.mint("t1", None);
    let caller = only.ask();
    assert_eq!(only.code(caller), Code::REFUSED);
}

#[test]
fn a_forced_refresh_is_free_once_and_then_limited() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    let first = story.refresh();
    story.mint("t2", Some(HOUR));
    assert_eq!(story.token(first).0, "t2");
    for _ in 0..20 {
        let again = story.refresh();
        assert_eq!(story.code(again), Code::NOT_NOW);
    }
    assert_eq!(story.mints.len(), 2);
    story.pass(Duration::from_secs(10));
    story.refresh();
    assert_eq!(story.mints.len(), 3);
}

#[test]
fn a_demand_for_nearly_a_whole_lifetime_is_no_hammer() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    let demand = Need::Demand(HOUR.saturating_sub(Duration::from_millis(500)));
    for _ in 0..600 {
        story.pass(Duration::from_millis(100));
        let caller = story.ask_for(demand, Duration::from_millis(10));
        let _ = story.answer(caller);
    }
    assert_eq!(story.mints.len(), 2);
}

#[test]
fn tokens_of_a_second_are_not_renewed_each_second_while_nobody_asks() {
    let mut story = Story::new(Refresh::Eager);
    for _ in 0..60 {
        let token = format!("t{}", story.mints.len());
        story.mint(&token, Some(Duration::from_secs(1)));
        story.pass(Duration::from_secs(1));
    }
    assert!(story.mints.len() <= 7, "{:?}", story.mints);
    story.mint("last", Some(Duration::from_secs(1)));
    story.pass(Duration::from_secs(2));
    let before = story.mints.len();
    story.ask();
    assert_eq!(story.mints.len(), before + 1, "whoever asks gets one");
}

#[test]
fn a_variant_is_no_way_around_a_no_or_a_retry_after() {
    for refused in [true, false] {
        let mut story = Story::new(Refresh::Eager);
        if refused {
            story.fail(Class::No);
        } else {
            story.fail_with(Class::NotNow, Some(Duration::from_secs(600)));
        }
        let mut variant = Story::new(Refresh::OnDemand);
        variant.life.inherit(&story.life);
        let caller = variant.ask();
        assert_eq!(variant.code(caller), if refused { Code::REFUSED } else { Code::NOT_NOW });
        assert!(variant.mints.is_empty());
    }
}

#[test]
fn a_secret_that_cannot_be_had_costs_no_refresh() {
    let mut story = Story::new(Refresh::Eager);
    story.fail(Class::Source);
    for tries in 2..6 {
        let person = story.refresh();
        assert_eq!(story.mints.len(), tries);
        story.fail(Class::Source);
        assert_eq!(story.code(person), Code::REFUSED);
    }
}

#[test]
fn whoever_looks_is_told_that_rejections_make_it_wait() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    story.reject("t1");
    story.mint("t2", Some(HOUR));
    story.reject("t2");
    let snapshot = story.life.snapshot(story.now, None);
    assert_eq!(snapshot.state, State::Waiting);
    assert_eq!(snapshot.trouble.map(|trouble| trouble.failure.kind), Some("rejected-too-often"));
    assert_eq!(snapshot.next_refresh, Some(story.now.steady.after(Duration::from_secs(10))));
}

#[test]
fn a_forced_refresh_that_failed_is_tried_again_when_it_says_so() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    let person = story.refresh();
    story.fail(Class::NotNow);
    let Some(Reply::Failure(failure)) = story.answer(person) else { panic!("expected a failure") };
    let next = Duration::from_millis(failure.next_try_in_ms.unwrap_or_default());
    assert_eq!(story.life.snapshot(story.now, None).next_refresh, Some(story.now.steady.after(next)));
    story.pass(next);
    assert_eq!(story.mints.len(), 3);
}

#[test]
fn an_auto_account_sleeps_after_three_unused_lifetimes() {
    let mut story = Story::new(Refresh::Auto);
    story.ask();
    for _ in 0..20 {
        let token = format!("t{}", story.mints.len());
        story.mint(&token, Some(Duration::from_secs(100)));
        story.pass(Duration::from_secs(50));
    }
    assert!(story.mints.len() <= 5, "{:?}", story.mints);
    assert_eq!(story.life.snapshot(story.now, story.used).state, State::Idle);
    let before = story.mints.len();
    story.ask();
    assert_eq!(story.mints.len(), before + 1);
}

#[test]
fn a_late_answer_to_an_old_question_changes_nothing() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    let minted = Minted {
        fields: vec![("token".to_owned(), secret("stale"))],
        lifetime: Some(HOUR),
        scope: None,
        warnings: Vec::new(),
    };
    story.tell(Event::Minted { generation: 1, requested: story.now, result: Ok(minted) });
    let caller = story.ask();
    assert_eq!(story.token(caller).0, "t1");
}

#[test]
fn a_caller_whose_time_is_over_gets_6_and_the_request_goes_on_for_others() {
    let mut story = Story::new(Refresh::OnDemand);
    let impatient = story.ask_for(Need::Wish, Duration::from_secs(1));
    let patient = story.ask();
    story.pass(Duration::from_secs(5));
    assert_eq!(story.code(impatient), Code::NOT_NOW);
    story.mint("t1", Some(HOUR));
    assert_eq!(story.token(patient).0, "t1");
    assert_eq!(story.mints, [1]);
}

#[test]
fn a_wall_clock_set_forward_does_not_serve_what_it_calls_dead() {
    let mut story = Story::new(Refresh::OnDemand);
    story.ask();
    story.mint("t1", Some(HOUR));
    story.now.wall = story.now.wall.after(HOUR * 2);
    story.ask();
    assert_eq!(story.mints.len(), 1, "the smallest gap");
    story.pass(Duration::from_secs(1));
    assert_eq!(story.mints.len(), 2);
}

#[test]
fn where_the_clocks_disagree_and_refreshing_fails_what_one_calls_alive_is_served_with_a_warning() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    story.pass(Duration::from_secs(10));
    story.now.wall = story.now.wall.after(HOUR * 2);
    let caller = story.ask();
    assert_eq!(story.mints.len(), 2);
    story.fail_with(Class::NotNow, Some(HOUR));
    assert_eq!(story.token(caller), ("t1".to_owned(), 1));
    // And set back: nothing was lost.
    story.now.wall = Wall(story.now.wall.0 - 7_200_000);
    let caller = story.ask();
    assert_eq!(story.token(caller), ("t1".to_owned(), 0));
    story.pass(HOUR);
    let caller = story.ask();
    assert!(story.answer(caller).is_none_or(|reply| matches!(reply, Reply::Failure(_))));
}

#[test]
fn rejections_undo_neither_a_no_nor_a_retry_after() {
    for class in [Class::No, Class::NotNow] {
        let mut story = Story::new(Refresh::Eager);
        story.mint("t1", Some(HOUR));
        story.reject("t1");
        story.mint("t2", Some(HOUR));
        story.pass(Duration::from_secs(300));
        story.refresh();
        story.fail_with(class, Some(HOUR));
        story.reject("t2");
        let before = story.mints.len();
        story.pass(Duration::from_secs(1800));
        story.ask();
        assert_eq!(story.mints.len(), before);
    }
}

#[test]
fn a_lifetime_that_is_assumed_anew_counts_for_the_token_in_hand() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", None);
    let mut policy = story.policy();
    policy.assume_lifetime = Some(HOUR);
    story.tell(Event::Kept(policy));
    story.pass(Duration::from_secs(3100));
    assert_eq!(story.mints.len(), 2);
    let mut told = Story::new(Refresh::Eager);
    told.mint("t1", Some(HOUR * 10));
    let mut policy = told.policy();
    policy.assume_lifetime = Some(HOUR);
    told.tell(Event::Kept(policy));
    told.pass(Duration::from_secs(3100));
    assert_eq!(told.mints.len(), 1, "what the service says counts more");
}

#[test]
fn a_service_that_once_gave_more_may_give_more_again() {
    let mut story = Story::new(Refresh::OnDemand);
    story.ask();
    story.mint("t1", Some(HOUR));
    story.pass(HOUR);
    story.ask();
    story.mint("t2", Some(Duration::from_secs(300)));
    story.pass(Duration::from_secs(61));
    let caller = story.ask_for(Need::Demand(HOUR / 2), Duration::from_secs(30));
    assert_eq!(story.mints.len(), 3);
    story.mint("t3", Some(HOUR));
    assert_eq!(story.token(caller).0, "t3");
}

#[test]
fn a_token_that_dies_of_age_while_the_service_is_asked_is_no_rejection() {
    let mut story = Story::with(Refresh::Eager, true, true);
    story.mint("t1", Some(HOUR));
    story.reject("t1");
    story.mint("t2", Some(Duration::from_secs(60)));
    story.reject("t2");
    story.pass(Duration::from_secs(61));
    story.probe(Probe::Dead);
    assert_eq!(story.mints.len(), 3, "and the next one is asked for at once");
}
