//! In a real `systemd --user`: from an empty home to a token and back.

use std::fs;

use tokend_tests::sandbox::{Said, eventually};
use tokend_tests::user_manager::{Session, USER};

fn tokend(session: &Session, words: &[&str]) -> Said {
    let tokend = session.home().join(".cargo/bin/tokend");
    session.run(&[&[tokend.to_str().expect("a path")], words].concat())
}

#[track_caller]
fn done(session: &Session, words: &[&str]) -> String {
    let said = tokend(session, words);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}\n{}", session.log());
    said.stdout
}

fn found(session: &Session) -> Vec<String> {
    let said = session.run(&["find", ".", "-path", "./.cargo", "-prune", "-o", "-print"]);
    let mut lines: Vec<_> = said.stdout.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn from_an_empty_home_to_a_token_and_back_leaves_nothing_behind() {
    let Some(session) = Session::start_or_skip("tokend install under a real systemd --user") else { return };
    session.put_programs(".cargo/bin");
    let before = found(&session);
    let would = done(&session, &["install", "--dry-run"]);
    assert!(would.contains("would start    tokend.socket, tokend.service"), "{would}");
    assert_eq!(found(&session), before);

    let said = done(&session, &["install"]);
    for line in ["enabled   tokend.socket, tokend.service", "started   tokend.socket, tokend.service"] {
        assert!(said.contains(line), "{line} in {said}");
    }
    for unit in ["tokend.socket", "tokend.service"] {
        assert_eq!(session.state(unit), "active");
        assert_eq!(session.property(unit, "UnitFileState"), "enabled");
    }
    assert_eq!(session.tok(&["status"]).code, 0);
    assert_eq!(done(&session, &["install"]), "installed already: nothing to change\n");

    // By its socket alone, with an account.
    let secret = session.put("a.secret", b"installed-token\n", 0o600);
    session
        .configure(&format!("[accounts.a]\ntype = 'static'\ntoken = {{ file = '{}' }}\n", secret.display()));
    session.systemctl(&["stop", "tokend.service"]);
    assert_eq!(session.token("a"), "installed-token\n");

    // A newer program takes over, as after `cargo install`, and no client notices.
    let first = session.main_process();
    // systemd tells the time of the start in whole seconds.
    eventually("the program is newer than the one that runs", || {
        session.put_programs(".cargo/bin");
        done(&session, &["install", "--dry-run"]).contains("would restart").then_some(())
    });
    let said = done(&session, &["install"]);
    assert!(said.contains("restarted tokend.service"), "{said}");
    assert_ne!(session.main_process(), first);
    assert_eq!(session.token("a"), "installed-token\n");
    assert_eq!(done(&session, &["install"]), "installed already: nothing to change\n");

    let said = done(&session, &["uninstall"]);
    assert!(said.contains("kept      ~/.config/tokend: your configuration"), "{said}");
    for unit in ["tokend.socket", "tokend.service"] {
        assert_eq!(session.property(unit, "LoadState"), "not-found");
    }
    assert!(!session.inside(&format!("run/user/{USER}/tokend")).exists());
    assert_eq!(session.tok(&["get", "a"]).code, 8);
    let own =
        ["./.config/tokend", "./.local/state/tokend", "./.local/share/tokend", "./a.secret", "./tokend.log"];
    let above = ["./.config", "./.local", "./.local/state", "./.local/share"];
    let is_left = |line: &&String| {
        !before.contains(line)
            && !own.iter().any(|own| line.starts_with(own))
            && !above.contains(&line.as_str())
    };
    assert_eq!(found(&session).iter().filter(is_left).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn an_untouched_home_is_again_as_it_was_though_the_service_ran() {
    let Some(session) = Session::start_or_skip("tokend uninstall under a real systemd --user") else {
        return;
    };
    session.put_programs(".cargo/bin");
    let before = found(&session);
    done(&session, &["install"]);
    assert_eq!(session.tok(&["list"]).code, 0);
    let said = done(&session, &["uninstall"]);
    let state = "./.local/state/tokend";
    let left: Vec<_> = found(&session).into_iter().filter(|line| !before.contains(line)).collect();
    assert!(left.iter().all(|line| state.starts_with(line) || line.starts_with(state)), "{left:?}\n{said}");
}

#[test]
fn a_faulty_configuration_is_said_and_the_next_one_goes_on() {
    let Some(session) = Session::start_or_skip("an install that fails under a real systemd --user") else {
        return;
    };
    session.put_programs(".cargo/bin");
    session.configure("[accounts.a]\ntype = 'statik'\n");
    let said = tokend(&session, &["install"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("hint: `tokend check` shows a faulty configuration"), "{said:?}");
    session.configure("");
    let said = done(&session, &["install"]);
    assert!(!said.contains("wrote"), "{said}");
    assert_eq!(session.state("tokend.service"), "active");
}

#[test]
fn a_shell_without_the_session_s_variables_finds_it_and_one_of_another_user_is_told() {
    let Some(session) = Session::start_or_skip("installing without a session's variables") else { return };
    session.put_programs(".cargo/bin");
    let tokend = session.home().join(".cargo/bin/tokend");
    let tokend = tokend.to_str().expect("a path");
    let said = session.run(&["env", "-u", "XDG_RUNTIME_DIR", tokend, "install"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    done(&session, &["uninstall"]);
    // As `su` leaves it; the user's own folder is there, and is taken.
    let others = session.inside("run/user/0");
    fs::create_dir_all(&others).expect("a folder");
    let said = session.run(&["env", "XDG_RUNTIME_DIR=/run/user/0", tokend, "install", "--dry-run"]);
    assert_eq!(said.code, 0, "{said:?}");
}
