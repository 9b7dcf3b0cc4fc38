//! `tok lock` and `tok unlock`, and how a passphrase is asked for.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;
use tokend_proto::message::{Code, Failure, StoreState, Unlock};
use tokend_proto::{Answer, List, Request};

use super::daemon::{Daemon, Reply};
use super::engine::program;
use super::terminal::{Terminal, has_sessions, is_ignored, without_terminal};
use super::tok::{run, run_with, tok};

const PASSPHRASE: &str = "correct hörse";

/// A daemon whose store is so, and which knows this passphrase.
fn store(locked: bool, needs_passphrase: bool) -> Daemon {
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
fn given(daemon: &Daemon) -> Vec<Option<String>> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let passphrase = |request| match request {
        Request::Unlock(Unlock { passphrase }) => Some(passphrase.map(|given| text(given.expose().to_vec()))),
        _ => None,
    };
    daemon.asked().into_iter().filter_map(passphrase).collect()
}

fn right() -> Vec<Option<String>> {
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

#[test]
fn where_nobody_can_be_asked_that_is_9_and_the_ways_are_named() {
    if !has_sessions() {
        return;
    }
    let daemon = store(true, true);
    let (_, hint) = run(without_terminal(&tok(&daemon, &["unlock"]))).failed_with(9);
    for way in ["TOKEND_ASKPASS", "SSH_ASKPASS", "pinentry", "--stdin"] {
        assert!(hint.contains(way), "{hint}");
    }
    assert_eq!(given(&daemon), []);
}

fn asked_by(daemon: &Daemon, variable: &str, askpass: &Path) -> Command {
    let mut command = tok(daemon, &["unlock"]);
    command.env(variable, askpass);
    without_terminal(&command)
}

#[test]
fn a_program_asks_where_there_is_no_terminal() {
    if !has_sessions() {
        return;
    }
    let daemon = store(true, true);
    let askpass = daemon.home().join("askpass");
    program(
        &askpass,
        &format!("printf '%s|' \"$@\" >> \"{}/prompts\"; echo '{PASSPHRASE}'", daemon.home().display()),
    );
    for variable in ["TOKEND_ASKPASS", "SSH_ASKPASS"] {
        assert_eq!(run(asked_by(&daemon, variable, &askpass)).printed(), "");
        assert_eq!(given(&daemon), right());
    }
    let prompts = std::fs::read_to_string(daemon.home().join("prompts")).expect("prompts");
    assert_eq!(prompts, "Passphrase of tokend's store: |".repeat(2));
}

#[test]
fn tokends_own_variable_comes_first_and_a_name_is_looked_for_in_path() {
    if !has_sessions() {
        return;
    }
    let daemon = store(true, true);
    program(&daemon.home().join("my-askpass"), &format!("echo '{PASSPHRASE}'"));
    let mut command = tok(&daemon, &["unlock"]);
    let path = format!("{}:/usr/bin:/bin", daemon.home().display());
    command.env("TOKEND_ASKPASS", "my-askpass").env("SSH_ASKPASS", "/nonexistent").env("PATH", path);
    assert_eq!(run(without_terminal(&command)).printed(), "");
    assert_eq!(given(&daemon), right());
}

#[test]
fn a_wrong_answer_is_asked_for_again_three_times_in_all() {
    if !has_sessions() {
        return;
    }
    let daemon = store(true, true);
    let askpass = daemon.home().join("askpass");
    let home = daemon.home().display();
    program(&askpass, &format!("printf '%s|' \"$1\" >> '{home}/prompts'; echo nonsense"));
    let (what, _) = run(asked_by(&daemon, "SSH_ASKPASS", &askpass)).failed_with(9);
    assert_eq!(what, "the daemon says wrong-passphrase");
    assert_eq!(given(&daemon).len(), 3);
    let prompts = std::fs::read_to_string(daemon.home().join("prompts")).expect("prompts");
    let again = "wrong passphrase, try again\nPassphrase of tokend's store: |";
    assert_eq!(prompts, format!("Passphrase of tokend's store: |{again}{again}"));
}

#[test]
fn who_does_not_want_to_answer_is_7() {
    if !has_sessions() {
        return;
    }
    let daemon = store(true, true);
    for script in ["exit 1", "echo never; exit 255", "true", "kill -9 $$"] {
        let askpass = daemon.home().join("askpass");
        program(&askpass, script);
        run(asked_by(&daemon, "SSH_ASKPASS", &askpass)).failed_with(7);
    }
    run(asked_by(&daemon, "SSH_ASKPASS", "/nonexistent/askpass".as_ref())).failed_with(9);
    assert_eq!(given(&daemon), []);
}

#[test]
fn pinentry_asks_where_there_is_a_screen() {
    if !has_sessions() {
        return;
    }
    let daemon = store(true, true);
    let home = daemon.home().display();
    program(
        &daemon.home().join("pinentry"),
        &format!(
            "echo OK Pleased to meet you; n=0
            while read -r line; do
                echo \"$line\" >> '{home}/asked'
                case $line in
                    GETPIN) if [ -e '{home}/cancel' ]; then echo 'ERR 83886179 Operation cancelled <Pinentry>'
                            elif [ -e '{home}/twice' ]; then echo S PIN_REPEATED; echo 'D correct h%C3%B6rse'; echo OK
                            else touch '{home}/twice'; echo 'D 100%25'; echo OK; fi;;
                    BYE) echo OK closing connection; exit;;
                    *) echo OK;;
                esac
            done"
        ),
    );
    let unlock = |screen: &str| {
        let mut command = tok(&daemon, &["unlock"]);
        command.env(screen, ":0").env("PATH", format!("{home}:/usr/bin:/bin"));
        run(without_terminal(&command))
    };
    assert_eq!(unlock("WAYLAND_DISPLAY").printed(), "");
    assert_eq!(given(&daemon), [Some("100%".to_owned()), Some(PASSPHRASE.to_owned())]);
    let asked = std::fs::read_to_string(daemon.home().join("asked")).expect("requests");
    assert!(asked.contains("SETDESC Passphrase of tokend's store\n"), "{asked}");
    assert!(asked.contains("SETERROR wrong passphrase, try again\n"), "{asked}");
    std::fs::write(daemon.home().join("cancel"), "").expect("a file");
    unlock("DISPLAY").failed_with(7);
    assert_eq!(given(&daemon), []);
}

