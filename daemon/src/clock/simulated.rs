//! A clock that is turned by hand.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::{Clock, Jumps, Moment, Sleep, Steady, Wall};

/// A clock that stands until it is told to move.
#[derive(Debug, Clone, Default)]
pub struct SimulatedClock(Arc<Simulated>);

#[derive(Debug, Default)]
struct Simulated {
    now: Mutex<Moment>,
    moved: Notify,
    jumps: watch::Sender<u64>,
}

impl SimulatedClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Moment) -> Self {
        Self(Arc::new(Simulated { now: Mutex::new(now), ..Simulated::default() }))
    }

    /// Moves both hands on.
    pub fn advance(&self, span: Duration) {
        self.turn(|now| *now = now.after(span));
        self.0.moved.notify_waiters();
    }

    /// Sets the wall, and tells of it as the system does. The other hand goes on.
    pub fn set_wall(&self, wall: Wall) {
        self.set_wall_unseen(wall);
        self.jump();
    }

    /// Sets the wall, and nobody is told: what a program sees whose calls for the time are bent.
    pub fn set_wall_unseen(&self, wall: Wall) {
        self.turn(|now| now.wall = wall);
    }

    /// The machine sleeps for so long, and wakes up: both hands have gone on, no timer has.
    pub fn suspend(&self, span: Duration) {
        self.turn(|now| *now = now.after(span));
        self.jump();
    }

    fn turn(&self, turn: impl FnOnce(&mut Moment)) {
        turn(&mut self.0.now.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn jump(&self) {
        self.0.jumps.send_modify(|count| *count += 1);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Moment {
        *self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep_until(&self, deadline: Steady) -> Sleep {
        let clock = self.clone();
        let mut jumps = self.jumps();
        Box::pin(async move {
            loop {
                let moved = clock.0.moved.notified();
                tokio::pin!(moved);
                // Enabled before the look, so that a move in between is not missed.
                moved.as_mut().enable();
                if clock.now().steady >= deadline {
                    return;
                }
                tokio::select! {
                    () = moved => {}
                    () = jumps.next() => return,
                }
            }
        })
    }

    fn jumps(&self) -> Jumps {
        Jumps::of(&self.0.jumps)
    }
}
