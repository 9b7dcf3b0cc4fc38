//! `tokend uninstall`: takes away what install wrote, and nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::manager::Manager;
use super::manifest::Manifest;
use super::pieces::UNITS;
use super::places::Places;
use super::plan::{Order, Step, There, emptied, remove, remove_folder};
use super::putting_in::wants;
use super::telling::{Telling, say};
use super::trouble::Trouble;

/// Uninstalls, or shows what that would do.
pub(super) fn run(is_dry: bool) -> Result<(), Trouble> {
    let manager = super::begin()?;
    let places = Places::find(&manager)?;
    let list = Manifest::path(&places.state);
    let Some(manifest) = Manifest::read(&list)? else {
        say("nothing is installed for this user: nothing to take away");
        return Ok(());
    };
    let telling = Telling::new(&places, is_dry);
    let plan = Plan::of(&manager, &places, &manifest, &list)?;
    for step in &plan.steps {
        if !is_dry {
            do_step(step, &manager)?;
        }
        telling.step(step);
    }
    if !is_dry {
        // The socket's folder goes with the session anyway.
        remove_folder(&manager.runtime_dir().join("tokend"));
    }
    for (path, why) in &plan.kept {
        telling.kept(path, why);
    }
    let yours = [
        (&places.configuration, "your configuration"),
        (&places.data, "your secrets"),
        (&places.state, "kept tokens and logins"),
    ];
    let removed: BTreeSet<&Path> = plan.steps.iter().filter_map(Step::removes).collect();
    for (path, what) in yours.iter().filter(|(path, _)| path.exists() && !removed.contains(path.as_path())) {
        telling.kept(path, what);
    }
    Ok(())
}

struct Plan {
    steps: Vec<Step>,
    kept: Vec<(PathBuf, &'static str)>,
}

impl Plan {
    fn of(manager: &Manager, places: &Places, manifest: &Manifest, list: &Path) -> Result<Self, Trouble> {
        let mut steps = Vec::new();
        let mut stop = Vec::new();
        let mut disable = Vec::new();
        let mut gone = BTreeSet::new();
        for name in UNITS {
            let unit = manager.unit(name)?;
            if unit.is_active() {
                stop.push(name);
            }
            if unit.is_enabled() && manifest.enabled.contains(name) {
                disable.push(name);
                gone.insert(wants(places, name));
            }
        }
        if !stop.is_empty() {
            steps.push(Step::Systemd(Order::Stop, stop));
        }
        if !disable.is_empty() {
            steps.push(Step::Systemd(Order::Disable, disable));
        }
        let mut kept = Vec::new();
        for path in manifest.files.keys() {
            match There::at(path) {
                There::Nothing => {}
                There::File(hash) if manifest.knows(path, &hash) => {
                    gone.insert(path.clone());
                    steps.push(Step::Remove(path.clone()));
                }
                // The configuration is named as a whole.
                _ if path.starts_with(&places.configuration) => {}
                _ => kept.push((path.clone(), "changed since install wrote it")),
            }
        }
        if steps.iter().filter_map(Step::removes).any(|path| path.starts_with(&places.units)) {
            steps.push(Step::Systemd(Order::Reload, Vec::new()));
        }
        // The list goes last: what was not reached is found by the next one.
        gone.insert(list.to_path_buf());
        steps.push(Step::Remove(list.to_path_buf()));
        steps.extend(emptied(&manifest.folders, &gone).into_iter().map(Step::RemoveFolder));
        Ok(Self { steps, kept })
    }
}

impl Step {
    fn removes(&self) -> Option<&Path> {
        match self {
            Self::Remove(path) | Self::RemoveFolder(path) => Some(path),
            _ => None,
        }
    }
}

fn do_step(step: &Step, manager: &Manager) -> Result<(), Trouble> {
    match step {
        Step::Remove(path) => remove(path),
        Step::RemoveFolder(path) => {
            remove_folder(path);
            Ok(())
        }
        Step::Systemd(order, units) => manager
            .tell(&[&[order.word()], units.as_slice()].concat())
            .map_err(|said| Trouble::new(said, "mend it, and say it once more: it goes on where it stopped")),
        Step::EndBackground(_) | Step::Write { .. } => Ok(()),
    }
}
