//! One daemon a state and a socket: who comes second, what was left behind, what vanishes, `tokend env`.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokend_proto::message::About;
use tokend_proto::{Answer, Request};
use tokend_tests::platform::{self, Signal, number, own_user};
use tokend_tests::real_time::{at_once, timed};
use tokend_tests::sandbox::{self, Sandbox, eventually, is_running};
use tokend_tests::stand_in::Hole;

const ACCOUNT: &str = "[accounts.a]\ntype = \"static\"\ntoken = { env = \"A_TOKEN\" }\n";

/// A home with one account that needs no service, and its daemon's variable.
fn home() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.configure(ACCOUNT);
    sandbox
}

fn with_token(command: &mut Command) {
    command.env("A_TOKEN", "instance-token");
}

fn about(socket: &Path) -> About {
    let mut stream = platform::connect(socket).expect("a connection");
    sandbox::send(&mut stream, &Request::About).expect("sent");
    match sandbox::receive(&mut stream) {
        Ok(Answer::About(about)) => about,
        other => panic!("{other:?}"),
    }
}

fn mode(path: &Path) -> u32 {
    platform::mode(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_second_daemon_on_the_same_state_names_the_first_whatever_its_socket() {
    let sandbox = home();
    let first = sandbox.start_with(with_token);
    let other = platform::address_called(sandbox.path(), "other.sock");
    let second = sandbox
        .try_start(|command| {
            with_token(command);
            command.env("TOKEND_SOCK", &other);
        })
        .expect_err("a second daemon on one state");
    assert_eq!(second.code, 69, "{second:?}");
    let about = about(&sandbox.socket());
    assert_eq!(about.pid, first.pid());
    for part in [&about.host, &format!("process {}", first.pid()), &*sandbox.socket().to_string_lossy()] {
        assert!(second.stderr.contains(part), "{part} in {}", second.stderr);
    }
    assert!(!platform::is_there(&other));
    assert_eq!(sandbox.token("a"), "instance-token");
}

#[test]
#[cfg_attr(not(has_unix_sockets), ignore = "a pipe is no file here")]
fn a_daemon_of_another_state_does_not_displace_a_live_one_from_its_socket() {
    let (first_home, second_home) = (home(), home());
    let first = first_home.start_with(with_token);
    let inode = number(first_home.socket()).expect("a socket");
    let second = second_home
        .try_start(|command| {
            with_token(command);
            command.env("TOKEND_SOCK", first_home.socket());
        })
        .expect_err("a second daemon on one socket");
    assert_eq!(second.code, 69, "{second:?}");
    assert!(second.stderr.contains(&*first_home.socket().to_string_lossy()), "{}", second.stderr);
    assert_eq!(number(first_home.socket()).expect("a socket"), inode);
    assert_eq!(about(&first_home.socket()).pid, first.pid());
    // It left nothing locked behind.
    let second = second_home.start_with(with_token);
    assert_eq!(second_home.token("a"), "instance-token");
    drop((first, second));
}

#[test]
#[cfg_attr(not(has_unix_sockets), ignore = "a pipe is no file here")]
fn what_a_killed_daemon_left_is_replaced() {
    let sandbox = home();
    sandbox.start_with(with_token).kill();
    assert!(platform::is_there(sandbox.socket()));
    let said = sandbox.tok(["get", "a"]);
    assert_eq!(said.code, 8, "{said:?}");
    assert!(said.error().1.contains("tokend env"), "{said:?}");
    let _second = sandbox.start_with(with_token);
    assert_eq!(sandbox.token("a"), "instance-token");
}

#[test]
#[cfg_attr(not(has_unix_sockets), ignore = "a pipe is no file here")]
fn a_file_that_is_no_socket_is_left_alone() {
    let sandbox = home();
    let path = sandbox.path().join("run/notes.txt");
    sandbox::write_private(&path, b"mine");
    let said = sandbox
        .try_start(|command| {
            with_token(command.env("TOKEND_SOCK", &path));
        })
        .expect_err("it does not start");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("no socket; it was left alone"), "{said:?}");
    assert_eq!(fs::read(&path).expect("the file"), b"mine");
    assert!(!sandbox.path().join("run/notes.txt.lock").exists());
}

#[test]
#[cfg_attr(not(has_unix_sockets), ignore = "a pipe is no file here")]
fn a_socket_that_vanished_is_made_anew_with_its_folder() {
    let sandbox = home();
    let daemon = sandbox.start_with(with_token);
    let folder = sandbox.socket().parent().expect("a folder").to_path_buf();
    let again = |what: &str| {
        let said = eventually(what, || Some(sandbox.tok(["get", "a"])).filter(|said| said.code != 8));
        assert_eq!((said.code, said.stdout.as_str()), (0, "instance-token\n"), "{said:?}");
        assert_eq!((mode(&folder), mode(&sandbox.socket())), (0o700, 0o600));
    };
    for _ in 0..2 {
        fs::remove_file(sandbox.socket()).expect("removed");
        again("a removed socket is back");
        // The daemon may be faster than the removal of what it made.
        eventually("the folder is removed", || fs::remove_dir_all(&folder).ok());
        again("a removed folder is back");
        fs::rename(&folder, sandbox.path().join("run/elsewhere")).expect("moved");
        again("a folder that was moved away is back");
        fs::remove_dir_all(sandbox.path().join("run/elsewhere")).expect("removed");
    }
    assert!(daemon.log().contains("made anew"), "{}", daemon.log());
    assert!(daemon.stop().success());
    assert!(!platform::is_there(sandbox.socket()));
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn socket_and_state_are_closed_to_others_from_birth_whatever_the_mask() {
    let sandbox = home();
    let daemon = sandbox.start_with(|command| {
        with_token(command);
        sandbox.by_shell(command, r#"umask 000; exec "$0""#);
    });
    let folder = sandbox.socket().parent().expect("a folder").to_path_buf();
    assert_eq!((mode(&folder), mode(&sandbox.socket())), (0o700, 0o600));
    assert_eq!(mode(&sandbox.state()), 0o700);
    for place in [folder, sandbox.state()] {
        for entry in fs::read_dir(place).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            assert_eq!(mode(&entry) & 0o077, 0, "{}", entry.display());
        }
    }
    drop(daemon);
}

#[test]
fn a_stop_is_quick_and_takes_the_socket_with_it_even_while_a_service_hangs_and_a_client_waits() {
    let hole = Hole::start();
    let sandbox = Sandbox::new();
    sandbox.secret_file("secret", "lyve-secret");
    sandbox.configure(&format!(
        "[accounts.hangs]\ntype = \"lyve-cloud\"\nurl = \"{}\"\naccount_id = \"acme\"\naccess_key = \"AKLYVE\"\n\
         secret = {{ file = \"~/secret\" }}\n",
        hole.url()
    ));
    let daemon = sandbox.start();
    assert!(hole.wait_for_connections(1, Duration::from_secs(10)));
    let waiting = sandbox.command("tok").args(["get", "hangs"]).output_later();
    let (status, took) = timed(|| daemon.stop());
    assert!(status.success(), "{status}");
    let at_once = at_once(|| drop(sandbox.tok(["version"])));
    assert!(took < at_once * 2, "{took:?}, not {at_once:?}");
    assert!(!platform::is_there(sandbox.socket()));
    if let Some(folder) = platform::folder_of(&sandbox.socket()) {
        let left: Vec<_> =
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
        assert_eq!(left, Vec::<PathBuf>::new());
    }
    let said = waiting.join().expect("tok ends");
    assert_eq!(said.code, 8, "{said:?}");
}

#[test]
fn each_signal_that_means_the_end_ends_it_cleanly() {
    let sandbox = home();
    for signal in [Signal::INT, Signal::QUIT, Signal::TERM] {
        let daemon = sandbox.start_with(with_token);
        daemon.signal(signal);
        eventually("it has ended", || (!is_running(daemon.pid())).then_some(()));
        let status = daemon.stop();
        assert!(status.success(), "{signal:?}: {status}");
        assert!(!platform::is_there(sandbox.socket()), "{signal:?}");
    }
}

#[test]
#[cfg_attr(not(has_unix_sockets), ignore = "a pipe is no file here")]
fn without_a_runtime_folder_the_socket_is_in_the_state_folder_of_this_machine() {
    let run = PathBuf::from(format!("/run/user/{}", own_user()));
    if run.exists() {
        sandbox::skip("the socket's last place", "this user has a folder in /run/user, which comes before");
        return;
    }
    let sandbox = home();
    let without = |command: &mut Command| {
        with_token(command);
        command.env_remove("XDG_RUNTIME_DIR");
    };
    let _daemon = sandbox.start_with(without);
    let host = fs::read_to_string("/proc/sys/kernel/hostname").expect("this machine's name");
    let socket = sandbox.state().join(format!("run-{}/tokend.sock", host.trim_end()));
    assert_eq!((mode(&socket), mode(socket.parent().expect("a folder"))), (0o600, 0o700));
    let mut tok = sandbox.command("tok");
    tok.env_remove("XDG_RUNTIME_DIR").args(["get", "a"]);
    let said = sandbox::run(&mut tok);
    assert_eq!((said.code, said.stdout.as_str()), (0, "instance-token\n"), "{said:?}");
}

#[test]
#[cfg_attr(not(has_procfs), ignore = "there is no /proc here")]
fn env_starts_one_daemon_and_a_second_call_finds_it() {
    let sandbox = home();
    let background = Background(&sandbox);
    let first = env(&sandbox);
    let pid = background.pid().expect("a daemon");
    assert_eq!(first, sandbox.socket());
    assert_eq!(env(&sandbox), first);
    assert_eq!(background.pid(), Some(pid));
    assert_eq!(about(&first).pid, pid);
    assert_eq!(sandbox.token("a"), "instance-token");
    let log = fs::read_to_string(sandbox.state().join("tokend.log")).expect("a log");
    assert_eq!(log.matches("serving").count(), 1, "{log}");
    assert_eq!(mode(&sandbox.state().join("tokend.log")), 0o600);
    if sandbox::is_root() {
        // Nobody else may look; the folder in which it was called can be removed or unmounted.
        assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).ok(), Some("/".into()));
    }
    // The shell's terminal is not its own.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("its stat");
    let session = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(3)).expect("its session");
    assert_eq!(session, pid.to_string());
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn env_prints_what_a_shell_evaluates_and_finds_a_daemon_that_runs_in_the_foreground() {
    let sandbox = home();
    let daemon = sandbox.start_with(with_token);
    let mut shell = Command::new("sh");
    sandbox.surround(&mut shell);
    let script = r#"eval "$("$0" env)" && unset XDG_RUNTIME_DIR HOME XDG_STATE_HOME && exec "$1" get a"#;
    shell.arg("-c").arg(script).args([sandbox::program_path("tokend"), sandbox::program_path("tok")]);
    let said = sandbox::run(&mut shell);
    assert_eq!((said.code, said.stdout.as_str()), (0, "instance-token\n"), "{said:?}");
    assert_eq!(about(&sandbox.socket()).pid, daemon.pid());
    assert!(!sandbox.state().join("tokend.log").exists());
}

