//! `tok lock` forgets, `tok unlock` gives the key again, and what is outside a locked store goes on.

#![expect(clippy::expect_used, clippy::panic, reason = "a test should fail with the place")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use tokend_proto::message::Unlock;
use tokend_proto::{Answer, Request};
use tokend_tests::accounts;
use tokend_tests::platform::{self, Stream};
use tokend_tests::real_time::{let_pass, timed};
use tokend_tests::sandbox::{Daemon, Said, Sandbox, eventually, receive, send};
use tokend_tests::stand_in::{Hole, HttpLogin, LyveCloud, OAuthServer};

const PASSPHRASE: &str = "correct horse battery staple";

#[track_caller]
fn quiet(said: &Said) {
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""));
}

/// Exit 9, and what to do.
#[track_caller]
fn is_locked(said: &Said) {
    assert_eq!((said.code, said.stdout.as_str()), (9, ""), "{said:?}");
    assert!(said.error().1.contains("`tok unlock`"), "{said:?}");
}

fn with_passphrase(sandbox: &Sandbox) {
    let said = sandbox.tok_with_input(["init", "--stdin"], PASSPHRASE);
    assert_eq!(said.code, 0, "{said:?}");
}

/// A daemon whose one account has its secret in a store under a passphrase.
fn under_a_passphrase() -> (Sandbox, LyveCloud, Daemon) {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    with_passphrase(&sandbox);
    let table = accounts::lyve_cloud(&sandbox, "lyve", &lyve);
    sandbox.configure(&accounts::into_store(&sandbox, "lyve", &table).0);
    let daemon = sandbox.start();
    (sandbox, lyve, daemon)
}

#[test]
fn a_lock_covers_every_account_but_those_that_say_no_and_an_unlock_costs_no_request() {
    let sandbox = Sandbox::new();
    let (lyve, oauth) = (LyveCloud::start(), OAuthServer::start());
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "lyve", &lyve),
            accounts::oauth2_at_endpoint(&sandbox, "graph", &oauth, "client_secret_basic") + "lock = false\n",
        ]
        .concat(),
    );
    let _daemon = sandbox.start();
    let (first, open) = (sandbox.token("lyve"), sandbox.token("graph"));
    eventually("it is kept", || {
        fs::read_dir(sandbox.state().join("accounts")).ok().map(Iterator::count).filter(|n| *n == 2)
    });
    quiet(&sandbox.tok(["lock"]));
    for command in ["get", "header", "refresh", "watch"] {
        is_locked(&sandbox.tok([command, "lyve"]));
    }
    assert_eq!(sandbox.tok(["exec", "A=lyve", "--", "true"]).code, 125);
    assert_eq!(sandbox.status("lyve")["state"], "locked");
    assert_eq!(sandbox.tok(["status", "lyve", "--check"]).code, 9);
    assert_eq!(sandbox.token("graph"), open);
    // A second time changes nothing, and neither does a reload.
    quiet(&sandbox.tok(["lock"]));
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    is_locked(&sandbox.tok(["get", "lyve"]));
    assert_eq!(lyve.requests(), 1);

    assert_eq!(sandbox.tok(["unlock"]).code, 0);
    assert_eq!(sandbox.token("lyve"), first);
    assert_eq!((lyve.requests(), oauth.requests()), (1, 1));
}

#[test]
fn a_lock_ends_watches_and_whoever_waits() {
    let sandbox = Sandbox::new();
    let (lyve, hole) = (LyveCloud::start(), Hole::start());
    sandbox.configure(
        &[accounts::lyve_cloud(&sandbox, "lyve", &lyve), accounts::hanging(&sandbox, "hangs", &hole)]
            .concat(),
    );
    let _daemon = sandbox.start();
    sandbox.token("lyve");
    let mut watch =
        sandbox.command("tok").args(["watch", "lyve"]).stdout(Stdio::piped()).spawn().expect("tok starts");
    let mut line = String::new();
    BufReader::new(watch.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.contains("token"));
    let mut waits = sandbox.command("tok").args(["get", "hangs"]).spawn().expect("tok starts");
    assert!(hole.wait_for_connections(1, Duration::from_secs(15)));
    let (said, took) = timed(|| sandbox.tok(["lock"]));
    quiet(&said);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(watch.wait().expect("an end").code(), Some(9));
    assert_eq!(waits.wait().expect("an end").code(), Some(9));
}

