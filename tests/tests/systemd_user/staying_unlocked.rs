//! A store under a passphrase over restarts, stops and locks.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use tokend_tests::sandbox::{Said, eventually};
use tokend_tests::user_manager::Session;

const PASSPHRASE: &str = "correct horse battery staple";

/// `tok`, with something on its standard input.
fn tok_with(session: &Session, words: &[&str], input: &str) -> Said {
    let tok = session.home().join(".cargo/bin/tok");
    let mut command = session.command([&[tok.to_str().expect("a path")], words].concat());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tok starts");
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    Said::from(child.wait_with_output().expect("tok ends"))
}

/// A session with a secret in a store under a passphrase.
fn with_store(session: &Session, stays: bool) {
    let done = |said: Said| assert_eq!(said.code, 0, "{said:?}");
    done(tok_with(session, &["init", "--stdin"], PASSPHRASE));
    done(tok_with(session, &["secret", "set", "a"], "a-secret-token"));
    session.configure(&format!(
        "[daemon]\nstay_unlocked_over_restart = {stays}\n\
         [accounts.a]\ntype = 'static'\ntoken = {{ store = 'a' }}\n"
    ));
    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["start", "tokend.socket", "tokend.service"]);
    assert_eq!(session.tok(&["get", "a"]).code, 9);
    done(tok_with(session, &["unlock", "--stdin"], PASSPHRASE));
    assert_eq!(session.token("a"), "a-secret-token\n");
}

fn kept_descriptors(session: &Session) -> String {
    session.property("tokend.service", "NFileDescriptorStore")
}

#[test]
fn an_unlocked_store_stays_so_over_a_restart_and_over_nothing_else() {
    let Some(session) = Session::installed("an unlocked store over a restart, under a real systemd --user")
    else {
        return;
    };
    with_store(&session, true);
    for _ in 0..3 {
        assert_eq!(kept_descriptors(&session), "0", "nothing lies there while it runs");
        session.systemctl(&["restart", "tokend.service"]);
        assert_eq!(session.token("a"), "a-secret-token\n");
    }
    eventually("the next one has removed it", || (kept_descriptors(&session) == "0").then_some(()));

    // Locked is locked.
    assert_eq!(session.tok(&["lock"]).code, 0);
    session.systemctl(&["restart", "tokend.service"]);
    assert_eq!(session.tok(&["get", "a"]).code, 9);
    assert_eq!(tok_with(&session, &["unlock", "--stdin"], PASSPHRASE).code, 0);

    // So is what was stopped.
    session.systemctl(&["stop", "tokend.service"]);
    assert_eq!(kept_descriptors(&session), "0");
    session.systemctl(&["start", "tokend.service"]);
    assert_eq!(session.tok(&["get", "a"]).code, 9);
    assert_eq!(tok_with(&session, &["unlock", "--stdin"], PASSPHRASE).code, 0);

    // A configuration that does not want it any more leaves it to nobody.
    let config = session.home().join(".config/tokend/config.toml");
    let text = fs::read_to_string(config).expect("the configuration").replace("= true", "= false");
    session.configure(&text);
    session.systemctl(&["restart", "tokend.service"]);
    assert_eq!(session.tok(&["get", "a"]).code, 9, "what was handed over is not taken");
    assert_eq!(kept_descriptors(&session), "0");
}

#[test]
fn without_being_asked_for_a_restart_locks_and_nothing_is_kept() {
    let Some(session) = Session::installed("a restart that locks, under a real systemd --user") else {
        return;
    };
    with_store(&session, false);
    session.systemctl(&["restart", "tokend.service"]);
    assert_eq!(session.tok(&["get", "a"]).code, 9);
    assert_eq!(kept_descriptors(&session), "0");
}

#[test]
fn an_identity_that_was_exchanged_meanwhile_and_what_is_not_ours_are_not_taken() {
    let Some(session) = Session::installed("strange descriptors under a real systemd --user") else {
        return;
    };
    with_store(&session, true);
    // While it restarts, another store takes the place of the first.
    let store = session.home().join(".local/share/tokend");
    session.drop_in(
        "exchange.conf",
        &format!(
            "[Service]\nExecStartPre=sh -c 'sed -i s/^age1.*/{}/ {}'\n",
            // Somebody's: it is a recipient, and not this store's.
            "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
            store.join("recipients.txt").display()
        ),
    );
    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["restart", "tokend.service"]);
    eventually("it is said why", || session.log().contains("does not stay unlocked").then_some(()));
    assert_ne!(session.tok(&["get", "a"]).code, 0);
    assert_eq!(kept_descriptors(&session), "0");
}
