//! An idle daemon sleeps: nothing in it looks at anything again and again.
//!
//! `TOKEND_IDLE_SECONDS` says how long it is watched: 30 where it says nothing, a tenth of what the promise is about
//! (under five voluntary context switches of all its threads in five minutes); `TOKEND_IDLE_SECONDS=300` is the whole.

#![cfg(has_procfs)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use tokend_tests::accounts;
use tokend_tests::platform::notifications::Notifications;
use tokend_tests::real_time::let_pass;
use tokend_tests::sandbox::{Daemon, Sandbox, eventually};
use tokend_tests::stand_in::{HttpLogin, ItsYouOnline, LyveCloud, OAuthServer};

/// The span that the promise is about, in seconds.
const WHOLE: u64 = 300;

/// In so long there are fewer than five.
const MOST: u64 = 4;

#[test]
fn an_idle_daemon_sleeps() {
    let seconds = match std::env::var("TOKEND_IDLE_SECONDS") {
        Ok(text) => text.parse().expect("TOKEND_IDLE_SECONDS is a number of seconds"),
        Err(_) => WHOLE / 10,
    };
    let sandbox = Sandbox::new();
    let (lyve, iyo) = (LyveCloud::start(), ItsYouOnline::start());
    let (oauth, login) = (OAuthServer::start(), HttpLogin::start());
    let tables: Vec<String> = (0..10)
        .map(|number| match (number % 4, format!("a{number}")) {
            (0, name) => accounts::lyve_cloud(&sandbox, &name, &lyve),
            (1, name) => accounts::its_you_online(&sandbox, &name, &iyo),
            (2, name) => accounts::oauth2(&sandbox, &name, &oauth),
            (_, name) => accounts::http_login(&sandbox, &name, &login),
        })
        .collect();
    // One more is parked, and the place of its secret is watched; and it is to lock itself some day.
    let parked = accounts::lyve_cloud(&sandbox, "parked", &lyve).replace("parked.secret", "missing.secret");
    sandbox.configure(&("[daemon]\nlock_after = '1h'\n".to_owned() + &tables.concat() + &parked));
    // As under the unit that is shipped: with a status line, and a watchdog that must be calmed twice in the whole span.
    let systemd = Notifications::listen();
    let daemon = sandbox.launch_with(|command| {
        systemd.hear(command);
        command.env("WATCHDOG_USEC", "300000000");
    });
    let _ = systemd.until("READY=1");
    for number in 0..tables.len() {
        sandbox.token(&format!("a{number}"));
    }
    assert_eq!(sandbox.tok(["get", "parked"]).code, 5);
    // And somebody waits for new tokens.
    let mut watcher = sandbox.command("tok");
    let mut watcher = watcher.args(["watch", "a0"]).stdout(Stdio::null()).spawn().expect("tok starts");
    let before = eventually("what began with the tokens has ended, its threads too", || {
        let switches = switches(&daemon);
        (switches.len() == 1).then_some(switches)
    });
    let_pass(Duration::from_secs(seconds), "it has nothing to do");
    let after = switches(&daemon);
    // It waits as long as the daemon lives.
    watcher.kill().and_then(|()| watcher.wait()).expect("the watch ends");
    let woken = total(&after) - total(&before);
    let _ = writeln!(
        std::io::stderr(),
        "{} accounts at rest: {woken} voluntary context switches in {seconds} s ({} threads)",
        tables.len(),
        after.len(),
    );
    sandbox.token("a1");
    assert!(total(&switches(&daemon)) > total(&after), "what wakes it is counted");
    let most = (MOST * seconds / WHOLE).max(1);
    assert!(woken <= most, "{woken} voluntary context switches in {seconds} s: {before:?}, {after:?}");
}

/// How often each of its threads has gone to sleep by itself.
fn switches(daemon: &Daemon) -> BTreeMap<String, u64> {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).expect("its threads");
    tasks
        .flatten()
        .filter_map(|task| {
            // A thread may end meanwhile.
            let status = fs::read_to_string(task.path().join("status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            Some((task.file_name().to_string_lossy().into_owned(), line.trim().parse().ok()?))
        })
        .collect()
}

fn total(switches: &BTreeMap<String, u64>) -> u64 {
    switches.values().sum()
}
