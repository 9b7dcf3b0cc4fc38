//! The wall, and the clock that goes on in suspend; injected, so that tests and simulations turn it by hand.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

use crate::platform;

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

    /// Ends when `deadline` has come, or somewhat earlier: look at the clock again.
    fn sleep_until(&self, deadline: Steady) -> Sleep;
}

/// What the steady clock shows when the system starts: about 139 years.
const BEFORE_BOOT: u64 = 1 << 42;

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        // The wall through std: libfaketime and time namespaces of tests reach it there.
        #[expect(clippy::disallowed_methods, reason = "this is the clock that is injected elsewhere")]
        let wall = Wall::from_system(SystemTime::now());
        Moment { wall, steady: Steady(BEFORE_BOOT + platform::steady_milliseconds()) }
    }

    fn sleep_until(&self, deadline: Steady) -> Sleep {
        // tokio's timer stands still in suspend; waking at the moment of resume is the foul-weather issue's.
        Box::pin(tokio::time::sleep(self.now().steady.until(deadline)))
    }
}

/// A clock that stands until it is told to move.
#[derive(Debug, Clone, Default)]
pub struct SimulatedClock(Arc<Simulated>);

#[derive(Debug, Default)]
struct Simulated {
    now: Mutex<Moment>,
    moved: Notify,
}

impl SimulatedClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Moment) -> Self {
        Self(Arc::new(Simulated { now: Mutex::new(now), moved: Notify::new() }))
    }

    /// Moves both hands on.
    pub fn advance(&self, span: Duration) {
        let mut now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.after(span);
        drop(now);
        self.0.moved.notify_waiters();
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Moment {
        *self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep_until(&self, deadline: Steady) -> Sleep {
        let clock = self.clone();
        Box::pin(async move {
            loop {
                let moved = clock.0.moved.notified();
                tokio::pin!(moved);
                // Enabled before the look, so that a move in between is not missed.
                moved.as_mut().enable();
                if clock.now().steady >= deadline {
                    return;
                }
                moved.await;
            }
        })
    }
}
