//! When: pure functions of lifetimes and failures, the only place that knows the numbers.

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

/// The longest pause between two tries at a service that is not ready.
pub const BACKOFF_CAP: Duration = Duration::from_secs(300);

/// How many answers that are no clear no are taken before they count as one.
pub const DOUBTFUL_TRIES: u32 = 3;

/// The wish as far as a service can grant it: one whose tokens live shorter is not asked at every call.
#[must_use]
pub fn effective_wish(wish: Duration, lifetime: Duration) -> Duration {
    wish.min(lifetime / 5)
}

/// When to refresh a token, counted from when it was asked for: after about four fifths of its life, earlier
/// when the wish needs it. `dice` in 0..1 spreads accounts that were minted together.
#[must_use]
pub fn refresh_after(lifetime: Duration, wish: Duration, dice: f64) -> Duration {
    let share = lifetime.mul_f64(0.75 + 0.10 * dice);
    let latest = lifetime.saturating_sub(effective_wish(wish, lifetime)).mul_f64(0.90 + 0.08 * dice);
    share.min(latest)
}

/// The pause after `failures` tries in a row (1 for the first): doubling from a second, with jitter, capped.
/// `Retry-After` may make it longer, never shorter.
#[must_use]
pub fn backoff(failures: u32, retry_after: Option<Duration>, dice: f64) -> Duration {
    let doubled = Duration::from_secs(1).saturating_mul(1 << failures.saturating_sub(1).min(16));
    let pause = doubled.min(BACKOFF_CAP).mul_f64(0.8 + 0.4 * dice);
    pause.max(retry_after.unwrap_or_default())
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

    #[test]
    fn an_hour_is_refreshed_with_about_a_fifth_left() {
        assert_eq!(refresh_after(S(3600), S(60), 0.0), S(2700));
        assert_eq!(refresh_after(S(3600), S(60), 1.0), S(3060));
    }

    #[test]
    fn a_wish_that_needs_it_refreshes_earlier() {
        assert!(refresh_after(S(3600), S(1200), 0.5) <= S(2880));
        assert_eq!(effective_wish(S(1200), S(3600)), S(720));
    }

    #[test]
    fn backoff_doubles_up_to_its_cap_and_honours_retry_after() {
        assert_eq!(backoff(1, None, 0.5), S(1));
        assert_eq!(backoff(4, None, 0.5), S(8));
        assert_eq!(backoff(1000, None, 0.5), BACKOFF_CAP);
        assert_eq!(backoff(1, Some(S(40)), 0.5), S(40));
        assert_eq!(backoff(10, Some(S(1)), 0.5), BACKOFF_CAP);
    }

    #[test]
    fn the_first_forced_one_is_free_and_later_ones_wait_longer() {
        assert_eq!(forced_pause(0), S(0));
        assert_eq!(forced_pause(1), S(10));
        assert_eq!(forced_pause(2), S(20));
        assert_eq!(forced_pause(40), WINDOW);
    }

    proptest! {
        #[test]
        fn a_refresh_is_due_within_the_life_and_before_the_wish_is_unmet(
            lifetime in 1_u64..400_000_000_000, wish in 0_u64..100_000_000, dice in 0.0..1.0,
        ) {
            let lifetime = Duration::from_millis(lifetime);
            let wish = Duration::from_millis(wish);
            let due = refresh_after(lifetime, wish, dice);
            prop_assert!(due <= lifetime.saturating_sub(effective_wish(wish, lifetime)));
            prop_assert!(due >= lifetime.mul_f64(0.7));
        }
    }
}