#[test]
fn env_finds_the_daemon_of_this_state_wherever_it_listens() {
    let sandbox = home();
    let _background = Background(&sandbox);
    let socket = env(&sandbox);
    let mut elsewhere = sandbox.command("tokend");
    elsewhere.args(platform::ENV).env("TOKEND_SOCK", platform::address_called(sandbox.path(), "gone.sock"));
    let said = sandbox::run(&mut elsewhere);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    assert!(said.stdout.contains(&format!("'{}'", socket.display())), "{said:?}");
}

#[test]
fn env_k_stops_the_daemon_and_says_when_there_is_none() {
    let sandbox = home();
    let background = Background(&sandbox);
    env(&sandbox);
    let said = sandbox::run(sandbox.command("tokend").args(platform::ENV).arg("-k"));
    assert_eq!((said.code, said.stdout.as_str()), (0, "unset TOKEND_SOCK;\n"), "{said:?}");
    assert!(!background.runs());
    assert!(!platform::is_there(sandbox.socket()));
    let again = sandbox::run(sandbox.command("tokend").args(platform::ENV).arg("-k"));
    assert_eq!((again.code, again.stdout.as_str()), (1, ""), "{again:?}");
    assert!(again.stderr.starts_with("tokend: no tokend runs on this state\n"), "{again:?}");
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn ten_env_at_once_start_one_daemon_and_no_caller_comes_too_early() {
    let sandbox = home();
    let _background = Background(&sandbox);
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let mut shell = Command::new("sh");
            sandbox.surround(&mut shell);
            with_token(&mut shell);
            shell
                .arg("-c")
                .arg(r#"eval "$("$0" env)" && exec "$1" list"#)
                .args([sandbox::program_path("tokend"), sandbox::program_path("tok")])
                .output_later()
        })
        .collect();
    for caller in callers {
        let said = caller.join().expect("the caller ends");
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.stdout.starts_with('a') && said.stdout.contains("static"), "{said:?}");
    }
    let log = fs::read_to_string(sandbox.state().join("tokend.log")).expect("a log");
    assert_eq!(log.matches("serving").count(), 1, "{log}");
}

