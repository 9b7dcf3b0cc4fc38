//! `tok status --watch --json`: a line at each change, for programs.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use tokend_tests::platform::{self, Signal};
use tokend_tests::sandbox::Sandbox;

use super::TWO;

#[test]
fn a_program_gets_the_list_now_and_at_each_change() {
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let daemon = sandbox.start();
    let mut watch = sandbox
        .command("tok")
        .args(["status", "--watch", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("tok starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("its output")).lines();
    let mut until = |good: &str, bad: &str| {
        for line in lines.by_ref() {
            let list: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
            assert_eq!((&list[0]["account"], &list[1]["account"]), (&"bad".into(), &"good".into()), "{list}");
            if list[1]["state"] == good && list[0]["state"] == bad {
                return;
            }
        }
        panic!("it ended");
    };
    until("fresh", "parked");
    assert_eq!(sandbox.tok(["lock"]).code, 0);
    until("locked", "locked");
    // A restart is no end.
    assert!(daemon.stop().success());
    let _daemon = sandbox.start();
    until("fresh", "parked");
    platform::signal(watch.id(), Signal::TERM).expect("it lives");
    assert!(!watch.wait().expect("its end").success());
}

#[test]
fn it_ends_when_nobody_reads_any_more() {
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let _daemon = sandbox.start();
    let mut watch = sandbox
        .command("tok")
        .args(["status", "--watch", "--json", "good"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("tok starts");
    let mut line = String::new();
    BufReader::new(watch.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    assert!(line.contains("\"good\""), "{line}");
    assert!(watch.wait().expect("its end").success());
}
