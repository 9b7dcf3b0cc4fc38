//! What of the store lies in the daemon's memory: nothing while it is open, nothing once it is locked. Looked for from
//! outside, as only root can.

#![cfg(has_procfs)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::time::Duration;

use tokend_tests::accounts;
use tokend_tests::memory_scan::Scan;
use tokend_tests::real_time::let_pass;
use tokend_tests::sandbox::{Daemon, Sandbox, skip};
use tokend_tests::stand_in::{HttpLogin, ItsYouOnline, LyveCloud};

// No words: those may be in the messages of the program.
const PASSPHRASE: &str = "Vq7-tulip-93bX-otter-Kk41-maple";

/// What is looked for, and what it is.
type Wanted = Vec<(&'static str, Vec<u8>)>;

fn may_look(daemon: &Daemon) -> bool {
    Scan::of(daemon.pid())
        .inspect_err(|error| skip("the scan of the daemon's memory", &format!("that needs root: {error}")))
        .is_ok()
}

/// Whatever is found once nothing is under way.
fn found(daemon: &Daemon, wanted: &Wanted) -> Vec<String> {
    let patterns: Vec<&[u8]> = wanted.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    let mut found = Vec::new();
    // What is in use is there, for a moment.
    for _ in 0..10 {
        let places = Scan::of(daemon.pid()).expect("root reads any memory").places(&patterns);
        found = places.iter().map(|place| format!("{}: {place:?}", wanted[place.which].0)).collect();
        if found.is_empty() {
            break;
        }
        let_pass(Duration::from_millis(100), "work comes to its end");
    }
    found
}

#[track_caller]
fn assert_nothing_lies_about(daemon: &Daemon, wanted: &Wanted, when: &str) {
    assert_eq!(found(daemon, wanted), Vec::<String>::new(), "{when}");
}

/// The 32 bytes of `AGE-SECRET-KEY-1…` (Bech32, BIP 173): five bits a letter, the last six letters are a checksum.
fn key_bytes(text: &str) -> Vec<u8> {
    const LETTERS: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    let data = text.trim().strip_prefix("AGE-SECRET-KEY-1").expect("an age identity");
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in data[..data.len() - 6].chars() {
        bits =
            bits << 5 | u32::try_from(LETTERS.find(letter).expect("a letter of Bech32")).expect("five bits");
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).expect("a byte"));
        }
    }
    bytes
}

/// Accounts whose secrets are in the store, each with what is secret of it.
fn furnish(sandbox: &Sandbox, services: &(LyveCloud, ItsYouOnline, HttpLogin)) -> Wanted {
    let (lyve, iyo, login) = services;
    let mut configuration = accounts::lyve_cloud(sandbox, "lyve", lyve)
        + &accounts::its_you_online(sandbox, "gen1", iyo).replace("scope = [", "scope = ['offline_access', ")
        + &accounts::http_login(sandbox, "internal", login);
    let mut wanted = Wanted::new();
    for (account, what) in
        [("lyve", "Lyve's secret"), ("gen1", "ItsYou's secret"), ("internal", "the login's secret")]
    {
        let (table, value) = accounts::into_store(sandbox, account, &configuration);
        configuration = table;
        wanted.push((what, value.into_bytes()));
    }
    sandbox.configure(&configuration);
    wanted
}

fn services() -> (LyveCloud, ItsYouOnline, HttpLogin) {
    (
        LyveCloud::builder().with(|lyve| lyve.secret = "a-secret-of-Lyve-Cloud-0123456789".into()).start(),
        ItsYouOnline::builder()
            .with(|iyo| iyo.client_secret = "a-secret-of-ItsYou-0123456789".into())
            .start(),
        HttpLogin::builder()
            .with(|login| {
                login.fields = vec![
                    ("user".to_owned(), "svc".to_owned()),
                    ("key".to_owned(), "a-secret-of-a-login-0123456789".to_owned()),
                ];
            })
            .start(),
    )
}

fn tokens(sandbox: &Sandbox) -> Wanted {
    ["lyve", "gen1", "internal"].map(|account| ("a token", sandbox.token(account).into_bytes())).to_vec()
}

#[test]
fn an_open_store_leaves_neither_its_key_nor_a_secret_in_memory_and_neither_does_a_locked_one() {
    let sandbox = Sandbox::new();
    let services = services();
    let mut wanted = furnish(&sandbox, &services);
    let identity = fs::read_to_string(sandbox.path().join("data/tokend/identity")).expect("the identity");
    let key = identity.lines().find(|line| !line.starts_with('#')).expect("a key");
    let bytes = key_bytes(key);
    assert_eq!(bytes.len(), 32);
    // How every identity begins, the program knows.
    wanted.push(("the identity", key.as_bytes()["AGE-SECRET-KEY-1".len()..].to_vec()));
    wanted.push(("the identity's bytes", bytes));
    let daemon = sandbox.start();
    if !may_look(&daemon) {
        return;
    }
    wanted.extend(tokens(&sandbox));
    for account in ["lyve", "gen1", "internal"] {
        assert_eq!(sandbox.tok(["refresh", account]).code, 0);
    }
    wanted.extend(tokens(&sandbox));
    assert_nothing_lies_about(&daemon, &wanted, "open");
    assert_eq!(sandbox.tok(["lock"]).code, 0);
    assert_nothing_lies_about(&daemon, &wanted, "locked");

    // The same scan finds what is there: the path of the socket is no secret.
    let there = vec![("the socket's path", sandbox.socket().display().to_string().into_bytes())];
    assert!(!found(&daemon, &there).is_empty());
}

#[test]
fn a_passphrase_is_in_memory_neither_after_an_unlock_nor_after_wrong_ones_nor_after_a_lock() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.tok_with_input(["init", "--stdin"], PASSPHRASE).code, 0);
    let services = services();
    let mut wanted = furnish(&sandbox, &services);
    let wrong = "Zz3-heron-77aQ-birch-Mm20-cedar";
    wanted.push(("the passphrase", PASSPHRASE.as_bytes().to_vec()));
    wanted.push(("a wrong passphrase", wrong.as_bytes().to_vec()));
    let daemon = sandbox.start();
    if !may_look(&daemon) {
        return;
    }
    assert_eq!(sandbox.tok_with_input(["unlock", "--stdin"], wrong).code, 9);
    assert_nothing_lies_about(&daemon, &wanted, "refused");
    assert_eq!(sandbox.tok_with_input(["unlock", "--stdin"], PASSPHRASE).code, 0);
    wanted.extend(tokens(&sandbox));
    assert_nothing_lies_about(&daemon, &wanted, "open");
    assert_eq!(sandbox.tok(["lock"]).code, 0);
    assert_nothing_lies_about(&daemon, &wanted, "locked");
}
