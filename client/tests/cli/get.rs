//! A token in each of its forms.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokend_proto::message::{Credential, Field};
use tokend_proto::{List, Request, Secret};

use super::daemon::{Daemon, credential};
use super::tok::{run, tok};

fn header_account() -> Daemon {
    Daemon::giving(|get| credential(&get.account, "T0k'en.1"))
}

fn form_account() -> Daemon {
    Daemon::giving(|get| Credential {
        scheme: String::new(),
        parameter: "authkey".to_owned(),
        ..credential(&get.account, "a/b&c")
    })
}

fn get(daemon: &Daemon, words: &[&str]) -> super::tok::Run {
    run(tok(daemon, &[&["get", "lyve-prod"], words].concat()))
}

#[test]
fn the_token_a_newline_and_nothing_else() {
    assert_eq!(get(&header_account(), &[]).printed(), "T0k'en.1\n");
}

#[test]
fn a_header() {
    let daemon = header_account();
    assert_eq!(get(&daemon, &["--format", "header"]).printed(), "Authorization: Bearer T0k'en.1\n");
    assert_eq!(run(tok(&daemon, &["header", "lyve-prod"])).printed(), "Authorization: Bearer T0k'en.1\n");
}

#[test]
fn json_is_one_object() {
    let run = get(&header_account(), &["--format=json"]);
    let object: Value = serde_json::from_str(run.printed()).expect("JSON");
    let expected = json!({
        "account": "lyve-prod",
        "token": "T0k'en.1",
        "scheme": "Bearer",
        "expires_at": "2030-03-17T17:46:40Z",
        "expires_in": 3599,
        "scope": ["read", "write"],
        "warnings": [],
    });
    assert_eq!(object, expected);
    assert_eq!(run.out.lines().count(), 1);
}

