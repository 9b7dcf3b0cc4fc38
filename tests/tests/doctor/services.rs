//! Planted: services that cannot be reached, trusted or believed, and what they say of accounts.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use tokend_tests::accounts;
use tokend_tests::https::Https;
use tokend_tests::sandbox::{Sandbox, eventually, skip};
use tokend_tests::stand_in::{Fault, Hole, LyveCloud, OAuthServer};

use crate::{Findings, SECRET, doctor, doctor_with};

/// An account of any service behind this URL, asked only when somebody wants its token.
fn at(sandbox: &Sandbox, name: &str, url: &str, more: &str) -> String {
    let secret = sandbox.secret_file(&format!("{name}.secret"), SECRET);
    format!(
        "[accounts.{name}]\ntype = 'http'\nrefresh = 'on-demand'\n{more}\n\
         request = {{ method = 'POST', url = '{url}', json = {{ key = '${{secret:key}}' }} }}\n\
         secrets = {{ key = {{ file = '{}' }} }}\n\
         response = {{ token = '/t', expires_in = '/e' }}\n",
        secret.display()
    )
}

/// What is found while a daemon runs with this configuration.
fn examined(sandbox: &Sandbox, configuration: &str) -> Findings {
    sandbox.configure(configuration);
    let _daemon = sandbox.start();
    doctor(sandbox)
}

#[test]
fn a_service_refuses_connections() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    lyve.outage(true);
    let found = examined(&sandbox, &at(&sandbox, "a", &format!("{}/x", lyve.url()), ""));
    let fault = found.has("service", "unreachable", &["it refused the connection", "url"]);
    assert_eq!(fault["account"], "a");
    assert_eq!(found.code, 6);
}

#[test]
fn a_service_does_not_answer_in_time() {
    let sandbox = Sandbox::new();
    let hole = Hole::start();
    let daemon = "[daemon]\nhttp_timeout = '1s'\n".to_owned();
    let found = examined(&sandbox, &(daemon + &at(&sandbox, "a", &hole.url(), "")));
    found.has("service", "timeout", &["did not answer in time", "http_timeout"]);
    assert_eq!(found.code, 6);
}

#[test]
fn a_service_does_not_speak_http() {
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    let found = examined(&sandbox, &at(&sandbox, "a", &url, ""));
    found.has("service", "broken", &["HTTP service"]);
}

#[test]
fn a_proxy_is_not_there() {
    let sandbox = Sandbox::new();
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
    let proxy = format!("proxy = 'http://127.0.0.1:{port}'");
    let found = examined(&sandbox, &at(&sandbox, "a", "https://service.invalid/login", &proxy));
    found.has("service", "proxy", &[&format!("127.0.0.1:{port}"), "NO_PROXY"]);
    // Names behind a proxy are the proxy's to look up.
    found.has("dns", "not-needed", &[]);
}

#[test]
fn a_proxy_with_a_password_is_not_told_and_not_gone_around() {
    let sandbox = Sandbox::new();
    sandbox.configure(&at(&sandbox, "a", "https://service.invalid/login", ""));
    let _daemon = sandbox.start_with(|tokend| {
        tokend.env("HTTPS_PROXY", format!("http://me:{SECRET}@127.0.0.1:1"));
    });
    let found = doctor(&sandbox);
    found.has("service", "not-asked", &["a password is in it", "HTTPS_PROXY"]);
    found.lacks("dns", "unknown-name");
}

#[test]
fn a_name_is_not_known() {
    let sandbox = Sandbox::new();
    sandbox.configure(&at(&sandbox, "a", "https://no-such-service.invalid/login", ""));
    let _daemon = sandbox.start();
    let found = doctor_with(&sandbox, |tok| {
        // resolv.conf(5): where no name server answers, that is known soon.
        tok.env("RES_OPTIONS", "timeout:1 attempts:1");
    });
    found.has("dns", "unknown-name", &["no-such-service.invalid", "getent hosts"]);
    assert_eq!(found.code, 6);
}

/// A service behind TLS, where there are the programs for it.
fn https(sandbox: &Sandbox, ahead: i64) -> Option<Https> {
    let started = Https::start_ahead(&sandbox.path().join("https"), ahead);
    started.map_err(|error| skip("a service behind TLS", &error.to_string())).ok()
}

