//! Planted: daemons that are not there, or not where they are looked for; folders that are too open.

use std::fs;

use tokend_tests::platform::{self, Signal, private_folder, remedies};
use tokend_tests::sandbox::{Sandbox, eventually};

use crate::{chmod, doctor, doctor_with, impostor, sound};

#[test]
fn nobody_runs() {
    let sandbox = Sandbox::new();
    sandbox.configure(&sound(&sandbox));
    let found = doctor(&sandbox);
    let socket = sandbox.socket().display().to_string();
    found.has("socket", "not-running", &[&socket, remedies::START, "tokend env"]);
    assert_eq!(found.code, 8);
    // The rest is looked at all the same.
    found.has("configuration", "sound", &["1 account"]);
    found.has("secret", "there", &[]);
    found.has("account", "unknown", &[]);
    found.has("memory", "unknown", &[]);
}

#[test]
fn an_empty_home_is_told_how_to_begin() {
    let sandbox = Sandbox::new();
    let said = sandbox.tok(["doctor"]);
    assert_eq!(said.code, 8, "{said:?}");
    for words in ["does not run", "config.toml", "tok reload", "tokend env", remedies::EMPTY_HOME] {
        assert!(said.stdout.contains(words), "{words} in {said:?}");
    }
}

#[test]
#[cfg_attr(not(has_unix_sockets), ignore = "a pipe is no file here")]
fn a_killed_daemon_leaves_its_socket() {
    let sandbox = Sandbox::new();
    sandbox.configure(&sound(&sandbox));
    sandbox.start().kill();
    let found = doctor(&sandbox);
    found.has("socket", "stale", &["has gone", "tokend env"]);
    assert_eq!(found.code, 8);
}

#[test]
#[cfg_attr(not(has_unix_sockets), ignore = "a pipe is no file here")]
fn a_file_is_in_the_sockets_place() {
    let sandbox = Sandbox::new();
    private_folder(sandbox.path().join("run/tokend")).expect("the folder");
    fs::write(sandbox.socket(), "").expect("a file");
    doctor(&sandbox).has("socket", "no-socket", &["no socket", remedies::MOVE]);
}

#[test]
#[cfg_attr(not(has_usual_place), ignore = "the usual pipe is the whole user's here, not one test's")]
fn a_variable_is_left_over_from_another_day() {
    let sandbox = Sandbox::new();
    let _daemon = sandbox.start();
    let found = doctor_with(&sandbox, |tok| {
        tok.env("TOKEND_SOCK", platform::address_called(sandbox.path(), "old.sock"));
    });
    let socket = sandbox.socket().display().to_string();
    found.has("socket", "left-over", &["old.sock", &socket, remedies::UNSET]);
    assert_eq!(found.code, 8);
}

#[test]
fn a_variable_is_no_path() {
    let sandbox = Sandbox::new();
    let found = doctor_with(&sandbox, |tok| {
        tok.env("TOKEND_SOCK", "tokend.sock");
    });
    found.has("socket", "no-place", &[remedies::PLACE]);
    assert_eq!(found.code, 8);
}

#[test]
fn the_daemon_listens_elsewhere() {
    let sandbox = Sandbox::new();
    let elsewhere = platform::address_called(sandbox.path(), "else.sock");
    let _daemon = sandbox.start_with(|tokend| {
        tokend.env("TOKEND_SOCK", &elsewhere);
    });
    let found = doctor(&sandbox);
    found.has("socket", "elsewhere", &[&remedies::set("TOKEND_SOCK", &elsewhere.display().to_string())]);
    // To start another one would fail.
    found.lacks("socket", "not-running");
    assert_eq!(found.code, 8);
}

#[test]
fn whoever_listens_does_not_answer() {
    let sandbox = Sandbox::new();
    impostor::listen(&sandbox.socket(), drop);
    let found = doctor(&sandbox);
    found.has("socket", "no-answer", &["does not answer", remedies::RESTART]);
    assert_eq!(found.code, 8);
}

#[test]
#[cfg_attr(not(has_usual_place), ignore = "the usual pipe is the whole user's here, not one test's")]
fn two_daemons_run() {
    let sandbox = Sandbox::new();
    let _one = sandbox.start();
    let other = platform::address_called(sandbox.path(), "other.sock");
    let _two = sandbox.start_with(|tokend| {
        tokend.env("TOKEND_SOCK", &other).env("XDG_STATE_HOME", sandbox.path().join("state2"));
    });
    let found = doctor_with(&sandbox, |tok| {
        tok.env("TOKEND_SOCK", &other);
    });
    found.has("socket", "several", &["another tokend", remedies::KILL]);
    assert_eq!(found.faults().into_iter().collect::<Vec<_>>(), [""; 0]);
}

#[test]
#[cfg_attr(not(has_modes), ignore = "files have no modes and no numbers of owners here")]
fn folders_and_files_that_others_can_write_are_told_with_the_command_that_closes_them() {
    let sandbox = Sandbox::new();
    sandbox.configure(&sound(&sandbox));
    let daemon = sandbox.start();
    let run = sandbox.path().join("run/tokend");
    chmod(&run, 0o777);
    chmod(&sandbox.state(), 0o770);
    chmod(&sandbox.config_file(), 0o666);
    let found = doctor(&sandbox);
    let close = |path: &std::path::Path| format!("chmod go-w {}", path.display());
    found.has("permissions", "socket-folder", &["0777", &close(&run)]);
    found.has("permissions", "state", &["0770", &close(&sandbox.state())]);
    found.has("permissions", "configuration", &["0666", &close(&sandbox.config_file())]);
    found.has("configuration", "unread", &[]);
    assert_eq!(found.code, 8);
    chmod(&sandbox.path().join("config/tokend"), 0o770);
    chmod(&sandbox.config_file(), 0o600);
    doctor(&sandbox).has("permissions", "configuration", &["config/tokend"]);
    drop(daemon);
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn memory_that_may_not_be_locked_is_a_warning() {
    if tokend_tests::sandbox::is_root() {
        tokend_tests::sandbox::skip("memory that may not be locked", "root may always lock memory");
        return;
    }
    let sandbox = Sandbox::new();
    let _daemon = sandbox.start_with(|tokend| sandbox.by_shell(tokend, r#"ulimit -l 0; exec "$0""#));
    let found = doctor(&sandbox);
    found.has("memory", "not-locked", &["LimitMEMLOCK=64K", "ulimit -l 64"]);
    assert_eq!(found.code, 0);
}

#[test]
#[cfg_attr(not(has_signals), ignore = "there are no signals here")]
fn a_stuck_daemon_is_not_waited_for_for_good() {
    let sandbox = Sandbox::new();
    let daemon = sandbox.start();
    daemon.signal(Signal::STOP);
    let found = doctor(&sandbox);
    daemon.signal(Signal::CONT);
    found.has("socket", "no-answer", &["did not answer"]);
    eventually("it answers again", || (sandbox.tok(["list"]).code == 0).then_some(()));
}
