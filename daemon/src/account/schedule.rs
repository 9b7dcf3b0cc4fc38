//! When: pure functions of lifetimes and failures, the only place that knows the numbers.
//!
//! The rule is one function, [`next_refresh`]:
//!
//! - A token is refreshed when about four fifths of its life are over: 75 to 85 %, by lot; earlier where the wish needs
//!   it. One that was minted in a crowd is refreshed anywhere between, at the earliest after a tenth of its life, so
//!   that the crowd dissolves. An exclusive one is refreshed when exactly the wish is left.
//! - After a failure the next try comes after 1 s, 2 s, 4 s … up to [`BACKOFF_CAP`], up to a quarter less by lot; while
//!   the token in hand lives, not later than after half of what is left of it (at least [`LEAST_PAUSE`]), so that tries
//!   tighten towards its end; and never before `Retry-After`.
//!
//! So an outage costs an account no more requests than [`most_requests`] says: in ten days 3,862, about 3,300 on average.
//! When the service is back, the next try comes within one [`BACKOFF_CAP`], unless the service itself said later.

use std::time::Duration;

/// Forced refreshes and rejections are counted over this span (promise 11).
pub const WINDOW: Duration = Duration::from_secs(600);

/// Two requests for one account are at least this far apart, whatever callers demand.
pub const MIN_GAP: Duration = Duration::from_secs(1);

/// Tokens that live shorter than this are not renewed again and again while nobody asks for them.
pub const SHORT_LIFE: Duration = Duration::from_secs(5);

/// The gap between two requests that nobody asked for, where tokens live shorter than [`SHORT_LIFE`].
pub const UNASKED_GAP: Duration = Duration::from_secs(10);

/// How long after its last use a token counts as asked for.
pub const IN_USE: Duration = Duration::from_secs(60);

/// How long a caller with a short but live token waits for the refresh under way (promise 1).
pub const PATIENCE: Duration = Duration::from_secs(2);

/// The longest pause between two tries at a service that is not ready, unless it says itself when to come again.
pub const BACKOFF_CAP: Duration = Duration::from_secs(300);

/// The shortest pause between two tries that only the near end of a token is the reason for.
pub const LEAST_PAUSE: Duration = Duration::from_secs(5);

/// A pause is by lot between this share of itself and the whole.
const LEAST_SHARE: f64 = 0.75;

/// How many answers that are no clear no are taken before they count as one.
pub const DOUBTFUL_TRIES: u32 = 3;

/// The wish as far as a service can grant it: one whose tokens live shorter is not asked at every call.
#[must_use]
pub fn effective_wish(wish: Duration, lifetime: Duration) -> Duration {
    wish.min(lifetime / 5)
}

/// What is in hand when the next refresh is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InHand {
    /// No token that could be served.
    Nothing,
    /// One of which nobody knows when it dies.
    Unknown,
    /// One with this much life left.
    Living(Duration),
}

/// How a token is refreshed while nothing goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// After about four fifths of what is left.
    Usual,
    /// It was minted in a crowd that needs this long to pass: some time between then and the usual, so that those that
    /// were minted together are not refreshed together.
    Crowd(Duration),
    /// A new token kills the old one: as late as the wish allows.
    Exclusive,
}

/// Failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setback {
    /// How many; 1 for the first.
    pub failures: u32,
    /// How long the service wants not to be asked.
    pub retry_after: Option<Duration>,
}

/// The pause until the next refresh, from what is left now; `None` where none is ever due: of a token that does not
/// say when it dies.
///
/// `wish` is the life that a served token should have left. `dice` in 0..1 spreads accounts that do the same thing at
/// the same time.
#[must_use]
pub fn next_refresh(
    in_hand: InHand,
    wish: Duration,
    pace: Pace,
    setback: Option<Setback>,
    dice: f64,
) -> Option<Duration> {
    match (setback, in_hand) {
        (None, InHand::Nothing) => Some(Duration::ZERO),
        (None, InHand::Unknown) => None,
        (None, InHand::Living(left)) => Some(refresh_after(left, wish, pace, dice)),
        (Some(Setback { failures, retry_after }), in_hand) => {
            let latest = match in_hand {
                InHand::Living(left) => (left / 2).max(LEAST_PAUSE),
                InHand::Nothing | InHand::Unknown => BACKOFF_CAP,
            };
            let pause = backoff(failures, None, dice).min(latest);
            Some(pause.max(retry_after.unwrap_or_default()))
        }
    }
}

