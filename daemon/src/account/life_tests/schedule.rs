//! When the next refresh is, as status shows it; accounts whose new token kills the old; crowds.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// When status says that the next refresh is.
fn next(story: &Story) -> Option<Duration> {
    let at = story.life.snapshot(story.now, story.used).next_refresh?;
    Some(story.now.steady.until(at))
}

fn state(story: &Story) -> State {
    story.life.snapshot(story.now, story.used).state
}

fn exclusive(refresh: Refresh) -> Story {
    let policy = Policy { exclusive: true, ..policy(refresh) };
    Story::begun(Life::new(traits(true, true), policy.clone()), policy)
}

/// The reason and the pause that a caller is told.
fn failure(story: &mut Story, caller: u64) -> (String, Option<u64>) {
    match story.answer(caller) {
        Some(Reply::Failure(failure)) => (failure.kind, failure.next_try_in_ms),
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[test]
fn status_says_when_the_next_refresh_is_in_each_state() {
    let mut story = Story::new(Refresh::Eager);
    assert_eq!((state(&story), next(&story)), (State::Refreshing, None));
    story.mint("t1", Some(HOUR));
    let due = next(&story).unwrap_or_default();
    assert!(state(&story) == State::Fresh && due >= MINUTE * 45 && due <= MINUTE * 51);
    story.pass(due);
    assert_eq!((state(&story), next(&story), story.mints.len()), (State::Refreshing, None, 2));
    story.fail_with(Class::NotNow, Some(MINUTE));
    assert_eq!((state(&story), next(&story)), (State::Waiting, Some(MINUTE)));
    story.pass(MINUTE);
    assert_eq!(story.mints.len(), 3);
    story.fail(Class::No);
    assert_eq!((state(&story), next(&story)), (State::Parked, None));

    let mut story = Story::new(Refresh::OnDemand);
    assert_eq!((state(&story), next(&story)), (State::Idle, None));
    story.ask();
    story.mint("t1", Some(HOUR));
    assert_eq!((state(&story), next(&story)), (State::Fresh, None));

    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", None);
    assert_eq!((state(&story), next(&story)), (State::Fresh, None));
}

#[test]
fn a_token_under_suspicion_shows_when_the_service_is_asked_about_it() {
    let mut story = Story::with(Refresh::Eager, true, true);
    story.mint("t1", Some(HOUR));
    story.reject("t1");
    story.pass(Duration::from_secs(1));
    story.mint("t2", Some(HOUR));
    story.reject("t2");
    story.probe(Probe::Alive(None));
    story.pass(Duration::from_secs(1));
    story.refresh();
    story.mint("t3", Some(HOUR));
    story.reject("t3");
    assert_eq!((state(&story), next(&story)), (State::Waiting, Some(Duration::from_secs(9))));
    let due = next(&story).unwrap_or_default();
    let probes = story.probes.len();
    story.pass(due);
    assert_eq!(story.probes.len(), probes + 1);
}

#[test]
fn an_exclusive_account_is_refreshed_when_exactly_the_wish_is_left() {
    let mut story = exclusive(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    assert_eq!(next(&story), Some(MINUTE * 59));
    story.pass(Duration::from_millis(59 * 60_000 - 1));
    let caller = story.ask();
    assert_eq!((story.token(caller).0, story.mints.len()), ("t1".to_owned(), 1));
    story.pass(Duration::from_millis(1));
    assert_eq!(story.mints.len(), 2);
    story.fail(Class::NotNow);
    story.pass(Duration::from_secs(1));
    assert_eq!(story.mints.len(), 3);
}

#[test]
fn no_caller_of_an_exclusive_account_kills_the_token_of_the_others() {
    for refresh in [Refresh::Eager, Refresh::OnDemand] {
        let mut story = exclusive(refresh);
        story.ask();
        story.mint("t1", Some(HOUR));
        story.pass(MINUTE * 30);
        let caller = story.ask_for(Need::Demand(MINUTE * 20), MINUTE);
        assert_eq!(story.token(caller).0, "t1");
        let caller = story.ask_for(Need::Demand(MINUTE * 40), MINUTE);
        let (kind, next_try) = failure(&mut story, caller);
        assert_eq!((kind.as_str(), next_try), ("exclusive", Some(29 * 60 * 1000)));
        let caller = story.ask_for(Need::Demand(HOUR * 2), MINUTE);
        assert_eq!(story.code(caller), Code::NEVER_THAT_LONG);
        assert_eq!(story.mints.len(), 1);
        // A person may.
        let caller = story.refresh();
        assert_eq!(story.mints.len(), 2);
        story.fail(Class::NotNow);
        assert_eq!(story.code(caller), Code::NOT_NOW);
        // What the person asked for failed; nobody else asks for it while the old one is good.
        story.pass(MINUTE * 28);
        assert_eq!((story.mints.len(), state(&story)), (2, State::Waiting));
        // Who rejects it may, too.
        story.reject("t1");
        story.ask();
        assert_eq!(story.mints.len(), 3);
    }
}

#[test]
fn an_account_that_becomes_exclusive_keeps_its_token_and_waits() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR));
    let usual = next(&story);
    story.tell(Event::Kept(Policy { exclusive: true, ..story.policy() }));
    assert_eq!(next(&story), Some(MINUTE * 59));
    // And back: what was drawn for this token still counts, however often the configuration is read.
    story.tell(Event::Kept(story.policy()));
    assert_eq!(next(&story), usual);
}

#[test]
fn those_that_were_minted_in_a_crowd_are_not_refreshed_in_one() {
    let mut minutes = [0_usize; 60];
    for seed in 0..1000 {
        let mut story = Story::of(Traits { seed, ..traits(false, true) }, Refresh::Eager);
        story.tell(Event::Turn { generation: 1, crowd: Some(MINUTE * 10) });
        story.mint("t1", Some(HOUR));
        let due = next(&story).unwrap_or_default();
        minutes[usize::try_from(due.as_secs() / 60).unwrap_or_default()] += 1;
        story.pass(due);
        story.mint("t2", Some(HOUR));
        // The next one is as usual again.
        assert!(next(&story).is_some_and(|due| due >= MINUTE * 45));
    }
    assert_eq!(minutes[..10].iter().chain(&minutes[51..]).sum::<usize>(), 0);
    assert!(minutes[10..51].iter().all(|count| (5..=60).contains(count)), "{minutes:?}");
}

#[test]
fn an_attempt_that_waited_for_its_turn_began_when_that_came() {
    let mut story = Story::new(Refresh::Eager);
    story.pass(MINUTE);
    story.tell(Event::Turn { generation: 1, crowd: None });
    story.mint("t1", Some(Duration::from_secs(4)));
    // Tokens this short are not renewed again and again while nobody asks: the gap counts from the request.
    let due = next(&story).unwrap_or_default();
    assert!(due >= Duration::from_secs(10), "{due:?}");
}
