//! However it ends or is suspended, the terminal is as before.

use tokend_tests::platform::{Signal, ended_by};
use tokend_tests::sandbox::Sandbox;

use super::TWO;
use super::pty::{Pty, has_sessions, is_ignored};

#[test]
fn a_signal_ends_it_as_it_ends_others_and_the_terminal_is_as_before() {
    if !has_sessions() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let _daemon = sandbox.start();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        if is_ignored(signal) {
            continue;
        }
        let mut pty = Pty::new();
        let before = pty.settings();
        pty.run(&sandbox, &["status", "--watch"]);
        pty.wait_for("1 parked, 1 fresh");
        assert_ne!(pty.settings(), before);
        pty.signal(signal);
        let status = pty.end();
        assert!(ended_by(status, signal), "{status:?}");
        assert_eq!(pty.settings(), before, "{signal:?}");
        assert_eq!(pty.is_taken(), (false, false), "{signal:?}");
    }
}

#[test]
fn ctrl_c_ends_it() {
    if !has_sessions() || is_ignored(Signal::INT) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let _daemon = sandbox.start();
    let mut pty = Pty::new();
    let before = pty.settings();
    pty.run(&sandbox, &["status", "--watch"]);
    pty.wait_for("1 parked, 1 fresh");
    pty.hit("\x03");
    assert!(ended_by(pty.end(), Signal::INT));
    assert_eq!((pty.settings(), pty.is_taken()), (before, (false, false)));
}

#[test]
fn suspended_it_gives_the_terminal_back_and_takes_it_again() {
    if !has_sessions() || is_ignored(Signal::TSTP) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let _daemon = sandbox.start();
    let mut pty = Pty::new();
    let before = pty.settings();
    let script = "set -m; \"$@\"; echo \"[stopped $?]\"; read -r _; fg; echo \"[ended $?]\"";
    pty.script(&sandbox, script, &["status", "--watch"], |_| {});
    pty.wait_for("1 parked, 1 fresh");
    pty.hit("\x1a");
    pty.wait_for("[stopped ");
    assert_eq!((pty.settings(), pty.is_taken()), (before.clone(), (false, false)));
    pty.hit("\r");
    pty.wait_for("1 parked, 1 fresh");
    assert_eq!(pty.is_taken(), (true, true));
    pty.hit("q");
    pty.wait_for("[ended 0]");
    assert!(pty.end().success());
    assert_eq!((pty.settings(), pty.is_taken()), (before, (false, false)));
}

#[test]
fn a_terminal_that_goes_away_ends_it() {
    if !has_sessions() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let _daemon = sandbox.start();
    let mut pty = Pty::new();
    // Nobody is left whom the hang-up would reach: the shell, which leads the session, ignores it.
    let script = "trap '' HUP; \"$@\"; echo $? >ended";
    pty.script(&sandbox, script, &["status", "--watch"], |_| {});
    pty.wait_for("1 parked, 1 fresh");
    pty.hang_up();
    let ended = sandbox.path().join("ended");
    tokend_tests::sandbox::eventually("tok ends", || {
        std::fs::read_to_string(&ended).ok().filter(|status| !status.is_empty())
    });
}
