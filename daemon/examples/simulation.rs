//! `cargo simulation`: the deterministic simulation of accounts' lives, for so many steps or seconds, over many seeds.
//!
//! ```text
//! cargo simulation -- --steps 10000000            # seeds from 1 on, until so many steps were taken
//! cargo simulation -- --seconds 60 --from 1000    # for a minute, seeds from 1000 on
//! cargo simulation -- --seed 42                   # one world, with what happened before its end if a promise broke
//! ```
//!
//! It prints how many worlds and steps there were, a digest of all that happened (the same for the same seeds), and how
//! often what happened. Its status is 1 if a promise was broken; then it prints the seed, the step, the check and what
//! happened before. `--world N`: so many steps has a world. `--threads N`: as many as the machine has, if not said.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use tokend::account::simulation::{Report, STEPS_OF_A_WORLD, Violation, run};

/// Runs worlds and checks the daemon's promises after every step.
#[derive(Debug, Parser)]
#[command(name = "simulation")]
struct Options {
    /// This world alone
    #[arg(long)]
    seed: Option<u64>,
    /// The first world
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Ends when so many steps were taken in all
    #[arg(long)]
    steps: Option<u64>,
    /// Ends after so many seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// So many steps has a world
    #[arg(long, default_value_t = STEPS_OF_A_WORLD)]
    world: u64,
    /// Worlds at a time
    #[arg(long)]
    threads: Option<usize>,
    /// So many lines of what happened before a promise was broken
    #[arg(long, default_value_t = 80)]
    lines: usize,
    /// Prints no more than one line
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let started = now();
    let report = match options.seed {
        Some(seed) => run(seed, options.world, options.lines),
        None => many(&options, started),
    };
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} worlds, {} steps in {seconds:.1} s, digest {:016x}",
        report.worlds, report.steps, report.digest
    );
    if !options.quiet {
        for (what, count) in &report.counts {
            println!("  {count:>10} {what}");
        }
    }
    if let Some(violation) = &report.violation {
        tell(violation, options.quiet);
        return ExitCode::FAILURE;
    }
    println!("no promise was broken");
    ExitCode::SUCCESS
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long it runs, not what happens in it, is told by the real clock"
)]
fn now() -> Instant {
    Instant::now()
}

/// Worlds one after another, several at a time, until enough were seen or a promise was broken.
fn many(options: &Options, started: Instant) -> Report {
    let threads = options
        .threads
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1)
        .max(1);
    let most = match (options.steps, options.seconds) {
        (None, None) => 1_000_000,
        (steps, _) => steps.unwrap_or(u64::MAX),
    };
    let end = options.seconds.map(|seconds| started + Duration::from_secs(seconds));
    let next = AtomicU64::new(options.from);
    let taken = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let reports = Mutex::new(Report::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed)
                    && taken.load(Ordering::Relaxed) < most
                    && end.is_none_or(|end| now() < end)
                {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let report = run(seed, options.world, options.lines);
                    taken.fetch_add(report.steps, Ordering::Relaxed);
                    if report.violation.is_some() {
                        is_over.store(true, Ordering::Relaxed);
                    }
                    let mut all = reports.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    *all = std::mem::take(&mut *all).and(report);
                }
            });
        }
    });
    reports.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn tell(violation: &Violation, is_quiet: bool) {
    let Violation { seed, step, check, what, trace } = violation;
    if !is_quiet {
        println!("\nwhat happened before:");
        for line in trace {
            println!("  {line}");
        }
    }
    println!("\nBROKEN: {check}\n  seed {seed}, step {step}: {what}");
    println!("  again: cargo simulation -- --seed {seed}");
}
