//! Planted: programs that do not belong together.

use std::fs;

use tokend_tests::platform::remedies;
use tokend_tests::sandbox::{Sandbox, run, write_program};

use crate::{copy_program, doctor, doctor_with, first_in_path, folder, impostor, judged, sound};

#[test]
fn the_running_daemon_is_an_older_one() {
    let sandbox = Sandbox::new();
    impostor::listen(&sandbox.socket(), impostor::of_version("0.0.1"));
    let found = doctor(&sandbox);
    found.has("version", "daemon-differs", &["0.0.1", remedies::RESTART]);
    found.has("version", "old-daemon", &["health", remedies::RESTART]);
    found.has("memory", "unknown", &[]);
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn another_tokend_comes_first_in_path() {
    let sandbox = Sandbox::new();
    let folder = folder(&sandbox, "bin");
    write_program(&folder.join("tokend"), 0o700, b"#!/bin/sh\necho 'tokend 0.0.1'\n");
    let found = doctor_with(&sandbox, |tok| {
        tok.env("PATH", first_in_path(&folder));
    });
    let program = folder.join("tokend").display().to_string();
    found.has("version", "path-differs", &[&program, "0.0.1", "type -a tok tokend"]);
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn the_tokend_beside_tok_is_too_old_to_look() {
    let sandbox = Sandbox::new();
    let folder = folder(&sandbox, "bin");
    copy_program("tok", &folder.join("tok"));
    write_program(
        &folder.join("tokend"),
        0o700,
        b"#!/bin/sh\n[ \"$1\" = --version ] && echo tokend 0.0.1\nexit 2\n",
    );
    let mut tok = std::process::Command::new(folder.join("tok"));
    sandbox.surround(&mut tok);
    let found = judged(&run(tok.args(["doctor", "--json"])));
    found.has("version", "no-checks", &["older than this tok", "one release"]);
    found.has("version", "path-differs", &["0.0.1"]);
    assert_eq!(found.code, 8);
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn there_is_no_tokend() {
    let sandbox = Sandbox::new();
    let folder = folder(&sandbox, "bin");
    copy_program("tok", &folder.join("tok"));
    let mut tok = std::process::Command::new(folder.join("tok"));
    sandbox.surround(&mut tok);
    tok.env("PATH", &folder);
    let found = judged(&run(tok.args(["doctor", "--json"])));
    found.has("version", "no-program", &["neither beside tok nor in PATH", "install"]);
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn the_daemons_file_was_replaced_while_it_ran() {
    let sandbox = Sandbox::new();
    sandbox.configure(&sound(&sandbox));
    let program = folder(&sandbox, "bin").join("tokend");
    copy_program("tokend", &program);
    let daemon = sandbox.start_with(|tokend| {
        let script = format!("exec '{}'", program.display());
        sandbox.by_shell(tokend, &script);
    });
    fs::remove_file(&program).expect("removed");
    let found = doctor(&sandbox);
    let shown = program.display().to_string();
    found.has("version", "replaced", &[&shown, remedies::RESTART]);
    assert_eq!(found.code, 0);
    drop(daemon);
}
