//! `tok unlock`: how a passphrase is asked for.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::engine::program;
use super::terminal::{Terminal, has_sessions, is_ignored, without_terminal};
use crate::cli::daemon::Daemon;
use crate::cli::tok::{run, tok};
use crate::cli::unlock::{PASSPHRASE, given, right, store};

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
