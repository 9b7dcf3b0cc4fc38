//! The log: tokend's own events on standard error, for a person, for the journal, or one JSON object a line.

mod event;
mod file;
mod json;
mod lines;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokend::clock::{Clock, SystemClock};
use tokend::config::LogFormat;
use tokend::platform;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;

use self::event::Told;
pub(crate) use self::file::to_file;
use self::lines::Dress;

/// Changes how much is logged, and how.
pub(crate) struct Level {
    filter: reload::Handle<Targets, tracing_subscriber::Registry>,
    /// What the command line said: it wins.
    fixed: Option<LogFormat>,
    form: Arc<Form>,
}

/// Whether programs read the log, so that nothing else may be written to standard error.
static FOR_PROGRAMS: AtomicBool = AtomicBool::new(false);

/// Starts the log at `level`, in the format that the command line names, if it names one.
///
/// Libraries' events are left out whatever the level, and `RUST_LOG` is not read: HTTP libraries trace headers and
/// bodies, which hold tokens.
pub(crate) fn start(level: &str, fixed: Option<LogFormat>) -> Level {
    let dress = if platform::stderr_is_the_journal() {
        Dress::Journal
    } else {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Dress::Dated { colour: !plain && platform::stderr_takes_colours() }
    };
    let form = Arc::new(Form { is_json: AtomicBool::new(false), dress });
    let (filter, handle) = reload::Layer::new(filter(level));
    let lines =
        tracing_subscriber::fmt::layer().with_writer(file::Errors).event_format(Formatter(Arc::clone(&form)));
    let started = tracing_subscriber::registry().with(filter).with(lines).try_init();
    // There is one call, at the start; a second log would be a fault of ours and cost nothing but its lines.
    debug_assert!(started.is_ok());
    let level = Level { filter: handle, fixed, form };
    level.set_format(LogFormat::Text);
    report_panics();
    level
}

/// Changes the level and the format, as the configuration says.
pub(crate) fn set(level: &Level, least: &str, format: LogFormat) {
    level.set_format(format);
    if let Err(error) = level.filter.reload(filter(least)) {
        tracing::warn!(%error, "the log's level cannot be changed");
    }
}

/// Whether programs read standard error: then nothing is written to it but events.
pub(crate) fn is_for_programs() -> bool {
    FOR_PROGRAMS.load(Ordering::Relaxed)
}

impl Level {
    fn set_format(&self, format: LogFormat) {
        let is_json = self.fixed.unwrap_or(format) == LogFormat::Json;
        self.form.is_json.store(is_json, Ordering::Relaxed);
        FOR_PROGRAMS.store(is_json || self.form.dress == Dress::Journal, Ordering::Relaxed);
    }
}

/// A panic is a fault of ours: a line of the log like others, where programs read it.
fn report_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_for_programs() {
            tracing::error!("a fault in tokend, please report it: {panic}");
        } else {
            before(panic);
        }
    }));
}

fn filter(level: &str) -> Targets {
    Targets::new().with_target("tokend", LevelFilter::from_str(level).unwrap_or(LevelFilter::INFO))
}

/// How events are written at the moment.
struct Form {
    is_json: AtomicBool,
    dress: Dress,
}

struct Formatter(Arc<Form>);

impl<S, N> FormatEvent<S, N> for Formatter
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let told = Told::of(event, SystemClock.now().wall);
        if self.0.is_json.load(Ordering::Relaxed) {
            writer.write_str(&json::line(&told)?)
        } else {
            writer.write_str(&lines::lines(&told, self.0.dress))
        }
    }
}
