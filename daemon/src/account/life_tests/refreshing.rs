//! Fresh before anyone asks, and in time for whoever does.

use super::*;

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
fn what_spares_a_token_waits_for_its_end_and_no_longer_than_it_is_there() {
    let in_doubt = |story: &mut Story| {
        story.fail_as(Class::NotNow, Some(8 * HOUR), CarriedOut::AnswerLost);
        story.mints.len()
    };
    // The token in hand is another life's: this one asks again as after any failure.
    let mut story = Story::new(Refresh::Eager);
    let before = in_doubt(&mut story);
    story.pass(Duration::from_secs(10));
    assert!(story.mints.len() > before);

    // It is its own: nothing is asked for until its end, unless it is rejected before.
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(8 * HOUR));
    story.pass(7 * HOUR);
    let before = in_doubt(&mut story);
    story.pass(Duration::from_secs(600));
    assert_eq!(story.mints.len(), before);
    story.reject("t1");
    assert_eq!(story.mints.len(), before + 1);

    // Nor longer than its own end, if another life's token lives on.
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(2 * HOUR));
    story.pass(Duration::from_secs(6600));
    let before = in_doubt(&mut story);
    story.pass(Duration::from_secs(590));
    assert_eq!(story.mints.len(), before);
    story.pass(Duration::from_secs(20));
    assert!(story.mints.len() > before);
}
