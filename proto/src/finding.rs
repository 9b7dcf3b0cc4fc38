//! What a check of the whole set-up found: the form in which it travels, and every sort of it that there is.
//!
//! `docs/doctor.md` explains each sort; a test keeps that page and this table alike.

use serde::{Deserialize, Serialize};

use crate::code::Code;

/// One thing that was looked at, and how it is. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the field's name is a key of `tok doctor --json`")]
pub struct Finding {
    /// What was looked at: a word of [`CHECKS`].
    pub check: String,
    /// Which sort of finding it is; unique within its check.
    pub finding: String,
    /// `ok`, `warning`, `fault` or `skipped`.
    pub state: String,
    /// The account that it is about, if it is about one.
    pub account: Option<String>,
    /// What is so; one line.
    pub message: String,
    /// What to do; one line, empty where there is nothing to do.
    pub hint: String,
    /// The exit status that it stands for; 0 unless it is a fault.
    pub code: Code,
}

/// The checks, in the order in which a person would make them.
pub const CHECKS: [&str; 14] = [
    "socket",
    "permissions",
    "version",
    "configuration",
    "clock",
    "dns",
    "tls",
    "service",
    "account",
    "secret",
    "store",
    "keyring",
    "memory",
    "unit",
];

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing is wrong.
    Ok,
    /// It works, and something should be better.
    Warning,
    /// Something is wrong.
    Fault,
    /// It could not be looked at, or there was nothing to look at.
    Skipped,
}

impl State {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fault => "fault",
            Self::Skipped => "skipped",
        }
    }
}

/// A sort of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// Its check.
    pub check: &'static str,
    /// Its own name.
    pub name: &'static str,
    /// How grave it is.
    pub state: State,
    /// The exit status that it stands for.
    pub code: Code,
}

impl Sort {
    /// A finding of this sort.
    #[must_use]
    pub fn found(&self, message: impl Into<String>, hint: impl Into<String>) -> Finding {
        Finding {
            check: self.check.to_owned(),
            finding: self.name.to_owned(),
            state: self.state.word().to_owned(),
            account: None,
            message: message.into(),
            hint: hint.into(),
            code: self.code,
        }
    }
}

impl Finding {
    /// The same, about this account.
    #[must_use]
    pub fn of(self, account: &str) -> Self {
        Self { account: Some(account.to_owned()), ..self }
    }

    /// Whether it is of this sort.
    #[must_use]
    pub fn is(&self, sort: &Sort) -> bool {
        self.check == sort.check && self.finding == sort.name
    }

    /// Whether its state is this one.
    #[must_use]
    pub fn is_in(&self, state: State) -> bool {
        self.state == state.word()
    }
}