#[test]
fn env_with_a_faulty_configuration_says_where_and_prints_nothing_to_evaluate() {
    let sandbox = Sandbox::new();
    sandbox.configure("[accounts.a]\ntype = \"statik\"\n");
    let _background = Background(&sandbox);
    let said = sandbox::run(sandbox.command("tokend").arg("env"));
    assert_eq!((said.code, said.stdout.as_str()), (78, ""), "{said:?}");
    assert!(said.stderr.contains("config.toml:2"), "{said:?}");
    assert!(!platform::is_there(sandbox.socket()));
}

/// Calls `tokend env` and says where the daemon listens.
fn env(sandbox: &Sandbox) -> PathBuf {
    let mut command = sandbox.command("tokend");
    with_token(&mut command);
    let said = sandbox::run(command.args(platform::ENV));
    assert_eq!(said.code, 0, "{said:?}");
    let line = said.stdout.strip_suffix("; export TOKEND_SOCK;\n").expect("one line for a shell");
    PathBuf::from(
        line.strip_prefix("TOKEND_SOCK='").and_then(|path| path.strip_suffix('\'')).expect("a quoted path"),
    )
}

/// Ends the daemon that `tokend env` started in this home, also when the test fails.
struct Background<'s>(&'s Sandbox);

impl Background<'_> {
    fn lock(&self) -> PathBuf {
        self.0.state().join("lock")
    }

    /// Whether somebody holds the state.
    fn runs(&self) -> bool {
        File::open(self.lock()).is_ok_and(|lock| lock.try_lock().is_err())
    }

    /// Who holds the state, once it has been written down.
    fn pid(&self) -> Option<u32> {
        let holder = fs::read_to_string(self.lock()).ok().filter(|_| self.runs())?;
        holder.split("process ").nth(1)?.split(',').next()?.parse().ok()
    }
}

impl Drop for Background<'_> {
    fn drop(&mut self) {
        // Not by `eventually`: a panic while panicking would leave the daemon alive.
        for _ in 0..1000 {
            if !self.runs() {
                return;
            }
            if let Some(pid) = self.pid() {
                let _ = platform::signal(pid, Signal::TERM);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A program that runs beside the test.
trait OutputLater {
    fn output_later(&mut self) -> JoinHandle<sandbox::Said>;
}

impl OutputLater for Command {
    fn output_later(&mut self) -> JoinHandle<sandbox::Said> {
        let child = self
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        thread::spawn(move || child.wait_with_output().expect("it ends").into())
    }
}
