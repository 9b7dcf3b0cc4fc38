//! Secrets in a real vault: OpenBao, with leases of ten seconds, seals and refusals.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod bao;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tokend_tests::real_time::paced;
use tokend_tests::sandbox::{Sandbox, eventually};
use tokend_tests::stand_in::HttpLogin;

use bao::{Bao, Front};

/// What the policy of all roles lets them read.
const POLICY: &str = "path \"secret/data/app/*\" { capabilities = [\"read\"] }\n\
                      path \"old/kv/app/*\" { capabilities = [\"read\"] }";

/// An account that is a secret of the vault, served as it is, fetched when it is asked for.
fn account(name: &str, place: &str) -> String {
    format!("[accounts.{name}]\ntype = 'static'\ntoken = {{ vault = '{place}' }}\nrefresh = 'on-demand'\n")
}

/// An account that logs in with a secret of the vault, every few seconds.
fn login_account(sandbox: &Sandbox, login: &HttpLogin) -> String {
    let table = tokend_tests::accounts::http_login(sandbox, "svc", login);
    table.replace("{ file = '~/svc.secret' }", "{ vault = 'secret/app/svc#key' }")
}

fn approle(sandbox: &Sandbox, url: &str, role_id: &str, secret_id: &str) -> String {
    sandbox.secret_file("secret-id", secret_id);
    format!(
        "[vault]\naddress = '{url}'\nauth = 'approle'\nrole_id = '{role_id}'\n\
         secret_id = {{ file = '~/secret-id' }}\n"
    )
}

/// A login service that knows the secret that is in the vault at `secret/app/svc#key`.
fn login_service(bao: &Bao, lifetime: Duration) -> HttpLogin {
    let login = HttpLogin::builder().lifetime(lifetime).start();
    let fields = login.change(|login| login.fields.clone());
    let (_, key) = fields.into_iter().find(|(field, _)| field == "key").expect("its key");
    bao.post("secret/data/app/svc", &json!({ "data": { "key": key } }));
    login
}

#[test]
fn secrets_of_both_versions_are_read_after_a_login_by_each_method() {
    let sandbox = Sandbox::new();
    let Some(bao) = Bao::start(&sandbox, "secrets in a vault") else {
        return;
    };
    bao.post("sys/mounts/old/kv", &json!({ "type": "kv", "options": { "version": "1" } }));
    bao.post("secret/data/app/db", &json!({ "data": { "pass": "version-2", "port": 5432, "all": {} } }));
    bao.post("old/kv/app/db", &json!({ "pass": "version-1" }));
    bao.post("sys/policies/acl/app", &json!({ "policy": POLICY }));
    let accounts = [
        account("two", "secret/app/db#pass"),
        account("number", "secret/app/db#port"),
        account("one", "old/kv/app/db#pass"),
        account("missing", "secret/app/none#pass"),
        account("field", "secret/app/db#pas"),
        account("object", "secret/app/db#all"),
        account("denied", "secret/other#pass"),
    ]
    .concat();

    let role = bao.approle("app", &json!({ "token_policies": "app" }));
    bao.enable("userpass");
    bao.post("auth/userpass/users/alice", &json!({ "password": "alice's \"pw\"", "token_policies": "app" }));
    let jwt = bao.jwt_role("ci", "app");
    let token = bao.post("auth/token/create", &json!({ "policies": ["app"], "ttl": "1h" }));
    sandbox.secret_file("token", token["auth"]["client_token"].as_str().expect("a token"));
    sandbox.secret_file("jwt", &jwt);
    sandbox.secret_file("password", "alice's \"pw\"\n");
    let by = |keys: &str| format!("[vault]\naddress = '{}/v1/'\n{keys}\n", bao.url);
    let methods = [
        (approle(&sandbox, &bao.url, &role.id, &role.secret_id), "role app"),
        (by("auth = 'userpass'\nusername = 'alice'\npassword = { file = '~/password' }"), "user alice"),
        (by("auth = 'jwt'\nrole = 'ci'\njwt = { file = '~/jwt' }"), "role ci"),
        (by("auth = 'token'\ntoken = { file = '~/token' }"), "this token"),
    ];
    sandbox.configure(&format!("{}{accounts}", methods[0].0));
    let _daemon = sandbox.start();
    for (vault, who) in methods {
        sandbox.configure(&format!("{vault}{accounts}"));
        let said = sandbox.tok(["reload"]);
        assert_eq!(said.code, 0, "{said:?}");
        let tokens = ["two", "one", "number"].map(|name| sandbox.token(name));
        assert_eq!(tokens, ["version-2", "version-1", "5432"], "{who}");
        for (name, words) in [
            ("missing", "the vault has no secret secret/app/none".to_owned()),
            ("field", "secret/app/db in the vault has no field pas".to_owned()),
            ("object", "the field all of secret/app/db in the vault is no text".to_owned()),
            ("denied", format!("permission denied: {who} may not read secret/other")),
        ] {
            let said = sandbox.tok(["get", name]);
            assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{who}: {said:?}");
            assert!(said.error().0.contains(&words), "{who}: {said:?}");
        }
    }
}

