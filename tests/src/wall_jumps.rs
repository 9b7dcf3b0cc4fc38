//! The real `tokend` under libfaketime, whose wall clock jumps by hours both ways in mid-run.
//!
//! libfaketime moves the wall that the program's own code reads, not the kernel's timers: that the kernel
//! tells of a jump is not shown here, that a jump is noticed before the next answer is.

mod phase;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;

use crate::course::{Course, Findings, progress};
use crate::sandbox::Sandbox;

use phase::{Count, Stage};

/// A daemon notices so many jumps without becoming careful with requests; the next ones are another daemon's.
const JUMPS_A_DAEMON: usize = 4;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where libfaketime is.
    pub library: PathBuf,
    /// How many jumps, over all daemons.
    pub jumps: usize,
    /// How many daemons run side by side.
    pub daemons: usize,
    /// Where chance begins.
    pub seed: u64,
}

/// libfaketime: where `TOKEND_TEST_FAKETIME` says, or where distributions have it.
#[must_use]
pub fn library() -> Option<PathBuf> {
    const NAME: &str = "libfaketime.so.1";
    if let Some(told) = env::var_os("TOKEND_TEST_FAKETIME").filter(|told| !told.is_empty()) {
        return Some(PathBuf::from(told)).filter(|path| path.is_file());
    }
    let multiarch = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = multiarch.chain(["/usr/lib64", "/usr/local/lib"].map(PathBuf::from));
    folders.map(|folder| folder.join("faketime").join(NAME)).find(|path| path.is_file())
}

/// Does it. Ends early where `course` does.
///
/// # Panics
/// When the programs cannot be started, or a thread of this one has.
#[must_use]
pub fn run(plan: &Plan, course: &Course) -> Findings {
    let begun = AtomicUsize::new(0);
    let counts: Vec<Count> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..plan.daemons)
            .map(|number| {
                let begun = &begun;
                let rng = Rng::with_seed(plan.seed.wrapping_add(number as u64));
                scope.spawn(move || jump_on(plan, rng, begun, course))
            })
            .collect();
        lanes.into_iter().map(|lane| lane.join().expect("no panic in a lane")).collect()
    });
    let mut all = Count::default();
    for count in counts {
        all.add(count);
    }
    all.findings()
}

/// One daemon after another, each with a few jumps.
fn jump_on(plan: &Plan, mut rng: Rng, begun: &AtomicUsize, course: &Course) -> Count {
    let mut count = Count::default();
    // The first jumps are those by two hours, in all four ways; chance comes after them.
    let next = || {
        let number = begun.fetch_add(1, Ordering::Relaxed);
        (number < plan.jumps && course.goes_on()).then_some(number)
    };
    loop {
        let mut stage: Option<Stage> = None;
        for _ in 0..JUMPS_A_DAEMON {
            let Some(number) = next() else { return count };
            if number % 4 == 0 {
                course.say(&progress("jump", number, plan.jumps));
            }
            let stage = stage.get_or_insert_with(|| Stage::set(&plan.library));
            let hours = if number < 4 { 2.0 } else { 0.25 + 72.0 * rng.f64() };
            #[expect(clippy::cast_possible_truncation, reason = "some days in seconds")]
            let seconds = (hours * 3600.0) as i64;
            let seconds = if number.is_multiple_of(2) { seconds } else { -seconds };
            let is_down = number / 2 % 2 == 0;
            stage.jump(seconds, is_down, &mut count);
        }
    }
}

/// The wall of a program that is started with [`surround`](Wall::surround).
#[derive(Debug)]
pub struct Wall {
    file: PathBuf,
    offset: i64,
}

impl Wall {
    /// A true wall, for now.
    ///
    /// # Panics
    /// When the sandbox cannot be written.
    #[must_use]
    pub fn new(sandbox: &Sandbox) -> Self {
        let wall = Self { file: sandbox.path().join("wall"), offset: 0 };
        wall.write();
        wall
    }

    /// Lets a program live by this wall; libfaketime is at `library`.
    pub fn surround(&self, command: &mut Command, library: &Path) {
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            // Files are as old as they are.
            .env("NO_FAKE_STAT", "1");
    }

    /// It jumps, from one reading to the next.
    ///
    /// # Panics
    /// When the sandbox cannot be written.
    pub fn jump(&mut self, seconds: i64) {
        self.offset += seconds;
        self.write();
    }

    fn write(&self) {
        let new = self.file.with_extension("new");
        let written = fs::write(&new, format!("{:+}\n", self.offset));
        written.and_then(|()| fs::rename(&new, &self.file)).expect("the wall is a file of ours");
    }
}
