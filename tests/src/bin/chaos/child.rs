//! Proofs that are programs of their own, each in a process group that ends as a whole.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokend_tests::course::Course;
use tokend_tests::platform::{Signal, leads_a_group, signal_group, this_program};
use tokend_tests::programs::forget_the_package;
use tokend_tests::real_time::{Stopwatch, let_pass};

/// How long a group may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// How a program ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) success: bool,
    pub(crate) output: String,
}

/// Cargo with these arguments; nothing where no cargo started us.
pub(crate) fn cargo(arguments: &[&str]) -> Option<Command> {
    let mut command = Command::new(std::env::var_os("CARGO")?);
    command.args(arguments);
    if let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") {
        // The workspace, whatever folder this was started in.
        command.current_dir(Path::new(&package).parent().unwrap_or(Path::new(&package)));
    }
    forget_the_package(&mut command);
    Some(command)
}

/// This program, with these arguments.
pub(crate) fn this(arguments: &[String]) -> Command {
    let mut command = this_program();
    command.args(arguments);
    command
}

/// Runs it to its end; ends it where the course is interrupted, or after so long.
pub(crate) fn run(mut command: Command, course: &Course, limit: Duration) -> Result<Ended, String> {
    let mut output = tempfile::tempfile().map_err(|error| format!("no room for its output: {error}"))?;
    // What it leaves behind when it is ended goes with this folder.
    let folder = tempfile::Builder::new().prefix("chs").tempdir();
    let folder = folder.map_err(|error| format!("no room for its files: {error}"))?;
    command.env("TMPDIR", folder.path());
    let share = |file: &File| file.try_clone().map(Stdio::from).map_err(|error| error.to_string());
    command.stdin(Stdio::null()).stdout(share(&output)?).stderr(share(&output)?);
    leads_a_group(&mut command);
    let mut child = command.spawn().map_err(|error| format!("it cannot be started: {error}"))?;
    let watch = Stopwatch::start();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if course.is_interrupted() || watch.elapsed() > limit => {
                end(&mut child);
                break None;
            }
            Ok(None) => {
                course.say(&format!("{} s", watch.elapsed().as_secs()));
                let_pass(Duration::from_millis(100), "a program runs");
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    let mut bytes = Vec::new();
    output
        .seek(SeekFrom::Start(0))
        .and_then(|_| output.read_to_end(&mut bytes))
        .map_err(|error| format!("its output cannot be read: {error}"))?;
    let output = String::from_utf8_lossy(&bytes).into_owned();
    match status {
        Some(status) => Ok(Ended { success: status.success(), output }),
        None if course.is_interrupted() => Ok(Ended { success: false, output }),
        None => Err(format!("took longer than {} s\n{}", limit.as_secs(), tail(&output, 30))),
    }
}

/// The last lines.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Asks everything in its group to end, then insists.
fn end(child: &mut Child) {
    let watch = Stopwatch::start();
    // Who has gone already needs no signal.
    let _ = signal_group(child, Signal::TERM);
    while watch.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
        let_pass(Duration::from_millis(20), "it ends");
    }
    let _ = signal_group(child, Signal::KILL);
    let _ = child.wait();
}
