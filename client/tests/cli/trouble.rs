//! What a person reads and a script decides by when something is off.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use serde_json::{Value, json};
use tokend_proto::message::{Code, Failure};
use tokend_proto::{Answer, Request, frame};

use super::daemon::{Daemon, Reply, credential, failure};
use super::platform::{self, Listener};
use super::tok::{at, run, run_with, tok};

#[test]
fn every_failure_of_the_daemon_is_two_lines_and_its_exit_code() {
    for code in 1..=10 {
        let daemon = Daemon::failing(code);
        let (what, hint) = run(tok(&daemon, &["get", "x"])).failed_with(code.into());
        assert_eq!((what, hint), (format!("what happened [31m{code}"), "what to do".to_owned()));
    }
}

#[test]
fn with_json_an_error_is_one_object() {
    let daemon = Daemon::failing(6);
    let calls = [
        &["get", "x", "--json"][..],
        &["--json", "refresh", "x"],
        &["status", "--json"],
        &["reject", "x", "--json", "--hash", &"0".repeat(64)],
    ];
    for words in calls {
        let run = run(tok(&daemon, words));
        assert_eq!((run.code, run.out.as_str(), run.err.lines().count()), (6, "", 1), "{run:?}");
        let object: Value = serde_json::from_str(&run.err).expect("JSON");
        let expected = json!({
            "code": 6, "kind": "kind-6", "message": "what happened \u{1b}[31m6", "hint": "what to do", "next_try_in": 12,
        });
        assert_eq!(object, expected);
    }
    let usage = run(tok(&daemon, &["status", "--nonsense", "--json"]));
    let object: Value = serde_json::from_str(&usage.err).expect("JSON");
    assert_eq!((usage.code, &object["code"], &object["kind"]), (2, &json!(2), &json!("usage")));
}

#[test]
fn a_daemon_that_does_not_run_is_8_and_the_hint_starts_it() {
    let daemon = Daemon::failing(1);
    daemon.vanish();
    for words in [&["get", "x"][..], &["status"], &["list"], &["watch", "x"], &["reload"], &["refresh", "x"]]
    {
        let (what, hint) = run(tok(&daemon, words)).failed_with(8);
        assert!(what.contains("not running"), "{what}");
        let set =
            format!("TOKEND_SOCK is set to {}; unset it, or start tokend there", daemon.socket().display());
        assert!(hint.starts_with(&set), "{hint}");
        let mut elsewhere = tok(&daemon, words);
        elsewhere.env_remove("TOKEND_SOCK").env("XDG_RUNTIME_DIR", daemon.home());
        let (_, hint) = run(elsewhere).failed_with(8);
        assert!(hint.contains(platform::START) && hint.contains("tokend env"), "{hint}");
    }
}

#[test]
fn a_locked_daemon_is_9_wherever_a_token_is_asked_for() {
    let daemon = Daemon::failing(9);
    for words in
        [&["get", "x"][..], &["header", "x"], &["watch", "x"], &["refresh", "x"], &["curl", "x", "u"]]
    {
        let (what, hint) = run(tok(&daemon, words)).failed_with(9);
        assert_eq!((what.as_str(), hint.as_str()), ("what happened [31m9", "what to do"), "{words:?}");
    }
    run(tok(&daemon, &["exec", "A=x", "--", "true"])).failed_with(125);
}

#[test]
fn a_watch_ends_with_9_when_somebody_locks() {
    let (send, answers) = mpsc::channel();
    let answers = std::sync::Mutex::new(Some(answers));
    let daemon = Daemon::new(move |request| match (request, answers.lock().expect("no panic").take()) {
        (Request::Watch(_), Some(answers)) => Reply::Stream(answers),
        _ => Reply::HangUp,
    });
    send.send(Answer::Credential(credential("x", "T"))).expect("a channel");
    send.send(Answer::Failure(failure(9))).expect("a channel");
    let run = run(tok(&daemon, &["watch", "x"]));
    assert_eq!((run.code, run.out.lines().count()), (9, 1), "{run:?}");
    assert_eq!(run.err, "tok: what happened [31m9\nhint: what to do\n");
}

#[test]
fn a_dead_socket_is_a_daemon_that_does_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = platform::socket_in(folder.path());
    drop(Listener::bind(&socket));
    let (what, _) = run(at(&socket, &["get", "x"])).failed_with(8);
    assert!(what.contains("not running"), "{what}");
}

#[test]
fn a_place_that_cannot_be_is_8() {
    run(at("relative".as_ref(), &["get", "x"])).failed_with(8);
    run(at(format!("/tmp/{}", "x".repeat(200)).as_ref(), &["get", "x"])).failed_with(8);
}

