//! What the service says no to is not asked again, and what is only *not now* is, in its own good time.

use std::time::Duration;

use serde_json::Value;
use tokend_tests::accounts;
use tokend_tests::platform::set_mode;
use tokend_tests::real_time::{Stopwatch, let_pass};
use tokend_tests::sandbox::{Said, Sandbox, eventually};
use tokend_tests::stand_in::{
    ClientRefusal, Fault, HttpLogin, ItsYouOnline, LyveCloud, OAuthServer, OpenvCloud, Refusal, Service,
    StandIn,
};

const SOON: Duration = Duration::from_secs(15);

/// A parked account: exit 5, the words, the hint, and silence towards the service.
#[track_caller]
fn refused_for_good<S: Service>(
    sandbox: &Sandbox,
    account: &str,
    service: &StandIn<S>,
    words: &str,
    requests: usize,
) {
    let said = sandbox.tok(["get", account]);
    assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{said:?}");
    let (what, hint) = said.error();
    assert!(what.contains(account) && what.contains(words), "{what}");
    assert!(!what.contains("wrong-secret") && !hint.contains("wrong-secret"), "{said:?}");
    assert!(hint.contains("will not try again until"), "{hint}");
    for _ in 0..10 {
        assert_eq!(sandbox.tok(["get", account]).code, 5);
    }
    assert_eq!(service.requests(), requests, "{account}: nobody is hammered");
    let status = sandbox.status(account);
    assert_eq!(status["state"], "parked");
    assert!(
        status["last_error"]["message"].as_str().is_some_and(|message| message.contains(words)),
        "{status}"
    );
    assert_eq!(sandbox.tok(["status", account, "--check"]).code, 5);
}

/// Not now: exit 6, and when the next try is.
#[track_caller]
fn not_now(said: &Said) {
    assert_eq!((said.code, said.stdout.as_str()), (6, ""), "{said:?}");
    let (_, hint) = said.error();
    assert!(hint.contains("next try is in"), "{said:?}");
}

#[test]
fn wrong_credentials_of_each_service_are_exit_5_and_not_one_more_request() {
    let sandbox = Sandbox::new();
    let (lyve, terse) =
        (LyveCloud::start(), LyveCloud::builder().with(|it| it.refusal = Refusal::Empty).start());
    let (iyo, ovc, login) = (ItsYouOnline::start(), OpenvCloud::start(), HttpLogin::start());
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "lyve", &lyve),
            accounts::lyve_cloud(&sandbox, "terse", &terse),
            accounts::its_you_online(&sandbox, "iyo", &iyo),
            accounts::openv_cloud(&sandbox, "ovc", &ovc),
            accounts::http_login(&sandbox, "internal", &login),
        ]
        .concat(),
    );
    for account in ["lyve", "terse", "iyo", "ovc", "internal"] {
        accounts::set_secret(&sandbox, account, "wrong-secret");
    }
    let _daemon = sandbox.start();

    // Its own words, without the space that it puts behind the code.
    refused_for_good(&sandbox, "lyve", &lyve, "403 AuthenticationFailed: Authentication failed.", 1);
    refused_for_good(&sandbox, "terse", &terse, "403", 1);
    refused_for_good(&sandbox, "iyo", &iyo, "400", 1);
    refused_for_good(&sandbox, "ovc", &ovc, "401", 1);
    refused_for_good(&sandbox, "internal", &login, "401", 1);
}

#[test]
fn an_oauth2_error_is_a_no_with_the_services_own_words_whatever_its_status() {
    let sandbox = Sandbox::new();
    let refusing = |refusal| OAuthServer::builder().with(|oauth| oauth.refusal = refusal).start();
    let unauthorized = refusing(ClientRefusal::Unauthorized);
    let bad_request = refusing(ClientRefusal::BadRequest);
    let like_github = refusing(ClientRefusal::Ok);
    let granted_nothing =
        OAuthServer::builder().with(|it| it.allowed_scopes = vec!["read".to_owned()]).start();
    sandbox.configure(
        &[
            accounts::oauth2_at_endpoint(&sandbox, "unauthorized", &unauthorized, "client_secret_basic"),
            accounts::oauth2_at_endpoint(&sandbox, "bad-request", &bad_request, "client_secret_post"),
            accounts::oauth2_at_endpoint(&sandbox, "like-github", &like_github, "client_secret_post"),
            accounts::oauth2_at_endpoint(&sandbox, "scope", &granted_nothing, "client_secret_post")
                + "scope = ['write']\n",
        ]
        .concat(),
    );
    accounts::set_secret(&sandbox, "unauthorized", "wrong-secret");
    accounts::set_secret(&sandbox, "bad-request", "wrong-secret");
    accounts::set_secret(&sandbox, "like-github", "wrong-secret");
    let _daemon = sandbox.start();

    let words = "invalid_client: client authentication failed";
    refused_for_good(&sandbox, "unauthorized", &unauthorized, words, 1);
    refused_for_good(&sandbox, "bad-request", &bad_request, words, 1);
    refused_for_good(&sandbox, "like-github", &like_github, "incorrect_client_credentials", 1);
    refused_for_good(&sandbox, "scope", &granted_nothing, "invalid_scope", 1);
}

