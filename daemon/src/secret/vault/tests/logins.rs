//! The ways to log in, and what a refusal means.

use super::*;

#[tokio::test]
async fn each_method_sends_what_the_server_wants() {
    for (keys, line, body) in [
        (APPROLE, LOGIN, "{\"role_id\":\"role-1\",\"secret_id\":\"secret-1\"}"),
        ("auth = 'approle'\nrole_id = $role-2$", LOGIN, "{\"role_id\":\"role-2\"}"),
        (
            "auth = 'approle'\nauth_mount = 'team/app role'\nrole_id = 'r'",
            "POST /v1/auth/team/app%20role/login",
            "{\"role_id\":\"r\"}",
        ),
        (
            "auth = 'jwt'\nrole = 'ci'\njwt = $e.y.J\n$",
            "POST /v1/auth/jwt/login",
            "{\"jwt\":\"e.y.J\",\"role\":\"ci\"}",
        ),
        ("auth = 'jwt'\njwt = $e.y.J$", "POST /v1/auth/jwt/login", "{\"jwt\":\"e.y.J\"}"),
        (
            "auth = 'userpass'\nusername = 'a b'\npassword = $p\"w$",
            "POST /v1/auth/userpass/login/a%20b",
            "{\"password\":\"p\\\"w\"}",
        ),
    ] {
        let server = StandIn::start([login("t-1", 60, false), second(), password("hunter2")]);
        assert_eq!(Trial::new(&server, keys).get(PLACE).await.as_deref(), Ok("hunter2"), "{keys}");
        let seen = &server.seen()[0];
        assert_eq!((seen.line.as_str(), seen.body.as_str()), (line, body));
        assert_eq!(seen.header("x-vault-token"), None);
    }
}

#[tokio::test]
async fn a_token_is_looked_up_and_used_as_it_is() {
    let lookup = answer(200, "{\"data\": {\"ttl\": 0, \"renewable\": false, \"expire_time\": null}}");
    let server = StandIn::start([lookup, second(), password("hunter2"), password("hunter2")]);
    let trial = Trial::new(&server, "auth = 'token'\ntoken = $t-root\n$");
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("hunter2"));
    // One without a lease is for good.
    trial.clock.advance(Duration::from_secs(1_000_000));
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("hunter2"));
    assert_eq!(server.lines(), ["GET /v1/auth/token/lookup-self", MOUNT, READ, READ]);
    assert!(server.seen().iter().all(|seen| seen.header("x-vault-token") == Some("t-root")));
}

#[tokio::test]
async fn a_refusal_is_a_no_in_the_servers_own_words_without_a_secret() {
    for (keys, status, words, hint) in [
        (APPROLE, 400, "invalid role or secret ID", "check `role_id` and `secret_id` in [vault]"),
        (APPROLE, 403, "permission denied", "check `role_id` and `secret_id` in [vault]"),
        (APPROLE, 404, "namespace not found", "check `namespace`, `auth` and `auth_mount` in [vault]"),
        ("auth = 'jwt'\njwt = $e.y.J$", 400, "token is expired", "check `role` and `jwt` in [vault]"),
        ("auth = 'jwt'\njwt = $e.y.J$", 401, "no", "check `role` and `jwt` in [vault]"),
        (
            "auth = 'userpass'\nusername = 'a'\npassword = $hunter2$",
            400,
            "invalid username or password",
            "check `username` and `password` in [vault]",
        ),
        ("auth = 'token'\ntoken = $t-1$", 403, "permission denied", "check `token` in [vault]"),
    ] {
        let server = StandIn::start([errors(status, words)]);
        let failure = Trial::new(&server, keys).get(PLACE).await.expect_err("a failure");
        assert_eq!((failure.class, failure.kind), (Class::No, "vault-login"), "{keys}");
        assert!(failure.message.contains(&format!("({status} {words})")), "{failure:?}");
        assert_eq!(failure.hint, hint);
    }
    let server = StandIn::start([errors(400, "bad id secret-1\\u001b[1m\\n of role-1")]);
    let failure = Trial::new(&server, APPROLE).get(PLACE).await.expect_err("a failure");
    assert!(failure.message.ends_with("(400 bad id … [1m of …)"), "{failure:?}");
}

