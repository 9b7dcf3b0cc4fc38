//! What a failure says of whether the request may have been carried out, and that nothing is ever sent twice.

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;

use super::*;
use crate::provider::CarriedOut::{self, AnswerLost, No, Unclear};

fn spending(to: &str) -> Request {
    let mut form = Buffer::default();
    form.push_pair(b"refresh_token", b"hunter2");
    Request::post(url(to)).form(form)
}

/// With the authority of the stand-ins with TLS.
fn trusting() -> (Http, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(AUTHORITY.as_bytes()).expect("room");
    let keys = format!("ca_file = '{}'\nproxy = ''", file.path().display());
    (http(&keys, &Defaults::default()), file)
}

/// The same with a short time to answer in: long enough to send a request also where much else is going on.
fn hasty(http: &Http) -> Http {
    Http { timeout: Duration::from_millis(1500), ..http.clone() }
}

async fn lose(http: &Http, to: &str) -> (CarriedOut, &'static str) {
    let failure = http.send(spending(to), moment(0)).await.expect_err("no answer");
    assert_eq!(failure.class, Class::NotNow);
    (failure.carried_out, failure.kind)
}

#[tokio::test]
async fn a_request_that_found_no_service_was_not_carried_out() {
    if !crate::platform::testing::takes_authorities() {
        return;
    }
    let (http, _file) = trusting();
    let gone = StandIn::start([]).url();
    assert_eq!(lose(&http, &gone).await, (No, "unreachable"));
    let (carried_out, _) = lose(&http, "https://a.invalid").await;
    assert_eq!(carried_out, No);

    let proxy = StandIn::start([answer(407, ""), answer(403, ""), answer(502, "<html>"), Answer::Silence]);
    let through = Http { route: Route::Through(url(&proxy.url())), ..hasty(&http) };
    for kind in ["proxy", "proxy", "proxy", "timeout"] {
        assert_eq!(lose(&through, "https://a.invalid").await, (No, kind));
    }
}

#[tokio::test]
async fn a_request_that_met_a_stranger_was_not_carried_out() {
    if !crate::platform::testing::takes_authorities() {
        return;
    }
    let (http, _file) = trusting();
    let stranger = tls_service(STRANGER, vec![answer(200, "{}")]);
    assert_eq!(lose(&http, &stranger.url()).await, (No, "tls"));
    let plain = StandIn::start([answer(400, "this is http"), Answer::Silence]);
    let https = plain.url().replace("http:", "https:");
    assert_eq!(lose(&http, &https).await, (No, "tls"));
    // The time was over in the midst of the handshake: an error does not say that.
    assert_eq!(lose(&hasty(&http), &https).await, (No, "timeout"));
    assert!(stranger.seen().is_empty());
}

#[tokio::test]
async fn a_service_that_wants_a_certificate_did_nothing() {
    if !crate::platform::testing::takes_authorities() {
        return;
    }
    install_crypto();
    let pem = LOOPBACK.as_bytes();
    let certificate = CertificateDer::from_pem_slice(pem).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(pem).expect("a key");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).expect("a root")).expect("a good one");
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("a verifier");
    let config = rustls::ServerConfig::builder().with_client_cert_verifier(verifier);
    let config = config.with_single_cert(vec![certificate], key).expect("a pair");
    let service = StandIn::start_tls([answer(200, "{}")], config);
    let (carried_out, kind) = lose(&trusting().0, &service.url()).await;
    // On a closed connection the alert may be lost, and then nobody knows.
    assert!(matches!((carried_out, kind), (No, "tls") | (AnswerLost, "reset")), "{carried_out:?} {kind}");
    assert!(service.seen().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_lost_leaves_open_what_became_of_the_request_and_nothing_is_sent_again() {
    let (http, _file) = trusting();
    let bytes = |text: &str| Answer::Bytes(text.as_bytes().to_vec());
    let endless = format!("HTTP/1.1 200 X\r\n\r\n{}", "x".repeat(MOST_BODY + 1));
    for (answer, lost, kind) in [
        (Answer::Bytes(Vec::new()), AnswerLost, "reset"),
        (Answer::Silence, AnswerLost, "timeout"),
        (bytes("SSH-2.0-OpenSSH_9.2\r\n"), AnswerLost, "reset"),
        (bytes("HTTP/1.1 200"), AnswerLost, "reset"),
        (bytes("HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{\"access_token\": \"a"), AnswerLost, "reset"),
        (bytes("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), AnswerLost, "reset"),
        (bytes(&endless), AnswerLost, "too-long"),
        // The status came; only what was said besides did not.
        (bytes("HTTP/1.1 503 X\r\nContent-Length: 99\r\n\r\n"), No, "reset"),
        (bytes("HTTP/1.1 302 X\r\nContent-Length: 99\r\n\r\n"), No, "reset"),
        (bytes("HTTP/1.1 400 X\r\nContent-Length: 99\r\n\r\n{\"error\""), Unclear, "reset"),
        (bytes("HTTP/1.1 404 X\r\nContent-Length: 99999999\r\n\r\n"), Unclear, "too-long"),
        (bytes("HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\n"), Unclear, "reset"),
    ] {
        // Whoever sends again finds a second answer.
        let way = if answer.is_silence() { hasty(&http) } else { http.clone() };
        let service = StandIn::start([answer, super::answer(200, "{}")]);
        assert_eq!(lose(&way, &service.url()).await, (lost, kind));
        assert_eq!(service.connections(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_at_once_is_not_tried_again() {
    if !crate::platform::testing::takes_authorities() {
        return;
    }
    let (http, _file) = trusting();
    for _ in 0..20 {
        let service = StandIn::start([Answer::Closed, answer(200, "{}")]);
        // By then the request may have begun to leave, or not.
        let (carried_out, kind) = lose(&http, &service.url()).await;
        assert!(matches!((carried_out, kind), (No | AnswerLost, "reset")), "{carried_out:?} {kind}");
        assert_eq!((service.connections(), service.seen().len()), (1, 0));
        let config = testing::tls(LOOPBACK);
        let service = StandIn::start_tls([Answer::Closed, answer(200, "{}")], config);
        // Before the handshake, so it cannot have been.
        assert_eq!(lose(&http, &service.url()).await.0, No);
        assert_eq!((service.connections(), service.seen().len()), (1, 0));
    }
}

#[tokio::test]
async fn no_connection_is_used_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = format!("http://{}", listener.local_addr().expect("an address"));
    let service = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"hunter2") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("a request");
                bytes.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}").expect("an answer");
            // It stays open here; the other side closes it, and says no more.
            assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
        }
    });
    let http = http("", &Defaults::default());
    for _ in 0..2 {
        assert!(http.send(spending(&to), moment(0)).await.is_ok());
    }
    // Off the runtime, which closes the connections.
    tokio::task::spawn_blocking(|| service.join()).await.expect("a join").expect("both closed");
}
