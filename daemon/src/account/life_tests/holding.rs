//! What an earlier run of the daemon left, and what a lock takes away.

use super::*;
use crate::account::token::Token;

fn restoring(can_probe: bool) -> Story {
    let policy = policy(Refresh::Eager);
    Story::begun(Life::new(traits(can_probe, true), policy.clone()).restoring(), policy)
}

impl Story {
    /// A token that was kept, `age` ago.
    pub(super) fn kept(&self, age: Duration, in_doubt: bool) -> Restored {
        let age = u64::try_from(age.as_millis()).unwrap_or_default();
        let requested = Moment {
            wall: Wall(self.now.wall.0 - i64::try_from(age).unwrap_or_default()),
            steady: Steady(self.now.steady.0.saturating_sub(age)),
        };
        let token = Token {
            fields: vec![("token".to_owned(), secret("kept"))],
            sha256: Sha256::digest(b"kept").into(),
            scope: None,
            warnings: Vec::new(),
            requested,
            received: requested,
            lifetime: Some(HOUR),
            is_assumed: false,
            generation: 99,
        };
        Restored { token, in_doubt, clock_was_set_back: false }
    }

    fn state(&self) -> State {
        self.life.snapshot(self.now, self.used).state
    }

    fn fail_locked(&mut self) {
        let generation = *self.mints.last().unwrap_or(&0);
        self.tell(Event::Minted { generation, requested: self.now, result: Err(Failure::locked()) });
    }
}

#[test]
fn a_kept_token_that_lives_is_served_and_costs_no_request() {
    let mut story = restoring(false);
    let caller = story.ask();
    assert!(story.mints.is_empty() && story.answer(caller).is_none(), "first it is read");
    let kept = story.kept(Duration::from_secs(900), false);
    story.tell(Event::Restored(Some(kept)));
    assert_eq!(story.token(caller), ("kept".to_owned(), 0));
    assert!(story.mints.is_empty());
    story.pass(Duration::from_secs(2300));
    assert_eq!(story.mints.len(), 1, "it is refreshed ahead of its end as any other");
}

#[test]
fn without_a_kept_token_the_service_is_asked_at_once() {
    let mut story = restoring(false);
    story.tell(Event::Restored(None));
    assert_eq!(story.mints, [1]);
    let mut story = restoring(false);
    let kept = story.kept(HOUR, false);
    story.tell(Event::Restored(Some(kept)));
    assert_eq!(story.mints, [1], "a dead one is none");
}

#[test]
fn a_caller_does_not_wait_longer_for_the_disk_than_it_says() {
    let mut story = restoring(false);
    let caller = story.ask_for(Need::Wish, Duration::from_secs(5));
    story.pass(Duration::from_secs(5));
    assert_eq!(story.code(caller), Code::NOT_NOW);
}

#[test]
fn a_kept_token_in_doubt_is_served_after_the_service_called_it_alive() {
    let mut story = restoring(true);
    let caller = story.ask();
    let kept = story.kept(Duration::from_secs(900), true);
    story.tell(Event::Restored(Some(kept)));
    assert_eq!((story.probes.len(), story.mints.len()), (1, 0));
    assert!(story.answer(caller).is_none());
    story.probe(Probe::Alive(None));
    assert_eq!(story.token(caller).0, "kept");
    // Nobody rejected it: the first rejection is still free.
    story.reject("kept");
    assert_eq!(story.mints.len(), 1);
}

#[test]
fn a_kept_token_in_doubt_that_the_service_calls_dead_is_replaced_at_once() {
    let mut story = restoring(true);
    let kept = story.kept(Duration::from_secs(900), true);
    story.tell(Event::Restored(Some(kept)));
    story.probe(Probe::Dead);
    assert_eq!(story.mints.len(), 1);
}

#[test]
fn a_kept_token_in_doubt_is_served_where_nobody_can_say() {
    let mut story = restoring(true);
    let kept = story.kept(Duration::from_secs(900), true);
    story.tell(Event::Restored(Some(kept)));
    story.probe(Probe::Unknown);
    let caller = story.ask();
    assert_eq!((story.token(caller).0.as_str(), story.mints.len()), ("kept", 0));
}

#[test]
fn nobody_knows_how_old_a_token_is_once_the_clock_was_set_back_over_a_restart() {
    let set_back = |story: &Story| Restored { clock_was_set_back: true, ..story.kept(Duration::ZERO, true) };
    let mut story = restoring(false);
    let kept = set_back(&story);
    story.tell(Event::Restored(Some(kept)));
    assert_eq!(story.mints.len(), 1, "a new one costs one request");
    let mut story = restoring(true);
    let kept = set_back(&story);
    story.tell(Event::Restored(Some(kept)));
    assert_eq!((story.probes.len(), story.mints.len()), (1, 0), "who can say is asked");
}

#[test]
fn a_lock_forgets_the_token_answers_who_waits_and_asks_for_nothing() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    let waits = story.refresh();
    story.tell(Event::Locked);
    assert_eq!(story.code(waits), Code::LOCKED);
    assert_eq!(story.state(), State::Locked);
    assert!(story.life.token_to_keep().is_none());
    let before = story.mints.len();
    for caller in [story.ask(), story.refresh()] {
        assert_eq!(story.code(caller), Code::LOCKED);
    }
    story.pass(HOUR);
    assert_eq!(story.mints.len(), before);
    // The answer to what was cancelled comes too late.
    story.mint("late", Some(HOUR));
    let caller = story.ask();
    assert_eq!(story.code(caller), Code::LOCKED);
}

