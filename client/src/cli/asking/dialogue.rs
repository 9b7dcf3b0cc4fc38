//! A program that asks a person, and is not waited for without end.

use std::io;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::super::{clock, platform};

/// How long a person may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// How long a program may take to end after it has said everything.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The program could not be started.
    NotStarted(io::Error),
    /// It took too long, and was ended.
    TimedOut,
}

/// Starts the program, speaks with it, and waits for its end; all within this time.
pub(super) fn hold<T: Send + 'static>(
    mut command: Command,
    patience: Duration,
    speak: impl FnOnce(ChildStdin, ChildStdout) -> T + Send + 'static,
) -> Result<(T, Option<ExitStatus>), Trouble> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = platform::spawn(&mut command).map_err(Trouble::NotStarted)?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        end(&mut child);
        return Err(Trouble::NotStarted(io::ErrorKind::BrokenPipe.into()));
    };
    let (tell, said) = mpsc::channel();
    // Left behind where a program that was ended has children of its own which hold the pipe open.
    let thread = thread::Builder::new().name("dialogue".to_owned()).spawn(move || {
        let _ = tell.send(speak(input, output));
    });
    if let Err(error) = thread {
        end(&mut child);
        return Err(Trouble::NotStarted(error));
    }
    match said.recv_timeout(patience) {
        Ok(answer) => Ok((answer, wait(&mut child, clock::now() + FAREWELL))),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            end(&mut child);
            Err(Trouble::TimedOut)
        }
    }
}

/// How it ended; nothing where it had to be ended.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if clock::now() < deadline => {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(100));
            }
            _ => {
                end(child);
                return None;
            }
        }
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn read(input: ChildStdin, mut output: ChildStdout) -> String {
        drop(input);
        let mut text = String::new();
        let _ = output.read_to_string(&mut text);
        text
    }

    #[test]
    fn what_it_says_and_how_it_ends_is_told() {
        let held = hold(platform::testing::says_hello_and_ends_with_3(), PATIENCE, read);
        let (text, status) = held.ok().unzip();
        assert_eq!(text.as_deref().map(str::trim_end), Some("hello"));
        assert_eq!(status.flatten().and_then(|status| status.code()), Some(3));
    }

    #[test]
    fn who_takes_too_long_is_ended() {
        let held = hold(platform::testing::goes_on_and_on(), Duration::from_millis(50), read);
        assert!(matches!(held, Err(Trouble::TimedOut)), "{held:?}");
        let absent = hold(Command::new("/nonexistent/program"), PATIENCE, read);
        assert!(matches!(absent, Err(Trouble::NotStarted(_))), "{absent:?}");
    }
}
