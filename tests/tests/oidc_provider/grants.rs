//! The grants in which no person takes part.

use super::*;

/// A login of this person's at a client, whose first refresh token a file has.
fn login(sandbox: &Sandbox, provider: &Provider, client: &str, person: &str) -> String {
    provider.log_in_as(sandbox, client, person);
    account_at(provider, client, "refresh_token", client)
        + &format!("refresh_token = {{ file = '~/{client}.refresh' }}\n")
}

fn trader(sandbox: &Sandbox, provider: &Provider, name: &str, more: &str) -> String {
    account_at(provider, name, "token_exchange", "trader")
        + &secret_line(sandbox, name, "client_secret", "trader-secret")
        + more
}

#[test]
fn a_stolen_refresh_token_that_is_used_ends_the_login_and_a_new_one_begins_another() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "reuse of a refresh token") else {
        return;
    };
    let stolen = provider.log_in(&sandbox, "app-public");
    let table = account_at(&provider, "app-public", "refresh_token", "app-public");
    sandbox.configure(&(table + "refresh_token = { file = '~/app-public.refresh' }\n"));
    let _daemon = sandbox.start();
    let token = sandbox.token("app-public");
    let form = format!("grant_type=refresh_token&client_id=app-public&refresh_token={stolen}");
    let header = ("Content-Type", "application/x-www-form-urlencoded");
    let thief = call("POST", &format!("{}/token", provider.url), &[header], &form).expect("an answer");
    assert_eq!((thief.status, &thief.json()["error"]), (400, &"invalid_grant".into()));
    assert!(!provider.is_alive(&token), "the provider ends all tokens of the login");

    let said = sandbox.tok_with_input(["reject", "app-public"], &token);
    assert_eq!(said.code, 0, "{said:?}");
    for _ in 0..3 {
        let said = sandbox.tok(["get", "app-public"]);
        assert_eq!((said.code, said.stdout.as_str()), (4, ""), "{said:?}");
    }
    assert_eq!(sandbox.status("app-public")["state"], "login-needed");
    let mut own = provider.token_requests().remove("app-public").expect("requests");
    // The thief's is there, too.
    own.retain(|request| request["status"] == 400);
    assert_eq!(own.len(), 2, "{own:#?}");

    provider.log_in(&sandbox, "app-public");
    let token = eventually("another login is seen by itself", || {
        let said = sandbox.tok(["get", "app-public"]);
        (said.code == 0).then(|| said.stdout.trim_end().to_owned())
    });
    assert_eq!(provider.holder(&token)["sub"], "alice");
}

#[test]
fn an_assertion_brings_a_token_of_whom_it_names() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "the grant jwt_bearer") else {
        return;
    };
    let key = provider.new_key("svc-bearer", "ES256", "pkcs8");
    let said = provider.control("sign", &json!({"client_id": "svc-bearer", "sub": "carol"}));
    let own = "assertion_claims = { sub = 'bob' }\ntoken_endpoint_auth_method = 'private_key_jwt'\n";
    let assertion = said["assertion"].as_str().expect("an assertion");
    let text = account_at(&provider, "bob", "jwt_bearer", "svc-bearer")
        + &secret_line(&sandbox, "bob", "private_key", &key)
        + own
        + "scope = ['api:write']\n"
        + &account_at(&provider, "carol", "jwt_bearer", "svc-bearer")
        + &secret_line(&sandbox, "carol", "assertion", assertion)
        + &secret_line(&sandbox, "carol", "private_key", &key)
        + "token_endpoint_auth_method = 'private_key_jwt'\n";
    sandbox.configure(&text);
    let _daemon = sandbox.start();

    let bob = sandbox.token("bob");
    let who = provider.holder(&bob);
    assert_eq!((&who["sub"], &who["scope"]), (&"bob".into(), &"api:write".into()));
    // The provider takes no assertion twice.
    assert_eq!(sandbox.tok(["refresh", "bob"]).code, 0);
    let again = sandbox.token("bob");
    assert_eq!(provider.holder(&again)["sub"], "bob");
    assert_ne!(bob, again);
    assert_eq!(provider.holder(&sandbox.token("carol"))["sub"], "carol");
}

#[test]
fn a_token_of_another_account_is_traded_for_one_of_its_person() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "the grant token_exchange") else {
        return;
    };
    let text = login(&sandbox, &provider, "app-public", "alice")
        + &login(&sandbox, &provider, "app-basic", "bob")
        + &secret_line(&sandbox, "app-basic", "client_secret", "app-secret")
        + &trader(&sandbox, &provider, "plain", "subject = { account = 'app-public' }\n")
        + &trader(
            &sandbox,
            &provider,
            "by-id-token",
            "subject = { account = 'app-public', token = 'id_token' }\naudience = 'urn:api:a'\n",
        )
        + &trader(
            &sandbox,
            &provider,
            "acting",
            "subject = { account = 'app-public' }\nactor = { account = 'app-basic' }\nscope = ['api:read']\n",
        );
    sandbox.configure(&text);
    let _daemon = sandbox.start();

    let who = provider.holder(&sandbox.token("plain"));
    assert_eq!((&who["sub"], &who["client"]), (&"alice".into(), &"trader".into()));
    let who = provider.holder(&sandbox.token("by-id-token"));
    assert_eq!((&who["sub"], &who["aud"]), (&"alice".into(), &"urn:api:a".into()));
    let who = provider.holder(&sandbox.token("acting"));
    assert_eq!(
        (&who["sub"], &who["act"], &who["scope"]),
        (&"alice".into(), &json!({"sub": "bob"}), &"api:read".into())
    );
    // For another service, kept apart from the account's own.
    let other = sandbox.tok(["get", "plain", "--audience", "urn:api:b"]);
    assert_eq!(other.code, 0, "{other:?}");
    assert_eq!(provider.holder(other.stdout.trim_end())["aud"], "urn:api:b");

    // Each trade takes the token that the other account has now.
    let subject = sandbox.token("app-public");
    provider.revoke(&subject);
    assert_eq!(sandbox.tok_with_input(["reject", "app-public"], &subject).code, 0);
    assert_eq!(sandbox.tok(["get", "app-public"]).code, 4, "the whole login ended with its token");
    let said = sandbox.tok(["refresh", "plain"]);
    assert_ne!(said.code, 0, "{said:?}");
    assert!(said.stderr.contains("app-public"), "the other account is named: {said:?}");
    provider.log_in(&sandbox, "app-public");
    eventually("another login is seen by itself", || {
        (sandbox.tok(["get", "app-public"]).code == 0).then_some(())
    });
    let token = eventually("the trade goes on", || {
        let said = sandbox.tok(["get", "plain"]);
        (said.code == 0).then(|| said.stdout.trim_end().to_owned())
    });
    assert_eq!(provider.holder(&token)["sub"], "alice");
}
