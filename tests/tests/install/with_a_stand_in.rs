//! What lies in the home after each, where systemd only says yes.

use std::fs;

use crate::home::Home;
use tokend_tests::platform::{self, symlink};

const SERVICE: &str = ".config/systemd/user/tokend.service";

/// All that it writes into an empty home.
const FILES: [&str; 13] = [
    SERVICE,
    ".config/systemd/user/tokend.socket",
    ".config/tokend/config.toml",
    ".local/share/bash-completion/completions/tok",
    ".local/share/bash-completion/completions/tokend",
    ".local/share/fish/vendor_completions.d/tok.fish",
    ".local/share/fish/vendor_completions.d/tokend.fish",
    ".local/share/man/man1/tok.1",
    ".local/share/man/man5/tokend.toml.5",
    ".local/share/man/man8/tokend.8",
    ".local/share/zsh/site-functions/_tok",
    ".local/share/zsh/site-functions/_tokend",
    ".local/state/tokend/installed.json",
];

#[test]
fn an_empty_home_gets_units_configuration_completions_and_pages_and_a_line_says_each() {
    let home = Home::new();
    let said = home.done(&["install"]);
    let files: Vec<_> = home.tree().into_iter().filter(|(_, content)| content != "/").collect();
    let expected: Vec<_> = FILES.iter().map(|path| home.inside(path)).collect();
    assert_eq!(files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>(), expected);
    for path in &FILES[..12] {
        assert!(said.contains(&format!("wrote     ~/{path}\n")), "{path} in {said}");
    }
    let own = format!("\nExecStart={}\n", home.tokend().display());
    assert!(home.text(SERVICE).contains(&own), "{}", home.text(SERVICE));
    assert_eq!(
        home.told(),
        ["daemon-reload", "enable tokend.socket tokend.service", "start tokend.socket tokend.service"]
    );
    assert!(said.contains("note: it runs while you are logged in"), "{said}");
    assert!(!said.contains("environment.d"), "{said}");
    let mode = |path: &str| platform::mode(home.inside(path)).expect("it is there");
    assert_eq!((mode(".config/tokend"), mode(".config/tokend/config.toml")), (0o700, 0o600));
    assert!(home.run(&["check"]).code == 0);
}

#[test]
fn the_example_is_right_also_without_its_hashes() {
    let home = Home::new();
    home.done(&["install"]);
    let example = home.text(".config/tokend/config.toml");
    let is_key = |line: &str| line.starts_with("# [") || line.contains(" = ");
    let lines: Vec<_> = example
        .lines()
        .filter(|line| is_key(line))
        .map(|line| line.trim_start_matches("# ").replace("# ", "#"))
        .collect();
    assert!(lines.len() > 15, "{lines:?}");
    home.put(".config/tokend/config.toml", &lines.join("\n"));
    let said = home.run(&["check"]);
    assert_eq!(said.code, 0, "{said:?}\n{lines:?}");
}

#[test]
fn a_dry_run_shows_the_same_and_touches_nothing() {
    let home = Home::new();
    let before = home.tree();
    let would = home.done(&["install", "--dry-run"]);
    assert_eq!((home.tree(), home.told()), (before, Vec::new()));
    let done = home.done(&["install"]);
    assert_eq!(steps(&would), steps(&done));

    let before = home.tree();
    home.told();
    let would = home.done(&["uninstall", "--dry-run"]);
    assert_eq!((home.tree(), home.told()), (before, Vec::new()));
    let done = home.done(&["uninstall"]);
    assert_eq!(steps(&would), steps(&done));
}

/// What was, or would be, done, without the word that says which.
fn steps(said: &str) -> Vec<String> {
    let is_step = |line: &&str| !line.starts_with("note: ") && !line.starts_with("kept ");
    let lines = said.lines().filter(is_step).map(|line| line.strip_prefix("would ").unwrap_or(line));
    lines.filter_map(|line| Some(line.split_once(' ')?.1.trim_start().to_owned())).collect()
}

#[test]
fn the_second_changes_nothing_and_says_so() {
    let home = Home::new();
    home.done(&["install"]);
    let before = home.tree();
    home.told();
    assert_eq!(home.done(&["install"]), "installed already: nothing to change\n");
    assert_eq!((home.tree(), home.told()), (before, Vec::new()));
}

