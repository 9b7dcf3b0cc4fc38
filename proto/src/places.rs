//! Where things are: pure functions of the environment and the user (XDG Base Directory Specification; Windows' Known
//! Folders and macOS' Application Support where its variables are not set).

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// What the places depend on. Gathered once by each program, so that the rest can be tested.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `$TOKEND_SOCK`.
    pub tokend_sock: Option<OsString>,
    /// `$XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<OsString>,
    /// `$XDG_STATE_HOME`.
    pub xdg_state_home: Option<OsString>,
    /// `$XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<OsString>,
    /// `$XDG_DATA_HOME`.
    pub xdg_data_home: Option<OsString>,
    /// The user's home.
    pub home: Option<OsString>,
    /// The system's folder for what lives as long as this user is logged in, if it is the user's own and closed to
    /// others: `/run/user/UID` (cron, su and sudo lack the variable), on macOS what `$TMPDIR` is unless it was changed.
    pub run_user: Option<PathBuf>,
    /// The named pipe of this user, on systems that have those in the place of sockets: `\\\\.\pipe\tokend-SID`.
    pub pipe: Option<PathBuf>,
    /// The system's own folders for programs' files, where those are not XDG's defaults.
    pub folders: Option<Folders>,
    /// The machine's name: one home may be shared by several machines.
    pub host: String,
}

/// A system's own folders for tokend's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Of the configuration.
    pub configuration: PathBuf,
    /// Of the store and its identity.
    pub data: PathBuf,
    /// Of the kept state.
    pub state: PathBuf,
}

/// How the names of pipes begin.
const PIPE: &str = r"\\.\pipe\";

/// There is no place: neither the variable nor a home is set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoPlace {
    /// Neither `$HOME` nor the XDG variable that would stand in for it.
    NoHome(&'static str),
    /// `$TOKEND_SOCK` is set to something that is not an absolute path.
    NotAbsolute,
    /// `$TOKEND_SOCK` is set to something that is not a pipe's name, on a system with pipes.
    NotAPipe,
}

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHome(variable) => write!(f, "neither ${variable} nor $HOME is set to an absolute path"),
            Self::NotAbsolute => f.write_str("$TOKEND_SOCK is not an absolute path"),
            Self::NotAPipe => write!(f, "$TOKEND_SOCK is no name of a pipe ({PIPE}NAME)"),
        }
    }
}

impl std::error::Error for NoPlace {}

impl Surroundings {
    /// The socket: the first that applies of `$TOKEND_SOCK`, the user's pipe, `$XDG_RUNTIME_DIR/tokend/tokend.sock`,
    /// `/run/user/UID/tokend/tokend.sock`, `$XDG_STATE_HOME/tokend/run-HOST/tokend.sock`.
    ///
    /// # Errors
    /// [`NoPlace`] when nothing says where.
    pub fn socket(&self) -> Result<PathBuf, NoPlace> {
        if let Some(path) = self.tokend_sock.as_ref().filter(|value| !value.is_empty()) {
            let path = PathBuf::from(path);
            if self.pipe.is_some() && !is_pipe(&path) {
                return Err(NoPlace::NotAPipe);
            }
            return if path.is_absolute() { Ok(path) } else { Err(NoPlace::NotAbsolute) };
        }
        if let Some(pipe) = &self.pipe {
            return Ok(pipe.clone());
        }
        if let Some(dir) = absolute(self.xdg_runtime_dir.as_ref()).or_else(|| self.run_user.clone()) {
            return Ok(dir.join("tokend").join("tokend.sock"));
        }
        Ok(self.state()?.join(format!("run-{}", self.host_component())).join("tokend.sock"))
    }

    /// The configuration's folder.
    ///
    /// # Errors
    /// [`NoPlace`] without a home.
    pub fn configuration(&self) -> Result<PathBuf, NoPlace> {
        let own = self.folders.as_ref().map(|folders| &folders.configuration);
        self.under(self.xdg_config_home.as_ref(), own, ".config", "XDG_CONFIG_HOME")
    }

    /// The kept state's folder.
    ///
    /// # Errors
    /// [`NoPlace`] without a home.
    pub fn state(&self) -> Result<PathBuf, NoPlace> {
        let own = self.folders.as_ref().map(|folders| &folders.state);
        self.under(self.xdg_state_home.as_ref(), own, ".local/state", "XDG_STATE_HOME")
    }

    /// The folder of the store and its identity.
    ///
    /// # Errors
    /// [`NoPlace`] without a home.
    pub fn data(&self) -> Result<PathBuf, NoPlace> {
        let own = self.folders.as_ref().map(|folders| &folders.data);
        self.under(self.xdg_data_home.as_ref(), own, ".local/share", "XDG_DATA_HOME")
    }

    /// The user's home.
    ///
    /// # Errors
    /// [`NoPlace`] when `$HOME` is not an absolute path.
    pub fn home(&self) -> Result<PathBuf, NoPlace> {
        absolute(self.home.as_ref()).ok_or(NoPlace::NoHome("HOME"))
    }

