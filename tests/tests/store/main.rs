//! `tokend store`, for real: what `tok secret` and `tok init` run, and what the `age` program makes of its
//! files.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokend_tests::platform::set_mode;
use tokend_tests::sandbox::{self, Said, Sandbox};

mod identities;
mod import;
mod strange;
mod writers;

/// Runs `tokend store`, and writes to its standard input.
fn store_by(sandbox: &Sandbox, words: &[&str], input: &[u8], change: impl FnOnce(&mut Command)) -> Said {
    let mut command = sandbox.command("tokend");
    command.arg("store").args(words);
    change(&mut command);
    let mut child = spawn(&mut command);
    // A program that ends without reading is not the writer's failure.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input));
    Said::from(child.wait_with_output().expect("it ends"))
}

fn spawn(command: &mut Command) -> Child {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("tokend starts")
}

fn store(sandbox: &Sandbox, words: &[&str], input: &str) -> Said {
    store_by(sandbox, words, input.as_bytes(), |_| {})
}

/// The same, where it must work.
#[track_caller]
fn done(sandbox: &Sandbox, words: &[&str], input: &str) -> Said {
    let said = store(sandbox, words, input);
    assert_eq!(said.code, 0, "{words:?}: {said:?}");
    said
}

/// The same, where it must end like this, with two lines that hold these words.
#[track_caller]
fn refused(sandbox: &Sandbox, words: &[&str], input: &str, code: i32, parts: &[&str]) {
    let said = store(sandbox, words, input);
    assert_eq!((said.code, said.stdout.as_str()), (code, ""), "{words:?}: {said:?}");
    let (what, hint) = said.error();
    for part in parts {
        assert!(what.contains(part) || hint.contains(part), "{part} in {said:?}");
    }
}

fn data(sandbox: &Sandbox, name: &str) -> PathBuf {
    sandbox.data().join(name)
}

fn chmod(path: &Path, mode: u32) {
    set_mode(path, mode).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Every file in the store with its bytes, but for the lock.
fn everything(sandbox: &Sandbox) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for folder in [data(sandbox, ""), data(sandbox, "secrets")] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && entry.file_name() != "lock" {
                all.insert(entry.path(), fs::read(entry.path()).unwrap_or_default());
            }
        }
    }
    all
}

/// A program that CI installs; without it a test says that it did not run.
fn has(program: &str, what: &str) -> bool {
    let found = Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok();
    if !found {
        sandbox::skip(what, &format!("there is no program {program}"));
    }
    found
}

#[test]
fn a_secret_is_set_listed_shown_and_removed() {
    let sandbox = Sandbox::new();
    assert_eq!(done(&sandbox, &["list"], "").stdout, "");
    let first = done(&sandbox, &["set", "lyve-prod"], "hunter2\n");
    assert_eq!(first.stdout, "");
    assert!(first.stderr.starts_with("made the store's identity "), "{first:?}");
    assert!(
        first.stderr.contains("back it up") && first.stderr.contains("does not protect from"),
        "{first:?}"
    );
    assert_eq!(done(&sandbox, &["set", "other"], "a\nb\n\n").stderr, "");
    assert_eq!(done(&sandbox, &["show", "lyve-prod"], "").stdout, "hunter2\n");
    assert_eq!(done(&sandbox, &["show", "other"], "").stdout, "a\nb\n\n");
    let listed = done(&sandbox, &["list"], "").stdout;
    assert_eq!(
        listed.lines().map(|line| line.split(' ').next().unwrap_or("")).collect::<Vec<_>>(),
        ["lyve-prod", "other"]
    );
    assert!(!listed.contains("hunter2"));
    done(&sandbox, &["remove", "other"], "");
    refused(&sandbox, &["show", "other"], "", 3, &["no secret other", "tok secret set other"]);
    refused(&sandbox, &["remove", "lyve-prdo"], "", 3, &["did you mean lyve-prod?"]);
    let json = store(&sandbox, &["show", "other", "--json"], "");
    let object: serde_json::Value = serde_json::from_str(&json.stderr).expect("one object");
    assert_eq!((&object["code"], &object["kind"]), (&3.into(), &"secret-missing".into()));
    assert!(object["message"].is_string() && object["hint"].is_string());
    let listed: serde_json::Value =
        serde_json::from_str(&done(&sandbox, &["list", "--json"], "").stdout).expect("a list");
    assert_eq!(listed[0]["name"], "lyve-prod");
    assert!(listed[0]["account"].is_null() && listed[0]["changed_at"].is_string(), "{listed}");
}