#[test]
fn an_unlock_reads_what_was_kept_first() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    story.tell(Event::Locked);
    story.tell(Event::Unlocked { restoring: true });
    let caller = story.ask();
    let kept = story.kept(Duration::from_secs(60), false);
    story.tell(Event::Restored(Some(kept)));
    assert_eq!(story.token(caller).0, "kept");
    assert_eq!(story.mints, [1]);
}

#[test]
fn what_was_kept_is_not_served_once_it_is_locked() {
    let mut story = restoring(false);
    story.tell(Event::Locked);
    let kept = story.kept(Duration::from_secs(60), false);
    story.tell(Event::Restored(Some(kept)));
    let caller = story.ask();
    assert_eq!(story.code(caller), Code::LOCKED);
}

#[test]
fn a_locked_store_is_not_asked_again_and_again_and_an_unlock_goes_on() {
    let mut story = Story::new(Refresh::Eager);
    story.fail_locked();
    assert_eq!(story.state(), State::Locked);
    let caller = story.ask();
    assert_eq!(story.code(caller), Code::LOCKED);
    story.pass(HOUR);
    assert_eq!(story.mints.len(), 1);
    story.tell(Event::Unlocked { restoring: false });
    assert_eq!(story.mints.len(), 2);
}

#[test]
fn a_token_in_hand_is_served_on_while_the_store_is_locked() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    story.pass(Duration::from_secs(3100));
    story.fail_locked();
    assert_eq!(story.state(), State::Fresh);
    let caller = story.ask();
    assert_eq!(story.token(caller).0, "t1");
    story.pass(Duration::from_secs(600));
    assert_eq!(story.state(), State::Locked);
    let caller = story.ask();
    assert_eq!(story.code(caller), Code::LOCKED);
}

#[test]
fn what_a_service_refused_stays_refused_over_a_lock() {
    let mut story = Story::new(Refresh::Eager);
    story.fail(Class::No);
    story.tell(Event::Locked);
    story.tell(Event::Unlocked { restoring: false });
    story.pass(HOUR);
    assert_eq!(story.mints.len(), 1);
    let caller = story.ask();
    assert_eq!(story.code(caller), Code::REFUSED);
}

#[test]
fn a_lock_and_an_unlock_are_no_way_around_the_limits_of_rejections() {
    let mut story = Story::new(Refresh::Eager);
    for round in 0..4 {
        story.mint(&format!("t{round}"), Some(HOUR));
        story.reject(&format!("t{round}"));
        story.tell(Event::Locked);
        story.tell(Event::Unlocked { restoring: false });
        story.pass(Duration::from_secs(1));
    }
    assert!(story.mints.len() <= 3, "{:?}", story.mints);
}

#[test]
fn a_token_that_is_rejected_before_it_is_read_from_the_disk_is_not_served() {
    let mut story = restoring(false);
    story.reject("kept");
    let kept = story.kept(Duration::from_secs(60), false);
    story.tell(Event::Restored(Some(kept)));
    let caller = story.ask();
    assert!(story.answer(caller).is_none());
    story.mint("t1", Some(HOUR));
    assert_eq!(story.token(caller).0, "t1");
}

#[test]
fn a_second_rejection_is_not_forgotten_over_a_lock() {
    let mut story = Story::with(Refresh::Eager, true, true);
    story.mint("t1", Some(HOUR));
    story.reject("t1");
    story.mint("kept", Some(HOUR));
    story.reject("kept");
    story.tell(Event::Locked);
    story.tell(Event::Unlocked { restoring: true });
    let kept = story.kept(Duration::from_secs(60), false);
    story.tell(Event::Restored(Some(kept)));
    let caller = story.ask();
    assert_eq!(story.code(caller), Code::NOT_NOW, "the service is asked first, when that is due");
}

#[test]
fn a_lifetime_that_is_assumed_otherwise_over_a_restart_counts() {
    let mut policy = policy(Refresh::Eager);
    policy.assume_lifetime = Some(Duration::from_secs(600));
    let mut story = Story::begun(Life::new(traits(false, true), policy.clone()).restoring(), policy);
    let mut kept = story.kept(Duration::from_secs(900), false);
    kept.token.is_assumed = true;
    story.tell(Event::Restored(Some(kept)));
    let caller = story.ask();
    assert!(story.answer(caller).is_none(), "it is dead by now");
    assert_eq!(story.mints.len(), 1);
}

#[test]
fn what_the_service_says_of_a_kept_tokens_life_counts() {
    let mut story = restoring(true);
    let kept = story.kept(Duration::from_secs(60), true);
    story.tell(Event::Restored(Some(kept)));
    story.probe(Probe::Alive(Some(Duration::from_secs(300))));
    story.pass(Duration::from_secs(310));
    assert_eq!(story.mints.len(), 1);
    let caller = story.ask_for(Need::Wish, Duration::from_secs(1));
    story.pass(Duration::from_secs(1));
    assert_eq!(story.code(caller), Code::NOT_NOW, "it is not served beyond its end");
}

#[test]
fn locks_and_unlocks_in_a_row_do_not_ask_a_hanging_service_each_time() {
    let mut story = Story::new(Refresh::Eager);
    for _ in 0..30 {
        story.tell(Event::Locked);
        story.tell(Event::Unlocked { restoring: false });
        story.pass(Duration::from_secs(1));
    }
    assert!(story.mints.len() <= 6, "{:?}", story.mints);
}
