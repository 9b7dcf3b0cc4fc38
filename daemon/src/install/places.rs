//! Where an installation puts things: the places that each of the programs which read them documents.

use std::ffi::{OsStr, OsString};
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use tokend::platform;
use tokend_proto::places::{NoPlace, Surroundings};

use super::trouble::Trouble;

/// Where things are and go.
#[derive(Debug)]
pub(super) struct Places {
    /// The user's home.
    pub(super) home: PathBuf,
    /// tokend's configuration.
    pub(super) configuration: PathBuf,
    /// Its kept state.
    pub(super) state: PathBuf,
    /// Its secrets.
    pub(super) data: PathBuf,
    /// `$XDG_CONFIG_HOME`, which other programs read, too.
    pub(super) config_home: PathBuf,
    /// `$XDG_STATE_HOME`.
    pub(super) state_home: PathBuf,
    /// `$XDG_DATA_HOME`.
    pub(super) data_home: PathBuf,
    /// Where tok looks for the socket, when no variable tells it.
    pub(super) socket: PathBuf,
    /// Where bash looks for completions.
    pub(super) bash: PathBuf,
    /// Where a copy of the program goes, on systems whose services have one.
    pub(super) programs: PathBuf,
    /// Variables that say where things are, with their values: what starts a service may not know them.
    pub(super) variables: Vec<(&'static str, PathBuf)>,
}

impl Places {
    /// The places of this user, as the shell has them.
    ///
    /// # Errors
    /// Without a home.
    pub(super) fn find() -> Result<Self, Trouble> {
        Self::of(&platform::surroundings(), std::env::var_os("BASH_COMPLETION_USER_DIR"))
    }

    pub(super) fn of(surroundings: &Surroundings, bash_folder: Option<OsString>) -> Result<Self, Trouble> {
        let no_place = |error: NoPlace| Trouble::new(error, "set HOME");
        let home = surroundings.home().map_err(no_place)?;
        let unset = Surroundings { tokend_sock: None, ..surroundings.clone() };
        // Other programs know nothing of the folders in which a system wants tokend's files.
        let shared = Surroundings { folders: None, ..surroundings.clone() };
        let above = |folder: &Path| folder.parent().unwrap_or(folder).to_path_buf();
        let data_home = above(&shared.data().map_err(no_place)?);
        let bash = bash_folder.map(PathBuf::from).filter(|folder| folder.is_absolute());
        let variables = [
            ("XDG_CONFIG_HOME", &surroundings.xdg_config_home),
            ("XDG_STATE_HOME", &surroundings.xdg_state_home),
            ("XDG_DATA_HOME", &surroundings.xdg_data_home),
        ];
        let variables =
            variables.into_iter().filter_map(|(name, value)| Some((name, PathBuf::from(value.as_ref()?))));
        let variables: Vec<_> = variables.filter(|(_, value)| value.is_absolute()).collect();
        let is_moved = variables.iter().any(|(name, _)| *name == "XDG_DATA_HOME");
        let systems_own = surroundings.folders.as_ref().filter(|_| !is_moved);
        let systems_own = systems_own.and_then(|folders| folders.data.ancestors().nth(2));
        Ok(Self {
            programs: systems_own.unwrap_or(&data_home).join("Programs").join("tokend"),
            variables,
            bash: bash.unwrap_or_else(|| data_home.join("bash-completion")).join("completions"),
            home,
            configuration: surroundings.configuration().map_err(no_place)?,
            state: surroundings.state().map_err(no_place)?,
            data: surroundings.data().map_err(no_place)?,
            config_home: above(&shared.configuration().map_err(no_place)?),
            state_home: above(&shared.state().map_err(no_place)?),
            data_home,
            socket: unset.socket().map_err(no_place)?,
        })
    }

    /// A path as a person writes it.
    pub(super) fn short(&self, path: &Path) -> String {
        match path.strip_prefix(&self.home) {
            // Other shells know no `~`.
            Ok(rest) if !rest.as_os_str().is_empty() && MAIN_SEPARATOR == '/' => {
                format!("~/{}", rest.display())
            }
            _ => path.display().to_string(),
        }
    }

    /// Whether man(1) finds pages in the user's folder: man-db looks for `share/man` beside each `bin` of PATH.
    pub(super) fn man_is_found(&self, path: Option<&OsStr>, manpath: Option<&OsStr>) -> bool {
        let own = self.data_home.join("man");
        let split = |variable: Option<&OsStr>| {
            variable.into_iter().flat_map(std::env::split_paths).collect::<Vec<_>>()
        };
        split(manpath).contains(&own)
            || split(path).iter().any(|bin| bin.parent().is_some_and(|it| it.join("share/man") == own))
    }
}
