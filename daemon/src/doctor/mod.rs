//! Looks at the whole set-up from outside of the daemon, as `tok doctor` wants it: the same configuration,
//! the same ways to the services, whether a daemon runs or not.
//!
//! Nothing is spent or changed at a service: a knock there is all. Every check has its time, and services are
//! asked side by side. [`server::Health`](crate::server::Health) is the part that only the daemon itself can
//! tell.

mod configuration;
mod keyring;
mod permissions;
mod secrets;
mod services;
pub mod state;
mod store;
mod unit;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use secrets::daemons_fault as secret_fault;
use tokend_proto::finding::{self, Finding, Sort};
use tokio::task::JoinSet;

use crate::instance::Holder;
use crate::platform;
use crate::secret::store::Store;

/// What one look may take: a file system that hangs, a service that does not answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is known before anything is looked at.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Where the daemon was looked for.
    pub socket: Option<PathBuf>,
    /// Whether one answered there, and told how it is itself.
    pub running: bool,
    /// Its process.
    pub process: Option<u32>,
    /// The file that it runs from.
    pub program: Option<PathBuf>,
    /// The systemd unit that started it.
    pub unit: Option<String>,
    /// Whether it goes through a proxy that it does not tell, since there is a password in it.
    pub secret_proxy: bool,
}

/// Where findings go as they are made.
type Tell<'a> = &'a (dyn Fn(Finding) + Sync);

/// Looks at everything, and tells each finding once it is made.
pub async fn examine(asked: &Asked, tell: Tell<'_>) {
    let places = platform::surroundings();
    let (Ok(folder), Ok(data), Ok(state)) = (places.configuration(), places.data(), places.state()) else {
        let hint = "set HOME to your home folder, an absolute path";
        tell(finding::CONFIGURATION_UNREAD.found("nothing says where the configuration is", hint));
        return;
    };
    let store = Arc::new(Store::at(&data));
    if !asked.running {
        elsewhere(asked, &state, tell);
    }
    let is_closed = permissions::look(asked, &folder, &state, tell).await;
    let loaded = configuration::look(&folder, &store, is_closed, tell).await;
    let is_understood = loaded.is_some();
    let accounts: &[_] = &loaded.map(configuration::into_accounts).unwrap_or_default();
    tokio::join!(
        async {
            if is_understood {
                tokio::join!(
                    services::look(asked, accounts, tell),
                    secrets::look(asked, accounts, tell),
                    keyring::look(accounts, tell)
                );
            }
        },
        store::look(asked, &store, &state, accounts, tell),
        unit::look(asked, tell),
    );
}

/// Whether a daemon has this state, and listens where nobody looked for it.
fn elsewhere(asked: &Asked, state: &std::path::Path, tell: Tell<'_>) {
    let Some(holder) = Holder::of(state).filter(|holder| Some(&holder.socket) != asked.socket.as_ref())
    else {
        return;
    };
    let socket = holder.socket.display();
    let (message, hint) = if holder.host == platform::host_name() {
        (
            format!("tokend runs (process {}), but listens elsewhere: on {socket}", holder.process),
            format!(
                "`{}`, or `tokend env -k` and start it anew",
                platform::remedies::set_variable("TOKEND_SOCK", &socket.to_string())
            ),
        )
    } else {
        (
            format!(
                "tokend runs on another machine with this state: {}, process {}",
                holder.host, holder.process
            ),
            "stop it there, or give this machine an XDG_STATE_HOME of its own".to_owned(),
        )
    };
    tell(finding::SOCKET_ELSEWHERE.found(message, hint));
}

/// Runs what blocks, in a thread of its own. None where it takes too long.
async fn in_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(work)).await.ok()?.ok()
}

/// At most this many are at work at once.
const SIDE_BY_SIDE: usize = 64;

/// Does all of it side by side, and gives what came of it in the order of the work.
async fn side_by_side<W, T>(work: Vec<W>) -> Vec<T>
where
    W: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let places = Arc::new(tokio::sync::Semaphore::new(SIDE_BY_SIDE));
    let mut running = JoinSet::new();
    for (number, work) in work.into_iter().enumerate() {
        let places = Arc::clone(&places);
        running.spawn(async move {
            // It is never closed.
            let _place = places.acquire_owned().await.ok();
            (number, work.await)
        });
    }
    let mut done = running.join_all().await;
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// A finding about accounts: of one it bears the name, of several the message tells them.
fn about(sort: &Sort, accounts: &[String], message: &str, hint: &str) -> Finding {
    const SHOWN: usize = 5;
    match accounts {
        [] => sort.found(message, hint),
        [one] => sort.found(message, hint).of(one),
        several => {
            let names = several[..several.len().min(SHOWN)].join(", ");
            let more = several.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            sort.found(format!("{message} (accounts {names}{more})"), hint)
        }
    }
}

/// As many of these, as a person says it.
fn count(number: usize, one: &str, several: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {several}") }
}
