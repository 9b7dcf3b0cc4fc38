//! Metrics for Prometheus on a Unix socket: what is told, to whom, and that nobody who wants a token waits for who
//! measures.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokend_tests::accounts::lyve_cloud;
use tokend_tests::platform::{self, Stream, is_socket, number};
use tokend_tests::sandbox::{Sandbox, eventually, skip, write_private};
use tokend_tests::stand_in::{Fault, LyveCloud};

const CONFIGURED: &str = "[daemon]\nmetrics_socket = 'metrics.sock'\n";

fn socket(sandbox: &Sandbox) -> PathBuf {
    platform::beside(&sandbox.socket(), "metrics.sock")
}

/// One request, and the whole answer.
fn ask(socket: &Path, request: &str) -> String {
    let mut stream = platform::connect(socket).expect("a connection");
    stream.write_all(request.as_bytes()).expect("it takes the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn get(socket: &Path, headers: &str) -> (String, String) {
    let answer = ask(socket, &format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{headers}\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    (head.to_ascii_lowercase(), body.to_owned())
}

/// The value of the sample with exactly this name and these labels.
#[track_caller]
fn value(body: &str, sample: &str) -> f64 {
    let line = body.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{sample} is not in\n{body}")).parse().expect("a number")
}

#[test]
fn what_happens_is_counted() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    let bad = "[accounts.bad]\ntype = 'static'\ntoken = { env = 'NOT_SET' }\n";
    sandbox.configure(&(CONFIGURED.to_owned() + &lyve_cloud(&sandbox, "a", &lyve) + bad));
    let daemon = sandbox.start();
    let tokens: Vec<String> = (0..3).map(|_| sandbox.token("a")).collect();
    assert_eq!(sandbox.tok(["get", "bad"]).code, 5);
    assert_eq!(sandbox.tok(["get", "nobody"]).code, 3);
    lyve.fault(Fault::status(503));
    assert_eq!(sandbox.tok(["refresh", "a"]).code, 6);

    let (head, body) = get(&socket(&sandbox), "");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    let of_a = "account=\"a\",type=\"lyve-cloud\"";
    for (sample, expected) in [
        (format!("tokend_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
        ("tokend_accounts".to_owned(), 2.0),
        (format!("tokend_account_state{{{of_a},state=\"fresh\"}}"), 0.0),
        (format!("tokend_account_state{{{of_a},state=\"waiting\"}}"), 1.0),
        ("tokend_account_state{account=\"bad\",type=\"static\",state=\"parked\"}".to_owned(), 1.0),
        (format!("tokend_tokens_served_total{{{of_a}}}"), 3.0),
        (format!("tokend_refreshes_total{{{of_a},outcome=\"ok\"}}"), 1.0),
        (format!("tokend_refreshes_total{{{of_a},outcome=\"failed\"}}"), 1.0),
        (format!("tokend_refresh_duration_seconds_count{{{of_a}}}"), 2.0),
        (format!("tokend_refresh_duration_seconds_bucket{{{of_a},le=\"+Inf\"}}"), 2.0),
        ("tokend_requests_total{request=\"get\",outcome=\"ok\"}".to_owned(), 3.0),
        ("tokend_requests_total{request=\"get\",outcome=\"refused\"}".to_owned(), 1.0),
        ("tokend_requests_total{request=\"get\",outcome=\"unknown\"}".to_owned(), 1.0),
        ("tokend_requests_total{request=\"refresh\",outcome=\"not-now\"}".to_owned(), 1.0),
        ("tokend_connection_attempts_total{outcome=\"refused\"}".to_owned(), 0.0),
    ] {
        let found = value(&body, &sample);
        assert!((found - expected).abs() < f64::EPSILON, "{sample}: {found}");
    }
    let started = value(&body, "process_start_time_seconds");
    let expiry = value(&body, &format!("tokend_token_expiry_timestamp_seconds{{{of_a}}}"));
    assert!(started > 1e9 && expiry > started, "{started} {expiry}");
    assert!(value(&body, &format!("tokend_next_refresh_timestamp_seconds{{{of_a}}}")) > started);
    if Path::new("/proc/self/statm").exists() {
        assert!(value(&body, "process_resident_memory_bytes") > 1e6);
    }
    for token in &tokens {
        assert!(!body.contains(token.as_str()));
    }
    assert!(daemon.stop().success());
    assert!(!socket(&sandbox).exists());
}

#[test]
#[cfg_attr(not(has_unix_sockets), ignore = "a pipe is no file here")]
fn only_its_user_may_look_and_only_at_the_metrics() {
    let sandbox = Sandbox::new();
    sandbox.configure(CONFIGURED);
    let _daemon = sandbox.start();
    let socket = socket(&sandbox);
    assert!(is_socket(&socket).expect("a socket"));
    assert_eq!(platform::mode(&socket).expect("a socket"), 0o600);
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "),
        ("GET /metrics/x HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "),
        ("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 "),
        ("DELETE /metrics HTTP/1.0\r\n\r\n", "HTTP/1.0 405 "),
        ("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 "),
        ("GET /metrics?x=y HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 "),
        ("nonsense\r\n\r\n", "HTTP/1.1 400 "),
    ] {
        let answer = ask(&socket, request);
        assert!(answer.starts_with(status), "{request:?}: {answer}");
        assert_eq!(answer.contains("allow: GET, HEAD"), status.contains("405"), "{answer}");
    }
}

#[test]
fn silent_and_half_clients_hold_up_nobody() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&(CONFIGURED.to_owned() + &lyve_cloud(&sandbox, "a", &lyve)));
    let _daemon = sandbox.start();
    let silent: Vec<Stream> = (0..50)
        .map(|number| {
            let mut stream = platform::connect(socket(&sandbox)).expect("a connection");
            if number % 2 == 0 {
                stream.write_all(b"GET /metrics HTT").expect("it takes half a request");
            }
            stream
        })
        .collect();
    sandbox.token("a");
    let (_, body) = get(&socket(&sandbox), "");
    assert!(value(&body, "tokend_accounts") > 0.0);
    // The oldest were closed for those that came later.
    let mut oldest = silent.into_iter().next().expect("one");
    let mut rest = Vec::new();
    let _ = oldest.read_to_end(&mut rest);
    assert!(rest.is_empty(), "{rest:?}");
}

