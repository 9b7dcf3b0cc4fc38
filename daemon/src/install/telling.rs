//! What an installation says: a line for each thing done, or to be done.

use std::io::{self, Write as _};
use std::path::Path;

use super::places::Places;
use super::plan::{Order, Step};

/// Who tells, and in which mood.
#[derive(Debug)]
pub(super) struct Telling<'p> {
    places: &'p Places,
    is_dry: bool,
}

impl<'p> Telling<'p> {
    /// Says what is done; in a dry run what would be done.
    pub(super) fn new(places: &'p Places, is_dry: bool) -> Self {
        Self { places, is_dry }
    }

    /// A step that was done.
    pub(super) fn step(&self, step: &Step) {
        let (done, would, what) = match step {
            Step::EndBackground(process) => {
                ("stopped", "stop", format!("the tokend that `tokend env` started (process {process})"))
            }
            Step::Write { path, replaces: false, .. } => ("wrote", "write", self.places.short(path)),
            Step::Write { path, .. } => ("replaced", "replace", self.places.short(path)),
            Step::Remove(path) => ("removed", "remove", self.places.short(path)),
            Step::RemoveFolder(path) => ("removed", "remove", format!("{}/", self.places.short(path))),
            Step::Tell(order, units) => {
                let (done, would) = match order {
                    Order::Enable => ("enabled", "enable"),
                    Order::Disable => ("disabled", "disable"),
                    Order::Start => ("started", "start"),
                    Order::Restart => ("restarted", "restart"),
                    Order::Stop => ("stopped", "stop"),
                    Order::Reload => ("reloaded", "reload"),
                };
                (done, would, units.join(", "))
            }
        };
        if self.is_dry {
            say(&format!("would {would:<8} {what}"));
        } else {
            say(&format!("{done:<9} {what}"));
        }
    }

    /// A file that stays as it is.
    pub(super) fn kept(&self, path: &Path, why: &str) {
        say(&format!("kept      {}: {why}", self.places.short(path)));
    }

    /// Something worth knowing.
    pub(super) fn note(&self, text: &str) {
        let _ = self;
        say(&format!("note: {text}"));
    }
}

/// A line on standard output. A reader that has gone misses it, and what was begun goes on.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
