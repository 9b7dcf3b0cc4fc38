//! One login for all, its renewals, and its end.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn renewed(seconds: u64) -> Answer {
    login("t-1", seconds, true)
}

/// Waits until the server has heard so many requests.
async fn heard(server: &StandIn, count: usize) -> Vec<String> {
    for _ in 0..2000 {
        if server.lines().len() >= count {
            return server.lines();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{count} requests were not made: {:?}", server.lines());
}

/// Waits until a renewal under way is over.
async fn at_rest(trial: &Trial) {
    for _ in 0..2000 {
        // Whoever renews has the vault as long.
        if Arc::strong_count(&trial.vault) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the renewal did not end");
}

/// Lets the tasks that wait for the clock see where it is.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn however_many_want_a_secret_one_logs_in() {
    let server = StandIn::start([login("t-1", 60, false)]);
    let trial = Trial::new(&server, APPROLE);
    let wanted = (0..8).map(|_| async {
        let Ready { session, is_new } = trial.vault.session().await.expect("a session");
        (session.who.clone(), is_new)
    });
    for (who, is_new) in futures_util::future::join_all(wanted).await {
        assert_eq!((who.as_str(), is_new), ("role app", true));
    }
    assert_eq!(server.lines(), [LOGIN]);
    // Refused, it is so for all.
    let server = StandIn::start([errors(400, "invalid role or secret ID")]);
    let trial = Trial::new(&server, APPROLE);
    let wanted = (0..8).map(|_| trial.get(PLACE));
    for failure in futures_util::future::join_all(wanted).await {
        assert_eq!(failure.expect_err("a failure").class, Class::No);
    }
    assert_eq!(server.lines(), [LOGIN]);
}

#[tokio::test]
async fn one_who_gives_up_does_not_cancel_the_login() {
    let server = StandIn::start([login("t-1", 60, false), second(), password("hunter2")]);
    let trial = Trial::new(&server, APPROLE);
    let place = Place::parse(PLACE).expect("a place");
    let gave_up = trial.vault.fetch(&place, Duration::ZERO).await.expect_err("a failure");
    assert_eq!(gave_up.kind, "vault-timeout");
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("hunter2"));
    assert_eq!(server.lines(), [LOGIN, MOUNT, READ]);
}

#[tokio::test]
async fn a_lease_is_renewed_at_two_thirds_until_it_gets_no_more() {
    let server = StandIn::start([login("t-1", 30, true), second(), password("one")]);
    let trial = Trial::new(&server, APPROLE);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("one"));
    trial.clock.advance(19 * SECOND);
    settle().await;
    assert_eq!(server.lines().len(), 3);
    server.then([renewed(30)]);
    trial.clock.advance(SECOND);
    assert_eq!(heard(&server, 4).await[3], RENEW);
    at_rest(&trial).await;
    let asked = &server.seen()[3];
    assert_eq!(
        (asked.body.as_str(), asked.header("x-vault-token")),
        ("{\"increment\":\"30s\"}", Some("t-1"))
    );
    // Past the first lease, the token still serves.
    trial.clock.advance(15 * SECOND);
    server.then([password("two")]);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("two"));
    // The last renewal gives less than was asked for, and is the last.
    server.then([renewed(12)]);
    trial.clock.advance(5 * SECOND);
    assert_eq!(heard(&server, 6).await[5], RENEW);
    at_rest(&trial).await;
    trial.clock.advance(8 * SECOND);
    settle().await;
    server.then([password("three")]);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("three"));
    // At its end, whoever wants something logs in anew; nobody does before.
    trial.clock.advance(4 * SECOND);
    settle().await;
    assert_eq!(server.lines().len(), 7);
    server.then([login("t-2", 30, true), password("four")]);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("four"));
    assert_eq!(server.lines()[7..], [LOGIN, READ]);
    assert_eq!(server.seen()[8].header("x-vault-token"), Some("t-2"));
}

#[tokio::test]
async fn a_renewal_that_fails_is_tried_again_while_the_lease_lasts() {
    let server = StandIn::start([login("t-1", 30, true), second(), password("one")]);
    let trial = Trial::new(&server, APPROLE);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("one"));
    server.then([errors(503, "Vault is sealed")]);
    trial.clock.advance(20 * SECOND);
    assert_eq!(heard(&server, 4).await[3], RENEW);
    at_rest(&trial).await;
    server.then([renewed(30)]);
    // A third of what is left.
    trial.clock.advance(4 * SECOND);
    assert_eq!(heard(&server, 5).await[4], RENEW);
    at_rest(&trial).await;
    trial.clock.advance(10 * SECOND);
    server.then([password("two")]);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("two"));
    assert_eq!(server.lines().iter().filter(|line| *line == LOGIN).count(), 1);
}

#[tokio::test]
async fn a_session_that_the_server_no_longer_knows_is_followed_by_another() {
    let server = StandIn::start([login("t-1", 30, true), second(), password("one")]);
    let trial = Trial::new(&server, APPROLE);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("one"));
    server.then([errors(403, "permission denied")]);
    trial.clock.advance(20 * SECOND);
    assert_eq!(heard(&server, 4).await[3], RENEW);
    at_rest(&trial).await;
    server.then([login("t-2", 30, true), password("two")]);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("two"));
    assert_eq!(server.lines()[3..], [RENEW, LOGIN, READ]);
}

#[tokio::test]
async fn what_is_not_renewable_is_not_renewed() {
    let server = StandIn::start([login("t-1", 30, false), second(), password("one")]);
    let trial = Trial::new(&server, APPROLE);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("one"));
    trial.clock.advance(29 * SECOND);
    settle().await;
    assert_eq!(server.lines().len(), 3);
    // A second before its end is too late to begin with it.
    server.then([login("t-2", 30, false), password("two")]);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("two"));
}

