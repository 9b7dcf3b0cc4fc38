//! What was asked for on the command line.

use std::ffi::OsString;
use std::time::Duration;

use lexopt::prelude::{Long, Short, ValueExt};

use crate::proofs;

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
Every long proof in turn, on the real programs; a table at the end. Without --for each is run in full.

cargo chaos [--for TIME] [--only NAME]… [--seed N]

  --for TIME    so long in all (10m, 1h), divided among the proofs
  --only NAME   this proof only; may be given more than once:
                simulation, kill, kill-anytime, wall, provider, fleet, short-lives, idle
  --seed N      where chance begins; the table names it, to be given again
";

/// What to run.
#[derive(Debug)]
pub(crate) struct Options {
    /// How long in all; without it each runs in full.
    pub(crate) time: Option<Duration>,
    /// Where chance begins.
    pub(crate) seed: u64,
    only: Vec<String>,
}

impl Options {
    /// Nothing where help is wanted.
    pub(crate) fn read(arguments: impl Iterator<Item = OsString>) -> Result<Option<Self>, String> {
        let mut parser = lexopt::Parser::from_args(arguments);
        // Small enough to be typed.
        let mut options = Self { time: None, seed: fastrand::u64(0..1_000_000_000), only: Vec::new() };
        while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
            match argument {
                Long("for") => {
                    let text = value(&mut parser)?;
                    let time = humantime::parse_duration(&text)
                        .map_err(|error| format!("--for {text}: {error}; write 10m or 1h"))?;
                    options.time = Some(time);
                }
                Long("only") => {
                    let name = value(&mut parser)?;
                    if proofs::ALL.iter().all(|proof| proof.name != name) {
                        let names: Vec<_> = proofs::ALL.iter().map(|proof| proof.name).collect();
                        return Err(format!("there is no proof {name}, only {}", names.join(", ")));
                    }
                    options.only.push(name);
                }
                Long("seed") => {
                    let text = value(&mut parser)?;
                    options.seed = text.parse().map_err(|error| format!("--seed {text}: {error}"))?;
                }
                Short('h') | Long("help") => return Ok(None),
                other => return Err(other.unexpected().to_string()),
            }
        }
        Ok(Some(options))
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

fn value(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser.value().and_then(ValueExt::string).map_err(|error| error.to_string())
}