#[test]
fn json_of_a_form_account_and_of_unknown_expiry() {
    let daemon = Daemon::giving(|get| Credential {
        scheme: String::new(),
        parameter: "authkey".to_owned(),
        expires_at_ms: None,
        expires_in_ms: None,
        ..credential(&get.account, "k")
    });
    let object: Value = serde_json::from_str(get(&daemon, &["--json"]).printed()).expect("JSON");
    assert_eq!(object["scheme"], Value::Null);
    assert_eq!(object["parameter"], "authkey");
    assert_eq!((&object["expires_at"], &object["expires_in"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_format_that_is_named_is_printed_and_json_is_for_the_errors() {
    assert_eq!(get(&header_account(), &["--format", "raw", "--json"]).printed(), "T0k'en.1\n");
    let error = get(&header_account(), &["--format", "form", "--json"]);
    assert!(error.code == 2 && error.err.starts_with("{\"code\":2,"), "{error:?}");
}

#[test]
fn further_secret_fields_are_in_json() {
    let daemon = Daemon::giving(|get| {
        let field = |name: &str| Field {
            name: name.to_owned(),
            value: Secret::new(name.as_bytes().to_vec()).expect("short"),
        };
        Credential {
            fields: List::truncating(vec![field("token"), field("access_key"), field("secret_key")]),
            ..credential(&get.account, "")
        }
    });
    let object: Value = serde_json::from_str(get(&daemon, &["--format", "json"]).printed()).expect("JSON");
    assert_eq!(object["fields"], json!({"access_key": "access_key", "secret_key": "secret_key"}));
    assert_eq!(get(&daemon, &[]).printed(), "token\n");
}

#[test]
fn a_variable_that_runs_programs_is_refused() {
    let daemon = header_account();
    for name in ["LD_PRELOAD", "PATH", "1x", "a b"] {
        get(&daemon, &["--format", "env", "--var", name]).failed_with(2);
    }
    assert!(daemon.asked().is_empty());
}

#[test]
fn a_form_field_for_the_services_that_take_one() {
    assert_eq!(get(&form_account(), &["--format", "form"]).printed(), "authkey=a%2Fb%26c\n");
    let (_, hint) = get(&header_account(), &["--format", "form"]).failed_with(2);
    assert!(hint.contains("header") && hint.contains("raw"), "{hint}");
}

#[test]
fn a_token_that_is_no_headers_never_becomes_one() {
    let daemon = form_account();
    let (_, hint) = run(tok(&daemon, &["header", "lyve-prod"])).failed_with(2);
    assert!(hint.contains("--format form"), "{hint}");
    for format in ["header", "xoauth2", "oauthbearer"] {
        let words: &[&str] = if format == "header" { &[] } else { &["--user", "u"] };
        let (_, hint) = get(&daemon, &[&["--format", format], words].concat()).failed_with(2);
        assert!(hint.contains("--format form"), "{hint}");
    }
}

#[test]
fn mail_programs_get_their_mechanisms() {
    let daemon = header_account();
    let decoded = |words: &[&str]| {
        let run = get(&daemon, words);
        let bytes = BASE64_STANDARD.decode(run.printed().trim_end()).expect("base64");
        String::from_utf8(bytes).expect("UTF-8")
    };
    let xoauth2 = decoded(&["--format", "xoauth2", "--user", "a@b.c"]);
    assert_eq!(xoauth2, "user=a@b.c\x01auth=Bearer T0k'en.1\x01\x01");
    let words = ["--format", "oauthbearer", "--user", "a@b.c", "--host", "mail.b.c", "--port", "993"];
    assert_eq!(decoded(&words), "n,a=a@b.c,\x01host=mail.b.c\x01port=993\x01auth=Bearer T0k'en.1\x01\x01");
    for format in ["xoauth2", "oauthbearer"] {
        let (what, _) = get(&daemon, &["--format", format]).failed_with(2);
        assert!(what.contains("--user"), "{what}");
        get(&daemon, &["--format", format, "--user", "a\x01b"]).failed_with(2);
        get(&daemon, &["--format", format, "--user", "a", "--host", "h\n"]).failed_with(2);
        get(&daemon, &["--format", format, "--user", "a", "--port", "0"]).failed_with(2);
    }
}

#[test]
fn no_option_is_accepted_where_it_has_no_effect() {
    let daemon = header_account();
    for words in [
        &["--var", "X"][..],
        &["--user", "u"],
        &["--format", "json", "--port", "1"],
        &["--format", "nonsense"],
        &["--check"],
        &["another"],
    ] {
        get(&daemon, words).failed_with(2);
    }
}

#[test]
fn what_the_caller_wishes_reaches_the_daemon() {
    let daemon = header_account();
    let words =
        ["--min-valid", "5m", "--scope", "a b", "--scope=c", "--audience", "x", "--timeout", "1m 30s"];
    get(&daemon, &words).printed();
    let asked = daemon.asked();
    let [Request::Get(get)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(
        (get.account.as_str(), get.min_valid_ms, get.timeout_ms),
        ("lyve-prod", Some(300_000), 90_000)
    );
    assert_eq!(
        (&get.scope[..], &get.audience[..]),
        (&["a", "b", "c"].map(str::to_owned)[..], &["x".to_owned()][..])
    );
}

#[test]
fn who_wishes_nothing_gets_the_defaults() {
    let daemon = header_account();
    get(&daemon, &[]).printed();
    let asked = daemon.asked();
    let [Request::Get(get)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((get.min_valid_ms, get.timeout_ms), (None, 30_000));
    assert!(get.scope.is_empty() && get.audience.is_empty());
}

#[test]
fn a_duration_needs_a_unit_and_a_limit() {
    let daemon = header_account();
    let (what, hint) = get(&daemon, &["--min-valid", "60"]).failed_with(2);
    assert!(what.contains("unit") && hint.contains("60s"), "{what} {hint}");
    get(&daemon, &["--timeout", "11m"]).failed_with(2);
    get(&daemon, &["--timeout"]).failed_with(2);
}

#[test]
fn a_token_of_64_kib_passes() {
    let daemon = Daemon::giving(|get| credential(&get.account, &"x".repeat(64 * 1024)));
    assert_eq!(get(&daemon, &[]).printed().len(), 64 * 1024 + 1);
}

#[test]
fn warnings_are_in_json_always_and_on_standard_error_when_asked_for() {
    let daemon = Daemon::giving(|get| Credential {
        warnings: List::truncating(vec!["dies\x1b soon".to_owned()]),
        ..credential(&get.account, "T")
    });
    assert_eq!(get(&daemon, &[]).printed(), "T\n");
    let verbose = get(&daemon, &["-v"]);
    assert_eq!((verbose.out.as_str(), verbose.err.as_str()), ("T\n", "tok: warning: dies soon\n"));
    let object: Value = serde_json::from_str(get(&daemon, &["--json"]).printed()).expect("JSON");
    assert_eq!(object["warnings"], json!(["dies\u{1b} soon"]));
}
