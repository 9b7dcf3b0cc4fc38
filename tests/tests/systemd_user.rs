//! The units as they are shipped, under a real `systemd --user`.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokend_tests::real_time::timed;
use tokend_tests::sandbox::{self, Said, Sandbox, eventually};
use tokend_tests::stand_in::LyveCloud;

const MANAGER: &str = include_str!("../systemd/user-manager.sh");
const SERVICE: &str = include_str!("../../systemd/user/tokend.service");
const SOCKET: &str = include_str!("../../systemd/user/tokend.socket");
const CREDENTIALS: &str = include_str!("../../systemd/examples/credentials.conf");
const SANDBOX: &str = include_str!("../../systemd/examples/sandbox.conf");

/// Nobody's number, as far as any system goes.
const USER: u32 = 54_330;

/// A user with a running manager; both are gone when this is dropped.
struct Session {
    sandbox: Sandbox,
    manager: Child,
    /// By which the namespaces are entered.
    first: String,
}

impl Session {
    /// Starts the manager, or says why this system does not let it.
    fn start() -> Result<Self, String> {
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
        fs::set_permissions(sandbox.path(), Permissions::from_mode(0o755)).expect("its mode");
        chown(sandbox.home(), Some(USER), Some(USER)).expect("given away");
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
        let Some(first) = line.trim_end().strip_prefix("ready ") else {
            let mut said = String::new();
            manager.stderr.take().expect("its errors").read_to_string(&mut said).expect("text");
            let status = manager.wait().expect("it ends");
            assert_eq!(status.code(), Some(77), "{said}");
            return Err(said.trim_end().to_owned());
        };
        Ok(Self { first: first.to_owned(), sandbox, manager })
    }

    /// A file of the user's.
    fn put(&self, path: &str, content: &[u8], mode: u32) -> PathBuf {
        let file = self.sandbox.home().join(path);
        let mut folder = self.sandbox.home();
        for part in Path::new(path).parent().expect("a folder").components() {
            folder.push(part);
            if !folder.exists() {
                fs::create_dir(&folder).expect("a folder");
                fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("its mode");
                chown(&folder, Some(USER), Some(USER)).expect("given away");
            }
        }
        if mode & 0o111 == 0 {
            fs::write(&file, content).expect("a file");
            fs::set_permissions(&file, Permissions::from_mode(mode)).expect("its mode");
        } else {
            sandbox::write_program(&file, mode, content);
        }
        chown(&file, Some(USER), Some(USER)).expect("given away");
        file
    }

    /// Where the host finds what the namespaces have at this path.
    fn inside(&self, path: &str) -> PathBuf {
        Path::new("/proc").join(&self.first).join("root").join(path)
    }

    fn drop_in(&self, name: &str, content: &str) {
        self.put(&format!(".config/systemd/user/tokend.service.d/{name}"), content.as_bytes(), 0o644);
    }

    /// Runs a program as the user beside the manager, as a login shell would.
    fn run(&self, words: &[&str]) -> Said {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.first, "--mount", "--pid", "--cgroup", "setpriv"])
            .args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups", "env", "-i"])
            .arg(format!("HOME={}", self.sandbox.home().display()))
            .arg(format!("XDG_RUNTIME_DIR=/run/user/{USER}"))
            .args(["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"])
            .args(words)
            .stdin(Stdio::null());
        sandbox::run(&mut command)
    }

    #[track_caller]
    fn systemctl(&self, words: &[&str]) -> Said {
        let said = self.run(&[&["systemctl", "--user"], words].concat());
        assert_eq!(said.code, 0, "systemctl {words:?}: {said:?}\n{}", self.log());
        said
    }

    fn tok(&self, words: &[&str]) -> Said {
        let tok = self.sandbox.home().join(".cargo/bin/tok");
        self.run(&[&[tok.to_str().expect("a path")], words].concat())
    }

    #[track_caller]
    fn token(&self, account: &str) -> String {
        let said = self.tok(&["get", account]);
        assert_eq!(said.code, 0, "{said:?}\n{}", self.log());
        said.stdout
    }

    fn properties(&self, unit: &str, names: &str) -> HashMap<String, String> {
        let said = self.systemctl(&["show", unit, "-p", names]);
        said.stdout
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }

    fn state(&self, unit: &str) -> String {
        self.properties(unit, "ActiveState").remove("ActiveState").unwrap_or_default()
    }

    /// As the host sees it; the manager's own numbers are its namespace's.
    fn main_process(&self) -> u32 {
        let mut group = self.inside("sys/fs/cgroup");
        group.push(self.properties("tokend.service", "ControlGroup")["ControlGroup"].trim_start_matches('/'));
        let processes = fs::read_to_string(group.join("cgroup.procs")).expect("the service's processes");
        processes.lines().next().and_then(|line| line.parse().ok()).expect("a process")
    }

    fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.sandbox.path().join(name)).unwrap_or_default();
        read("manager.log") + &read("home/tokend.log")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The end of its input is what it waits for.
        drop(self.manager.stdin.take());
        let _ = self.manager.wait();
    }
}

/// A session with programs and units installed as `systemd/README.md` says; skipped, and said so, where none can be.
fn installed(what: &str) -> Option<Session> {
    let session = Session::start().inspect_err(|why| sandbox::skip(what, why)).ok()?;
    for program in ["tokend", "tok"] {
        let built = fs::read(sandbox::program_path(program)).expect("the program");
        session.put(&format!(".cargo/bin/{program}"), &built, 0o755);
    }
    session.put(".config/systemd/user/tokend.service", SERVICE.as_bytes(), 0o644);
    session.put(".config/systemd/user/tokend.socket", SOCKET.as_bytes(), 0o644);
    // There is no journal.
    let log =
        format!("[Service]\nStandardError=append:{}\n", session.sandbox.home().join("tokend.log").display());
    session.drop_in("log.conf", &log);
    Some(session)
}