#[test]
fn audiences_are_no_way_around_a_no_or_a_retry_after() {
    let sandbox = Sandbox::new();
    let (refusing, busy) = (OAuthServer::start(), OAuthServer::start());
    busy.fault(Fault::status(429).retry_after("3600"));
    sandbox.configure(
        &[
            accounts::oauth2_at_endpoint(&sandbox, "refused", &refusing, "client_secret_basic"),
            accounts::oauth2_at_endpoint(&sandbox, "busy", &busy, "client_secret_basic"),
        ]
        .concat(),
    );
    accounts::set_secret(&sandbox, "refused", "wrong-secret");
    let _daemon = sandbox.start();
    for (account, code) in [("refused", 5), ("busy", 6)] {
        assert_eq!(sandbox.tok(["get", account]).code, code);
        for number in 0..40 {
            let said = sandbox.tok(["get", account, "--audience", &format!("a{number}")]);
            assert!([code, 6].contains(&said.code), "{said:?}");
        }
    }
    assert_eq!((refusing.requests(), busy.requests()), (1, 1));
}

#[test]
fn a_page_is_never_a_no() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::builder().with(|lyve| lyve.refusal = Refusal::Html).start();
    let oauth = OAuthServer::builder().with(|oauth| oauth.refusal = ClientRefusal::ForbiddenPage).start();
    let portal = ItsYouOnline::start();
    portal.fault(Fault::Html);
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "lyve", &lyve),
            accounts::oauth2_at_endpoint(&sandbox, "graph", &oauth, "client_secret_basic"),
            accounts::its_you_online(&sandbox, "portal", &portal),
        ]
        .concat(),
    );
    accounts::set_secret(&sandbox, "lyve", "wrong-secret");
    accounts::set_secret(&sandbox, "graph", "wrong-secret");
    let _daemon = sandbox.start();
    for account in ["lyve", "graph", "portal"] {
        not_now(&sandbox.tok(["get", account]));
        let status = sandbox.status(account);
        assert!(
            ["waiting", "refreshing"].contains(&status["state"].as_str().unwrap_or_default()),
            "{status}"
        );
    }
    portal.clear_faults();
    let token = eventually("a token behind the portal", || {
        let said = sandbox.tok(["get", "portal"]);
        (said.code == 0).then_some(said.stdout)
    });
    assert!(portal.is_live(token.trim_end()));
}

#[test]
fn while_the_service_is_down_a_valid_token_is_served_and_then_the_next_try_is_told_until_it_recovers_by_itself()
 {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::builder().lifetime(Duration::from_secs(20)).start();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    let asking = Stopwatch::start();
    let _daemon = sandbox.start();
    let token = sandbox.token("lyve");
    let asked_for = asking.elapsed();
    lyve.outage(true);

    let waiting = eventually("a refresh that failed", || {
        let status = sandbox.status("lyve");
        (status["state"] == "waiting").then_some(status)
    });
    let error = &waiting["last_error"];
    assert!(["kind", "message", "hint", "at"].iter().all(|field| error[field].is_string()), "{waiting}");
    assert!(waiting["next_refresh_at"].is_string() && waiting["expires_at"].is_string(), "{waiting}");
    assert_eq!(sandbox.tok(["status", "lyve", "--check"]).code, 6);
    assert_eq!(sandbox.token("lyve"), token, "it has life left");

    // Served to its end, at last with a word about that.
    let mut warned = false;
    let without = eventually("the token's end", || {
        let said = sandbox.tok(["get", "lyve", "--format", "json"]);
        let object: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        warned |= object["warnings"].as_array().is_some_and(|warnings| !warnings.is_empty());
        assert!(said.code != 0 || object["token"] == token.as_str(), "{said:?}");
        (said.code != 0).then_some(said)
    });
    assert!(warned, "that little is left, and why");
    // Its life counts from before the request, so that it ends a little sooner here than there.
    let left = lyve.tokens().all()[0].left();
    assert!(left < asked_for + Duration::from_secs(1), "it was served to its end, not {left:?} before");
    not_now(&without);
    assert_eq!(sandbox.status("lyve")["expires_at"], Value::Null);

    lyve.outage(false);
    let before = lyve.token_requests();
    assert!(lyve.wait_for_token_requests(before + 1, SOON), "nobody had to ask");
    assert!(lyve.is_live(&sandbox.token("lyve")));
    let status = sandbox.status("lyve");
    assert_eq!((&status["state"], &status["last_error"]), (&Value::from("fresh"), &Value::Null));
}