#[test]
fn a_daemon_of_another_protocol_is_named() {
    let refusal = || {
        let mut bytes = frame::refusal();
        bytes[7..9].copy_from_slice(&9_u16.to_le_bytes());
        bytes
    };
    let daemon = Daemon::new(move |_| Reply::Bytes(refusal()));
    let (what, hint) = run(tok(&daemon, &["get", "x"])).failed_with(8);
    assert!(what.contains("protocol 1") && what.contains('9'), "{what}");
    assert!(hint.contains("newer"), "{hint}");
}

#[test]
fn an_older_daemon_that_does_not_know_the_request_is_named() {
    let daemon = Daemon::new(|_| Reply::Answer(Answer::Unsupported));
    let (what, hint) = run(tok(&daemon, &["reload"])).failed_with(1);
    assert!(what.contains("reload") && hint.contains("restart"), "{what} {hint}");
}

#[test]
fn garbage_is_a_fault_and_not_shown() {
    for bytes in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[4, 0, 0, 0, 1, 0, 0xff, 0xff], &[3, 0, 0, 0, 1, 0, 7]]
    {
        let bytes = bytes.to_vec();
        let daemon = Daemon::new(move |_| Reply::Bytes(bytes.clone()));
        run(tok(&daemon, &["get", "x"])).failed_with(1);
    }
}

#[test]
fn a_token_that_would_end_a_header_is_not_printed() {
    let daemon = Daemon::giving(|get| credential(&get.account, "a\r\nX-Evil: b"));
    run(tok(&daemon, &["header", "x"])).failed_with(1);
}

#[test]
fn a_restarting_daemon_is_not_noticed() {
    let calls = AtomicUsize::new(0);
    let daemon = Daemon::new(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::HangUp,
        1 => Reply::Answer(Answer::Credential(credential("x", "T"))),
        2 => Reply::Answer(Answer::Failure(failure(Code::NO_DAEMON.0))),
        _ => Reply::Answer(Answer::Credential(credential("x", "U"))),
    });
    assert_eq!(run(tok(&daemon, &["get", "x"])).printed(), "T\n");
    assert_eq!(run(tok(&daemon, &["get", "x"])).printed(), "U\n");
}

#[test]
fn a_daemon_that_hangs_up_again_and_again_is_8() {
    let daemon = Daemon::new(|_| Reply::HangUp);
    run(tok(&daemon, &["get", "x"])).failed_with(8);
    // The first, and eight more, as over restarts.
    assert_eq!(daemon.asked().len(), 9);
}

#[test]
fn a_slip_of_the_finger_is_answered_with_the_nearest_command() {
    let daemon = Daemon::failing(1);
    let (what, hint) = run(tok(&daemon, &["gte", "x"])).failed_with(2);
    assert!(what.contains("gte") && hint.contains("`tok get`"), "{what} {hint}");
    run(tok(&daemon, &[])).failed_with(2);
    run(tok(&daemon, &["get"])).failed_with(2);
    run(tok(&daemon, &["--nonsense"])).failed_with(2);
}

#[test]
fn a_slip_in_an_option_is_answered_with_the_nearest_one() {
    let daemon = Daemon::failing(1);
    for (words, meant) in [
        (&["get", "x", "--minvalid", "5m"][..], "--min-valid"),
        (&["get", "x", "--fromat=json"], "--format"),
        (&["header", "x", "--min-vaild", "5m"], "--min-valid"),
        (&["status", "--chek"], "--check"),
        (&["--jsn", "list"], "--json"),
        (&["list", "--verbos"], "--verbose"),
        (&["exec", "--flie", "A=x", "--", "true"], "--file"),
    ] {
        let run = run(tok(&daemon, words));
        let (_, hint) = run.failed_with(if words[0] == "exec" { 125 } else { 2 });
        assert!(hint.starts_with(&format!("did you mean `{meant}`? ")), "{words:?}: {hint}");
    }
    let (_, hint) = run(tok(&daemon, &["get", "x", "--nonsense"])).failed_with(2);
    assert_eq!(hint, "`tok help get` shows how it is called");
    let (_, hint) = run(tok(&daemon, &["help", "get", "extra"])).failed_with(2);
    assert_eq!(hint, "`tok help` lists the commands");
}

#[test]
fn an_empty_name_is_no_account() {
    let daemon = Daemon::failing(3);
    for command in ["get", "header", "reject", "refresh", "status", "watch"] {
        let (what, _) = run(tok(&daemon, &[command, ""])).failed_with(2);
        assert_eq!(what, "the account's name is empty", "{command}");
    }
    assert!(daemon.asked().is_empty());
}

