//! How the daemon is: what only it knows of itself, for `tok doctor`.

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::limits::{MAX_PAGE, MAX_WORDS};
use crate::list::List;

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The file that it runs from; empty where the system does not say.
    pub program: String,
    /// Whether that file has been replaced or removed since.
    pub replaced: bool,
    /// The systemd unit that started it, if one did.
    pub unit: Option<String>,
    /// How long it may keep systemd waiting, in milliseconds, where systemd watches it.
    pub watchdog_ms: Option<u64>,
    /// When it read its configuration, in milliseconds since 1970.
    pub loaded_at_ms: i64,
    /// The files that it read then.
    pub files: List<String, MAX_PAGE>,
    /// What of its environment decides where it looks and whom it trusts.
    pub environment: List<Variable, MAX_WORDS>,
    /// What it found when it looked at itself.
    pub findings: List<Finding, MAX_PAGE>,
}

/// A variable of the daemon's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; none where it may hold a secret.
    pub value: Option<String>,
}

impl Variable {
    /// The variables that a daemon tells of. One that is not set is left out.
    pub const TOLD: [&'static str; 13] = [
        "HOME",
        "PATH",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "XDG_DATA_HOME",
        "DBUS_SESSION_BUS_ADDRESS",
        "CREDENTIALS_DIRECTORY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "https_proxy",
        "HTTPS_PROXY",
        "no_proxy",
        "NO_PROXY",
    ];
}
