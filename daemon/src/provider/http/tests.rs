//! The client against services on the loopback that behave as badly as real ones.

mod carried_out;

use std::io::Write as _;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;
use crate::platform::testing::{ROOT, with_whole_paths};
use crate::provider::Class;
use crate::provider::stand_in::{Answer, StandIn, answer, answer_with, complaints, moment, with_table};

fn http(keys: &str, defaults: &Defaults) -> Http {
    let mut http = None;
    with_table(keys, |table| http = Some(Http::read(table, defaults)));
    http.expect("an Http")
}

fn url(text: &str) -> Url {
    address::parse(text, address::Query::Allowed).expect("a URL")
}

async fn get(service: &StandIn) -> Result<Reply, Failure> {
    http("", &Defaults::default()).send(Request::get(url(&service.url())), moment(0)).await
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let other = StandIn::start([answer(200, "")]);
        let to = format!("Location: {}/\r\n", other.url());
        let service = StandIn::start([answer_with(status, &to, "")]);
        let request =
            Request::post(url(&service.url())).bearer("Bearer", &crate::provider::stand_in::secret("abc"));
        let http = http("", &Defaults::default());
        let reply = http.send(request.expect("a header"), moment(0)).await.expect("an answer");
        assert_eq!(reply.status, status);
        assert!(other.seen().is_empty());
    }
}

