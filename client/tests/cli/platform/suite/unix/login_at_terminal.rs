//! `tok login`, called by a person: at a terminal, which is as before in the end.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use rustix::process::Signal;
use tokend_proto::message::LoginStep;
use tokend_proto::{Answer, Request};

use super::terminal::{Terminal, has_sessions, is_ignored};
use crate::cli::daemon::failure;
use crate::cli::service::{RIGHT, Service, URL, device, step, with};
use crate::cli::tok::tok;

fn login(service: &Service) -> Command {
    let mut command = tok(&service.daemon, &["login", "x"]);
    command.env("TERM", "xterm-256color");
    command
}

fn pasted() -> LoginStep {
    LoginStep { takes_redirect: true, ..step(LoginStep::REDIRECT, URL) }
}

const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";

#[test]
fn a_person_sees_the_address_the_code_and_a_picture_and_what_is_waited_for() {
    if !has_sessions() {
        return;
    }
    let service = with(vec![device()]);
    let mut terminal = Terminal::new();
    let before = terminal.settings();
    terminal.run(&login(&service), "");
    terminal.expect("open this address in any browser, or scan it, and type the code:\r\n");
    terminal.expect("https://a.example/device\r\n    \x1b[1mWDJB-[31mMJHT\x1b[0m\r\n");
    terminal.expect(BLACK_ON_WHITE);
    terminal.expect("▀");
    terminal.expect("waiting for device (15m left)");
    service.say(Answer::LoginStep(step(LoginStep::PROGRESS, "")));
    terminal.expect("\r\x1b[Kwaiting for progress (15m left)");
    service.finish();
    terminal.expect("\r\x1b[Klogged in to x: its token lives 59m, and tokend renews it\r\n");
    terminal.expect("tok: warning: a warning\r\n");
    assert!(terminal.end().success());
    assert_eq!(terminal.settings(), before);
}

#[test]
fn a_picture_needs_room_and_follows_the_terminals_wishes() {
    if !has_sessions() {
        return;
    }
    // Each with what is shown of a picture: in colour, without, or nothing.
    for (columns, lines, variable, expected) in [
        (80, 24, ("NO_COLOR", "1"), Some("█")),
        (80, 24, ("TERM", "xterm"), Some("\x1b[30;47m")),
        (80, 24, ("TERM", "dumb"), None),
        (20, 24, ("TERM", "xterm"), None),
        (80, 15, ("TERM", "xterm"), None),
    ] {
        let service = with(vec![device()]);
        service.finish();
        let mut terminal = Terminal::new();
        terminal.resize(columns, lines);
        let mut call = login(&service);
        call.env(variable.0, variable.1);
        terminal.run(&call, "");
        terminal.expect("logged in to x");
        assert!(terminal.end().success());
        let shown = terminal.shown();
        assert_eq!(shown.contains('▀'), expected.is_some(), "{variable:?}: {shown}");
        assert!(expected.is_none_or(|expected| shown.contains(expected)), "{variable:?}: {shown}");
        assert_eq!(shown.contains("user_code=WDJB"), expected.is_none(), "{variable:?}: {shown}");
        if variable.0 == "NO_COLOR" {
            assert!(!shown.contains("\x1b[3") && !shown.contains("\x1b[1m"), "{shown}");
        }
    }
}

#[test]
fn an_address_is_pasted_unseen_and_a_wrong_one_is_told() {
    if !has_sessions() {
        return;
    }
    let service = with(vec![pasted()]);
    let mut terminal = Terminal::new();
    let before = terminal.settings();
    terminal.run(&login(&service), "");
    terminal.expect("press Enter.\r\n");
    terminal.expect("waiting for redirect (15m left)");
    assert!(!terminal.echoes());
    terminal.hit("http://127.0.0.1/?code=wrong\r");
    terminal.expect("tok: that address is of another login\r\nhint: paste the one");
    terminal.expect("waiting for redirect (1");
    // What was mistyped is taken back; blanks around it do not count.
    terminal.hit(&format!("wrong\x15 {RIGHT}x\x7f \r"));
    terminal.expect("logged in to x");
    assert!(terminal.end().success());
    assert_eq!(terminal.settings(), before);
    assert!(!terminal.shown().contains("code="), "{}", terminal.shown());
    assert!(matches!(
        service.asked()[..],
        [Request::Login(_), Request::LoginRedirect(_), Request::LoginRedirect(_)]
            | [Request::LoginRedirect(_), Request::LoginRedirect(_), Request::Login(_)]
    ));
}