#[test]
fn accounts_outside_a_locked_store_work_after_a_start_and_those_inside_after_the_passphrase() {
    let sandbox = Sandbox::new();
    let (lyve, login) = (LyveCloud::start(), HttpLogin::start());
    with_passphrase(&sandbox);
    let table = accounts::http_login(&sandbox, "internal", &login);
    let (inside, _) = accounts::into_store(&sandbox, "internal", &table);
    sandbox.configure(&(accounts::lyve_cloud(&sandbox, "lyve", &lyve) + &inside));

    let daemon = sandbox.start();
    let outside = sandbox.token("lyve");
    is_locked(&sandbox.tok(["get", "internal"]));
    is_locked(&sandbox.tok(["refresh", "internal"]));
    assert_eq!(sandbox.status("internal")["state"], "locked");
    assert_eq!(login.requests(), 0);
    let said = sandbox.tok_with_input(["unlock", "--stdin"], "a wrong one");
    assert_eq!(said.code, 9, "{said:?}");
    assert!(!said.stderr.contains("a wrong one"));
    quiet(&sandbox.tok_with_input(["unlock", "--stdin"], &format!("{PASSPHRASE}\n")));
    let token = sandbox.token("internal");
    assert!(login.is_live(&token));
    let kept = || fs::read_dir(sandbox.state().join("accounts")).ok().map(Iterator::count);
    eventually("both are kept", || kept().filter(|count| *count == 2));
    assert!(daemon.stop().success());

    // The kept tokens cannot be read yet: what is outside the store is fetched anew.
    let _daemon = sandbox.start();
    let again = sandbox.token("lyve");
    assert!(lyve.is_live(&again) && again != outside);
    is_locked(&sandbox.tok(["get", "internal"]));
    quiet(&sandbox.tok_with_input(["unlock", "--stdin"], PASSPHRASE));
    assert_eq!(sandbox.token("internal"), token, "its last token was kept");
    assert_eq!((sandbox.token("lyve"), login.requests()), (again, 1));
}

