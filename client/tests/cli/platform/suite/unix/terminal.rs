//! A terminal in which `tok` is called, and the lack of one.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// Longer than anything here takes on a machine that does much else.
const LONG: Duration = Duration::from_secs(60);

/// Between two looks whether a program has ended.
const PAUSE: Duration = Duration::from_millis(1);

/// The same call in a session of its own, which has no terminal: not even that of whoever runs the tests.
pub(crate) fn without_terminal(command: &Command) -> Command {
    let mut outside = Command::new("setsid");
    outside.arg(command.get_program()).args(command.get_args());
    same_environment(&mut outside, command);
    outside.stdin(Stdio::null());
    outside
}

/// Whether sessions can be made; says so where they cannot.
pub(crate) fn has_sessions() -> bool {
    let there = Command::new("setsid").arg("true").status().is_ok_and(|status| status.success());
    if !there {
        eprintln!("SKIPPED: there is no `setsid` to make a session with");
    }
    there
}

fn same_environment(to: &mut Command, from: &Command) {
    to.env_clear();
    to.envs(from.get_envs().filter_map(|(name, value)| Some((name, value?))));
}

/// Whether this process was started to ignore it, as a shell's background jobs are: then so is `tok`.
pub(crate) fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let ignored = mask & (1 << (signal.as_raw() - 1)) != 0;
    if ignored {
        eprintln!("SKIPPED: {signal:?} is ignored here, and stays so");
    }
    ignored
}

/// A terminal, what was shown in it, and the program that runs there.
pub(crate) struct Terminal {
    hand: File,
    /// Its other side, kept open so that its settings can be looked at.
    device: File,
    path: PathBuf,
    shown: Arc<(Mutex<Vec<u8>>, Condvar)>,
    /// How much of it was expected already.
    seen: usize,
    child: Option<Child>,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        #[cfg(target_os = "linux")]
        let flags = flags | OpenptFlags::CLOEXEC;
        let hand = openpt(flags).expect("a terminal");
        #[cfg(not(target_os = "linux"))]
        rustix::io::fcntl_setfd(&hand, rustix::io::FdFlags::CLOEXEC).expect("a descriptor");
        grantpt(&hand).and_then(|()| unlockpt(&hand)).expect("its other side");
        let path = PathBuf::from(ptsname(&hand, Vec::new()).expect("a name").into_string().expect("UTF-8"));
        let no_ctty = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
        let device = OpenOptions::new().read(true).write(true).custom_flags(no_ctty).open(&path);
        let hand = File::from(hand);
        let mut reader = hand.try_clone().expect("a descriptor");
        let shown = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let screen = Arc::clone(&shown);
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                screen.0.lock().expect("no panic").extend_from_slice(&bytes[..count]);
                screen.1.notify_all();
            }
        });
        Self { hand, device: device.expect("the other side"), path, shown, seen: 0, child: None }
    }

    /// Makes it so many columns wide and lines high.
    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.device, size).expect("a size");
    }

    /// Runs it with this terminal as its session's; standard input, output and error are the terminal too, but for what
    /// `redirections` say otherwise, in the words of a shell.
    pub(crate) fn run(&mut self, command: &Command, redirections: &str) {
        self.script(&format!("exec \"$@\" {redirections}"), command);
    }

    /// Runs a shell's script here, in which `"$@"` is the command.
    pub(crate) fn script(&mut self, script: &str, command: &Command) {
        let mut session = Command::new("setsid");
        // The first terminal that a session's leader opens is the session's.
        let script = format!("exec <\"$TERMINAL\" >\"$TERMINAL\" 2>&1; {script}");
        session.args(["/bin/sh", "-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
        same_environment(&mut session, command);
        session.env("TERMINAL", &self.path);
        self.child = Some(session.stdin(Stdio::null()).spawn().expect("a session"));
    }

    /// Waits until this is shown, behind what was waited for before.
    pub(crate) fn expect(&mut self, words: &str) {
        let (shown, more) = &*self.shown;
        let mut bytes = shown.lock().expect("no panic");
        loop {
            let fresh = &bytes[self.seen..];
            if let Some(at) = fresh.windows(words.len()).position(|there| there == words.as_bytes()) {
                self.seen += at + words.len();
                return;
            }
            let (again, patience) = more.wait_timeout(bytes, LONG).expect("no panic");
            bytes = again;
            assert!(!patience.timed_out(), "{words:?} is not in {:?}", String::from_utf8_lossy(&bytes));
        }
    }

    /// Waits until it shows nothing of what is typed.
    pub(crate) fn expect_hidden(&self) {
        let mut waited = Duration::ZERO;
        while self.echoes() {
            assert!(waited < LONG, "it shows what is typed: {}", self.shown());
            thread::sleep(PAUSE);
            waited += PAUSE;
        }
    }

    /// Hits these keys.
    pub(crate) fn hit(&mut self, keys: &str) {
        self.hand.write_all(keys.as_bytes()).expect("keys");
    }

    /// Everything that was shown so far.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.0.lock().expect("no panic")).into_owned()
    }

    /// All its settings.
    pub(crate) fn settings(&self) -> String {
        format!("{:?}", tcgetattr(&self.device).expect("settings"))
    }

    /// Whether it shows what is typed.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.device).expect("settings").local_modes.contains(LocalModes::ECHO)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.as_ref().expect("a program")), signal).expect("it lives");
    }

    fn wait(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("a program");
        let mut waited = Duration::ZERO;
        loop {
            if let Some(status) = child.try_wait().expect("an end") {
                self.child = None;
                return status;
            }
            assert!(waited < LONG, "it goes on: {}", self.shown());
            thread::sleep(PAUSE);
            waited += PAUSE;
        }
    }

    /// Waits for the program's end, and until all that it wrote is shown.
    pub(crate) fn end(&mut self) -> ExitStatus {
        const BEHIND_ALL: &str = "[nothing more]";
        let status = self.wait();
        self.device.write_all(BEHIND_ALL.as_bytes()).expect("a terminal");
        self.expect(BEHIND_ALL);
        let (shown, _) = &*self.shown;
        let mut bytes = shown.lock().expect("no panic");
        let rest = self.seen - BEHIND_ALL.len();
        bytes.truncate(rest);
        self.seen = rest;
        status
    }
}

impl Drop for Terminal {
    /// A test that failed leaves nothing behind that waits for keys.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
