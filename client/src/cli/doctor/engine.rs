//! The third question, to `tokend doctor`: what any process of this user can see of configuration, services,
//! store and unit.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokend_client::{Finding, Health};
use tokend_proto::finding;
use tokend_proto::message::Variable;

use super::super::{clock, platform};
use super::socket::Daemon;

/// All checks together end within this; each has a limit of its own far below.
const LONGEST: Duration = Duration::from_secs(45);

/// A program that tells its version needs no longer.
const VERSION: Duration = Duration::from_secs(5);

/// What a program says at most.
const LONGEST_OUTPUT: u64 = 4 * 1024 * 1024;

/// Runs it, and says whether the programs that are installed belong together.
pub(super) fn look(
    socket: Option<&Path>,
    daemon: Option<&Daemon>,
    health: Option<&Health>,
    found: &mut Vec<Finding>,
) {
    let in_path = platform::find_program("tokend");
    let Some(program) = platform::beside_this("tokend").or_else(|| in_path.clone()) else {
        let message = "tokend is neither beside tok nor in PATH: most checks are left out";
        let hint = "install the whole of it: tok and tokend belong together, in one folder";
        found.push(finding::VERSION_NO_PROGRAM.found(message, hint));
        return;
    };
    versions(&program, in_path.as_deref(), found);
    let mut command = Command::new(&program);
    command.arg("doctor").args(words(socket, daemon, health));
    as_the_daemon_does(&mut command, health);
    let mut lines = 0;
    let ended = run(&mut command, LONGEST, |line| {
        if let Ok(finding) = serde_json::from_str(&line) {
            lines += 1;
            found.push(finding);
        }
    });
    if ended != Some(true) {
        let message = match (ended, lines) {
            (None, _) => format!("the checks of {} did not come to their end in time", program.display()),
            (_, 0) => format!("{} cannot check anything: it is older than this tok", program.display()),
            _ => format!("the checks of {} broke off", program.display()),
        };
        let hint = "install tok and tokend of one release; if they are, please report this";
        found.push(finding::VERSION_NO_CHECKS.found(message, hint));
    }
}

/// Whether tok, the tokend that it runs and the one that a person would run are of one version.
fn versions(program: &Path, in_path: Option<&Path>, found: &mut Vec<Finding>) {
    let ours = env!("CARGO_PKG_VERSION");
    let mut programs: Vec<&Path> = vec![program];
    programs.extend(in_path.filter(|path| path.canonicalize().ok() != program.canonicalize().ok()));
    let before = found.len();
    for program in programs {
        let mut said = String::new();
        let _ = run(Command::new(program).arg("--version"), VERSION, |line| said = line);
        let theirs = said.strip_prefix("tokend ").unwrap_or("of an unknown version");
        if theirs != ours {
            let message = format!("{} is {theirs}, this tok is {ours}", program.display());
            let hint =
                "install tok and tokend of one release; `type -a tok tokend` shows which ones there are";
            found.push(finding::VERSION_PATH.found(message, hint));
        }
    }
    if found.len() == before {
        found.push(finding::VERSION_SAME.found(format!("tok and tokend are {ours}"), ""));
    }
}

/// What `tokend doctor` should know.
fn words(socket: Option<&Path>, daemon: Option<&Daemon>, health: Option<&Health>) -> Vec<std::ffi::OsString> {
    let mut words: Vec<std::ffi::OsString> = Vec::new();
    let mut push = |name: &str, value: &std::ffi::OsStr| words.extend([name.into(), value.to_owned()]);
    if let Some(socket) = socket {
        push("--socket", socket.as_os_str());
    }
    if let Some(daemon) = daemon {
        push("--process", daemon.about.pid.to_string().as_ref());
    }
    if let Some(health) = health {
        push("--program", health.program.as_ref());
        if let Some(unit) = &health.unit {
            push("--unit", unit.as_ref());
        }
        words.push("--running".into());
        if hides_its_proxy(health) {
            words.push("--secret-proxy".into());
        }
    }
    words
}

/// Whether the daemon's proxy has a password, and this environment does not know it either.
fn hides_its_proxy(health: &Health) -> bool {
    let mut hidden = health.environment.iter().filter(|variable| variable.value.is_none());
    hidden.any(|variable| {
        variable.name.eq_ignore_ascii_case("https_proxy") && std::env::var_os(&variable.name).is_none()
    })
}

/// The checks look where the daemon looks, and trust whom it trusts: by its environment, not by this shell's.
fn as_the_daemon_does(command: &mut Command, health: Option<&Health>) {
    let Some(health) = health else { return };
    for name in Variable::TOLD {
        match health.environment.iter().find(|variable| variable.name == name) {
            Some(Variable { value: Some(value), .. }) if !value.contains('\0') => command.env(name, value),
            Some(_) => command,
            None => command.env_remove(name),
        };
    }
}

/// Runs a program, and takes its lines as they come. Whether it ended well; nothing where it took too long,
/// and was ended.
fn run(command: &mut Command, limit: Duration, mut take: impl FnMut(String)) -> Option<bool> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = platform::spawn(command) else { return Some(false) };
    let deadline = clock::now() + limit;
    let (sender, lines) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        // Ends with the program, or with whoever else has its output.
        std::thread::spawn(move || {
            let lines = BufReader::new(stdout.take(LONGEST_OUTPUT)).lines();
            let _ = lines.map_while(Result::ok).try_for_each(|line| sender.send(line));
        });
    }
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(clock::now())) {
            Ok(line) => take(line),
            Err(RecvTimeoutError::Disconnected) => {
                return Some(child.wait().is_ok_and(|status| status.success()));
            }
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}
