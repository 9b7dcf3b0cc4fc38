//! How tokens end: by a logout, and by a service that says of a rejected one whether it lives.

use super::*;

/// A login at `client`, and one more key.
fn login(provider: &Provider, client: &str, more: &str) -> String {
    account_at(provider, client, "refresh_token", client)
        + &format!("refresh_token = {{ file = '~/{client}.refresh' }}\n{more}")
}

#[test]
fn a_logout_ends_the_tokens_at_the_provider_and_a_local_one_only_here() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "logout") else {
        return;
    };
    provider.log_in(&sandbox, "app-public");
    provider.log_in(&sandbox, "app-basic");
    let secret = secret_line(&sandbox, "app-basic", "client_secret", "app-secret");
    sandbox.configure(&(login(&provider, "app-public", "") + &login(&provider, "app-basic", &secret)));
    let _daemon = sandbox.start();
    let [told, local] = ["app-basic", "app-public"].map(|name| sandbox.token(name));
    assert!(provider.is_alive(&told) && provider.is_alive(&local));

    let said = sandbox.tok(["logout", "app-basic"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!provider.is_alive(&told));
    assert_eq!(provider.whoami(&told).0, 401);
    let revoked = provider.seen_at("/token/revocation");
    assert!(revoked.iter().any(|it| it["hint"] == "refresh_token"), "{revoked:#?}");
    assert!(
        revoked.iter().all(|it| it["auth"] == "basic" && it["client"] == "app-basic" && it["status"] == 200)
    );

    let said = sandbox.tok(["logout", "app-public", "--local"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(provider.seen_at("/token/revocation").len(), revoked.len(), "nobody was told");
    assert!(provider.is_alive(&local));
    for name in ["app-basic", "app-public"] {
        let said = sandbox.tok(["get", name]);
        assert_eq!((said.code, said.stdout.as_str()), (4, ""), "{said:?}");
        assert_eq!(sandbox.status(name)["state"], "login-needed", "{name}");
    }
}

#[test]
fn a_logout_that_the_service_does_not_hear_of_forgets_nothing_unless_it_is_to_be_local() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "a logout that is not heard") else {
        return;
    };
    provider.log_in(&sandbox, "app-public");
    sandbox.configure(&("[daemon]\nhttp_timeout = '2s'\n".to_owned() + &login(&provider, "app-public", "")));
    let daemon = sandbox.start();
    let token = sandbox.token("app-public");
    provider.control(
        "fault",
        &json!({"match": "/token/revocation", "mode": "status", "status": 503, "count": 9}),
    );
    let said = sandbox.tok(["logout", "app-public"]);
    let (what, hint) = said.error();
    assert_eq!(said.code, 6, "{said:?}");
    assert!(what.contains("503") && hint.contains("`tok logout --local app-public`"), "{said:?}");
    assert!(!hint.contains("by itself"), "nobody does it again: {said:?}");
    assert!(provider.is_alive(&token));
    assert_eq!(sandbox.token("app-public"), token, "the login is as it was");

    let said = sandbox.tok(["logout", "app-public", "--local", "--json"]);
    let answer: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!((said.code, &answer["revoked"]), (0, &false.into()), "{said:?}");
    assert!(answer["warnings"][0].as_str().is_some_and(|it| it.contains("lives on")), "{answer}");
    assert_eq!(sandbox.tok(["get", "app-public"]).code, 4);
    assert!(daemon.stop().success());
    let _daemon = sandbox.start();
    assert_eq!(sandbox.tok(["get", "app-public"]).code, 4, "a restart brings nothing back");
}

#[test]
fn the_service_settles_whether_a_rejected_token_is_dead() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "introspection") else {
        return;
    };
    let asks = format!("introspection_endpoint = '{}/token/introspection'\n", provider.url);
    let text = account(&sandbox, "alive", &provider, "svc-basic", "basic-secret")
        + &asks
        + &account(&sandbox, "dead", &provider, "svc-post", "post-secret")
        + "token_endpoint_auth_method = 'client_secret_post'\n"
        + &asks;
    sandbox.configure(&text);
    let _daemon = sandbox.start();
    let reject = |name: &str, token: &str| {
        let said = sandbox.tok_with_input(["reject", name], token);
        assert_eq!(said.code, 0, "{said:?}");
    };
    // The first rejection is honoured unasked.
    let [alive, dead] = ["alive", "dead"].map(|name| {
        let first = sandbox.token(name);
        reject(name, &first);
        let second = sandbox.token(name);
        assert_ne!(first, second);
        second
    });
    assert_eq!(provider.seen_at("/token/introspection").len(), 0);

    provider.revoke(&dead);
    reject("dead", &dead);
    reject("alive", &alive);
    let said = sandbox.tok(["get", "alive", "--format", "json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let answer: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(answer["token"], alive.as_str());
    // It is warned of for a moment, which may be over by now.
    for warning in answer["warnings"].as_array().expect("a list") {
        assert!(warning.as_str().is_some_and(|it| it.contains("the service says that it lives")), "{answer}");
    }
    // A second rejection waits for its turn.
    let third = eventually("another token", || {
        let said = sandbox.tok(["get", "dead"]);
        assert_ne!(said.stdout.trim_end(), dead, "it is not served any more");
        (said.code == 0).then(|| said.stdout.trim_end().to_owned())
    });
    assert_eq!(provider.whoami(&third), (200, "svc-post".into()));

    let asked = provider.seen_at("/token/introspection");
    let by = |client: &str| asked.iter().filter(|it| it["client"] == client).collect::<Vec<_>>();
    let (alive, dead) = (by("svc-basic"), by("svc-post"));
    assert_eq!((alive.len(), dead.len()), (1, 1), "{asked:#?}");
    assert_eq!((&alive[0]["auth"], &dead[0]["auth"]), (&"basic".into(), &"post".into()));
    assert_eq!(provider.token_requests()["svc-basic"].len(), 2);
    assert_eq!(provider.token_requests()["svc-post"].len(), 3);
}
