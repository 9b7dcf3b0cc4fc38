//! What a new configuration changes and what it leaves alone, and what follows tokens over rotations and restarts.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::Value;
use tokend_proto::message::{Code, Get, Words};
use tokend_proto::{Answer, Request};
use tokend_tests::accounts::{lyve_cloud, openv_cloud};
use tokend_tests::platform::{self, Signal, set_mode};
use tokend_tests::sandbox::{self, Daemon, Sandbox, eventually};
use tokend_tests::stand_in::{Fault, LyveCloud, OpenvCloud};

#[track_caller]
fn reload(sandbox: &Sandbox) {
    let said = sandbox.tok(["reload"]);
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""), "{said:?}");
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let said = sandbox.tok(["list", "--json"]);
    let list: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    let accounts = list.as_array().expect("a list");
    accounts.iter().filter_map(|account| account["account"].as_str().map(str::to_owned)).collect()
}

#[test]
#[cfg_attr(not(has_signals), ignore = "there are no signals here")]
fn a_reload_adds_changes_and_removes_and_leaves_every_other_account_its_token() {
    let (stays, changes, goes) = (LyveCloud::start(), LyveCloud::start(), LyveCloud::start());
    let ovc = OpenvCloud::start();
    let sandbox = Sandbox::new();
    sandbox.configure(
        &[
            lyve_cloud(&sandbox, "stays", &stays),
            lyve_cloud(&sandbox, "changes", &changes),
            lyve_cloud(&sandbox, "goes", &goes),
        ]
        .concat(),
    );
    let daemon = sandbox.start();
    let before = ["stays", "changes", "goes"].map(|name| sandbox.token(name));

    sandbox.configure(
        &[
            lyve_cloud(&sandbox, "stays", &stays),
            (lyve_cloud(&sandbox, "changes", &changes) + "headers = { X-Tenant = \"another\" }\n"),
            openv_cloud(&sandbox, "comes", &ovc),
        ]
        .concat(),
    );
    reload(&sandbox);
    assert_eq!(names(&sandbox), ["changes", "comes", "stays"]);
    assert_eq!(sandbox.token("stays"), before[0]);
    assert_ne!(sandbox.token("changes"), before[1]);
    assert!(ovc.is_live(&sandbox.token("comes")));
    let said = sandbox.tok(["get", "goes"]);
    assert_eq!((said.code, said.stdout.as_str()), (3, ""), "{said:?}");
    assert_eq!((stays.token_requests(), changes.token_requests(), goes.token_requests()), (1, 2, 1));

    // Once more without any change, by signal.
    daemon.signal(Signal::HUP);
    eventually("two reloads in the log", || (daemon.log().matches("reloaded").count() == 2).then_some(()));
    assert_eq!(sandbox.token("stays"), before[0]);
    assert_eq!((stays.requests(), changes.requests(), ovc.requests()), (1, 2, 1));
}

#[test]
fn a_change_of_how_an_account_is_kept_keeps_its_token() {
    let lyve = LyveCloud::start();
    let sandbox = Sandbox::new();
    sandbox.configure(&lyve_cloud(&sandbox, "a", &lyve));
    let _daemon = sandbox.start();
    let token = sandbox.token("a");
    for more in
        ["min_valid = \"5m\"", "refresh = \"on-demand\"", "refresh = \"auto\"\nscheme = \"Token\"", ""]
    {
        sandbox
            .configure(&format!("[daemon]\nlog = \"debug\"\n{}", (lyve_cloud(&sandbox, "a", &lyve) + more)));
        reload(&sandbox);
        assert_eq!(sandbox.token("a"), token, "{more}");
    }
    // A further file counts as much as the first one, and its accounts' order does not matter.
    let further = sandbox.config_file().with_file_name("accounts.d");
    fs::create_dir(&further).expect("a folder");
    set_mode(&further, 0o700).expect("its mode");
    sandbox::write_private(&further.join("lyve.toml"), lyve_cloud(&sandbox, "a", &lyve).as_bytes());
    sandbox.configure("");
    reload(&sandbox);
    assert_eq!(sandbox.token("a"), token);
    assert_eq!(lyve.requests(), 1);
}

