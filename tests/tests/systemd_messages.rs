//! What systemd is told: ready, reloading, how the accounts are, that the daemon lives, and that it stops.

#![cfg(has_systemd)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::time::Duration;

use tokend_tests::accounts::static_token;
use tokend_tests::platform::Signal;
use tokend_tests::platform::notifications::Notifications;
use tokend_tests::real_time::let_pass;
use tokend_tests::sandbox::Sandbox;

#[test]
fn each_reload_is_announced_and_ends_with_ready_even_one_that_fails() {
    let sandbox = Sandbox::new();
    let table = static_token(&sandbox, "a", "static-token");
    sandbox.configure(&table);
    let systemd = Notifications::listen();
    let daemon = sandbox.launch_with(|command| systemd.hear(command));
    let ready = systemd.next();
    assert!(ready.starts_with("READY=1\nSTATUS=1 account: "), "{ready}");

    let reload_ends = |said: &str| {
        let reloading = systemd.until("RELOADING=1").pop().expect("a message");
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("when");
        assert!(time.parse::<u64>().is_ok_and(|time| time > 0), "{reloading}");
        let ready = systemd.until("READY=1").pop().expect("a message");
        assert!(ready.starts_with("READY=1\nSTATUS=") && ready.contains(said), "{ready}");
    };
    sandbox.configure(&(table.clone() + &static_token(&sandbox, "b", "another")));
    daemon.signal(Signal::HUP);
    reload_ends("2 accounts: ");
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    reload_ends("2 accounts: ");
    sandbox.configure("[accounts.a]\ntype = 'statik'\n");
    assert_eq!(sandbox.tok(["reload"]).code, 2);
    reload_ends("the last reload failed (the configuration is faulty)");
    daemon.signal(Signal::HUP);
    reload_ends("what was before goes on: 2 accounts: ");
    sandbox.configure(&table);
    daemon.signal(Signal::HUP);
    reload_ends("STATUS=1 account: ");

    daemon.signal(Signal::TERM);
    let _ = systemd.until("STOPPING=1");
    assert!(daemon.stop().success());
}

#[test]
fn the_status_line_follows_the_accounts() {
    let sandbox = Sandbox::new();
    let table = static_token(&sandbox, "a", "static-token");
    let secret = sandbox.home().join("elsewhere");
    let missing = format!("[accounts.b]\ntype = 'static'\ntoken = {{ file = '{}' }}\n", secret.display());
    sandbox.configure(&(table + &missing));
    let systemd = Notifications::listen();
    let _daemon = sandbox.launch_with(|command| systemd.hear(command));
    let _ = systemd.until("STATUS=2 accounts: 1 fresh, 1 parked");
    fs::rename(sandbox.secret_file("new", "another"), secret).expect("it is there");
    let _ = systemd.until("STATUS=2 accounts: 2 fresh");
}

#[test]
fn a_watchdog_of_this_process_is_calmed_and_one_of_another_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    let systemd = Notifications::listen();
    let daemon = sandbox.launch_with(|command| {
        systemd.hear(command);
        command.env("WATCHDOG_USEC", "200000");
    });
    for _ in 0..3 {
        let _ = systemd.until("WATCHDOG=1");
    }
    assert!(daemon.stop().success());
    let _ = systemd.until("STOPPING=1");

    let daemon = sandbox.launch_with(|command| {
        systemd.hear(command);
        command.env("WATCHDOG_USEC", "200000").env("WATCHDOG_PID", "1");
    });
    let _ = systemd.until("READY=1");
    let_pass(Duration::from_secs(1), "it would have said so");
    assert!(daemon.stop().success());
    let heard = systemd.until("STOPPING=1");
    assert!(!heard.concat().contains("WATCHDOG"), "{heard:?}");
}
