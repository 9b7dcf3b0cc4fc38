//! How long a start takes until ready, and a stop, with 100 accounts whose tokens are kept.
//!
//! `cargo bench -p tokend-tests --bench start_stop` prints medians of 20 beside the start of `/bin/true`: the times are the
//! machine's.

#![expect(clippy::expect_used, reason = "a benchmark that cannot go on should say so")]

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use tokend_tests::accounts;
use tokend_tests::platform::{self, Readiness, Signal};
use tokend_tests::sandbox::{Sandbox, eventually};
use tokend_tests::stand_in::LyveCloud;

const ACCOUNTS: usize = 100;

const TIMES: usize = 20;

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    let names: Vec<String> = (0..ACCOUNTS).map(|number| format!("a{number}")).collect();
    let tables = names.iter().map(|name| accounts::lyve_cloud(&sandbox, name, &lyve));
    sandbox.configure(&tables.collect::<String>());
    let daemon = sandbox.start();
    for name in &names {
        sandbox.token(name);
    }
    eventually("all are kept", || {
        let kept = fs::read_dir(sandbox.state().join("accounts")).ok()?.count();
        (kept == ACCOUNTS).then_some(())
    });
    assert!(daemon.stop().success(), "it stops");
    let requests = lyve.requests();

    let mut rows: [(&str, Vec<Duration>); 5] = [
        "/bin/true",
        "start to ready",
        "start to the first kept token",
        "stop at rest",
        "stop right after ready",
    ]
    .map(|name| (name, Vec::new()));
    for _ in 0..TIMES {
        rows[0]
            .1
            .push(taken(|| assert!(Command::new("/bin/true").status().is_ok_and(|status| status.success()))));
        let (mut daemon, ready) = start(&sandbox);
        rows[1].1.push(ready);
        let first = taken(|| drop(sandbox.token("a99")));
        rows[2].1.push(ready + first);
        for name in &names {
            sandbox.token(name);
        }
        rows[3].1.push(stop(&mut daemon));
        let (mut daemon, _) = start(&sandbox);
        rows[4].1.push(stop(&mut daemon));
    }
    assert_eq!(lyve.requests(), requests, "kept tokens cost no request");
    println!("{ACCOUNTS} accounts, {TIMES} times; milliseconds");
    println!("{:<32} {:>8} {:>8} {:>8}", "", "least", "median", "most");
    for (name, mut times) in rows {
        times.sort_unstable();
        let [least, median, most] =
            [0, times.len() / 2, times.len() - 1].map(|i| times[i].as_secs_f64() * 1000.0);
        println!("{name:<32} {least:>8.2} {median:>8.2} {most:>8.2}");
    }
}

fn start(sandbox: &Sandbox) -> (std::process::Child, Duration) {
    let mut readiness = Readiness::of(sandbox.path());
    let log = fs::File::options().append(true).create(true).open(sandbox.path().join("log")).expect("a log");
    let mut command = sandbox.command("tokend");
    readiness.announce(&mut command);
    readiness.watch(&command);
    command.stderr(log);
    let mut child = None;
    let ready = taken(|| {
        child = Some(command.spawn().expect("tokend starts"));
        while !readiness.is_there() {}
    });
    (child.expect("it was started"), ready)
}

fn stop(daemon: &mut std::process::Child) -> Duration {
    taken(|| {
        platform::signal(daemon.id(), Signal::TERM).expect("it takes a signal");
        daemon.wait().expect("it ends");
    })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn taken(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
