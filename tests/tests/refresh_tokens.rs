//! A login whose refresh tokens rotate survives whatever happens to the daemon, and says so when it does not.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use tokend_tests::accounts;
use tokend_tests::platform::{Signal, is_private, set_mode};
use tokend_tests::real_time::let_pass;
use tokend_tests::sandbox::{Daemon, Sandbox, eventually, is_root, run, skip};
use tokend_tests::stand_in::{Fault, OAuthServer, Rotation};

const CLIENT: &str = "cli";
const PATIENCE: Duration = Duration::from_secs(15);

/// A service that forgives nothing.
fn server(rotation: Rotation) -> OAuthServer {
    OAuthServer::builder()
        .lifetime(Duration::from_secs(3600))
        .with(|server| {
            server.rotation = rotation;
            server.public_clients = vec![CLIENT.into()];
        })
        .start()
}

fn login(rotation: Rotation) -> (Sandbox, OAuthServer) {
    let (sandbox, server) = (Sandbox::new(), server(rotation));
    let table = accounts::oauth2_login(&sandbox, "graph", &server, CLIENT, &server.grant(CLIENT, &["files"]));
    sandbox.configure(&table);
    (sandbox, server)
}

/// What happened to the only login: how often each refresh token was sent, in their order.
fn sendings(server: &OAuthServer) -> Vec<usize> {
    server.grants().sendings().iter().map(|sending| sending.generation).collect()
}

fn daemon(sandbox: &Sandbox) -> Daemon {
    let daemon = sandbox.start();
    sandbox.token("graph");
    daemon
}

/// A refresh that is under way: the service has heard it, and answers two seconds later.
fn slow_refresh(sandbox: &Sandbox, server: &OAuthServer) -> Child {
    server.fault(Fault::Slow(Duration::from_secs(2)).once());
    let mut tok = sandbox.command("tok");
    tok.args(["refresh", "graph"]).stdout(Stdio::null()).stderr(Stdio::null());
    let refresh = tok.spawn().expect("tok starts");
    assert!(server.wait_for_token_requests(2, PATIENCE));
    refresh
}

#[test]
fn a_login_survives_stops_and_kills_and_each_refresh_token_is_sent_once() {
    let (sandbox, server) = login(Rotation::Revoking);
    let running = daemon(&sandbox);
    running.stop();
    // It was kept: nothing is asked of the service.
    let running = daemon(&sandbox);
    assert_eq!(sendings(&server), [0]);
    assert_eq!(sandbox.tok(["refresh", "graph"]).code, 0);
    running.kill();
    // The first one is worth nothing any more; the source may as well be gone.
    fs::remove_file(sandbox.home().join("graph.refresh")).expect("removed");
    let running = daemon(&sandbox);
    assert_eq!(sandbox.tok(["refresh", "graph"]).code, 0);
    assert_eq!(sendings(&server), [0, 1, 2]);
    assert!(!server.grants().has_ended(0));
    running.kill();
}

#[test]
fn the_new_refresh_token_is_nowhere_on_the_disk_in_clear() {
    let (sandbox, server) = login(Rotation::Strict);
    let running = daemon(&sandbox);
    assert_eq!(sandbox.tok(["refresh", "graph"]).code, 0);
    running.stop();
    let newest = server.grants().newest(0).expect("one");
    let accounts = sandbox.state().join("accounts");
    let grants: Vec<_> = fs::read_dir(&accounts)
        .expect("kept files")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".grant.age"))
        .collect();
    assert_eq!(grants.len(), 1);
    assert!(is_private(grants[0].path()).expect("facts"));
    let bytes = fs::read(grants[0].path()).expect("readable");
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    assert!(!bytes.windows(newest.len()).any(|window| window == newest.as_bytes()));
}

#[test]
fn a_stop_waits_for_the_answer_that_has_the_only_new_refresh_token() {
    let (sandbox, server) = login(Rotation::Strict);
    let running = daemon(&sandbox);
    let mut refresh = slow_refresh(&sandbox, &server);
    assert!(running.stop().success());
    refresh.wait().expect("an end");
    let running = daemon(&sandbox);
    assert_eq!(sandbox.tok(["refresh", "graph"]).code, 0);
    assert_eq!(sendings(&server), [0, 1, 2]);
    running.kill();
}

