//! What it refuses, and what it says then.

use std::fs;
use std::path::Path;

use tokend_tests::sandbox::{self, Sandbox, run};

use crate::home::Home;

#[track_caller]
fn refuses(said: &sandbox::Said, code: i32, what: &str, hint: &str) {
    let lines: Vec<_> = said.stderr.lines().collect();
    assert_eq!((said.code, lines.len(), said.stdout.as_str()), (code, 2, ""), "{said:?}");
    assert!(lines[0].starts_with("tokend: ") && lines[0].contains(what), "{said:?}");
    assert!(lines[1].starts_with("hint: ") && lines[1].contains(hint), "{said:?}");
}

#[test]
fn root_is_told_to_say_it_as_the_user() {
    if !sandbox::is_root() {
        sandbox::skip("install as root", "this is not root");
        return;
    }
    let sandbox = Sandbox::new();
    let said = run(sandbox.command("tokend").arg("install"));
    refuses(&said, 1, "you are root", "as the user");
    let said = run(sandbox.command("tokend").arg("install").env("SUDO_USER", "alice"));
    refuses(&said, 1, "you are root", "without sudo, as alice");
}

#[test]
fn without_systemd_it_names_the_other_way() {
    if Path::new("/run/systemd/system").exists() {
        sandbox::skip("install without systemd", "systemd runs here");
        return;
    }
    let home = Home::new();
    let before = home.tree();
    fs::remove_file(home.at("bin/systemctl")).expect("removed");
    let said = home.run(&["install"]);
    refuses(&said, 1, "systemd does not run this machine", r#"eval "$(tokend env)""#);
    let mut command = home.command(&home.tokend());
    let said = run(command.arg("install").env_remove("XDG_RUNTIME_DIR"));
    refuses(&said, 1, "systemd does not run this machine", r#"eval "$(tokend env)""#);
    assert_eq!(home.tree(), before);
}

#[test]
fn a_program_that_the_next_clean_up_takes_away_is_no_program_for_a_service() {
    let home = Home::new();
    home.put(".cargo/CACHEDIR.TAG", "");
    let before = home.tree();
    let said = home.run(&["install"]);
    refuses(&said, 1, "which a clean-up empties", "cargo install");
    assert_eq!(home.tree(), before);
}

#[test]
fn a_masked_unit_was_somebody_s_decision() {
    let home = Home::new();
    fs::write(home.at("told/mask.tokend.service"), "").expect("a file");
    refuses(&home.run(&["install"]), 1, "tokend.service is masked", "systemctl --user unmask tokend.service");
}

#[test]
fn a_home_that_cannot_be_written_is_said() {
    let home = Home::new();
    home.put(".local/state", "a file");
    let before = home.tree();
    refuses(&home.run(&["install"]), 1, ".local/state/tokend/installed.json", "once more");
    assert_eq!(home.tree(), before);

    let home = Home::new();
    home.close("", 0o500);
    let before = home.tree();
    let said = home.run(&["install"]);
    home.close("", 0o700);
    refuses(&said, 1, "Permission denied", "the home must be writable");
    assert_eq!((home.tree(), home.told()), (before, Vec::new()));
}

#[test]
fn a_daemon_that_env_started_makes_way_and_one_in_the_foreground_is_named() {
    let home = Home::new();
    let said = home.run(&["env"]);
    assert_eq!(said.code, 0, "{said:?}");
    let would = home.done(&["install", "--dry-run"]);
    assert!(would.contains("would stop     the tokend that `tokend env` started"), "{would}");
    let said = home.done(&["install"]);
    assert!(said.contains("stopped   the tokend that `tokend env` started"), "{said}");
    assert_eq!(home.run(&["env", "-k"]).code, 1);
    home.done(&["uninstall"]);

    let home = Home::new();
    let mut daemon =
        home.command(&home.tokend()).stderr(std::process::Stdio::null()).spawn().expect("tokend");
    sandbox::eventually("it serves", || {
        let listed = run(home.command(&home.tokend().with_file_name("tok")).arg("list"));
        (listed.code == 0).then_some(())
    });
    let before = home.tree();
    let said = home.run(&["install"]);
    let unchanged = home.tree() == before;
    let stopped = home.run(&["env", "-k"]);
    daemon.wait().expect("it ends");
    refuses(&said, 69, "tokend runs already, as process", "tokend env -k");
    assert!(unchanged);
    assert_eq!(stopped.code, 0, "{stopped:?}");
}
