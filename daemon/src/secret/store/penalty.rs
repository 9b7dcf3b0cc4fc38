//! How long a wrong passphrase keeps the next try away: whoever guesses through the daemon shall not be
//! quicker than a person who mistypes.

use std::time::Duration;

/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(60);

/// The wrong tries in a row, and when the next may be made. Times are milliseconds on the steady clock.
#[derive(Debug, Default)]
pub(super) struct Penalty {
    wrong: u32,
    not_before: u64,
}

impl Penalty {
    /// Whether a try may be made now; otherwise how long that takes.
    pub(super) fn admit(&self, now: u64) -> Result<(), Duration> {
        match self.not_before.saturating_sub(now) {
            0 => Ok(()),
            left => Err(Duration::from_millis(left)),
        }
    }

    /// A passphrase was wrong: the next try waits 0, 1, 2, 4 … seconds, 60 at most.
    pub(super) fn wrong(&mut self, now: u64) {
        let pause = match self.wrong {
            0 => Duration::ZERO,
            many => Duration::from_secs(1 << (many - 1).min(6)).min(LONGEST),
        };
        self.wrong = self.wrong.saturating_add(1);
        self.not_before = now.saturating_add(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
    }

    /// The right one: all is forgiven.
    pub(super) fn right(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_passphrase_costs_more_up_to_a_minute() {
        let mut penalty = Penalty::default();
        let mut now = 5_000;
        for seconds in [0, 1, 2, 4, 8, 16, 32, 60, 60, 60] {
            assert_eq!(penalty.admit(now), Ok(()));
            penalty.wrong(now);
            if seconds > 0 {
                assert_eq!(penalty.admit(now), Err(Duration::from_secs(seconds)));
                assert_eq!(penalty.admit(now + seconds * 1000 - 1), Err(Duration::from_millis(1)));
            }
            now += seconds * 1000;
        }
        penalty.right();
        assert_eq!(penalty.admit(now), Ok(()));
        penalty.wrong(now);
        assert_eq!(penalty.admit(now), Ok(()));
    }

    #[test]
    fn no_number_of_tries_overflows() {
        let mut penalty = Penalty { wrong: u32::MAX, not_before: 0 };
        penalty.wrong(u64::MAX - 5);
        assert_eq!(penalty.admit(u64::MAX - 5), Err(Duration::from_millis(5)));
    }
}
