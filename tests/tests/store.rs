//! `tokend store`, for real: what `tok secret` and `tok init` run, and what the `age` program makes of its files.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokend_tests::sandbox::{self, Said, Sandbox};

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
    sandbox.path().join("data/tokend").join(name)
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
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
fn an_identity_of_age_keygen_opens_the_store() {
    if !has("age-keygen", "an identity of age-keygen") {
        return;
    }
    let sandbox = Sandbox::new();
    done(&sandbox, &["set", "a"], "hunter2");
    // Another machine: only the files come along, and the public half is what age-keygen says of the identity.
    let identity = data(&sandbox, "identity");
    let said = sandbox::run(Command::new("age-keygen").arg("-y").arg(&identity));
    assert_eq!(said.stdout, fs::read_to_string(data(&sandbox, "recipients.txt")).expect("the recipient"));
    let fresh = Sandbox::new();
    fs::create_dir_all(data(&fresh, "")).expect("a folder");
    chmod(&data(&fresh, ""), 0o700);
    let made = sandbox::run(Command::new("age-keygen").arg("-o").arg(data(&fresh, "identity")));
    assert_eq!(made.code, 0, "{made:?}");
    done(&fresh, &["set", "b"], "hunter3");
    assert_eq!(done(&fresh, &["show", "b"], "").stdout, "hunter3\n");
}

#[test]
fn a_passphrase_protects_the_identity_and_is_changed() {
    let sandbox = Sandbox::new();
    let made = done(&sandbox, &["init", "--passphrase-stdin"], "correct horse\n");
    assert!(made.stdout.contains("identity.age") && made.stdout.contains("back it up"), "{made:?}");
    assert!(!data(&sandbox, "identity").exists());
    // Setting asks for nothing.
    done(&sandbox, &["set", "a"], "hunter2");
    refused(&sandbox, &["show", "a"], "", 9, &["under a passphrase", "--passphrase-stdin"]);
    refused(&sandbox, &["show", "a", "--passphrase-stdin"], "wrong\n", 9, &["this is not the passphrase"]);
    let shown = done(&sandbox, &["show", "a", "--passphrase-stdin"], "correct horse\n");
    assert_eq!((shown.stdout.as_str(), shown.stderr.as_str()), ("hunter2\n", ""));
    refused(&sandbox, &["init"], "", 2, &["there is an identity", "identity.age", "nothing was changed"]);
    refused(&sandbox, &["init", "--change-passphrase"], "wrong\nnew\n", 9, &["this is not the passphrase"]);
    refused(&sandbox, &["init", "--change-passphrase"], "\nnew\n", 9, &["the first line of standard input"]);
    refused(&sandbox, &["init", "--change-passphrase"], "correct horse", 2, &["one passphrase is missing"]);
    done(&sandbox, &["init", "--change-passphrase", "--passphrase-stdin"], "correct horse\n\n");
    assert_eq!(done(&sandbox, &["show", "a"], "").stdout, "hunter2\n");
    assert!(!data(&sandbox, "identity.age").exists());
}

#[test]
fn an_ssh_key_protects_the_identity_and_age_opens_it_by_that_key() {
    // The same key twice: as it is, and under the passphrase `open sesame`.
    let open = include_str!("../../daemon/src/secret/store/tests/keys/open.key");
    let shut = include_str!("../../daemon/src/secret/store/tests/keys/shut.key");
    let sandbox = Sandbox::new();
    let key = sandbox.secret_file("id_ed25519", open);
    done(&sandbox, &["init", "--ssh-key", &key.with_extension("pub").display().to_string()], "");
    done(&sandbox, &["set", "a"], "hunter2");
    assert_eq!(done(&sandbox, &["show", "a"], "").stdout, "hunter2\n");
    if has("age", "age opens the identity by the SSH key") {
        let wrapped = data(&sandbox, "identity.age");
        let said = sandbox::run(Command::new("age").args(["-d", "-i"]).arg(&key).arg(wrapped));
        assert!(said.stdout.contains("AGE-SECRET-KEY-1"), "{said:?}");
    }
    sandbox.secret_file("id_ed25519", shut);
    refused(&sandbox, &["show", "a"], "", 9, &["under a passphrase"]);
    assert_eq!(done(&sandbox, &["show", "a", "--passphrase-stdin"], "open sesame").stdout, "hunter2\n");
    refused(&sandbox, &["init", "--change-passphrase"], "\nx\n", 2, &["ssh-keygen -p"]);
}