#[test]
fn wrong_passphrases_cost_growing_time_and_the_right_one_is_not_believed_sooner() {
    let sandbox = Sandbox::new();
    with_passphrase(&sandbox);
    sandbox.configure("");
    let _daemon = sandbox.start();
    let unlock = |passphrase: &str| {
        let mut stream = ask_to_unlock(&sandbox, passphrase);
        match receive(&mut stream).expect("an answer") {
            Answer::Done => "unlocked".to_owned(),
            Answer::Failure(failure) => failure.kind,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(unlock("wrong 1"), "wrong-passphrase");
    assert_eq!(unlock("wrong 2"), "wrong-passphrase");
    assert_eq!(unlock(PASSPHRASE), "too-soon");
    eventually("it is believed again", || (unlock(PASSPHRASE) == "unlocked").then_some(()));
}

/// Sends a request to unlock.
fn ask_to_unlock(sandbox: &Sandbox, passphrase: &str) -> Stream {
    let secret = tokend_proto::Secret::new(passphrase.as_bytes().to_vec()).expect("it is short");
    let mut stream = platform::connect(sandbox.socket()).expect("a connection");
    send(&mut stream, &Request::Unlock(Unlock { passphrase: Some(secret) })).expect("it is sent");
    stream
}

#[test]
fn an_unlock_whose_caller_goes_away_is_carried_to_its_end() {
    let (sandbox, _lyve, _daemon) = under_a_passphrase();
    is_locked(&sandbox.tok(["get", "lyve"]));
    drop(ask_to_unlock(&sandbox, PASSPHRASE));
    eventually("it is unlocked", || (sandbox.tok(["get", "lyve"]).code == 0).then_some(()));
    quiet(&sandbox.tok(["lock"]));
    // Nothing is left behind that would open it without the passphrase.
    drop(ask_to_unlock(&sandbox, "a wrong one"));
    let said = sandbox.tok_with_input(["unlock", "--stdin"], "");
    assert_ne!(said.code, 0, "{said:?}");
    is_locked(&sandbox.tok(["get", "lyve"]));
}

#[test]
fn a_lock_waits_for_no_unlock_and_counts_more_than_one_under_way() {
    let (sandbox, _lyve, _daemon) = under_a_passphrase();
    let mut unlocking = ask_to_unlock(&sandbox, PASSPHRASE);
    quiet(&sandbox.tok(["lock"]));
    let answer = receive(&mut unlocking).expect("an answer");
    // It was done before the lock, or it failed by it.
    assert!(
        matches!(&answer, Answer::Done) || matches!(&answer, Answer::Failure(it) if it.code.0 == 9),
        "{answer:?}"
    );
    is_locked(&sandbox.tok(["get", "lyve"]));
}

#[test]
fn without_use_everything_is_locked_and_a_look_at_the_status_is_no_use() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    let configuration = |after: &str| {
        format!("[daemon]\nlock_after = '{after}'\n") + &accounts::lyve_cloud(&sandbox, "lyve", &lyve)
    };
    sandbox.configure(&configuration("8s"));
    let _daemon = sandbox.start();
    // In use, it stays open.
    for _ in 0..9 {
        let_pass(Duration::from_secs(1), "the token is in use");
        sandbox.token("lyve");
    }
    let state = || sandbox.status("lyve")["state"].as_str().map(str::to_owned).unwrap_or_default();
    assert_eq!(state(), "fresh");
    eventually("it locks by itself, whoever looks", || (state() == "locked").then_some(()));
    is_locked(&sandbox.tok(["get", "lyve"]));
    assert_eq!(sandbox.tok(["unlock"]).code, 0);
    sandbox.token("lyve");
    sandbox.configure(&configuration("30m"));
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    let_pass(Duration::from_secs(9), "the old span is over");
    assert_eq!(state(), "fresh");
    assert_eq!(lyve.requests(), 1);
}

#[test]
fn a_secret_of_the_store_is_for_the_account_and_the_service_that_it_is_bound_to() {
    let sandbox = Sandbox::new();
    let (login, stranger) = (HttpLogin::start(), HttpLogin::start());
    let table = accounts::http_login(&sandbox, "internal", &login);
    sandbox.configure(&table);
    let value = fs::read_to_string(sandbox.home().join("internal.secret")).expect("the secret");
    let said = sandbox.tok_with_input(["secret", "set", "key", "--for", "internal"], &value);
    assert_eq!(said.code, 0, "{said:?}");
    let mine = table.replace("{ file = '~/internal.secret' }", "{ store = 'key' }");
    sandbox.configure(&(mine.clone() + &mine.replace("[accounts.internal]", "[accounts.other]")));
    let _daemon = sandbox.start();
    assert!(login.is_live(&sandbox.token("internal")));
    let said = sandbox.tok(["get", "other"]);
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.error().0.contains("internal"), "{said:?}");

    sandbox.configure(&mine.replace(login.url(), stranger.url()));
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    let said = sandbox.tok(["get", "internal"]);
    assert_eq!((said.code, stranger.requests()), (5, 0), "{said:?}");
}

#[test]
fn a_secret_that_is_set_wakes_the_account_that_lacked_it() {
    let sandbox = Sandbox::new();
    let login = HttpLogin::start();
    let table = accounts::http_login(&sandbox, "internal", &login);
    let value = fs::read_to_string(sandbox.home().join("internal.secret")).expect("the secret");
    sandbox.configure(&table.replace("{ file = '~/internal.secret' }", "{ store = 'internal' }"));
    let _daemon = sandbox.start();
    let said = sandbox.tok(["get", "internal"]);
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.error().1.contains("tok secret set internal"), "{said:?}");
    for (value, code) in [("wrong", 5), (value.as_str(), 0)] {
        let said = sandbox.tok_with_input(["secret", "set", "internal"], value);
        assert_eq!(said.code, 0, "{said:?}");
        eventually("the account is tried again", || {
            (sandbox.tok(["get", "internal"]).code == code).then_some(())
        });
    }
    assert!(login.requests() <= 3);
}
