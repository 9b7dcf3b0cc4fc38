//! What protects the identity.

use super::*;

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn an_identity_of_age_keygen_opens_the_store() {
    if !has("age-keygen", "an identity of age-keygen") {
        return;
    }
    let sandbox = Sandbox::new();
    done(&sandbox, &["set", "a"], "hunter2");
    // Another machine: only the files come along, and the public half is what age-keygen says of the
    // identity.
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
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn an_ssh_key_protects_the_identity_and_age_opens_it_by_that_key() {
    // The same key twice: as it is, and under the passphrase `open sesame`.
    let open = include_str!("../../../daemon/src/secret/store/tests/keys/open.key");
    let shut = include_str!("../../../daemon/src/secret/store/tests/keys/shut.key");
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

/// An age plugin in a few lines of shell (<https://c2sp.org/age-plugin>): it wraps a key by writing it down.
/// It wants to be touched; where a file `pin` is beside it, it asks for a PIN instead, and where a file
/// `lost` is, its device is.
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
    echo run >>"${0%/*}/runs"
    while [ -e "${0%/*}/untouched" ]; do sleep 0.05; done
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
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
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
    let recipient = fs::read_to_string(data(&sandbox, "recipients.txt")).expect("the recipient");
    assert_eq!(source, format!("# recipient: {recipient}plugin AGE-PLUGIN-FOOBAR-1QVHULF\n"));
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
#[cfg_attr(not(has_systemd), ignore = "there is no systemd here")]
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
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn however_many_wait_for_a_touch_the_plugin_runs_once_and_nobody_who_gives_up_ends_it() {
    let sandbox = Sandbox::new();
    let bin = sandbox.home().join("bin");
    fs::create_dir(&bin).expect("a folder");
    sandbox::write_program(&bin.join("age-plugin-foobar"), 0o700, PLUGIN.as_bytes());
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let identity = sandbox.secret_file("plugin.txt", "AGE-PLUGIN-FOOBAR-1QVHULF\n");
    let made = store_by(&sandbox, &["init", "--plugin", &identity.display().to_string()], b"", |command| {
        command.env("PATH", &path);
    });
    assert_eq!(made.code, 0, "{made:?}");
    let names = ["one", "two", "three", "four"];
    for name in names {
        done(&sandbox, &["set", name], &format!("secret-{name}"));
    }
    let account = |name: &str| {
        format!("[accounts.{name}]\ntype = 'static'\ntoken = {{ store = '{name}' }}\nrefresh = 'on-demand'\n")
    };
    sandbox.configure(&names.map(account).concat());
    fs::write(bin.join("untouched"), "").expect("a file");
    let daemon = sandbox.start_with(|command| {
        command.env("PATH", &path);
    });
    std::thread::scope(|scope| {
        for name in names {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let said = sandbox.tok(["get", name, "--timeout", "1s"]);
                assert_eq!(said.code, 6, "{said:?}");
            });
        }
    });
    fs::remove_file(bin.join("untouched")).expect("it goes");
    for name in names {
        assert_eq!(sandbox.token(name), format!("secret-{name}"));
    }
    assert_eq!(fs::read_to_string(bin.join("runs")).expect("the runs"), "run\n");
    assert!(daemon.log().contains("please touch it"), "{}", daemon.log());
}