#[test]
fn a_changed_presentation_is_served_at_once_with_the_same_token() {
    let lyve = LyveCloud::start();
    let sandbox = Sandbox::new();
    sandbox.configure(&lyve_cloud(&sandbox, "a", &lyve));
    let _daemon = sandbox.start();
    let token = sandbox.token("a");
    sandbox.configure(&(lyve_cloud(&sandbox, "a", &lyve) + "scheme = \"Token\""));
    reload(&sandbox);
    assert_eq!(sandbox.tok(["header", "a"]).stdout, format!("Authorization: Token {token}\n"));
}

#[test]
fn a_faulty_configuration_leaves_the_old_one_running_and_says_why_with_the_line() {
    let lyve = LyveCloud::start();
    let sandbox = Sandbox::new();
    let good = lyve_cloud(&sandbox, "a", &lyve);
    sandbox.configure(&good);
    let daemon = sandbox.start();
    let token = sandbox.token("a");
    // The text, and what must be said about it.
    let faulty: [(String, &[&str]); 6] = [
        (good.replace("access_key", "acces_key"), &["config.toml:5", "acces_key", "access_key"]),
        (format!("{good}min_valid = \n"), &["config.toml:7", "min_valid"]),
        (good.replace("'acme'", "17"), &["config.toml:4", "account_id = ", "string"]),
        (good.replace("lyve-cloud", "lyve-clout"), &["config.toml:2", "lyve-cloud"]),
        (format!("{good}access = []\n"), &["config.toml:7", "access", "not built"]),
        (
            format!("{good}[accounts.A]\ntype = \"static\"\ntoken = {{ env = \"X\" }}\n"),
            &["config.toml:7", "accounts"],
        ),
    ];
    for (text, wanted) in faulty {
        sandbox.configure(&text);
        let said = sandbox.tok(["reload"]);
        assert!(said.code != 0 && said.stdout.is_empty(), "{said:?}");
        let log = daemon.log();
        assert!(said.stderr.starts_with("tok: "), "{said:?}");
        assert!(said.stderr.lines().last().is_some_and(|line| line.starts_with("hint: ")), "{said:?}");
        for part in wanted {
            assert!(said.stderr.contains(part), "{part} in {}", said.stderr);
            assert!(log.contains(part), "{part} in {log}");
        }
        assert_eq!(sandbox.token("a"), token);
        assert_eq!(names(&sandbox), ["a"]);
    }
    assert_eq!(lyve.requests(), 1);
    sandbox.configure(&good);
    reload(&sandbox);
    assert_eq!(sandbox.token("a"), token);
}

#[test]
#[cfg_attr(not(has_signals), ignore = "there are no signals here")]
fn a_faulty_configuration_read_at_a_signal_says_why_in_the_log() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&lyve_cloud(&sandbox, "a", &lyve));
    let daemon = sandbox.start();
    let token = sandbox.token("a");
    sandbox.configure(&(lyve_cloud(&sandbox, "a", &lyve) + "refesh = \"eager\""));
    daemon.signal(Signal::HUP);
    eventually("the fault is in the log", || daemon.log().contains("faulty").then_some(()));
    let log = eventually("and so is the key that was meant", || {
        Some(daemon.log()).filter(|log| log.contains("refresh"))
    });
    assert!(log.contains("config.toml:7") && log.contains("refesh"), "{log}");
    assert_eq!(sandbox.token("a"), token);
}

#[test]
fn a_configuration_that_others_can_write_is_not_read() {
    let lyve = LyveCloud::start();
    let sandbox = Sandbox::new();
    sandbox.configure(&lyve_cloud(&sandbox, "a", &lyve));
    let _daemon = sandbox.start();
    let token = sandbox.token("a");
    for mode in [0o602, 0o620] {
        sandbox.configure("");
        set_mode(sandbox.config_file(), mode).expect("its mode");
        let said = sandbox.tok(["reload"]);
        assert_ne!(said.code, 0, "{said:?}");
        assert!(said.stderr.contains("config.toml") && said.stderr.contains(platform::CLOSES), "{said:?}");
        assert_eq!(sandbox.token("a"), token);
    }
    // Others may read it: there is no secret in it.
    sandbox.configure(&lyve_cloud(&sandbox, "a", &lyve));
    set_mode(sandbox.config_file(), 0o644).expect("its mode");
    reload(&sandbox);
    assert_eq!(sandbox.token("a"), token);
}