#[tokio::test]
async fn a_denied_read_is_tried_once_more_with_a_new_login() {
    let server = StandIn::start([login("t-1", 60, false), second(), password("one")]);
    let trial = Trial::new(&server, APPROLE);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("one"));
    std::fs::write(trial.files[0].path(), "secret-2").expect("room");
    let denied = || errors(403, "1 error occurred:\\n\\t* permission denied\\n\\n");
    server.then([denied(), login("t-2", 60, false), password("two")]);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("two"));
    assert_eq!(server.lines()[3..], [READ, LOGIN, READ]);
    assert!(server.seen()[4].body.contains("secret-2"));

    server.then([denied(), login("t-3", 60, false), denied()]);
    let failure = trial.get(PLACE).await.expect_err("a failure");
    assert_eq!((failure.class, failure.kind), (Class::No, "vault-denied"));
    let said = "permission denied: role app may not read secret/app/db in the vault at ";
    assert!(failure.message.starts_with(said), "{failure:?}");
    assert!(failure.message.ends_with("(403 1 error occurred: * permission denied)"), "{failure:?}");
    assert_eq!(server.lines()[6..], [READ, LOGIN, READ]);
}

#[tokio::test]
async fn a_new_login_that_is_denied_is_not_followed_by_another() {
    let denied = || errors(403, "permission denied");
    let server = StandIn::start([login("t-1", 60, false), denied(), denied(), denied()]);
    let failure = Trial::new(&server, APPROLE).get(PLACE).await.expect_err("a failure");
    assert_eq!((failure.class, failure.kind), (Class::No, "vault-denied"));
    assert_eq!(server.lines().iter().filter(|line| *line == LOGIN).count(), 1);
}

#[tokio::test]
async fn whoever_is_denied_is_named() {
    for (keys, answered, who) in [
        (APPROLE, login_with("t", 60, false, "null"), "this role"),
        ("auth = 'jwt'\nrole = 'ci'\njwt = $x$", login_with("t", 60, false, "{}"), "role ci"),
        (
            "auth = 'userpass'\nusername = 'alice'\npassword = $x$",
            login_with("t", 60, false, "{\"username\": \"alice\"}"),
            "user alice",
        ),
        ("auth = 'token'\ntoken = $x$", answer(200, "{\"data\": {\"ttl\": 9}}"), "this token"),
    ] {
        let denied = || errors(403, "no");
        let server = StandIn::start([answered, denied(), denied(), denied()]);
        let failure = Trial::new(&server, keys).get(PLACE).await.expect_err("a failure");
        assert!(failure.message.contains(&format!("{who} may not read")), "{failure:?}");
    }
}

#[tokio::test]
async fn what_is_forgotten_is_logged_in_anew() {
    let server = StandIn::start([login("t-1", 30, true), second(), password("one")]);
    let trial = Trial::new(&server, APPROLE);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("one"));
    trial.vault.forget();
    // Neither its token nor its renewals are left.
    trial.clock.advance(25 * SECOND);
    settle().await;
    server.then([login("t-2", 30, true), second(), password("two")]);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("two"));
    assert_eq!(server.lines()[3..], [LOGIN, MOUNT, READ]);
}

#[tokio::test]
async fn a_login_under_way_does_not_outlive_what_was_forgotten() {
    if !testing::has_sh() {
        return;
    }
    let server = StandIn::start([login("t-1", 30, true), second(), password("one")]);
    let folder = tempfile::tempdir().expect("a folder");
    let begun = folder.path().join("begun");
    let script = "[ -e \"$0\" ] && exec echo secret-1; : >\"$0\"; exec sleep 60";
    let source = format!("{{ command = ['/bin/sh', '-c', '{script}', '{}'] }}", begun.display());
    let trial = Trial::new(&server, &APPROLE.replace("$secret-1$", &source.replace('$', "@")));
    let place = Place::parse(PLACE).expect("a place");
    let (failure, ()) = tokio::join!(trial.vault.fetch(&place, LONG), async {
        while !begun.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        trial.vault.forget();
    });
    let failure = failure.expect_err("a failure");
    assert_eq!((failure.class, failure.kind), (Class::NotNow, "vault-interrupted"));
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("one"));
}

#[tokio::test]
async fn nothing_is_left_of_a_vault_that_nobody_has() {
    let server = StandIn::start([login("t-1", 30, true), second(), password("one")]);
    let trial = Trial::new(&server, APPROLE);
    assert_eq!(trial.get(PLACE).await.as_deref(), Ok("one"));
    let vault = Arc::downgrade(&trial.vault);
    drop(trial.vault);
    assert!(vault.upgrade().is_none());
    trial.clock.advance(60 * SECOND);
    settle().await;
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn the_same_definition_is_the_same_vault_while_somebody_has_it() {
    let (one, _files) = settings("address = 'https://v.example'\nauth = 'token'\ntoken = $same$");
    let text = "address = 'https://v.example/v1/'\nauth = 'token'\ntoken = { env = 'X' }";
    let read = || settings(text).0.expect("sound");
    let vault = Vault::of(read());
    assert!(Arc::ptr_eq(&vault, &Vault::of(read())));
    assert!(!Arc::ptr_eq(&vault, &Vault::of(one.expect("sound"))));
    assert_eq!(vault.fingerprint(), read().fingerprint);
    let gone = Arc::downgrade(&vault);
    drop(vault);
    assert!(gone.upgrade().is_none());
}