#[test]
#[cfg_attr(not(has_timing), ignore = "times mean nothing where Windows is played by Wine")]
fn a_lock_waits_for_it_too_and_a_stop_waits_for_nothing_else() {
    let (sandbox, server) = login(Rotation::Strict);
    let running = daemon(&sandbox);
    let mut refresh = slow_refresh(&sandbox, &server);
    let said = sandbox.tok(["lock"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(server.grants().rotations().iter().all(|rotation| rotation.answered), "it has waited");
    assert_eq!(refresh.wait().expect("an end").code(), Some(9));
    assert_eq!(sandbox.tok(["unlock"]).code, 0);
    sandbox.token("graph");
    let said = sandbox.tok(["refresh", "graph"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!sendings(&server).windows(2).any(|pair| pair[0] == pair[1]), "{:?}", sendings(&server));
    running.stop();
}

#[test]
fn a_login_that_has_ended_is_exit_4_and_a_new_refresh_token_in_its_place_ends_that() {
    let (sandbox, server) = login(Rotation::Strict);
    let running = daemon(&sandbox);
    let first = sandbox.token("graph");
    server.grants().end(0);
    let said = sandbox.tok(["refresh", "graph"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.error().1.contains("refresh token"), "{said:?}");
    let status = sandbox.status("graph");
    assert_eq!(status["state"], "login-needed");
    assert_eq!(sandbox.tok(["status", "--check"]).code, 4);
    // What lives is served.
    assert_eq!(sandbox.token("graph"), first);
    // It stays so over a crash, without another request.
    running.kill();
    let sent = sendings(&server).len();
    let running = sandbox.start();
    assert_eq!(sandbox.token("graph"), first);
    assert_eq!(sandbox.tok(["refresh", "graph"]).code, 4);
    assert_eq!(sendings(&server).len(), sent, "it is not asked again");

    accounts::set_refresh_token(&sandbox, "graph", &server.grant(CLIENT, &["files"]));
    eventually("the changed file is seen", || (sandbox.status("graph")["state"] == "fresh").then_some(()));
    assert_ne!(sandbox.token("graph"), first);
    assert_eq!(server.grants().newest_generation(1), Some(1));
    running.stop();
}

#[test]
fn after_a_lost_answer_the_token_in_hand_is_served_and_nothing_is_sent() {
    let (sandbox, server) = login(Rotation::Grace);
    let running = daemon(&sandbox);
    let first = sandbox.token("graph");
    server.fault(Fault::Lost.once());
    assert_eq!(sandbox.tok(["refresh", "graph"]).code, 6);
    assert_eq!(sandbox.token("graph"), first);
    let said = sandbox.tok(["refresh", "graph"]);
    assert_eq!(said.code, 6, "{said:?}");
    running.kill();
    let running = sandbox.start();
    assert_eq!(sandbox.token("graph"), first);
    assert_eq!(sandbox.tok(["refresh", "graph"]).code, 6);
    assert_eq!(sendings(&server), [0, 1]);
    // A service that refuses the token has ended its time: now it is sent once more.
    assert_eq!(sandbox.tok_with_input(["reject", "graph"], &first).code, 0);
    let next = sandbox.token("graph");
    assert_ne!(next, first);
    assert_eq!(sendings(&server), [0, 1, 1]);
    running.stop();
}

#[test]
fn a_killed_daemon_sends_what_was_under_way_once_more_and_not_a_third_time() {
    let (sandbox, server) = login(Rotation::Grace);
    for time in 1..=2 {
        server.fault(Fault::Hang.once());
        let running = sandbox.start();
        assert!(server.wait_for_token_requests(time, PATIENCE));
        running.kill();
    }
    let running = sandbox.start();
    let said = sandbox.tok(["get", "graph"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.error().0.contains("third time"), "{said:?}");
    assert_eq!(server.token_requests(), 2);
    running.stop();
}

#[test]
#[cfg_attr(not(has_modes), ignore = "files have no modes and no numbers of owners here")]
fn a_disk_that_takes_nothing_stops_no_refresh_and_everybody_is_told() {
    if is_root() {
        skip("a disk that takes nothing", "root writes everywhere; the unprivileged run has it");
        return;
    }
    let (sandbox, server) = login(Rotation::Strict);
    let running = daemon(&sandbox);
    let accounts = sandbox.state().join("accounts");
    let set = |mode: u32| {
        set_mode(&accounts, mode).expect("our own folder");
    };
    set(0o500);
    let before = token_written(&accounts);
    assert_eq!(sandbox.tok(["refresh", "graph"]).code, 0);
    let said = sandbox.tok(["get", "-v", "graph"]);
    assert!(said.stderr.contains("loses this account's login"), "{said:?}");
    let warnings = sandbox.status("graph")["warnings"].to_string();
    assert!(warnings.contains("loses this account's login"), "{warnings}");
    set(0o700);
    eventually("it is written when it can be", || {
        let warnings = sandbox.status("graph")["warnings"].to_string();
        (!warnings.contains("loses")).then_some(())
    });
    // The access token has a file of its own, and its own time.
    eventually("so is the access token", || (token_written(&accounts) != before).then_some(()));
    running.kill();
    let running = daemon(&sandbox);
    assert_eq!(sandbox.tok(["refresh", "graph"]).code, 0);
    assert_eq!(sendings(&server), [0, 1, 2]);
    running.stop();
}

/// When the file of the account's access token was written, if it is there.
fn token_written(accounts: &Path) -> Option<SystemTime> {
    let files = fs::read_dir(accounts).expect("our own folder").flatten();
    // NAME.HASH.age, beside NAME.HASH.grant.age.
    let is_token = |name: &str| name.split('.').count() == 3;
    let file = files.into_iter().find(|file| is_token(&file.file_name().to_string_lossy()))?;
    file.metadata().expect("our own file").modified().ok()
}

#[test]
#[cfg_attr(not(has_signals), ignore = "there are no signals here")]
fn a_process_that_was_stopped_finds_the_answer_that_came_meanwhile() {
    let (sandbox, server) = (Sandbox::new(), server(Rotation::Revoking));
    let table = accounts::oauth2_login(&sandbox, "graph", &server, CLIENT, &server.grant(CLIENT, &["files"]));
    sandbox.configure(&format!("[daemon]\nhttp_timeout = '2s'\n{table}"));
    let running = daemon(&sandbox);
    server.fault(Fault::Slow(Duration::from_secs(1)).once());
    let mut refresh = sandbox.command("tok").args(["refresh", "graph"]).spawn().expect("tok starts");
    assert!(server.wait_for_token_requests(2, PATIENCE));
    running.signal(Signal::STOP);
    let answered = || server.grants().rotations().iter().all(|rotation| rotation.answered).then_some(());
    eventually("the service has answered", answered);
    let_pass(Duration::from_secs(3), "the time-out is over while the process is stopped");
    running.signal(Signal::CONT);
    assert_eq!(refresh.wait().expect("an end").code(), Some(0));
    assert_eq!(sandbox.tok_with_input(["reject", "graph"], &sandbox.token("graph")).code, 0);
    sandbox.token("graph");
    assert_eq!(sendings(&server), [0, 1, 2]);
    running.stop();
}

#[test]
fn a_token_for_other_scopes_spends_the_same_login() {
    let (sandbox, server) = (Sandbox::new(), server(Rotation::Revoking));
    let first = server.grant(CLIENT, &["files", "mail"]);
    let table = accounts::oauth2_login(&sandbox, "graph", &server, CLIENT, &first);
    sandbox.configure(&(table + "request_scopes = ['mail']\n"));
    let running = sandbox.start();
    let callers: Vec<_> = (0..6)
        .map(|number| {
            let mut tok = sandbox.command("tok");
            tok.args(["get", "graph"]).stdout(Stdio::null());
            if number % 2 == 0 {
                tok.args(["--scope", "mail"]);
            }
            tok.spawn().expect("tok starts")
        })
        .collect();
    for mut caller in callers {
        assert_eq!(caller.wait().expect("an end").code(), Some(0));
    }
    assert_eq!(sendings(&server), [0, 1]);
    running.signal(Signal::KILL);
}

#[test]
fn two_accounts_that_would_void_each_others_login_are_warned_of() {
    let (sandbox, server) = (Sandbox::new(), server(Rotation::Revoking));
    let first = server.grant(CLIENT, &["files"]);
    let one = accounts::oauth2_login(&sandbox, "one", &server, CLIENT, &first);
    let two = one.replace("[accounts.one]", "[accounts.two]");
    sandbox.configure(&(one.clone() + &two));
    let said = run(sandbox.command("tokend").arg("check"));
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("`one` spends the same refresh token"), "{}", said.stdout);
    sandbox.configure(&(one + &two.replace("one.refresh", "two.refresh")));
    let said = run(sandbox.command("tokend").arg("check"));
    assert!(!said.stdout.contains("spends the same"), "{}", said.stdout);
}
