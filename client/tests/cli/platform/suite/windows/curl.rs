//! `tok curl`: the token travels through a pipe of its own.

use std::fs;

use crate::cli::daemon::{Daemon, credential};
use crate::cli::platform;
use crate::cli::tok::{run, tok};

#[test]
fn the_token_travels_through_a_pipe_that_is_read_once() {
    let daemon = Daemon::giving(|get| credential(&get.account, r#"T0k"e\n"#));
    platform::copy_program(&std::env::current_exe().expect("a path"), &daemon.home().join("curl.exe"));
    let mut command = tok(&daemon, &["curl", "x", "--", "-q", "-sS", "https://example.com/?a=1&b=2"]);
    command.env("PATH", daemon.home());
    let run = run(command);
    assert_eq!((run.code, run.err.as_str()), (42, ""), "{run:?}");
    let read = |name: &str| fs::read_to_string(daemon.home().join(name)).unwrap_or_default();
    assert_eq!(read("config"), "header = \"Authorization: Bearer T0k\\\"e\\\\n\"\n");
    assert_eq!(read("read"), "once");
    let arguments = read("arguments");
    let lines: Vec<&str> = arguments.lines().collect();
    assert_eq!((lines[0], lines[1]), ("-q", "--config"));
    assert!(lines[2].starts_with(r"\\.\pipe\tok-"), "{arguments}");
    assert_eq!(lines[3..], ["-q", "-sS", "https://example.com/?a=1&b=2"]);
    assert!(!arguments.contains("T0k"));
}

#[test]
fn a_machine_without_curl_says_so() {
    let daemon = Daemon::giving(|get| credential(&get.account, "T"));
    let mut command = tok(&daemon, &["curl", "x", "--", "u"]);
    command.env("PATH", daemon.home().join("empty"));
    run(command).failed_with(127);
}