#[test]
fn uninstall_leaves_the_home_as_it_was() {
    let home = Home::new();
    home.put(".config/other/file", "theirs");
    let before = home.tree();
    home.done(&["install"]);
    home.told();
    let said = home.done(&["uninstall"]);
    assert_eq!(home.tree(), before, "{said}");
    assert_eq!(
        home.told(),
        ["stop tokend.socket tokend.service", "disable tokend.socket tokend.service", "daemon-reload"]
    );
    assert_eq!(home.done(&["uninstall"]), "nothing is installed for this user: nothing to take away\n");
}

#[test]
fn what_the_user_wrote_or_changed_is_neither_replaced_nor_removed() {
    let home = Home::new();
    home.put(".config/tokend/config.toml", "# mine\n");
    home.put(".local/share/man/man1/tok.1", "my own page\n");
    fs::create_dir_all(home.inside(".local/share/zsh/site-functions")).expect("a folder");
    symlink(home.at("elsewhere"), home.inside(".local/share/zsh/site-functions/_tok")).expect("a link");
    let said = home.done(&["install"]);
    for kept in ["man/man1/tok.1: not of install's making", "site-functions/_tok: a link of somebody's own"] {
        assert!(said.contains(kept), "{kept} in {said}");
    }
    home.put(SERVICE, "[Service]\nExecStart=/changed\n");
    let said = home.done(&["install"]);
    assert!(said.contains("tokend.service: changed since install wrote it"), "{said}");
    let said = home.done(&["uninstall"]);
    assert!(said.contains("kept      ~/.config/systemd/user/tokend.service: changed"), "{said}");
    assert!(said.contains("kept      ~/.config/tokend: your configuration"), "{said}");
    assert_eq!(home.text(SERVICE), "[Service]\nExecStart=/changed\n");
    assert_eq!(home.text(".config/tokend/config.toml"), "# mine\n");
    assert_eq!(home.text(".local/share/man/man1/tok.1"), "my own page\n");
    assert!(!home.inside(".config/systemd/user/tokend.socket").exists());
}

#[test]
fn a_configuration_that_was_made_of_the_example_stays() {
    let home = Home::new();
    home.done(&["install"]);
    home.put(".config/tokend/config.toml", "[daemon]\nlog = 'warn'\n");
    assert_eq!(home.done(&["install"]), "installed already: nothing to change\n");
    home.done(&["uninstall"]);
    assert_eq!(home.text(".config/tokend/config.toml"), "[daemon]\nlog = 'warn'\n");
}

#[test]
fn an_older_version_s_files_are_replaced_and_those_that_are_no_more_removed() {
    let home = Home::new();
    home.done(&["install"]);
    // As another version would have written them.
    let older = "older text\n";
    let mut list: serde_json::Value =
        serde_json::from_str(&home.text(".local/state/tokend/installed.json")).expect("JSON");
    let sum = sha256(older);
    for path in [SERVICE, ".local/share/man/man1/tok.1", ".local/share/man/man1/former.1"] {
        home.put(path, older);
        let key = home.inside(path).display().to_string();
        list["files"][key] = serde_json::json!([sum]);
    }
    home.put(".local/state/tokend/installed.json", &list.to_string());
    home.told();
    let said = home.done(&["install"]);
    assert!(said.contains("replaced  ~/.config/systemd/user/tokend.service\n"), "{said}");
    assert!(said.contains("replaced  ~/.local/share/man/man1/tok.1\n"), "{said}");
    assert!(said.contains("removed   ~/.local/share/man/man1/former.1\n"), "{said}");
    assert!(home.text(SERVICE).contains("ExecStart="));
    assert!(!home.inside(".local/share/man/man1/former.1").exists());
    assert_eq!(home.told(), ["daemon-reload", "restart tokend.service"]);
    assert_eq!(home.done(&["install"]), "installed already: nothing to change\n");
}

#[test]
fn a_systemd_that_can_waits_for_the_end_of_a_reload() {
    const DROP_IN: &str = ".config/systemd/user/tokend.service.d/notify-reload.conf";
    let home = Home::new();
    home.done(&["install"]);
    assert!(!home.inside(DROP_IN).exists());
    fs::write(home.at("told/version"), "257.7-1\n").expect("written");
    let said = home.done(&["install"]);
    assert!(said.contains(&format!("wrote     ~/{DROP_IN}\n")), "{said}");
    assert!(home.text(DROP_IN).contains("\nType=notify-reload\nExecReload=\n"), "{}", home.text(DROP_IN));
    // And back: an older one would not load the unit.
    fs::write(home.at("told/version"), "252.39-1~deb12u1\n").expect("written");
    home.done(&["install"]);
    assert!(!home.inside(DROP_IN).exists());
}

