//! Ways to be asked to end: the event, Ctrl-Break, the service control manager, and being killed.

use std::fs;
use std::process::Command;

use tokend_tests::accounts::static_token;
use tokend_tests::platform::{self, Signal, is_running, leads_a_group};
use tokend_tests::sandbox::{Said, Sandbox, eventually, program_path, run, skip};

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

/// A service that is no more when this is dropped.
struct Service<'a> {
    sandbox: &'a Sandbox,
    name: String,
}

impl Service<'_> {
    fn sc(&self, word: &str, more: &[&str]) -> Said {
        let mut command = Command::new("sc");
        self.sandbox.surround(&mut command);
        run(command.args([word, &self.name]).args(more))
    }

    fn is(&self, state: &str) -> Option<Said> {
        Some(self.sc("query", &[])).filter(|said| said.stdout.contains(state))
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let _ = self.sc("delete", &[]);
    }
}

#[test]
fn the_service_control_manager_stops_it_cleanly() {
    let sandbox = Sandbox::new();
    let log = sandbox.path().join("service.log");
    let line = format!("\"{}\" --service --log-file \"{}\"", program_path("tokend").display(), log.display());
    let service = Service { sandbox: &sandbox, name: format!("tokend-test-{}", std::process::id()) };
    if service.sc("create", &["binPath=", &line]).code != 0 {
        return skip("a stop by the service control manager", "this user may make no services");
    }
    let started = service.sc("start", &[]);
    assert_eq!(started.code, 0, "{started:?}");
    eventually("it runs", || service.is("RUNNING"));
    let stopped = service.sc("stop", &[]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    let ended = eventually("it has stopped", || service.is("STOPPED"));
    let status = ended.stdout.lines().find(|line| line.contains("WIN32_EXIT_CODE")).expect("how it ended");
    assert!(status.contains(": 0 "), "{ended:?}");
    let log = fs::read_to_string(log).expect("its log");
    assert!(log.contains("serving") && log.contains("stopping"), "{log}");
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