#[test]
fn the_token_of_an_account_whose_service_changed_is_neither_served_nor_sent_to_the_new_one() {
    let (old, new) = (LyveCloud::start(), LyveCloud::start());
    let sandbox = Sandbox::new();
    sandbox.configure(&lyve_cloud(&sandbox, "a", &old));
    let _daemon = sandbox.start();
    let token = sandbox.token("a");

    new.outage(true);
    sandbox.configure(&lyve_cloud(&sandbox, "a", &new));
    reload(&sandbox);
    let said = sandbox.tok(["get", "a", "--timeout", "300ms"]);
    assert_eq!((said.code, said.stdout.as_str()), (6, ""), "{said:?}");
    // The old one is known no more, so that it can be rejected without effect.
    assert_eq!(sandbox.tok_with_input(["reject", "a"], &token).code, 0);
    new.outage(false);
    let another = eventually("the new service is asked", || {
        Some(sandbox.tok(["get", "a"])).filter(|said| said.code == 0).map(|said| said.stdout)
    });
    assert!(new.is_live(another.trim_end()) && !old.is_live(another.trim_end()));
    // Rejecting makes it ask the service about its token: the new token, and nobody else's.
    sandbox.tok_with_input(["reject", "a"], another.trim_end());
    sandbox.token("a");
    for entry in new.ledger() {
        assert!(
            !format!("{entry:?}").contains(&token),
            "the old token was sent to {} {}",
            entry.method,
            entry.path
        );
    }
    assert_eq!(old.requests(), 1);
}