#[tokio::test]
async fn what_is_no_refusal_is_tried_again() {
    for (reply, kind) in [
        (errors(503, "Vault is sealed"), "vault-not-ready"),
        (errors(429, "x"), "vault-not-ready"),
        (errors(500, "x"), "vault-not-ready"),
        (answer(472, ""), "vault-not-ready"),
        (answer(400, "<html>"), "page"),
        (answer(403, "<html>"), "page"),
        (answer(200, "<html>"), "page"),
        (answer(307, ""), "vault-standby"),
        (answer(200, "{}"), "bad-answer"),
        (answer(200, "{\"auth\": null}"), "bad-answer"),
        (answer(200, "{\"auth\": {\"client_token\": \"\"}}"), "bad-answer"),
    ] {
        let server = StandIn::start([reply, login("t-1", 60, false), second(), password("hunter2")]);
        let trial = Trial::new(&server, APPROLE);
        let failure = trial.get(PLACE).await.expect_err("a failure");
        assert_eq!((failure.class, failure.kind), (Class::NotNow, kind), "{failure:?}");
        // At once, where whoever asks has waited as long as it takes.
        assert_eq!(trial.get(PLACE).await.as_deref(), Ok("hunter2"));
    }
}

#[tokio::test]
async fn a_login_that_wants_a_second_factor_is_a_no() {
    let body = "{\"auth\": {\"client_token\": \"\", \"mfa_requirement\": {\"mfa_request_id\": \"x\"}}}";
    let server = StandIn::start([answer(200, body)]);
    let failure = Trial::new(&server, APPROLE).get(PLACE).await.expect_err("a failure");
    assert_eq!((failure.class, failure.kind), (Class::No, "vault-login"));
    assert!(failure.message.contains("second factor"), "{failure:?}");
}

#[tokio::test]
async fn refused_credentials_are_not_sent_again_at_once_and_new_ones_are() {
    let server = StandIn::start([errors(400, "invalid role or secret ID")]);
    let trial = Trial::new(&server, APPROLE);
    for _ in 0..10 {
        assert_eq!(trial.get(PLACE).await.expect_err("a failure").class, Class::No);
    }
    assert_eq!(server.lines(), [LOGIN]);

    // However often somebody asks meanwhile.
    trial.clock.advance(Duration::from_secs(4));
    assert_eq!(trial.get(PLACE).await.expect_err("a failure").class, Class::No);
    trial.clock.advance(Duration::from_secs(1));
    server.then([errors(400, "invalid role or secret ID")]);
    assert_eq!(trial.get(PLACE).await.expect_err("a failure").class, Class::No);
    assert_eq!(server.lines(), [LOGIN, LOGIN]);

    std::fs::write(trial.files[0].path(), "secret-2").expect("room");
    server.then([login("t-1", 60, false), second(), password("hunter2")]);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("hunter2"));
    assert!(server.seen()[2].body.contains("secret-2"));
}

#[tokio::test]
async fn a_credential_that_cannot_be_had_says_so_and_keeps_its_class() {
    let server = StandIn::start([]);
    let trial = Trial::new(&server, APPROLE);
    std::fs::write(trial.files[0].path(), "").expect("room");
    let failure = trial.get(PLACE).await.expect_err("a failure");
    assert_eq!((failure.class, failure.kind), (Class::Source, "secret-file"));
    assert!(failure.message.starts_with("no login to the vault: "), "{failure:?}");
    std::fs::write(trial.files[0].path(), b"\xff").expect("room");
    let failure = trial.get(PLACE).await.expect_err("a failure");
    assert_eq!((failure.class, failure.kind), (Class::Source, "bad-secret"));
    assert_eq!(server.lines(), [""; 0]);
}
