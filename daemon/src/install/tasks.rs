//! Windows' Task Scheduler: a task of the user's own that runs from the logon on, and a copy of the program for it: one that
//! runs could not be replaced where it was installed.

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use tokend::instance::Holder;
use tokend::platform;
use tokend::user_service::task::{self, Shown, Task, encoded, xml};

use super::manager::{Changes, Manager, Orders, System, wait_for_daemon};
use super::manifest::{Manifest, hash};
use super::pieces::Piece;
use super::places::Places;
use super::plan::{Order, Step};
use super::program::Program;
use super::trouble::Trouble;

/// The name under which the list keeps how the Task Scheduler shows the task that was made.
const TASK: &str = "task";

const CHANGED: &str = "changed since install made it";

/// A user's Task Scheduler, and how the task is.
#[derive(Debug)]
pub(super) struct Tasks {
    system: Box<dyn System>,
    user: String,
    /// The task's name.
    name: String,
    /// How it is, if there is one.
    task: Option<Shown>,
    /// The daemon that runs from the copy, if one does.
    process: Option<u32>,
    /// The program as it is now.
    running: PathBuf,
    /// The service's own.
    copy: PathBuf,
    /// What the task is made from.
    xml: PathBuf,
    pipe: PathBuf,
    state: PathBuf,
    log: PathBuf,
    /// Variables that say where things are, which the task does not know.
    variables: Vec<&'static str>,
    /// Whether the task was made just now.
    is_made: Cell<bool>,
}

impl Tasks {
    /// Finds how the task of the user with this SID is. `running` is the program that says so.
    ///
    /// # Errors
    /// When schtasks cannot be asked.
    pub(super) fn find(
        places: &Places,
        user: String,
        running: PathBuf,
        system: Box<dyn System>,
    ) -> Result<Self, Trouble> {
        let name = task::name(&user);
        let shown = system.ask(&["/Query", "/TN", &name, "/XML"])?;
        let shown = shown.and_then(|bytes| Shown::read(&bytes));
        let copy = places.programs.join(format!("tokend{}", env::consts::EXE_SUFFIX));
        let process = own_daemon(&*system, &places.state, &copy, shown.is_some());
        Ok(Self {
            system,
            user,
            name,
            task: shown,
            process,
            running,
            copy,
            xml: places.state.join("logon-task.xml"),
            pipe: places.socket.clone(),
            state: places.state.clone(),
            log: places.state.join("tokend.log"),
            variables: places.variables.iter().map(|(name, _)| *name).collect(),
            is_made: Cell::new(false),
        })
    }

    /// Whether somebody has changed the task since it was made.
    fn is_changed(shown: &Shown, before: &Manifest) -> bool {
        !before.is_begun && before.stamps.get(TASK).is_none_or(|stamp| *stamp != hash(shown.gist.as_bytes()))
    }

    fn make(&self) -> Result<(), Trouble> {
        let xml = self.xml.to_string_lossy();
        self.system.tell(&["/Create", "/TN", &self.name, "/XML", &xml, "/F"]).map_err(|refused| {
            let hint = "where nobody may make tasks, this in PowerShell's $PROFILE starts it: \
                        tokend env | Out-String | Invoke-Expression";
            Trouble::new(refused.said, hint)
        })?;
        self.is_made.set(true);
        Ok(())
    }

    fn start(&self) -> Result<(), Trouble> {
        self.system.tell(&["/Run", "/TN", &self.name]).map_err(|refused| {
            let hint = "the Task Scheduler (taskschd.msc) may say more; then say it once more";
            Trouble::new(refused.said, hint)
        })?;
        wait_for_daemon(&*self.system, &self.pipe, &self.log, || None)
    }

    fn stop(&self) -> Result<(), Trouble> {
        let holder = Holder::of(&self.state).filter(|holder| Some(holder.process) == self.process);
        if holder.is_none_or(|holder| self.system.end(&self.state, holder.process).is_ok()) {
            return Ok(());
        }
        let ended = self.system.tell(&["/End", "/TN", &self.name]);
        ended.map_err(|refused| Trouble::new(refused.said, "`tokend env -k` stops it; then say it once more"))
    }
}

/// The daemon of this state, if it runs from the service's copy without a console.
fn own_daemon(system: &dyn System, state: &Path, copy: &Path, has_task: bool) -> Option<u32> {
    let holder = Holder::of(state).filter(|holder| holder.host == platform::host_name())?;
    let is_own = match system.words_of(holder.process) {
        Some(words) => {
            let program = words.first().and_then(|word| std::str::from_utf8(word).ok());
            let is_copy = program.is_some_and(|program| is_same(Path::new(program), copy));
            is_copy && words.iter().any(|word| word == b"--background")
        }
        // Where the system does not show its words, whoever made the task meant it.
        None => has_task,
    };
    is_own.then_some(holder.process)
}

/// Whether both name one file: `c:\users` is `C:\Users`.
fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

