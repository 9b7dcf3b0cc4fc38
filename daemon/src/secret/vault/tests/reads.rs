//! What is read from where, and what it means when there is nothing.

use super::*;

#[tokio::test]
async fn a_field_of_version_2_is_read_with_one_login_and_one_look_at_the_mount() {
    let server =
        StandIn::start([login("t-1", 60, false), second(), password("hunter2"), password("hunter3")]);
    let trial = Trial::new(&server, &format!("{APPROLE}\nnamespace = 'team-a/'"));
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("hunter2"));
    // What is read is not kept.
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("hunter3"));
    assert_eq!(server.lines(), [LOGIN, MOUNT, READ, READ]);
    for (index, seen) in server.seen().iter().enumerate() {
        assert_eq!(seen.header("x-vault-request"), Some("true"));
        assert_eq!(seen.header("x-vault-namespace"), Some("team-a"));
        assert_eq!(seen.header("x-vault-token"), (index > 0).then_some("t-1"));
    }
    assert!(!format!("{:?}", trial.vault).contains("t-1"));
}

#[tokio::test]
async fn a_mount_may_have_slashes_and_version_1() {
    for options in ["{\"version\": \"1\"}", "{}", "null"] {
        let server = StandIn::start([
            login("t-1", 60, false),
            mount("old/kv 1/", "kv", options),
            answer(
                200,
                "{\"lease_id\": \"\", \"lease_duration\": 2764800, \"data\": {\"pass\": \"hunter2\"}}",
            ),
        ]);
        let trial = Trial::new(&server, APPROLE);
        assert_eq!(trial.get("old/kv 1/app/d%b#pass").await.as_deref(), Ok("hunter2"));
        assert_eq!(server.lines()[2], "GET /v1/old/kv%201/app/d%25b");
    }
}

#[tokio::test]
async fn where_the_server_does_not_say_what_a_mount_is_both_versions_are_tried() {
    for status in [403, 404] {
        let server = StandIn::start([login("t-1", 60, false), errors(status, "no"), password("hunter2")]);
        assert_eq!(Trial::new(&server, APPROLE).get(PLACE).await.as_deref(), Ok("hunter2"));

        let first = answer(200, "{\"data\": {\"pass\": \"hunter1\"}}");
        let server =
            StandIn::start([login("t-1", 60, false), errors(403, "no"), errors(status, "no"), first]);
        assert_eq!(Trial::new(&server, APPROLE).get(PLACE).await.as_deref(), Ok("hunter1"));
        assert_eq!(server.lines()[3], "GET /v1/secret/app/db");

        // Neither: what is not there is not a matter of permissions.
        let gone = answer(404, "{\"errors\": []}");
        let answers = [login("t-1", 60, false), errors(403, "no"), gone, errors(status, "no")];
        let server = StandIn::start(answers);
        let failure = Trial::new(&server, APPROLE).get(PLACE).await.expect_err("a failure");
        assert_eq!((failure.class, failure.kind), (Class::Source, "secret-vault"));
    }
}

#[tokio::test]
async fn a_field_is_a_text_or_what_stands_there_in_json() {
    const FIELDS: &str = "{\"text\": \"a\\u00fc\\n\", \"number\": 12345678901234567890.10, \"yes\": true, \
                          \"object\": {\"a\": 1}, \"list\": [], \"null\": null, \"empty\": \"\"}";
    let server = StandIn::start([login("t-1", 60, false), second()]);
    let trial = Trial::new(&server, APPROLE);
    for (field, value) in [("text", "aü\n"), ("number", "12345678901234567890.10"), ("yes", "true")] {
        server.then([secret(FIELDS)]);
        assert_eq!(trial.get(&format!("secret/app/db#{field}")).await.as_deref(), Ok(value));
    }
    for (field, word) in [
        ("object", "is no text"),
        ("list", "is no text"),
        ("null", "is no text"),
        ("empty", "is empty"),
        ("other", "secret/app/db in the vault has no field other"),
    ] {
        server.then([secret(FIELDS)]);
        let failure = trial.get(&format!("secret/app/db#{field}")).await.expect_err("a failure");
        assert_eq!((failure.class, failure.kind), (Class::Source, "secret-vault"));
        assert!(failure.message.contains(word) && failure.message.contains(field), "{failure:?}");
    }
    server.then([secret("{\"password\": \"hunter2\"}")]);
    let failure = trial.get("secret/app/db#pasword").await.expect_err("a failure");
    assert_eq!(failure.hint, "did you mean `password`?");
    server.then([secret(&format!("{{\"pass\": \"{}\"}}", "x".repeat(65_537)))]);
    assert!(trial.get(PLACE).await.expect_err("a failure").message.contains("more than 65536 bytes"));
}