#[test]
fn a_caller_that_waits_while_its_account_changes_is_told_to_ask_again() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    lyve.fault(Fault::Hang);
    sandbox.configure(&lyve_cloud(&sandbox, "a", &lyve));
    let _daemon = sandbox.start();
    assert!(lyve.wait_for_token_requests(1, Duration::from_secs(10)));
    let mut caller = platform::connect(sandbox.socket()).expect("a connection");
    let get = Get {
        account: "a".to_owned(),
        min_valid_ms: None,
        scope: Words::default(),
        audience: Words::default(),
        timeout_ms: 60_000,
    };
    sandbox::send(&mut caller, &Request::Get(get)).expect("sent");
    // Whoever came later has been served: the first one has been heard.
    assert_eq!(names(&sandbox), ["a"]);
    sandbox.configure("");
    reload(&sandbox);
    match sandbox::receive(&mut caller) {
        Ok(Answer::Failure(failure)) => {
            assert_eq!((failure.code, &*failure.kind), (Code::NOT_NOW, "reconfigured"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(sandbox.tok(["get", "a"]).code, 3);
}

/// A program that runs beside the test, its lines as they come. Killed at the end.
struct Beside {
    child: Child,
    lines: Receiver<String>,
}

impl Beside {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    #[track_caller]
    fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(20)).expect("another line")
    }

    fn signal(&self, signal: Signal) {
        platform::signal(self.child.id(), signal).expect("it takes a signal");
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn token_of(line: &str) -> String {
    let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(object["account"], "a", "{line}");
    object["token"].as_str().expect("a token").to_owned()
}

#[test]
fn watch_prints_each_token_once_over_rotations_reloads_and_a_restart() {
    // A second of life left is a fifth of five.
    let lyve = LyveCloud::builder().lifetime(Duration::from_secs(3)).start();
    let sandbox = Sandbox::new();
    sandbox.configure(&lyve_cloud(&sandbox, "a", &lyve));
    let daemon = sandbox.start();
    let watch = Beside::start(sandbox.command("tok").args(["watch", "a"]));
    let mut seen = vec![token_of(&watch.line())];
    for _ in 0..2 {
        seen.push(token_of(&watch.line()));
        assert!(lyve.is_live(seen.last().expect("a token")));
    }
    assert!(daemon.stop().success());
    lyve.set_lifetime(Duration::from_secs(3600));
    let _daemon = sandbox.start();
    seen.push(token_of(&watch.line()));
    assert_eq!(sandbox.token("a"), seen[3]);
    // A change that keeps the token is no new token; one that does not brings one.
    sandbox.configure(&(lyve_cloud(&sandbox, "a", &lyve) + "min_valid = \"2m\""));
    reload(&sandbox);
    sandbox.configure(&(lyve_cloud(&sandbox, "a", &lyve) + "user_agent = \"another/1\""));
    reload(&sandbox);
    assert_eq!(sandbox.token("a"), seen[3], "how the service is asked makes no other token");
    sandbox.configure(&(lyve_cloud(&sandbox, "a", &lyve) + "headers = { X-Tenant = \"another\" }"));
    reload(&sandbox);
    seen.push(token_of(&watch.line()));
    let mut different = seen.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), seen.len(), "a token was told twice");
    assert_eq!(sandbox.token("a"), seen[4]);
    // Removed, there is nothing left to watch.
    sandbox.configure("");
    reload(&sandbox);
    let mut watch = watch;
    let status = watch.child.wait().expect("watch ends");
    assert_eq!(status.code(), Some(3));
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_token_file_is_private_rotates_in_one_piece_and_goes_with_its_program() {
    let lyve = LyveCloud::start();
    let sandbox = Sandbox::new();
    sandbox.configure(&lyve_cloud(&sandbox, "a", &lyve));
    let _daemon = sandbox.start();
    let token = sandbox.token("a");
    let script = r#"echo "$T"; echo "${PLAIN-none}"; read -r line; cat "$T"; echo; exit 7"#;
    let mut exec =
        Beside::start(sandbox.command("tok").args(["exec", "--file", "T=a", "--", "sh", "-c", script]));
    let file = PathBuf::from(exec.line());
    assert_eq!(exec.line(), "none");
    let mode = |path: &Path| platform::mode(path).expect("a file");
    assert_eq!(fs::read_to_string(&file).expect("the file"), token);
    assert_eq!((mode(&file), mode(file.parent().expect("a folder"))), (0o600, 0o700));

    assert_eq!(sandbox.tok(["refresh", "a"]).code, 0);
    let fresh = sandbox.token("a");
    assert_ne!(fresh, token);
    eventually("the file holds the new token", || {
        let held = fs::read_to_string(&file).expect("never away");
        // Never empty, never half of one.
        assert!(held == token || held == fresh, "{} bytes", held.len());
        (held == fresh).then_some(())
    });
    assert_eq!(mode(&file), 0o600);
    exec.child.stdin.take().expect("its input").write_all(b"go\n").expect("written");
    assert_eq!(exec.line(), fresh);
    assert_eq!(exec.child.wait().expect("it ends").code(), Some(7));
    assert!(!file.exists() && !file.parent().expect("a folder").exists());
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_token_file_survives_a_restart_of_the_daemon_and_goes_when_its_program_is_terminated() {
    let lyve = LyveCloud::start();
    let sandbox = Sandbox::new();
    sandbox.configure(&lyve_cloud(&sandbox, "a", &lyve));
    let daemon = sandbox.start();
    let script = r#"trap 'echo caught; exit 9' TERM; echo "$T"; while :; do read -r line || exit; done"#;
    let mut exec =
        Beside::start(sandbox.command("tok").args(["exec", "--file", "T=a", "--", "sh", "-c", script]));
    let file = PathBuf::from(exec.line());
    let before = fs::read_to_string(&file).expect("the file");
    let restarted = restart(&sandbox, daemon);
    assert_eq!(fs::read_to_string(&file).ok().as_ref().map(|_| ()), Some(()));
    assert_eq!(sandbox.token("a"), before, "it was kept");
    assert_eq!(sandbox.tok(["refresh", "a"]).code, 0);
    let fresh = sandbox.token("a");
    assert_ne!(fresh, before);
    eventually("the file holds the token of the new daemon", || {
        (fs::read_to_string(&file).expect("never away") == fresh).then_some(())
    });
    exec.signal(Signal::TERM);
    assert_eq!(exec.line(), "caught");
    assert_eq!(exec.child.wait().expect("it ends").code(), Some(9));
    assert!(!file.exists());
    drop(restarted);
}

fn restart(sandbox: &Sandbox, daemon: Daemon) -> Daemon {
    assert!(daemon.stop().success());
    sandbox.start()
}
