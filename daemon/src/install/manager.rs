//! What keeps tokend running for a user, as an installation sees it; and which one this system has.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokend::document::printable;
use tokend::platform::{self, Supervisor};
use tokend::user_service;
use tokio::runtime::Runtime;

use super::launchd::Launchd;
use super::manifest::Manifest;
use super::pieces::Piece;
use super::places::Places;
use super::plan::{Order, Step};
use super::program::Program;
use super::systemd::Systemd;
use super::tasks::Tasks;
use super::trouble::Trouble;
use crate::background;

/// How long a question may take.
pub(super) const QUESTION: Duration = Duration::from_secs(20);

/// How long a start or a stop may take: systemd's own limit is 90 s for each unit.
pub(super) const DEED: Duration = Duration::from_secs(200);

/// How long the daemon may take to end, or to answer.
pub(super) const STOPPING: Duration = Duration::from_secs(60);
const STARTING: Duration = Duration::from_secs(20);

/// How often it is looked meanwhile.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// Without a service, this is the way.
pub(super) const WITHOUT: &str =
    r#"in a shell's profile, eval "$(tokend env)" starts it where there is no systemd"#;

/// What keeps tokend running for a user. It has been asked how things are; only `tell` changes any.
pub(super) trait Manager: Debug {
    /// Where the daemon listens once it is installed.
    fn listens(&self) -> &Path;

    /// The service's process, if it runs.
    fn process(&self) -> Option<u32>;

    /// Where the service has a copy of the program of its own; none where it runs the one that was installed.
    fn copy(&self) -> Option<&Path> {
        None
    }

    /// The files that it reads, and that other programs of its system do.
    ///
    /// # Errors
    /// A path that no file of it can name; somebody's word that there is to be no service.
    fn pieces(&self, places: &Places, program: &Program) -> Result<Vec<Piece>, Trouble>;

    /// What it is to be told, once the files are as `changes` says.
    fn orders(&self, changes: &Changes<'_>) -> Orders;

    /// What it is to be told before the files go.
    fn orders_to_end(&self, manifest: &Manifest) -> Orders;

    /// What it is to be told when these files have gone.
    fn orders_after(&self, removed: &[&Path]) -> Vec<Step> {
        let _ = removed;
        Vec::new()
    }

    /// What it makes in the home by itself when it is told that.
    fn makes(&self, order: Order, units: &[String]) -> Vec<PathBuf> {
        let _ = (order, units);
        Vec::new()
    }

    /// Tells it.
    ///
    /// # Errors
    /// What it says.
    fn tell(&self, order: Order, units: &[String]) -> Result<(), Trouble>;

    /// What the list keeps, beside files, to tell the next time what has changed since: as it is now, after all steps.
    fn stamps(&self, program: &Program) -> BTreeMap<String, String> {
        let _ = program;
        BTreeMap::new()
    }

    /// Whether it writes completions and pages.
    fn has_pages(&self) -> bool {
        true
    }

    /// What a person should know: always what does not work as it is, and what might be wanted next after a change.
    fn hints(&self, is_changed: bool) -> Vec<String>;

    /// After all was taken away.
    fn sweep(&self) {}
}

/// What an installation is about to do, for what depends on it.
#[derive(Debug)]
pub(super) struct Changes<'a> {
    /// The program that the service is to run.
    pub(super) program: &'a Program,
    /// What was installed before.
    pub(super) before: &'a Manifest,
    /// Files of the service that change.
    pub(super) changed: &'a [PathBuf],
    /// All files that are written or removed.
    pub(super) touched: &'a [&'a Path],
}

/// What a manager is to be told.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Before the first file is written.
    pub(super) first: Vec<Step>,
    /// After the last.
    pub(super) then: Vec<Step>,
    /// What is ours to take away afterwards.
    pub(super) enabled: Vec<String>,
    /// What stays as somebody has left it, and how that is.
    pub(super) left: Vec<(String, &'static str)>,
}

/// Finds what this system has.
///
/// # Errors
/// Why there is none, or none for this user here.
pub(super) fn find(places: &Places) -> Result<Box<dyn Manager>, Trouble> {
    let user = platform::own_user().to_string();
    match platform::supervisor() {
        Supervisor::Systemd => Ok(Box::new(Systemd::find(places)?)),
        Supervisor::Launchd(program) => {
            let system = Box::new(Programs::new(program)?);
            Ok(Box::new(Launchd::find(places, &user, system)?))
        }
        Supervisor::TaskScheduler(program) => {
            let system = Box::new(Programs::new(program)?);
            let running = env::current_exe().map_err(|error| {
                Trouble::new(format!("this program's file cannot be found: {error}"), "call it by its path")
            })?;
            Ok(Box::new(Tasks::find(places, user, running, system)?))
        }
        Supervisor::Unknown => Err(Trouble::new("tokend knows no service manager of this system", WITHOUT)),
    }
}

