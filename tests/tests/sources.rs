//! Where secrets come from: files that are closed enough, variables, programs that are kept on a leash, credentials.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokend_tests::accounts;
use tokend_tests::platform::{self, Signal, chown, fifo, set_mode, symlink};
use tokend_tests::real_time::timed;
use tokend_tests::sandbox::{self, Said, Sandbox, eventually, is_running};
use tokend_tests::stand_in::LyveCloud;

/// An account that is a secret served as it is, fetched when it is asked for.
fn account(name: &str, source: &str) -> String {
    format!("[accounts.{name}]\ntype = 'static'\ntoken = {source}\nrefresh = 'on-demand'\n")
}

fn of_file(name: &str, path: &Path) -> String {
    account(name, &format!("{{ file = '{}' }}", path.display()))
}

/// An account whose secret a script prints.
fn of_script(sandbox: &Sandbox, name: &str, script: &str) -> String {
    account(name, &format!("{{ command = ['{}'] }}", program(sandbox, name, script).display()))
}

/// A script of this name, which can be run.
fn program(sandbox: &Sandbox, name: &str, script: &str) -> PathBuf {
    let path = sandbox.home().join(name);
    sandbox::write_program(&path, 0o700, format!("#!/bin/sh\n{script}\n").as_bytes());
    path
}

