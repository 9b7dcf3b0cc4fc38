//! `tok status --watch`: what a person sees of the real programs, at terminals of several sizes, and that the terminal
//! is as before after every way out.

#![cfg(has_terminals)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod changes;
mod pty;
mod ways_out;

use tokend_tests::platform::Signal;
use tokend_tests::sandbox::{Said, Sandbox, program_path, write_private};
use tokend_tests::terminal::Terminal;

use self::pty::{Pty, has_sessions};

/// An account whose program prints a token, and one whose secret is missing.
const TWO: &str = "\
[accounts.good]
type = 'command'
command = ['echo', 'abc']
lifetime = '12h'
[accounts.bad]
type = 'static'
token = { file = '~/日本語' }
";

/// So many accounts that all is well with.
fn many(count: usize) -> String {
    let account = |number| {
        format!("[accounts.a{number:03}]\ntype = 'command'\ncommand = ['echo', 'x']\nlifetime = '2h'\n")
    };
    (0..count).map(account).collect::<Vec<_>>().concat()
}

#[test]
fn a_person_sees_each_account_and_what_changes() {
    if !has_sessions() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let _daemon = sandbox.start();
    let mut pty = Pty::new();
    let before = pty.settings();
    pty.run(&sandbox, &["status", "--watch"]);
    let screen = pty.wait_for("1 parked, 1 fresh");
    assert!(screen.contains("2 accounts"), "{screen}");
    assert!(screen.contains("hint: "), "{screen}");
    assert!(screen.trim_end().ends_with("q quits"), "{screen}");
    // The one that needs a person is above the other; its message, of wide characters, moves nothing.
    assert!(screen.find("bad ") < screen.find("good "), "{screen}");
    assert!(screen.contains("日本語"), "{screen}");
    assert_eq!(pty.is_taken(), (true, true));
    assert!(pty.written().contains("\x1b[31mparked"), "{:?}", pty.written());

    write_private(&sandbox.home().join("日本語"), b"hunter2");
    let screen = pty.wait_for("2 accounts: 2 fresh");
    assert!(!screen.contains("hint: "), "{screen}");
    assert_eq!(sandbox.tok(["lock"]).code, 0);
    pty.wait_for("2 accounts: 2 locked");
    assert_eq!(sandbox.tok(["unlock"]).code, 0);
    pty.wait_for("2 accounts: 2 fresh");
    sandbox.configure(&TWO.replace("good", "other"));
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    pty.wait_for("other    fresh");
    pty.hit("q");
    assert!(pty.end().success());
    assert_eq!(pty.is_taken(), (false, false));
    assert_eq!(pty.settings(), before);
    assert!(!pty.screen().contains("accounts"), "{}", pty.screen());
    assert!(!pty.written().contains("hunter2"));
}

#[test]
fn what_does_not_change_is_not_written_again() {
    if !has_sessions() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let _daemon = sandbox.start();
    let mut pty = Pty::new();
    pty.run(&sandbox, &["status", "--watch", "good"]);
    let first = pty.wait_for("good     fresh");
    let time = |screen: &str| screen.lines().next().map(|line| line[line.len() - 8..].to_owned());
    // Three more seconds are shown, in which nothing but the time changes.
    for _ in 0..3 {
        let now = time(&pty.screen());
        pty.wait_until("the time goes on", |screen| time(screen) != now);
    }
    assert_eq!(pty.written().matches("LIFE LEFT").count(), 1, "{:?}", pty.written());
    assert!(!pty.written().contains("\x1b[2J"), "{:?}", pty.written());
    assert!(first.contains("1 account: 1 fresh"), "{first}");
    pty.hit("q");
    assert!(pty.end().success());
}

#[test]
fn without_colour_there_is_none() {
    if !has_sessions() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let _daemon = sandbox.start();
    let mut pty = Pty::new();
    pty.script(&sandbox, "exec \"$@\"", &["status", "--watch"], |command| {
        command.env("NO_COLOR", "1");
    });
    pty.wait_for("1 parked, 1 fresh");
    pty.hit("q");
    assert!(pty.end().success());
    let written = pty.written();
    // The one sequence of colours (SGR) ends all that were there before.
    let is_colour = |sequence: &&str| {
        sequence.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
    };
    let colours: Vec<&str> = written.split("\x1b[").skip(1).filter(is_colour).collect();
    assert_eq!(colours, ["0m"], "{written:?}");
}