#[tokio::test]
async fn a_body_has_a_limit_whether_its_length_is_told_or_not() {
    let body = |bytes: usize| "x".repeat(bytes);
    let endless = format!("HTTP/1.1 200 X\r\n\r\n{}", body(MOST_BODY + 1)).into_bytes();
    let service = StandIn::start([
        answer(200, &body(MOST_BODY)),
        answer(200, &body(MOST_BODY + 1)),
        Answer::Bytes(endless),
        Answer::Bytes(b"HTTP/1.1 200 X\r\nContent-Length: 99999999999999\r\n\r\n".to_vec()),
    ]);
    assert_eq!(get(&service).await.expect("an answer").body.len(), MOST_BODY);
    for _ in 0..3 {
        let failure = get(&service).await.expect_err("too long");
        assert_eq!((failure.class, failure.kind), (Class::NotNow, "too-long"));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_failure_of_the_network() {
    let service = StandIn::start([
        Answer::Bytes(b"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nabc".to_vec()),
        Answer::Bytes(b"HTTP/1.1 200".to_vec()),
        Answer::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        Answer::Bytes(Vec::new()),
    ]);
    for _ in 0..4 {
        let failure = get(&service).await.expect_err("broken");
        assert_eq!((failure.class, failure.kind), (Class::NotNow, "reset"), "{failure}");
    }
}

#[tokio::test]
async fn localhost_is_the_loopback_without_a_look_at_any_name() {
    let service = StandIn::start([answer(200, "{}")]);
    let localhost = url(&service.url().replace("127.0.0.1", "localhost"));
    let reply = http("", &Defaults::default()).send(Request::get(localhost), moment(0)).await;
    assert!(reply.is_ok(), "{reply:?}");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unreachable() {
    let gone = StandIn::start([]).url();
    let http = http("", &Defaults::default());
    let failure =
        http.send(Request::get(url(&format!("{gone}/?key=hunter2"))), moment(0)).await.expect_err("gone");
    assert_eq!((failure.class, failure.kind), (Class::NotNow, "unreachable"));
    assert!(!format!("{failure:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_service_that_says_nothing_is_given_up_on() {
    let service = StandIn::start([
        Answer::Silence,
        Answer::Bytes(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
    ]);
    let defaults = Defaults { http_timeout: Duration::from_millis(50), ..Defaults::default() };
    let failure =
        http("", &defaults).send(Request::get(url(&service.url())), moment(0)).await.expect_err("silence");
    assert_eq!((failure.class, failure.kind), (Class::NotNow, "timeout"));
}

#[tokio::test]
async fn what_the_answer_says_besides_is_read() {
    let headers = "Retry-After: 7\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Encoding: gzip\r\n";
    let service = StandIn::start([answer_with(429, headers, "{}")]);
    let reply = get(&service).await.expect("an answer");
    assert_eq!(reply.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(reply.date, None, "not over TLS");
    assert_eq!(&**reply.body, b"{}", "not unpacked");
}

#[tokio::test]
async fn the_users_headers_are_sent() {
    let service = StandIn::start([answer(200, ""), answer(200, "")]);
    let http = http(
        "user_agent = 'curl/8'\nheaders = { X-Tenant = 'blue', Accept = 'text/plain' }",
        &Defaults::default(),
    );
    http.send(Request::post(url(&service.url())).json(&["x"]), moment(0)).await.expect("an answer");
    get(&service).await.expect("an answer");
    let seen = service.seen();
    assert_eq!(seen[0].header("user-agent"), Some("curl/8"));
    assert_eq!(seen[0].header("x-tenant"), Some("blue"));
    assert_eq!(seen[0].header("accept"), Some("text/plain"));
    assert_eq!(
        (seen[0].header("content-type"), seen[0].body.as_str()),
        (Some("application/json"), "[\"x\"]")
    );
    assert_eq!(seen[1].header("user-agent"), Some(concat!("tokend/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(seen[1].header("accept"), Some("application/json"));
    assert_eq!(seen[1].header("accept-encoding"), None);
}

fn environment(proxy: &StandIn, no_proxy: &str) -> Defaults {
    let environment = ProxyEnvironment::from_lookup(|name| match name {
        "HTTPS_PROXY" | "HTTP_PROXY" | "http_proxy" | "ALL_PROXY" => Some(proxy.url()),
        "NO_PROXY" => Some(no_proxy.to_owned()),
        _ => None,
    });
    Defaults { environment, ..Defaults::default() }
}

#[tokio::test]
async fn the_loopback_is_not_reached_through_a_proxy() {
    let (proxy, service) =
        (StandIn::start([answer(200, "")]), StandIn::start([answer(200, ""), answer(200, "")]));
    let defaults = environment(&proxy, "");
    for keys in ["", &format!("proxy = '{}'", proxy.url())] {
        http(keys, &defaults).send(Request::post(url(&service.url())), moment(0)).await.expect("an answer");
    }
    assert_eq!((service.seen().len(), proxy.seen().len()), (2, 0));
}

#[tokio::test]
async fn other_hosts_are_and_what_the_proxy_says_is_told() {
    let proxy = StandIn::start([answer(407, ""), answer(403, ""), answer(502, "")]);
    let defaults = environment(&proxy, "b.invalid");
    for words in ["user name", "would not", "would not"] {
        let http = http("", &defaults);
        let failure =
            http.send(Request::get(url("https://a.invalid/?key=x")), moment(0)).await.expect_err("no way");
        assert_eq!((failure.class, failure.kind), (Class::NotNow, "proxy"));
        assert!(failure.message.contains(words) && failure.message.contains("a.invalid"), "{failure}");
    }
    assert_eq!(proxy.lines(), ["CONNECT a.invalid:443"; 3]);
    let gone = Defaults { proxy: Some(url(&StandIn::start([]).url())), ..Defaults::default() };
    let failure =
        http("", &gone).send(Request::get(url("https://a.invalid")), moment(0)).await.expect_err("no proxy");
    assert_eq!(failure.kind, "proxy");
    assert!(failure.message.contains("cannot be reached itself"), "{failure}");
}

/// Certificates for tests, and services that have them.
pub(crate) mod testing {
    use super::*;

    /// Whoever trusts this authority trusts both of the others.
    pub(crate) const AUTHORITY: &str = include_str!("tests/authority.pem");
    /// For the loopback.
    pub(crate) const LOOPBACK: &str = include_str!("tests/loopback.pem");
    /// For another name.
    pub(crate) const STRANGER: &str = include_str!("tests/stranger.pem");

    /// A service with this certificate and its key.
    pub(crate) fn tls(pem: &str) -> rustls::ServerConfig {
        install_crypto();
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("a key");
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        config.with_single_cert(vec![certificate], key).expect("a pair")
    }
}

use testing::{AUTHORITY, LOOPBACK, STRANGER};

/// A service with a certificate of [`AUTHORITY`].
fn tls_service(pem: &str, answers: Vec<Answer>) -> StandIn {
    StandIn::start_tls(answers, testing::tls(pem))
}

/// Asks a service with a `ca_file` that holds the authority.
async fn get_trusting(service: &StandIn) -> Result<Reply, Failure> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(AUTHORITY.as_bytes()).expect("room");
    let http = http(&format!("ca_file = '{}'", file.path().display()), &Defaults::default());
    http.send(Request::get(url(&service.url())), moment(0)).await
}

#[tokio::test]
async fn an_authority_in_ca_file_is_trusted_and_the_date_over_tls_is_read() {
    if !crate::platform::testing::takes_authorities() {
        return;
    }
    let headers = "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n";
    let service = tls_service(LOOPBACK, vec![answer_with(200, headers, "{}")]);
    let reply = get_trusting(&service).await.expect("an answer");
    assert_eq!(reply.date, Some(moment(0).wall));
}

#[tokio::test]
async fn tls_to_a_stranger_is_not_now() {
    if !crate::platform::testing::takes_authorities() {
        return;
    }
    let service = tls_service(LOOPBACK, vec![answer(200, "{}")]);
    let failure = get(&service).await.expect_err("a stranger");
    assert!(matches!((failure.class, failure.kind), (Class::NotNow, "tls" | "no-certificates")), "{failure}");

    let service = tls_service(STRANGER, vec![answer(200, "{}")]);
    let failure = get_trusting(&service).await.expect_err("another name");
    assert_eq!((failure.class, failure.kind), (Class::NotNow, "tls"));
    assert!(failure.message.contains("another name"), "{failure}");
    assert!(service.seen().is_empty());

    let plain = StandIn::start([answer(400, "this is http")]);
    let https = url(&plain.url().replace("http:", "https:"));
    let failure =
        http("", &Defaults::default()).send(Request::get(https), moment(0)).await.expect_err("no TLS");
    assert!(matches!(failure.kind, "tls" | "no-certificates"), "{failure}");
}

#[tokio::test]
async fn a_missing_ca_file_parks_https_only() {
    let missing = http(&with_whole_paths("ca_file = '/nowhere/ca.pem'"), &Defaults::default());
    let failure = missing.send(Request::get(url("https://a.invalid")), moment(0)).await.expect_err("no file");
    assert_eq!((failure.class, failure.kind), (Class::Source, "ca-file"));
    let service = StandIn::start([answer(200, "")]);
    assert!(missing.send(Request::get(url(&service.url())), moment(0)).await.is_ok());
}

#[test]
fn settings_are_the_accounts_or_the_daemons() {
    let defaults = Defaults {
        ca_file: Some("/etc/ca.pem".into()),
        proxy: parse_proxy("http://p:3128").ok(),
        ..Defaults::default()
    };
    let shown = |keys: &str| {
        let mut lines = Vec::new();
        http(keys, &defaults).describe(&mut lines);
        lines.into_iter().map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(shown(""), "proxy http://p:3128/, ca_file /etc/ca.pem");
    let other = shown(&with_whole_paths("proxy = 'http://q:1'\nca_file = '/x'"));
    assert_eq!(other, format!("proxy http://q:1/, ca_file {ROOT}x"));
    assert_eq!(shown("proxy = ''\nheaders = { A = 'b' }"), "proxy none, ca_file /etc/ca.pem, headers a");
}

#[test]
fn faulty_settings_are_reported() {
    for text in [
        "proxy = 'p:3128'",
        "proxy = 'http://u:hunter2@p:3128'",
        "proxy = 'socks5://p:1'",
        "proxy = 'http://p/path'",
        "proxy = 1",
        "ca_file = 'ca.pem'",
        "ca_file = true",
    ] {
        let found = complaints(text, |table| drop(Http::read(table, &Defaults::default())));
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(!found[0].contains("hunter2"), "{found:#?}");
    }
}
