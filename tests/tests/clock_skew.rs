//! A service that tells its clock over TLS: `tok status` says how far this machine's is from it, and nothing lives longer.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use serde_json::Value;
use tokend_tests::accounts;
use tokend_tests::https::Https;
use tokend_tests::sandbox::{Sandbox, skip};
use tokend_tests::stand_in::HttpLogin;

/// The account of a service behind TLS.
fn behind_tls(sandbox: &Sandbox, name: &str, https: &Https) -> String {
    let secret = sandbox.secret_file(&format!("{name}.secret"), "s3cret");
    format!(
        "[accounts.{name}]\ntype = 'http'\nca_file = '{}'\nsecrets = {{ k = {{ file = '{}' }} }}\n\
         request = {{ method = 'POST', url = '{}', form = {{ k = '${{secret:k}}' }} }}\n\
         response = {{ token = '/t', expires_in = '/e' }}\n",
        https.ca_file.display(),
        secret.display(),
        https.url
    )
}

#[test]
fn status_says_how_far_the_clock_is_from_each_services() {
    let sandbox = Sandbox::new();
    let login = HttpLogin::start();
    let mut configuration = accounts::http_login(&sandbox, "plain", &login);
    let mut services = Vec::new();
    for (name, ahead) in [("right", 0), ("late", -7200), ("early", 5400)] {
        let https = match Https::start_ahead(&sandbox.path().join(name), ahead) {
            Ok(https) => https,
            Err(error) => return skip("the clock of a service behind TLS", &error.to_string()),
        };
        configuration += &behind_tls(&sandbox, name, &https);
        services.push(https);
    }
    sandbox.configure(&configuration);
    let _daemon = sandbox.start();

    for (account, skew) in [("right", 0), ("late", 7200), ("early", -5400)] {
        sandbox.token(account);
        let status = sandbox.status(account);
        let told = status["clock_skew"].as_i64().expect("a number of seconds");
        // What the answer took counts, too.
        assert!((told - skew).abs() <= 6, "{account}: {told} s");
        let left = status["expires_in"].as_u64().expect("a life");
        assert!(left <= 3600, "{account}: {left} s are left of an hour");
    }
    sandbox.token("plain");
    assert_eq!(sandbox.status("plain")["clock_skew"], Value::Null, "what is not over TLS is not believed");

    let table = sandbox.tok(["status"]).stdout;
    let notes: Vec<&str> = table.lines().filter(|line| line.contains("clock")).collect();
    assert_eq!(notes.len(), 2, "{table}");
    assert!(
        notes[0].starts_with("    this machine's clock is 1h ") && notes[0].ends_with(" behind localhost's")
    );
    assert!(
        notes[1].starts_with("    this machine's clock is 2h") && notes[1].ends_with(" ahead of localhost's")
    );
}