#[test]
fn a_4xx_that_is_no_clear_no_is_tried_three_times_in_growing_pauses() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    lyve.fault(Fault::json(409, r#"{"code":"Strange","message":"A conflict."}"#));
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    let _daemon = sandbox.start();
    eventually("parked after three tries", || (sandbox.status("lyve")["state"] == "parked").then_some(()));
    let tries = lyve.ledger();
    assert_eq!(tries.len(), 3);
    // A second, then two, each a quarter less at most; the service reads its own clock a moment sooner or later.
    let pauses = [tries[1].since(&tries[0]), tries[2].since(&tries[1])];
    assert!(
        pauses[0] >= Duration::from_millis(700) && pauses[1] >= Duration::from_millis(1450),
        "{pauses:?}"
    );
    refused_for_good(&sandbox, "lyve", &lyve, "409 Strange: A conflict.", 3);
}

#[test]
fn a_service_that_says_when_is_not_asked_before() {
    let sandbox = Sandbox::new();
    let (busy, limited) = (LyveCloud::start(), OAuthServer::start());
    busy.fault(Fault::status(503).retry_after("4").once());
    limited.fault(Fault::json(429, r#"{"error":"slow_down"}"#).retry_after("4").once());
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "busy", &busy),
            accounts::oauth2_at_endpoint(&sandbox, "limited", &limited, "client_secret_basic"),
        ]
        .concat(),
    );
    let _daemon = sandbox.start();
    for account in ["busy", "limited"] {
        not_now(&sandbox.tok(["get", account]));
    }
    for (account, ledger) in [
        ("busy", busy.wait_for_token_requests(2, SOON).then(|| busy.ledger())),
        ("limited", limited.wait_for_token_requests(2, SOON).then(|| limited.ledger())),
    ] {
        let ledger = ledger.unwrap_or_default();
        assert_eq!(ledger.len(), 2, "{account} was asked again");
        let pause = ledger[1].since(&ledger[0]);
        assert!((4.0..8.0).contains(&pause.as_secs_f64()), "{account}: after {pause:?}");
        sandbox.token(account);
    }
}

#[test]
fn an_answer_that_is_lost_or_none_is_not_the_callers_failure() {
    let sandbox = Sandbox::new();
    let faults = [Fault::Drop, Fault::Garbage, Fault::Empty, Fault::Truncate, Fault::Oversize(3_000_000)];
    let services: Vec<_> = faults
        .into_iter()
        .enumerate()
        .map(|(index, fault)| {
            let lyve = LyveCloud::start();
            lyve.fault(fault.clone().once());
            (format!("lyve-{index}"), lyve, fault)
        })
        .collect();
    let text: String =
        services.iter().map(|(name, lyve, _)| accounts::lyve_cloud(&sandbox, name, lyve)).collect();
    sandbox.configure(&text);
    let _daemon = sandbox.start();
    for (name, lyve, fault) in &services {
        let said = sandbox.tok(["get", name]);
        assert_eq!(said.code, 0, "{fault:?}: a short pause is waited out: {said:?}");
        assert!(lyve.is_live(said.stdout.trim_end()));
        assert_eq!(lyve.token_requests(), 2, "{fault:?}");
    }
}

#[test]
fn credentials_never_follow_a_redirect() {
    let sandbox = Sandbox::new();
    let (lyve, thief) = (LyveCloud::start(), LyveCloud::start());
    lyve.fault(Fault::Redirect(format!("{}/v2/auth/token", thief.url())));
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    let _daemon = sandbox.start();
    not_now(&sandbox.tok(["get", "lyve"]));
    assert_eq!(thief.requests(), 0);
}