#[test]
fn every_size_is_drawn_for() {
    if !has_sessions() {
        return;
    }
    let sandbox = Sandbox::new();
    let bad = "[accounts.bad]\ntype = 'static'\ntoken = { env = 'NOT_THERE' }\n";
    sandbox.configure(&(many(60) + bad));
    let _daemon = sandbox.start();
    let mut pty = Pty::new();
    pty.run(&sandbox, &["status", "--watch"]);
    pty.wait_for("60 fresh");
    for (columns, lines) in [(20, 5), (120, 40), (40, 10), (200, 100), (80, 24)] {
        pty.resize(columns, lines);
        pty.wait_until("the new size is filled", |screen| {
            let shown: Vec<&str> = screen.lines().collect();
            shown.len() == usize::from(lines)
                && shown[0].starts_with("tokend ")
                && shown[1..4].iter().any(|line| line.contains("parked"))
                && shown[shown.len() - 1].starts_with("q quits")
        });
    }
    // Arrows, letters and pages.
    let second = |screen: &str| screen.lines().nth(2).map(|line| line[..4].to_owned());
    for (keys, expected) in [
        ("G", "a039"),
        ("k", "a038"),
        ("\x1b[B", "a039"),
        ("\x1b[H", "bad "),
        ("\x1b[6~", "a017"),
        ("\x1b[5~", "bad "),
    ] {
        pty.hit(keys);
        pty.wait_until(expected, |screen| second(screen).as_deref() == Some(expected));
    }
    pty.hit("q");
    assert!(pty.end().success());
}

#[test]
fn a_daemon_that_goes_away_or_hangs_is_shown_and_waited_for() {
    if !has_sessions() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let daemon = sandbox.start();
    let mut pty = Pty::new();
    pty.run(&sandbox, &["status", "--watch"]);
    pty.wait_for("1 parked, 1 fresh");
    assert!(daemon.stop().success());
    let screen = pty.wait_for("tokend has not been running for ");
    assert!(screen.contains("; trying again") && screen.contains("good "), "{screen}");
    let daemon = sandbox.start();
    pty.wait_for("1 parked, 1 fresh");
    daemon.signal(Signal::STOP);
    pty.wait_for("tokend has not answered for 4s; trying again");
    // The screen is as quick as ever.
    pty.resize(60, 10);
    pty.wait_until("the new size is filled", |screen| {
        screen.lines().count() == 10 && screen.lines().last().is_some_and(|line| line.starts_with("q quits"))
    });
    daemon.signal(Signal::CONT);
    pty.wait_for("1 parked, 1 fresh");
    daemon.signal(Signal::STOP);
    pty.wait_for("tokend has not answered for ");
    pty.hit("q");
    assert!(pty.end().success());
    daemon.signal(Signal::CONT);
}

#[test]
fn in_tmux_it_looks_the_same() {
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let _daemon = sandbox.start();
    let Some(terminal) = Terminal::open(&sandbox, "tok status --watch in tmux", (80, 24), |command| {
        let tok = program_path("tok");
        let folder = tok.parent().expect("a folder").display();
        command.env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap_or_default()));
    }) else {
        return;
    };
    let before = terminal.prompt().expect("a shell that waits");
    terminal.line("tok status --watch");
    terminal.wait_for("1 parked, 1 fresh");
    terminal.wait_for("good     fresh   ████");
    terminal.press("q");
    assert_eq!(terminal.wait_for_prompt(before), 0);
    assert!(!terminal.screen().contains("parked"), "{}", terminal.screen());
    // Resized while a program has the whole screen, tmux itself leaves a line of that behind, less' too.
    let before = terminal.prompt().expect("a shell that waits");
    terminal.line("tok status --watch");
    terminal.wait_for("good     fresh   ████");
    terminal.resize(120, 24);
    terminal.wait_for("good     command  fresh   ████");
    let coloured = terminal.coloured();
    assert!(coloured.contains("\x1b[31mparked"), "{coloured:?}");
    terminal.press("q");
    assert_eq!(terminal.wait_for_prompt(before), 0);
}

#[test]
fn what_cannot_be_is_refused_and_the_way_out_is_named() {
    let sandbox = Sandbox::new();
    sandbox.configure(TWO);
    let stopped = sandbox.tok(["status", "--watch", "--json"]);
    assert_eq!(stopped.code, 8, "{stopped:?}");
    let _daemon = sandbox.start();
    let refused = |said: &Said, what: &str| {
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{said:?}");
        assert!(said.error().0.contains(what), "{said:?}");
    };
    let said = sandbox.tok(["status", "--watch"]);
    refused(&said, "standard output is no terminal");
    assert!(said.error().1.contains("tok status --watch --json"), "{said:?}");
    refused(&sandbox.tok(["status", "--watch", "--check"]), "--check");
    assert_eq!(sandbox.tok(["status", "--watch", "--json", "nobody"]).code, 3);
    if !has_sessions() {
        return;
    }
    for term in ["dumb", ""] {
        let mut pty = Pty::new();
        pty.script(&sandbox, "\"$@\"; echo \"[ended $?]\"", &["status", "--watch"], |command| {
            command.env("TERM", term);
        });
        let screen = pty.wait_for("[ended 2]");
        assert!(screen.contains("cannot draw a line anew"), "{screen}");
        assert!(!pty.written().contains('\x1b'), "{:?}", pty.written());
        assert!(pty.end().success());
    }
}