/// What a manager needs of the system: the program by which it is asked and told, and the daemon itself.
pub(super) trait System: Debug {
    /// The program's name, as messages have it.
    fn name(&self) -> &str;

    /// Runs it.
    ///
    /// # Errors
    /// When it cannot be run, or takes too long.
    fn run(&self, words: &[&str], limit: Duration) -> io::Result<Said>;

    /// Whether a daemon answers there.
    fn is_answered(&self, socket: &Path) -> bool;

    /// The words with which a process was started, where the system shows them.
    fn words_of(&self, process: u32) -> Option<Vec<Vec<u8>>> {
        platform::words_of_process(process)
    }

    /// Asks the daemon of this state to end, and waits until it has.
    ///
    /// # Errors
    /// Why it goes on.
    fn end(&self, state: &Path, process: u32) -> Result<(), String> {
        background::end(state, process)
    }
}

/// What came of a call.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// With which number the program ended; none after a signal.
    pub(super) status: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// Waits until the daemon that was just started answers; `ended` gives the status with which it ended, if it did.
///
/// # Errors
/// When it does not.
pub(super) fn wait_for_daemon(
    system: &dyn System,
    socket: &Path,
    log: &Path,
    ended: impl Fn() -> Option<i32>,
) -> Result<(), Trouble> {
    let hint = || {
        let log = log.display();
        format!("`tokend check` shows a faulty configuration, {log} what else it was; then say it once more")
    };
    let mut looks = STARTING.as_millis() / LOOK.as_millis();
    while !system.is_answered(socket) {
        if let Some(status) = ended() {
            return Err(Trouble::new(format!("tokend has ended with status {status}"), hint()));
        }
        if looks == 0 {
            return Err(Trouble::new("tokend was started, and does not answer", hint()));
        }
        looks -= 1;
        std::thread::sleep(LOOK);
    }
    Ok(())
}

impl dyn System {
    /// Asks; none where it says no.
    ///
    /// # Errors
    /// When it cannot be run, or takes too long.
    pub(super) fn ask(&self, words: &[&str]) -> Result<Option<Vec<u8>>, Trouble> {
        let output = self.run(words, QUESTION).map_err(|error| {
            let what = format!("`{} {}`: {error}", self.name(), words.join(" "));
            Trouble::new(what, "say it once more")
        })?;
        Ok((output.status == Some(0)).then_some(output.stdout))
    }

    /// Tells; gives the end's number where it says no, with what it says.
    ///
    /// # Errors
    /// When it cannot be run, takes too long, or says no.
    pub(super) fn tell(&self, words: &[&str]) -> Result<(), Refused> {
        let said = format!("{} {}", self.name(), words.join(" "));
        let output = self.run(words, DEED);
        let output = output.map_err(|error| Refused { status: None, said: format!("`{said}`: {error}") })?;
        if output.status == Some(0) {
            return Ok(());
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        let line = stderr.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it says nothing");
        let status = output.status;
        let shown = status.map_or_else(|| "a signal".to_owned(), |status| format!("status {status}"));
        Err(Refused { status, said: format!("`{said}`: {} ({shown})", printable(line, 300)) })
    }
}

/// What a manager said when it did not do it.
#[derive(Debug)]
pub(super) struct Refused {
    /// With which number its program ended.
    pub(super) status: Option<i32>,
    /// Its words.
    pub(super) said: String,
}

/// A program of the system.
#[derive(Debug)]
struct Programs {
    runtime: Runtime,
    program: PathBuf,
    name: String,
}

impl Programs {
    fn new(program: PathBuf) -> Result<Self, Trouble> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Trouble::new(error, "the system is short of something"))?;
        let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { runtime, program, name })
    }
}

impl System for Programs {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(&self, words: &[&str], limit: Duration) -> io::Result<Said> {
        let output = self.runtime.block_on(user_service::call(&self.program, words, limit))?;
        Ok(Said { status: output.status.code(), stdout: output.stdout, stderr: output.stderr })
    }

    fn is_answered(&self, socket: &Path) -> bool {
        self.runtime.block_on(background::answers(socket))
    }
}