#[test]
fn tok_refresh_tries_a_parked_account_once() {
    let sandbox = Sandbox::new();
    let (lyve, mended) = (LyveCloud::start(), LyveCloud::start());
    sandbox.configure(
        &[accounts::lyve_cloud(&sandbox, "lyve", &lyve), accounts::lyve_cloud(&sandbox, "mended", &mended)]
            .concat(),
    );
    accounts::set_secret(&sandbox, "lyve", "wrong-secret");
    accounts::set_secret(&sandbox, "mended", "wrong-secret");
    let _daemon = sandbox.start();
    refused_for_good(&sandbox, "lyve", &lyve, "403", 1);
    refused_for_good(&sandbox, "mended", &mended, "403", 1);

    assert_eq!(sandbox.tok(["refresh", "lyve"]).code, 5, "still wrong");
    refused_for_good(&sandbox, "lyve", &lyve, "403", 2);
    let again = sandbox.tok(["refresh", "lyve"]);
    assert_ne!(again.code, 0);
    assert_eq!(lyve.requests(), 2, "once: {again:?}");

    mended.change(|lyve| "wrong-secret".clone_into(&mut lyve.secret));
    let refreshed = sandbox.tok(["refresh", "mended"]);
    assert_eq!((refreshed.code, refreshed.stdout.as_str()), (0, ""), "{refreshed:?}");
    assert!(mended.is_live(&sandbox.token("mended")));
    assert_eq!(mended.requests(), 2);
    assert_eq!(sandbox.status("mended")["last_error"], Value::Null);
}

#[test]
fn a_mended_secret_brings_a_token_at_the_next_reload() {
    let sandbox = Sandbox::new();
    let (lyve, other) = (LyveCloud::start(), ItsYouOnline::start());
    sandbox.configure(
        &[accounts::lyve_cloud(&sandbox, "lyve", &lyve), accounts::its_you_online(&sandbox, "other", &other)]
            .concat(),
    );
    accounts::set_secret(&sandbox, "lyve", "wrong-secret");
    let _daemon = sandbox.start();
    refused_for_good(&sandbox, "lyve", &lyve, "403", 1);
    let kept = sandbox.token("other");

    let right = lyve.change(|lyve| lyve.secret.clone());
    accounts::set_secret(&sandbox, "lyve", &right);
    let reloaded = sandbox.tok(["reload"]);
    assert_eq!((reloaded.code, reloaded.stdout.as_str()), (0, ""), "{reloaded:?}");
    assert!(lyve.is_live(&sandbox.token("lyve")));
    assert_eq!(lyve.requests(), 2);
    assert_eq!((sandbox.token("other"), other.requests()), (kept, 1), "the others keep their tokens");
}

#[test]
fn a_missing_or_open_secret_parks_its_own_account_and_names_the_file() {
    let sandbox = Sandbox::new();
    let (lyve, other) = (LyveCloud::start(), LyveCloud::start());
    sandbox.configure(
        &[accounts::lyve_cloud(&sandbox, "lyve", &lyve), accounts::lyve_cloud(&sandbox, "other", &other)]
            .concat(),
    );
    let file = sandbox.home().join("lyve.secret");
    assert!(set_mode(&file, 0o644).is_ok());
    let _daemon = sandbox.start();
    refused_for_good(&sandbox, "lyve", &lyve, "lyve.secret", 0);
    assert!(other.is_live(&sandbox.token("other")));

    assert!(std::fs::remove_file(&file).is_ok());
    assert_eq!(sandbox.tok(["refresh", "lyve"]).code, 5);
    refused_for_good(&sandbox, "lyve", &lyve, "lyve.secret", 0);

    let right = lyve.change(|lyve| lyve.secret.clone());
    accounts::set_secret(&sandbox, "lyve", &right);
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    assert!(lyve.is_live(&sandbox.token("lyve")));
}

#[test]
fn a_service_that_comes_back_answers_those_who_have_no_token_yet() {
    let sandbox = Sandbox::new();
    let ovc = OpenvCloud::start();
    ovc.outage(true);
    sandbox.configure(&accounts::openv_cloud(&sandbox, "ovc", &ovc));
    let _daemon = sandbox.start();
    not_now(&sandbox.tok(["get", "ovc"]));
    let_pass(Duration::from_secs(2), "so that it was tried more than once while the service is away");
    ovc.outage(false);
    assert!(ovc.wait_for_token_requests(1, SOON), "by itself");
    assert!(ovc.is_live(&sandbox.token("ovc")));
    assert_eq!(ovc.token_requests(), 1);
}
