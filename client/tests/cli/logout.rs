//! `tok logout` and `tok get --id-token`.

use serde_json::{Value, json};
use tokend_proto::Request;

use super::service::with;
use super::tok::{run, tok};

#[test]
fn logout_says_who_ended_the_login() {
    let service = with(vec![]);
    let daemon = &service.daemon;
    assert_eq!(run(tok(daemon, &["logout", "revoked"])).printed(), "");
    for (words, expected) in [
        (&["revoked"][..], "logged out of revoked: the service ended the login\ntok: warning: a warning\n"),
        (&["x"], "logged out of x: forgotten here; the service did not end it\ntok: warning: a warning\n"),
        (&["x", "--local"], "logged out of x: forgotten here; the service was not told\n"),
    ] {
        let run = run(tok(daemon, &[&["logout", "-v"], words].concat()));
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", expected));
    }
    let run_of = run(tok(daemon, &["logout", "x", "--json"]));
    let object: Value = serde_json::from_str(run_of.printed()).expect("JSON");
    assert_eq!(object, json!({"account": "x", "revoked": false, "warnings": ["a warning"]}));
    run(tok(daemon, &["logout"])).failed_with(2);
    run(tok(daemon, &["logout", "x", "--for", "8h"])).failed_with(2);
    let local = |request: &Request| matches!(request, Request::Logout(it) if it.local);
    assert_eq!(service.asked().iter().map(local).collect::<Vec<_>>(), [false, false, false, true, false]);
}

#[test]
fn an_id_token_has_the_forms_that_fit_it() {
    let service = with(vec![]);
    let get =
        |words: &[&str]| run(tok(&service.daemon, &[&["get", "lyve-prod", "--id-token"], words].concat()));
    assert_eq!(get(&[]).printed(), "eyJ.id.token\n");
    assert_eq!(get(&["--format", "header"]).printed(), "Authorization: Bearer eyJ.id.token\n");
    assert_eq!(get(&["--format", "env"]).printed(), "export LYVE_PROD_ID_TOKEN='eyJ.id.token'\n");
    assert_eq!(get(&["--format", "env", "--var", "ID"]).printed(), "export ID='eyJ.id.token'\n");
    let object: Value = serde_json::from_str(get(&["--json"]).printed()).expect("JSON");
    assert_eq!((&object["token"], &object["account"]), (&json!("eyJ.id.token"), &json!("lyve-prod")));
    service.asked();
    for format in ["form", "xoauth2", "oauthbearer"] {
        let (what, hint) =
            get(&["--format", format, "--user", "u"][..if format == "form" { 2 } else { 4 }]).failed_with(2);
        assert!(what.contains("no form of an id token") && hint.contains("raw, header, json"), "{what}");
    }
    assert!(service.asked().is_empty());
    get(&["--min-valid", "5m", "--scope", "a b", "--audience", "c"]).printed();
    let asked = service.asked();
    assert!(
        matches!(&asked[..], [Request::GetIdToken(it)]
            if it.min_valid_ms == Some(300_000) && it.scope.len() == 2 && it.audience.len() == 1),
        "{asked:?}"
    );
}
