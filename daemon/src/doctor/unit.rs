//! What keeps tokend running for the user, systemd's unit or what another system has: installed, enabled, not failed, and
//! the one that runs.

mod launchd;
mod task;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokend_proto::finding::{self, Finding};
use tokio::process::Command;

use super::{Asked, PATIENCE, Tell};
use crate::platform::{self, Supervisor, files};

/// What is asked of each unit.
const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,Result,ExecMainStatus,UnitFileState,\
                          NeedDaemonReload,ExecStart,MainPID,DropInPaths";

/// Where `systemctl` is, whatever `PATH` the daemon has.
const FOLDERS: &[&str] = &["/usr/bin", "/bin", "/usr/local/bin"];

/// Asks what this system has. Where there is none, nothing is wrong.
pub(super) async fn look(asked: &Asked, tell: Tell<'_>) {
    let found = match platform::supervisor() {
        Supervisor::Systemd => ask_systemd(asked).await,
        Supervisor::Launchd(program) => launchd::look(&program, asked).await,
        Supervisor::TaskScheduler(program) => task::look(&program, asked).await,
        Supervisor::Unknown => Vec::new(),
    };
    found.into_iter().for_each(tell);
}

/// Asks systemd's manager of this user.
async fn ask_systemd(asked: &Asked) -> Vec<Finding> {
    match show().await {
        Ok(text) => {
            let units = parse(&text);
            let none = Unit::default();
            let service = units.get("tokend.service").unwrap_or(&none);
            let socket = units.get("tokend.socket").unwrap_or(&none);
            judge(asked, service, socket)
        }
        Err(why) => vec![finding::UNIT_NO_SYSTEMD.found(why, "")],
    }
}

/// The program that runs, if it is not this one.
fn another_program<'a>(asked: &'a Asked, program: &Path) -> Option<&'a Path> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    asked.program.as_deref().filter(|running| asked.running && real(running) != real(program))
}

/// What systemd says of our units, or why it says nothing.
async fn show() -> Result<String, &'static str> {
    let program = systemctl().ok_or("there is no systemd on this machine")?;
    let mut command = Command::new(program);
    command.args(["--user", "--no-pager", "show", PROPERTIES, "tokend.service", "tokend.socket"]);
    command.stdin(Stdio::null()).stderr(Stdio::null()).env("LC_ALL", "C").kill_on_drop(true);
    match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(_) => Err("systemd does not run for this user"),
        Err(_) => Err("systemd does not answer"),
    }
}

fn systemctl() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    let folders = folders.chain(FOLDERS.iter().map(PathBuf::from));
    folders.map(|folder| folder.join("systemctl")).find(|path| files::is_program(path))
}

/// The properties of a unit.
#[derive(Debug, Default)]
struct Unit<'t>(HashMap<&'t str, &'t str>);

impl<'t> Unit<'t> {
    fn get(&self, name: &str) -> &'t str {
        self.0.get(name).copied().unwrap_or_default()
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }

    fn is_enabled(&self) -> bool {
        self.get("UnitFileState").starts_with("enabled")
    }

    /// The program of `ExecStart={ path=/usr/bin/tokend ; argv[]=… }`.
    fn program(&self) -> Option<&'t Path> {
        let path = self.get("ExecStart").split_once("path=")?.1.split(" ;").next()?.trim();
        path.starts_with('/').then(|| Path::new(path))
    }
}

/// `systemctl show` writes a line a property, and an empty line between units.
fn parse(text: &str) -> HashMap<&str, Unit<'_>> {
    let units =
        text.split("\n\n").map(|block| Unit(block.lines().filter_map(|line| line.split_once('=')).collect()));
    units.map(|unit| (unit.get("Id"), unit)).collect()
}

fn judge(asked: &Asked, service: &Unit<'_>, socket: &Unit<'_>) -> Vec<Finding> {
    if let Some(unit) = asked.unit.as_deref().filter(|unit| *unit != "tokend.service") {
        return vec![finding::UNIT_RUNS.found(format!("the daemon runs in {unit}"), "")];
    }
    if service.is("LoadState", "not-found") || service.get("LoadState").is_empty() {
        let hint = "`tokend install` sets it up, so that the first `tok` starts the daemon";
        return vec![finding::UNIT_NOT_INSTALLED.found("there is no unit tokend.service", hint)];
    }
    let mut found = Vec::new();
    found.extend(failed(service));
    if service.is("LoadState", "masked") {
        let hint = "`systemctl --user unmask tokend.service tokend.socket`";
        found.push(finding::UNIT_NOT_ENABLED.found("the unit tokend.service is masked", hint));
    } else if !service.is_enabled() && !socket.is_enabled() {
        let hint = "`systemctl --user enable --now tokend.socket tokend.service`";
        found.push(
            finding::UNIT_NOT_ENABLED.found("neither tokend.socket nor tokend.service is enabled", hint),
        );
    }
    if service.is("NeedDaemonReload", "yes") || socket.is("NeedDaemonReload", "yes") {
        let message = "the unit or a drop-in of it was changed, and systemd has not read it since";
        let hint = "`systemctl --user daemon-reload`, then `systemctl --user restart tokend`";
        found.push(finding::UNIT_RELOAD_DUE.found(message, hint));
    }
    found.extend(program(asked, service));
    if found.is_empty() {
        found.push(finding::UNIT_RUNS.found(sound(service), ""));
    }
    found
}