/// An age plugin in a few lines of shell (<https://c2sp.org/age-plugin>): it wraps a key by writing it down. It wants to be
/// touched; where a file `pin` is
/// beside it, it asks for a PIN instead, and where a file `lost` is, its device is.
const PLUGIN: &str = r#"#!/bin/sh
answered() { read -r answer; read -r empty; }
while read -r line; do
  case $line in
    "-> wrap-file-key") read -r key ;;
    "-> recipient-stanza 0 sandbox") read -r key ;;
    "-> done") read -r empty; break ;;
  esac
done
case $1 in
  --age-plugin=recipient-v1)
    printf -- '-> recipient-stanza 0 sandbox\n%s\n' "$key"; answered ;;
  --age-plugin=identity-v1)
    if [ -e "${0%/*}/lost" ]; then
      printf -- '-> error identity 0\n%s\n-> done\n\n' bm8gZGV2aWNl; answered; exit
    fi
    printf -- '-> msg\n%s\n' cGxlYXNlIHRvdWNoIGl0; answered
    if [ -e "${0%/*}/pin" ]; then
      printf -- '-> request-secret\n%s\n' UElOPw; answered
      printf -- '-> error identity 0\n%s\n' bm8gUElO; answered
    else
      printf -- '-> file-key 0\n%s\n' "$key"; answered
    fi ;;
esac
printf -- '-> done\n\n'
"#;

#[test]
fn a_plugin_protects_the_identity() {
    let sandbox = Sandbox::new();
    let bin = sandbox.home().join("bin");
    fs::create_dir(&bin).expect("a folder");
    sandbox::write_program(&bin.join("age-plugin-foobar"), 0o700, PLUGIN.as_bytes());
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let identity = sandbox.secret_file("plugin.txt", "# made by a device\nAGE-PLUGIN-FOOBAR-1QVHULF\n");
    let identity = identity.display().to_string();
    let run = |words: &[&str], input: &str| {
        store_by(&sandbox, words, input.as_bytes(), |command| {
            command.env("PATH", &path);
        })
    };
    refused(&sandbox, &["init", "--plugin", &identity], "", 5, &["age-plugin-foobar, which is not there"]);
    assert!(everything(&sandbox).is_empty());
    let made = run(&["init", "--plugin", &identity], "");
    assert_eq!(made.code, 0, "{made:?}");
    let source = fs::read_to_string(data(&sandbox, "identity.source")).expect("a line");
    assert_eq!(source, "plugin AGE-PLUGIN-FOOBAR-1QVHULF\n");
    done(&sandbox, &["set", "a"], "hunter2");
    let shown = run(&["show", "a"], "");
    assert_eq!((shown.code, shown.stdout.as_str()), (0, "hunter2\n"), "{shown:?}");
    assert_eq!(shown.stderr, "please touch it\n");
    fs::write(bin.join("pin"), "").expect("a file");
    let asked = run(&["show", "a"], "");
    assert_eq!(asked.code, 5, "{asked:?}");
    assert!(asked.stderr.contains("asks for a PIN or an answer, and there is nobody to ask"), "{asked:?}");
    fs::remove_file(bin.join("pin")).expect("it goes");
    fs::write(bin.join("lost"), "").expect("a file");
    let lost = run(&["show", "a"], "");
    assert_eq!(lost.code, 6, "{lost:?}");
    assert!(
        lost.error().0.ends_with(
            "does not open the store's identity: 'age-plugin-foobar' couldn't use an identity: no device"
        ),
        "{lost:?}"
    );
    let told = store_by(&sandbox, &["show", "a"], b"", |command| {
        command.env("PATH", &path).env("AGEDEBUG", "plugin");
    });
    assert_eq!(told.code, 5, "{told:?}");
    assert!(told.error().0.contains("AGEDEBUG is set"), "{told:?}");
}

