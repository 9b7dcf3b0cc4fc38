//! The machine's clocks.
//!
//! A timer of the runtime stands still in suspend, and the wall may be set at any time. Where the system tells of both,
//! nothing is looked at in between; elsewhere the clocks are compared now and then.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::{Clock, Jumps, Moment, Sleep, Steady, Wall, is_apart};
use crate::platform;

/// What the steady clock shows when the system starts: about 139 years.
const BEFORE_BOOT: u64 = 1 << 42;

/// Where the system does not tell, the end of a suspend and a new time on the wall are noticed so late at most.
const PAUSE: Duration = Duration::from_secs(30);

/// How many jumps there were. The machine has one wall, whoever reads it.
static JUMPS: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// The machine's clocks. They jump while [`watch_for_jumps`] runs.
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
        Box::pin(async move {
            // Before the look, so that a jump in between is not missed.
            let mut jumps = Self.jumps();
            let left = Self.now().steady.until(deadline);
            let _ = timeout(left, jumps.next()).await;
        })
    }

    fn jumps(&self) -> Jumps {
        Jumps::of(&JUMPS)
    }
}

/// Tells whoever has the machine's clocks of their jumps. Runs until it is dropped.
pub async fn watch_for_jumps() {
    let end = match platform::ClockWatch::new() {
        Ok(watch) => tell_when_told(&watch).await,
        Err(error) => error,
    };
    tracing::info!(
        reason = %end,
        "the system does not tell when this machine wakes up or its clock is set; tokend looks every {} s",
        PAUSE.as_secs()
    );
    tell_by_looking().await;
}

/// Ends only when the watch breaks.
async fn tell_when_told(watch: &platform::ClockWatch) -> std::io::Error {
    let mut before = SystemClock.now();
    loop {
        if let Err(error) = watch.changed().await {
            return error;
        }
        before = tell(before);
    }
}

async fn tell_by_looking() {
    let mut before = (SystemClock.now(), Instant::now());
    loop {
        tokio::time::sleep(PAUSE).await;
        let after = (SystemClock.now(), Instant::now());
        if has_jumped(before.0, after.0, after.1.saturating_duration_since(before.1)) {
            tell(before.0);
        }
        before = after;
    }
}

/// Whether the wall was set meanwhile, or the machine slept: then it was `awake` for less time than has passed.
fn has_jumped(before: Moment, after: Moment, awake: Duration) -> bool {
    let asleep = before.steady.until(after.steady).saturating_sub(awake);
    after.is_apart_from(before) || is_apart(asleep)
}

fn tell(before: Moment) -> Moment {
    let now = SystemClock.now();
    let seconds = now.gained_since(before) / 1000;
    match seconds {
        0 => tracing::info!("the machine woke up, or its clock was set by less than a second"),
        1.. => tracing::info!(seconds, "this machine's clock was set ahead"),
        _ => tracing::info!(seconds = -seconds, "this machine's clock was set back"),
    }
    JUMPS.send_modify(|count| *count += 1);
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall: i64, steady: u64) -> Moment {
        Moment { wall: Wall(wall * 1000), steady: Steady(steady * 1000) }
    }

    #[test]
    fn a_sleep_and_a_wall_that_is_set_are_told_from_time_that_passes() {
        let seconds = Duration::from_secs;
        let before = moment(1_000_000, 500);
        assert!(!has_jumped(before, moment(1_000_030, 530), seconds(30)));
        assert!(!has_jumped(before, moment(1_000_034, 530), seconds(26)), "no clock is that exact");
        assert!(has_jumped(before, moment(1_000_930, 1430), seconds(30)), "it slept for 900 s");
        assert!(has_jumped(before, moment(1_007_230, 530), seconds(30)));
        assert!(has_jumped(before, moment(992_830, 530), seconds(30)));
    }

    #[tokio::test]
    async fn a_jump_ends_every_sleep_and_is_told_once() {
        let mut jumps = SystemClock.jumps();
        let far = SystemClock.now().steady.after(Duration::from_secs(3600));
        let sleeping = tokio::spawn(SystemClock.sleep_until(far));
        // It sleeps once it has been polled.
        tokio::task::yield_now().await;
        tell(SystemClock.now());
        assert!(sleeping.await.is_ok());
        jumps.next().await;
        assert!(timeout(Duration::ZERO, jumps.next()).await.is_err());
    }
}