#[test]
#[cfg_attr(not(has_unix_sockets), ignore = "a pipe is no file here")]
fn a_reload_moves_the_socket_and_takes_it_away() {
    let sandbox = Sandbox::new();
    sandbox.configure(CONFIGURED);
    let _daemon = sandbox.start();
    let first = socket(&sandbox);
    get(&first, "");
    let elsewhere = sandbox.home().join("m/there.sock");
    for place in ["~/m/there.sock".to_owned(), elsewhere.display().to_string()] {
        sandbox.configure(&format!("[daemon]\nmetrics_socket = '{place}'\n"));
        assert_eq!(sandbox.tok(["reload"]).code, 0);
        assert!(!first.exists());
        get(&elsewhere, "");
    }
    let before = number(&elsewhere).expect("a socket");
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    assert_eq!(number(&elsewhere).expect("the same socket"), before);
    sandbox.configure("");
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    assert!(!elsewhere.exists());
}

#[test]
#[cfg_attr(not(has_unix_sockets), ignore = "a pipe is no file here")]
fn a_file_in_its_place_is_left_alone_and_a_stale_socket_is_not() {
    let sandbox = Sandbox::new();
    sandbox.configure(CONFIGURED);
    sandbox.start().kill();
    assert!(socket(&sandbox).exists());
    let daemon = sandbox.start();
    get(&socket(&sandbox), "");
    assert!(daemon.stop().success());

    write_private(&socket(&sandbox), b"precious");
    let daemon = sandbox.start();
    let log = eventually("the log says why there are none", || {
        Some(daemon.log()).filter(|log| log.contains("no metrics are served"))
    });
    assert!(log.contains("no socket"), "{log}");
    assert_eq!(fs::read(socket(&sandbox)).expect("the file"), b"precious");
    let said = sandbox.tok(["reload", "-v"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stderr.contains("no metrics are served"), "{said:?}");
    fs::remove_file(socket(&sandbox)).expect("it can be removed");
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    get(&socket(&sandbox), "");
}

/// Prometheus' own reader, in its folder: `TOKEND_TEST_PROMETHEUS_CLIENT`, or wherever Python finds it.
#[test]
fn prometheus_own_parser_takes_both_formats() {
    const PROGRAM: &str = "
import sys
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics
text = sys.stdin.read()
reader = openmetrics if sys.argv[1] == 'openmetrics' else parser
families = {family.name: family for family in reader.text_string_to_metric_families(text)}
assert families['tokend_refresh_duration_seconds'].type == 'histogram', families
assert families['tokend_requests'].type == 'counter', families
assert len(families['tokend_account_state'].samples) == 14, families
print(len(families))
";
    let python = |arguments: &[&str]| {
        let mut python = Command::new("python3");
        if let Some(folder) = std::env::var_os("TOKEND_TEST_PROMETHEUS_CLIENT").filter(|it| !it.is_empty()) {
            python.env("PYTHONPATH", folder);
        }
        python.args(["-B", "-c"]).args(arguments);
        python
    };
    let there = python(&["import prometheus_client"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        skip("Prometheus' own parser", "python3 has no prometheus_client; .ci/run installs it");
        return;
    }
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    let bad = "[accounts.bad]\ntype = 'static'\ntoken = { env = 'NOT_SET' }\n";
    sandbox.configure(&(CONFIGURED.to_owned() + &lyve_cloud(&sandbox, "a", &lyve) + bad));
    let _daemon = sandbox.start();
    sandbox.token("a");
    for (format, accept) in [
        ("text", ""),
        ("openmetrics", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n"),
    ] {
        let (head, body) = get(&socket(&sandbox), accept);
        assert_eq!(head.contains("openmetrics-text"), format == "openmetrics", "{head}");
        let mut child = python(&[PROGRAM, format])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python starts");
        child.stdin.take().expect("its input").write_all(body.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{format}: {said}\n{body}");
        let families = String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().expect("a number");
        assert!(families >= 15, "{families}");
    }
}