#[test]
fn words_that_are_off_change_nothing_and_are_not_repeated() {
    let sandbox = Sandbox::new();
    for (words, input, part) in [
        (&["set", "a", "hunter2"][..], "x", "an argument too many"),
        (&["set", "hunter2/x"], "x", "no name of a secret"),
        (&["set", "NUL"], "x", "no name of a secret"),
        (&["set"], "x", "an argument is missing"),
        (&["set", "a"], "", "an empty secret is none"),
        (&["set", "a"], "\n", "an empty secret is none"),
        (&["set", "a", "--for", "x", "--for-any"], "x", "exclude each other"),
        (&["init", "--hunter2"], "", "unknown option"),
        (&["init", "--passphrase-stdin", "--credential", "x"], "", "exclude each other"),
        (&["init", "--change-passphrase", "--keyring"], "\n\n", "exclude each other"),
        (&[], "", "a command is missing"),
    ] {
        let said = store(&sandbox, words, input);
        assert_eq!(said.code, 2, "{words:?}: {said:?}");
        assert!(said.error().0.contains(part), "{said:?}");
        assert!(!said.stderr.contains("hunter2"), "{said:?}");
    }
    let long = "x".repeat(64 * 1024);
    refused(&sandbox, &["set", "a"], &format!("{long}x"), 2, &["more than 65536 bytes"]);
    assert!(everything(&sandbox).is_empty());
    done(&sandbox, &["set", "a"], &format!("{long}\n"));
    assert_eq!(done(&sandbox, &["show", "a"], "").stdout.len(), long.len() + 1);
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn the_age_program_opens_a_secret_with_the_identity_alone() {
    let sandbox = Sandbox::new();
    done(&sandbox, &["set", "a"], "hunter2\n");
    sandbox.configure("[accounts.static]\ntype = 'static'\ntoken = { store = 'bound' }\n");
    done(&sandbox, &["set", "bound", "--for", "static"], "hunter3\n");
    if !has("age", "age opens the store's files") {
        return;
    }
    let identity = data(&sandbox, "identity");
    for (name, value) in [("a", "hunter2"), ("bound", "hunter3")] {
        let file = data(&sandbox, &format!("secrets/{name}.age"));
        let said = sandbox::run(Command::new("age").arg("-d").arg("-i").arg(&identity).arg(file));
        assert_eq!((said.code, said.stdout.as_str()), (0, value), "{said:?}");
    }
    // What age makes is no secret of the store's, and stays what it is.
    let foreign = data(&sandbox, "secrets/foreign.age");
    let made = Command::new("age")
        .args(["-R"])
        .arg(data(&sandbox, "recipients.txt"))
        .arg("-o")
        .arg(&foreign)
        .arg(&identity)
        .output()
        .expect("age runs");
    assert!(made.status.success(), "{made:?}");
    let before = everything(&sandbox);
    for words in [&["show", "foreign"][..], &["set", "foreign"], &["remove", "foreign"]] {
        refused(
            &sandbox,
            words,
            "x",
            5,
            &["foreign.age is an age file, but none of the store's", "move it away"],
        );
    }
    assert!(everything(&sandbox) == before);
    let listed = done(&sandbox, &["list"], "").stdout;
    assert!(
        listed.lines().any(|line| line.starts_with("foreign.age ") && line.contains("not the store's")),
        "{listed}"
    );
}

#[test]
fn a_bound_secret_is_for_one_account_and_the_daemon_fetches_it_for_that_alone() {
    let sandbox = Sandbox::new();
    let account = |name: &str| {
        format!("[accounts.{name}]\ntype = 'static'\ntoken = {{ store = 'key' }}\nrefresh = 'on-demand'\n")
    };
    sandbox.configure(&[account("one"), account("two")].concat());
    refused(
        &sandbox,
        &["set", "key", "--for", "oen"],
        "hunter2",
        3,
        &["no such account", "did you mean one?"],
    );
    assert!(everything(&sandbox).is_empty());
    let set = done(&sandbox, &["set", "key", "--for", "one"], "hunter2\n");
    assert!(set.stderr.ends_with("key is for the account one alone\n"), "{set:?}");
    let _daemon = sandbox.start();
    assert_eq!(sandbox.token("one"), "hunter2");
    let said = sandbox.tok(["get", "two"]);
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.error().0.contains("the secret key is bound to the account one"), "{said:?}");
    // Replacing keeps the binding until something else is said.
    done(&sandbox, &["set", "key"], "hunter3\n");
    let listed: serde_json::Value =
        serde_json::from_str(&done(&sandbox, &["list", "--json"], "").stdout).expect("a list");
    assert_eq!(listed[0]["account"], "one");
    assert_eq!(done(&sandbox, &["set", "key", "--for-any"], "hunter4\n").stderr, "");
    assert_eq!(sandbox.tok(["refresh", "two"]).code, 0);
    assert_eq!(sandbox.token("two"), "hunter4");
}
