//! `tokend env`: tokend in the background of a shell, for systems without systemd.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use tokend::instance::Holder;
use tokend::platform;

use crate::ending::{End, complain};

/// The line that a daemon in the background writes once its socket answers.
pub(crate) const READY: &str = "ready";

/// How long the one that was started first may take until it answers.
const FIRST_ONE: Duration = Duration::from_secs(5);

/// How long the one that is asked to stop may take: it may finish a request that must not be cut off.
const LAST_ONE: Duration = Duration::from_secs(30);

/// How often it is looked meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Why there is nothing to print.
struct Refusal {
    /// What happened.
    what: String,
    /// What the daemon itself said of it, in the end.
    said: String,
    end: End,
}

/// Prints where tokend listens, having started it if nobody does. A second call finds the first one's daemon, and
/// of two at once only one starts one; nothing is printed before the socket answers.
pub(crate) fn env() -> ExitCode {
    let (socket, state) = match places() {
        Ok(places) => places,
        Err(end) => return end,
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(error, "the system is short of something", End::Failed),
    };
    let answers = |socket: &Path| runtime.block_on(platform::is_answered(socket));
    if answers(&socket) {
        return print_exports(&socket);
    }
    let Err(refusal) = start(&state) else { return print_exports(&socket) };
    if matches!(refusal.end, End::Unavailable) {
        // Somebody was faster, or listens somewhere else: then theirs is the one.
        let theirs = runtime.block_on(first_one(&socket, &state));
        if let Some(theirs) = theirs {
            return print_exports(&theirs);
        }
    }
    if refusal.said.is_empty() {
        return complain(refusal.what, "run tokend in the foreground to see it start", refusal.end);
    }
    let _ = writeln!(std::io::stderr(), "{}", refusal.said);
    refusal.end.into()
}

/// Stops the daemon of this state, as `ssh-agent -k` does.
pub(crate) fn kill() -> ExitCode {
    let (_, state) = match places() {
        Ok(places) => places,
        Err(end) => return end,
    };
    let Some(holder) = Holder::of(&state) else {
        if Holder::is_there(&state) {
            let hint = format!("`fuser {}` names the process; end that one", state.join("lock").display());
            let what =
                "a tokend runs on this state, but could not write down which process it is (a full disk?)";
            return complain(what, hint, End::Failed);
        }
        return complain("no tokend runs on this state", "there is nothing to stop", End::Failed);
    };
    if holder.host != platform::host_name() {
        let hint = format!("stop it there: it is process {}", holder.process);
        return complain(format_args!("it runs on another machine, {}", holder.host), hint, End::Failed);
    }
    if let Err(error) = platform::ask_to_end(holder.process) {
        return complain(error, format_args!("it is process {}", holder.process), End::Failed);
    }
    let mut looks = LAST_ONE.as_millis() / LOOK.as_millis();
    while Holder::of(&state).is_some_and(|now| now.process == holder.process) {
        if looks == 0 {
            let hint = format!("it is process {}; look into its log", holder.process);
            return complain("it does not stop", hint, End::Failed);
        }
        looks -= 1;
        std::thread::sleep(LOOK);
    }
    print("unset TOKEND_SOCK;")
}

fn places() -> Result<(PathBuf, PathBuf), ExitCode> {
    let places = platform::surroundings();
    places
        .socket()
        .and_then(|socket| Ok((socket, places.state()?)))
        .map_err(|error| complain(error, "set HOME, or TOKEND_SOCK to an absolute path", End::Failed))
}

/// The socket of the daemon that holds the state: the one where it was looked for, or the one that it named. None
/// when neither answers before our patience ends.
async fn first_one(socket: &Path, state: &Path) -> Option<PathBuf> {
    let answered = async {
        loop {
            if platform::is_answered(socket).await {
                return socket.to_path_buf();
            }
            let holder = Holder::of(state).filter(|holder| holder.host == platform::host_name());
            if let Some(named) = holder.map(|holder| holder.socket)
                && platform::is_answered(&named).await
            {
                return named;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(FIRST_ONE, answered).await.ok()
}

fn print_exports(socket: &Path) -> ExitCode {
    let Some(path) = socket.to_str() else {
        return complain("the socket's path is not UTF-8", "set TOKEND_SOCK to another one", End::Failed);
    };
    let quoted = path.replace('\'', r"'\''");
    print(&format!("TOKEND_SOCK='{quoted}'; export TOKEND_SOCK;"))
}

fn print(line: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(error, r#"use it as eval "$(tokend env)""#, End::Failed),
    }
}

/// Starts a daemon and waits until it says that it is ready.
fn start(state: &Path) -> Result<(), Refusal> {
    let failed = |what: String| Refusal { what, said: String::new(), end: End::Failed };
    platform::close_new_files_to_others();
    platform::private_folder(state).map_err(|error| failed(format!("{}: {error}", state.display())))?;
    let path = state.join("tokend.log");
    let log = File::options()
        .append(true)
        .read(true)
        .create(true)
        .open(&path)
        .map_err(|error| failed(format!("{}: {error}", path.display())))?;
    let before = log.metadata().map_or(0, |metadata| metadata.len());
    let clone = log.try_clone().map_err(|error| failed(error.to_string()))?;
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut child = Command::new(program)
        .arg("--background")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(OwnedFd::from(clone)))
        .spawn()
        .map_err(|error| failed(format!("cannot start tokend: {error}")))?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        // Ends with the line, or with the daemon.
        let _ = BufReader::new(stdout).read_line(&mut line);
    }
    if line.trim_end() == READY {
        return Ok(());
    }
    let end = match child.wait().ok().and_then(|status| status.code()) {
        Some(code) if code == End::Unavailable as i32 => End::Unavailable,
        Some(code) if code == End::Configuration as i32 => End::Configuration,
        _ => End::Failed,
    };
    let mut said = String::new();
    let mut log = log;
    // Without its words there is still its log.
    let _ = log.seek(SeekFrom::Start(before)).and_then(|_| log.read_to_string(&mut said));
    Err(Refusal {
        what: format!("it did not start, and says nothing in its log {}", path.display()),
        said: said.trim_end().to_owned(),
        end,
    })
}