#[test]
fn a_credential_leaves_by_standard_output_and_comes_from_systemd() {
    let sandbox = Sandbox::new();
    let made = done(&sandbox, &["init", "--credential", "tokend-identity"], "");
    assert!(made.stdout.contains("\nAGE-SECRET-KEY-1"), "{made:?}");
    assert!(made.stderr.contains("LoadCredentialEncrypted=tokend-identity:"), "{made:?}");
    assert!(!made.stderr.contains("AGE-SECRET-KEY"), "{made:?}");
    let files = everything(&sandbox);
    assert!(files.values().all(|bytes| !bytes.windows(14).any(|part| part == b"AGE-SECRET-KEY")));
    done(&sandbox, &["set", "a"], "hunter2");
    refused(
        &sandbox,
        &["show", "a"],
        "",
        5,
        &["$CREDENTIALS_DIRECTORY", "LoadCredentialEncrypted=tokend-identity"],
    );
    let folder = sandbox.home().join("credentials");
    fs::create_dir(&folder).expect("a folder");
    sandbox::write_private(&folder.join("tokend-identity"), made.stdout.as_bytes());
    let shown = store_by(&sandbox, &["show", "a"], b"", |command| {
        command.env("CREDENTIALS_DIRECTORY", &folder);
    });
    assert_eq!((shown.code, shown.stdout.as_str()), (0, "hunter2\n"), "{shown:?}");
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

#[test]
fn what_lies_in_the_store_and_is_none_of_it_is_refused_and_left_alone() {
    let sandbox = Sandbox::new();
    done(&sandbox, &["set", "a"], "hunter2");
    done(&sandbox, &["set", "b"], "hunter3");
    let (path, aside) = (data(&sandbox, "secrets/a.age"), sandbox.home().join("a.age"));
    let whole = fs::read(&path).expect("the secret");
    let refused_all = |parts: &[&str]| {
        let before = everything(&sandbox);
        for words in [&["show", "a"][..], &["set", "a"], &["remove", "a"]] {
            refused(&sandbox, words, "new", 5, parts);
        }
        assert!(everything(&sandbox) == before, "{parts:?}");
    };
    fs::rename(&path, &aside).expect("it is moved");
    symlink(&aside, &path).expect("a link");
    refused_all(&["a.age is a symbolic link"]);
    fs::remove_file(&path).expect("it goes");
    let pipe = Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().expect("mkfifo runs");
    assert!(pipe.success());
    refused_all(&["a.age is no regular file"]);
    fs::remove_file(&path).expect("it goes");
    for (bytes, part) in [
        (&b""[..], "a.age is empty"),
        (b"hunter2", "a.age is no age file"),
        (&whole[..60], "a.age is damaged"),
        (
            &fs::read(data(&sandbox, "secrets/b.age")).expect("the other"),
            "holds the secret b: it was moved or swapped",
        ),
    ] {
        sandbox::write_private(&path, bytes);
        refused_all(&[part]);
    }
    sandbox::write_private(&path, &whole[..whole.len() - 1]);
    refused(&sandbox, &["show", "a"], "", 5, &["a.age is damaged", "restore it from a backup"]);
    sandbox::write_private(&path, &whole);
    chmod(&path, 0o660);
    refused_all(&["a.age is open to others (mode 0660)", "chmod 600"]);
    chmod(&path, 0o600);
    chmod(&data(&sandbox, "secrets"), 0o777);
    refused_all(&["others can write to the folder", "chmod 700"]);
    chmod(&data(&sandbox, "secrets"), 0o700);
    let identity = data(&sandbox, "identity");
    chmod(&identity, 0o644);
    for words in [&["show", "a"][..], &["set", "a"]] {
        refused(&sandbox, words, "new", 5, &["identity is open to others (mode 0644)", "chmod 600"]);
    }
    chmod(&identity, 0o600);
    assert_eq!(done(&sandbox, &["show", "a"], "").stdout, "hunter2\n");
}

#[test]
fn many_writers_some_of_them_killed_leave_every_secret_whole() {
    const NAMES: usize = 8;
    const WRITERS: usize = 100;
    let sandbox = Sandbox::new();
    let value = |what: &str| format!("{what}:{}", "x".repeat(40_000));
    for name in 0..NAMES {
        done(&sandbox, &["set", &format!("s{name}")], &value("old"));
    }
    let mut writers: Vec<(usize, Child)> = (0..WRITERS)
        .map(|number| {
            let name = format!("s{}", number % NAMES);
            let mut child = spawn(sandbox.command("tokend").args(["store", "set", &name]));
            let input = value(&format!("new{number}"));
            let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
            if number % 3 == 0 {
                // At whatever it is by then.
                std::thread::sleep(Duration::from_micros(u64::try_from(number * 97 % 9_000).unwrap_or(0)));
                child.kill().expect("it is killed");
            }
            (number, child)
        })
        .collect();
    for (number, child) in &mut writers {
        let status = child.wait().expect("it ends");
        assert!(status.success() || *number % 3 == 0, "writer {number}: {status}");
    }
    for name in 0..NAMES {
        let shown = done(&sandbox, &["show", &format!("s{name}")], "").stdout;
        let (what, rest) = shown.trim_end().split_once(':').expect("a value of ours");
        assert_eq!(rest.len(), 40_000, "{what}");
        let number = what.strip_prefix("new").and_then(|number| number.parse::<usize>().ok());
        // Whoever was not killed has written, so nothing is old.
        assert!(number.is_some_and(|number| number % NAMES == name), "{what}");
    }
    done(&sandbox, &["set", "last"], "x");
    let left: Vec<_> = everything(&sandbox)
        .into_keys()
        .filter(|path| path.extension().is_none_or(|it| it == "tmp"))
        .collect();
    assert_eq!(left, [data(&sandbox, "identity")]);
    assert_eq!(done(&sandbox, &["list"], "").stdout.lines().count(), NAMES + 1);
}

#[test]
fn first_secrets_at_once_make_one_identity() {
    let sandbox = Sandbox::new();
    let writers: Vec<Child> = (0..8)
        .map(|number| {
            let mut child = spawn(sandbox.command("tokend").args(["store", "set", &format!("s{number}")]));
            let _ = child.stdin.take().map(|mut stdin| write!(stdin, "value {number}"));
            child
        })
        .collect();
    let said: Vec<Said> =
        writers.into_iter().map(|child| Said::from(child.wait_with_output().expect("it ends"))).collect();
    assert!(said.iter().all(|said| said.code == 0), "{said:?}");
    assert_eq!(said.iter().filter(|said| said.stderr.contains("made the store's identity")).count(), 1);
    for number in 0..8 {
        assert_eq!(done(&sandbox, &["show", &format!("s{number}")], "").stdout, format!("value {number}\n"));
    }
}

#[test]
fn a_read_only_folder_and_a_full_disk_keep_what_was_there() {
    let sandbox = Sandbox::new();
    done(&sandbox, &["set", "a"], "old");
    let before = everything(&sandbox);
    // A limit of file sizes stands in for a full disk: a write fails in the middle.
    let mut shell = Command::new("sh");
    sandbox.surround(&mut shell);
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" store set a";
    let mut child = spawn(shell.arg("-c").arg(script).arg(sandbox::program_path("tokend")));
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(b"new"));
    let said = Said::from(child.wait_with_output().expect("it ends"));
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.error().0.contains("cannot write"), "{said:?}");
    assert!(everything(&sandbox) == before);
    if sandbox::is_root() {
        sandbox::skip("a read-only store", "root writes whatever the mode is");
        return;
    }
    let closed = &["Permission denied", "must be this user's own, and writable"];
    chmod(&data(&sandbox, "secrets"), 0o500);
    refused(&sandbox, &["set", "b"], "new", 5, closed);
    assert_eq!(done(&sandbox, &["show", "a"], "").stdout, "old\n");
    chmod(&data(&sandbox, "secrets"), 0o700);
    assert!(everything(&sandbox) == before);
    let nowhere = Sandbox::new();
    chmod(&nowhere.path().join("data"), 0o500);
    refused(&nowhere, &["set", "a"], "new", 5, closed);
    refused(&nowhere, &["init"], "", 5, closed);
}

