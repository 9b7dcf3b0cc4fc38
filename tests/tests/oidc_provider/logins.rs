//! Logins whose refresh tokens rotate and end with their family, over every fault that the provider can have
//! at a refresh: before the request is carried out, and after.

use std::thread;

use tokend_tests::real_time::{let_pass, timed};

use super::*;

/// How long an access token lives.
const LIFE: Duration = Duration::from_secs(8);

/// How long each login is watched: over the fault, the end of the token in hand, and what comes of it.
const STEPS: u32 = 24;

/// What becomes of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It goes on.
    Kept,
    /// A person must log in.
    Lost,
    /// The client itself was refused.
    Refused,
}

use End::*;

/// One login, and what happens at its second refresh.
struct Login {
    name: String,
    fault: Value,
    end: End,
}

/// Every mode, with `after` and without. A login is lost only where the service says so itself, where it had
/// given another refresh token in an answer that was lost, since it forgives no second use, and where two
/// answers were lost.
fn logins() -> Vec<Login> {
    let modes = [
        ("ready-503", json!({"mode": "status", "status": 503}), Kept, Lost),
        ("wait-429", json!({"mode": "status", "status": 429, "retry_after": 1}), Kept, Lost),
        ("broken-500", json!({"mode": "status", "status": 500}), Kept, Lost),
        ("gateway-502", json!({"mode": "status", "status": 502}), Kept, Lost),
        ("gateway-504", json!({"mode": "status", "status": 504}), Kept, Lost),
        ("grant", json!({"mode": "error", "error": "invalid_grant"}), Lost, Lost),
        ("client", json!({"mode": "error", "status": 401, "error": "invalid_client"}), Refused, Refused),
        ("later", json!({"mode": "error", "error": "temporarily_unavailable"}), Kept, Lost),
        ("portal", json!({"mode": "html"}), Kept, Lost),
        ("firewall", json!({"mode": "html", "status": 403}), Kept, Lost),
        ("garbage", json!({"mode": "garbage"}), Kept, Lost),
        ("truncate", json!({"mode": "truncate"}), Kept, Lost),
        ("drop", json!({"mode": "drop"}), Kept, Lost),
        ("hang", json!({"mode": "hang"}), Kept, Lost),
        // What was not answered twice is not sent a third time.
        ("drop-twice", json!({"mode": "drop", "count": 2}), Lost, Lost),
        ("redirect", json!({"mode": "redirect", "location": "/elsewhere"}), Kept, Lost),
        ("slow", json!({"mode": "slow", "ms": 1000}), Kept, Kept),
        // The access token is of no use, the refresh token beside it is.
        ("mac", json!({"mode": "edit", "set": {"token_type": "mac"}}), Kept, Kept),
        ("dead", json!({"mode": "edit", "set": {"expires_in": -1}}), Kept, Kept),
    ];
    let mut logins = Vec::new();
    for (name, fault, before, after) in modes {
        let mut carried_out = fault.clone();
        carried_out["after"] = true.into();
        logins.push(Login { name: name.to_owned(), fault, end: before });
        logins.push(Login { name: format!("{name}-after"), fault: carried_out, end: after });
    }
    logins
}

impl Login {
    fn table(&self, provider: &Provider) -> String {
        let Self { name, .. } = self;
        account_at(provider, name, "refresh_token", name)
            + &format!("refresh_token = {{ file = '~/{name}.refresh' }}\n")
    }

    /// Whether the family ends while the token in hand would live: the service did it, and said that it had
    /// not.
    fn dies_early(&self) -> bool {
        self.fault["after"] == true && self.end == Lost && self.is_no()
    }

    fn is_no(&self) -> bool {
        matches!(self.fault["mode"].as_str(), Some("redirect" | "error"))
            || matches!(self.fault["status"].as_u64(), Some(429 | 503))
    }

    /// Asks again and again: while a token lives, there is one.
    fn watch(&self, sandbox: &Sandbox, provider: &Provider) {
        let name = self.name.as_str();
        let mut fault = self.fault.clone();
        fault["client"] = name.into();
        let mut alive = Duration::ZERO;
        for step in 0..STEPS {
            let (said, took) = timed(|| sandbox.tok(["get", name, "--format", "json"]));
            alive = alive.saturating_sub(took);
            let ((), took) = timed(|| {
                if said.code == 0 {
                    let answer: Value = serde_json::from_str(&said.stdout).expect("JSON");
                    alive = Duration::from_secs(answer["expires_in"].as_u64().expect("seconds"));
                    if !self.dies_early() && alive > Duration::from_secs(3) {
                        let who = provider.whoami(answer["token"].as_str().expect("a token"));
                        assert_eq!(who, (200, name.into()), "{name}: step {step}");
                    }
                } else {
                    assert!(step > 0 && alive < Duration::from_secs(2), "{name}: {alive:?} left, {said:?}");
                }
                if step == 0 {
                    // It has had its first refresh.
                    provider.control("fault", &fault);
                }
                let_pass(Duration::from_millis(800), "a token grows old");
            });
            alive = alive.saturating_sub(took);
        }
    }
}

#[test]
fn no_fault_at_a_refresh_costs_a_login_that_could_be_saved() {
    let sandbox = Sandbox::new();
    let life = LIFE.as_secs().to_string();
    let Some(provider) = Provider::start_with(&sandbox, "logins at the third-party provider", &life) else {
        return;
    };
    let logins = logins();
    let mut text = "[daemon]\nhttp_timeout = '4s'\n".to_owned();
    for login in &logins {
        provider.control("client", &json!({"client_id": login.name, "like": "app-public"}));
        provider.log_in(&sandbox, &login.name);
        text += &login.table(&provider);
    }
    sandbox.configure(&text);
    let _daemon = sandbox.start();
    thread::scope(|scope| {
        for login in &logins {
            scope.spawn(|| login.watch(&sandbox, &provider));
        }
    });

    let elsewhere: Vec<_> = provider.seen().into_iter().filter(|seen| seen["path"] == "/elsewhere").collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
    let requests = provider.token_requests();
    for Login { name, end, fault } in &logins {
        let requests = &requests[name];
        assert!(requests.iter().any(|request| request["fault"] == fault["mode"]), "{name} met its fault");
        let mut sent = BTreeMap::<&str, usize>::new();
        for request in requests {
            *sent.entry(request["refresh"].as_str().expect("a hash")).or_default() += 1;
        }
        assert!(sent.values().all(|times| *times <= 2), "{name}: {sent:?} {requests:#?}");
        match end {
            Kept => drop(sandbox.token(name)),
            Refused => assert_eq!(sandbox.tok(["get", name]).code, 5, "{name}"),
            Lost => {
                let said = sandbox.tok(["get", name]);
                assert_eq!(said.code, 4, "{name}: {said:?} {requests:#?}");
                assert_eq!(sandbox.status(name)["state"], "login-needed", "{name}");
                let is_told = fault["error"] == "invalid_grant";
                let was_committed = requests.iter().any(|request| request["real"] == 200);
                let is_lost_twice = fault["count"] == 2 && sent.values().any(|times| *times == 2);
                assert!(is_told || was_committed || is_lost_twice, "{name}: {requests:#?}");
                // Another login is seen by itself.
                provider.log_in(&sandbox, name);
                eventually("a token of the new login", || {
                    (sandbox.tok(["get", name]).code == 0).then_some(())
                });
            }
        }
    }
}