macro_rules! sorts {
    ($($(#[$meta:meta])* $name:ident: $check:literal, $word:literal, $state:ident, $code:literal;)*) => {
        $($(#[$meta])* pub const $name: Sort =
            Sort { check: $check, name: $word, state: State::$state, code: Code($code) };)*
        /// Every sort that there is.
        pub const SORTS: &[Sort] = &[$($name),*];
    };
}

sorts! {
    /// A daemon answers.
    SOCKET_ANSWERS: "socket", "answers", Ok, 0;
    /// Nothing says where the socket is.
    SOCKET_NO_PLACE: "socket", "no-place", Fault, 8;
    /// `TOKEND_SOCK` points to where nobody listens, and a daemon listens where it would be looked for
    /// without.
    SOCKET_LEFT_OVER: "socket", "left-over", Fault, 8;
    /// Nobody listens, and there is no socket.
    SOCKET_NOT_RUNNING: "socket", "not-running", Fault, 8;
    /// There is a socket, and its daemon has gone.
    SOCKET_STALE: "socket", "stale", Fault, 8;
    /// There is something else where the socket should be.
    SOCKET_NO_SOCKET: "socket", "no-socket", Fault, 8;
    /// A daemon has this state, and listens elsewhere.
    SOCKET_ELSEWHERE: "socket", "elsewhere", Fault, 8;
    /// Somebody listens, and does not answer.
    SOCKET_NO_ANSWER: "socket", "no-answer", Fault, 8;
    /// Another user listens.
    SOCKET_NOT_OURS: "socket", "not-ours", Fault, 8;
    /// The system lets nobody connect.
    SOCKET_UNUSABLE: "socket", "unusable", Fault, 8;
    /// Several daemons of this user listen.
    SOCKET_SEVERAL: "socket", "several", Warning, 0;

    /// Folders and files are closed to others.
    PERMISSIONS_CLOSED: "permissions", "closed", Ok, 0;
    /// Others can change what lies in the socket's folder.
    PERMISSIONS_SOCKET_FOLDER: "permissions", "socket-folder", Fault, 8;
    /// Others can change the configuration.
    PERMISSIONS_CONFIGURATION: "permissions", "configuration", Fault, 2;
    /// Others can change the kept state.
    PERMISSIONS_STATE: "permissions", "state", Fault, 1;

    /// All are of one version.
    VERSION_SAME: "version", "same", Ok, 0;
    /// The daemon that runs is of another version.
    VERSION_DAEMON: "version", "daemon-differs", Warning, 0;
    /// The `tokend` in `PATH` is of another version.
    VERSION_PATH: "version", "path-differs", Warning, 0;
    /// The daemon cannot tell how it is.
    VERSION_OLD_DAEMON: "version", "old-daemon", Warning, 0;
    /// The daemon runs from a file that has been replaced.
    VERSION_REPLACED: "version", "replaced", Warning, 0;
    /// The daemon speaks another protocol.
    VERSION_PROTOCOL: "version", "protocol", Fault, 8;
    /// There is no `tokend` to look with.
    VERSION_NO_PROGRAM: "version", "no-program", Fault, 1;
    /// The `tokend` that is there cannot look, or did not come to an end.
    VERSION_NO_CHECKS: "version", "no-checks", Fault, 1;

    /// The configuration is sound.
    CONFIGURATION_SOUND: "configuration", "sound", Ok, 0;
    /// There is a mistake in it.
    CONFIGURATION_FAULTY: "configuration", "faulty", Fault, 2;
    /// Something in it is probably not meant.
    CONFIGURATION_DOUBTFUL: "configuration", "doubtful", Warning, 0;
    /// There is none.
    CONFIGURATION_MISSING: "configuration", "missing", Warning, 0;
    /// It names no account.
    CONFIGURATION_NO_ACCOUNTS: "configuration", "no-accounts", Warning, 0;
    /// It was changed, and the daemon has not read it since.
    CONFIGURATION_RELOAD_DUE: "configuration", "reload-due", Warning, 0;
    /// The daemon reads another one.
    CONFIGURATION_ANOTHER: "configuration", "another", Warning, 0;
    /// It cannot be read in time, or not before something else is mended.
    CONFIGURATION_UNREAD: "configuration", "unread", Skipped, 0;

    /// The clock is that of the services.
    CLOCK_RIGHT: "clock", "right", Ok, 0;
    /// The clock is some seconds off.
    CLOCK_SKEWED: "clock", "skewed", Warning, 0;
    /// The clock is minutes off.
    CLOCK_FAR_OFF: "clock", "far-off", Fault, 1;
    /// The clock was set by more than a minute while the daemon ran.
    CLOCK_WAS_SET: "clock", "was-set", Warning, 0;
    /// No service told its time.
    CLOCK_UNKNOWN: "clock", "unknown", Skipped, 0;

    /// The services' names are known.
    DNS_RESOLVES: "dns", "resolves", Ok, 0;
    /// A service's name is not known.
    DNS_UNKNOWN_NAME: "dns", "unknown-name", Fault, 6;
    /// No name has to be looked up.
    DNS_NOT_NEEDED: "dns", "not-needed", Skipped, 0;

    /// The services' certificates are trusted.
    TLS_TRUSTED: "tls", "trusted", Ok, 0;
    /// A service's certificate is not trusted.
    TLS_STRANGER: "tls", "stranger", Fault, 6;
    /// The system has no certificates of authorities.
    TLS_NO_CERTIFICATES: "tls", "no-certificates", Fault, 6;
    /// A `ca_file` cannot be used.
    TLS_CA_FILE: "tls", "ca-file", Fault, 5;
    /// No service speaks TLS, or none could be asked.
    TLS_NOT_NEEDED: "tls", "not-needed", Skipped, 0;

    /// The service answers.
    SERVICE_ANSWERS: "service", "answers", Ok, 0;
    /// No connection can be made.
    SERVICE_UNREACHABLE: "service", "unreachable", Fault, 6;
    /// There was no answer in time.
    SERVICE_TIMEOUT: "service", "timeout", Fault, 6;
    /// The proxy is in the way.
    SERVICE_PROXY: "service", "proxy", Fault, 6;
    /// What answers does not speak HTTP.
    SERVICE_BROKEN: "service", "broken", Fault, 6;
    /// It was not asked.
    SERVICE_NOT_ASKED: "service", "not-asked", Skipped, 0;

    /// The account has what it should have.
    ACCOUNT_WELL: "account", "well", Ok, 0;
    /// The service refused it, and it waits for a change.
    ACCOUNT_PARKED: "account", "parked", Fault, 5;
    /// A person must log in.
    ACCOUNT_LOGIN_NEEDED: "account", "login-needed", Fault, 4;
    /// A try failed, the next one is scheduled.
    ACCOUNT_WAITING: "account", "waiting", Fault, 6;
    /// It is locked.
    ACCOUNT_LOCKED: "account", "locked", Fault, 9;
    /// A crash now would lose its login.
    ACCOUNT_AT_RISK: "account", "at-risk", Fault, 1;
    /// It is in a state that this `tok` does not know.
    ACCOUNT_STRANGE: "account", "strange", Warning, 0;
    /// Nobody tells how the accounts are.
    ACCOUNT_UNKNOWN: "account", "unknown", Skipped, 0;

    /// The account's secrets are where they should be.
    SECRET_THERE: "secret", "there", Ok, 0;
    /// The file of a secret cannot be used.
    SECRET_FILE: "secret", "file", Fault, 5;
    /// A variable is not in the daemon's environment.
    SECRET_VARIABLE: "secret", "variable", Fault, 5;
    /// The daemon was not given a credential.
    SECRET_CREDENTIAL: "secret", "credential", Fault, 5;
    /// A program is not there.
    SECRET_PROGRAM: "secret", "program", Fault, 5;
    /// The store does not have a secret, or not for this account.
    SECRET_STORE: "secret", "store", Fault, 5;
    /// The keyring does not have a secret.
    SECRET_KEYRING: "secret", "keyring", Fault, 5;
    /// The vault cannot be reached.
    SECRET_VAULT: "secret", "vault", Fault, 6;
    /// Only the daemon knows, and it does not run.
    SECRET_UNKNOWN: "secret", "unknown", Skipped, 0;

    /// The store and the kept state are as they should be.
    STORE_SOUND: "store", "sound", Ok, 0;
    /// There is none yet, and nothing needs one.
    STORE_NONE: "store", "none", Ok, 0;
    /// There is no identity, and an account needs the store.
    STORE_NO_IDENTITY: "store", "no-identity", Fault, 5;
    /// The identity has no passphrase.
    STORE_NO_PASSPHRASE: "store", "no-passphrase", Warning, 0;
    /// Others can read the identity, or change what is in the store.
    STORE_OPEN: "store", "open", Fault, 5;
    /// The store is not whole.
    STORE_DAMAGED: "store", "damaged", Fault, 5;
    /// It is locked.
    STORE_LOCKED: "store", "locked", Fault, 9;
    /// Its folder does not answer.
    STORE_SLOW: "store", "slow", Fault, 6;
    /// The kept state cannot be written.
    STORE_STATE_CLOSED: "store", "state-closed", Fault, 1;
    /// There is no room for the kept state.
    STORE_DISK_FULL: "store", "disk-full", Fault, 1;

    /// The keyring answers.
    KEYRING_ANSWERS: "keyring", "answers", Ok, 0;
    /// It does not.
    KEYRING_UNREACHABLE: "keyring", "unreachable", Fault, 6;
    /// Nothing is in the keyring.
    KEYRING_NOT_USED: "keyring", "not-used", Skipped, 0;

    /// The key of secrets in memory stays out of swap, and there are no core files.
    MEMORY_LOCKED: "memory", "locked", Ok, 0;
    /// It may be swapped out.
    MEMORY_NOT_LOCKED: "memory", "not-locked", Warning, 0;
    /// A crash would leave a core file.
    MEMORY_CORE_FILES: "memory", "core-files", Warning, 0;
    /// Only the daemon knows, and it does not tell.
    MEMORY_UNKNOWN: "memory", "unknown", Skipped, 0;

    /// The unit is as it should be.
    UNIT_RUNS: "unit", "sound", Ok, 0;
    /// There is no systemd for this user.
    UNIT_NO_SYSTEMD: "unit", "no-systemd", Skipped, 0;
    /// There is no unit.
    UNIT_NOT_INSTALLED: "unit", "not-installed", Warning, 0;
    /// The unit is not enabled.
    UNIT_NOT_ENABLED: "unit", "not-enabled", Warning, 0;
    /// The unit has failed.
    UNIT_FAILED: "unit", "failed", Fault, 8;
    /// The unit has failed since the configuration is faulty (status 78).
    UNIT_FAILED_CONFIGURATION: "unit", "failed-configuration", Fault, 2;
    /// The unit has failed since another daemon runs (status 69).
    UNIT_FAILED_TAKEN: "unit", "failed-taken", Fault, 8;
    /// systemd has not read the unit or a drop-in since it was changed.
    UNIT_RELOAD_DUE: "unit", "reload-due", Warning, 0;
    /// The daemon that runs is another program than the unit's.
    UNIT_OTHER_PROGRAM: "unit", "other-program", Warning, 0;
    /// The unit's program is not there.
    UNIT_NO_PROGRAM: "unit", "no-program", Fault, 8;
    /// The daemon that runs was not started by the unit.
    UNIT_BY_HAND: "unit", "by-hand", Warning, 0;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_sort_is_named_once_belongs_to_a_check_and_only_faults_have_a_status() {
        let names: BTreeSet<_> = SORTS.iter().map(|sort| (sort.check, sort.name)).collect();
        assert_eq!(names.len(), SORTS.len());
        for sort in SORTS {
            assert!(CHECKS.contains(&sort.check), "{sort:?}");
            assert_eq!(sort.code.0 != 0, sort.state == State::Fault, "{sort:?}");
        }
        for check in CHECKS {
            assert!(SORTS.iter().any(|sort| sort.check == check && sort.state == State::Ok), "{check}");
        }
    }

    #[test]
    fn the_table_is_in_the_order_of_the_checks() {
        let order: Vec<_> =
            SORTS.iter().filter_map(|sort| CHECKS.iter().position(|check| *check == sort.check)).collect();
        assert!(order.is_sorted());
    }
}
