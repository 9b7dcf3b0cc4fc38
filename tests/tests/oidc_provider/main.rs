//! Tokens of a certified OpenID provider that others wrote: npm's oidc-provider, with tokens of a few
//! seconds.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod browser;
mod browser_logins;
mod clients;
mod devices;
mod ends;
mod grants;
mod id_tokens;
mod logins;
mod provider;
mod resources;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokend_tests::accounts;
use tokend_tests::logging_in::LoggingIn;
use tokend_tests::real_time::paced;
use tokend_tests::sandbox::{Sandbox, eventually, skip};
use tokend_tests::stand_in::call;

use provider::{Provider, account_at, secret_line};

/// The code that a login shows, as the provider writes it.
#[track_caller]
fn user_code(login: &LoggingIn) -> String {
    login.word(|word| {
        let fits = |(index, it): (usize, u8)| if index == 4 { it == b'-' } else { it.is_ascii_uppercase() };
        word.len() == 9 && word.bytes().enumerate().all(fits)
    })
}

/// The account, the client, its secret, and how the provider wants to be told that.
const CLIENTS: [(&str, &str, &str, &str); 3] = [
    ("basic", "svc-basic", "basic-secret", "basic"),
    ("post", "svc-post", "post-secret", "post"),
    // A client that is refused to whoever does not encode as RFC 6749 2.3.1 says.
    ("odd", "svc:odd/id", "p%41ss+w=r&d/:~ x", "basic"),
];

fn account(sandbox: &Sandbox, name: &str, provider: &Provider, client: &str, secret: &str) -> String {
    account_at(provider, name, "client_credentials", client)
        + &secret_line(sandbox, name, "client_secret", &format!("{secret}\n"))
        + "scope = ['api:read']\n"
}

/// What the account's table must say where the provider takes both methods and the client only one.
fn method(auth: &str) -> String {
    match auth {
        "post" => "token_endpoint_auth_method = 'client_secret_post'\n".to_owned(),
        _ => String::new(),
    }
}

#[test]
fn tokens_of_ten_seconds_are_refreshed_over_three_lifetimes_with_one_request_each() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start(&sandbox, "tokens of the third-party provider") else {
        return;
    };
    let text: String = CLIENTS
        .iter()
        .map(|(name, client, secret, auth)| {
            account(&sandbox, name, &provider, client, secret) + &method(auth)
        })
        .collect();
    sandbox.configure(&text);
    let _daemon = sandbox.start();

    let mut seen = BTreeMap::<&str, BTreeSet<String>>::new();
    paced(Duration::from_millis(500), 62, |index| {
        for (name, client, _, _) in CLIENTS {
            let token = sandbox.token(name);
            assert_eq!(provider.whoami(&token), (200, Value::from(client)), "{name}: ask {index}");
            seen.entry(client).or_default().insert(token);
        }
    });
    // A request may be under way just now: its token comes in a moment.
    let requests = eventually("one request for each token", || {
        for (name, client, _, _) in CLIENTS {
            seen.entry(client).or_default().insert(sandbox.token(name));
        }
        let requests = provider.token_requests();
        let same = |client: &str| requests.get(client).map(Vec::len) == seen.get(client).map(BTreeSet::len);
        CLIENTS.iter().all(|(_, client, _, _)| same(client)).then_some(requests)
    });
    assert_eq!(requests.len(), CLIENTS.len());
    for (name, client, _, auth) in CLIENTS {
        let requests = &requests[client];
        assert!((4..=6).contains(&requests.len()), "{name}: {} tokens in 31 s", requests.len());
        for request in requests {
            assert_eq!(
                (&request["auth"], &request["status"]),
                (&Value::from(auth), &Value::from(200)),
                "{name}"
            );
            assert_eq!(
                (&request["grant"], &request["scope"]),
                (&"client_credentials".into(), &"api:read".into())
            );
        }
    }
}

#[test]
fn a_secret_that_the_provider_does_not_know_is_refused_once_in_its_own_words() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start(&sandbox, "a refusal of the third-party provider") else {
        return;
    };
    sandbox.configure(&account(&sandbox, "wrong", &provider, "svc-basic", "wrong-secret"));
    let _daemon = sandbox.start();
    for _ in 0..10 {
        let said = sandbox.tok(["get", "wrong"]);
        assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{said:?}");
        let (what, hint) = said.error();
        assert!(what.contains("invalid_client") && hint.contains("will not try again until"), "{said:?}");
    }
    assert_eq!(provider.token_requests().get("svc-basic").map(Vec::len), Some(1));
}