fn chmod(path: &Path, mode: u32) {
    set_mode(path, mode).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// What `tok get` said of each account, and how long that took: each waits for a second try.
fn all_at_once<const N: usize>(sandbox: &Sandbox, names: [&str; N]) -> [(Said, Duration); N] {
    std::thread::scope(|scope| {
        names
            .map(|name| scope.spawn(move || timed(|| sandbox.tok(["get", name]))))
            .map(|call| call.join().expect("tok ends"))
    })
}

#[track_caller]
fn refused(said: &Said, parts: &[&str]) {
    assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{said:?}");
    let (what, hint) = said.error();
    for part in parts {
        assert!(what.contains(part) || hint.contains(part), "{part} in {said:?}");
    }
}

#[test]
#[cfg_attr(not(has_modes), ignore = "files have no modes and no numbers of owners here")]
fn a_file_that_others_may_touch_is_refused_with_its_path_and_the_remedy() {
    let sandbox = Sandbox::new();
    let modes = [0o640, 0o604, 0o644, 0o666, 0o610];
    let files = modes.map(|mode| {
        let (name, path) =
            (format!("m{mode:o}"), sandbox.secret_file(&format!("key-{mode:o}"), "file-secret\n"));
        chmod(&path, mode);
        (name, path)
    });
    sandbox.configure(&files.each_ref().map(|(name, path)| of_file(name, path)).concat());
    let _daemon = sandbox.start();
    for (name, path) in &files {
        let shown = path.display().to_string();
        let said = sandbox.tok(["get", name]);
        refused(&said, &[name, &shown, &format!("chmod 600 {shown}"), &format!("tok refresh {name}")]);
        chmod(path, 0o600);
    }
    // Mended, each is looked at again, by either of the ways that the message names.
    assert_eq!(sandbox.tok(["refresh", &files[0].0]).code, 0);
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    for (name, _) in &files {
        assert_eq!(sandbox.token(name), "file-secret");
    }
}

#[test]
#[cfg_attr(not(has_links), ignore = "not every user may make links to files here")]
fn closed_files_and_links_to_them_are_read_without_their_newline() {
    let sandbox = Sandbox::new();
    let mut configuration = String::new();
    for (name, content, mode) in
        [("plain", "secret-1", 0o600), ("newline", "secret-2\n", 0o400), ("crlf", "secret-3\r\n", 0o600)]
    {
        let path = sandbox.secret_file(name, content);
        chmod(&path, mode);
        configuration += &of_file(name, &path);
    }
    let link = sandbox.home().join("link");
    symlink(sandbox.home().join("newline"), &link).expect("a link");
    configuration += &of_file("linked", &link);
    configuration += &account("tilde", "{ file = '~/plain' }");
    sandbox.configure(&configuration);
    let _daemon = sandbox.start();
    let tokens = ["plain", "newline", "crlf", "linked", "tilde"].map(|name| sandbox.token(name));
    assert_eq!(tokens, ["secret-1", "secret-2", "secret-3", "secret-2", "secret-1"]);
}

#[test]
#[cfg_attr(not(has_links), ignore = "not every user may make links to files here")]
fn what_is_no_file_parks_its_own_account_at_once() {
    let sandbox = Sandbox::new();
    let good = sandbox.secret_file("good", "good-secret");
    let (missing, folder, pipe) =
        (sandbox.home().join("missing"), sandbox.home().join("folder"), sandbox.home().join("pipe"));
    fs::create_dir(&folder).expect("a folder");
    fifo(&pipe).expect("a pipe");
    let dangling = sandbox.home().join("dangling");
    symlink(&missing, &dangling).expect("a link");
    let empty = sandbox.secret_file("empty", "\n");
    let long = sandbox.secret_file("long", &"x".repeat(64 * 1024 + 2));
    let cases: [(&str, &Path, &str); 7] = [
        ("missing", &missing, "no file"),
        ("folder", &folder, "folder"),
        ("pipe", &pipe, "no regular file"),
        ("device", Path::new("/dev/zero"), "no regular file"),
        ("dangling", &dangling, "no file"),
        ("empty", &empty, "empty"),
        ("long", &long, "65536"),
    ];
    let mut configuration = of_file("good", &good);
    for (name, path, _) in cases {
        configuration += &of_file(name, path);
    }
    sandbox.configure(&configuration);
    let daemon = sandbox.start();
    for (name, path, word) in cases {
        let (said, took) = timed(|| sandbox.tok(["get", name]));
        refused(&said, &[name, &path.display().to_string(), word]);
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
    }
    assert_eq!(sandbox.token("good"), "good-secret");
    assert!(daemon.stop().success());
}

#[test]
#[cfg_attr(not(has_modes), ignore = "files have no modes and no numbers of owners here")]
fn a_file_that_another_user_owns_is_refused() {
    if !sandbox::is_root() {
        sandbox::skip("a secret file of another user", "only root can give a file away");
        return;
    }
    let sandbox = Sandbox::new();
    let path = sandbox.secret_file("key", "file-secret\n");
    chown(&path, Some(54_321), None).expect("given away");
    sandbox.configure(&of_file("a", &path));
    let _daemon = sandbox.start();
    refused(&sandbox.tok(["get", "a"]), &[&path.display().to_string(), "54321", "chown"]);
}

#[test]
#[cfg_attr(not(has_modes), ignore = "files have no modes and no numbers of owners here")]
fn a_file_behind_a_closed_folder_is_refused_and_found_once_it_is_open() {
    if sandbox::is_root() {
        sandbox::skip("a secret file behind a closed folder", "no folder is closed to root");
        return;
    }
    let sandbox = Sandbox::new();
    let folder = sandbox.home().join("folder");
    fs::create_dir(&folder).expect("a folder");
    let path = sandbox.secret_file("folder/key", "file-secret\n");
    let closed = sandbox.secret_file("closed", "file-secret\n");
    chmod(&closed, 0o200);
    sandbox.configure(&(of_file("a", &path) + &of_file("b", &closed)));
    chmod(&folder, 0o000);
    let _daemon = sandbox.start();
    let (said, closed_said) = (sandbox.tok(["get", "a"]), sandbox.tok(["get", "b"]));
    chmod(&folder, 0o700);
    refused(&said, &[&path.display().to_string(), "permission", "ls -l"]);
    refused(&closed_said, &[&closed.display().to_string(), "permission", "ls -l"]);
    assert_eq!(sandbox.tok(["refresh", "a"]).code, 0);
    assert_eq!(sandbox.token("a"), "file-secret");
}

#[test]
fn an_unset_variable_parks_its_own_account_only() {
    let sandbox = Sandbox::new();
    sandbox.configure(
        &(account("set", "{ env = 'GIVEN' }")
            + &account("unset", "{ env = 'NOT_GIVEN' }")
            + &account("empty", "{ env = 'EMPTY' }")),
    );
    let _daemon = sandbox.start_with(|command| {
        command.env("GIVEN", "variable-secret\n").env("EMPTY", "");
    });
    refused(&sandbox.tok(["get", "unset"]), &["NOT_GIVEN", "not set"]);
    refused(&sandbox.tok(["get", "empty"]), &["EMPTY", "empty"]);
    assert_eq!(sandbox.token("set"), "variable-secret");
    let said = sandbox.tok(["status", "--check"]);
    assert_eq!(said.code, 5, "{said:?}");
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_program_gets_no_shell_an_empty_input_few_variables_and_no_descriptor_of_ours() {
    let sandbox = Sandbox::new();
    let script = r#"cd "$1" || exit 1
tr '\0' '\n' <"/proc/$$/environ" >environment
ls -l /proc/self/fd/ >descriptors
cat >input
shift
printf '%s\n' "$@" >arguments
echo "token-of-$#""#;
    let path = program(&sandbox, "printer", script);
    let odd = ["$HOME; touch /tmp/x", "a b", "*", "`id`", ""];
    let mut argv = format!("'{}', '{}'", path.display(), sandbox.home().display());
    for word in odd {
        let _ = write!(argv, ", '{word}'");
    }
    sandbox.configure(&account("a", &format!("{{ command = [{argv}], pass_env = ['PASSED', 'ABSENT'] }}")));
    let held = sandbox.secret_file("held", "held-secret");
    let daemon = sandbox.start_with(|command| {
        command
            .env("USER", "somebody")
            .env("PASSED", "passed on")
            .env("GRAPH_SECRET", "kept")
            .env("LD_LIBRARY_PATH", "/nowhere")
            .env("TOKEND_SOCK", sandbox.socket())
            .env("DISPLAY", ":7")
            .env("HELD", &held);
        // A shell leaves descriptors open for what it starts, and its own folder.
        sandbox.by_shell(command, r#"cd "$HOME" && exec "$0" 7<"$HELD" 9<"$HELD""#);
    });
    assert_eq!(sandbox.token("a"), "token-of-5");
    let read = |name: &str| fs::read_to_string(sandbox.home().join(name)).expect(name);

    let environment = read("environment");
    let names: BTreeSet<&str> =
        environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let expected = ["DISPLAY", "HOME", "LANG", "PASSED", "PATH", "USER", "XDG_RUNTIME_DIR"];
    assert_eq!(names, BTreeSet::from(expected), "{environment}");
    assert!(
        environment.contains("PASSED=passed on\n")
            && environment.contains(&format!("HOME={}\n", sandbox.home().display()))
    );

    assert_eq!(read("input"), "");
    assert_eq!(read("arguments"), odd.map(|word| format!("{word}\n")).concat());
    let descriptors = read("descriptors");
    let open: BTreeSet<&str> = descriptors
        .lines()
        .filter_map(|line| line.split(" -> ").next()?.rsplit(' ').next())
        .filter(|word| word.parse::<u32>().is_ok())
        .collect();
    // 3 is what ls reads.
    assert!(open.is_subset(&BTreeSet::from(["0", "1", "2", "3"])), "{descriptors}");
    for number in ["0", "2"] {
        assert!(descriptors.contains(&format!(" {number} -> /dev/null")), "{descriptors}");
    }
    assert!(daemon.stop().success());
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
    let sandbox = Sandbox::new();
    // The children hold its output; one does not hear the polite signals.
    let script = r#"cd "${0%/*}" || exit 1
sh -c 'trap "" TERM HUP INT; sleep 1000' &
echo $! >>started
sleep 1000 &
echo $! >>started
echo $$ >>started
echo a-token
wait"#;
    let slow = of_script(&sandbox, "slow", script);
    let kind = format!(
        "[accounts.kind]\ntype = 'command'\ncommand = ['{}']\nrefresh = 'on-demand'\n",
        sandbox.home().join("slow").display()
    );
    sandbox.configure(&format!(
        "[daemon]\ncommand_timeout = '1s'\n{slow}{kind}{}",
        account("other", "{ env = 'OTHER' }")
    ));
    let daemon = sandbox.start_with(|command| {
        command.env("OTHER", "other-secret");
    });
    for (said, took) in all_at_once(&sandbox, ["slow", "kind"]) {
        assert_eq!((said.code, said.stdout.as_str()), (6, ""), "{said:?}");
        assert!(said.error().0.contains("did not end within 1s"), "{said:?}");
        assert!((Duration::from_millis(900)..Duration::from_secs(8)).contains(&took), "{took:?}");
    }
    let started = fs::read_to_string(sandbox.home().join("started")).expect("who was started");
    assert!(started.lines().count() >= 6, "{started}");
    for pid in started.lines().filter_map(|line| line.parse().ok()) {
        eventually("what it started has ended", || (!is_running(pid)).then_some(()));
    }
    assert_eq!(sandbox.token("other"), "other-secret");
    drop(daemon);
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_stop_ends_the_programs_that_run() {
    let sandbox = Sandbox::new();
    let script = r#"cd "${0%/*}" || exit 1
sleep 1000 &
echo "$! $$" >starting
mv starting started
wait"#;
    sandbox.configure(&of_script(&sandbox, "slow", script).replace("'on-demand'", "'eager'"));
    let daemon = sandbox.start();
    let started = eventually("the program runs", || fs::read_to_string(sandbox.home().join("started")).ok());
    let (status, took) = timed(|| daemon.stop());
    assert!(status.success() && took < Duration::from_secs(15), "{status} after {took:?}");
    for pid in started.split_whitespace().filter_map(|word| word.parse().ok()) {
        eventually("what it started has ended", || (!is_running(pid)).then_some(()));
    }
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn what_a_program_leaves_in_the_background_is_not_waited_for() {
    let sandbox = Sandbox::new();
    // As gpg-agent and the like, which hold the output of whoever started them.
    let script = r#"sleep 1000 &
echo $! >"${0%/*}/left"
echo a-token"#;
    sandbox.configure(&of_script(&sandbox, "a", script));
    let _daemon = sandbox.start();
    let (said, took) = timed(|| sandbox.tok(["get", "a"]));
    let left = fs::read_to_string(sandbox.home().join("left")).expect("what is left");
    let left = left.trim().parse().expect("a process");
    platform::signal(left, Signal::KILL).expect("it was left alive");
    assert_eq!((said.code, said.stdout.as_str()), (0, "a-token\n"), "{said:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_program_that_fails_is_not_now_and_what_it_complains_is_shown_nowhere() {
    let sandbox = Sandbox::new();
    let complains = r#"echo "printed-secret"; echo "complained-secret" >&2; exit 3"#;
    let cases = [
        ("fails", complains, "exit status 3"),
        ("killed", "echo printed-secret; echo complained-secret >&2; kill -9 $$", "signal 9"),
        ("silent", "echo complained-secret >&2", "printed nothing"),
        ("floods", "exec yes printed-secret", "65536"),
    ];
    let mut configuration = "[daemon]\nlog = 'trace'\n".to_owned();
    for (name, script, _) in cases {
        configuration += &of_script(&sandbox, name, script);
    }
    configuration += &account("absent", "{ command = ['no-such-program-anywhere', 'printed-secret'] }");
    sandbox.configure(&configuration);
    let daemon = sandbox.start();
    let mut said_all = String::new();
    for ((name, _, word), (said, _)) in cases.into_iter().zip(all_at_once(&sandbox, cases.map(|case| case.0)))
    {
        assert_eq!((said.code, said.stdout.as_str()), (6, ""), "{said:?}");
        let (what, hint) = said.error();
        assert!(what.starts_with(name) && what.contains(word), "{said:?}");
        assert!(hint.contains("the next try is in"), "{said:?}");
        said_all += &said.stderr;
    }
    // One that is not there can only be mended by a person.
    let said = sandbox.tok(["get", "absent"]);
    refused(&said, &["no-such-program-anywhere", "PATH"]);
    said_all += &said.stderr;
    said_all += &sandbox.tok(["status", "--json"]).stdout;
    said_all += &sandbox::run(sandbox.command("tokend").arg("check")).stdout;
    said_all += &daemon.log();
    for secret in ["printed-secret", "complained-secret"] {
        assert!(!said_all.contains(secret), "{said_all}");
    }
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn check_shows_which_program_it_is_and_a_later_path_changes_nothing() {
    let sandbox = Sandbox::new();
    let (first, second) = (sandbox.home().join("first"), sandbox.home().join("second"));
    for folder in [&first, &second] {
        fs::create_dir(folder).expect("a folder");
    }
    let name = "my-secret-printer";
    program(&sandbox, &format!("second/{name}"), "echo second-token");
    sandbox.configure(&account("a", &format!("{{ command = ['{name}'] }}")));
    let path = format!("relative:{}:{}:/usr/bin:/bin", first.display(), second.display());
    let shown = sandbox::run(sandbox.command("tokend").env("PATH", &path).arg("check"));
    assert!(shown.stdout.contains(&*second.join(name).to_string_lossy()), "{shown:?}");
    let _daemon = sandbox.start_with(|command| {
        command.env("PATH", &path);
    });
    assert_eq!(sandbox.token("a"), "second-token");
    // Who can put a program into an earlier folder later is not run.
    program(&sandbox, &format!("first/{name}"), "echo first-token");
    assert_eq!(sandbox.tok(["refresh", "a"]).code, 0);
    assert_eq!(sandbox.token("a"), "second-token");
}

#[test]
#[cfg_attr(not(has_systemd), ignore = "there is no systemd here")]
fn a_credential_of_systemd_is_read_and_a_missing_one_parks_its_account() {
    let sandbox = Sandbox::new();
    let credentials = sandbox.path().join("credentials");
    fs::create_dir(&credentials).expect("a folder");
    // As systemd lays them out: read-only, an access list shows as the group's bits.
    for (name, mode) in [("graph", 0o400), ("shared", 0o440), ("open", 0o444)] {
        sandbox::write_private(&credentials.join(name), format!("{name}-secret\n").as_bytes());
        chmod(&credentials.join(name), mode);
    }
    let configuration: String = ["graph", "shared", "open", "absent"]
        .map(|name| account(name, &format!("{{ credential = '{name}' }}")))
        .concat();
    sandbox.configure(&configuration);
    let daemon = sandbox.start_with(|command| {
        command.env("CREDENTIALS_DIRECTORY", &credentials);
    });
    assert_eq!(sandbox.token("graph"), "graph-secret");
    assert_eq!(sandbox.token("shared"), "shared-secret");
    refused(&sandbox.tok(["get", "open"]), &["open to others"]);
    refused(&sandbox.tok(["get", "absent"]), &["absent"]);
    assert!(daemon.stop().success());

    let _daemon = sandbox.start();
    refused(&sandbox.tok(["get", "graph"]), &["CREDENTIALS_DIRECTORY", "LoadCredential=graph:"]);
}

#[test]
fn a_secret_that_changed_is_taken_at_the_next_try() {
    let lyve = LyveCloud::start();
    let sandbox = Sandbox::new();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "a", &lyve));
    accounts::set_secret(&sandbox, "a", "mistyped");
    let _daemon = sandbox.start();
    refused(&sandbox.tok(["get", "a"]), &["403", "AuthenticationFailed"]);
    assert_eq!(lyve.token_requests(), 1);
    accounts::set_secret(&sandbox, "a", "lyve-secret");
    assert_eq!(sandbox.tok(["refresh", "a"]).code, 0);
    assert!(lyve.is_live(&sandbox.token("a")));
    // The change of the file was noticed, too: before the refresh, or by it.
    assert!((2..=3).contains(&lyve.token_requests()), "{}", lyve.token_requests());
}