#[test]
fn units_that_were_copied_by_hand_become_install_s_own() {
    let home = Home::new();
    home.put(SERVICE, tokend_tests::user_manager::SERVICE);
    let said = home.done(&["install"]);
    assert!(said.contains("replaced  ~/.config/systemd/user/tokend.service\n"), "{said}");
}

#[test]
fn one_that_stopped_half_way_is_gone_on_with() {
    let home = Home::new();
    home.put(".local/share/man/mine", "");
    home.close(".local/share/man", 0o500);
    let said = home.run(&["install"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("man/man1/tok.1: Permission denied"), "{said:?}");
    assert!(said.stderr.contains("hint: the home must be writable"), "{said:?}");
    home.close(".local/share/man", 0o700);
    // The first one has not reached systemd.
    assert_eq!(home.told(), Vec::<String>::new());
    home.done(&["install"]);
    assert_eq!(home.told().len(), 3);

    let home = Home::new();
    let before = home.tree();
    fs::write(home.at("told/refuse.start"), "").expect("a file");
    let said = home.run(&["install"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("Job for tokend.socket failed."), "{said:?}");
    assert!(said.stderr.contains("journalctl --user -u tokend"), "{said:?}");
    fs::remove_file(home.at("told/refuse.start")).expect("removed");
    home.told();
    home.done(&["install"]);
    assert_eq!(home.told(), ["daemon-reload", "start tokend.socket tokend.service"]);
    home.done(&["uninstall"]);
    assert_eq!(home.tree(), before);
}

#[test]
fn a_unit_that_the_user_has_disabled_stays_so() {
    let home = Home::new();
    home.done(&["install"]);
    home.told();
    for word in ["enable", "start"] {
        fs::remove_file(home.at(&format!("told/{word}.tokend.service"))).expect("removed");
    }
    let said = home.done(&["install"]);
    assert!(said.contains("kept      tokend.service: disabled, as you left it"), "{said}");
    assert_eq!(home.told(), Vec::<String>::new());
}

#[test]
fn units_of_a_package_are_enabled_and_none_written() {
    let home = Home::new();
    let packaged = home.at("packaged/lib/systemd/user");
    fs::create_dir_all(&packaged).expect("a folder");
    for unit in ["tokend.service", "tokend.socket"] {
        fs::write(packaged.join(unit), "").expect("a unit");
    }
    let before = home.tree();
    let said = home.done(&["install"]);
    assert!(said.contains("note: the units are those of the package"), "{said}");
    assert!(!home.inside(".config/systemd/user/tokend.service").exists());
    let told = home.told();
    assert_eq!(
        told[told.len() - 2..],
        ["enable tokend.socket tokend.service", "start tokend.socket tokend.service"]
    );
    home.done(&["uninstall"]);
    assert_eq!(home.tree(), before);
}

#[test]
fn a_session_whose_runtime_folder_is_another_is_told_where_the_socket_is() {
    let home = Home::new();
    let mut command = home.command(&home.tokend());
    let other = home.at("run/other");
    let said = tokend_tests::sandbox::run(command.arg("install").env("FAKE_RUNTIME_DIR", &other));
    assert_eq!(said.code, 0, "{said:?}");
    let written = home.text(".config/environment.d/50-tokend.conf");
    assert_eq!(written, format!("TOKEND_SOCK={}/tokend/tokend.sock\n", other.display()));
    assert!(said.stdout.contains("export TOKEND_SOCK="), "{said:?}");
}

#[test]
fn folders_that_systemd_does_not_know_are_written_into_a_drop_in() {
    let home = Home::new();
    let mut command = home.command(&home.tokend());
    let said =
        tokend_tests::sandbox::run(command.arg("install").env("XDG_DATA_HOME", home.inside("my data")));
    assert_eq!(said.code, 0, "{said:?}");
    let drop_in = home.text(".config/systemd/user/tokend.service.d/50-places.conf");
    let line = format!("Environment=\"XDG_DATA_HOME={}\"\n", home.inside("my data").display());
    assert!(drop_in.ends_with(&line), "{drop_in}");
    assert!(home.inside("my data/man/man8/tokend.8").exists());
}

fn sha256(text: &str) -> String {
    use std::fmt::Write as _;

    use sha2::{Digest as _, Sha256};
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
