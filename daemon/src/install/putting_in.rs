//! `tokend install`: looks, decides, does; and begins where one that failed has stopped.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};

use tokend::instance::Holder;
use tokend::platform;

use super::hints::hints;
use super::manager::{Manager, Unit};
use super::manifest::{Manifest, hash};
use super::pieces::{self, Piece, UNITS};
use super::places::Places;
use super::plan::{Order, Step, There, Verdict, judge, missing_folders, remove, unwritable, write};
use super::program::{Call, Program};
use super::telling::{Telling, say};
use super::trouble::Trouble;
use crate::background;

/// Installs, or shows what that would do.
pub(super) fn run(is_dry: bool) -> Result<(), Trouble> {
    let manager = super::begin()?;
    let places = Places::find(&manager)?;
    let program = this_program(&places)?;
    let plan = Plan::of(&manager, &places, &program)?;
    let telling = Telling::new(&places, is_dry);
    if is_dry {
        plan.steps.iter().for_each(|step| telling.step(step));
    } else {
        plan.carry_out(&manager, &places, &telling)?;
    }
    for (path, why) in &plan.kept {
        telling.kept(path, &format!("{why}; without it install writes its own"));
    }
    for unit in &plan.left_disabled {
        say(&format!("kept      {unit}: disabled, as you left it"));
    }
    if plan.steps.is_empty() {
        say("installed already: nothing to change");
    }
    let listens = plan.listens;
    for hint in hints(&manager, &places, &program, &listens, !plan.steps.is_empty()) {
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
    left_disabled: Vec<&'static str>,
    /// The list as it is before the first step: what is or may become ours.
    begun: Manifest,
    /// The list as it is after the last.
    done: Manifest,
    /// Whether the list on disk is that one already.
    is_listed: bool,
    listens: PathBuf,
}

impl Plan {
    fn of(manager: &Manager, places: &Places, program: &Program) -> Result<Self, Trouble> {
        let before = Manifest::read(&Manifest::path(&places.state))?;
        let is_first = before.is_none();
        let before = before.unwrap_or_default();
        let [socket, service] = units(manager)?;
        let listens = socket.listens.clone();
        let listens = listens.unwrap_or_else(|| manager.runtime_dir().join("tokend/tokend.sock"));

        let mut pieces = pieces::pieces(places, program, &listens, manager.knows_notify_reload())?;
        let example = pieces::example(places);
        if before.files.contains_key(&example.path) || !has_configuration(&places.configuration) {
            pieces.push(example);
        }
        let mut plan = Self {
            steps: other_daemon(places, &service)?.into_iter().collect(),
            kept: Vec::new(),
            left_disabled: Vec::new(),
            begun: before.clone(),
            done: before.clone(),
            is_listed: false,
            listens,
        };
        plan.begun.is_begun = true;
        plan.done.is_begun = false;
        let changed = plan.add_pieces(&pieces, &before);
        plan.drop_former(&pieces, &before);
        plan.add_orders(places, program, [&socket, &service], &before, &changed);
        plan.note_folders(places);
        plan.is_listed = !is_first && plan.done == before;
        Ok(plan)
    }

    /// Says of each piece what becomes of it; gives the units that change.
    fn add_pieces(&mut self, pieces: &[Piece], before: &Manifest) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for piece in pieces {
            let verdict = judge(piece, &There::at(&piece.path), before);
            if let Verdict::Theirs(why) = verdict {
                // What a person made of the example is what the example is for.
                if !piece.path.ends_with("tokend/config.toml") {
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

    fn add_orders(
        &mut self,
        places: &Places,
        program: &Program,
        [socket, service]: [&Unit; 2],
        before: &Manifest,
        changed: &[PathBuf],
    ) {
        let is_of_systemd = |path: &Path| path.starts_with(&places.units);
        let touched = self.steps.iter().any(|step| match step {
            Step::Write { path, .. } | Step::Remove(path) => is_of_systemd(path),
            _ => false,
        });
        if touched || before.is_begun || socket.is_outdated || service.is_outdated {
            self.steps.push(Step::Systemd(Order::Reload, Vec::new()));
        }
        let mut enable = Vec::new();
        let mut start = Vec::new();
        for (name, unit) in UNITS.into_iter().zip([socket, service]) {
            if unit.is_enabled() {
                if before.enabled.contains(name) || before.is_begun {
                    self.done.enabled.insert(name.to_owned());
                }
            } else if before.enabled.contains(name) && !unit.file_state.is_empty() {
                self.left_disabled.push(name);
                continue;
            } else {
                self.done.enabled.insert(name.to_owned());
                enable.push(name);
            }
            if !unit.is_active() {
                start.push(name);
            }
        }
        if !enable.is_empty() {
            self.steps.push(Step::Systemd(Order::Enable, enable));
        }
        // systemd changes no socket under a service that runs.
        let socket_changed = changed.iter().any(|path| path.ends_with(UNITS[0]));
        let is_newer = service.started_at.is_some_and(|started| {
            service.process.is_some()
                && platform::files::changed_at(&program.path).is_some_and(|changed| changed > started)
        });
        let mut restart = Vec::new();
        if socket_changed && socket.is_active() {
            restart.push(UNITS[0]);
        }
        if (!changed.is_empty() || is_newer) && service.is_active() {
            restart.push(UNITS[1]);
        }
        if !restart.is_empty() {
            self.steps.push(Step::Systemd(Order::Restart, restart));
        }
        if !start.is_empty() {
            self.steps.push(Step::Systemd(Order::Start, start));
        }
    }

    /// The folders that come into being, by us or by systemd's links.
    fn note_folders(&mut self, places: &Places) {
        let mut made: BTreeSet<PathBuf> =
            missing_folders(&Manifest::path(&places.state)).into_iter().collect();
        for step in &self.steps {
            match step {
                Step::Write { path, .. } => made.extend(missing_folders(path)),
                Step::Systemd(Order::Enable, units) => {
                    made.extend(units.iter().flat_map(|unit| missing_folders(&wants(places, unit))));
                }
                _ => {}
            }
        }
        self.begun.folders.extend(made.iter().cloned());
        self.done.folders.extend(made);
    }

    fn carry_out(&self, manager: &Manager, places: &Places, telling: &Telling<'_>) -> Result<(), Trouble> {
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
        write_list(&self.done)
    }
}

/// The link by which systemd starts a unit at the login.
pub(super) fn wants(places: &Places, unit: &str) -> PathBuf {
    let target = if unit == UNITS[0] { "sockets.target.wants" } else { "default.target.wants" };
    places.units.join(target).join(unit)
}

fn do_step(step: &Step, manager: &Manager, places: &Places) -> Result<(), Trouble> {
    match step {
        Step::EndBackground(process) => background::end(&places.state, *process)
            .map_err(|what| Trouble::taken(what, "`tokend env -k` stops it; then say it once more")),
        Step::Write { path, bytes, .. } => write(path, bytes),
        Step::Remove(path) => remove(path),
        Step::RemoveFolder(_) => Ok(()),
        Step::Systemd(order, units) => manager.tell(&[&[order.word()], units.as_slice()].concat()).map_err(|said| {
            let hint = match order {
                Order::Start | Order::Restart => {
                    "`tokend check` shows a faulty configuration, `journalctl --user -u tokend` what else it was; \
                     then say it once more"
                }
                _ => "mend it, and say it once more: it goes on where it stopped",
            };
            Trouble::new(said, hint)
        }),
    }
}

/// Both units as they are.
///
/// # Errors
/// One that is masked: somebody does not want it.
fn units(manager: &Manager) -> Result<[Unit; 2], Trouble> {
    let [socket, service] = UNITS;
    let (socket, service) = (manager.unit(socket)?, manager.unit(service)?);
    for (name, unit) in UNITS.into_iter().zip([&socket, &service]) {
        if unit.file_state.starts_with("masked") {
            let hint = format!("`systemctl --user unmask {name}`, if it should run again");
            return Err(Trouble::new(format!("{name} is masked: somebody has forbidden it"), hint));
        }
    }
    Ok([socket, service])
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
fn other_daemon(places: &Places, service: &Unit) -> Result<Option<Step>, Trouble> {
    let Some(holder) = Holder::of(&places.state) else {
        if service.process.is_none() && Holder::is_there(&places.state) {
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
    if service.process == Some(holder.process) {
        return Ok(None);
    }
    let words = platform::words_of_process(holder.process).unwrap_or_default();
    if words.iter().any(|word| word == b"--background") {
        return Ok(Some(Step::EndBackground(holder.process)));
    }
    let what = format!("tokend runs already, as process {}, and the service needs its state", holder.process);
    Err(Trouble::taken(what, "end it (Ctrl-C where it runs, or `tokend env -k`), and say it once more"))
}
