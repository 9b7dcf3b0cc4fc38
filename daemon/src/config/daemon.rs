//! The `[daemon]` table: what concerns all accounts.

use std::fs::File;
use std::ops::RangeInclusive;
use std::path::{Component, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::document::{Diagnostic, Table};
use crate::login::Calls;
use crate::provider::Defaults;
use crate::provider::http::{ProxyEnvironment, parse_proxy};
use crate::secret::{Program, Reach};

/// How long a service or a program may take.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

/// What may be wished for: from nothing to a day.
pub(super) const WISHES: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);

/// How long nobody may want a token before everything is locked.
const IDLE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 86_400);

const FORMATS: &[&str] = &["text", "json"];

const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

/// What concerns all accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// The least important events that are logged: `error`, `warn`, `info`, `debug` or `trace`.
    pub log: &'static str,
    /// How they are written.
    pub log_format: LogFormat,
    /// The life that a served token should have left, unless the account says otherwise.
    pub min_valid: Duration,
    /// How long a service may take; 1 s to 10 min.
    pub http_timeout: Duration,
    /// How long a program may take; 1 s to 10 min.
    pub command_timeout: Duration,
    /// Certificates to trust beside the platform's.
    pub ca_file: Option<PathBuf>,
    /// The proxy; without one the environment's counts.
    pub proxy: Option<Url>,
    /// Without a token asked for in so long, everything is locked; 1 s to 30 days.
    pub lock_after: Option<Duration>,
    /// Whether an unlocked store stays so over a restart by systemd.
    pub stay_unlocked_over_restart: bool,
    /// The program that is called when a person must log in.
    pub on_login_needed: Option<Arc<Program>>,
    /// Whether the desktop shows a notification then.
    pub login_notification: bool,
    /// The socket at which Prometheus' metrics are served: absolute, or in the folder of tokend's own socket.
    pub metrics_socket: Option<PathBuf>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Lines for a person; for the journal with their priorities.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Its name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            log: "info",
            log_format: LogFormat::Text,
            min_valid: Duration::from_secs(60),
            http_timeout: Duration::from_secs(20),
            command_timeout: Duration::from_secs(30),
            ca_file: None,
            proxy: None,
            lock_after: None,
            stay_unlocked_over_restart: false,
            on_login_needed: None,
            login_notification: true,
            metrics_socket: None,
        }
    }
}

impl Daemon {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let default = Self::default();
        let daemon = Self {
            log: table.one_of("log", LEVELS).map_or(default.log, |word| word.value),
            log_format: match table.one_of("log_format", FORMATS) {
                Some(word) if word.value == "json" => LogFormat::Json,
                _ => default.log_format,
            },
            min_valid: or(&mut table, "min_valid", &WISHES, default.min_valid),
            http_timeout: or(&mut table, "http_timeout", &TIMEOUTS, default.http_timeout),
            command_timeout: or(&mut table, "command_timeout", &TIMEOUTS, default.command_timeout),
            ca_file: table.path_of_file("ca_file").map(|path| path.value),
            proxy: read_proxy(&mut table),
            lock_after: table.duration_within("lock_after", &IDLE).map(|span| span.value),
            stay_unlocked_over_restart: table
                .boolean("stay_unlocked_over_restart")
                .map_or(default.stay_unlocked_over_restart, |word| word.value),
            on_login_needed: Program::read_alone(&mut table, "on_login_needed").map(Arc::new),
            login_notification: table
                .boolean("login_notification")
                .map_or(default.login_notification, |word| word.value),
            metrics_socket: read_metrics_socket(&mut table),
        };
        table.finish();
        daemon
    }

    /// Who is called when a person must log in.
    #[must_use]
    pub fn calls(&self) -> Calls {
        Calls {
            hook: self.on_login_needed.clone(),
            notification: self.login_notification,
            timeout: self.command_timeout,
        }
    }

    /// What accounts inherit.
    pub(super) fn defaults(&self, environment: ProxyEnvironment, reach: Reach) -> Defaults {
        Defaults {
            http_timeout: self.http_timeout,
            command_timeout: self.command_timeout,
            ca_file: self.ca_file.clone(),
            proxy: self.proxy.clone(),
            environment,
            reach,
        }
    }

    /// A warning, if there is a `ca_file` that cannot be read now. It may come later.
    pub(super) fn unreadable_ca_file(&self) -> Option<Diagnostic> {
        let path = self.ca_file.as_ref()?;
        let error = File::open(path).err()?;
        let message = format!("the `ca_file` cannot be read: {error}");
        Some(Diagnostic::of_file(path, message, "until it can be, services are not asked").into_warning())
    }
}

fn or(table: &mut Table<'_>, key: &str, bounds: &RangeInclusive<Duration>, default: Duration) -> Duration {
    table.duration_within(key, bounds).map_or(default, |duration| duration.value)
}

/// A relative one is a plain name in tokend's own folder.
fn read_metrics_socket(table: &mut Table<'_>) -> Option<PathBuf> {
    let path = table.path_or_name("metrics_socket")?;
    let is_name = path.value.components().eq(path.value.file_name().map(Component::Normal));
    // Of an empty path both sides are nothing.
    if path.value.file_name().is_some() && (path.value.is_absolute() || is_name) {
        return Some(path.value);
    }
    let hint = format!(
        "write a path that begins with {}, or a name in the folder of tokend's own socket",
        crate::platform::remedies::WHOLE_PATH
    );
    table.report(&path.span, "`metrics_socket` names no place for a socket", hint);
    None
}

fn read_proxy(table: &mut Table<'_>) -> Option<Url> {
    let text = table.string("proxy")?;
    parse_proxy(&text.value).map_err(|hint| table.report(&text.span, "`proxy` is no proxy's URL", hint)).ok()
}