/// The prompt, behind which nothing is shown.
const PROMPT: &str = "Passphrase of tokend's store: ";

#[test]
fn at_a_terminal_the_passphrase_is_not_shown_and_the_settings_are_as_before() {
    if !has_sessions() {
        return;
    }
    // The terminal is asked even where standard input is something else.
    for redirections in ["", "</dev/null", ">/dev/null"] {
        let daemon = store(true, true);
        let mut terminal = Terminal::new();
        let before = terminal.settings();
        terminal.run(&tok(&daemon, &["unlock"]), redirections);
        terminal.expect(PROMPT);
        assert!(!terminal.echoes());
        // A slip, taken back.
        terminal.hit("correct hörx\x7fse\r");
        assert!(terminal.end().success(), "{}", terminal.shown());
        assert_eq!(given(&daemon), right());
        assert_eq!(terminal.settings(), before);
        assert!(!terminal.shown().contains("correct"), "{}", terminal.shown());
    }
}

#[test]
fn a_wrong_passphrase_is_asked_for_again_at_the_terminal() {
    if !has_sessions() {
        return;
    }
    let daemon = store(true, true);
    let mut terminal = Terminal::new();
    terminal.run(&tok(&daemon, &["unlock"]), "");
    terminal.expect(PROMPT);
    terminal.hit("wrong\r");
    terminal.expect("wrong passphrase, try again\r\n");
    terminal.expect(PROMPT);
    terminal.hit(&format!("{PASSPHRASE}\r"));
    terminal.expect("unlocked");
    assert!(terminal.end().success());
    assert_eq!(given(&daemon), [Some("wrong".to_owned()), Some(PASSPHRASE.to_owned())]);
}

#[test]
fn a_passphrase_longer_than_a_terminals_line_arrives_whole() {
    if !has_sessions() {
        return;
    }
    let daemon = store(true, true);
    let mut terminal = Terminal::new();
    terminal.run(&tok(&daemon, &["unlock"]), "");
    terminal.expect(PROMPT);
    let long = "0123456789".repeat(1000);
    terminal.hit(&format!("{long}\r"));
    terminal.expect("try again");
    terminal.expect(PROMPT);
    // The end of input with nothing before it.
    terminal.hit("\x04");
    terminal.expect("nothing was given");
    assert_eq!(terminal.end().code(), Some(7));
    assert_eq!(given(&daemon), [Some(long)]);
}

#[test]
fn several_lines_are_no_passphrase() {
    if !has_sessions() {
        return;
    }
    let daemon = store(true, true);
    let mut terminal = Terminal::new();
    terminal.run(&tok(&daemon, &["unlock"]), "");
    terminal.expect(PROMPT);
    terminal.hit("one\rtwo\r");
    terminal.expect("more than one line");
    assert_eq!(terminal.end().code(), Some(2));
    assert_eq!(given(&daemon), []);
    assert!(!terminal.shown().contains("two"), "{}", terminal.shown());
}

#[test]
fn a_signal_puts_the_terminal_back_before_it_ends_tok() {
    if !has_sessions() {
        return;
    }
    let signals = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];
    for signal in signals.into_iter().filter(|signal| !is_ignored(*signal)) {
        let daemon = store(true, true);
        let mut terminal = Terminal::new();
        let before = terminal.settings();
        terminal.run(&tok(&daemon, &["unlock"]), "");
        terminal.expect(PROMPT);
        // Keys are taken in order: what was typed before is not shown when the terminal shows keys again.
        match signal {
            Signal::INT => terminal.hit("half of\x03"),
            Signal::QUIT => terminal.hit("half of\x1c"),
            other => terminal.signal(other),
        }
        assert_eq!(terminal.end().signal(), Some(signal.as_raw()), "{signal:?}: {}", terminal.shown());
        assert_eq!(terminal.settings(), before, "{signal:?}");
        assert!(!terminal.shown().contains("half"), "{}", terminal.shown());
        assert_eq!(given(&daemon), []);
    }
}

#[test]
fn a_suspended_tok_leaves_the_terminal_as_it_was_and_asks_again() {
    if !has_sessions() {
        return;
    }
    let daemon = store(true, true);
    let mut terminal = Terminal::new();
    let script = "set -m; \"$@\"; echo \"[stopped $?]\"; read -r _; fg; echo \"[ended $?]\"";
    terminal.script(script, &tok(&daemon, &["unlock"]));
    terminal.expect(PROMPT);
    terminal.hit("half of\x1a");
    terminal.expect("[stopped ");
    assert!(terminal.echoes());
    terminal.hit("\r");
    terminal.expect(PROMPT);
    assert!(!terminal.echoes());
    terminal.hit(&format!("{PASSPHRASE}\r"));
    terminal.expect("[ended 0]");
    assert!(terminal.end().success());
    assert_eq!(given(&daemon), right());
    assert!(terminal.echoes() && !terminal.shown().contains("half"), "{}", terminal.shown());
}