    fn under(
        &self,
        variable: Option<&OsString>,
        systems_own: Option<&PathBuf>,
        default: &str,
        name: &'static str,
    ) -> Result<PathBuf, NoPlace> {
        let base = match (absolute(variable), systems_own) {
            (Some(base), _) => base,
            (None, Some(own)) => return Ok(own.clone()),
            (None, None) => absolute(self.home.as_ref()).ok_or(NoPlace::NoHome(name))?.join(default),
        };
        Ok(base.join("tokend"))
    }

    /// A host name may hold anything; a file name may not.
    fn host_component(&self) -> String {
        let name: String = self
            .host
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
            .collect();
        if name.is_empty() { "localhost".to_owned() } else { name }
    }
}

/// A pipe's name is anything but a backslash (`CreateNamedPipeW`).
fn is_pipe(path: &Path) -> bool {
    let parts = path.to_str().and_then(|path| path.split_at_checked(PIPE.len()));
    parts.is_some_and(|(start, name)| {
        start.eq_ignore_ascii_case(PIPE) && !name.is_empty() && !name.contains('\\')
    })
}

/// Relative paths in the XDG variables are invalid and ignored, says the specification.
fn absolute(value: Option<&OsString>) -> Option<PathBuf> {
    value.map(Path::new).filter(|path| path.is_absolute()).map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An absolute path on this system, which may want a drive in front.
    fn at(path: &str) -> PathBuf {
        std::path::absolute(path).unwrap_or_default()
    }

    fn home() -> Surroundings {
        Surroundings { home: Some(at("/home/a").into()), host: "box".to_owned(), ..Surroundings::default() }
    }

    #[test]
    fn the_variable_wins() {
        let all = Surroundings {
            tokend_sock: Some(at("/tmp/x.sock").into()),
            xdg_runtime_dir: Some(at("/run/user/7").into()),
            ..home()
        };
        assert_eq!(all.socket(), Ok(at("/tmp/x.sock")));
        let relative = Surroundings { tokend_sock: Some("x.sock".into()), ..home() };
        assert_eq!(relative.socket(), Err(NoPlace::NotAbsolute));
    }

    #[test]
    fn then_the_runtime_folder_by_variable_or_by_looking() {
        let by_variable = Surroundings { xdg_runtime_dir: Some(at("/run/user/7").into()), ..home() };
        assert_eq!(by_variable.socket(), Ok(at("/run/user/7/tokend/tokend.sock")));
        let by_looking = Surroundings { run_user: Some(at("/run/user/7")), ..home() };
        assert_eq!(by_looking.socket(), Ok(at("/run/user/7/tokend/tokend.sock")));
    }

    #[test]
    fn then_the_state_folder_of_this_machine() {
        assert_eq!(home().socket(), Ok(at("/home/a/.local/state/tokend/run-box/tokend.sock")));
        let odd = Surroundings { host: "a/b".to_owned(), ..home() };
        assert_eq!(odd.socket(), Ok(at("/home/a/.local/state/tokend/run-a_b/tokend.sock")));
    }

    #[test]
    fn empty_and_relative_variables_do_not_count() {
        let odd = Surroundings {
            tokend_sock: Some(OsString::new()),
            xdg_state_home: Some("state".into()),
            xdg_runtime_dir: Some(OsString::new()),
            ..home()
        };
        assert_eq!(odd.socket(), home().socket());
        assert_eq!(Surroundings::default().socket(), Err(NoPlace::NoHome("XDG_STATE_HOME")));
    }

    #[test]
    fn configuration_and_state_follow_xdg() {
        assert_eq!(home().configuration(), Ok(at("/home/a/.config/tokend")));
        let set = Surroundings { xdg_config_home: Some(at("/etc/x").into()), ..home() };
        assert_eq!(set.configuration(), Ok(at("/etc/x/tokend")));
    }

    #[test]
    fn a_system_with_pipes_has_no_socket_in_a_folder() {
        let pipe = PathBuf::from(r"\\.\pipe\tokend-S-1-5-21-7");
        let windows = Surroundings {
            pipe: Some(pipe.clone()),
            xdg_runtime_dir: Some(at("/run/user/7").into()),
            ..home()
        };
        assert_eq!(windows.socket(), Ok(pipe));
        for wrong in ["/tmp/x.sock", r"C:\x.sock", r"\\.\pipe\", r"\\server\pipe\tokend", r"\\.\pipe\a\..\b"]
        {
            let set = Surroundings { tokend_sock: Some(wrong.into()), ..windows.clone() };
            assert_eq!(set.socket(), Err(NoPlace::NotAPipe), "{wrong}");
        }
    }

    #[test]
    fn a_system_s_own_folders_stand_in_for_xdg_s_defaults() {
        let folders = Folders { configuration: at("/a/config"), data: at("/a/data"), state: at("/a/state") };
        let own = Surroundings { folders: Some(folders.clone()), home: None, ..home() };
        assert_eq!(own.configuration(), Ok(folders.configuration));
        assert_eq!(own.data(), Ok(folders.data));
        assert_eq!(own.state(), Ok(folders.state));
        let set = Surroundings { xdg_state_home: Some(at("/x").into()), ..own };
        assert_eq!(set.state(), Ok(at("/x/tokend")));
    }
}