/// When to refresh a token of which `left` is left, if nothing goes wrong.
fn refresh_after(left: Duration, wish: Duration, pace: Pace, dice: f64) -> Duration {
    let met = left.saturating_sub(effective_wish(wish, left));
    // Some time before the wish is unmet, so that nobody has to wait for the answer.
    let latest = met.mul_f64(0.90 + 0.08 * dice);
    match pace {
        Pace::Usual => left.mul_f64(0.75 + 0.10 * dice).min(latest),
        Pace::Crowd(passes) => {
            let earliest = passes.clamp(left.mul_f64(0.10), left.mul_f64(0.50));
            (earliest + left.mul_f64(0.85).saturating_sub(earliest).mul_f64(dice)).min(latest)
        }
        Pace::Exclusive => met,
    }
}

/// The pause after `failures` tries in a row (1 for the first): doubling from a second up to [`BACKOFF_CAP`], by lot up
/// to a quarter less. `Retry-After` may make it longer, never shorter.
#[must_use]
pub fn backoff(failures: u32, retry_after: Option<Duration>, dice: f64) -> Duration {
    let doubled = Duration::from_secs(1).saturating_mul(1 << failures.saturating_sub(1).min(16));
    let pause = doubled.min(BACKOFF_CAP).mul_f64(LEAST_SHARE + (1.0 - LEAST_SHARE) * dice);
    pause.max(retry_after.unwrap_or_default())
}

/// The largest number of requests that one account sends in an outage of this length, whoever asks for its token;
/// `tok refresh` and rejections have limits of their own.
///
/// The first try and nine until the pauses are at their cap; then one in three quarters of the cap; and where a token
/// was in hand, twelve while they tighten towards its end.
#[must_use]
pub fn most_requests(outage: Duration) -> u64 {
    let capped = BACKOFF_CAP.mul_f64(LEAST_SHARE).as_secs();
    outage.as_secs() / capped + 22
}

/// The pause after `granted` forced refreshes or honoured rejections within [`WINDOW`]: none after none, then
/// 10 s, doubling, at most [`WINDOW`].
#[must_use]
pub fn forced_pause(granted: u32) -> Duration {
    match granted {
        0 => Duration::ZERO,
        n => Duration::from_secs(10).saturating_mul(1 << (n - 1).min(16)).min(WINDOW),
    }
}

/// The gap that callers' demands keep from the last request while a token is alive: whoever demands nearly all of
/// a lifetime cannot have a new token at each call.
#[must_use]
pub fn demand_gap(lifetime: Duration) -> Duration {
    (lifetime / 20).clamp(MIN_GAP, Duration::from_secs(60))
}