#[test]
fn a_narrow_terminal_breaks_no_word_and_shows_the_time_that_is_left() {
    if !has_sessions() {
        return;
    }
    for columns in [30, 80, 120] {
        let redirect = LoginStep { message: "waiting for words ".repeat(9), ..pasted() };
        let service = with(vec![redirect]);
        let mut terminal = Terminal::new();
        terminal.resize(columns, 24);
        terminal.run(&login(&service), "");
        terminal.expect("press Enter.\r\n");
        terminal.expect("waiting for");
        terminal.expect("… (15m left)");
        let shown = terminal.shown();
        let (above, below) = shown.split_once(URL).expect("the address");
        let said = "After the login the browser is sent to another address; that page may fail to load, which is \
                    fine. Copy its whole address, paste it here (nothing is shown while you do), and press Enter.";
        assert!(below.trim_start().replace("\r\n", " ").starts_with(said), "{below}");
        let is_narrow = |line: &str| line.chars().count() <= usize::from(columns);
        assert!([above, below].into_iter().flat_map(str::lines).all(is_narrow), "{shown}");
        service.finish();
        terminal.expect("logged in to x");
        assert!(terminal.end().success());
    }
}

#[test]
fn a_signal_ends_it_at_once_and_puts_the_terminal_back() {
    if !has_sessions() {
        return;
    }
    for signal in [Signal::INT, Signal::TERM].into_iter().filter(|signal| !is_ignored(*signal)) {
        for steps in [vec![pasted()], vec![device()]] {
            let service = with(steps);
            let mut terminal = Terminal::new();
            let before = terminal.settings();
            terminal.run(&login(&service), "");
            terminal.expect("waiting for ");
            match signal {
                Signal::INT => terminal.hit("\x03"),
                other => terminal.signal(other),
            }
            assert_eq!(terminal.end().signal(), Some(signal.as_raw()), "{}", terminal.shown());
            assert_eq!(terminal.settings(), before, "{signal:?}");
        }
    }
}

#[test]
fn a_login_that_fails_leaves_the_terminal_as_it_was() {
    if !has_sessions() {
        return;
    }
    let service = with(vec![pasted()]);
    let mut terminal = Terminal::new();
    let before = terminal.settings();
    terminal.run(&login(&service), "");
    terminal.expect("waiting for redirect");
    service.say(Answer::Failure(failure(7)));
    terminal.expect("\r\x1b[Ktok: what happened [31m7\r\nhint: what to do\r\n");
    assert_eq!(terminal.end().code(), Some(7));
    assert_eq!(terminal.settings(), before);
}

#[test]
fn in_the_background_it_waits_without_the_terminal() {
    if !has_sessions() {
        return;
    }
    let service = with(vec![pasted()]);
    let mut terminal = Terminal::new();
    let before = terminal.settings();
    terminal.script("set -m; \"$@\" <\"$TERMINAL\" & wait $!; echo \"[ended $?]\"", &login(&service));
    terminal.expect("tok has no terminal to read it from");
    terminal.expect("waiting for redirect");
    assert_eq!(terminal.settings(), before);
    service.finish();
    terminal.expect("logged in to x");
    terminal.expect("[ended 0]");
    assert!(terminal.end().success());
}

#[test]
fn a_suspended_login_goes_on_where_it_was() {
    if !has_sessions() {
        return;
    }
    let service = with(vec![pasted()]);
    let mut terminal = Terminal::new();
    let script = "set -m; \"$@\"; echo \"[stopped $?]\"; read -r _; fg; echo \"[ended $?]\"";
    terminal.script(script, &login(&service));
    terminal.expect("waiting for redirect");
    terminal.hit("half of\x1a");
    terminal.expect("[stopped ");
    assert!(terminal.echoes());
    terminal.hit("\r");
    // It hides what is typed again as soon as it goes on.
    terminal.expect_hidden();
    terminal.hit(&format!("{RIGHT}\r"));
    terminal.expect("[ended 0]");
    assert!(terminal.end().success());
    assert!(!terminal.shown().contains("half"), "{}", terminal.shown());
}
