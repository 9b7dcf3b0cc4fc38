//! What the log says, in which form: for a person, for the journal, for programs; and how little on a quiet day.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs::File;
use std::process::{Command, Stdio};

use serde_json::Value;
use tokend_tests::accounts::lyve_cloud;
use tokend_tests::platform::device_and_number;
use tokend_tests::sandbox::{Sandbox, eventually, run};
use tokend_tests::stand_in::{Fault, LyveCloud};

/// Standard error as systemd gives it to a service: the journal's, by `JOURNAL_STREAM`.
fn as_a_service(command: &mut Command, sandbox: &Sandbox) {
    let log = File::options().append(true).create(true).open(sandbox.path().join("journal")).expect("a log");
    let (device, number) = device_and_number(&log).expect("its facts");
    command.env("JOURNAL_STREAM", format!("{device}:{number}")).stderr(log);
}

fn journal(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.path().join("journal")).unwrap_or_default()
}

#[test]
fn a_failure_is_told_once_and_once_that_it_is_over() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&lyve_cloud(&sandbox, "a", &lyve));
    let daemon = sandbox.start();
    sandbox.token("a");
    // All is well: no account is spoken of.
    assert!(!daemon.log().contains("account=a"), "{}", daemon.log());
    lyve.fault(Fault::status(503));
    assert_eq!(sandbox.tok(["refresh", "a"]).code, 6);
    let asked = lyve.token_requests();
    eventually("it has failed again", || (lyve.token_requests() > asked).then_some(()));
    lyve.clear_faults();
    let log = eventually("it works again", || Some(daemon.log()).filter(|log| log.contains("works again")));
    let told: Vec<&str> = log.lines().filter(|line| line.contains("account=a")).collect();
    assert_eq!(told.len(), 2, "{log}");
    assert!(told[0].contains(" WARN  ") && told[0].contains("kind=") && told[0].contains("hint="), "{log}");
    assert!(told[1].contains(" INFO  works again account=a failures="), "{log}");
}

#[test]
fn debug_tells_each_refresh_and_why() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&("[daemon]\nlog = 'debug'\n".to_owned() + &lyve_cloud(&sandbox, "a", &lyve)));
    let daemon = sandbox.start_with(|command| {
        // Not read: libraries' events would hold tokens.
        command.env("RUST_LOG", "trace");
    });
    let token = sandbox.token("a");
    assert_eq!(sandbox.tok(["refresh", "a"]).code, 0);
    let log = eventually("both are told", || {
        Some(daemon.log()).filter(|log| log.matches("new token account=a why=").count() >= 2)
    });
    assert!(log.contains("asking for a token account=a why=\"tok refresh\""), "{log}");
    assert!(log.contains(" took_ms="), "{log}");
    assert!(log.lines().all(|line| !line.contains(" TRACE ")), "{log}");
    assert!(!log.contains("hyper") && !log.contains(&token), "{log}");
}

#[test]
#[cfg_attr(not(has_systemd), ignore = "there is no systemd here")]
fn the_journal_gets_a_priority_for_each_line_and_no_time() {
    let sandbox = Sandbox::new();
    let bad = "[accounts.bad]\ntype = 'static'\ntoken = { env = 'NOT_SET' }\n";
    sandbox.configure(bad);
    let daemon = sandbox.start_with(|command| as_a_service(command, &sandbox));
    eventually("it serves", || journal(&sandbox).contains("<6>serving accounts=1 version=").then_some(()));
    eventually("what is wrong", || journal(&sandbox).contains("<3>the variable NOT_SET").then_some(()));
    assert!(journal(&sandbox).contains(" account=bad kind="), "{}", journal(&sandbox));
    sandbox.configure("[daemon]\nlgo = 'debug'\n");
    assert_eq!(sandbox.tok(["reload"]).code, 2);
    assert!(daemon.stop().success());
    let journal = journal(&sandbox);
    let excerpt: Vec<&str> = journal.lines().filter(|line| line.contains("lgo")).collect();
    assert!(!excerpt.is_empty() && excerpt.iter().all(|line| line.starts_with("<3>")), "{journal}");
    assert!(journal.lines().all(|line| line.starts_with('<')), "{journal}");
    assert!(journal.contains("<6>stopping"), "{journal}");
}

