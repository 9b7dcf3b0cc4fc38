//! `tok lock` and `tok unlock`.

use std::sync::atomic::{AtomicU32, Ordering};

use tokend_proto::message::{Code, Failure, StoreState, Unlock};
use tokend_proto::{Answer, List, Request};

use super::daemon::{Daemon, Reply};
use super::tok::{run, run_with, tok};

pub(crate) const PASSPHRASE: &str = "correct hörse";

/// A daemon whose store is so, and which knows this passphrase.
pub(crate) fn store(locked: bool, needs_passphrase: bool) -> Daemon {
    Daemon::new(move |request| {
        Reply::Answer(match request {
            Request::Store => Answer::StoreState(StoreState {
                locked,
                identity: StoreState::PASSPHRASE.to_owned(),
                needs_passphrase,
                memory_locked: true,
                warnings: List::truncating(vec!["a warning".to_owned()]),
            }),
            Request::Unlock(Unlock { passphrase: None }) if needs_passphrase => no("passphrase-needed", None),
            Request::Unlock(Unlock { passphrase: Some(given) }) if !is_right(given.expose().iter()) => {
                no("wrong-passphrase", None)
            }
            Request::Lock | Request::Unlock(_) => Answer::Done,
            _ => Answer::Unsupported,
        })
    })
}

fn is_right<'b>(given: impl Iterator<Item = &'b u8>) -> bool {
    given.eq(PASSPHRASE.as_bytes())
}

fn no(kind: &str, next_try_in_ms: Option<u64>) -> Answer {
    Answer::Failure(Failure {
        code: Code::LOCKED,
        kind: kind.to_owned(),
        message: format!("the daemon says {kind}"),
        hint: "do better".to_owned(),
        next_try_in_ms,
    })
}

/// The passphrases that the daemon was given.
pub(crate) fn given(daemon: &Daemon) -> Vec<Option<String>> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let passphrase = |request| match request {
        Request::Unlock(Unlock { passphrase }) => Some(passphrase.map(|given| text(given.expose().to_vec()))),
        _ => None,
    };
    daemon.asked().into_iter().filter_map(passphrase).collect()
}

pub(crate) fn right() -> Vec<Option<String>> {
    vec![Some(PASSPHRASE.to_owned())]
}

#[test]
fn lock_says_nothing_to_a_script() {
    let daemon = store(false, false);
    assert_eq!(run(tok(&daemon, &["lock"])).printed(), "");
    assert!(matches!(daemon.asked()[..], [Request::Lock]));
    let verbose = run(tok(&daemon, &["lock", "-v"]));
    assert_eq!((verbose.code, verbose.err.as_str()), (0, "locked; `tok unlock` ends it\n"));
    run(tok(&daemon, &["lock", "x"])).failed_with(2);
    daemon.vanish();
    run(tok(&daemon, &["lock"])).failed_with(8);
    run(tok(&daemon, &["unlock"])).failed_with(8);
}

#[test]
fn nobody_is_asked_where_no_passphrase_is_needed() {
    let open = store(false, false);
    let verbose = run(tok(&open, &["unlock", "-v"]));
    let expected = "tok: warning: a warning\nnothing is locked\n";
    assert_eq!((verbose.code, verbose.err.as_str()), (0, expected));
    // It is told all the same: an identity that was exchanged waits for that.
    assert_eq!(given(&open), [None]);
    let locked = store(true, false);
    assert_eq!(run(tok(&locked, &["unlock"])).printed(), "");
    assert_eq!(given(&locked), [None]);
}

#[test]
fn a_passphrase_may_come_through_standard_input() {
    // After a start, nothing is locked, but the store is not open yet.
    for locked in [true, false] {
        let daemon = store(locked, true);
        for end in ["", "\n", "\r\n"] {
            let input = format!("{PASSPHRASE}{end}");
            assert_eq!(run_with(tok(&daemon, &["unlock", "--stdin"]), input.as_bytes()).printed(), "");
            assert_eq!(given(&daemon), right());
        }
    }
    let daemon = store(true, true);
    let (what, hint) = run_with(tok(&daemon, &["unlock", "--stdin"]), b"wrong\n").failed_with(9);
    assert_eq!((what.as_str(), hint.as_str()), ("the daemon says wrong-passphrase", "do better"));
    assert_eq!(given(&daemon).len(), 1);
    run_with(tok(&daemon, &["unlock", "--stdin"]), b"\n").failed_with(2);
    run_with(tok(&daemon, &["unlock", "--stdin"]), &vec![b'x'; 64 * 1024 + 1]).failed_with(2);
    let (what, _) = run(tok(&daemon, &["unlock", PASSPHRASE])).failed_with(2);
    assert!(what.contains("no argument") && !what.contains(PASSPHRASE), "{what}");
}

#[test]
fn what_comes_too_soon_is_waited_for() {
    let calls = AtomicU32::new(0);
    let daemon = Daemon::new(move |request| {
        Reply::Answer(match request {
            Request::Store => Answer::StoreState(StoreState {
                locked: true,
                identity: String::new(),
                needs_passphrase: true,
                memory_locked: true,
                warnings: List::default(),
            }),
            _ if calls.fetch_add(1, Ordering::SeqCst) == 0 => no("too-soon", Some(5)),
            _ => Answer::Done,
        })
    });
    let run = run_with(tok(&daemon, &["unlock", "--stdin"]), PASSPHRASE.as_bytes());
    assert_eq!((run.code, run.out.as_str()), (0, ""), "{run:?}");
    assert!(run.err.starts_with("tok: the daemon says too-soon; waiting "), "{run:?}");
    assert_eq!(given(&daemon), [right(), right()].concat());
}

#[test]
fn a_pause_that_is_too_long_is_not_waited_for() {
    let daemon = Daemon::new(|request| {
        Reply::Answer(match request {
            Request::Store => Answer::StoreState(StoreState {
                locked: true,
                identity: String::new(),
                needs_passphrase: true,
                memory_locked: true,
                warnings: List::default(),
            }),
            _ => no("too-soon", Some(3_600_000)),
        })
    });
    run_with(tok(&daemon, &["unlock", "--stdin"]), PASSPHRASE.as_bytes()).failed_with(9);
}
