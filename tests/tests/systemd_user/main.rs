//! The units as they are shipped, under a real `systemd --user`.

#![cfg(has_systemd)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::time::Duration;

use tokend_tests::platform::{self, Signal, owner};
use tokend_tests::real_time::timed;
use tokend_tests::sandbox::eventually;
use tokend_tests::stand_in::LyveCloud;
use tokend_tests::user_manager::{Session, USER};

mod restarts;
mod sources;
mod staying_unlocked;

const CREDENTIALS: &str = include_str!("../../../systemd/examples/credentials.conf");
const SANDBOX: &str = include_str!("../../../systemd/examples/sandbox.conf");

#[test]
fn the_shipped_units_start_serve_reload_restart_and_stop() {
    let Some(session) = Session::installed("the units under a real systemd --user") else {
        return;
    };
    let secret = session.put("a.secret", b"unit-token\n", 0o600);
    let good = format!("[accounts.a]\ntype = 'static'\ntoken = {{ file = '{}' }}\n", secret.display());
    let configure = |text: &str| session.put(".config/tokend/config.toml", text.as_bytes(), 0o600);
    configure(&good);

    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["enable", "--now", "tokend.socket"]);
    assert_eq!(session.state("tokend.socket"), "active");
    assert_eq!(session.state("tokend.service"), "inactive");
    let run = session.inside(&format!("run/user/{USER}/tokend"));
    let socket = run.join("tokend.sock");
    for (path, mode) in [(&run, 0o700), (&socket, 0o600)] {
        let facts = (platform::mode(path).expect("it is there"), owner(path).expect("it is there"));
        assert_eq!(facts, (mode, USER), "{}", path.display());
    }

    // The first client starts it.
    assert_eq!(session.token("a"), "unit-token\n");
    let shown = session.properties(
        "tokend.service",
        "Type,ActiveState,SubState,LimitCORE,UMask,NotifyAccess,Result,WatchdogUSec",
    );
    for (name, value) in [
        ("Type", "notify"),
        ("ActiveState", "active"),
        ("SubState", "running"),
        ("LimitCORE", "0"),
        ("UMask", "0077"),
        ("Result", "success"),
        ("WatchdogUSec", "5min"),
    ] {
        assert_eq!(shown[name], value, "{shown:?}");
    }

    if session.has_journal() {
        eventually("the journal has it", || {
            let said = session.run(&["journalctl", "--user", "-u", "tokend", "--no-pager"]);
            said.stdout.contains("serving").then_some(())
        });
    }

    // A reload, as systemd asks for it; a faulty configuration changes nothing but what is said.
    let status = || session.property("tokend.service", "StatusText");
    configure(&(good.clone() + &good.replace("accounts.a", "accounts.b")));
    session.systemctl(&["reload", "tokend.service"]);
    eventually("it was read", || status().starts_with("2 accounts: ").then_some(()));
    assert_eq!(session.token("b"), "unit-token\n");
    configure("[accounts.a]\ntype = 'statik'\n");
    session.systemctl(&["reload", "tokend.service"]);
    eventually("it was refused", || status().starts_with("the last reload failed").then_some(()));
    assert_eq!(
        (session.token("b"), session.state("tokend.service")),
        ("unit-token\n".into(), "active".into())
    );
    configure(&good);
    session.systemctl(&["reload", "tokend.service"]);
    eventually("it was taken again", || (status() == "1 account: 1 fresh").then_some(()));

    // Restarted, and stopped with the socket left: the next client starts it again.
    session.systemctl(&["restart", "tokend.service"]);
    assert_eq!(session.token("a"), "unit-token\n");
    session.systemctl(&["stop", "tokend.service"]);
    assert_eq!(
        (session.state("tokend.service"), session.state("tokend.socket")),
        ("inactive".into(), "active".into())
    );
    assert_eq!(session.token("a"), "unit-token\n");

    // After a crash clients wait for the next one.
    let first = session.main_process();
    platform::signal(first, Signal::KILL).expect("killed");
    let (token, took) = timed(|| session.token("a"));
    assert_eq!(token, "unit-token\n");
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert_ne!(session.main_process(), first);

    // A faulty configuration stays faulty: one start, no loop, and nobody waits for what does not come.
    configure("[accounts.a]\ntype = 'statik'\n");
    assert_ne!(session.run(&["systemctl", "--user", "restart", "tokend.service"]).code, 0);
    let shown = session.properties("tokend.service", "ActiveState,ExecMainStatus,NRestarts");
    assert_eq!((&*shown["ActiveState"], &*shown["ExecMainStatus"]), ("failed", "78"), "{shown:?}");
    let (said, took) = timed(|| session.tok(&["get", "a"]));
    assert_eq!(said.code, 8, "{said:?}\n{}", session.log());
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(session.log().contains("config.toml:2"), "{}", session.log());
    configure(&good);
    session.systemctl(&["restart", "tokend.socket", "tokend.service"]);
    assert_eq!(session.token("a"), "unit-token\n");

    session.systemctl(&["stop", "tokend.socket", "tokend.service"]);
    assert_eq!(session.state("tokend.service"), "inactive");
    assert!(!socket.exists(), "the unit removes it");
    assert_eq!(session.tok(&["get", "a"]).code, 8);
    session.systemctl(&["disable", "tokend.socket"]);
}

#[test]
fn credentials_arrive_and_the_stronger_sandbox_lets_services_be_asked_and_programs_run() {
    let Some(session) = Session::installed("the examples of drop-ins under a real systemd --user") else {
        return;
    };
    let lyve = LyveCloud::start();
    session.put(".secrets/graph", b"credential-token\n", 0o600);
    let secret = session.put(".secrets/lyve", b"lyve-secret\n", 0o600);
    session.drop_in("credentials.conf", CREDENTIALS);
    session.drop_in("sandbox.conf", SANDBOX);
    let configuration = format!(
        "[accounts.graph]\ntype = 'static'\ntoken = {{ credential = 'graph' }}\n\
         [accounts.lyve]\ntype = 'lyve-cloud'\nurl = '{}'\naccount_id = 'acme'\naccess_key = 'AKLYVE'\n\
         secret = {{ file = '{}' }}\n\
         [accounts.program]\ntype = 'command'\ncommand = ['sh', '-c', 'cat \"$HOME/.secrets/graph\"; exit $?']\n",
        lyve.url(),
        secret.display()
    );
    session.put(".config/tokend/config.toml", configuration.as_bytes(), 0o600);
    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["start", "tokend.socket", "tokend.service"]);
    assert_eq!(session.properties("tokend.service", "NoNewPrivileges")["NoNewPrivileges"], "yes");
    assert_eq!(session.token("graph"), "credential-token\n");
    assert_eq!(session.token("program"), "credential-token\n");
    assert!(lyve.is_live(session.token("lyve").trim_end()));
    session.systemctl(&["stop", "tokend.socket", "tokend.service"]);
}
