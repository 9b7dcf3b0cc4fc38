//! A device flow that lies (RFC 8628).

use super::endless::{endless, is_small};
use super::redirects::redirected;
use super::*;

/// A service whose answer to a device is otherwise in these fields.
fn lying(name: &str, lies: &Value) -> Case {
    let case = Case::new(name);
    case.server.change(|liar| {
        for (field, lie) in lies.as_object().expect("fields") {
            liar.device.insert(field.clone(), lie.clone());
        }
    });
    case
}

#[test]
fn nothing_is_shown_or_opened_that_means_something_to_a_terminal_a_shell_or_a_browser() {
    let scene = Scene::new();
    let addresses = [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://login.example/activate",
        "https://a:b@login.example/activate",
        "https://login.example/\u{1b}]0;owned\u{7}",
        "https://login.example/$(touch pwned)",
        "https://login.example/\nhttps://other.example/",
        "--help",
        "",
    ];
    let codes = ["\u{1b}[2J\u{1b}[31mWDJB", "WDJB\nMJHT", "WDJB\u{202e}MJHT", "$(touch pwned)", ""];
    let mut cases = Vec::new();
    for (number, address) in addresses.iter().enumerate() {
        cases.push(lying(&format!("uri-{number}"), &json!({"verification_uri": address})));
        cases.push(lying(&format!("complete-{number}"), &json!({"verification_uri_complete": address})));
    }
    for (number, code) in codes.iter().enumerate() {
        cases.push(lying(&format!("code-{number}"), &json!({"user_code": code})));
    }
    for field in ["device_code", "user_code", "verification_uri"] {
        let name = field.replace('_', "-");
        cases.push(lying(&format!("no-{name}"), &json!({field: null})));
        cases.push(lying(&format!("a-number-as-{name}"), &json!({field: 7})));
    }
    let daemon = scene.start("device_code", &cases);
    let mut opened = Vec::new();
    for case in &cases {
        let said = scene.log_in(&[&case.name]).end();
        is_harmless(&case.name, &said.stdout);
        is_harmless(&case.name, &said.stderr);
        if case.name.starts_with("complete-") && said.code == 0 {
            // The address without the code in it does as well, and the other is seen by nobody.
            opened.push(format!("{}/activate", case.server.url()));
            assert_eq!(scene.sandbox.tok(["logout", &case.name]).code, 0);
            scene.is_unharmed(&case.name);
            continue;
        }
        scene.is_refused(&case.name, &said);
        assert_eq!(case.server.token_requests(), 0, "{}: nobody could have said yes", case.name);
    }
    assert_eq!(scene.opened(), opened);
    is_harmless("the log", &daemon.log());
}

#[test]
fn what_a_service_says_of_its_refusal_is_shown_without_what_a_terminal_understands() {
    let scene = Scene::new();
    let evil = json!({
        "error": "invalid_client\u{1b}[2J\u{7}",
        "error_description": "first\u{1b}]0;owned\u{7}\r\nsecond\u{9b}31m\u{202e}",
        "error_uri": "https://login.example/\u{1b}[31m",
    });
    let cases = [("device", "/device"), ("poll", "/token")]
        .map(|(name, path)| Case::answering(name, path, Answer::json(400, &evil)));
    let daemon = scene.start("device_code", &cases);
    side_by_side(&cases, |case| {
        let said = scene.log_in(&[&case.name]).end();
        scene.is_refused(&case.name, &said);
        assert!(said.stderr.contains("invalid_client") && said.stderr.contains("first"), "{said:?}");
        assert!(!said.stderr.contains('\u{202e}'), "{said:?}");
    });
    drop(daemon);
    let cases = [Case::answering("get", "/token", Answer::json(400, &evil))];
    let daemon = scene.start("client_credentials", &cases);
    let said = scene.sandbox.tok(["get", "get"]);
    scene.is_refused("get", &said);
    let shown = scene.sandbox.tok(["status"]);
    is_harmless("status", &shown.stdout);
    is_harmless("the log", &daemon.log());
}

#[test]
fn a_device_is_asked_at_a_pace_and_not_for_ever_whatever_the_service_says() {
    let scene = Scene::new();
    // Over after so few seconds that they are taken for ten, and nobody says yes.
    let lies = [
        ("no-pause", json!({"interval": 0, "expires_in": 3})),
        ("backwards", json!({"interval": -1, "expires_in": 3})),
        ("in-words", json!({"interval": "soon", "expires_in": 3})),
        ("in-parts", json!({"interval": 0.001, "expires_in": 3})),
        ("for-ages", json!({"interval": 1e18, "expires_in": 3})),
        ("longer-than-it-lives", json!({"interval": 4_000_000_000_u64, "expires_in": 3})),
        ("over-at-once", json!({"expires_in": 0})),
        ("over-before", json!({"expires_in": -5})),
        // A poll that fails may be better in a moment: it is tried again as long as the code is good.
        ("redirected", json!({"expires_in": 1})),
        ("a-gigabyte", json!({"expires_in": 1})),
    ];
    let cases = lies.map(|(name, lies)| lying(name, &lies));
    for case in &cases {
        case.server.change(|liar| {
            liar.poll = Some("authorization_pending".into());
            match case.name.as_str() {
                "redirected" => drop(liar.instead.insert("/token".into(), redirected(&scene))),
                "a-gigabyte" => drop(liar.instead.insert("/token".into(), endless("{"))),
                _ => {}
            }
        });
    }
    let daemon = scene.start("device_code", &cases);
    let logins = cases.each_ref().map(|case| scene.log_in(&[&case.name]));
    for (case, login) in cases.iter().zip(logins) {
        let said = login.end();
        scene.is_refused(&case.name, &said);
        assert!(case.server.token_requests() <= 10, "{}: {}", case.name, case.server.token_requests());
    }
    is_small(&daemon);
}

#[test]
fn a_code_that_lives_for_ages_is_survived_and_one_that_the_service_ends_is_over() {
    let scene = Scene::new();
    let ages = [
        ("nobody-knows", json!({"expires_in": "soon"})),
        ("never-said", json!({"expires_in": null})),
        ("for-ages", json!({"expires_in": 1e300})),
        ("for-longer", json!({"expires_in": u64::MAX})),
    ];
    // The person says yes at once: how long there would have been is no matter.
    let mut cases: Vec<Case> = ages.iter().map(|(name, lies)| lying(name, lies)).collect();
    // That it is over, that it is another's, or something that nobody knows.
    for told in ["expired_token", "invalid_grant", "slow\u{1b}[2J"] {
        let case = Case::new(told.split('\u{1b}').next().unwrap_or_default());
        case.server.change(|liar| liar.poll = Some(told.into()));
        cases.push(case);
    }
    let _daemon = scene.start("device_code", &cases);
    let logins: Vec<_> = cases.iter().map(|case| scene.log_in(&[&case.name])).collect();
    for (case, login) in cases.iter().zip(logins) {
        let said = login.end();
        if ages.iter().any(|(name, _)| *name == case.name) {
            assert_eq!(said.code, 0, "{}: {said:?}", case.name);
        } else {
            assert!([5, 6].contains(&said.code), "{}: {said:?}", case.name);
            is_clear(&case.name, &said);
            assert_eq!(scene.sandbox.status(&case.name)["expires_at"], Value::Null);
        }
        scene.is_unharmed(&case.name);
    }
}