#[test]
fn what_is_promised_for_later_says_so() {
    let daemon = Daemon::failing(1);
    for name in ["audit", "setup", "git", "docker"] {
        let (what, _) = run(tok(&daemon, &[name, "x"])).failed_with(2);
        assert!(what.contains("not built yet"), "{what}");
    }
    let (what, _) = run(tok(&daemon, &["status", "--why"])).failed_with(2);
    assert!(what.contains("not built yet"), "{what}");
}

#[test]
fn a_token_pasted_into_the_wrong_place_is_not_repeated() {
    let daemon = Daemon::failing(1);
    let token = "eyJhbGciOiJFUzM4NCJ9.secret";
    for words in [
        &[token][..],
        &["get", "x", token],
        &["reject", "x", token],
        &["reject", "x", "--hash", token],
        &["get", "x", "--min-valid", token],
        &["get", "x", "--format", token],
        &["get", "x", "--format", "env", "--var", token],
        &["status", "x", token],
        &["help", token],
        &["list", token],
        &["lock", token],
        &["unlock", token],
        &["init", token],
        &["secret", token],
        &["secret", "set", "x", token],
        &["secret", "show", "x", token],
        &["secret", "remove", "x", token],
    ] {
        let run = run(tok(&daemon, words));
        run.failed_with(2);
        assert!(!run.err.contains("eyJ"), "{run:?}");
    }
    let assignment = run(tok(&daemon, &["exec", &format!("{token}=x"), "--", "true"]));
    assignment.failed_with(125);
    assert!(!assignment.err.contains("eyJ"), "{assignment:?}");
    assert!(daemon.asked().is_empty());
}

#[test]
fn help_is_there_for_all_and_each() {
    let daemon = Daemon::failing(1);
    let all = run(tok(&daemon, &["help"]));
    assert!(all.printed().starts_with("Usage: tok "));
    assert_eq!(run(tok(&daemon, &["--help"])).printed(), all.printed());
    for name in [
        "get", "header", "curl", "exec", "reject", "refresh", "status", "list", "watch", "reload", "init",
        "secret", "lock", "unlock",
    ] {
        let one = run(tok(&daemon, &["help", name]));
        assert!(one.printed().starts_with(&format!("Usage: tok {name}")), "{one:?}");
        assert_eq!(run(tok(&daemon, &[name, "--help"])).printed(), one.printed());
        assert!(one.printed().lines().all(|line| line.chars().count() <= 120));
    }
    assert!(run(tok(&daemon, &["--version"])).printed().starts_with("tok "));
}

#[test]
fn who_has_read_enough_may_close_the_pipe() {
    let (send, answers) = mpsc::channel();
    let answers = std::sync::Mutex::new(Some(answers));
    let daemon = Daemon::new(move |request| match (request, answers.lock().expect("no panic").take()) {
        (Request::Watch(_), Some(answers)) => Reply::Stream(answers),
        _ => Reply::HangUp,
    });
    let piped = tok(&daemon, &["watch", "x"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut watch = piped.expect("tok starts");
    drop(watch.stdout.take());
    send.send(Answer::Credential(credential("x", "T"))).expect("tok watches");
    let output = watch.wait_with_output().expect("tok ends");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_faulty_configuration_keeps_its_lines() {
    let daemon = Daemon::new(|_| {
        Reply::Answer(Answer::Failure(Failure {
            message: "config.toml:3:1\n  3 | typ = \"x\"\n    | ^^^ did you mean type?".to_owned(),
            ..failure(2)
        }))
    });
    let run = run(tok(&daemon, &["reload"]));
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    let expected =
        "tok: config.toml:3:1\n  3 | typ = \"x\"\n    | ^^^ did you mean type?\nhint: what to do\n";
    assert_eq!(run.err, expected);
}

#[test]
fn a_rejection_without_a_token_is_a_wrong_call() {
    let daemon = Daemon::new(|_| Reply::Answer(Answer::Done));
    run_with(tok(&daemon, &["reject", "x"]), b"").failed_with(2);
    run_with(tok(&daemon, &["reject", "x"]), b"\n").failed_with(2);
    run_with(tok(&daemon, &["reject", "x"]), &vec![b'x'; 64 * 1024 + 1]).failed_with(2);
    run_with(tok(&daemon, &["reject"]), b"T\n").failed_with(2);
    for line in [&b"Authorization: Bearer T0k\n"[..], b"Bearer T0k", b"bearer\tT0k\n"] {
        let run = run_with(tok(&daemon, &["reject", "x"]), line);
        assert_eq!(run.failed_with(2).0, "that is a header line, not a token");
        assert!(!run.err.contains("T0k"), "{run:?}");
    }
    let (what, _) = run_with(tok(&daemon, &["reject", "x"]), b"T\nU\n").failed_with(2);
    assert!(what.contains("more than one line"), "{what}");
    assert!(daemon.asked().is_empty());
}
