//! `tokend install`: looks, decides, does; and begins where one that failed has stopped.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};

use tokend::instance::Holder;
use tokend::platform;

use super::hints::hints;
use super::manager::{Changes, Manager};
use super::manifest::{Manifest, hash};
use super::pieces::{self, Piece};
use super::places::Places;
use super::plan::{Step, There, Verdict, judge, missing_folders, remove, unwritable, write};
use super::program::{Call, Program};
use super::telling::{Telling, say};
use super::trouble::Trouble;
use crate::background;

/// Installs, or shows what that would do.
pub(super) fn run(is_dry: bool) -> Result<(), Trouble> {
    let (places, manager) = super::begin()?;
    let program = match manager.copy() {
        Some(copy) => Program { path: copy.to_path_buf(), note: None },
        None => this_program(&places)?,
    };
    install(&*manager, &places, &program, is_dry)
}

/// The same for these.
pub(super) fn install(
    manager: &dyn Manager,
    places: &Places,
    program: &Program,
    is_dry: bool,
) -> Result<(), Trouble> {
    let plan = Plan::of(manager, places, program)?;
    let telling = Telling::new(places, is_dry);
    if is_dry {
        plan.steps.iter().for_each(|step| telling.step(step));
    } else {
        plan.carry_out(manager, places, program, &telling)?;
    }
    for (path, why) in &plan.kept {
        telling.kept(path, &format!("{why}; without it install writes its own"));
    }
    for (unit, why) in &plan.left {
        say(&format!("kept      {unit}: {why}"));
    }
    if plan.steps.is_empty() {
        say("installed already: nothing to change");
    }
    for hint in hints(manager, places, program, !plan.steps.is_empty()) {
        telling.note(&hint);
    }
    Ok(())
}

fn this_program(places: &Places) -> Result<Program, Trouble> {
    let running = env::current_exe().map_err(|error| {
        Trouble::new(format!("this program's file cannot be found: {error}"), "call it by its path")
    })?;
    Program::find(&Call {
        running: &running,
        word: env::args_os().next().as_deref(),
        path: env::var_os("PATH").as_deref(),
        folder: env::current_dir().ok().as_deref(),
        home: &places.home,
    })
}

