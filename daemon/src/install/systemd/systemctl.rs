//! The user's systemd, asked and told by systemctl(1), with a time limit on each call.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokend::document::printable;
use tokend::platform;
use tokio::process::Command;
use tokio::runtime::Runtime;

use super::super::manager::{DEED, QUESTION, WITHOUT};
use super::super::trouble::Trouble;

/// How the user's systemd is reached.
#[derive(Debug)]
pub(super) struct Systemctl {
    runtime: Runtime,
    runtime_dir: PathBuf,
    /// Where it looks for units, the first first.
    pub(super) unit_path: Vec<PathBuf>,
    environment: HashMap<String, String>,
    version: u32,
}

/// How a unit is, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// What `systemctl is-enabled` says; nothing where there is no such unit.
    pub(super) file_state: String,
    /// What `systemctl is-active` says.
    pub(super) active_state: String,
    /// Its file.
    pub(super) fragment: Option<PathBuf>,
    /// Its process, if it has one.
    pub(super) process: Option<u32>,
    /// When that started, in seconds since 1970.
    pub(super) started_at: Option<i64>,
    /// Where it listens.
    pub(super) listens: Option<PathBuf>,
    /// Whether systemd knows another file than the one that is there now.
    pub(super) is_outdated: bool,
}

impl Unit {
    /// Whether it runs, or is about to.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.active_state.as_str(), "active" | "activating" | "reloading")
    }

    /// Whether it is started at the login.
    pub(super) fn is_enabled(&self) -> bool {
        self.file_state.starts_with("enabled")
    }

    fn of(properties: &str) -> Self {
        let mut unit = Self::default();
        for (name, value) in properties.lines().filter_map(|line| line.split_once('=')) {
            match name {
                "UnitFileState" => value.clone_into(&mut unit.file_state),
                "ActiveState" => value.clone_into(&mut unit.active_state),
                "FragmentPath" if !value.is_empty() => unit.fragment = Some(value.into()),
                "MainPID" => unit.process = value.parse().ok().filter(|process| *process != 0),
                "ExecMainStartTimestamp" => {
                    unit.started_at = value.strip_prefix('@').and_then(|time| time.parse().ok());
                }
                "NeedDaemonReload" => unit.is_outdated = value == "yes",
                "Listen" => unit.listens = value.strip_suffix(" (Stream)").map(PathBuf::from),
                _ => {}
            }
        }
        unit
    }
}

impl Systemctl {
    /// Finds the user's systemd.
    ///
    /// # Errors
    /// Why there is none, or none for this user here.
    pub(super) fn find() -> Result<Self, Trouble> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Trouble::new(error, "the system is short of something"))?;
        let runtime_dir = runtime_dir()?;
        let mut manager =
            Self { runtime, runtime_dir, unit_path: Vec::new(), environment: HashMap::new(), version: 0 };
        let shown = manager.ask(&["show", "--property=UnitPath,Version"]);
        let shown = shown.map_err(|error| without_a_manager(&error))?;
        let unit_path = shown.lines().find_map(|line| line.strip_prefix("UnitPath=")).unwrap_or_default();
        let version = shown.lines().find_map(|line| line.strip_prefix("Version=")).unwrap_or_default();
        manager.version = leading_number(version);
        manager.unit_path = unit_path.split_whitespace().map(PathBuf::from).collect();
        let environment =
            manager.ask(&["show-environment"]).map_err(|error| Trouble::new(error, "say it once more"))?;
        // Odd values are quoted as `$'…'`; none of those is a path that matters here.
        let pairs = environment.lines().filter_map(|line| line.split_once('='));
        let plain = pairs.filter(|(_, value)| !value.starts_with("$'"));
        manager.environment = plain.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(manager)
    }

    /// Whether it knows `Type=notify-reload`.
    pub(super) fn knows_notify_reload(&self) -> bool {
        self.version >= 253
    }

    /// A variable that its services have.
    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment.get(name).map(OsStr::new)
    }

    /// What a unit file calls `%t`.
    pub(super) fn runtime_dir(&self) -> &Path {
        self.variable("XDG_RUNTIME_DIR").map_or(&self.runtime_dir, Path::new)
    }

    /// How a unit is.
    ///
    /// # Errors
    /// When systemd does not say.
    pub(super) fn unit(&self, name: &str) -> Result<Unit, Trouble> {
        let properties = "--property=UnitFileState,ActiveState,FragmentPath,MainPID,ExecMainStartTimestamp,Listen,\
                          NeedDaemonReload";
        // Since systemd 247; before that one does not learn when it started.
        let shown = self
            .ask(&["show", "--timestamp=unix", properties, name])
            .or_else(|_| self.ask(&["show", properties, name]));
        let shown = shown.map_err(|error| Trouble::new(error, "`systemctl --user status` says how it is"))?;
        Ok(Unit::of(&shown))
    }

    /// Does something: `systemctl --user WORDS`.
    ///
    /// # Errors
    /// What systemd says.
    pub(super) fn tell(&self, words: &[&str]) -> Result<(), String> {
        self.call(words, DEED).map(drop)
    }

    /// Whether the user's services outlive the user's sessions; nothing where nobody says.
    pub(super) fn lingers(&self) -> Option<bool> {
        let user = platform::own_user().to_string();
        let mut command = Command::new("loginctl");
        command.args(["show-user", &user, "--property=Linger", "--value"]);
        let output = self.run(command, QUESTION).ok().filter(|output| output.status.success())?;
        match String::from_utf8_lossy(&output.stdout).trim() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }
    }

    fn ask(&self, words: &[&str]) -> Result<String, String> {
        self.call(words, QUESTION)
    }

    fn call(&self, words: &[&str], limit: Duration) -> Result<String, String> {
        let mut command = Command::new("systemctl");
        command.args(["--user", "--no-pager", "--no-ask-password"]).args(words);
        let said = format!("systemctl --user {}", words.join(" "));
        let output = self.run(command, limit).map_err(|error| format!("`{said}`: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        // What comes after the first line says how to look further, for people who called systemctl.
        let line = stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        Err(format!("`{said}`: {}", printable(line.trim(), 300)))
    }

    fn run(&self, mut command: Command, limit: Duration) -> io::Result<Output> {
        command
            .env("XDG_RUNTIME_DIR", &self.runtime_dir)
            .env("SYSTEMD_COLORS", "0")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        self.runtime.block_on(async {
            match tokio::time::timeout(limit, command.output()).await {
                Ok(output) => output.map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => {
                        io::Error::new(io::ErrorKind::NotFound, "there is no such program")
                    }
                    _ => error,
                }),
                Err(_) => Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no end within {} s", limit.as_secs()),
                )),
            }
        })
    }
}

