//! What a person sees: a line while a proof runs, and the table.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use tokend_tests::course::Findings;
use tokend_tests::real_time::Stopwatch;

use crate::options::Options;
use crate::proofs::Skipped;

/// Where nobody watches, a line so often.
const SELDOM: Duration = Duration::from_secs(15);

/// So many of a proof's faults are shown.
const MOST_FAULTS: usize = 20;

/// Standard output.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: bool,
    last: Mutex<Option<Stopwatch>>,
}

/// What came of a proof.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) found: Result<Findings, Skipped>,
    pub(crate) took: Duration,
    pub(crate) interrupted: bool,
}

impl Row {
    pub(crate) fn has_failed(&self) -> bool {
        self.found.as_ref().is_ok_and(|found| !found.faults.is_empty()) && !self.interrupted
    }

    fn result(&self) -> &'static str {
        match &self.found {
            Err(_) => "SKIPPED",
            Ok(_) if self.interrupted => "interrupted",
            Ok(found) if found.faults.is_empty() => "ok",
            Ok(_) => "FAILED",
        }
    }

    /// What there is room for in the table.
    fn cell(&self) -> String {
        let (amount, widest) = (self.amount(), 60);
        if amount.chars().count() <= widest {
            return amount.to_owned();
        }
        amount.chars().take(widest - 1).chain(['…']).collect()
    }

    fn amount(&self) -> &str {
        match &self.found {
            Ok(found) => &found.amount,
            Err(Skipped(why)) => why,
        }
    }
}

impl Screen {
    pub(crate) fn of_stdout() -> Self {
        Self { terminal: io::stdout().is_terminal(), last: Mutex::new(None) }
    }

    pub(crate) fn begin(&self, name: &str, what: &str, limit: Option<Duration>, seed: u64) {
        let time = limit.map_or_else(|| "in full".to_owned(), |limit| format!("for {} s", limit.as_secs()));
        self.print(&format!("==> {name}: {what} ({time}, seed {seed})"));
    }

    /// How far a proof is: over the last such line on a terminal, seldom elsewhere.
    pub(crate) fn progress(&self, name: &str, line: &str) {
        if self.terminal {
            let mut stdout = io::stdout();
            let _ = write!(stdout, "\r\x1b[K    {name}: {line}").and_then(|()| stdout.flush());
            return;
        }
        let Ok(mut last) = self.last.lock() else { return };
        if last.is_none_or(|last| last.elapsed() >= SELDOM) {
            *last = Some(Stopwatch::start());
            self.print(&format!("    {name}: {line}"));
        }
    }

    pub(crate) fn end(&self, row: &Row) {
        if self.terminal {
            let _ = write!(io::stdout(), "\r\x1b[K");
        }
        if let Ok(found) = &row.found {
            for line in &found.details {
                self.print(&format!("    {line}"));
            }
            for fault in found.faults.iter().take(MOST_FAULTS) {
                self.print(&format!("    FAULT {}", fault.replace('\n', "\n      ")));
            }
        }
        if let Some(more @ 1..) =
            row.found.as_ref().ok().map(|found| found.faults.len().saturating_sub(MOST_FAULTS))
        {
            self.print(&format!("    and {more} more"));
        }
        self.print(&format!("    {}, {} s: {}", row.result(), row.took.as_secs(), row.amount()));
        if let Ok(mut last) = self.last.lock() {
            *last = None;
        }
    }

    pub(crate) fn table(&self, rows: &[Row], options: &Options) {
        let widest = rows.iter().map(|row| row.cell().chars().count()).max().unwrap_or(0).max(6);
        self.print("");
        self.print(&format!("{:<13} {:<widest$} {:<11} {:>7}  seed", "proof", "amount", "result", "seconds"));
        for row in rows {
            self.print(&format!(
                "{:<13} {:<widest$} {:<11} {:>7}  {}",
                row.name,
                row.cell(),
                row.result(),
                row.took.as_secs(),
                options.seed
            ));
        }
    }

    /// Nobody may listen any more; the proofs go on for their status.
    #[expect(clippy::unused_self, reason = "it is this screen that prints")]
    fn print(&self, line: &str) {
        let _ = writeln!(io::stdout(), "{line}");
    }
}
