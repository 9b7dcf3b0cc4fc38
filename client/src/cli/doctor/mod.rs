//! `tok doctor`: looks at the whole set-up in the order in which a person would, and says how to mend it.
//!
//! Three voices tell: this program, of the socket and of versions; the daemon that runs, of what only it
//! knows; and `tokend doctor`, of what any process of the user can see, whether a daemon runs or not.

mod daemon;
mod engine;
mod show;
mod socket;
mod verdict;

use serde::Serialize;
use tokend_client::{Finding, places};

use super::arguments::Words;
use super::complaint::Stop;
use super::output;

/// `tok doctor`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    words.end()?;
    let notice = show::Notice::begin(*words.manner);
    let found = verdict::settle(&examine());
    drop(notice);
    let code = verdict::worst(&found);
    if words.manner.json {
        output::print_json(&Report { code, findings: &found })?;
    } else {
        output::print(show::text(&found).as_bytes())?;
    }
    Ok(code)
}

/// What `--json` prints. Fields are added, never renamed.
#[derive(Serialize)]
struct Report<'a> {
    code: u8,
    findings: &'a [Finding],
}

/// Asks all three.
fn examine() -> Vec<Finding> {
    let mut found = Vec::new();
    let socket = places::sockets().ok().and_then(|places| places.into_iter().next());
    let mut daemon = socket::look(&mut found);
    let health = daemon.as_mut().and_then(|daemon| daemon::look(daemon, &mut found));
    if daemon.is_none() {
        daemon::nobody(&mut found);
    }
    engine::look(socket.as_deref(), daemon.as_ref(), health.as_ref(), &mut found);
    found
}