#[test]
fn a_secret_in_a_namespace_is_read_there_and_not_elsewhere() {
    let sandbox = Sandbox::new();
    let Some(bao) = Bao::start(&sandbox, "namespaces of a vault") else {
        return;
    };
    bao.post("sys/namespaces/team", &json!({}));
    let team = bao.within("team");
    team.post("sys/mounts/kv", &json!({ "type": "kv", "options": { "version": "2" } }));
    eventually("the mount is ready", || {
        team.try_post("kv/data/db", &json!({ "data": { "pass": "team's" } })).ok()
    });
    let policy = "path \"kv/data/*\" { capabilities = [\"read\"] }";
    team.post("sys/policies/acl/app", &json!({ "policy": policy }));
    let role = team.approle("app", &json!({ "token_policies": "app" }));
    let vault = approle(&sandbox, &bao.url, &role.id, &role.secret_id);
    sandbox.configure(&format!("{vault}namespace = 'team'\n{}", account("a", "kv/db#pass")));
    let _daemon = sandbox.start();
    assert_eq!(sandbox.token("a"), "team's");
    for (namespace, words) in
        [("", "refused the login by approle"), ("namespace = 'nobody'\n", "namespace not found")]
    {
        sandbox.configure(&format!("{vault}{namespace}{}", account("a", "kv/db#pass")));
        assert_eq!(sandbox.tok(["reload"]).code, 0);
        let said = sandbox.tok(["get", "a"]);
        assert_eq!(said.code, 5, "{said:?}");
        assert!(said.error().0.contains(words), "{said:?}");
    }
}

#[test]
fn leases_of_ten_seconds_are_renewed_over_a_minute_and_few_logins_are_needed() {
    let sandbox = Sandbox::new();
    let Some(bao) = Bao::start(&sandbox, "leases of ten seconds") else {
        return;
    };
    let login = login_service(&bao, Duration::from_secs(4));
    bao.post("sys/policies/acl/app", &json!({ "policy": POLICY }));
    // After 25 s the server renews no more: it answers 200 with a shorter lease and a warning.
    let role = bao.approle(
        "app",
        &json!({
            "token_policies": "app", "token_ttl": "10s", "token_max_ttl": "25s", "secret_id_num_uses": 100,
        }),
    );
    let vault = approle(&sandbox, &bao.url, &role.id, &role.secret_id);
    sandbox.configure(&format!("{vault}{}", login_account(&sandbox, &login)));
    let _daemon = sandbox.start();
    let mut tokens = BTreeSet::new();
    paced(Duration::from_millis(500), 130, |index| {
        let token = sandbox.token("svc");
        assert!(login.is_live(&token), "ask {index}");
        tokens.insert(token);
    });
    assert!(tokens.len() > 12, "{} tokens in 65 s", tokens.len());
    // Each login spends a use of the secret_id. Without renewals there would be one each ten seconds.
    let logins = 100 - bao.uses_left(&role);
    assert!((2..=4).contains(&logins), "{logins} logins in 65 s");
}

#[test]
fn a_sealed_vault_is_waited_for_and_found_again() {
    let sandbox = Sandbox::new();
    let Some(bao) = Bao::start(&sandbox, "a vault that is sealed") else {
        return;
    };
    let login = login_service(&bao, Duration::from_secs(4));
    bao.post("sys/policies/acl/app", &json!({ "policy": POLICY }));
    let role = bao.approle("app", &json!({ "token_policies": "app", "token_ttl": "10s" }));
    let vault = approle(&sandbox, &bao.url, &role.id, &role.secret_id);
    sandbox.configure(&format!("{vault}{}", login_account(&sandbox, &login)));
    let daemon = sandbox.start();
    sandbox.token("svc");
    bao.post("sys/seal", &json!({}));
    let said = eventually("the last token ends", || {
        let said = sandbox.tok(["get", "svc", "--timeout", "1s"]);
        (said.code != 0).then_some(said)
    });
    assert_eq!(said.code, 6, "{said:?}");
    assert!(said.stderr.contains("is not ready (503 Vault is sealed)"), "{said:?}");
    let status = sandbox.status("svc");
    assert_eq!(status["state"], "waiting", "{status}");
    bao.unseal();
    // Nobody asks meanwhile.
    eventually("tokend has a token again, by itself", || {
        (sandbox.status("svc")["state"] == "fresh").then_some(())
    });
    assert!(login.is_live(&sandbox.token("svc")));
    drop(daemon);

    // Sealed before the first login.
    bao.post("sys/seal", &json!({}));
    let _daemon = sandbox.start();
    let said = sandbox.tok(["get", "svc", "--timeout", "1s"]);
    assert_eq!(said.code, 6, "{said:?}");
    bao.unseal();
    eventually("tokend has its first token, by itself", || {
        (sandbox.status("svc")["state"] == "fresh").then_some(())
    });
}