impl Manager for Tasks {
    fn listens(&self) -> &Path {
        &self.pipe
    }

    fn process(&self) -> Option<u32> {
        self.process
    }

    fn copy(&self) -> Option<&Path> {
        Some(&self.copy)
    }

    fn pieces(&self, _places: &Places, program: &Program) -> Result<Vec<Piece>, Trouble> {
        let task = Task { program: &program.path, log: &self.log, user: &self.user };
        let text = xml(&task).ok_or_else(|| {
            let what = "no task can name these paths: your folders have control characters";
            Trouble::new(what, "choose others: XDG_STATE_HOME, XDG_DATA_HOME")
        })?;
        let running = std::fs::read(&self.running).map_err(|error| {
            let what = format!("the program {} cannot be read: {error}", self.running.display());
            Trouble::new(what, "call it by its path")
        })?;
        Ok(vec![
            Piece::unit(program.path.clone(), running, ""),
            Piece::unit(self.xml.clone(), encoded(&text), ""),
        ])
    }

    fn orders(&self, changes: &Changes<'_>) -> Orders {
        let mut orders = Orders::default();
        let before = changes.before;
        let is_ours = before.enabled.contains(&self.name) || before.is_begun;
        let has_changed = |path: &Path| changes.changed.iter().any(|changed| changed == path);
        let named = || vec![self.name.clone()];
        let mut may_run = true;
        match &self.task {
            Some(_) if !is_ours => {
                orders.left.push((self.name.clone(), "not of install's making"));
                may_run = false;
            }
            Some(shown) if Self::is_changed(shown, before) => {
                let why = if shown.is_enabled { CHANGED } else { "disabled, as you left it" };
                orders.left.push((self.name.clone(), why));
                may_run = shown.is_enabled;
            }
            Some(_) if !has_changed(&self.xml) => {}
            _ => orders.then.push(Step::Tell(Order::Enable, named())),
        }
        if is_ours || self.task.is_none() {
            orders.enabled.push(self.name.clone());
        }
        match self.process {
            // A program that runs is not replaced.
            Some(_) if has_changed(&self.copy) => {
                orders.first.push(Step::Tell(Order::Stop, named()));
                if may_run {
                    orders.then.push(Step::Tell(Order::Start, named()));
                }
            }
            Some(_) if has_changed(&self.xml) && may_run => {
                orders.then.push(Step::Tell(Order::Restart, named()));
            }
            None if may_run => orders.then.push(Step::Tell(Order::Start, named())),
            _ => {}
        }
        orders
    }

    fn orders_to_end(&self, manifest: &Manifest) -> Orders {
        let mut orders = Orders::default();
        let named = || vec![self.name.clone()];
        if self.process.is_some() {
            orders.first.push(Step::Tell(Order::Stop, named()));
        }
        match &self.task {
            Some(shown) if manifest.enabled.contains(&self.name) || manifest.is_begun => {
                if Self::is_changed(shown, manifest) {
                    orders.left.push((self.name.clone(), CHANGED));
                } else {
                    orders.first.push(Step::Tell(Order::Disable, named()));
                }
            }
            _ => {}
        }
        orders
    }

    fn tell(&self, order: Order, _units: &[String]) -> Result<(), Trouble> {
        match order {
            Order::Enable => self.make(),
            Order::Disable => {
                let removed = self.system.tell(&["/Delete", "/TN", &self.name, "/F"]);
                removed.map_err(|refused| {
                    Trouble::new(
                        refused.said,
                        "remove it in the Task Scheduler (taskschd.msc), and say it once more",
                    )
                })
            }
            Order::Start => self.start(),
            Order::Stop => self.stop(),
            Order::Restart => self.stop().and_then(|()| self.start()),
            Order::Reload => Ok(()),
        }
    }

    fn stamps(&self, _program: &Program) -> BTreeMap<String, String> {
        if !self.is_made.get() {
            return BTreeMap::new();
        }
        let shown = self.system.ask(&["/Query", "/TN", &self.name, "/XML"]).ok().flatten();
        let shown = shown.and_then(|bytes| Shown::read(&bytes));
        let stamp = shown.map(|shown| (TASK.to_owned(), hash(shown.gist.as_bytes())));
        stamp.into_iter().collect()
    }

    fn has_pages(&self) -> bool {
        false
    }

    fn hints(&self, is_changed: bool) -> Vec<String> {
        let mut hints = Vec::new();
        if !self.variables.is_empty() {
            hints.push(format!(
                "the task knows only variables that are set for the user: {} (`setx NAME VALUE` sets one)",
                self.variables.join(", ")
            ));
        }
        if is_changed {
            hints.push("it runs from the logon on, until you log off".to_owned());
            hints.push(
                "completions, in PowerShell's $PROFILE: tok completions powershell | Out-String | Invoke-Expression"
                    .to_owned(),
            );
        }
        hints
    }
}
