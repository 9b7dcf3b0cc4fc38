//! What happened: a digest of every run, and the last events in words of one that is told.

use std::collections::{BTreeMap, VecDeque};

use super::world::Ending;
use crate::clock::Moment;

#[derive(Debug)]
pub(super) struct Trace {
    /// So many are told; none: those of a run that nobody reads.
    most: usize,
    lines: VecDeque<String>,
    digest: u64,
    violation: Option<(&'static str, String)>,
    counts: BTreeMap<&'static str, u64>,
}

impl Trace {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            lines: VecDeque::new(),
            digest: 0xcbf2_9ce4_8422_2325,
            violation: None,
            counts: BTreeMap::new(),
        }
    }

    fn mix(&mut self, number: u64) {
        self.digest = (self.digest ^ number).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }

    pub(super) fn step(&mut self, step: u64, now: Moment, kind: u64, what: impl FnOnce() -> String) {
        self.mix(now.steady.0);
        self.mix(u64::from_ne_bytes(now.wall.0.to_ne_bytes()));
        self.mix(kind);
        self.note(|| {
            let (steady, wall) = (now.steady.0 - (1 << 42), now.wall.0 - 1_700_000_000_000);
            format!("#{step} steady {steady} wall {wall}: {}", what())
        });
    }

    /// A line of those that are told.
    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if self.most > 0 && self.violation.is_none() {
            if self.lines.len() == self.most {
                self.lines.pop_front();
            }
            self.lines.push_back(what());
        }
    }

    /// Something worth to be counted, so that a world in which nothing happens is seen.
    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// A promise is broken. The first counts.
    pub(super) fn broken(&mut self, check: &'static str, what: String) {
        if self.violation.is_none() {
            self.violation = Some((check, what));
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.violation.is_some()
    }

    pub(super) fn end(self, steps: u64) -> Ending {
        Ending {
            steps,
            digest: self.digest,
            violation: self.violation,
            trace: self.lines.into(),
            counts: self.counts,
        }
    }
}
