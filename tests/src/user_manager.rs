//! A user with a real `systemd --user`, in namespaces of its own: nothing of it is left when it is dropped.

#![expect(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "each of these stops its test when it cannot go on, and a test may ignore what came of it"
)]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::platform::{give_away, set_mode, write_program};
use crate::sandbox::{self, Said, Sandbox};

const MANAGER: &str = include_str!("../systemd/user-manager.sh");

/// The service's unit as it is shipped.
pub const SERVICE: &str = include_str!("../../systemd/user/tokend.service");

/// The socket's unit as it is shipped.
pub const SOCKET: &str = include_str!("../../systemd/user/tokend.socket");

/// Nobody's number, as far as any system goes.
pub const USER: u32 = 54_330;

/// A user with a running manager; both are gone when this is dropped.
#[derive(Debug)]
pub struct Session {
    sandbox: Sandbox,
    manager: Child,
    /// By which the namespaces are entered.
    first: String,
    has_journal: bool,
}

impl Session {
    /// Starts the manager, or says why this system does not let it.
    ///
    /// # Errors
    /// What is missing here.
    pub fn start() -> Result<Self, String> {
        if !sandbox::is_root() {
            return Err("only root can make a user's manager without a login".to_owned());
        }
        if !Path::new("/usr/lib/systemd/systemd").exists() {
            return Err("there is no systemd here".to_owned());
        }
        for program in ["bash", "unshare", "nsenter", "setpriv", "systemctl"] {
            if Command::new(program).arg("--version").output().is_err() {
                return Err(format!("there is no {program} here"));
            }
        }
        let sandbox = Sandbox::new();
        set_mode(sandbox.path(), 0o755).expect("its mode");
        give_away(sandbox.home(), USER).expect("given away");
        let script = sandbox.path().join("user-manager.sh");
        fs::write(&script, MANAGER).expect("the script");
        let mut manager = Command::new("bash")
            .arg(script)
            .arg(sandbox.path())
            .arg(USER.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bash starts");
        let mut line = String::new();
        BufReader::new(manager.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let mut words = line.split_whitespace();
        let (Some("ready"), Some(first)) = (words.next(), words.next()) else {
            let mut said = String::new();
            manager.stderr.take().expect("its errors").read_to_string(&mut said).expect("text");
            let status = manager.wait().expect("it ends");
            assert_eq!(status.code(), Some(77), "{said}");
            return Err(said.trim_end().to_owned());
        };
        let has_journal = words.next() == Some("journal");
        Ok(Self { first: first.to_owned(), sandbox, manager, has_journal })
    }

    /// The same, where a test does without and says so.
    pub fn start_or_skip(what: &str) -> Option<Self> {
        Self::start().inspect_err(|why| sandbox::skip(what, why)).ok()
    }

    /// A session with programs and units put where `systemd/README.md` says; skipped, and said so, where none can
    /// be.
    pub fn installed(what: &str) -> Option<Self> {
        let session = Self::start_or_skip(what)?;
        session.put_programs(".cargo/bin");
        session.put(".config/systemd/user/tokend.service", SERVICE.as_bytes(), 0o644);
        session.put(".config/systemd/user/tokend.socket", SOCKET.as_bytes(), 0o644);
        if !session.has_journal {
            let log = session.home().join("tokend.log");
            session.drop_in("log.conf", &format!("[Service]\nStandardError=append:{}\n", log.display()));
        }
        Some(session)
    }

    /// The folder that holds the user's home.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The user's home; the namespaces have it at the same path.
    pub fn home(&self) -> PathBuf {
        self.sandbox.home()
    }

    /// Whether there is a journal, so that `journalctl --user` shows something.
    pub fn has_journal(&self) -> bool {
        self.has_journal
    }

    /// Copies `tokend` and `tok` into this folder of the user's home.
    pub fn put_programs(&self, folder: &str) {
        for program in ["tokend", "tok"] {
            let built = fs::read(sandbox::program_path(program)).expect("the program");
            self.put(&format!("{folder}/{program}"), &built, 0o755);
        }
    }

    /// A file of the user's, and the folders that it needs. Gives its path.
    pub fn put(&self, path: &str, content: &[u8], mode: u32) -> PathBuf {
        let file = self.home().join(path);
        let mut folder = self.home();
        for part in Path::new(path).parent().expect("a folder").components() {
            folder.push(part);
            if !folder.exists() {
                fs::create_dir(&folder).expect("a folder");
                set_mode(&folder, 0o700).expect("its mode");
                give_away(&folder, USER).expect("given away");
            }
        }
        if mode & 0o111 == 0 {
            fs::write(&file, content).expect("a file");
            set_mode(&file, mode).expect("its mode");
        } else {
            write_program(&file, mode, content);
        }
        give_away(&file, USER).expect("given away");
        file
    }

    /// Writes the configuration.
    pub fn configure(&self, text: &str) {
        self.put(".config/tokend/config.toml", text.as_bytes(), 0o600);
    }

    /// A drop-in of the service. The manager must be told: `daemon-reload`.
    pub fn drop_in(&self, name: &str, content: &str) {
        self.put(&format!(".config/systemd/user/tokend.service.d/{name}"), content.as_bytes(), 0o644);
    }

    /// Where the host finds what the namespaces have at this path.
    pub fn inside(&self, path: &str) -> PathBuf {
        Path::new("/proc").join(&self.first).join("root").join(path.trim_start_matches('/'))
    }

    /// A program to be run as the user beside the manager, as a login shell would: in their home, without anything
    /// of this environment.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.first, "--mount", "--pid", "--cgroup", "--wd=/", "setpriv"])
            .args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups", "env", "-i"])
            .arg("-C")
            .arg(self.home())
            .arg(format!("HOME={}", self.home().display()))
            .arg(format!("XDG_RUNTIME_DIR=/run/user/{USER}"))
            .args(["USER=tester", "LOGNAME=tester", "SHELL=/bin/sh"])
            .args(["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"])
            .args(words)
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, words: &[&str]) -> Said {
        sandbox::run(&mut self.command(words))
    }

    /// `systemctl --user`, which must succeed.
    #[track_caller]
    pub fn systemctl(&self, words: &[&str]) -> Said {
        let said = self.run(&[&["systemctl", "--user"], words].concat());
        assert_eq!(said.code, 0, "systemctl {words:?}: {said:?}\n{}", self.log());
        said
    }

    /// Runs `tok`, as [`installed`](Self::installed) put it.
    pub fn tok(&self, words: &[&str]) -> Said {
        let tok = self.home().join(".cargo/bin/tok");
        self.run(&[&[tok.to_str().expect("a path")], words].concat())
    }

    /// What `tok get` prints; the test fails where there is no token.
    #[track_caller]
    pub fn token(&self, account: &str) -> String {
        let said = self.tok(&["get", account]);
        assert_eq!(said.code, 0, "{said:?}\n{}", self.log());
        said.stdout
    }

    /// Some properties of a unit, by their names.
    #[track_caller]
    pub fn properties(&self, unit: &str, names: &str) -> HashMap<String, String> {
        let said = self.systemctl(&["show", unit, "-p", names]);
        said.stdout
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }

    /// One property of a unit.
    #[track_caller]
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.properties(unit, name).remove(name).unwrap_or_default()
    }

    /// `active`, `inactive`, `failed` and so on.
    #[track_caller]
    pub fn state(&self, unit: &str) -> String {
        self.property(unit, "ActiveState")
    }

    /// The service's processes as the host sees them; the manager's own numbers are its namespace's.
    pub fn processes(&self) -> Vec<u32> {
        let mut group = self.inside("sys/fs/cgroup");
        group.push(self.property("tokend.service", "ControlGroup").trim_start_matches('/'));
        let processes = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        processes.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// The daemon as the host sees it.
    #[track_caller]
    pub fn main_process(&self) -> u32 {
        self.processes().first().copied().expect("a process")
    }

    /// What the manager and the service have logged.
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.sandbox.path().join(name)).unwrap_or_default();
        let journal = if self.has_journal {
            self.run(&["journalctl", "--user", "--no-pager", "--output=short-precise"]).stdout
        } else {
            read("home/tokend.log")
        };
        read("manager.log") + &journal
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The end of its input is what it waits for.
        drop(self.manager.stdin.take());
        let _ = self.manager.wait();
    }
}
