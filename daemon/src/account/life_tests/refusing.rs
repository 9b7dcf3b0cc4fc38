//! What services and callers refuse, and how often they are asked again.

use super::*;

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
    let minted = Minted { lifetime: Some(HOUR), ..Minted::of(secret("stale")) };
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
