//! `tok curl`: the token reaches curl, and nobody who lists processes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tokend_proto::message::Credential;

use crate::cli::daemon::{Daemon, credential};
use crate::cli::tok::{Run, run, tok};

/// A curl that writes its arguments and the file of its `--config` beside itself.
const CURL: &str = r#"#!/bin/sh
here=$(dirname "$0")
printf '%s\n' "$@" > "$here/arguments"
{ tr '\0' '\n' < /proc/$$/cmdline > "$here/cmdline"; } 2>/dev/null
while [ $# -gt 0 ]; do
    if [ "$1" = --config ]; then cat "$2" > "$here/config"; fi
    shift
done
exit 42
"#;

struct Seen {
    run: Run,
    arguments: String,
    config: String,
}

fn install(place: &Path) {
    let curl = place.join("curl");
    fs::write(&curl, CURL).expect("a file");
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).expect("a mode");
}

fn curl(daemon: &Daemon, words: &[&str]) -> Seen {
    install(daemon.home());
    let run = run(with_path(daemon, words));
    let read = |name: &str| fs::read_to_string(daemon.home().join(name)).unwrap_or_default();
    assert!(!read("cmdline").contains("T0k"), "{}", read("cmdline"));
    Seen { run, arguments: read("arguments"), config: read("config") }
}

fn with_path(daemon: &Daemon, words: &[&str]) -> Command {
    let mut command = tok(daemon, &[&["curl"], words].concat());
    command.env("PATH", format!("{}:/usr/bin:/bin", daemon.home().display()));
    command
}

fn header_account() -> Daemon {
    Daemon::giving(|get| credential(&get.account, r#"T0k"e\n"#))
}

/// The arguments after `--config /dev/fd/N`.
fn after_config(arguments: &str) -> Vec<&str> {
    let mut lines = arguments.lines();
    assert_eq!(lines.next(), Some("--config"));
    assert!(lines.next().is_some_and(|path| path.starts_with("/dev/fd/")), "{arguments}");
    lines.collect()
}

#[test]
fn the_token_travels_on_a_descriptor() {
    let seen = curl(&header_account(), &["x", "--", "-sS", "https://example.com/"]);
    assert_eq!((seen.run.code, seen.run.err.as_str()), (42, ""));
    assert_eq!(after_config(&seen.arguments), ["-sS", "https://example.com/"]);
    assert_eq!(seen.config, "header = \"Authorization: Bearer T0k\\\"e\\\\n\"\n");
}

fn form_account() -> Daemon {
    Daemon::giving(|get| Credential {
        scheme: String::new(),
        parameter: "authkey".to_owned(),
        ..credential(&get.account, "T0k&1")
    })
}

#[test]
fn a_form_account_sends_a_field() {
    let daemon = form_account();
    for words in [&[][..], &["-sG"], &["-GI"], &["-d", "a=1"]] {
        let seen = curl(&daemon, &[&["x", "--"], words, &["https://example.com/"]].concat());
        assert_eq!(seen.config, "data-urlencode = \"authkey=T0k&1\"\n", "{words:?}");
    }
}

#[test]
fn a_form_account_sends_a_part_of_a_multipart_form() {
    let daemon = form_account();
    for words in [&["-sSF", "a=1"][..], &["--form", "a=1"], &["--form-string", "a=1"]] {
        let seen = curl(&daemon, &[&["x", "--"], words, &["https://example.com/"]].concat());
        assert_eq!(seen.config, "form-string = \"authkey=T0k&1\"\n", "{words:?}");
    }
}

#[test]
fn a_body_that_is_no_form_has_no_room_for_a_field() {
    let (form, header) = (form_account(), header_account());
    for words in [
        &["--json", "{}"][..],
        &["-sI"],
        &["--head"],
        &["-T", "file"],
        &["--upload-file", "file"],
        &["-sS", "-H", "Content-Type: application/json", "-d", "{}"],
    ] {
        let words = [&["x", "--"], words, &["https://example.com/"]].concat();
        let seen = curl(&form, &words);
        let (what, hint) = seen.run.failed_with(2);
        assert!(what.contains("`authkey`"), "{what}");
        assert!(hint.contains("--format form") || hint.contains("-G"), "{hint}");
        assert_eq!(seen.arguments, "", "curl does not start");
        // Where the token is a header, curl may do as it likes.
        assert_eq!(curl(&header, &words).run.code, 42);
    }
}

#[test]
fn options_on_the_wrong_side_of_the_account_are_told_where_to_go() {
    let daemon = header_account();
    for (words, expected) in [
        (&["-sS", "x", "u"][..], "behind `--`: tok curl ACCOUNT --"),
        (&["--fail", "x", "--", "u"], "behind `--`: tok curl ACCOUNT --"),
        (&["--minvalid", "5m", "x", "--", "u"], "did you mean `--min-valid`?"),
        (&["x", "--timeout", "5s", "u"], "tok curl ACCOUNT --timeout … --"),
        (&["x", "-s", "--min-valid=5m", "u"], "tok curl ACCOUNT --min-valid … --"),
    ] {
        let seen = curl(&daemon, words);
        let (_, hint) = seen.run.failed_with(2);
        assert!(hint.contains(expected), "{words:?}: {hint}");
        assert_eq!(seen.arguments, "");
    }
    let seen = curl(&daemon, &["x", "--timeout", "5s", "--", "--scope", "u"]);
    assert_eq!(after_config(&seen.arguments), ["--scope", "u"]);
}

#[test]
fn without_a_separator_all_that_follows_the_account_is_curls() {
    let seen =
        curl(&header_account(), &["--min-valid", "5m", "x", "--json", "{}", "-v", "https://example.com/"]);
    assert_eq!(after_config(&seen.arguments), ["--json", "{}", "-v", "https://example.com/"]);
}

#[test]
fn a_curl_that_shall_not_read_curlrc_hears_that_first() {
    let daemon = header_account();
    for first in ["-q", "-qsS", "--disable"] {
        let seen = curl(&daemon, &["x", "--", first, "u"]);
        let rest = seen.arguments.strip_prefix("-q\n").expect("-q first");
        assert_eq!(after_config(rest), [first, "u"]);
    }
}

#[test]
fn without_a_token_curl_does_not_start() {
    let daemon = Daemon::failing(5);
    let seen = curl(&daemon, &["x", "--", "https://example.com/"]);
    seen.run.failed_with(5);
    assert_eq!(seen.arguments, "");
}

#[test]
fn a_call_that_is_off_starts_nothing() {
    let daemon = header_account();
    for words in
        [&["x"][..], &["x", "--"], &["--", "u"], &["--nonsense", "x", "--", "u"], &["x", "y", "--", "u"]]
    {
        let seen = curl(&daemon, words);
        seen.run.failed_with(2);
        assert_eq!(seen.arguments, "");
    }
}

#[test]
fn a_machine_without_curl_says_so() {
    let daemon = header_account();
    let mut command = tok(&daemon, &["curl", "x", "--", "u"]);
    command.env("PATH", daemon.home().join("empty"));
    run(command).failed_with(127);
}
