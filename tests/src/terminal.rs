//! A person at a terminal: a shell in tmux, to which keys are typed and whose screen is looked at.

#![expect(
    clippy::must_use_candidate,
    clippy::missing_panics_doc,
    reason = "each of these stops its test when it cannot go on"
)]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::real_time::let_pass;
use crate::sandbox::{self, Sandbox, eventually, skip};

/// How often the screen is looked at, and how many times until it is given up.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: usize = 400;

/// A shell in a terminal of its own; both end when dropped.
#[derive(Debug)]
pub struct Terminal {
    /// tmux's own socket, so that no tmux of a person is met.
    socket: PathBuf,
    environment: Vec<(String, String)>,
}

impl Terminal {
    /// A bash of a new person in this home; `None`, and said so, where there is no tmux.
    ///
    /// `change` is what is different around the shell.
    pub fn open(
        sandbox: &Sandbox,
        what: &str,
        (columns, lines): (u16, u16),
        change: impl FnOnce(&mut Command),
    ) -> Option<Self> {
        for program in ["tmux", "bash"] {
            if Command::new(program).arg("-V").stdin(Stdio::null()).output().is_err() {
                skip(what, &format!("there is no {program} here"));
                return None;
            }
        }
        let socket = sandbox.path().join("tmux");
        let mut command = Command::new("tmux");
        sandbox.surround(&mut command);
        // The number of the next command, and how the last one ended.
        command.env("PS1", r"[\# $?]$ ").env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
        command.env("TMUX_TMPDIR", sandbox.path());
        change(&mut command);
        let environment = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_str()?.to_owned())))
            .collect();
        let terminal = Self { socket, environment };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        let size = ["-x", columns.as_str(), "-y", lines.as_str()];
        let shell = ["bash", "--noprofile", "--norc", "-i"];
        // Lines that have left the screen are looked at, too.
        let keeps = ["set-option", "-g", "history-limit", "5000", ";"];
        terminal.tmux(&[&keeps[..], &["new-session", "-d"], &size, &shell].concat());
        terminal.wait_for_prompt(0);
        Some(terminal)
    }

    /// Types a line, and waits until the shell takes the next one; how the command ended.
    #[track_caller]
    pub fn run(&self, line: &str) -> i32 {
        let before = self.prompt().expect("a shell that waits");
        self.line(line);
        self.wait_for_prompt(before)
    }

    /// Types a line, and does not wait.
    pub fn line(&self, text: &str) {
        self.keys(text);
        self.press("Enter");
    }

    /// Types these characters.
    pub fn keys(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    /// Presses a key by tmux's name for it: `Enter`, `C-c`, `q`, `Down`.
    pub fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Makes the terminal another size.
    pub fn resize(&self, columns: u16, lines: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &lines.to_string()]);
    }

    /// What stands on the screen now.
    #[must_use]
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The same, with its colours as ECMA-48 writes them.
    #[must_use]
    pub fn coloured(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// All that has stood on it, long lines as one.
    #[must_use]
    pub fn all(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-"])
    }

    /// Waits until the screen shows this; blanks at the end of a line are never there.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        let looks = std::iter::repeat_with(|| {
            let_pass(LOOK, "what is typed is answered");
            self.screen()
        });
        let mut last = String::new();
        for screen in looks.take(LOOKS) {
            if screen.contains(text) {
                return screen;
            }
            last = screen;
        }
        panic!("{text:?} is not on the screen:\n{last}")
    }

    /// Goes on from a prompt after this one; how the command before it ended.
    #[track_caller]
    pub fn wait_for_prompt(&self, before: u32) -> i32 {
        eventually("the shell's prompt", || {
            let (number, status) = self.last_prompt()?;
            (number > before).then_some(status)
        })
    }

    /// The number of the prompt at which the shell waits; none while a command runs.
    #[must_use]
    pub fn prompt(&self) -> Option<u32> {
        self.last_prompt().map(|(number, _)| number)
    }

    /// Which prompt stands last, and with which status the command before it ended.
    fn last_prompt(&self) -> Option<(u32, i32)> {
        let all = self.all();
        let last = all.trim_end().lines().last()?;
        let (number, status) = last.strip_prefix('[')?.strip_suffix("]$")?.split_once(' ')?;
        Some((number.parse().ok()?, status.parse().ok()?))
    }

    fn tmux(&self, words: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["-u", "-f", "/dev/null", "-S"]).arg(&self.socket).args(words).stdin(Stdio::null());
        let said = sandbox::run(&mut command);
        assert_eq!(said.code, 0, "tmux {words:?}: {}", said.stderr);
        said.stdout
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).arg("kill-server").stdin(Stdio::null()).stderr(Stdio::null());
        // It may have ended with its shell.
        let _ = command.status();
    }
}
