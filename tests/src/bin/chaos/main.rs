//! `cargo chaos`: every long proof in turn, on the real programs, and a table of what came of them.
//!
//! It ends by itself, and leaves no process and no file behind, also when it is interrupted. Its status is 1
//! if anything failed, and 130 if a person ended it.

mod child;
mod options;
mod proofs;
mod screen;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokend_tests::course::{Course, Findings};
use tokend_tests::interrupt::Interrupt;
use tokend_tests::programs;
use tokend_tests::real_time::Stopwatch;

use options::{Options, USAGE};
use proofs::{Proof, Run};
use screen::{Row, Screen};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    if arguments.next().as_deref() == Some(proofs::FLEET_ALONE) {
        let figures: Vec<u64> = arguments.filter_map(|argument| argument.parse().ok()).collect();
        return if proofs::fleet_alone(&figures) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let options = match Options::read(std::env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            // Nobody reads: nothing to do about it.
            let _ = write!(std::io::stdout(), "{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(why) => return complain(&why, "cargo chaos --help tells what there is", 2),
    };
    if let Err(why) = programs::build() {
        return complain(&why, "`cargo chaos`, in the folder of the project, builds what it needs", 1);
    }
    let interrupt = match Interrupt::watch() {
        Ok(interrupt) => interrupt,
        Err(error) => return complain(&error.to_string(), "the system is short of something", 1),
    };
    let screen = Arc::new(Screen::of_stdout());
    let rows = run_all(&options, &interrupt, &screen);
    screen.table(&rows, &options);
    if interrupt.came() {
        return complain(
            "interrupted; what it had started has been ended",
            "the table tells how far it came",
            130,
        );
    }
    if rows.iter().any(Row::has_failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// One after another: each has the machine to itself.
fn run_all(options: &Options, interrupt: &Interrupt, screen: &Arc<Screen>) -> Vec<Row> {
    let chosen: Vec<&Proof> = proofs::ALL.iter().filter(|proof| options.wants(proof.name)).collect();
    let whole: u32 = chosen.iter().map(|proof| proof.share).sum();
    let mut rows = Vec::new();
    for proof in chosen {
        if interrupt.came() {
            break;
        }
        let limit: Option<Duration> = options.time.map(|time| time * proof.share / whole.max(1));
        screen.begin(proof.name, proof.what, limit, options.seed);
        let watch = Stopwatch::start();
        let (name, telling) = (proof.name, Arc::clone(screen));
        let course = Course::new(limit, interrupt.flag(), move |line| telling.progress(name, line));
        let (go, run) = (proof.go, Run { course, limit, seed: options.seed });
        // In a thread, so that a panic there is a failure of this proof and of no other.
        let found = thread::spawn(move || go(&run)).join().unwrap_or_else(|_| {
            let fault = "broke off; what went wrong is said above".to_owned();
            Ok(Findings { faults: vec![fault], ..Findings::default() })
        });
        let row = Row { name, found, took: watch.elapsed(), interrupted: interrupt.came() };
        screen.end(&row);
        rows.push(row);
    }
    rows
}

/// What happened and what to do, in two lines, as tok says it.
fn complain(what: &str, hint: &str, code: u8) -> ExitCode {
    // There is nowhere else to say that this failed.
    let _ = writeln!(std::io::stderr(), "chaos: {what}\nhint: {hint}");
    ExitCode::from(code)
}
