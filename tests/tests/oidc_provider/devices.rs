//! The device flow (RFC 8628): a person types a code elsewhere, and says yes, no, or nothing.

use std::fs;

use tokend_tests::sandbox::write_program;

use super::browser::Browser;
use super::*;

const SCOPE: &str = "scope = ['openid', 'offline_access', 'api:read']\n";

/// An account of the device flow at a client of its own name that is like another.
fn device(provider: &Provider, name: &str, like: &str) -> String {
    provider.control("client", &json!({"client_id": name, "like": like}));
    account_at(provider, name, "device_code", name) + SCOPE
}

#[test]
fn a_device_is_logged_in_when_its_person_says_yes_and_not_when_it_is_no_or_nothing() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "the device flow") else {
        return;
    };
    let names = ["tv", "slow", "denied", "forgotten", "late"];
    let text = device(&provider, "tv", "tv")
        // A client with a secret says it in each request.
        + &device(&provider, "slow", "app-basic")
        + &secret_line(&sandbox, "slow", "client_secret", "app-secret")
        + &device(&provider, "denied", "tv")
        + &device(&provider, "forgotten", "tv-hasty")
        + &device(&provider, "late", "tv-hasty");
    sandbox.configure(&text);
    let daemon = sandbox.start();
    for name in names {
        let said = sandbox.tok(["get", name]);
        assert_eq!(said.code, 4, "{said:?}");
        assert!(said.error().1.contains(&format!("tok login {name}")), "{said:?}");
    }
    for name in ["tv", "denied", "forgotten", "late"] {
        // The clock of `late` says that the code lives when the provider says that it does not.
        let more = if name == "late" { json!({"expires_in": 300}) } else { json!({}) };
        provider.hurry_device(name, &more);
    }
    let [tv, slow, denied, forgotten, late] = names.map(|name| LoggingIn::start(&sandbox, &[name]));

    for login in [&tv, &slow] {
        provider.decide_device(&user_code(login), "approve");
    }
    provider.decide_device(&user_code(&denied), "deny");
    for login in [tv, slow] {
        let said = login.end();
        assert_eq!(said.code, 0, "{said:?}");
    }
    let said = denied.end();
    assert_eq!(said.code, 7, "{said:?}");
    for login in [forgotten, late] {
        let said = login.end();
        assert!(![0, 7].contains(&said.code), "{said:?}");
        assert!(said.stderr.contains("expired"), "{said:?}");
    }

    for name in ["tv", "slow"] {
        let who = provider.holder(&sandbox.token(name));
        assert_eq!((&who["client"], &who["sub"]), (&name.into(), &"alice".into()));
        // What came with it renews it.
        let said = sandbox.tok(["refresh", name]);
        assert_eq!(said.code, 0, "{said:?}");
        assert_eq!(provider.holder(&sandbox.token(name))["sub"], "alice");
    }
    for name in ["denied", "forgotten", "late"] {
        assert_eq!(sandbox.tok(["get", name]).code, 4, "{name}");
    }
    let asked = provider.token_requests();
    let polls = |name: &str| {
        let of = asked[name]
            .iter()
            .filter(|it| it["grant"].as_str().is_some_and(|it| it.ends_with("device_code")));
        of.cloned().collect::<Vec<_>>()
    };
    for name in names {
        let pace = if name == "slow" { 4_900 } else { 900 };
        let times: Vec<_> = polls(name).iter().map(|it| it["time"].as_i64().expect("a time")).collect();
        assert!(times.windows(2).all(|two| two[1] - two[0] >= pace), "{name}: {times:?}");
    }
    drop(daemon);
}

#[test]
fn a_person_is_called_once_for_each_login_that_is_needed() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "the hook on_login_needed") else {
        return;
    };
    let hook = sandbox.home().join("hook");
    write_program(
        &hook,
        0o700,
        b"#!/bin/sh\necho \"$TOKEND_ACCOUNT: $TOKEND_REASON: $TOKEND_HINT\" >>\"$HOME/called\"\n",
    );
    let daemon = format!("[daemon]\non_login_needed = ['{}']\n", hook.display());
    sandbox.configure(&(daemon + &device(&provider, "tv", "tv")));
    let running = sandbox.start();
    let called = |times: usize| {
        let text = eventually("the hook's call", || {
            let text = fs::read_to_string(sandbox.home().join("called")).unwrap_or_default();
            (text.lines().count() >= times).then_some(text)
        });
        assert_eq!(text.lines().count(), times, "{text}");
        text
    };
    for _ in 0..5 {
        assert_eq!(sandbox.tok(["get", "tv"]).code, 4);
    }
    let text = called(1);
    assert!(text.starts_with("tv: ") && text.contains("tok login tv"), "{text}");

    provider.hurry_device("tv", &json!({}));
    let login = LoggingIn::start(&sandbox, &["tv"]);
    provider.decide_device(&user_code(&login), "approve");
    assert_eq!(login.end().code, 0);
    let token = sandbox.token("tv");
    called(1);

    // The login ends at the provider: another need.
    provider.revoke(&token);
    assert_eq!(sandbox.tok_with_input(["reject", "tv"], &token).code, 0);
    for _ in 0..5 {
        assert_eq!(sandbox.tok(["get", "tv"]).code, 4);
    }
    let text = called(2);
    assert!(text.lines().all(|line| line.starts_with("tv: ")), "{text}");
    assert!(running.stop().success());
}

#[test]
fn the_address_of_the_device_flow_opens_in_a_browser() {
    let sandbox = Sandbox::new();
    let what = "the device flow in a browser";
    let Some(browser) = Browser::find(what) else { return };
    let Some(provider) = Provider::start_for_long(&sandbox, what) else {
        return;
    };
    sandbox.configure(&device(&provider, "tv", "tv"));
    let _daemon = sandbox.start();
    provider.hurry_device("tv", &json!({}));
    let login = LoggingIn::start(&sandbox, &["tv"]);
    let code = user_code(&login);
    let person = browser.person(&sandbox, "carol", &[]);
    person.open(&sandbox, &format!("{}/device?user_code={code}", provider.url));
    assert_eq!(person.saw()["title"], "The device is logged in");
    let said = login.end();
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(provider.holder(&sandbox.token("tv"))["sub"], "carol");
}
