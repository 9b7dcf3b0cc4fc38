//! Where systemd looks for what is written, and what it knows of the user's folders.

use std::path::{Path, PathBuf};

use super::super::places::Places;
use super::super::trouble::Trouble;
use super::systemctl::Systemctl;

/// systemd's folders.
#[derive(Debug)]
pub(super) struct Folders {
    /// The user's own units.
    pub(super) units: PathBuf,
    /// The folder with the units of a package, if there is one.
    pub(super) packaged: Option<PathBuf>,
    /// What the service has to be told, since it would look elsewhere: variables with their values.
    pub(super) differing: Vec<(&'static str, PathBuf)>,
}

impl Folders {
    /// Those of this user.
    ///
    /// # Errors
    /// Where systemd looks for units in none of the user's folders.
    pub(super) fn find(manager: &Systemctl, places: &Places) -> Result<Self, Trouble> {
        let Places { home, config_home, state_home, data_home, .. } = places;
        let units = own_units(&manager.unit_path, &[config_home, &home.join(".config")])?;
        let packaged = packaged_units(&manager.unit_path, &[home, config_home, data_home]);
        let differing = differing(
            manager,
            home,
            &[
                ("XDG_CONFIG_HOME", ".config", config_home),
                ("XDG_STATE_HOME", ".local/state", state_home),
                ("XDG_DATA_HOME", ".local/share", data_home),
            ],
        );
        Ok(Self { units, packaged, differing })
    }

    /// Where systemd reads variables for the whole session (environment.d(5)): beside the units.
    pub(super) fn environment(&self) -> PathBuf {
        let config_home = self.units.ancestors().nth(2).unwrap_or(&self.units);
        config_home.join("environment.d/50-tokend.conf")
    }

    /// Where the package that brought the units puts things for everybody.
    pub(super) fn packaged_share(&self) -> Option<PathBuf> {
        // PREFIX/lib/systemd/user
        let prefix = self.packaged.as_ref()?.ancestors().nth(3)?;
        Some(prefix.join("share"))
    }
}

/// The first of the user's own folders in which systemd looks for units.
fn own_units(unit_path: &[PathBuf], config_homes: &[&Path]) -> Result<PathBuf, Trouble> {
    let candidates = config_homes.iter().map(|home| home.join("systemd/user"));
    let found = candidates.into_iter().find(|candidate| unit_path.contains(candidate));
    found.ok_or_else(|| {
        let homes: Vec<String> = config_homes.iter().map(|home| home.display().to_string()).collect();
        Trouble::new(
            format!("systemd looks for this user's units neither in {}", homes.join(" nor in ")),
            "is HOME the one of this user's login? `systemctl --user show -p UnitPath` says where it looks",
        )
    })
}

/// The folder of the system that has units of ours.
fn packaged_units(unit_path: &[PathBuf], own: &[&Path]) -> Option<PathBuf> {
    let of_the_system =
        |folder: &&PathBuf| !own.iter().any(|own| folder.starts_with(own)) && !folder.starts_with("/run");
    unit_path.iter().filter(of_the_system).find(|folder| folder.join("tokend.service").is_file()).cloned()
}

/// The folders of which the service would think otherwise than this shell.
fn differing(
    manager: &Systemctl,
    home: &Path,
    wanted: &[(&'static str, &str, &Path)],
) -> Vec<(&'static str, PathBuf)> {
    let managers_home = manager.variable("HOME").map_or(home, Path::new);
    let is_other = |name: &str, default: &str, path: &Path| {
        let set = manager.variable(name).map(Path::new).filter(|value| value.is_absolute());
        set.map_or_else(|| managers_home.join(default), Path::to_path_buf) != path
    };
    let others = wanted.iter().filter(|(name, default, path)| is_other(name, default, path));
    others.map(|(name, _, path)| (*name, path.to_path_buf())).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn units_go_where_systemd_looks_for_them() {
        let path = ["/home/a/.config/systemd/user", "/etc/systemd/user"].map(PathBuf::from);
        let (set, usual) = (Path::new("/cfg"), Path::new("/home/a/.config"));
        assert_eq!(own_units(&path, &[set, usual]).unwrap(), path[0]);
        let both = ["/cfg/systemd/user", "/home/a/.config/systemd/user"].map(PathBuf::from);
        assert_eq!(own_units(&both, &[set, usual]).unwrap(), both[0]);
        assert!(own_units(&path, &[set]).unwrap_err().what.contains("/cfg"));
    }

    #[test]
    fn units_of_a_package_are_those_outside_of_the_user_s_own_folders() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["home/.config/systemd/user", "usr/lib/systemd/user"].map(|it| root.path().join(it));
        let home = root.path().join("home");
        for folder in &folders {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(folders[0].join("tokend.service"), "").unwrap();
        assert_eq!(packaged_units(&folders, &[&home]), None);
        std::fs::write(folders[1].join("tokend.service"), "").unwrap();
        assert_eq!(packaged_units(&folders, &[&home]).as_ref(), Some(&folders[1]));
    }
}
