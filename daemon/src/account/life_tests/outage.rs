//! A service that is gone for ten days: how often it is asked, what is served meanwhile, how soon all is well again.

use super::*;
use crate::account::schedule::{BACKOFF_CAP, most_requests};

const MINUTE: Duration = Duration::from_secs(60);
const TEN_DAYS: Duration = Duration::from_secs(10 * 24 * 3600);

/// What an outage was like.
#[derive(Debug, Default)]
struct Outage {
    requests: Vec<Steady>,
    /// When the token was last served, and when it was first not served.
    last_served: Option<Steady>,
    first_failure: Option<Steady>,
}

/// Lets time pass until `end`, stopping at each deadline; every attempt fails. Somebody asks again and again.
fn fail_until(story: &mut Story, end: Steady, every: Option<Duration>) -> Outage {
    let mut outage = Outage::default();
    let mut next_ask = every.map(|every| story.now.steady.after(every));
    let mut seen = story.mints.len();
    loop {
        let deadline = story.life.deadline(story.now, story.used);
        let at = [deadline, next_ask, Some(end)].into_iter().flatten().min().unwrap_or(end);
        story.now = story.now.after(story.now.steady.until(at));
        if next_ask.is_some_and(|ask| ask <= at) {
            next_ask = every.map(|every| at.after(every));
            let caller = story.ask_for(Need::Wish, Duration::from_millis(1));
            match story.answer(caller) {
                Some(Reply::Token(token, _)) => {
                    assert!(token.is_alive(story.now));
                    outage.last_served = Some(at);
                }
                Some(Reply::Failure(_)) => drop(outage.first_failure.get_or_insert(at)),
                None => {}
            }
        } else {
            story.tell(Event::Tick);
        }
        if story.mints.len() > seen {
            assert_eq!(story.mints.len(), seen + 1);
            seen = story.mints.len();
            outage.requests.push(at);
            story.fail(Class::NotNow);
        }
        if at == end {
            return outage;
        }
    }
}

fn seeded(seed: u64) -> Traits {
    Traits { seed, ..traits(false, true) }
}

#[test]
fn ten_days_cost_no_more_requests_than_documented_and_are_over_within_a_cap() {
    for (seed, lifetime, every) in [
        (1, HOUR, None),
        (2, HOUR, Some(MINUTE)),
        (3, MINUTE, Some(MINUTE * 7)),
        (4, HOUR * 24, Some(HOUR)),
        (5, Duration::from_secs(5), None),
        (6, HOUR * 24 * 7, None),
    ] {
        let mut story = Story::of(seeded(seed), Refresh::Eager);
        story.mint("t1", Some(lifetime));
        let end = story.now.steady.after(TEN_DAYS);
        let outage = fail_until(&mut story, end, every);
        let count = outage.requests.len();
        assert!(count as u64 <= most_requests(TEN_DAYS), "{lifetime:?}: {count} requests");
        for pair in outage.requests.windows(2) {
            let pause = pair[0].until(pair[1]);
            assert!(pause <= BACKOFF_CAP, "{lifetime:?}: a pause of {pause:?}");
        }
        // The service is back.
        let before = story.mints.len();
        story.pass(BACKOFF_CAP);
        assert_eq!(story.mints.len(), before + 1);
        story.mint("t2", Some(lifetime));
        let caller = story.ask();
        assert_eq!(story.token(caller).0, "t2");
        assert_eq!(story.life.snapshot(story.now, story.used).state, State::Fresh);
    }
}

#[test]
fn a_token_in_hand_is_served_to_its_end_and_tried_for_until_then_more_and_more_often() {
    let mut story = Story::of(seeded(7), Refresh::Eager);
    story.mint("t1", Some(HOUR));
    let death = story.now.steady.after(HOUR);
    let end = story.now.steady.after(HOUR * 2);
    let second = Duration::from_secs(1);
    let outage = fail_until(&mut story, end, Some(second));
    assert!(outage.last_served.is_some_and(|at| at < death && at.until(death) <= second));
    assert!(outage.first_failure.is_some_and(|at| at >= death && death.until(at) <= second));
    // While it lives, nothing is left longer than until half of what is left, or five seconds.
    for pair in outage.requests.windows(2).filter(|pair| pair[0] < death) {
        let (pause, left) = (pair[0].until(pair[1]), pair[0].until(death));
        assert!(pause <= (left / 2).max(Duration::from_secs(5)), "{pause:?} with {left:?} left");
    }
    let last = outage.requests.iter().rfind(|at| **at < death).map(|at| at.until(death));
    assert!(last.is_some_and(|left| left <= Duration::from_secs(6)), "{last:?}");
    // Then the backoff goes on.
    let dead: Vec<_> = outage.requests.iter().filter(|at| **at >= death).collect();
    assert!((12..=17).contains(&dead.len()), "{}", dead.len());
}

#[test]
fn what_the_service_says_of_its_return_is_never_undercut() {
    let mut story = Story::of(seeded(8), Refresh::Eager);
    story.mint("t1", Some(HOUR));
    story.pass(Duration::from_secs(3060));
    assert_eq!(story.mints.len(), 2);
    story.fail_with(Class::NotNow, Some(HOUR * 3));
    for _ in 0..179 {
        story.pass(MINUTE);
        story.ask_for(Need::Wish, Duration::from_millis(1));
    }
    assert_eq!(story.mints.len(), 2);
    story.pass(MINUTE);
    assert_eq!(story.mints.len(), 3);
}