/// `252` of `252.39-1~deb12u1`; 0 where there is none.
fn leading_number(version: &str) -> u32 {
    version.split(|c: char| !c.is_ascii_digit()).next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The folder in which this user's systemd listens: also where the session has no variable for it (cron, ssh with a
/// command), or another user's (su keeps it).
fn runtime_dir() -> Result<PathBuf, Trouble> {
    let surroundings = platform::surroundings();
    let is_own =
        |path: &PathBuf| platform::files::facts(path).is_ok_and(|facts| facts.owner == platform::own_user());
    let named = surroundings.xdg_runtime_dir.map(PathBuf::from).filter(|path| path.is_absolute());
    match named.clone().filter(is_own).or(surroundings.run_user) {
        Some(path) => Ok(path),
        None if !platform::systemd_runs() => Err(Trouble::new("systemd does not run this machine", WITHOUT)),
        None => Err(Trouble::new(
            match named {
                Some(path) => format!("XDG_RUNTIME_DIR, {}, is not this user's own", path.display()),
                None => format!("this user has no session: there is no /run/user/{}", platform::own_user()),
            },
            "su and sudo make no session: log in, or say `machinectl shell USER@`; \
             `loginctl enable-linger USER`, as root, makes one that needs no login",
        )),
    }
}

fn without_a_manager(error: &str) -> Trouble {
    if !platform::systemd_runs() {
        return Trouble::new(format!("systemd does not run this machine ({error})"), WITHOUT);
    }
    Trouble::new(
        format!("this user's systemd cannot be reached: {error}"),
        "log in on the machine or by ssh (su and sudo make no session), or let it run without one: \
         `loginctl enable-linger USER` as root",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_number_that_it_begins_with() {
        for (text, number) in [("252.39-1~deb12u1", 252), ("257", 257), ("v259", 0), ("", 0)] {
            assert_eq!(leading_number(text), number, "{text}");
        }
    }

    #[test]
    fn a_unit_is_read_as_systemctl_shows_it() {
        let unit = Unit::of(
            "UnitFileState=enabled\nActiveState=active\nFragmentPath=/usr/lib/systemd/user/tokend.service\n\
             MainPID=123\nExecMainStartTimestamp=@1790000000\n",
        );
        assert!(unit.is_active() && unit.is_enabled());
        assert_eq!((unit.process, unit.started_at), (Some(123), Some(1_790_000_000)));
        assert_eq!(unit.fragment, Some("/usr/lib/systemd/user/tokend.service".into()));
        let socket = Unit::of("Listen=/run/user/7/tokend/tokend.sock (Stream)\nMainPID=0\n");
        assert_eq!(socket.listens, Some("/run/user/7/tokend/tokend.sock".into()));
        assert_eq!(socket.process, None);
        let none = Unit::of("UnitFileState=\nActiveState=inactive\nFragmentPath=\n");
        assert!(!none.is_active() && !none.is_enabled() && none.fragment.is_none());
    }
}
