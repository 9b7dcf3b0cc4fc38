//! A terminal whose screen can be read as a person reads it, and the program that runs in it.

use std::fs::File;
use std::io::Write as _;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use tokend_tests::platform::{self, Hand, Signal, open_terminal, terminal_settings};
use tokend_tests::sandbox::{Sandbox, eventually, skip};

/// What was written to a terminal, and what that makes of its screen.
struct Shown {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("some cells")
}

/// A terminal of 80 columns and 24 lines, until it is resized.
pub(crate) struct Pty {
    /// Nothing once it has been hung up.
    hand: Option<Hand>,
    /// Its other side, kept open so that its settings can be looked at.
    device: File,
    path: PathBuf,
    shown: Arc<Mutex<Shown>>,
    is_hung_up: Arc<AtomicBool>,
    child: Option<Child>,
}

/// Whether sessions can be made; says so where they cannot.
pub(crate) fn has_sessions() -> bool {
    let there = Command::new("setsid").arg("true").status().is_ok_and(|status| status.success());
    if !there {
        skip("tok status --watch at a terminal", "there is no `setsid` to make a session with");
    }
    there
}

/// Whether this process was started to ignore it, as a shell's background jobs are: then so is `tok`.
pub(crate) fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let ignored = mask & (1 << (signal.as_raw() - 1)) != 0;
    if ignored {
        skip("a signal at tok status --watch", &format!("{signal:?} is ignored here, and stays so"));
    }
    ignored
}

impl Pty {
    pub(crate) fn new() -> Self {
        let (hand, device, path) = open_terminal().expect("a terminal");
        let mut reader = hand.try_clone().expect("a descriptor");
        let shown = Shown { parser: vt100::Parser::new(cells(24), cells(80), 0), bytes: Vec::new() };
        let shown = Arc::new(Mutex::new(shown));
        let screen = Arc::clone(&shown);
        let is_hung_up = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&is_hung_up);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while !is_over.load(Ordering::SeqCst) {
                let count = match reader.read(&mut bytes) {
                    Ok(Some(count)) => count,
                    Ok(None) => continue,
                    Err(_) => return,
                };
                let mut shown = screen.lock().expect("no panic");
                shown.bytes.extend_from_slice(&bytes[..count]);
                shown.parser.process(&bytes[..count]);
            }
        });
        let pty = Self { hand: Some(hand), device, path, shown, is_hung_up, child: None };
        pty.resize(80, 24);
        pty
    }

    /// Makes it so many columns wide and lines high.
    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        self.shown.lock().expect("no panic").parser.screen_mut().set_size(cells(lines), cells(columns));
        self.hand.as_ref().expect("a terminal").resize(columns, lines).expect("a size");
    }

    /// Runs `tok` here, in a session of its own.
    pub(crate) fn run(&mut self, sandbox: &Sandbox, words: &[&str]) {
        self.script(sandbox, "exec \"$@\"", words, |_| {});
    }

    /// Runs a shell's script here, in which `"$@"` is `tok` with these words.
    pub(crate) fn script(
        &mut self,
        sandbox: &Sandbox,
        script: &str,
        words: &[&str],
        change: impl FnOnce(&mut Command),
    ) {
        let tok = sandbox.command("tok");
        let mut session = Command::new("setsid");
        sandbox.surround(&mut session);
        // The first terminal that a session's leader opens is the session's.
        let script = format!("exec <\"$TERMINAL\" >\"$TERMINAL\" 2>&1; {script}");
        session.args(["/bin/sh", "-c", &script, "sh"]).arg(tok.get_program()).args(words);
        session.env("TERMINAL", &self.path).env("TERM", "xterm-256color").env("TZ", "UTC");
        change(&mut session);
        self.child = Some(session.stdin(Stdio::null()).spawn().expect("a session"));
    }

    /// Hits these keys.
    pub(crate) fn hit(&mut self, keys: &str) {
        self.hand.as_mut().expect("a terminal").write_all(keys.as_bytes()).expect("keys");
    }

    /// Takes the terminal away from whoever has it.
    pub(crate) fn hang_up(&mut self) {
        self.is_hung_up.store(true, Ordering::SeqCst);
        self.hand = None;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        platform::signal(self.child.as_ref().expect("a program").id(), signal).expect("it lives");
    }

    /// What stands on the screen.
    pub(crate) fn screen(&self) -> String {
        self.shown.lock().expect("no panic").parser.screen().contents()
    }

    /// Everything that was written so far, a program's sequences too.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("no panic").bytes).into_owned()
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(what, || Some(self.screen()).filter(|screen| wanted(screen)))
        }));
        found.unwrap_or_else(|_| panic!("{what}; the screen:\n{}", self.screen()))
    }

    /// Waits until this stands on the screen.
    #[track_caller]
    pub(crate) fn wait_for(&self, words: &str) -> String {
        self.wait_until(words, |screen| screen.contains(words))
    }

    /// Whether a program has taken the whole screen, and whether the cursor is hidden.
    pub(crate) fn is_taken(&self) -> (bool, bool) {
        let shown = self.shown.lock().expect("no panic");
        (shown.parser.screen().alternate_screen(), shown.parser.screen().hide_cursor())
    }

    /// All its settings.
    pub(crate) fn settings(&self) -> String {
        terminal_settings(&self.device).expect("settings")
    }

    /// Waits for the program's end, and until all that it wrote is shown.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("a program");
        let status = eventually("the program ends", || child.try_wait().expect("an end"));
        self.device.write_all(b"[nothing more]").expect("a terminal");
        self.wait_for("[nothing more]");
        status
    }
}

impl Drop for Pty {
    /// A test that failed leaves nothing behind that waits for keys.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