#[tokio::test]
async fn what_is_not_there_is_for_a_person_to_mend() {
    for (place, body, word, hint) in [
        (PLACE, "{\"errors\": []}", "the vault has no secret secret/app/db", "kv get secret/app/db"),
        (
            PLACE,
            "{\"data\": {\"data\": null, \"metadata\": {\"version\": 3, \"destroyed\": false}}}",
            "the newest version (3) of secret/app/db in the vault is deleted",
            "write a new one",
        ),
        (
            PLACE,
            "{\"data\": {\"data\": null, \"metadata\": {\"version\": 4, \"destroyed\": true}}}",
            "the newest version (4) of secret/app/db in the vault is destroyed",
            "write a new one",
        ),
        (
            "secret/data/app/db#pass",
            "{\"errors\": []}",
            "the vault has no secret secret/data/app/db",
            "without `data/`",
        ),
    ] {
        let server = StandIn::start([login("t-1", 60, false), second(), answer(404, body)]);
        let failure = Trial::new(&server, APPROLE).get(place).await.expect_err("a failure");
        assert_eq!((failure.class, failure.kind), (Class::Source, "secret-vault"));
        assert!(failure.message.contains(word) && failure.hint.contains(hint), "{failure:?}");
    }
}

#[tokio::test]
async fn a_mount_that_was_made_anew_is_looked_at_anew() {
    let server = StandIn::start([
        login("t-1", 60, false),
        second(),
        answer(404, "{\"errors\": []}"),
        mount("secret/", "kv", "{\"version\": \"1\"}"),
        answer(200, "{\"data\": {\"pass\": \"hunter2\"}}"),
    ]);
    let trial = Trial::new(&server, APPROLE);
    assert_eq!(trial.get(PLACE).await.expect_err("a failure").class, Class::Source);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("hunter2"));
    assert_eq!(server.lines()[3..], [MOUNT, "GET /v1/secret/app/db"]);
}

#[tokio::test]
async fn what_makes_a_new_secret_at_each_request_is_not_read() {
    let server = StandIn::start([login("t-1", 60, false), mount("db/", "database", "null")]);
    let failure = Trial::new(&server, APPROLE).get("db/creds/app#password").await.expect_err("a failure");
    assert_eq!(failure.class, Class::Source);
    assert_eq!(failure.message, "db/ is a mount of type database in the vault");

    let lease = answer(200, "{\"lease_id\": \"db/creds/1\", \"data\": {\"password\": \"x\"}}");
    let server = StandIn::start([login("t-1", 60, false), errors(403, "no"), errors(404, "no"), lease]);
    let failure = Trial::new(&server, APPROLE).get("db/creds/app#password").await.expect_err("a failure");
    assert_eq!(failure.class, Class::Source);
    assert!(failure.message.contains("made a new secret"), "{failure:?}");

    let server = StandIn::start([login("t-1", 60, false), mount("a/b/", "kv", "{\"version\": \"2\"}")]);
    let failure = Trial::new(&server, APPROLE).get("a/b#c").await.expect_err("a failure");
    assert!(failure.message.contains("a/b is a mount of the vault"), "{failure:?}");
}

#[tokio::test]
async fn a_server_that_is_not_ready_is_asked_again_later_with_the_same_session() {
    let server = StandIn::start([login("t-1", 60, false), second()]);
    let trial = Trial::new(&server, APPROLE);
    for (status, body, kind) in [
        (503, "{\"errors\": [\"Vault is sealed\"]}", "vault-not-ready"),
        (500, "{\"errors\": [\"internal error\"]}", "vault-not-ready"),
        (502, "<html>", "vault-not-ready"),
        (429, "{}", "vault-not-ready"),
        (472, "{}", "vault-not-ready"),
        (473, "", "vault-not-ready"),
        (412, "{}", "vault-not-ready"),
        (307, "", "vault-standby"),
        (200, "<html>", "page"),
        (403, "<html>", "page"),
        (404, "<html>", "page"),
        (200, "{}", "bad-answer"),
        (200, "garbage", "bad-answer"),
        (204, "", "bad-answer"),
    ] {
        server.then([answer(status, body)]);
        let failure = trial.get(PLACE).await.expect_err("a failure");
        assert_eq!((failure.class, failure.kind), (Class::NotNow, kind), "{status} {body}: {failure:?}");
    }
    server.then([errors(503, "Vault is sealed")]);
    let failure = trial.get(PLACE).await.expect_err("a failure");
    assert!(failure.message.ends_with("is not ready (503 Vault is sealed)"), "{failure:?}");
    server.then([errors(400, "unsupported path")]);
    assert_eq!(trial.get(PLACE).await.expect_err("a failure").class, Class::Doubtful);
    server.then([password("hunter2")]);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("hunter2"));
    assert_eq!(server.lines().iter().filter(|line| *line == LOGIN).count(), 1);
}

#[tokio::test]
async fn no_network_and_a_silent_server_are_not_now() {
    let server = StandIn::start([]);
    let url = server.url();
    drop(server);
    let failure = Trial::at(&url, APPROLE).get(PLACE).await.expect_err("a failure");
    assert_eq!((failure.class, failure.kind), (Class::NotNow, "unreachable"));
    assert!(failure.message.starts_with("no secret from the vault: 127.0.0.1:"), "{failure:?}");
    assert!(failure.hint.contains("`address` in [vault]"), "{failure:?}");

    let server = StandIn::start([Answer::Silence]);
    let trial = Trial::new(&server, APPROLE);
    let place = Place::parse(PLACE).expect("a place");
    let failure = trial.vault.fetch(&place, Duration::from_millis(50)).await.expect_err("a failure");
    assert_eq!((failure.class, failure.kind), (Class::NotNow, "vault-timeout"));
}