/// What is to be done, and what is not.
struct Plan {
    steps: Vec<Step>,
    kept: Vec<(PathBuf, &'static str)>,
    left: Vec<(String, &'static str)>,
    /// The list as it is before the first step: what is or may become ours.
    begun: Manifest,
    /// The list as it is after the last.
    done: Manifest,
    /// Whether the list on disk is that one already.
    is_listed: bool,
}

impl Plan {
    fn of(manager: &dyn Manager, places: &Places, program: &Program) -> Result<Self, Trouble> {
        let before = Manifest::read(&Manifest::path(&places.state))?;
        let is_first = before.is_none();
        let before = before.unwrap_or_default();
        let mut pieces = manager.pieces(places, program)?;
        let example = pieces::example(places);
        if before.files.contains_key(&example.path) || !has_configuration(&places.configuration) {
            pieces.push(example);
        }
        let mut plan = Self {
            steps: Vec::new(),
            kept: Vec::new(),
            left: Vec::new(),
            begun: before.clone(),
            done: before.clone(),
            is_listed: false,
        };
        plan.begun.is_begun = true;
        plan.done.is_begun = false;
        let end = other_daemon(places, manager)?;
        let changed = plan.add_pieces(&pieces, places, &before);
        plan.drop_former(&pieces, &before);
        plan.add_orders(manager, program, &before, &changed);
        plan.steps.splice(0..0, end);
        plan.note_folders(manager, places);
        plan.is_listed = !is_first && plan.done == before;
        Ok(plan)
    }

    /// Says of each piece what becomes of it; gives the service's that change.
    fn add_pieces(&mut self, pieces: &[Piece], places: &Places, before: &Manifest) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for piece in pieces {
            let verdict = judge(piece, &There::at(&piece.path), before);
            if let Verdict::Theirs(why) = verdict {
                // What a person made of the example is what the example is for.
                if piece.path != pieces::example(places).path {
                    self.kept.push((piece.path.clone(), why));
                }
                continue;
            }
            if verdict == Verdict::Same && !before.files.contains_key(&piece.path) && !before.is_begun {
                // A person put the very same there: it is not ours to take away.
                continue;
            }
            let own = hash(&piece.bytes);
            self.begun.files.entry(piece.path.clone()).or_default().insert(own.clone());
            self.begun.files.entry(piece.path.clone()).or_default().extend(piece.other_forms.iter().cloned());
            self.done.files.insert(piece.path.clone(), [own].into());
            if piece.is_unit && (verdict != Verdict::Same || before.is_begun) {
                changed.push(piece.path.clone());
            }
            if verdict != Verdict::Same {
                let replaces = verdict == Verdict::Older;
                self.steps.push(Step::Write {
                    path: piece.path.clone(),
                    bytes: piece.bytes.clone(),
                    replaces,
                });
            }
        }
        changed
    }

    /// What an earlier version wrote and this one does not need goes, unless somebody has changed it.
    fn drop_former(&mut self, pieces: &[Piece], before: &Manifest) {
        let wanted: BTreeSet<&PathBuf> = pieces.iter().map(|piece| &piece.path).collect();
        for path in before.files.keys().filter(|path| !wanted.contains(path)) {
            self.done.files.remove(path);
            if matches!(There::at(path), There::File(hash) if before.knows(path, &hash)) {
                self.steps.push(Step::Remove(path.clone()));
            }
        }
    }

    /// What the service manager is told, around the files.
    fn add_orders(
        &mut self,
        manager: &dyn Manager,
        program: &Program,
        before: &Manifest,
        changed: &[PathBuf],
    ) {
        let touched: Vec<&Path> = self.steps.iter().filter_map(Step::touches).collect();
        let orders = manager.orders(&Changes { program, before, changed, touched: &touched });
        self.steps.splice(0..0, orders.first);
        self.steps.extend(orders.then);
        self.done.enabled.extend(orders.enabled);
        self.left = orders.left;
    }

    /// The folders that come into being, by us or by the service manager.
    fn note_folders(&mut self, manager: &dyn Manager, places: &Places) {
        let mut made: BTreeSet<PathBuf> =
            missing_folders(&Manifest::path(&places.state)).into_iter().collect();
        for step in &self.steps {
            match step {
                Step::Write { path, .. } => made.extend(missing_folders(path)),
                Step::Tell(order, units) => {
                    made.extend(manager.makes(*order, units).iter().flat_map(|path| missing_folders(path)));
                }
                _ => {}
            }
        }
        self.begun.folders.extend(made.iter().cloned());
        self.done.folders.extend(made);
    }

    fn carry_out(
        &self,
        manager: &dyn Manager,
        places: &Places,
        program: &Program,
        telling: &Telling<'_>,
    ) -> Result<(), Trouble> {
        let list = Manifest::path(&places.state);
        let write_list = |manifest: &Manifest| {
            platform::private_folder(&places.state)
                .and_then(|()| manifest.write(&list))
                .map_err(|error| unwritable(&list, &error))
        };
        if self.is_listed && self.steps.is_empty() {
            return Ok(());
        }
        write_list(&self.begun)?;
        for step in &self.steps {
            do_step(step, manager, places)?;
            telling.step(step);
        }
        let mut done = self.done.clone();
        done.stamps.extend(manager.stamps(program));
        write_list(&done)
    }
}

impl Step {
    /// The file that it writes or removes.
    fn touches(&self) -> Option<&Path> {
        match self {
            Self::Write { path, .. } | Self::Remove(path) => Some(path),
            _ => None,
        }
    }
}

fn do_step(step: &Step, manager: &dyn Manager, places: &Places) -> Result<(), Trouble> {
    match step {
        Step::EndBackground(process) => background::end(&places.state, *process)
            .map_err(|what| Trouble::taken(what, "`tokend env -k` stops it; then say it once more")),
        Step::Write { path, bytes, .. } => write(path, bytes),
        Step::Remove(path) => remove(path),
        Step::RemoveFolder(_) => Ok(()),
        Step::Tell(order, units) => manager.tell(*order, units),
    }
}

/// Whether there is anything to read: `config.toml`, or a file in `accounts.d`.
fn has_configuration(folder: &Path) -> bool {
    let is_there = |path: PathBuf| std::fs::symlink_metadata(path).is_ok();
    let accounts = std::fs::read_dir(folder.join("accounts.d"));
    is_there(folder.join("config.toml"))
        || accounts.is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.path().extension().is_some_and(|it| it == "toml"))
        })
}

/// A daemon that is not the service has what the service needs: one that `tokend env` started is ended.
///
/// # Errors
/// One that only a person should end.
fn other_daemon(places: &Places, manager: &dyn Manager) -> Result<Option<Step>, Trouble> {
    let Some(holder) = Holder::of(&places.state) else {
        if manager.process().is_none() && Holder::is_there(&places.state) {
            let hint = format!("`fuser {}` names it; end it", places.state.join("lock").display());
            return Err(Trouble::taken("another tokend runs on this user's state", hint));
        }
        return Ok(None);
    };
    if holder.host != platform::host_name() {
        let what = format!("tokend runs on {} already, with the state that both machines share", holder.host);
        return Err(Trouble::taken(
            what,
            "end it there, or give this machine's a state of its own: XDG_STATE_HOME, here and in environment.d",
        ));
    }
    if manager.process() == Some(holder.process) {
        return Ok(None);
    }
    let words = platform::words_of_process(holder.process).unwrap_or_default();
    if words.iter().any(|word| word == b"--background") {
        return Ok(Some(Step::EndBackground(holder.process)));
    }
    let what = format!("tokend runs already, as process {}, and the service needs its state", holder.process);
    Err(Trouble::taken(what, "end it (Ctrl-C where it runs, or `tokend env -k`), and say it once more"))
}
