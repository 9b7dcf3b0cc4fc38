//! `tokend uninstall`: takes away what install wrote, and nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::manager::Manager;
use super::manifest::Manifest;
use super::places::Places;
use super::plan::{Order, Step, There, emptied, remove, remove_folder};
use super::telling::{Telling, say};
use super::trouble::Trouble;

/// Uninstalls, or shows what that would do.
pub(super) fn run(is_dry: bool) -> Result<(), Trouble> {
    let (places, manager) = super::begin()?;
    uninstall(&*manager, &places, is_dry)
}

/// The same for these.
pub(super) fn uninstall(manager: &dyn Manager, places: &Places, is_dry: bool) -> Result<(), Trouble> {
    let list = Manifest::path(&places.state);
    let Some(manifest) = Manifest::read(&list)? else {
        say("nothing is installed for this user: nothing to take away");
        return Ok(());
    };
    let telling = Telling::new(places, is_dry);
    let plan = Plan::of(manager, places, &manifest, &list);
    for step in &plan.steps {
        if !is_dry {
            do_step(step, manager)?;
        }
        telling.step(step);
    }
    if !is_dry {
        manager.sweep();
    }
    for (path, why) in &plan.kept {
        telling.kept(path, why);
    }
    for (unit, why) in &plan.left {
        say(&format!("kept      {unit}: {why}"));
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
    left: Vec<(String, &'static str)>,
}

impl Plan {
    fn of(manager: &dyn Manager, places: &Places, manifest: &Manifest, list: &Path) -> Self {
        let orders = manager.orders_to_end(manifest);
        let mut steps = orders.first;
        let mut gone = BTreeSet::new();
        for step in &steps {
            if let Step::Tell(order @ Order::Disable, units) = step {
                gone.extend(manager.makes(*order, units));
            }
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
        let removed: Vec<&Path> = steps.iter().filter_map(Step::removes).collect();
        let after = manager.orders_after(&removed);
        steps.extend(after);
        // The list goes last: what was not reached is found by the next one.
        gone.insert(list.to_path_buf());
        steps.push(Step::Remove(list.to_path_buf()));
        steps.extend(emptied(&manifest.folders, &gone).into_iter().map(Step::RemoveFolder));
        Self { steps, kept, left: orders.left }
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

fn do_step(step: &Step, manager: &dyn Manager) -> Result<(), Trouble> {
    match step {
        Step::Remove(path) => remove(path),
        Step::RemoveFolder(path) => {
            remove_folder(path);
            Ok(())
        }
        Step::Tell(order, units) => manager.tell(*order, units),
        Step::EndBackground(_) | Step::Write { .. } => Ok(()),
    }
}
