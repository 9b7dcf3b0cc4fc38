//! Who a person is, as the provider says it: id tokens, checked against its keys.

use super::*;

#[track_caller]
fn id_token(sandbox: &Sandbox) -> String {
    let said = sandbox.tok(["get", "app-public", "--id-token"]);
    assert_eq!(said.code, 0, "{said:?}");
    said.stdout.trim_end().to_owned()
}

#[test]
fn an_id_token_is_served_whose_signature_was_checked_also_after_the_provider_changed_its_keys() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "id tokens") else {
        return;
    };
    provider.log_in(&sandbox, "app-public");
    let text = account_at(&provider, "app-public", "refresh_token", "app-public")
        + "refresh_token = { file = '~/app-public.refresh' }\n"
        + &account(&sandbox, "basic", &provider, "svc-basic", "basic-secret");
    sandbox.configure(&text);
    let _daemon = sandbox.start();

    let first = id_token(&sandbox);
    assert_eq!(id_token(&sandbox), first);
    let seen = provider.verified(&first, "app-public");
    assert_eq!(
        (&seen["claims"]["sub"], &seen["claims"]["iss"]),
        (&"alice".into(), &provider.url.as_str().into())
    );
    assert_eq!(provider.token_requests()["app-public"].len(), 1, "it came with the access token");
    assert_ne!(sandbox.token("app-public"), first);

    provider.control("rotate", &json!({}));
    assert_eq!(sandbox.tok(["refresh", "app-public"]).code, 0);
    let second = id_token(&sandbox);
    assert_ne!(second, first);
    let new = provider.verified(&second, "app-public");
    assert_ne!(new["header"]["kid"], seen["header"]["kid"]);
    assert_eq!(provider.seen_at("/jwks").len(), 2, "once for the old keys, once for the new");

    let said = sandbox.tok(["get", "basic", "--id-token"]);
    assert_ne!(said.code, 0, "no person is logged in: {said:?}");
    assert_eq!(said.stdout, "");
}
