//! What only the daemon can tell of itself: how `tok doctor` learns it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokend_proto::List;
use tokend_proto::finding::{self, Finding};
use tokend_proto::message::{About, Health as Answer, Variable};

use crate::account::Keeper;
use crate::clock::{Moment, Wall};
use crate::config::{self, Loaded};
use crate::doctor::state;
use crate::platform::files::Stamp;
use crate::platform::{self, FileIdentity};
use crate::secret::{Errand, Teller};

/// A file system that does not answer by then hangs.
const LONGEST_LOOK: Duration = Duration::from_secs(3);

/// A clock that was set by less, as at the start of a machine, is not worth a word.
const SET_FAR: Duration = Duration::from_secs(60);

/// Who the daemon is, and what it must remember to tell how it is.
#[derive(Debug)]
pub struct Health {
    about: About,
    state: PathBuf,
    program: PathBuf,
    identity: Option<FileIdentity>,
    unit: Option<String>,
    watchdog: Option<Duration>,
    read: Mutex<Read>,
    looking: Arc<tokio::sync::Mutex<()>>,
}

/// The configuration in force.
#[derive(Debug, Default)]
struct Read {
    at: Moment,
    files: Vec<PathBuf>,
    stamps: Vec<(PathBuf, Stamp)>,
}

impl Health {
    /// Of this daemon, which keeps its state in that folder.
    #[must_use]
    pub fn new(about: About, state: &Path) -> Self {
        let program = std::env::current_exe().unwrap_or_default();
        Self {
            about,
            state: state.to_path_buf(),
            identity: platform::file_identity(&program),
            program,
            unit: platform::own_unit(),
            watchdog: platform::watchdog(),
            read: Mutex::default(),
            looking: Arc::default(),
        }
    }

    /// This configuration is in force from now on.
    pub fn has_read(&self, loaded: &Loaded, now: Moment) {
        let read = Read { at: now, files: loaded.files.clone(), stamps: loaded.stamps.clone() };
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = read;
    }

    /// Who the daemon is.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Looks at itself. Asks no service, and waits for no file system that hangs.
    pub(super) async fn describe(&self, keeper: &Keeper) -> Answer {
        let now = keeper.now();
        let (at, files, stamps) = {
            let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            (read.at, read.files.clone(), read.stamps.clone())
        };
        let (folder, state) = (PathBuf::from(&self.about.configuration), self.state.clone());
        let program = self.program.clone();
        let looked = async {
            // One at a time: where a disk hangs, no more than one thread waits for it.
            let turn = Arc::clone(&self.looking).lock_owned().await;
            let look = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                (config::stamps(&folder), state::trouble(&state), platform::file_identity(&program))
            });
            look.await.ok()
        };
        let looked = tokio::time::timeout(LONGEST_LOOK, looked).await.ok().flatten();
        let is_replaced = looked.as_ref().is_some_and(|(_, _, identity)| *identity != self.identity);
        let mut findings = Vec::new();
        match looked {
            Some((current, trouble, _)) => {
                findings.extend(reload_due(&stamps, &current));
                findings.extend(trouble);
            }
            None => findings.push(finding::STORE_SLOW.found(
                format!("the folder of the kept state {} does not answer", self.state.display()),
                format!(
                    "is its file system there? `{}` on it should answer at once",
                    platform::remedies::LOOK_AT_IT
                ),
            )),
        }
        findings.extend(was_set(at, now));
        findings.extend(accounts(keeper).await);
        findings.extend(memory());
        Answer {
            program: self.program.display().to_string(),
            replaced: is_replaced,
            unit: self.unit.clone(),
            watchdog_ms: self.watchdog.map(crate::clock::milliseconds),
            loaded_at_ms: at.wall.0,
            files: List::truncating(files.iter().map(|path| path.display().to_string()).collect()),
            environment: List::truncating(environment()),
            findings: List::truncating(findings),
        }
    }
}

fn reload_due(read: &[(PathBuf, Stamp)], current: &[(PathBuf, Stamp)]) -> Option<Finding> {
    let is_new = |it: &&(PathBuf, Stamp)| !read.contains(it);
    let is_gone = |it: &&(PathBuf, Stamp)| !current.iter().any(|(path, _)| *path == it.0);
    let (what, path) = match (current.iter().find(is_new), read.iter().find(is_gone)) {
        (Some((path, _)), _) => ("was changed", path),
        (None, Some((path, _))) => ("was removed", path),
        (None, None) => return None,
    };
    let message = format!("{} {what} since the daemon read its configuration", path.display());
    Some(finding::CONFIGURATION_RELOAD_DUE.found(message, "`tok reload`"))
}

