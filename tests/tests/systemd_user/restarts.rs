//! Restarts that nobody notices, and deaths after which it comes back.

use std::process::{Child, Stdio};
use std::time::Duration;

use tokend_tests::platform::{self, Signal};
use tokend_tests::real_time::let_pass;
use tokend_tests::sandbox::{self, Said, eventually};
use tokend_tests::stand_in::{Hole, LyveCloud};
use tokend_tests::user_manager::Session;

/// Gets a token again and again until a file is there, 250 times at least; the first that fails or is another ends it.
const GETTER: &str = r#"
i=0
while [ ! -e "$HOME/enough" ] || [ $i -lt 250 ]; do
  got=$("$HOME/.cargo/bin/tok" get lyve) || { echo "get $i: status $?"; exit 1; }
  [ "$got" = "$1" ] || { echo "get $i: another token"; exit 1; }
  i=$((i + 1))
done
echo $i"#;

/// The table of an account with its secret in a file of the user's.
fn lyve_account(session: &Session, name: &str, url: &str, lyve: &LyveCloud) -> String {
    let (id, key, secret) =
        lyve.change(|lyve| (lyve.account_id.clone(), lyve.access_key.clone(), lyve.secret.clone()));
    let secret = session.put(&format!(".secrets/{name}"), secret.as_bytes(), 0o600);
    format!(
        "[accounts.{name}]\ntype = 'lyve-cloud'\nurl = '{url}'\naccount_id = '{id}'\naccess_key = '{key}'\n\
         secret = {{ file = '{}' }}\n",
        secret.display()
    )
}

#[test]
fn a_thousand_gets_during_twenty_restarts_all_succeed_without_a_request_to_the_service() {
    let Some(session) = Session::installed("restarts under a real systemd --user") else {
        return;
    };
    let lyve = LyveCloud::start();
    session.configure(&lyve_account(&session, "lyve", lyve.url(), &lyve));
    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["start", "tokend.socket"]);
    let token = session.token("lyve");
    assert_eq!(lyve.requests(), 1);

    let getters: Vec<Child> = (0..4)
        .map(|_| {
            let mut getter = session.command(["sh", "-c", GETTER, "getter", token.trim_end()]);
            getter.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell starts")
        })
        .collect();
    for _ in 0..20 {
        session.systemctl(&["restart", "tokend.service"]);
    }
    session.put("enough", b"", 0o600);
    let mut gets = 0;
    for getter in getters {
        let said = Said::from(getter.wait_with_output().expect("it ends"));
        assert_eq!(said.code, 0, "{said:?}\n{}", session.log());
        gets += said.stdout.trim().parse::<u32>().expect("how many");
    }
    assert!(gets >= 1000, "{gets}");
    assert_eq!(lyve.requests(), 1, "the kept token was served");
    assert_eq!(session.state("tokend.socket"), "active");
}

#[test]
fn a_stuck_daemon_is_restarted_by_the_watchdog_and_one_with_a_slow_service_is_not() {
    let Some(session) = Session::installed("the watchdog under a real systemd --user") else {
        return;
    };
    session.drop_in("watchdog.conf", "[Service]\nWatchdogSec=6s\n");
    let (lyve, hole) = (LyveCloud::start(), Hole::start());
    let static_secret = session.put(".secrets/static", b"a-token", 0o600);
    session.configure(&format!(
        "{}[accounts.a]\ntype = 'static'\ntoken = {{ file = '{}' }}\n",
        lyve_account(&session, "hangs", &hole.url(), &lyve),
        static_secret.display()
    ));
    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["start", "tokend.socket", "tokend.service"]);
    let first = session.main_process();

    assert_eq!(session.tok(&["get", "hangs", "--timeout", "1s"]).code, 6);
    let_pass(Duration::from_secs(9), "longer than the watchdog waits");
    assert_eq!(session.token("a"), "a-token\n");
    assert_eq!(session.property("tokend.service", "NRestarts"), "0");
    assert_eq!(session.main_process(), first);

    platform::signal(first, Signal::STOP).expect("stopped");
    eventually("it was restarted", || (session.property("tokend.service", "NRestarts") == "1").then_some(()));
    eventually("clients are served again", || {
        (session.tok(&["get", "a"]).stdout == "a-token\n").then_some(())
    });
    assert!(!sandbox::is_running(first));
}

#[test]
fn a_killed_daemon_comes_back_and_a_stop_leaves_nothing_behind() {
    let Some(session) = Session::installed("a crash and a stop under a real systemd --user") else {
        return;
    };
    let lyve = LyveCloud::start();
    let slow = session.put("slow", b"#!/bin/sh\nsleep 600 & sleep 600\n", 0o700);
    session.configure(&format!(
        "{}[accounts.slow]\ntype = 'command'\ncommand = ['{}']\nlifetime = '1h'\n",
        lyve_account(&session, "lyve", lyve.url(), &lyve),
        slow.display()
    ));
    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["enable", "--now", "tokend.socket", "tokend.service"]);
    let token = session.token("lyve");
    let kept = session.home().join(".local/state/tokend/accounts");
    eventually("it is kept", || std::fs::read_dir(&kept).ok()?.next().map(drop));
    let first = session.main_process();
    platform::signal(first, Signal::KILL).expect("killed");
    assert_eq!(session.token("lyve"), token);
    assert_ne!(session.main_process(), first);
    assert_eq!(lyve.requests(), 1);

    eventually("a program of an account runs", || (session.processes().len() > 1).then_some(()));
    let processes = session.processes();
    session.systemctl(&["disable", "--now", "tokend.socket", "tokend.service"]);
    for pid in processes {
        assert!(!sandbox::is_running(pid), "{pid}");
    }
    let run = session.inside(&format!("/run/user/{}/tokend", tokend_tests::user_manager::USER));
    let left: Vec<_> = std::fs::read_dir(&run).into_iter().flatten().flatten().map(|e| e.path()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(session.state("tokend.service"), "inactive");
    assert_eq!(session.tok(&["get", "lyve"]).code, 8);
}
