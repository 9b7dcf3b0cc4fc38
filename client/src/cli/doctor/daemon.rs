//! The second question, to the daemon itself: how it is, and how its accounts are.

use std::time::Duration;

use tokend_client::{AccountStatus, Error, Finding, Health, places};
use tokend_proto::finding;

use super::super::complaint::printable;
use super::super::platform::words::RESTART_INSTALLED;
use super::super::span;
use super::socket::Daemon;

/// What it says of itself; nothing where it is too old for that.
pub(super) fn look(daemon: &mut Daemon, found: &mut Vec<Finding>) -> Option<Health> {
    versions(daemon, found);
    let health = match daemon.client.health() {
        Ok(health) => {
            found.extend(health.findings.iter().cloned());
            found.extend(replaced(&health));
            Some(health)
        }
        Err(error) => {
            let hint = format!("{}; what only it knows is not looked at", error.hint());
            found.push(finding::VERSION_OLD_DAEMON.found(error.message(), hint));
            found.push(finding::MEMORY_UNKNOWN.found("the daemon does not tell how its memory is", ""));
            None
        }
    };
    configuration(daemon, found);
    match daemon.client.status() {
        Ok(accounts) => found.extend(accounts.iter().map(account)),
        Err(error) => found.push(silent(&error)),
    }
    if let Ok(store) = daemon.client.store_state()
        && store.locked
    {
        found.push(finding::STORE_LOCKED.found("the store is locked", "`tok unlock`"));
    }
    health
}

/// What is not known without a daemon.
pub(super) fn nobody(found: &mut Vec<Finding>) {
    let start = "start it, then `tok doctor` again";
    found.push(finding::ACCOUNT_UNKNOWN.found("only the daemon knows how the accounts are", start));
    found.push(finding::MEMORY_UNKNOWN.found("only the daemon knows how its memory is", start));
}

fn silent(error: &Error) -> Finding {
    finding::ACCOUNT_UNKNOWN.found(error.message(), error.hint())
}

fn versions(daemon: &Daemon, found: &mut Vec<Finding>) {
    let (ours, theirs) = (env!("CARGO_PKG_VERSION"), daemon.about.version.as_str());
    if ours != theirs {
        let message = format!("the daemon that runs is {}, this tok is {ours}", printable(theirs));
        found.push(finding::VERSION_DAEMON.found(message, RESTART_INSTALLED));
    }
}

fn replaced(health: &Health) -> Option<Finding> {
    let message =
        format!("the daemon runs from {}, which has been replaced or removed since", health.program);
    health.replaced.then(|| finding::VERSION_REPLACED.found(message, RESTART_INSTALLED))
}

/// Whether the daemon reads what this shell's person takes for the configuration.
fn configuration(daemon: &Daemon, found: &mut Vec<Finding>) {
    let theirs = &daemon.about.configuration;
    let Some(ours) = places::configuration().filter(|ours| ours.as_os_str() != theirs.as_str()) else {
        return;
    };
    let message = format!(
        "the daemon reads {}; by this shell's environment it would be {}",
        printable(theirs),
        ours.display()
    );
    let hint = "edit the daemon's; or start it with the HOME and XDG_CONFIG_HOME of this shell";
    found.push(finding::CONFIGURATION_ANOTHER.found(message, hint));
}

fn account(account: &AccountStatus) -> Finding {
    let name = printable(&account.account);
    let (what, hint) = match &account.last_error {
        Some(error) => (printable(&error.message), printable(&error.hint)),
        None => (String::new(), String::new()),
    };
    let or = |text: String, otherwise: String| if text.is_empty() { otherwise } else { text };
    let told = |with: &str| {
        let command = format!("`tok {with}`");
        if hint.contains(&format!("tok {with}")) || hint.is_empty() {
            or(hint.clone(), command)
        } else {
            format!("{command}: {hint}")
        }
    };
    let found = match account.state.as_str() {
        "fresh" | "refreshing" | "idle" => finding::ACCOUNT_WELL.found(well(account), ""),
        "parked" => finding::ACCOUNT_PARKED.found(or(what, "it is parked".to_owned()), mended(&hint, &name)),
        "login-needed" => finding::ACCOUNT_LOGIN_NEEDED
            .found(or(what, "a person must log in".to_owned()), told(&format!("login {name}"))),
        "waiting" => finding::ACCOUNT_WAITING.found(
            or(what, "the last try failed".to_owned()),
            or(hint, "it is tried again by itself".to_owned()),
        ),
        "locked" => finding::ACCOUNT_LOCKED.found(or(what, "it is locked".to_owned()), told("unlock")),
        state => finding::ACCOUNT_STRANGE.found(
            format!("it is in the state {}, which this tok does not know", printable(state)),
            "install the tok that came with the daemon",
        ),
    };
    found.of(&name)
}

/// What to do, and the command that tries it once more.
fn mended(hint: &str, account: &str) -> String {
    match hint {
        "" => format!("mend it, then `tok refresh {account}`"),
        hint if hint.contains("tok refresh") || hint.contains("tok login") => hint.to_owned(),
        hint => format!("{hint}; then `tok refresh {account}`"),
    }
}

fn well(account: &AccountStatus) -> String {
    match (account.state.as_str(), account.expires_in_ms) {
        ("idle", _) => "idle: nobody wanted its token yet".to_owned(),
        (state, Some(left)) => {
            format!("{}, {} left", printable(state), span::words(Duration::from_millis(left)))
        }
        (state, None) => printable(state),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::table::tests;
    use super::*;

    #[test]
    fn every_state_has_its_finding_with_a_remedy_where_there_is_one() {
        for (state, sort, hint) in [
            ("fresh", finding::ACCOUNT_WELL, ""),
            ("idle", finding::ACCOUNT_WELL, ""),
            ("parked", finding::ACCOUNT_PARKED, "tok refresh a"),
            ("waiting", finding::ACCOUNT_WAITING, "by itself"),
            ("login-needed", finding::ACCOUNT_LOGIN_NEEDED, "tok login a"),
            ("locked", finding::ACCOUNT_LOCKED, "tok unlock"),
            ("of-the-future", finding::ACCOUNT_STRANGE, "install"),
        ] {
            let found = account(&tests::account("a", state));
            assert!(found.is(&sort) && found.hint.contains(hint), "{found:?}");
            assert_eq!(found.account.as_deref(), Some("a"));
        }
    }
}
