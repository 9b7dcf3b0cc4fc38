//! Logins whose refresh tokens rotate with a grace, and whose reuse beyond it ends them.

use std::time::Duration;

use tokend_tests::real_time::let_pass;

use super::*;

/// How long an access token lives, in seconds: long enough that one which has just come is looked at before its end.
const LIFE: u32 = 10;

const CLIENT: &str = "app-password-public";

/// A login that is kept by the daemon, with a first token in hand, and an answer to its next refresh that is
/// lost after it was carried out.
fn lost_answer(sandbox: &Sandbox, toolkit: &Toolkit) {
    toolkit.log_in(sandbox, "login", CLIENT);
    let table = toolkit.account("login", CLIENT, "refresh_token");
    sandbox.configure(&(table + "refresh_token = { file = '~/login.refresh' }\n"));
}

/// The refresh tokens that were sent, by their hashes, in order.
fn sent(toolkit: &Toolkit) -> Vec<Value> {
    let requests = toolkit.seen_at("token");
    requests.iter().filter(|it| it["grant"] == "refresh_token").map(|it| it["refresh"].clone()).collect()
}

#[test]
fn a_lost_answer_costs_no_login_where_the_server_has_a_grace() {
    let sandbox = Sandbox::new();
    let Some(toolkit) = Toolkit::start(&sandbox, "grace after a rotation", LIFE) else {
        return;
    };
    lost_answer(&sandbox, &toolkit);
    let _daemon = sandbox.start();
    let first = sandbox.token("login");
    toolkit.control("fault", &json!({"mode": "drop", "after": true, "grant": "refresh_token"}));
    // Over the end of the first, and of the one that the retry brings.
    let mut newest = first;
    for step in 0..25 {
        let said = sandbox.tok(["get", "login", "--format", "json"]);
        assert_eq!(said.code, 0, "step {step}: {said:?}");
        let answer: Value = serde_json::from_str(&said.stdout).expect("JSON");
        let token = answer["token"].as_str().unwrap_or_default().to_owned();
        // The retry brings the token of the first time again, and says of it that it lives as long as a new
        // one: its end may be known to the server alone. One that is first seen in its last moments could end on the
        // way there.
        if token != newest && answer["expires_in"].as_u64() > Some(5) {
            assert!(toolkit.whoami(&token).is_some(), "step {step}");
        }
        newest = token;
        let_pass(Duration::from_secs(1), "tokens grow old");
    }
    let sent = sent(&toolkit);
    let [first, lost, again, rest @ ..] = &sent[..] else { panic!("{sent:?}") };
    assert!(first != lost && lost == again, "{sent:?}");
    assert!(!rest.is_empty() && !rest.contains(again), "{sent:?}");
    // One in its last moment could end on the way to the server.
    let fresh = sandbox.tok(["get", "login", "--min-valid", "6s"]);
    assert_eq!(fresh.code, 0, "the login goes on: {fresh:?}");
    assert!(toolkit.whoami(fresh.stdout.trim_end()).is_some(), "the login goes on");
}

#[test]
fn without_a_grace_a_lost_answer_ends_the_login_and_is_not_asked_again() {
    let sandbox = Sandbox::new();
    let Some(toolkit) = Toolkit::start(&sandbox, "reuse after a rotation", LIFE) else {
        return;
    };
    toolkit.control("settings", &json!({"REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0}));
    lost_answer(&sandbox, &toolkit);
    let _daemon = sandbox.start();
    sandbox.token("login");
    toolkit.control("fault", &json!({"mode": "drop", "after": true, "grant": "refresh_token"}));
    let said = (0..60).find_map(|_| {
        let_pass(Duration::from_millis(500), "the token in hand grows old");
        let said = sandbox.tok(["get", "login"]);
        (said.code != 0).then_some(said)
    });
    let said = said.expect("an end");
    assert_eq!(said.code, 4, "{said:?}");
    assert_eq!(
        toolkit.control("tokens", &json!({"client": CLIENT}))["refresh"],
        0,
        "the whole family has ended"
    );
    let count = sent(&toolkit).len();
    assert_eq!(sandbox.tok(["get", "login"]).code, 4);
    assert_eq!(sent(&toolkit).len(), count);
    // Another login mends it.
    toolkit.log_in(&sandbox, "login", CLIENT);
    tokend_tests::sandbox::eventually("a token of the new login", || {
        (sandbox.tok(["get", "login"]).code == 0).then_some(())
    });
}