/// Whether somebody set the wall far while it ran.
fn was_set(since: Moment, now: Moment) -> Option<Finding> {
    let gained = now.gained_since(since);
    let by = Duration::from_millis(gained.unsigned_abs());
    if since.wall == Wall::default() || by <= SET_FAR {
        return None;
    }
    let by = humantime::format_duration(Duration::from_secs(by.as_secs()));
    let way = if gained > 0 { "ahead" } else { "back" };
    let message = format!("this machine's clock was set {way} by {by} since the configuration was read");
    Some(finding::CLOCK_WAS_SET.found(
        message,
        format!("`{}` shows whether it is right now; if so, `tok reload`", platform::remedies::LOOK_AT_CLOCK),
    ))
}

/// What the daemon's environment does not have, and logins that a crash would lose.
async fn accounts(keeper: &Keeper) -> Vec<Finding> {
    let mut found = Vec::new();
    for account in keeper.registry().values() {
        if let Some(why) = account.shared.at_risk() {
            let hint =
                "make the state folder writable, with room on its disk; it is written as soon as that works";
            found.push(finding::ACCOUNT_AT_RISK.found(why.to_string(), hint).of(&account.name));
        }
        let errand = Errand::new(&account.name, &account.provider.identity().origin);
        let sources = account.provider.sources().into_iter().chain(account.provider.first_refresh_token());
        for source in sources.filter(|source| source.teller() == Teller::Daemon) {
            if let Err(failure) = source.look(&errand, LONGEST_LOOK).await {
                found.push(crate::doctor::secret_fault(&failure, &account.name));
            }
        }
    }
    found
}

fn memory() -> Vec<Finding> {
    let mut found = Vec::new();
    if !platform::memory_is_locked() {
        let swap = match platform::swap_is_on() {
            Some(true) => "; swap is on",
            Some(false) => "; there is no swap now",
            None => "",
        };
        let message = format!("the key of secrets in memory may be swapped to disk{swap}");
        let hint = platform::HOW_TO_LOCK_MEMORY;
        found.push(finding::MEMORY_NOT_LOCKED.found(message, hint));
    }
    if platform::leaves_core_files() {
        let hint = platform::remedies::NO_CORE_FILES;
        found.push(finding::MEMORY_CORE_FILES.found("a crash of the daemon would leave a core file", hint));
    }
    if found.is_empty() {
        let message = "the key of secrets in memory is never swapped out, and a crash leaves no core file";
        found.push(finding::MEMORY_LOCKED.found(message, ""));
    }
    found
}

/// What of the environment `tok doctor` must know to look where the daemon looks.
fn environment() -> Vec<Variable> {
    let told = |name: &&str| {
        let value = std::env::var_os(name)?;
        // A proxy may have a user and a password.
        let value = value
            .into_string()
            .ok()
            .filter(|value| !(name.to_lowercase().ends_with("_proxy") && value.contains('@')));
        Some(Variable { name: (*name).to_owned(), value })
    };
    Variable::TOLD.iter().filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Steady;

    #[test]
    fn a_clock_that_was_set_far_is_told_and_a_small_correction_is_not() {
        let start = Moment { wall: Wall(1_700_000_000_000), steady: Steady(1_000_000) };
        let later = |ms: i64| Moment { wall: Wall(start.wall.0 + 3_600_000 + ms), steady: Steady(4_600_000) };
        assert_eq!(was_set(start, later(30_000)), None);
        assert!(was_set(start, later(7_200_000)).is_some_and(|found| found.message.contains("ahead by 2h")));
        assert!(was_set(start, later(-7_200_000)).is_some_and(|found| found.message.contains("back by 2h")));
        assert_eq!(was_set(Moment::default(), later(7_200_000)), None);
    }

    #[test]
    fn a_file_that_came_changed_or_went_makes_a_reload_due() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let main = folder.path().join("config.toml");
        std::fs::write(&main, "")?;
        let read = config::stamps(folder.path());
        assert_eq!(reload_due(&read, &config::stamps(folder.path())), None);
        std::fs::write(&main, "# more")?;
        let said = |found: Option<Finding>| found.map(|found| found.message).unwrap_or_default();
        assert!(said(reload_due(&read, &config::stamps(folder.path()))).contains("was changed"));
        std::fs::remove_file(&main)?;
        assert!(said(reload_due(&read, &config::stamps(folder.path()))).contains("was removed"));
        Ok(())
    }
}
