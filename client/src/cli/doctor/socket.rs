//! The first question: where is the daemon looked for, and who is there?

use std::path::Path;

use tokend_client::{About, Client, Error, Finding, places};
use tokend_proto::finding;

use super::super::platform::{self, words};

/// A daemon that answers.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) client: Client,
    pub(super) about: About,
}

/// Looks who is there.
pub(super) fn look(found: &mut Vec<Finding>) -> Option<Daemon> {
    let places = match places::sockets() {
        Ok(places) => places,
        Err(error) => {
            found.push(finding::SOCKET_NO_PLACE.found(error.message(), error.hint()));
            return None;
        }
    };
    let (socket, others) = places.split_first()?;
    match answers(socket) {
        Ok(daemon) => {
            let About { version, pid, .. } = &daemon.about;
            let message = format!("tokend {version} answers on {} (process {pid})", socket.display());
            found.push(finding::SOCKET_ANSWERS.found(message, ""));
            found.extend(others.iter().filter_map(|other| another(&daemon, other)));
            Some(daemon)
        }
        Err(error) => {
            found.push(explain(&error, socket, others));
            None
        }
    }
}

fn answers(socket: &Path) -> Result<Daemon, Error> {
    let mut client = Client::connect_to(socket)?;
    let about = client.about()?;
    Ok(Daemon { client, about })
}

/// Another daemon of this user, which other programs may find instead.
fn another(daemon: &Daemon, socket: &Path) -> Option<Finding> {
    let other = answers(socket).ok().filter(|other| other.about.pid != daemon.about.pid)?;
    let message = format!(
        "another tokend (process {}) listens on {}: programs with another environment get that one",
        other.about.pid,
        socket.display()
    );
    let end = words::end_process;
    let hint =
        format!("stop the one that you do not mean: {} or {}", end(other.about.pid), end(daemon.about.pid));
    Some(finding::SOCKET_SEVERAL.found(message, hint))
}

fn explain(error: &Error, socket: &Path, others: &[std::path::PathBuf]) -> Finding {
    let shown = socket.display();
    match error {
        Error::NotRunning { .. } | Error::Unreachable { .. } if platform::is_something_else(socket) => {
            let message = format!("{shown} is no socket, and in the way of one");
            finding::SOCKET_NO_SOCKET.found(
                message,
                format!("look at it, move it away (`mv {shown} {shown}.old`), and {}", words::START),
            )
        }
        Error::NotRunning { .. } => nobody(socket, others),
        Error::NotOurs { .. } => finding::SOCKET_NOT_OURS.found(error.message(), error.hint()),
        Error::Protocol { .. } => finding::VERSION_PROTOCOL.found(error.message(), error.hint()),
        Error::Unsupported { .. } => finding::VERSION_OLD_DAEMON.found(error.message(), error.hint()),
        Error::Unreachable { .. } => {
            finding::SOCKET_UNUSABLE.found(error.message(), words::look_at_socket(&shown.to_string()))
        }
        _ => {
            let message = format!("a program listens on {shown} and does not answer: {}", error.message());
            finding::SOCKET_NO_ANSWER.found(message, words::RESTART_ANY)
        }
    }
}

fn nobody(socket: &Path, others: &[std::path::PathBuf]) -> Finding {
    let shown = socket.display();
    let is_set = std::env::var_os("TOKEND_SOCK").is_some_and(|set| !set.is_empty());
    if is_set && let Some(other) = others.iter().find(|other| answers(other).is_ok()) {
        let message =
            format!("TOKEND_SOCK says {shown}, where nobody listens; tokend listens on {}", other.display());
        return finding::SOCKET_LEFT_OVER
            .found(message, format!("{}, and look which start-up file sets it", words::UNSET_SOCKET));
    }
    let start = if is_set {
        format!("TOKEND_SOCK says so: {}, or {}", words::UNSET_SOCKET, words::START_THERE)
    } else {
        words::START.to_owned()
    };
    if socket.exists() {
        let message = format!("the daemon that listened on {shown} has gone, and left its socket");
        return finding::SOCKET_STALE.found(message, format!("{start}; the next start replaces it"));
    }
    finding::SOCKET_NOT_RUNNING.found(format!("tokend does not run: there is no socket {shown}"), start)
}
