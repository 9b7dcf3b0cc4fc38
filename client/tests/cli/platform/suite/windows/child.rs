//! `tok exec`: this system has no exec, so tok stays, and is what it runs as far as one can see.

use std::fs;
use std::path::PathBuf;

use crate::cli::daemon::{Daemon, credential};
use crate::cli::platform;
use crate::cli::tok::{Run, run, tok};

fn two_accounts() -> Daemon {
    Daemon::giving(|get| credential(&get.account, &format!("token of {}", get.account)))
}

fn exec(daemon: &Daemon, words: &[&str]) -> Run {
    run(tok(daemon, &[&["exec"], words].concat()))
}

/// A program that says what is in a variable.
fn program(daemon: &Daemon) -> PathBuf {
    let path = daemon.home().join("program.exe");
    platform::copy_program(&std::env::current_exe().expect("a path"), &path);
    path
}

#[test]
fn tokens_are_in_the_environment_and_all_32_bits_of_the_programs_status_are_toks() {
    let daemon = two_accounts();
    let program = program(&daemon);
    let program = program.to_str().expect("UTF-8");
    for status in ["0", "7", "256", "3221225477"] {
        let run = exec(&daemon, &["A=x", "B=y", "--", program, "A", status, "a b", "c\"d"]);
        assert_eq!(run.out, "token of x|a b|c\"d\n", "{run:?}");
        assert_eq!(run.code.cast_unsigned().to_string(), status, "{run:?}");
    }
    // Without its ending, and by its name alone in PATH.
    let without = program.strip_suffix(".exe").expect("an ending");
    assert_eq!(exec(&daemon, &["B=y", "--", without, "B", "0"]).printed(), "token of y|\n");
    let mut by_name = tok(&daemon, &["exec", "B=y", "--", "program", "B", "0"]);
    by_name.env("PATH", daemon.home());
    assert_eq!(run(by_name).printed(), "token of y|\n");
    // The folder that one is in is no folder of PATH.
    let mut nearby = tok(&daemon, &["exec", "B=y", "--", "program", "B", "0"]);
    nearby.current_dir(daemon.home());
    run(nearby).failed_with(127);
}

#[test]
fn a_script_of_cmd_is_a_program() {
    let daemon = two_accounts();
    fs::write(daemon.home().join("script.cmd"), "@echo %A%\r\n@exit 7\r\n").expect("a file");
    let mut command = tok(&daemon, &["exec", "A=x", "--", "script"]);
    command.env("PATH", format!("{};{}", daemon.home().display(), platform::USUAL_PATH));
    let run = run(command);
    assert_eq!((run.code, run.out.trim_end()), (7, "token of x"), "{run:?}");
}

#[test]
fn a_file_is_there_for_the_program_and_gone_at_the_end() {
    let daemon = two_accounts();
    let program = program(&daemon);
    let run = exec(&daemon, &["--file", "F=x", "--", program.to_str().expect("UTF-8"), "F", "300"]);
    assert_eq!((run.code, run.out.as_str()), (300, "token of x|\n"), "{run:?}");
    let left = fs::read_dir(daemon.home().join(r"state\tokend\run")).expect("a folder");
    assert_eq!(left.count(), 0);
}

#[test]
fn what_tok_cannot_do_is_125_and_what_cannot_be_run_126_or_127() {
    let daemon = two_accounts();
    for words in [
        &["Path=x", "--", "cmd"][..],
        &["COMSPEC=x", "--", "cmd"],
        &["systemroot=x", "--", "cmd"],
        &["PSModulePath=x", "--", "cmd"],
        &["PathExt=x", "--", "cmd"],
        &["ld_preload=x", "--", "cmd"],
        &["a=x", "A=y", "--", "cmd"],
    ] {
        exec(&daemon, words).failed_with(125);
    }
    assert!(daemon.asked().is_empty());
    let plain = daemon.home().join("plain.exe");
    fs::write(&plain, "no program").expect("a file");
    exec(&daemon, &["A=x", "--", plain.to_str().expect("UTF-8")]).failed_with(126);
    exec(&daemon, &["A=x", "--", r"C:\nonexistent\program"]).failed_with(127);
    exec(&daemon, &["A=x", "--", "no-such-program"]).failed_with(127);
}
