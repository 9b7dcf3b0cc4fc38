//! What `tokend` says on its command line, and how it ends.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use tokend::platform;

const GOOD: &str = "[daemon]\nmin_valid = '90s'\n\n[accounts.static]\ntype = 'static'\ntoken = { env = 'A_TOKEN' }\n\n\
                    [accounts.cloud-cli]\ntype = 'command'\ncommand = ['tokend', '-c', 'echo hushed']\nlifetime = '55m'\n";

/// A home with this configuration, or none.
fn home(configuration: Option<&str>) -> TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let main = configuration_in(&home);
    // Whatever the mask is: a configuration that others can write is refused.
    platform::private_folder(main.parent().expect("its folder")).expect("a folder");
    platform::private_folder(&home.path().join("run")).expect("a folder");
    if let Some(text) = configuration {
        platform::files::replace(&main, text.as_bytes()).expect("a configuration");
    }
    home
}

fn configuration_in(home: &TempDir) -> PathBuf {
    home.path().join("config").join("tokend").join("config.toml")
}

fn program() -> PathBuf {
    // Built on another system, it has no drive.
    std::path::absolute(env!("CARGO_BIN_EXE_tokend")).expect("a path")
}

/// With nothing in its environment but what the system cannot do without.
fn bare() -> Command {
    let mut command = Command::new(program());
    command.env_clear().stdin(Stdio::null());
    if let Some(root) = std::env::var_os("SystemRoot") {
        command.env("SystemRoot", root);
    }
    command
}

fn tokend(home: &TempDir, words: &[&str]) -> Output {
    let path = home.path();
    let mut command = bare();
    if platform::surroundings().pipe.is_some() {
        // Pipes are in no folder.
        command.env("TOKEND_SOCK", format!(r"\\.\pipe\tokend-cli-{}", std::process::id()));
    }
    command
        .args(words)
        .env("HOME", path)
        .env("PATH", program().parent().expect("its folder"))
        .env("XDG_CONFIG_HOME", path.join("config"))
        .env("XDG_STATE_HOME", path.join("state"))
        .env("XDG_RUNTIME_DIR", path.join("run"))
        .output()
        .expect("tokend starts")
}

/// Exit code, standard output, standard error.
fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn version_and_help_are_for_standard_output() {
    let home = home(None);
    let version = format!("tokend {}\n", env!("CARGO_PKG_VERSION"));
    for word in ["--version", "-V"] {
        assert_eq!(said(&tokend(&home, &[word])), (Some(0), version.clone(), String::new()));
    }
    let (code, stdout, stderr) = said(&tokend(&home, &["--help"]));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for part in ["Usage: tokend", "check", "env", "foreground"] {
        assert!(stdout.contains(part), "{part} in {stdout}");
    }
    for part in ["install", "uninstall", "schema"] {
        assert!(stdout.contains(part), "{part} in {stdout}");
    }
    // What is for tokend itself is not offered.
    assert!(!stdout.contains("--background"), "{stdout}");
}

#[test]
fn check_says_whether_each_secret_is_where_it_should_be() {
    let home = home(Some(GOOD));
    let (_, stdout, _) = said(&tokend(&home, &["check"]));
    let line =
        |start: &str| stdout.lines().find(|line| line.trim_start().starts_with(start)).unwrap_or_default();
    assert!(
        line("token ").contains("variable A_TOKEN (not now: the variable A_TOKEN is not set"),
        "{stdout}"
    );
    assert!(line("command ").ends_with("(there)"), "{stdout}");
    for start in ["refresh ", "kept ", "sent as ", "callers "] {
        assert!(!line(start).is_empty(), "{start}: {stdout}");
    }
}

#[test]
fn words_that_mean_nothing_are_a_usage_error() {
    let home = home(None);
    for words in [&["chek"][..], &["--no-such-option"], &["check", "more"]] {
        let (code, stdout, stderr) = said(&tokend(&home, words));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{words:?}: {stderr}");
    }
    let (_, _, stderr) = said(&tokend(&home, &["chek"]));
    assert!(stderr.contains("'check'"), "{stderr}");
}

#[test]
fn check_prints_what_it_understood_and_no_secret() {
    let home = home(Some(GOOD));
    let (code, stdout, stderr) = said(&tokend(&home, &["check"]));
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    for part in ["config.toml", "static", "variable A_TOKEN", "cloud-cli", "55m", "1m 30s"] {
        assert!(stdout.contains(part), "{part} in {stdout}");
    }
    assert!(stdout.contains(&format!("{} with 2 arguments", program().display())), "{stdout}");
    assert!(!stdout.contains("hushed"), "{stdout}");
    // It only looks.
    assert!(!home.path().join("state").exists());
}

#[test]
fn check_shows_every_mistake_with_its_line() {
    let faulty = GOOD.replace("min_valid", "min_vald").replace("lifetime", "lifetme");
    let home = home(Some(&faulty));
    let (code, stdout, stderr) = said(&tokend(&home, &["check"]));
    assert_eq!((code, stdout.as_str()), (Some(78), ""), "{stderr}");
    for part in ["config.toml:2", "min_vald", "`min_valid`", "config.toml:11", "lifetme", "`lifetime`"] {
        assert!(stderr.contains(part), "{part} in {stderr}");
    }
    assert!(!stderr.contains("hushed"), "{stderr}");
}

#[test]
fn check_of_a_missing_configuration_says_where_to_write_one() {
    let home = home(None);
    let (code, stdout, stderr) = said(&tokend(&home, &["check"]));
    assert_eq!(code, Some(0), "{stderr}");
    let place = configuration_in(&home);
    assert!(stdout.contains(&*place.to_string_lossy()) && stdout.contains("no account"), "{stdout}");
}

#[test]
fn a_start_with_a_faulty_configuration_is_78_with_the_diagnostic_and_leaves_no_socket() {
    let home = home(Some("[accounts.a]\ntype = 'statik'\n"));
    let (code, stdout, stderr) = said(&tokend(&home, &[]));
    assert_eq!((code, stdout.as_str()), (Some(78), ""), "{stderr}");
    for part in ["config.toml:2:8", "type = 'statik'", "static", "hint: "] {
        assert!(stderr.contains(part), "{part} in {stderr}");
    }
    assert!(!home.path().join("run/tokend/tokend.sock").exists());
}

#[test]
fn without_a_home_it_says_which_variable_to_set() {
    if platform::surroundings().folders.is_some() {
        eprintln!("SKIPPED: a start without a home: this system knows its users' folders without a variable");
        return;
    }
    let output = bare().env("HOME", "relative").output().expect("tokend starts");
    let (code, stdout, stderr) = said(&output);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(stderr.contains("HOME"), "{stderr}");
}

#[test]
fn env_without_a_place_for_its_state_says_why() {
    let home = home(Some(GOOD));
    // A file where the folder should be.
    fs::write(home.path().join("state"), "").expect("a file");
    let (code, stdout, stderr) = said(&tokend(&home, &["env"]));
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(stderr.contains("state") && stderr.contains("hint: "), "{stderr}");
}
