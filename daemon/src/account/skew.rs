//! How far this machine's wall is from a service's clock, as the `Date` of its answers tells it: shown, never used to
//! lengthen a life (promise 7).

use std::time::Duration;

use crate::clock::{Moment, Steady, Wall};

/// `Date` is the second that had begun when the answer was made (RFC 9110 6.6.1): half a second later on average.
const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// A service writes `Date` last of all, most do; but of an answer that took longer it is too unsure.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(5);

/// What a service's clock showed, and when that was on the clock that never jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceClock {
    shown: Wall,
    at: Steady,
}

impl ServiceClock {
    /// Reads the `Date` of an answer to what was sent at `requested`. Nothing where that took long, or this machine's
    /// clock was set meanwhile.
    #[must_use]
    pub fn read(date: Wall, requested: Moment, received: Moment) -> Option<Self> {
        let round_trip = requested.steady.until(received.steady);
        let is_sure = round_trip <= LONGEST_ROUND_TRIP && !received.is_apart_from(requested);
        is_sure.then(|| Self { shown: date.after(HALF_A_SECOND), at: received.steady })
    }

    /// By how many milliseconds the wall of `now` is ahead of the service's clock; less than zero where it is behind.
    /// Right within half a second and the round trip, also after the wall was set.
    #[must_use]
    pub fn skew(self, now: Moment) -> i64 {
        now.gained_since(Moment { wall: self.shown, steady: self.at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Moment = Moment { wall: Wall(1_700_000_000_000), steady: Steady(1_000_000) };

    fn read(ahead: i64, round_trip: u64) -> Option<ServiceClock> {
        let received = SENT.after(Duration::from_millis(round_trip));
        // It tells whole seconds.
        let shown = (received.wall.0 - ahead).div_euclid(1000) * 1000;
        ServiceClock::read(Wall(shown), SENT, received)
    }

    #[test]
    fn the_skew_is_known_within_a_second() {
        for ahead in [-7_200_000, -6300, -400, 0, 999, 7_200_000] {
            for round_trip in [0, 80, 4999] {
                let skew =
                    read(ahead, round_trip).map(|clock| clock.skew(SENT.after(Duration::from_secs(60))));
                assert!(
                    skew.is_some_and(|skew| skew.abs_diff(ahead) <= 500),
                    "{ahead} {round_trip}: {skew:?}"
                );
            }
        }
    }

    #[test]
    fn what_the_wall_was_set_to_meanwhile_counts() {
        let mut later = SENT.after(Duration::from_secs(3600));
        later.wall = later.wall.after(Duration::from_secs(7200));
        let skew = read(0, 100).map(|clock| clock.skew(later));
        assert!(skew.is_some_and(|skew| skew.abs_diff(7_200_000) <= 1000), "{skew:?}");
    }

    #[test]
    fn a_slow_answer_and_one_over_a_jump_tell_nothing() {
        assert_eq!(read(0, 5001), None);
        let received = Moment { wall: SENT.wall.after(Duration::from_secs(7200)), steady: SENT.steady };
        assert_eq!(ServiceClock::read(SENT.wall, SENT, received), None);
    }
}