#[test]
fn a_refused_login_is_not_repeated_and_a_new_secret_is_taken() {
    let sandbox = Sandbox::new();
    let Some(bao) = Bao::start(&sandbox, "a login that a vault refuses") else {
        return;
    };
    bao.post("secret/data/app/db", &json!({ "data": { "pass": "hunter2" } }));
    bao.post("sys/policies/acl/app", &json!({ "policy": POLICY }));
    let role = bao.approle("app", &json!({ "token_policies": "app" }));
    let front = Front::before(&bao);
    let accounts: String = (0..10).map(|index| account(&format!("a{index}"), "secret/app/db#pass")).collect();
    let accounts = accounts.replace("on-demand", "eager");
    sandbox.configure(&(approle(&sandbox, &front.url, &role.id, "wrong-secret-id") + &accounts));
    let _daemon = sandbox.start();
    for round in 0..3 {
        for index in 0..10 {
            let said = sandbox.tok(["get", &format!("a{index}")]);
            assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{round}: {said:?}");
            let (what, hint) = said.error();
            assert!(
                what.contains("refused the login by approle (400 invalid role or secret ID)"),
                "{said:?}"
            );
            assert!(hint.contains("`role_id` and `secret_id` in [vault]"), "{said:?}");
            assert!(hint.contains("will not try again until"), "{said:?}");
            assert!(!said.stderr.contains("wrong-secret-id"), "{said:?}");
        }
    }
    assert_eq!(front.requests(), 1, "ten accounts share one refusal");

    sandbox.secret_file("secret-id", &role.secret_id);
    let said = sandbox.tok(["refresh", "a0"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(sandbox.token("a0"), "hunter2");

    // A role that is not there.
    sandbox.configure(&(approle(&sandbox, &front.url, "no-such-role", &role.secret_id) + &accounts));
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    let said = sandbox.tok(["get", "a5"]);
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.error().0.contains("invalid role or secret ID"), "{said:?}");
}

#[test]
fn a_reload_keeps_the_session_and_a_revoked_token_is_replaced() {
    let sandbox = Sandbox::new();
    let Some(bao) = Bao::start(&sandbox, "the session of a vault") else {
        return;
    };
    bao.post("secret/data/app/db", &json!({ "data": { "pass": "hunter2" } }));
    bao.post("sys/policies/acl/app", &json!({ "policy": POLICY }));
    let role = bao.approle("app", &json!({ "token_policies": "app", "secret_id_num_uses": 100 }));
    let vault = approle(&sandbox, &bao.url, &role.id, &role.secret_id);
    sandbox.configure(&format!("{vault}{}", account("a", "secret/app/db#pass")));
    let _daemon = sandbox.start();
    sandbox.token("a");
    let both = account("a", "secret/app/db#pass") + &account("b", "secret/app/db#pass");
    sandbox.configure(&format!("{vault}{both}"));
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    assert_eq!(sandbox.token("b"), "hunter2");
    assert_eq!(bao.uses_left(&role), 99, "one login");

    bao.post("auth/token/revoke-accessor", &json!({ "accessor": bao.accessor_of("approle") }));
    let said = sandbox.tok(["refresh", "b"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(bao.uses_left(&role), 98, "two logins");
}

#[test]
fn a_vault_behind_an_authority_of_its_own_is_trusted_by_its_ca_file_alone() {
    let sandbox = Sandbox::new();
    let Some(bao) = Bao::start_tls(&sandbox, "a vault with TLS") else {
        return;
    };
    sandbox.secret_file("root", "root");
    let vault = format!(
        "[vault]\naddress = '{}'\nauth = 'token'\ntoken = {{ file = '~/root' }}\nca_file = '{}'\n",
        bao.url,
        bao.authority().display()
    );
    // Nothing is written there: that the vault says so is proof enough.
    sandbox.configure(&format!("{vault}{}", account("a", "secret/app/none#pass")));
    let _daemon = sandbox.start();
    let said = sandbox.tok(["get", "a"]);
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.error().0.contains("the vault has no secret secret/app/none"), "{said:?}");
    let (stranger, _) = vault.split_once("ca_file").expect("its last line");
    sandbox.configure(&format!("{stranger}{}", account("a", "secret/app/none#pass")));
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    let said = sandbox.tok(["get", "a", "--timeout", "5s"]);
    assert_eq!(said.code, 6, "{said:?}");
    assert!(said.error().0.contains("TLS to a stranger"), "{said:?}");
}