fn trusting(ca_file: &Path) -> String {
    format!("ca_file = '{}'", ca_file.display())
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_certificate_is_a_strangers() {
    let sandbox = Sandbox::new();
    let Some(https) = https(&sandbox, 0) else { return };
    // With authorities of its own, the test does not depend on those of this machine.
    let other = sandbox.path().join("other.pem");
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-keyout", "/dev/null", "-days", "2", "-subj", "/CN=other", "-out"])
        .arg(&other)
        .output();
    assert!(made.is_ok_and(|made| made.status.success()), "openssl");
    let accounts = at(&sandbox, "a", &https.url, &trusting(&other))
        + &at(&sandbox, "b", &https.url, &trusting(&https.ca_file));
    let found = examined(&sandbox, &accounts);
    let fault = found.has("tls", "stranger", &["TLS to a stranger", "set `ca_file`"]);
    assert_eq!(fault["account"], "a");
    assert_eq!(found.faults().into_iter().collect::<Vec<_>>(), ["tls/stranger"]);
    assert!(found.has("service", "answers", &["localhost"])["account"] == "b");
    found.has("clock", "right", &[]);
}

#[test]
fn a_certificate_file_cannot_be_used() {
    let sandbox = Sandbox::new();
    let found = examined(
        &sandbox,
        &at(&sandbox, "a", "https://service.invalid/", &trusting(&sandbox.path().join("none.pem"))),
    );
    found.has("tls", "ca-file", &["none.pem", "BEGIN CERTIFICATE"]);
    assert_eq!(found.code, 5);
}

#[test]
#[cfg_attr(not(has_certificate_files), ignore = "the certificates of authorities are in no files here")]
fn a_machine_has_no_certificates_of_authorities() {
    let sandbox = Sandbox::new();
    sandbox.configure(&at(&sandbox, "a", "https://localhost:1/", ""));
    let _daemon = sandbox.start_with(|tokend| {
        tokend.env("SSL_CERT_FILE", "/nowhere/ca.pem").env("SSL_CERT_DIR", "/nowhere");
    });
    let found = doctor(&sandbox);
    found.has("tls", "no-certificates", &["ca-certificates", "ca_file"]);
}

#[test]
fn this_machines_clock_is_off() {
    for (ahead, finding, words) in [(7200, "far-off", "behind"), (-60, "skewed", "ahead of")] {
        let sandbox = Sandbox::new();
        let Some(https) = https(&sandbox, ahead) else { return };
        let found = examined(&sandbox, &at(&sandbox, "a", &https.url, &trusting(&https.ca_file)));
        found.has("clock", finding, &[words, "timedatectl"]);
        assert_eq!(found.code, i32::from(finding == "far-off"));
        found.has("tls", "trusted", &[]);
    }
}

#[test]
fn accounts_that_are_refused_wait_or_need_a_person_are_told() {
    let sandbox = Sandbox::new();
    let (refusing, failing) = (LyveCloud::start(), LyveCloud::start());
    failing.fault(Fault::status(503));
    let parked = accounts::lyve_cloud(&sandbox, "parked", &refusing);
    refusing.change(|lyve| lyve.secret = "another".to_owned());
    let oauth = OAuthServer::start();
    let login = format!(
        "[accounts.login]\ntype = 'oauth2'\nissuer = '{}{}'\ngrant = 'device_code'\nclient_id = 'c'\n",
        oauth.url(),
        oauth.change(|oauth| oauth.issuer_path.clone())
    );
    sandbox.configure(&(parked + &accounts::lyve_cloud(&sandbox, "waiting", &failing) + &login));
    let _daemon = sandbox.start();
    for (account, state) in [("parked", "parked"), ("waiting", "waiting"), ("login", "login-needed")] {
        eventually(state, || (sandbox.status(account)["state"] == state).then_some(()));
    }
    let found = doctor(&sandbox);
    assert_eq!(
        found.has("account", "parked", &["refused the credentials", "then `tok refresh parked`"])["account"],
        "parked"
    );
    assert_eq!(found.has("account", "waiting", &["503"])["account"], "waiting");
    found.has("account", "login-needed", &["tok login login"]);
    // What a person must do comes first.
    assert_eq!(found.code, 4);
    // All three answer, whatever they say to an account.
    assert_eq!(found.all.iter().filter(|it| it["check"] == "service" && it["state"] == "ok").count(), 3);
}

#[test]
fn a_vault_cannot_be_reached() {
    let sandbox = Sandbox::new();
    let token = sandbox.secret_file("vault-token", SECRET);
    let found = examined(
        &sandbox,
        &format!(
            "[vault]\naddress = 'http://127.0.0.1:1'\nauth = 'token'\ntoken = {{ file = '{}' }}\n{}",
            token.display(),
            crate::of_source("a", "{ vault = 'secret/app#key' }")
        ),
    );
    found.has("secret", "vault", &["127.0.0.1:1"]);
}
