//! `tokend env`: tokend in the background of a shell, for systems without systemd.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use tokend::platform;

use crate::ending::{End, complain};

/// The line that a daemon in the background writes once its socket answers.
pub(crate) const READY: &str = "ready";

/// How long the one that was started first may take until it answers.
const FIRST_ONE: Duration = Duration::from_secs(5);

/// Prints where tokend listens, having started it if nobody does. A second call finds the first one's daemon, and
/// of two at once only one starts one; nothing is printed before the socket answers.
pub(crate) fn env() -> ExitCode {
    let places = platform::surroundings();
    let (socket, state) = match places.socket().and_then(|socket| Ok((socket, places.state()?))) {
        Ok(found) => found,
        Err(error) => return complain(error, "set HOME, or TOKEND_SOCK to an absolute path", End::Failed),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(error, "the system is short of something", End::Failed),
    };
    if !runtime.block_on(platform::is_answered(&socket))
        && let Err((what, end)) = start(&state)
    {
        // Somebody else may have been faster: then theirs will answer.
        let theirs = matches!(end, End::Unavailable) && runtime.block_on(answers_soon(&socket));
        if !theirs {
            return complain(what, "run tokend in the foreground to see it start", end);
        }
    }
    print_exports(&socket)
}

/// Whether somebody listens at `socket` before our patience ends.
async fn answers_soon(socket: &Path) -> bool {
    let answered = async {
        while !platform::is_answered(socket).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(FIRST_ONE, answered).await.is_ok()
}

fn print_exports(socket: &Path) -> ExitCode {
    let Some(path) = socket.to_str() else {
        return complain("the socket's path is not UTF-8", "set TOKEND_SOCK to another one", End::Failed);
    };
    let quoted = path.replace('\'', r"'\''");
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "TOKEND_SOCK='{quoted}'; export TOKEND_SOCK;").and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(error, r#"use it as eval "$(tokend env)""#, End::Failed),
    }
}

/// Starts a daemon and waits until it says that it is ready.
fn start(state: &Path) -> Result<(), (String, End)> {
    let failed = |what: String| (what, End::Failed);
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
    Err((format!("it did not start (log: {})\n{}", path.display(), said.trim_end()), end))
}