/// How long an `auto` account without use, or a variant of an account, is kept.
#[must_use]
pub fn unused_span(lifetime: Option<Duration>) -> Duration {
    lifetime.map_or(Duration::from_secs(3600), |lifetime| lifetime.saturating_mul(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const DAY: u64 = 24 * 3600;

    fn planned(life: Duration, wish: Duration, pace: Pace, dice: f64) -> Duration {
        next_refresh(InHand::Living(life), wish, pace, None, dice).unwrap_or_default()
    }

    fn after_failure(in_hand: InHand, failures: u32, retry_after: Option<Duration>, dice: f64) -> Duration {
        let setback = Some(Setback { failures, retry_after });
        next_refresh(in_hand, S(60), Pace::Usual, setback, dice).unwrap_or_default()
    }

    #[test]
    fn an_hour_is_refreshed_with_about_a_fifth_left() {
        assert_eq!(planned(S(3600), S(60), Pace::Usual, 0.0), S(2700));
        assert_eq!(planned(S(3600), S(60), Pace::Usual, 1.0), S(3060));
    }

    #[test]
    fn a_wish_that_needs_it_refreshes_earlier() {
        assert!(planned(S(3600), S(1200), Pace::Usual, 0.5) <= S(2880));
        assert_eq!(effective_wish(S(1200), S(3600)), S(720));
    }

    #[test]
    fn an_exclusive_token_is_refreshed_when_exactly_the_wish_is_left() {
        for dice in [0.0, 0.5, 1.0] {
            assert_eq!(planned(S(3600), S(60), Pace::Exclusive, dice), S(3540));
            assert_eq!(planned(S(100), S(60), Pace::Exclusive, dice), S(80));
        }
    }

    #[test]
    fn a_crowd_is_spread_from_when_it_has_passed_to_the_usual() {
        assert_eq!(planned(S(600), S(60), Pace::Crowd(S(0)), 0.0), S(60));
        assert_eq!(planned(S(600), S(60), Pace::Crowd(S(200)), 0.0), S(200));
        assert_eq!(planned(S(600), S(60), Pace::Crowd(S(9000)), 0.0), S(300));
        assert_eq!(planned(S(600), S(60), Pace::Crowd(S(200)), 1.0), S(510));
    }

    #[test]
    fn nothing_in_hand_is_due_at_once_and_an_unknown_end_never() {
        assert_eq!(next_refresh(InHand::Nothing, S(60), Pace::Usual, None, 0.5), Some(S(0)));
        assert_eq!(next_refresh(InHand::Unknown, S(60), Pace::Usual, None, 0.5), None);
        assert_eq!(after_failure(InHand::Unknown, 1, None, 1.0), S(1));
    }

    #[test]
    fn backoff_doubles_up_to_its_cap_and_honours_retry_after() {
        let pause = |failures, retry_after, dice| after_failure(InHand::Nothing, failures, retry_after, dice);
        assert_eq!(pause(1, None, 1.0), S(1));
        assert_eq!(pause(1, None, 0.0), Duration::from_millis(750));
        assert_eq!(pause(4, None, 1.0), S(8));
        assert_eq!(pause(1000, None, 1.0), BACKOFF_CAP);
        assert_eq!(pause(1000, None, 0.0), S(225));
        assert_eq!(pause(1, Some(S(40)), 1.0), S(40));
        assert_eq!(pause(10, Some(S(1)), 1.0), BACKOFF_CAP);
        assert_eq!(pause(10, Some(S(4000)), 1.0), S(4000));
    }

    #[test]
    fn tries_tighten_towards_the_end_of_the_token_in_hand() {
        let pause = |left| after_failure(InHand::Living(S(left)), 20, None, 1.0);
        assert_eq!([3600, 600, 300, 60, 12, 8, 1].map(pause), [300, 300, 150, 30, 6, 5, 5].map(S));
        // The first tries are as close as ever, and the service's word counts more than the token's end.
        assert_eq!(after_failure(InHand::Living(S(8)), 1, None, 1.0), S(1));
        assert_eq!(after_failure(InHand::Living(S(8)), 20, Some(S(40)), 1.0), S(40));
    }

    #[test]
    fn the_documented_number_of_requests_in_ten_days() {
        assert_eq!(most_requests(S(10 * DAY)), 3862);
    }

    #[test]
    fn the_first_forced_one_is_free_and_later_ones_wait_longer() {
        assert_eq!(forced_pause(0), S(0));
        assert_eq!(forced_pause(1), S(10));
        assert_eq!(forced_pause(2), S(20));
        assert_eq!(forced_pause(40), WINDOW);
    }

    fn paces() -> impl Strategy<Value = Pace> {
        prop_oneof![
            Just(Pace::Usual),
            any::<u32>().prop_map(|ms| Pace::Crowd(Duration::from_millis(ms.into()))),
            Just(Pace::Exclusive),
        ]
    }

    /// From nothing to more than ten years, small ones as often as large ones.
    fn lives() -> impl Strategy<Value = Duration> {
        (0_u32..39, any::<u64>())
            .prop_map(|(bits, noise)| Duration::from_millis((1 << bits) + noise % (1 << bits)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn a_refresh_is_due_within_the_life_and_before_the_wish_is_unmet(
            life in lives(), wish in lives(), pace in paces(), dice in 0.0..1.0,
        ) {
            let due = planned(life, wish, pace, dice);
            let unmet = life.saturating_sub(effective_wish(wish, life));
            prop_assert!(due <= unmet && (due < life || life.is_zero()));
            let least = match pace {
                Pace::Usual => 0.7,
                Pace::Crowd(_) => 0.0999,
                Pace::Exclusive => 0.7999,
            };
            prop_assert!(due >= life.mul_f64(least));
        }

        #[test]
        fn it_is_later_for_longer_lives_and_larger_dice_and_earlier_for_larger_wishes(
            life in lives(), longer in lives(), wish in lives(), larger in lives(), pace in paces(),
            dice in 0.0..1.0, higher in 0.0..1.0,
        ) {
            let due = planned(life, wish, pace, dice);
            prop_assert!(planned(life + longer, wish, pace, dice) >= due);
            prop_assert!(planned(life, wish + larger, pace, dice) <= due);
            prop_assert!(planned(life, wish, pace, f64::max(dice, higher)) >= due);
        }

        #[test]
        fn a_pause_keeps_to_the_cap_the_end_and_the_services_word(
            left in lives(), failures in 1_u32.., retry_after in proptest::option::of(lives()), dice in 0.0..1.0,
        ) {
            let living = after_failure(InHand::Living(left), failures, retry_after, dice);
            let dead = after_failure(InHand::Nothing, failures, retry_after, dice);
            let told = retry_after.unwrap_or_default();
            prop_assert!(living >= told && living <= dead);
            prop_assert!(dead <= BACKOFF_CAP.max(told) && dead >= Duration::from_millis(750));
            prop_assert!(living <= (left / 2).max(LEAST_PAUSE).max(told));
            // Never sooner than the backoff for any other reason than the end.
            prop_assert!(living == dead || living >= LEAST_PAUSE.max(left / 2).min(dead));
            prop_assert!(after_failure(InHand::Living(left), failures.saturating_add(1), None, dice)
                >= after_failure(InHand::Living(left), failures, None, dice));
        }
    }
}
