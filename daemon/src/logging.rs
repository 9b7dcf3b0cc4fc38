//! The log: one line an event on standard error, of tokend's own events only.

use std::io::IsTerminal;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::reload;

/// Changes how much is logged.
pub(crate) type Level = reload::Handle<EnvFilter, tracing_subscriber::Registry>;

/// Starts the log at `level`.
///
/// Libraries' events are left out whatever the level: HTTP libraries trace headers and bodies, which hold tokens.
pub(crate) fn start(level: &str) -> Level {
    let (filter, handle) = reload::Layer::new(filter(level));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    // The journal has its own clock, and no colours.
    let started = if std::env::var_os("JOURNAL_STREAM").is_some() {
        registry.with(lines.without_time().with_ansi(false)).try_init()
    } else {
        registry.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init()
    };
    // There is one call, at the start; a second log would be a fault of ours and cost nothing but its lines.
    debug_assert!(started.is_ok());
    handle
}

/// Changes the level.
pub(crate) fn set(handle: &Level, level: &str) {
    if let Err(error) = handle.reload(filter(level)) {
        tracing::warn!(%error, "the log's level cannot be changed");
    }
}

fn filter(level: &str) -> EnvFilter {
    EnvFilter::try_new(format!("tokend={level}")).unwrap_or_else(|_| EnvFilter::new("tokend=info"))
}
