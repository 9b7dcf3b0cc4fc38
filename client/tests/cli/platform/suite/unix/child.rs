//! `tok exec`: programs with tokens in their environment or in files.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokend_proto::{Answer, Request};

use super::arrivals::Arrivals;
use super::shell;
use crate::cli::daemon::{Daemon, Reply, credential};
use crate::cli::tok::{Run, run, tok};

fn two_accounts() -> Daemon {
    Daemon::giving(|get| credential(&get.account, &format!("token of {}", get.account)))
}

fn exec(daemon: &Daemon, words: &[&str]) -> Run {
    run(tok(daemon, &[&["exec"], words].concat()))
}

#[test]
fn tokens_are_in_the_environment_and_the_programs_status_is_toks() {
    let daemon = two_accounts();
    let run = exec(&daemon, &["A=x", "B=y", "--", "sh", "-c", r#"echo "$A, $B"; exit 7"#]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (7, "token of x, token of y\n", ""));
    // Without `--`, the command begins with the first word that is no assignment.
    assert_eq!(exec(&daemon, &["A=x", "printenv", "A"]).printed(), "token of x\n");
}

#[test]
fn tok_is_replaced_and_the_program_has_its_limits_back() {
    let daemon = two_accounts();
    let line =
        r#"ulimit -S -c 8; echo $$ $(ulimit -S -c); exec "$TOK" exec A=x -- sh -c 'echo $$ $(ulimit -S -c)'"#;
    let mut command = std::process::Command::new("sh");
    command.args(["-c", line]).env("TOKEND_SOCK", daemon.socket()).env("TOK", env!("CARGO_BIN_EXE_tok"));
    let child = command.stdout(Stdio::piped()).spawn().expect("a shell");
    let output = child.wait_with_output().expect("an end");
    let text = String::from_utf8_lossy(&output.stdout);
    let (before, after) = text.split_once('\n').expect("two lines");
    assert_eq!(format!("{before}\n"), after);
}

#[test]
fn what_tok_cannot_do_is_125() {
    let daemon = two_accounts();
    for words in [
        &["LD_PRELOAD=x", "--", "true"][..],
        &["PATH=x", "--", "true"],
        &["1A=x", "--", "true"],
        &["A=", "--", "true"],
        &["A=x", "A=y", "--", "true"],
        &["A", "--", "true"],
        &["A=x"],
        &["A=x", "--"],
        &["--", "true"],
        &["true"],
        &["--nonsense", "A=x", "--", "true"],
        &["--file", "BASH_ENV=x", "--", "true"],
    ] {
        exec(&daemon, words).failed_with(125);
    }
    assert!(daemon.asked().is_empty());
    exec(&Daemon::failing(3), &["A=x", "--", "true"]).failed_with(125);
    daemon.vanish();
    exec(&daemon, &["A=x", "--", "true"]).failed_with(125);
}

#[test]
fn what_is_missing_is_named() {
    let daemon = two_accounts();
    let hint = |words: &[&str], code| exec(&daemon, words).failed_with(code);
    let (what, path) = hint(&["A=x", "--", "/nonexistent"], 127);
    assert!(what.contains("this file does not exist") && !path.contains("PATH"), "{what} {path}");
    assert!(hint(&["A=x", "--", "no-such-program"], 127).1.contains("PATH"));
    assert!(hint(&["lyve-prod", "--", "env"], 125).1.contains("`TOKEN=lyve-prod`"));
    assert!(hint(&["--file", "lyve-prod", "--", "env"], 125).1.contains("`--file TOKEN=lyve-prod`"));
    let token = exec(&daemon, &["eyJhbGciOiJFUzM4NCJ9.secret", "--", "env"]);
    assert!(token.failed_with(125).1.contains("`TOKEN=ACCOUNT`") && !token.err.contains("eyJ"), "{token:?}");
}

#[test]
fn what_cannot_be_run_is_126_and_what_is_not_there_127() {
    let daemon = two_accounts();
    let plain = daemon.home().join("plain");
    fs::write(&plain, "").expect("a file");
    let plain = plain.to_str().expect("UTF-8");
    for option in [&[][..], &["--file", "B=y"]] {
        exec(&daemon, &[option, &["A=x", "--", plain]].concat()).failed_with(126);
        exec(&daemon, &[option, &["A=x", "--", "/nonexistent/program"]].concat()).failed_with(127);
    }
    assert_eq!(folders(&daemon), 0);
}

/// Folders of tokens that are there.
fn folders(daemon: &Daemon) -> usize {
    let entries = fs::read_dir(daemon.socket().parent().expect("a folder")).expect("a folder");
    entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("exec-")).count()
}

#[test]
fn a_file_is_for_its_owner_alone_and_gone_at_the_end() {
    let daemon = two_accounts();
    let script =
        r#"stat -c %a "$F" "$(dirname "$F")"; cat "$F"; echo "|$A"; ls -A "$(dirname "$F")"; exit 3"#;
    let run = exec(&daemon, &["--file", "F=x", "A=y", "--", "sh", "-c", script]);
    assert_eq!((run.code, run.out.as_str()), (3, "600\n700\ntoken of x|token of y\nF\n"));
    assert_eq!(folders(&daemon), 0);
}

#[test]
fn a_file_is_not_kept_for_scopes_that_cannot_be_watched() {
    let daemon = two_accounts();
    for option in ["--scope", "--audience"] {
        exec(&daemon, &[option, "s", "--file", "F=x", "--", "true"]).failed_with(125);
    }
    assert!(daemon.asked().is_empty());
}

#[test]
fn a_killed_program_is_128_and_its_signal_and_leaves_no_file() {
    let daemon = two_accounts();
    assert_eq!(exec(&daemon, &["--file", "F=x", "--", "sh", "-c", "kill -9 $$"]).code, 128 + 9);
    assert_eq!(folders(&daemon), 0);
}

/// `tok exec --file F=x` of a shell that says where its file is, and goes on until its standard input ends.
struct Supervised {
    tok: Child,
    lines: mpsc::Receiver<String>,
    file: PathBuf,
}

impl Supervised {
    fn start(daemon: &Daemon, until_input_ends: &str) -> Self {
        let script = format!("echo \"$F\"; {until_input_ends}");
        let mut command = tok(daemon, &["exec", "--file", "F=x", "--", "sh", "-c", &script]);
        let mut tok = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("tok starts");
        let output = BufReader::new(tok.stdout.take().expect("a pipe"));
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let file = PathBuf::from(lines.recv_timeout(LONG).expect("a line"));
        Self { tok, lines, file }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.tok), signal).expect("tok lives");
    }

    /// The next line; empty at the end. A `tok` that has died leaves its program behind, which says nothing more and goes on.
    fn said(&self) -> String {
        match self.lines.recv_timeout(LONG) {
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("neither a line nor an end"),
            line => line.unwrap_or_default(),
        }
    }

    /// Ends its input, and tells what it still said and how it ended.
    fn end(mut self) -> (Vec<String>, Option<i32>) {
        drop(self.tok.stdin.take());
        let rest = self.lines.iter().collect();
        (rest, self.tok.wait().expect("tok ends").code())
    }
}

