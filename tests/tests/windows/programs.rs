//! Programs: those that print a secret, and those that get one.

use std::fs;
use std::path::PathBuf;

use tokend_tests::accounts::static_token;
use tokend_tests::platform::is_running;
use tokend_tests::sandbox::{Sandbox, eventually, run, write_program};

/// A script of this name, which can be run.
fn script(sandbox: &Sandbox, name: &str, lines: &str) -> PathBuf {
    let path = sandbox.home().join(format!("{name}.cmd"));
    let text = format!("@echo off\n{lines}\n").replace('\n', "\r\n");
    write_program(&path, 0o700, text.as_bytes());
    path
}

fn account(name: &str, program: &str) -> String {
    format!(
        "[accounts.{name}]\ntype = 'static'\ntoken = {{ command = ['{program}'] }}\nrefresh = 'on-demand'\n"
    )
}

#[test]
fn a_script_prints_a_secret_without_the_end_of_its_line() {
    let sandbox = Sandbox::new();
    let path = script(&sandbox, "printer", "echo printed-secret");
    sandbox.configure(&account("a", &path.display().to_string()));
    let _daemon = sandbox.start();
    let said = sandbox.tok(["get", "a"]);
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "printed-secret\n", ""));
}

#[test]
fn a_program_is_found_by_its_name_in_path_and_check_shows_which() {
    let sandbox = Sandbox::new();
    let path = script(&sandbox, "my-printer", "echo found-secret");
    sandbox.configure(&account("a", "my-printer"));
    let folders = [sandbox.home(), PathBuf::from(r"C:\windows\system32")];
    let folders = std::env::join_paths(folders).expect("folders");
    let shown = run(sandbox.command("tokend").env("PATH", &folders).arg("check"));
    assert!(shown.stdout.to_lowercase().contains(&path.display().to_string().to_lowercase()), "{shown:?}");
    let _daemon = sandbox.start_with(|command| {
        command.env("PATH", &folders);
    });
    assert_eq!(sandbox.token("a"), "found-secret");
}

#[test]
fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
    let sandbox = Sandbox::new();
    // The one that it starts says who it is, and waits for what never comes.
    let lines = "start /b cmd /c \"echo begun>%~dp0begun & ping -n 1000 127.0.0.1 >nul\"\nping -n 1000 127.0.0.1 >nul";
    let path = script(&sandbox, "slow", lines);
    sandbox.configure(&format!(
        "[daemon]\ncommand_timeout = '3s'\n{}",
        account("slow", &path.display().to_string())
    ));
    let daemon = sandbox.start();
    let said = sandbox.tok(["get", "slow"]);
    assert_eq!((said.code, said.stdout.as_str()), (6, ""), "{said:?}");
    assert!(said.error().0.contains("did not end within 3s"), "{said:?}");
    let _begun = eventually("what it started runs", || fs::read(sandbox.home().join("begun")).ok());
    // While any of them lived, the folder in which they are could not be removed.
    assert!(is_running(daemon.pid()));
    assert!(daemon.stop().success());
}

#[test]
fn exec_gives_a_token_to_a_program_and_ends_as_it_does() {
    let sandbox = Sandbox::new();
    sandbox.configure(&(static_token(&sandbox, "a", "token-a") + &static_token(&sandbox, "b", "token-b")));
    let _daemon = sandbox.start();
    let path = script(&sandbox, "shows", "echo %A_TOKEN% %B_TOKEN% %1\nexit 42");
    let path = path.display().to_string();
    let said = sandbox.tok(["exec", "A_TOKEN=a", "B_TOKEN=b", "--", &path, "word"]);
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (42, "token-a token-b word\r\n", ""),);
}

#[test]
fn exec_puts_a_token_into_a_file_that_goes_with_its_program() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "token-a"));
    let _daemon = sandbox.start();
    let path = script(&sandbox, "shows", "echo %T%\ntype \"%T%\"\nexit 7");
    let said = sandbox.tok(["exec", "--file", "T=a", "--", &path.display().to_string()]);
    assert_eq!(said.code, 7, "{said:?}");
    let (file, token) = said.stdout.split_once("\r\n").expect("a path and a token");
    assert_eq!(token.trim_end(), "token-a", "{said:?}");
    assert!(!std::path::Path::new(file).exists(), "{said:?}");
}
