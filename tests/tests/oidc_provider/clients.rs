//! How a client says who it is: every way that the provider takes, and each signed word said once.

use super::*;

/// The account and client, its algorithm, and how its private key is written.
const SIGNING: [(&str, &str, &str); 4] = [
    ("svc-rs256", "RS256", "pkcs1"),
    ("svc-ps256", "PS256", "pkcs8"),
    ("svc-es256", "ES256", "sec1"),
    ("svc-eddsa", "EdDSA", "jwk"),
];

/// The account and client, and what its table says of its secret.
const WITH_A_SECRET: [(&str, &str, &str); 2] = [
    ("svc-post", "post-secret", "token_endpoint_auth_method = 'client_secret_post'\n"),
    (
        "svc-hmac",
        "a-secret-that-is-long-enough-for-hs256",
        "token_endpoint_auth_method = 'client_secret_jwt'\n",
    ),
];

fn signing(sandbox: &Sandbox, provider: &Provider, client: &str, alg: &str, form: &str) -> String {
    let key = provider.new_key(client, alg, form);
    account_at(provider, client, "client_credentials", client)
        + &secret_line(sandbox, client, "private_key", &key)
        + &format!("private_key_id = '{form}'\ntoken_endpoint_auth_signing_alg = '{alg}'\n")
}

#[test]
fn each_client_authentication_brings_tokens_and_no_assertion_is_sent_twice() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "client authentication") else {
        return;
    };
    let mut text = "[daemon]\nhttp_timeout = '4s'\n".to_owned();
    for (client, alg, form) in SIGNING {
        text += &signing(&sandbox, &provider, client, alg, form);
    }
    for (client, secret, method) in WITH_A_SECRET {
        text += &account_at(&provider, client, "client_credentials", client);
        text += &(secret_line(&sandbox, client, "client_secret", secret) + method);
    }
    text += &account(&sandbox, "odd", &provider, "svc:odd/id", "p%41ss+w=r&d/:~ x");
    provider.log_in(&sandbox, "app-public");
    text += &account_at(&provider, "app-public", "refresh_token", "app-public");
    text += "refresh_token = { file = '~/app-public.refresh' }\n";
    // The provider carries the first request of these out and so knows the assertion; the answer is lost.
    for client in ["svc-es256", "svc-eddsa", "svc-hmac"] {
        let lost = json!({"mode": "status", "status": 503, "after": true, "client": client});
        provider.control("fault", &lost);
    }
    sandbox.configure(&text);
    let _daemon = sandbox.start();

    let clients = SIGNING.map(|(client, _, _)| (client, client));
    let others = [
        ("svc-post", "svc-post"),
        ("svc-hmac", "svc-hmac"),
        ("odd", "svc:odd/id"),
        ("app-public", "app-public"),
    ];
    for (name, client) in clients.into_iter().chain(others) {
        let first = sandbox.token(name);
        assert_eq!(provider.whoami(&first), (200, client.into()), "{name}");
        let said = sandbox.tok(["refresh", name]);
        assert_eq!(said.code, 0, "{name}: {said:?}");
        let second = sandbox.token(name);
        assert_ne!(first, second, "{name}");
        assert_eq!(provider.whoami(&second), (200, client.into()), "{name}");
    }

    let requests = provider.token_requests();
    let all = |client: &str, field: &str| -> Vec<Value> {
        requests[client].iter().map(|request| request[field].clone()).collect()
    };
    for client in ["svc-es256", "svc-eddsa", "svc-hmac"] {
        assert_eq!(all(client, "status"), [503, 200, 200], "{client}");
        assert_eq!(all(client, "real")[0], 200, "{client}: the assertion of the lost answer was good");
    }
    assert_eq!(all("svc:odd/id", "auth"), ["basic", "basic"]);
    assert_eq!(all("svc-post", "auth"), ["post", "post"]);
    assert_eq!(all("app-public", "auth"), [Value::Null, Value::Null]);
    let mut once = BTreeSet::new();
    let hmac = ("svc-hmac", "HS256", "");
    for (client, alg, form) in SIGNING.into_iter().chain([hmac]) {
        assert!(all(client, "auth").iter().all(|auth| auth == "jwt"), "{client}");
        for assertion in all(client, "assertion") {
            let kid = (client != "svc-hmac").then_some(form);
            assert_eq!(
                (assertion["alg"].as_str(), assertion["kid"].as_str()),
                (Some(alg), kid),
                "{client}: {assertion}"
            );
            let jti = assertion["jti"].as_str().expect("a jti").to_owned();
            assert!(once.insert(jti), "{client}: {assertion} was said before");
        }
    }
    // Found once, however many accounts it has.
    let discoveries = provider.seen_at("/.well-known/openid-configuration").len();
    assert!((1..=requests.len()).contains(&discoveries), "{discoveries}");
}

#[test]
fn a_key_that_the_provider_does_not_know_is_refused_once_and_a_new_one_is_taken() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "a key that is not known") else {
        return;
    };
    sandbox.configure(&signing(&sandbox, &provider, "svc-es256", "ES256", "sec1"));
    let new = provider.new_key("svc-es256", "ES256", "sec1");
    let _daemon = sandbox.start();
    for _ in 0..5 {
        let said = sandbox.tok(["get", "svc-es256"]);
        assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{said:?}");
        let (what, hint) = said.error();
        assert!(what.contains("invalid_client") && hint.contains("will not try again until"), "{said:?}");
    }
    assert_eq!(provider.token_requests()["svc-es256"].len(), 1);

    secret_line(&sandbox, "svc-es256", "private_key", &new);
    let token = eventually("the new key is seen by itself", || {
        let said = sandbox.tok(["get", "svc-es256"]);
        (said.code == 0).then(|| said.stdout.trim_end().to_owned())
    });
    assert_eq!(provider.whoami(&token), (200, "svc-es256".into()));
}
