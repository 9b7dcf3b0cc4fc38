//! The wall, and the clock that goes on in suspend; injected, so that tests and simulations turn it by hand.

mod simulated;
mod system;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

pub use simulated::SimulatedClock;
pub use system::{SystemClock, watch_for_jumps};

/// A time on the clock that never jumps and goes on in suspend: milliseconds since some start, long before the system's,
/// so that there are times before that, too: a token may be older than the boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Steady(pub u64);

/// A time on the wall: milliseconds since 1970, negative before. It may jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Wall(pub i64);

/// Both hands, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// For people and for other machines.
    pub wall: Wall,
    /// For durations and deadlines.
    pub steady: Steady,
}

impl Steady {
    /// This much later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(milliseconds(span)))
    }

    /// How long from `self` until `later`; zero if that has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}

impl Wall {
    /// This much later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(milliseconds(span)).unwrap_or(i64::MAX)))
    }

    /// How long from `self` until `later`; zero if that has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// The same as std says it.
    #[must_use]
    pub fn from_system(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Err(before) => Self(i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms)),
        }
    }
}

impl Moment {
    /// This much later, by both hands.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self { wall: self.wall.after(span), steady: self.steady.after(span) }
    }

    /// By how many milliseconds more than the steady clock the wall has gone on since `earlier`: more than zero where
    /// it was set ahead, less where it was set back.
    #[must_use]
    pub fn gained_since(self, earlier: Self) -> i64 {
        let wall = i128::from(self.wall.0) - i128::from(earlier.wall.0);
        let steady = i128::from(self.steady.0) - i128::from(earlier.steady.0);
        let gained = wall - steady;
        i64::try_from(gained).unwrap_or(if gained < 0 { i64::MIN } else { i64::MAX })
    }

    /// Whether the two hands disagree about how much time has passed since `earlier`.
    #[must_use]
    pub fn is_apart_from(self, earlier: Self) -> bool {
        is_apart(Duration::from_millis(self.gained_since(earlier).unsigned_abs()))
    }
}

/// Two clocks that ran side by side differ by no more.
const APART: Duration = Duration::from_secs(5);

/// Whether two clocks that differ by so much disagree (promise 7).
#[must_use]
pub fn is_apart(difference: Duration) -> bool {
    difference > APART
}

/// Milliseconds of a span, as many as fit.
#[must_use]
pub fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A future that can be sent and stored.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time and wakes at one.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Both hands now.
    fn now(&self) -> Moment;

    /// Ends when `deadline` has come, or earlier, at the latest when the clock jumps: look at it again.
    fn sleep_until(&self, deadline: Steady) -> Sleep;

    /// Tells of the jumps from now on. There are none where nothing else is said.
    fn jumps(&self) -> Jumps {
        Jumps::default()
    }
}

impl dyn Clock {
    /// Ends when `deadline` has come, whatever the clock does before.
    pub async fn reach(&self, deadline: Steady) {
        while self.now().steady < deadline {
            self.sleep_until(deadline).await;
        }
    }
}

/// Tells when the clock jumps: the wall was set, or the machine woke up from suspend.
#[derive(Debug, Clone, Default)]
pub struct Jumps(Option<watch::Receiver<u64>>);

impl Jumps {
    /// Those that the sender counts from now on.
    fn of(count: &watch::Sender<u64>) -> Self {
        Self(Some(count.subscribe()))
    }

    /// Ends when the clock has jumped since the last call. May be dropped at any time and misses nothing.
    pub async fn next(&mut self) {
        if let Some(count) = &mut self.0
            && count.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Moment {
        Moment { wall: Wall(1_700_000_000_000), steady: Steady(1_000_000) }
    }

    #[test]
    fn the_hands_are_apart_when_one_has_moved_by_over_five_seconds_more() {
        let later = start().after(Duration::from_secs(3600));
        let set = |by: i64| Moment { wall: Wall(later.wall.0 + by), ..later };
        for (by, apart) in [(0, false), (5000, false), (-5000, false), (5001, true), (-5001, true)] {
            assert_eq!((set(by).gained_since(start()), set(by).is_apart_from(start())), (by, apart));
        }
        let first = Moment { wall: Wall(i64::MIN), steady: Steady(u64::MAX) };
        let last = Moment { wall: Wall(i64::MAX), steady: Steady(0) };
        assert_eq!((last.gained_since(first), first.gained_since(last)), (i64::MAX, i64::MIN));
    }

    #[tokio::test]
    async fn a_suspend_moves_both_hands_and_a_new_time_on_the_wall_one() {
        let clock = SimulatedClock::at(start());
        let mut jumps = clock.jumps();
        clock.suspend(Duration::from_secs(7200));
        jumps.next().await;
        assert_eq!(clock.now(), start().after(Duration::from_secs(7200)));
        clock.set_wall(start().wall);
        jumps.next().await;
        assert_eq!(clock.now().gained_since(start()), -7_200_000);
        clock.set_wall_unseen(Wall(0));
        clock.advance(Duration::from_secs(1));
        let none = std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::pin!(jumps.next()).as_mut().poll(context).is_pending())
        });
        assert!(none.await);
    }

    #[tokio::test]
    async fn a_sleep_ends_at_its_time_or_at_a_jump() {
        let clock = SimulatedClock::at(start());
        let deadline = start().steady.after(Duration::from_secs(60));
        let sleep = clock.sleep_until(deadline);
        clock.set_wall(Wall(0));
        sleep.await;
        let whole: std::sync::Arc<dyn Clock> = std::sync::Arc::new(clock.clone());
        let reached = tokio::spawn(async move { whole.reach(deadline).await });
        tokio::task::yield_now().await;
        clock.set_wall(start().wall);
        tokio::task::yield_now().await;
        assert!(!reached.is_finished(), "it sleeps on after a jump");
        clock.advance(Duration::from_secs(60));
        assert!(reached.await.is_ok());
    }
}
