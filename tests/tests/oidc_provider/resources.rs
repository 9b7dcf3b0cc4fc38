//! Tokens for one service, and for what a caller names: RFC 8707, scopes.

use super::*;

fn service(sandbox: &Sandbox, provider: &Provider, name: &str, more: &str) -> String {
    account_at(provider, name, "client_credentials", "svc-basic")
        + &secret_line(sandbox, name, "client_secret", "basic-secret")
        + more
}

#[test]
fn a_token_is_for_the_resource_that_the_account_names() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "resource indicators") else {
        return;
    };
    let text = service(
        &sandbox,
        &provider,
        "one",
        "resource = 'urn:api:one'\nscope = ['api:read']\nrequest_scopes = ['api:write']\n",
    ) + &service(&sandbox, &provider, "opaque", "resource = ['urn:api:two:opaque']\n")
        + &service(&sandbox, &provider, "unknown", "resource = 'https://unknown.example'\n")
        + &service(&sandbox, &provider, "both", "resource = ['urn:api:one', 'urn:api:two']\n");
    sandbox.configure(&text);
    let _daemon = sandbox.start();

    let token = sandbox.token("one");
    assert_eq!(token.split('.').count(), 3, "a JWT");
    let who = provider.holder(&token);
    assert_eq!((&who["aud"], &who["scope"]), (&"urn:api:one".into(), &"api:read".into()));
    let who = provider.holder(&sandbox.token("opaque"));
    assert_eq!(who["aud"], "urn:api:two:opaque");
    for refused in ["unknown", "both"] {
        let said = sandbox.tok(["get", refused]);
        assert_eq!(said.code, 5, "{said:?}");
        assert!(said.error().0.contains("invalid_target"), "{said:?}");
    }
    let other = sandbox.tok(["get", "one", "--scope", "api:write"]);
    assert_eq!(other.code, 0, "{other:?}");
    let who = provider.holder(other.stdout.trim_end());
    assert_eq!((&who["aud"], &who["scope"]), (&"urn:api:one".into(), &"api:write".into()));
    assert_eq!(sandbox.token("one"), token, "the account's own is kept apart");
    let said = sandbox.tok(["get", "one", "--scope", "api:admin"]);
    assert_eq!(said.code, 7, "{said:?}");
    let resources: Vec<_> =
        provider.token_requests()["svc-basic"].iter().map(|request| request["resource"].clone()).collect();
    assert!(resources.contains(&json!(["urn:api:one", "urn:api:two"])), "{resources:?}");
    assert_eq!(resources.len(), 5, "{resources:?}");
}