#[test]
fn the_shipped_units_start_serve_reload_restart_and_stop() {
    let Some(session) = installed("the units under a real systemd --user") else {
        return;
    };
    let secret = session.put("a.secret", b"unit-token\n", 0o600);
    let good = format!("[accounts.a]\ntype = 'static'\ntoken = {{ file = '{}' }}\n", secret.display());
    let configure = |text: &str| session.put(".config/tokend/config.toml", text.as_bytes(), 0o600);
    configure(&good);

    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["enable", "--now", "tokend.socket"]);
    assert_eq!(session.state("tokend.socket"), "active");
    assert_eq!(session.state("tokend.service"), "inactive");
    let run = session.inside(&format!("run/user/{USER}/tokend"));
    let socket = run.join("tokend.sock");
    for (path, mode) in [(&run, 0o700), (&socket, 0o600)] {
        let metadata = fs::metadata(path).expect("it is there");
        assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (mode, USER), "{}", path.display());
    }

    // The first client starts it.
    assert_eq!(session.token("a"), "unit-token\n");
    let shown =
        session.properties("tokend.service", "Type,ActiveState,SubState,LimitCORE,UMask,NotifyAccess,Result");
    for (name, value) in [
        ("Type", "notify"),
        ("ActiveState", "active"),
        ("SubState", "running"),
        ("LimitCORE", "0"),
        ("UMask", "0077"),
        ("Result", "success"),
    ] {
        assert_eq!(shown[name], value, "{shown:?}");
    }

    // A reload, as systemd asks for it.
    configure(&(good.clone() + &good.replace("accounts.a", "accounts.b")));
    session.systemctl(&["reload", "tokend.service"]);
    eventually("the new account is there", || {
        (session.tok(&["get", "b"]).stdout == "unit-token\n").then_some(())
    });

    // Restarted, and stopped with the socket left: the next client starts it again.
    session.systemctl(&["restart", "tokend.service"]);
    assert_eq!(session.token("a"), "unit-token\n");
    session.systemctl(&["stop", "tokend.service"]);
    assert_eq!(
        (session.state("tokend.service"), session.state("tokend.socket")),
        ("inactive".into(), "active".into())
    );
    assert_eq!(session.token("a"), "unit-token\n");

    // After a crash clients wait for the next one.
    let first = session.main_process();
    let pid = rustix::process::Pid::from_raw(first.cast_signed()).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("killed");
    let (token, took) = timed(|| session.token("a"));
    assert_eq!(token, "unit-token\n");
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert_ne!(session.main_process(), first);

    // A faulty configuration stays faulty: one start, no loop, and nobody waits for what does not come.
    configure("[accounts.a]\ntype = 'statik'\n");
    assert_ne!(session.run(&["systemctl", "--user", "restart", "tokend.service"]).code, 0);
    let shown = session.properties("tokend.service", "ActiveState,ExecMainStatus,NRestarts");
    assert_eq!((&*shown["ActiveState"], &*shown["ExecMainStatus"]), ("failed", "78"), "{shown:?}");
    let (said, took) = timed(|| session.tok(&["get", "a"]));
    assert_eq!(said.code, 8, "{said:?}\n{}", session.log());
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(session.log().contains("config.toml:2"), "{}", session.log());
    configure(&good);
    session.systemctl(&["restart", "tokend.socket", "tokend.service"]);
    assert_eq!(session.token("a"), "unit-token\n");

    session.systemctl(&["stop", "tokend.socket", "tokend.service"]);
    assert_eq!(session.state("tokend.service"), "inactive");
    assert!(!socket.exists(), "the unit removes it");
    assert_eq!(session.tok(&["get", "a"]).code, 8);
    session.systemctl(&["disable", "tokend.socket"]);
}

#[test]
fn credentials_arrive_and_the_stronger_sandbox_lets_services_be_asked_and_programs_run() {
    let Some(session) = installed("the examples of drop-ins under a real systemd --user") else {
        return;
    };
    let lyve = LyveCloud::start();
    session.put(".secrets/graph", b"credential-token\n", 0o600);
    let secret = session.put(".secrets/lyve", b"lyve-secret\n", 0o600);
    session.drop_in("credentials.conf", CREDENTIALS);
    session.drop_in("sandbox.conf", SANDBOX);
    let configuration = format!(
        "[accounts.graph]\ntype = 'static'\ntoken = {{ credential = 'graph' }}\n\
         [accounts.lyve]\ntype = 'lyve-cloud'\nurl = '{}'\naccount_id = 'acme'\naccess_key = 'AKLYVE'\n\
         secret = {{ file = '{}' }}\n\
         [accounts.program]\ntype = 'command'\ncommand = ['sh', '-c', 'cat \"$HOME/.secrets/graph\"; exit $?']\n",
        lyve.url(),
        secret.display()
    );
    session.put(".config/tokend/config.toml", configuration.as_bytes(), 0o600);
    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["start", "tokend.socket", "tokend.service"]);
    assert_eq!(session.properties("tokend.service", "NoNewPrivileges")["NoNewPrivileges"], "yes");
    assert_eq!(session.token("graph"), "credential-token\n");
    assert_eq!(session.token("program"), "credential-token\n");
    assert!(lyve.is_live(session.token("lyve").trim_end()));
    session.systemctl(&["stop", "tokend.socket", "tokend.service"]);
}
