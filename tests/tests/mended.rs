//! A secret that is mended wakes its account by itself, and one that was changed meanwhile is tried before its account is
//! given up.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::time::Duration;

use tokend_tests::accounts;
use tokend_tests::platform::set_mode;
use tokend_tests::sandbox::{Sandbox, eventually, write_program};
use tokend_tests::stand_in::{HttpLogin, LyveCloud};

const SOON: Duration = Duration::from_secs(15);

#[track_caller]
fn becomes_fresh(sandbox: &Sandbox, account: &str) {
    eventually("the account is fresh", || (sandbox.status(account)["state"] == "fresh").then_some(()));
}

#[test]
fn a_corrected_file_wakes_the_account_that_its_service_refused() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    accounts::set_secret(&sandbox, "lyve", "wrong-secret");
    let _daemon = sandbox.start();
    assert_eq!(sandbox.tok(["get", "lyve"]).code, 5);
    // Another file of the folder is not this one.
    sandbox.secret_file("another", "x");
    assert_eq!(sandbox.tok(["get", "lyve"]).code, 5);
    assert_eq!(lyve.requests(), 1);

    let right = lyve.change(|lyve| lyve.secret.clone());
    accounts::set_secret(&sandbox, "lyve", &right);
    becomes_fresh(&sandbox, "lyve");
    assert!(lyve.is_live(&sandbox.token("lyve")));
    assert_eq!(lyve.requests(), 2);
}

#[test]
fn a_file_that_is_written_closed_or_put_in_place_wakes_an_account_that_lacked_it() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    let right = lyve.change(|lyve| lyve.secret.clone());
    sandbox.configure(
        &["missing", "open", "replaced", "deep"]
            .map(|name| accounts::lyve_cloud(&sandbox, name, &lyve))
            .concat(),
    );
    let file = |name: &str| sandbox.home().join(format!("{name}.secret"));
    fs::remove_file(file("missing")).expect("removed");
    set_mode(file("open"), 0o644).expect("opened");
    accounts::set_secret(&sandbox, "replaced", "");
    let text = fs::read_to_string(sandbox.config_file()).expect("the configuration");
    sandbox.configure(&text.replace("~/deep.secret", "~/not/yet/there/deep.secret"));
    let _daemon = sandbox.start();
    for account in ["missing", "open", "replaced", "deep"] {
        assert_eq!(sandbox.tok(["get", account]).code, 5, "{account}");
    }
    assert_eq!(lyve.requests(), 0);

    accounts::set_secret(&sandbox, "missing", &right);
    set_mode(file("open"), 0o600).expect("closed");
    let beside = sandbox.secret_file("beside", &right);
    fs::rename(beside, file("replaced")).expect("put in place");
    fs::create_dir_all(sandbox.home().join("not/yet/there")).expect("the folders");
    sandbox.secret_file("not/yet/there/deep.secret", &right);
    for account in ["missing", "open", "replaced", "deep"] {
        becomes_fresh(&sandbox, account);
    }
}

#[test]
fn a_file_that_changes_again_and_again_to_a_wrong_secret_makes_nobody_hammer_the_service() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    accounts::set_secret(&sandbox, "lyve", "wrong-secret");
    let _daemon = sandbox.start();
    assert_eq!(sandbox.tok(["get", "lyve"]).code, 5);
    for number in 0..40 {
        accounts::set_secret(&sandbox, "lyve", &format!("wrong-secret-{number}"));
        sandbox.tok(["get", "lyve", "--timeout", "100ms"]);
    }
    assert!(lyve.requests() <= 4, "{} requests", lyve.requests());
}

/// A program that prints another secret each time that it runs: the first is wrong.
#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_refused_secret_is_read_once_more_and_a_new_one_is_tried_at_once() {
    let sandbox = Sandbox::new();
    let login = HttpLogin::start();
    let right =
        login.change(|login| login.fields.iter().find(|(name, _)| name == "key").map(|(_, key)| key.clone()));
    let program = sandbox.home().join("print-secret");
    let script = format!(
        "#!/bin/sh\ncd '{}' && echo x >>runs && [ $(wc -l <runs) -gt 1 ] && exec echo '{}'\necho old-secret\n",
        sandbox.home().display(),
        right.expect("a key")
    );
    write_program(&program, 0o700, script.as_bytes());
    let account = accounts::http_login(&sandbox, "internal", &login);
    sandbox.configure(
        &account
            .replace("{ file = '~/internal.secret' }", &format!("{{ command = ['{}'] }}", program.display())),
    );
    let _daemon = sandbox.start();
    assert!(login.is_live(&sandbox.token("internal")));
    assert_eq!(login.requests(), 2);
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_refused_secret_that_is_still_the_same_is_not_sent_again() {
    let sandbox = Sandbox::new();
    let login = HttpLogin::start();
    let runs = sandbox.home().join("runs");
    let account = accounts::http_login(&sandbox, "internal", &login);
    let command = format!("{{ command = ['/bin/sh', '-c', 'echo x >>{}; echo wrong'] }}", runs.display());
    sandbox.configure(&account.replace("{ file = '~/internal.secret' }", &command));
    let _daemon = sandbox.start();
    assert!(login.wait_for_token_requests(1, SOON));
    assert_eq!(sandbox.tok(["get", "internal"]).code, 5);
    assert_eq!(login.requests(), 1);
    assert_eq!(fs::read_to_string(runs).expect("the runs").lines().count(), 2, "read, and read once more");
}