/// Longer than anything here takes on a machine that does much else.
const LONG: Duration = Duration::from_secs(60);

/// A shell that waits for nothing else.
const WAIT: &str = "cat > /dev/null";

/// A daemon whose `get` says "one" and whose watchers are told what comes.
fn rotating() -> (mpsc::Sender<Answer>, impl Fn(&Request) -> Reply + Send + Sync + 'static) {
    let (send, answers) = mpsc::channel();
    let answers = Mutex::new(Some(answers));
    let behaviour = move |request: &Request| match request {
        Request::Get(_) => Reply::Answer(Answer::Credential(credential("x", "one"))),
        Request::Watch(_) => answers.lock().expect("no panic").take().map_or(Reply::HangUp, Reply::Stream),
        _ => Reply::HangUp,
    };
    (send, behaviour)
}

fn token(value: &str) -> Answer {
    Answer::Credential(credential("x", value))
}

#[test]
fn a_rotation_puts_a_new_file_in_the_place_of_the_old_one_over_restarts_of_the_daemon() {
    let (first, behaviour) = rotating();
    let daemon = Daemon::new(behaviour);
    let child = Supervised::start(&daemon, WAIT);
    let mut arrivals = Arrivals::into(child.file.parent().expect("a folder"));
    let content = |child: &Supervised| fs::read_to_string(&child.file).expect("a file");
    assert_eq!(content(&child), "one");
    let old = File::open(&child.file).expect("a file");

    // The token that is there already, then a new one.
    for value in ["one", "two"] {
        first.send(token(value)).expect("tok watches");
    }
    arrivals.wait();
    assert_eq!(content(&child), "two");
    assert_eq!(std::io::read_to_string(old).expect("the old file"), "one");
    let mode = fs::metadata(&child.file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let (second, behaviour) = rotating();
    let daemon = daemon.succeeded_by(behaviour);
    drop(first);
    for value in ["two", "three"] {
        second.send(token(value)).expect("tok watches again");
    }
    arrivals.wait();
    assert_eq!(content(&child), "three");

    assert_eq!(child.end(), (vec![], Some(0)));
    assert_eq!(folders(&daemon), 0);
}

#[test]
fn signals_of_other_processes_reach_the_program_once() {
    let daemon = two_accounts();
    // `wait` lets a trap run at once; what it waits for ends with the input.
    let script =
        "for name in TERM INT HUP USR1; do trap \"echo $name\" $name; done; exec 3<&0; cat <&3 >/dev/null &
        echo ready; while kill -0 $! 2>/dev/null; do wait $!; done; exit 5";
    let child = Supervised::start(&daemon, script);
    assert_eq!(child.said(), "ready");
    for (signal, name) in
        [(Signal::TERM, "TERM"), (Signal::INT, "INT"), (Signal::HUP, "HUP"), (Signal::USR1, "USR1")]
    {
        child.signal(signal);
        assert_eq!(child.said(), name);
    }
    assert_eq!(child.end(), (vec![], Some(5)));
}

/// In a container, the leaders of session and process group may be outside, and have no id inside.
#[test]
fn signals_reach_the_program_where_the_sessions_leader_is_in_another_pid_namespace() {
    let inside = |arguments: &[&str]| {
        let mut command = std::process::Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]).args(arguments).output()
    };
    if !inside(&["true"]).is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: this user may make no PID namespace, or there is no `unshare`");
        return;
    }
    let tests = std::env::current_exe().expect("a path");
    let name = concat!(module_path!(), "::signals_of_other_processes_reach_the_program_once");
    // Without the name of the suite itself.
    let name = name.split_once("::").map_or(name, |(_, name)| name);
    let output = inside(&[tests.to_str().expect("a plain path"), "--exact", name]).expect("an end");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[test]
fn a_signal_that_ends_the_program_ends_tok_with_128_and_its_number() {
    let daemon = two_accounts();
    let child = Supervised::start(&daemon, WAIT);
    child.signal(Signal::TERM);
    assert_eq!(child.said(), "");
    assert_eq!(child.end(), (vec![], Some(128 + 15)));
    assert_eq!(folders(&daemon), 0);
}

#[test]
fn what_was_ignored_stays_ignored() {
    let daemon = two_accounts();
    let line = r#"trap '' HUP; "$TOK" exec --file F=x -- sh -c 'kill -HUP $$ $PPID; echo alive'"#;
    assert_eq!(shell(&daemon, line).printed(), "alive\n");
}

#[test]
fn what_a_killed_tok_left_is_swept_by_the_next() {
    let daemon = two_accounts();
    let mut child = Supervised::start(&daemon, WAIT);
    child.tok.kill().and_then(|()| child.tok.wait()).expect("tok ends");
    assert_eq!(folders(&daemon), 1);
    exec(&daemon, &["--file", "F=x", "--", "true"]).printed();
    assert_eq!(folders(&daemon), 0);
}
