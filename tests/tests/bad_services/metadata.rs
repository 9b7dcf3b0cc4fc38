//! Metadata that lie.

use super::*;

/// What means something to a shell, a terminal or a browser, or is no address.
const UNSAFE: [&str; 16] = [
    "https://login.example/$(touch pwned)",
    "https://login.example/`touch pwned`",
    "https://login.example/;touch pwned",
    "https://login.example/|touch pwned",
    "https://login.example/authorize?a='b'",
    "https://login.example/\"",
    "https://login.example/a b",
    "https://login.example/\ntouch pwned",
    "https://login.example/\u{1b}[2J",
    "http://login.example/authorize",
    "https://a:b@login.example/authorize",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "--help",
    "touch pwned",
    "",
];

#[test]
fn a_token_is_asked_for_only_where_the_issuer_itself_says_so() {
    let scene = Scene::new();
    let elsewhere = scene.elsewhere.url();
    let lies = [
        ("another-issuer", "issuer", json!("https://login.example")),
        ("another-issuer-here", "issuer", json!(elsewhere)),
        ("no-issuer", "issuer", Value::Null),
        ("a-list-of-issuers", "issuer", json!([elsewhere])),
        ("in-clear", "token_endpoint", json!("http://login.example/token")),
        ("another-scheme", "token_endpoint", json!("ftp://login.example/token")),
        ("a-password-in-it", "token_endpoint", json!("https://a:b@login.example/token")),
        ("an-escape-in-it", "token_endpoint", json!("https://login.example/\u{1b}[2J\u{7}")),
        ("a-number", "token_endpoint", json!(5)),
        ("nowhere", "token_endpoint", Value::Null),
    ];
    let cases = lies.map(|(name, field, value)| Case::claiming(name, field, value));
    let daemon = scene.start("client_credentials", &cases);
    side_by_side(&cases, |case| {
        let said = scene.sandbox.tok(["get", &case.name, "--timeout", "2s"]);
        assert_eq!(said.stdout, "", "{}: {said:?}", case.name);
        scene.is_refused(&case.name, &said);
        assert_eq!(case.server.token_requests(), 0, "{}", case.name);
    });
    is_harmless("the log", &daemon.log());
}

#[test]
fn no_browser_is_opened_with_an_address_that_means_something_else() {
    let scene = Scene::new();
    let cases: Vec<Case> = (0..)
        .zip(UNSAFE)
        .map(|(number, address)| {
            Case::claiming(&format!("lie-{number}"), "authorization_endpoint", address.into())
        })
        .chain([Case::claiming("another-issuer", "issuer", json!("https://login.example"))])
        .collect();
    let daemon = scene.start("authorization_code", &cases);
    for case in &cases {
        for way in [&[][..], &["--no-browser"]] {
            let said = scene.log_in(&[&[case.name.as_str()], way].concat()).end();
            scene.is_refused(&case.name, &said);
            assert!(!said.stderr.contains("login.example/"), "{}: it is not shown: {said:?}", case.name);
        }
        assert_eq!((case.server.token_requests(), case.server.asked_for("/device")), (0, 0), "{}", case.name);
    }
    assert_eq!(scene.opened(), [""; 0]);
    is_harmless("the log", &daemon.log());
}

#[test]
fn no_device_is_logged_in_elsewhere() {
    let scene = Scene::new();
    let lies = [
        ("in-clear", "device_authorization_endpoint", json!("http://login.example/device")),
        ("unsafe", "device_authorization_endpoint", json!("https://login.example/$(touch pwned)\u{1b}[2J")),
        ("nowhere", "device_authorization_endpoint", Value::Null),
        ("another-issuer", "issuer", json!(scene.elsewhere.url())),
        ("tokens-in-clear", "token_endpoint", json!("http://login.example/token")),
    ];
    let cases = lies.map(|(name, field, value)| Case::claiming(name, field, value));
    let daemon = scene.start("device_code", &cases);
    for case in &cases {
        let said = scene.log_in(&[&case.name]).end();
        scene.is_refused(&case.name, &said);
        assert_eq!(case.server.token_requests(), 0, "{}", case.name);
    }
    assert_eq!(scene.opened(), [""; 0]);
    is_harmless("the log", &daemon.log());
}

#[test]
fn a_logout_is_told_to_nobody_else() {
    let scene = Scene::new();
    let lies = ["http://login.example/revoke", "https://a:b@login.example/revoke", "revoke"];
    let cases: Vec<Case> = (0..)
        .zip(lies)
        .map(|(number, address)| {
            Case::claiming(&format!("lie-{number}"), "revocation_endpoint", address.into())
        })
        .collect();
    let _daemon = scene.start("device_code", &cases);
    for case in &cases {
        let said = scene.log_in(&[&case.name]).end();
        assert_eq!(said.code, 0, "what a login does not need does not stop it: {said:?}");
        scene.is_only_forgotten_here(&case.name);
    }
}