fn failed(service: &Unit<'_>) -> Option<Finding> {
    if service.is("LoadState", "bad-setting") || service.is("LoadState", "error") {
        let hint =
            "`systemd-analyze --user verify tokend.service` shows the line; `tokend install` writes it anew";
        return Some(finding::UNIT_FAILED.found("systemd does not understand the unit tokend.service", hint));
    }
    if !service.is("ActiveState", "failed") {
        return None;
    }
    Some(match service.get("ExecMainStatus") {
        "78" => finding::UNIT_FAILED_CONFIGURATION.found(
            "the unit has failed: the configuration was faulty (status 78), and systemd does not try again",
            "mend it (`tokend check` shows the line), then `systemctl --user start tokend`",
        ),
        "69" => finding::UNIT_FAILED_TAKEN.found(
            "the unit has failed: another tokend ran on the same state (status 69)",
            "stop that one (`tokend env -k`), then `systemctl --user start tokend`",
        ),
        status => finding::UNIT_FAILED.found(
            format!("the unit has failed (result {}, status {status})", service.get("Result")),
            "`journalctl --user -u tokend -n 20` shows why; then `systemctl --user restart tokend`",
        ),
    })
}

fn program(asked: &Asked, service: &Unit<'_>) -> Option<Finding> {
    let program = service.program()?;
    let shown = program.display();
    if !files::is_program(program) {
        let message = format!("the unit's program {shown} is not there");
        let hint = "`tokend install` writes the unit with the right path; or `systemctl --user edit tokend`";
        return Some(finding::UNIT_NO_PROGRAM.found(message, hint));
    }
    let process = asked.process.filter(|_| asked.running)?;
    if !service.is("MainPID", &process.to_string()) {
        let message = format!("the daemon that runs (process {process}) was not started by the unit");
        let hint = "`tokend env -k` stops it; then `systemctl --user start tokend.socket`";
        return Some(finding::UNIT_BY_HAND.found(message, hint));
    }
    let running = another_program(asked, program)?;
    let message = format!("the daemon that runs is {}, the unit's program is {shown}", running.display());
    Some(finding::UNIT_OTHER_PROGRAM.found(message, "`systemctl --user restart tokend` starts the unit's"))
}

fn sound(service: &Unit<'_>) -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let lingers =
        !user.is_empty() && !user.contains('/') && Path::new("/var/lib/systemd/linger").join(user).exists();
    let end = if lingers {
        "runs without a session, too"
    } else {
        "ends with the last session (`loginctl enable-linger` keeps it)"
    };
    let drop_ins = service.get("DropInPaths").split_whitespace().count();
    let drop_ins = match drop_ins {
        0 => String::new(),
        some => format!(", with {}", super::count(some, "drop-in", "drop-ins")),
    };
    format!("tokend.service is {}{drop_ins}; it {end}", service.get("ActiveState"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(asked: &Asked, service: &str, socket: &str) -> Vec<String> {
        let text = format!("Id=tokend.service\n{service}\n\nId=tokend.socket\n{socket}\n");
        let units = parse(&text);
        let found = judge(asked, &units["tokend.service"], &units["tokend.socket"]);
        found.into_iter().map(|found| found.finding).collect()
    }

    const WELL: &str = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n\
                        ExecStart={ path=/bin/sh ; argv[]=/bin/sh ; ignore_errors=no }\nMainPID=7";

    fn running(process: u32, program: &str) -> Asked {
        Asked { running: true, process: Some(process), program: Some(program.into()), ..Asked::default() }
    }

    #[test]
    fn a_unit_that_runs_is_sound() {
        if !platform::testing::has_sh() {
            return;
        }
        assert_eq!(judged(&running(7, "/bin/sh"), WELL, "UnitFileState=disabled"), ["sound"]);
        assert_eq!(judged(&Asked::default(), WELL, ""), ["sound"]);
    }

    #[test]
    fn each_fault_of_a_unit_is_found() {
        if !platform::testing::has_sh() {
            return;
        }
        let none = Asked::default();
        let changed = |from: &str, to: &str| judged(&none, &WELL.replace(from, to), "UnitFileState=disabled");
        assert_eq!(judged(&none, "LoadState=not-found", "LoadState=not-found"), ["not-installed"]);
        assert_eq!(changed("UnitFileState=enabled", "UnitFileState=disabled"), ["not-enabled"]);
        assert_eq!(changed("LoadState=loaded", "LoadState=masked"), ["not-enabled"]);
        assert_eq!(changed("LoadState=loaded", "LoadState=bad-setting"), ["failed"]);
        assert_eq!(changed("NeedDaemonReload=no", "NeedDaemonReload=yes"), ["reload-due"]);
        assert_eq!(changed("path=/bin/sh", "path=/nowhere/tokend"), ["no-program"]);
        let failed =
            |status| changed("ActiveState=active", &format!("ActiveState=failed\nExecMainStatus={status}"));
        assert_eq!(failed(78), ["failed-configuration"]);
        assert_eq!(failed(69), ["failed-taken"]);
        assert_eq!(failed(1), ["failed"]);
        assert_eq!(judged(&running(8, "/bin/sh"), WELL, ""), ["by-hand"]);
        assert_eq!(judged(&running(7, "/bin/ls"), WELL, ""), ["other-program"]);
    }
}
