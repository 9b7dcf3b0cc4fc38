//! Stories that are about real time, told in one place: what took how long, and what happens at which pace.

use std::time::{Duration, Instant};

/// What came of it, and how long that took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = now();
    let done = work();
    (done, start.elapsed())
}

/// What takes longer than this has waited for something, on a machine that is not busy.
pub const A_MOMENT: Duration = Duration::from_secs(1);

/// What "at once" is on this machine in this moment: a second, or where even `control`, which waits for nobody, takes its
/// time, many times that.
pub fn at_once(mut control: impl FnMut()) -> Duration {
    let slowest = (0..3).map(|_| timed(&mut control).1).max();
    A_MOMENT.max(slowest.unwrap_or_default() * 20)
}

/// Does something `times` times, so far apart; what comes late is done at once. The story is that pace.
pub fn paced(interval: Duration, times: u32, mut step: impl FnMut(u32)) {
    let start = now();
    for index in 0..times {
        std::thread::sleep((interval * index).saturating_sub(start.elapsed()));
        step(index);
    }
}

/// Lets so much time pass, since the story needs it: a token grows old, a pause must be seen to be kept.
pub fn let_pass(span: Duration, _because: &str) {
    std::thread::sleep(span);
}

/// How long something goes on.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    #[must_use]
    pub fn start() -> Self {
        Self(now())
    }

    /// Since its start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "these tests watch real programs: their time is the machine's")]
fn now() -> Instant {
    Instant::now()
}