#[test]
#[cfg_attr(not(has_systemd), ignore = "there is no systemd here")]
fn a_variable_that_is_of_another_stream_makes_no_journal() {
    let sandbox = Sandbox::new();
    sandbox.configure("");
    let daemon = sandbox.start_with(|command| {
        command.env("JOURNAL_STREAM", "8:1234567");
    });
    let log = eventually("it serves", || Some(daemon.log()).filter(|log| log.contains("serving")));
    assert!(!log.contains('<') && log.contains("Z INFO  serving"), "{log}");
    assert!(!log.contains('\x1b'), "{log}");
}

#[test]
fn json_is_one_object_a_line_whatever_happens() {
    let sandbox = Sandbox::new();
    sandbox.configure("[accounts.bad]\ntype = 'static'\ntoken = { env = 'NOT_SET' }\n");
    let daemon = sandbox.start_with(|command| {
        command.args(["--log-format", "json"]);
    });
    eventually("what is wrong", || daemon.log().contains("NOT_SET").then_some(()));
    // The command line wins.
    sandbox.configure("[daemon]\nlog_format = 'text'\n");
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    sandbox.configure("[daemon]\nlgo = 'debug'\n");
    assert_eq!(sandbox.tok(["reload"]).code, 2);
    let log = daemon.log();
    assert!(daemon.stop().success());
    let events: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    for event in &events {
        let keys: Vec<&str> = event.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["fields", "level", "message", "time"], "{event}");
    }
    let find = |words: &str| {
        let found = events.iter().find(|event| event["message"].as_str().unwrap_or_default().contains(words));
        found.unwrap_or_else(|| panic!("{words}: {log}"))
    };
    assert_eq!(find("serving")["level"], "info");
    assert_eq!(find("serving")["fields"]["accounts"], 1);
    assert_eq!(find("NOT_SET")["fields"]["account"], "bad");
    assert_eq!(find("NOT_SET")["level"], "error");
    assert!(find("faulty")["message"].as_str().unwrap_or_default().contains('\n'));
    let time = find("serving")["time"].as_str().unwrap_or_default().to_owned();
    assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
}

#[test]
fn the_configuration_says_json_too_and_a_start_that_fails_is_json_as_well() {
    let sandbox = Sandbox::new();
    sandbox.configure("[daemon]\nlog_format = 'json'\n");
    let daemon = sandbox.start();
    let log = eventually("it serves", || Some(daemon.log()).filter(|log| log.contains("serving")));
    assert!(log.lines().last().is_some_and(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
    // A second one on the same state, and one whose configuration is faulty.
    let second = run(sandbox.command("tokend").args(["--log-format", "json"]).stdout(Stdio::null()));
    assert!(daemon.stop().success());
    sandbox.configure("[daemon]\nlgo = 'debug'\n");
    let faulty = run(sandbox.command("tokend").args(["--log-format=json"]).stdout(Stdio::null()));
    for (said, code) in [(second, 69), (faulty, 78)] {
        assert_eq!(said.code, code, "{said:?}");
        assert!(!said.stderr.is_empty());
        for line in said.stderr.lines() {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{said:?}"));
            assert_eq!(event["level"], "error", "{said:?}");
        }
        let last = said.stderr.lines().last().unwrap_or_default();
        assert!(last.contains("\"hint\":"), "{last}");
    }
    let odd = run(sandbox.command("tokend").args(["--log-format", "xml"]));
    assert_eq!(odd.code, 2, "{odd:?}");
}
