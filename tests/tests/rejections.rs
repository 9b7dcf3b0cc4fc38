//! A caller that rejects a token gets another; one that rejects again and again makes nobody hammer the service.

use tokend_tests::accounts;
use tokend_tests::sandbox::Sandbox;
use tokend_tests::stand_in::{LyveCloud, OAuthServer, fingerprint};

/// Says with what `tok` ended.
#[track_caller]
fn reject(sandbox: &Sandbox, account: &str, token: &str) {
    let said = sandbox.tok_with_input(["reject", account], &format!("{token}\n"));
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""));
}

#[test]
fn a_rejected_token_is_not_served_again_and_the_next_get_brings_another() {
    let sandbox = Sandbox::new();
    let (lyve, oauth) = (LyveCloud::start(), OAuthServer::start());
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "lyve", &lyve),
            accounts::oauth2_at_endpoint(&sandbox, "graph", &oauth, "client_secret_basic"),
        ]
        .concat(),
    );
    let _daemon = sandbox.start();

    let first = sandbox.token("lyve");
    lyve.tokens().revoke(&first);
    reject(&sandbox, "lyve", &first);
    let second = sandbox.token("lyve");
    assert_ne!(second, first);
    assert!(lyve.is_live(&second));
    assert_eq!(lyve.requests(), 2);

    let first = sandbox.token("graph");
    let said = sandbox.tok(["reject", "graph", "--hash", &fingerprint(&first)]);
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""));
    let second = sandbox.token("graph");
    assert_ne!(second, first);
    assert!(oauth.is_live(&second));
    assert_eq!(oauth.requests(), 2);
}

#[test]
fn a_token_for_other_scopes_is_rejected_by_itself() {
    let sandbox = Sandbox::new();
    let oauth = OAuthServer::start();
    let graph = accounts::oauth2_at_endpoint(&sandbox, "graph", &oauth, "client_secret_basic");
    sandbox.configure(&(graph + "scope = ['files']\nrequest_scopes = ['mail']\n"));
    let _daemon = sandbox.start();
    let mail = || sandbox.tok(["get", "graph", "--scope", "mail"]).stdout.trim_end().to_owned();
    let (own, first) = (sandbox.token("graph"), mail());
    reject(&sandbox, "graph", &first);
    let second = mail();
    assert!(oauth.is_live(&second) && second != first);
    assert_eq!(sandbox.token("graph"), own);
    assert_eq!(oauth.requests(), 3);
}

#[test]
fn rejecting_an_old_or_unknown_token_changes_nothing() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    let _daemon = sandbox.start();

    let first = sandbox.token("lyve");
    reject(&sandbox, "lyve", "never-heard-of");
    assert_eq!(sandbox.token("lyve"), first);
    reject(&sandbox, "lyve", &first);
    let second = sandbox.token("lyve");
    // Ten processes that share a token each find out that it is dead.
    for _ in 0..10 {
        reject(&sandbox, "lyve", &first);
        assert_eq!(sandbox.token("lyve"), second);
    }
    assert_eq!(lyve.requests(), 2);
    let nobody = sandbox.tok_with_input(["reject", "nobody"], &second);
    assert_eq!(nobody.code, 3, "{nobody:?}");
}

#[test]
fn who_rejects_each_token_a_hundred_times_costs_the_service_a_handful_of_requests() {
    let sandbox = Sandbox::new();
    let (lyve, oauth) = (LyveCloud::start(), OAuthServer::start());
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "lyve", &lyve),
            accounts::oauth2_at_endpoint(&sandbox, "graph", &oauth, "client_secret_basic"),
        ]
        .concat(),
    );
    let _daemon = sandbox.start();

    for account in ["lyve", "graph"] {
        for _ in 0..100 {
            let said = sandbox.tok(["get", account]);
            match said.code {
                0 => reject(&sandbox, account, said.stdout.trim_end()),
                6 => assert!(said.error().1.contains("next try is in"), "{said:?}"),
                _ => panic!("{account}: {said:?}"),
            }
        }
    }
    assert!(lyve.requests() <= 6, "lyve: {} requests", lyve.requests());
    assert!(oauth.requests() <= 6, "graph: {} requests", oauth.requests());

    // The service can say that the token lives, so it is served on, with a word about that.
    let said = sandbox.tok(["get", "lyve", "--format", "json"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("rejected"), "the caller is told: {said:?}");
    // Where it cannot say, the callers wait; the account is none that a person must mend.
    assert_eq!(sandbox.tok(["get", "graph"]).code, 6);
    assert_eq!(sandbox.status("graph")["state"], "waiting");
}

#[test]
fn a_second_rejection_is_honoured_where_the_service_calls_the_token_dead_too() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    let _daemon = sandbox.start();
    reject(&sandbox, "lyve", &sandbox.token("lyve"));
    let second = sandbox.token("lyve");
    lyve.revoke_all();
    reject(&sandbox, "lyve", &second);
    let said = sandbox.tok(["get", "lyve"]);
    assert_ne!(said.stdout.trim_end(), second, "a dead token is not served");
    assert_eq!(said.code, 6, "the second one waits: {said:?}");
    assert!(said.error().1.contains("next try is in"), "{said:?}");
    assert_eq!((lyve.token_requests(), lyve.requests()), (2, 3), "it was asked whether the token lives");
}

#[test]
fn a_rejected_static_token_is_the_only_one_there_is() {
    let sandbox = Sandbox::new();
    sandbox.configure(&accounts::static_token(&sandbox, "fixed", "as-it-is"));
    let _daemon = sandbox.start();
    assert_eq!(sandbox.token("fixed"), "as-it-is");
    reject(&sandbox, "fixed", "as-it-is");
    for _ in 0..3 {
        let said = sandbox.tok(["get", "fixed"]);
        assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{said:?}");
        assert!(said.error().1.contains("will not try again until"), "{said:?}");
    }

    accounts::set_secret(&sandbox, "fixed", "a-new-one");
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    assert_eq!(sandbox.token("fixed"), "a-new-one");
}

#[test]
fn refreshing_is_free_once_and_then_limited() {
    let sandbox = Sandbox::new();
    let (lyve, oauth) = (LyveCloud::start(), OAuthServer::start());
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "lyve", &lyve),
            accounts::oauth2_at_endpoint(&sandbox, "graph", &oauth, "client_secret_basic"),
        ]
        .concat(),
    );
    let _daemon = sandbox.start();
    for account in ["lyve", "graph"] {
        let first = sandbox.token(account);
        let said = sandbox.tok(["refresh", account]);
        assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{said:?}");
        let second = sandbox.token(account);
        assert_ne!(second, first, "a new token, though the old one lives");
        for _ in 0..20 {
            let said = sandbox.tok(["refresh", account]);
            assert_eq!((said.code, said.stdout.as_str()), (6, ""), "{said:?}");
            assert!(said.error().1.contains("possible in"), "{said:?}");
        }
        assert_eq!(sandbox.token(account), second, "what there is is served");
    }
    assert_eq!((lyve.requests(), oauth.requests()), (2, 2));
}
