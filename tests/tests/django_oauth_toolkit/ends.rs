//! How tokens end: by a logout, and by a server that says of a rejected one whether it lives.

use tokend_tests::sandbox::eventually;

use super::*;

const CLIENT: &str = "app-password-public";

/// A login whose logout is told to the server. Its OpenID metadata know no revocation; those of RFC 8414 do.
fn login(toolkit: &Toolkit, sandbox: &Sandbox, name: &str) -> String {
    toolkit.log_in(sandbox, name, CLIENT);
    toolkit.account(name, CLIENT, "refresh_token")
        + &format!(
            "refresh_token = {{ file = '~/{name}.refresh' }}\nrevocation_endpoint = '{}/revoke_token/'\n",
            toolkit.issuer()
        )
}

#[test]
fn a_logout_revokes_at_the_server_whose_answer_is_empty() {
    let sandbox = Sandbox::new();
    let Some(toolkit) = Toolkit::start(&sandbox, "logout at django-oauth-toolkit", 60) else {
        return;
    };
    sandbox.configure(&login(&toolkit, &sandbox, "login"));
    let _daemon = sandbox.start();
    let token = sandbox.token("login");
    assert!(toolkit.whoami(&token).is_some());

    let said = sandbox.tok(["logout", "login"]);
    assert_eq!(said.code, 0, "{said:?}");
    let revoked = toolkit.seen_at("revoke_token");
    assert!(revoked.iter().any(|it| it["hint"] == "refresh_token"), "{revoked:#?}");
    assert!(revoked.iter().all(|it| it["client"] == CLIENT && it["status"] == 200), "{revoked:#?}");
    assert_eq!(toolkit.control("tokens", &json!({"client": CLIENT})), json!({"access": 0, "refresh": 0}));
    assert_eq!(toolkit.whoami(&token), None);
    let said = sandbox.tok(["get", "login"]);
    assert_eq!((said.code, said.stdout.as_str()), (4, ""), "{said:?}");
    assert_eq!(sandbox.status("login")["state"], "login-needed");
}

#[test]
fn a_logout_that_the_server_does_not_take_says_so_and_leaves_the_login_until_it_is_only_forgotten_here() {
    let sandbox = Sandbox::new();
    let Some(toolkit) = Toolkit::start(&sandbox, "a logout that is not taken", 60) else {
        return;
    };
    sandbox.configure(&login(&toolkit, &sandbox, "login"));
    let _daemon = sandbox.start();
    let token = sandbox.token("login");
    toolkit.control("fault", &json!({"mode": "empty", "status": 400, "match": "/revoke_token/", "count": 9}));
    let said = sandbox.tok(["logout", "login"]);
    assert!([5, 6].contains(&said.code), "{said:?}");
    assert!(said.error().1.contains("tok logout --local login"), "{said:?}");
    assert_eq!(sandbox.token("login"), token);
    let said = sandbox.tok(["logout", "login", "--local"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(toolkit.whoami(&token).is_some(), "the server knows nothing of it");
    let said = sandbox.tok(["get", "login"]);
    assert_eq!((said.code, said.stdout.as_str()), (4, ""), "{said:?}");
}

#[test]
fn the_server_settles_whether_a_rejected_token_is_dead() {
    let sandbox = Sandbox::new();
    let Some(toolkit) = Toolkit::start(&sandbox, "introspection at django-oauth-toolkit", 60) else {
        return;
    };
    let asks = format!("introspection_endpoint = '{}/introspect/'\n", toolkit.issuer());
    sandbox.configure(&(service(&toolkit, &sandbox, "svc") + &asks));
    let _daemon = sandbox.start();
    let reject = |token: &str| {
        let said = sandbox.tok_with_input(["reject", "svc"], token);
        assert_eq!(said.code, 0, "{said:?}");
    };
    // The first is honoured unasked.
    let first = sandbox.token("svc");
    reject(&first);
    let second = sandbox.token("svc");
    assert_ne!(first, second);

    // The next is not, as the server calls the token alive.
    reject(&second);
    let said = sandbox.tok(["get", "svc", "--format", "json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let answer: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(answer["token"], second.as_str());
    let asked = toolkit.seen_at("introspect");
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|it| it["client"] == "svc:odd/id" && it["status"] == 200), "{asked:#?}");
    assert_eq!(toolkit.seen_at("token").len(), 2);

    // It is over, and the server says so: `{"active": false}` and nothing else.
    let form = [("client_id", "svc:odd/id"), ("client_secret", "p%41ss+w=r&d/:~ x"), ("token", &second)];
    assert_eq!(toolkit.post("revoke_token", &form).status, 200);
    let third = eventually("another token", || {
        // A token that the server has just vouched for is not asked about at once again.
        reject(&second);
        let said = sandbox.tok(["get", "svc"]);
        (said.code == 0 && said.stdout.trim_end() != second).then(|| said.stdout.trim_end().to_owned())
    });
    assert!(toolkit.whoami(&third).is_some());
    assert_eq!(toolkit.seen_at("token").len(), 3);
}
