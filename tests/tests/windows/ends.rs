//! Ways to be asked to end: the event, Ctrl-Break, and being killed.

use tokend_tests::accounts::static_token;
use tokend_tests::platform::{self, Signal, is_running, leads_a_group};
use tokend_tests::sandbox::{Sandbox, eventually, skip};

fn home() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    sandbox
}

#[test]
fn the_event_of_its_process_ends_it_cleanly_and_the_pipe_goes_with_it() {
    let sandbox = home();
    let daemon = sandbox.start();
    assert_eq!(sandbox.token("a"), "static-token");
    let pid = daemon.pid();
    assert!(daemon.stop().success());
    assert!(!is_running(pid));
    assert!(!platform::is_there(sandbox.socket()));
    let said = sandbox.tok(["get", "a"]);
    assert_eq!((said.code, said.stdout.as_str()), (8, ""), "{said:?}");
}

#[test]
fn ctrl_break_ends_it_cleanly() {
    let sandbox = home();
    let mut daemon = sandbox.start_with(leads_a_group);
    if let Err(error) = platform::break_group(daemon.pid()) {
        assert!(platform::is_wine(), "{error}");
        return skip("Ctrl-Break", "Wine has no console here to press it in");
    }
    let status = eventually("it has ended", || daemon.ended());
    assert!(status.success(), "{status}: {}", daemon.log());
    assert!(!platform::is_there(sandbox.socket()));
}

#[test]
fn a_killed_daemon_leaves_nothing_that_hinders_the_next_one() {
    let sandbox = home();
    let daemon = sandbox.start();
    platform::signal(daemon.pid(), Signal::KILL).expect("it is ended");
    eventually("it has ended", || (!is_running(daemon.pid())).then_some(()));
    drop(daemon);
    assert!(!platform::is_there(sandbox.socket()));
    let next = sandbox.start();
    assert_eq!(sandbox.token("a"), "static-token");
    assert!(next.stop().success());
}