#[test]
fn secrets_move_in_and_what_was_read_stays() {
    let sandbox = Sandbox::new();
    let file = sandbox.secret_file("api.key", "from a file\n").display().to_string();
    let dotenv = sandbox.secret_file("env", "# c\nexport API_KEY='a b'\nDB_PASS=\"x$y\"\nEMPTY=\n");
    let aws = sandbox.home().join(".aws/credentials");
    fs::create_dir(sandbox.home().join(".aws")).expect("a folder");
    sandbox::write_private(&aws, b"[default]\naws_access_key_id = AKIA\naws_secret_access_key = s/k+\n");
    let before =
        [&file, &dotenv.display().to_string(), &aws.display().to_string()].map(|path| fs::read(path).ok());

    let said = done(&sandbox, &["import", "file", &file], "");
    assert_eq!(said.stdout, format!("{file} -> api\n"));
    assert!(
        said.stderr.ends_with(&format!("it is still in {file}: remove the old copy once everything works\n")),
        "{said:?}"
    );
    refused(
        &sandbox,
        &["import", "file", &file],
        "",
        2,
        &["there is one", "nothing was stored", "--replace"],
    );
    done(&sandbox, &["import", "file", &file, "--replace"], "");
    done(&sandbox, &["import", "file", &file, "--name", "other"], "");

    let dotenv = dotenv.display().to_string();
    refused(&sandbox, &["import", "dotenv", &dotenv, "API_KYE"], "", 3, &["did you mean API_KEY?"]);
    let said = done(&sandbox, &["import", "dotenv", &dotenv, "--prefix", "app-"], "");
    assert_eq!(said.stdout, "API_KEY -> app-api-key\nDB_PASS -> app-db-pass\n");
    assert!(said.stderr.contains("EMPTY is empty") && said.stderr.contains("DB_PASS has a $"), "{said:?}");

    let said = done(&sandbox, &["import", "aws"], "");
    assert!(said.stdout.contains("-> aws-default-secret-access-key\n"), "{said:?}");
    refused(&sandbox, &["import", "aws", "--profile", "defalt"], "", 3, &["did you mean default?"]);
    for (name, value) in [
        ("api", "from a file"),
        ("other", "from a file"),
        ("app-api-key", "a b"),
        ("app-db-pass", "x$y"),
        ("aws-default-access-key-id", "AKIA"),
        ("aws-default-secret-access-key", "s/k+"),
    ] {
        assert_eq!(done(&sandbox, &["show", name], "").stdout, format!("{value}\n"));
    }
    let after = [&file, &dotenv, &aws.display().to_string()].map(|path| fs::read(path).ok());
    assert!(before == after);
    refused(&sandbox, &["import", "file", "/nonexistent/x"], "", 3, &["there is no file"]);
}

#[test]
fn pass_is_asked_for_its_entries() {
    let sandbox = Sandbox::new();
    let bin = sandbox.home().join("bin");
    fs::create_dir(&bin).expect("a folder");
    let script =
        "#!/bin/sh\n[ \"$1 $2\" = 'show --' ] && [ \"$3\" = mail/work ] && printf 'hunter2\\nuser: x\\n'\n";
    sandbox::write_program(&bin.join("pass"), 0o700, script.as_bytes());
    let import = |entry: &str| {
        store_by(&sandbox, &["import", "pass", entry], b"", |command| {
            command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        })
    };
    let said = import("mail/work");
    assert_eq!((said.code, said.stdout.as_str()), (0, "mail/work -> mail-work\n"), "{said:?}");
    assert_eq!(done(&sandbox, &["show", "mail-work"], "").stdout, "hunter2\n");
    assert_eq!(import("mail/home").code, 3);
}
