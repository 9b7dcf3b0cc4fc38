//! What is said to the service, and what its browser is told.

use std::collections::HashMap;

use serde_json::json;

use crate::provider::Class;
use crate::provider::login::{Asking, Authorization};
use crate::provider::login::{CODE_EXPIRED, DECLINED, LogIn, NO_DEVICE_FLOW, Polled, Response, Ways};
use crate::provider::stand_in::{Account, Answer, StandIn, answer, moment, secret, token};
use crate::secret::Errand;

fn asking() -> Asking {
    Asking { now: moment(0), errand: Errand::default() }
}

fn of(account: &Account) -> &dyn LogIn {
    account.login().expect("it has a login")
}

fn by_code(service: &StandIn, more: &str) -> Account {
    let url = service.url();
    Account::read(
        "oauth2",
        &format!(
            "grant = 'authorization_code'\nclient_id = 'me'\ntoken_endpoint = '{url}/token'\n\
             authorization_endpoint = '{url}/authorize?tenant=t'\n{more}"
        ),
    )
}

fn by_device(service: &StandIn, more: &str) -> Account {
    let url = service.url();
    Account::read(
        "oauth2",
        &format!(
            "grant = 'device_code'\nclient_id = 'me'\ntoken_endpoint = '{url}/token'\n\
             device_authorization_endpoint = '{url}/device'\n{more}"
        ),
    )
}

const BACK: &str = "http://127.0.0.1:8400/cb";

async fn authorize(account: &Account) -> Authorization {
    of(account).authorize(BACK, moment(0)).await.expect("an address")
}

#[tokio::test]
async fn the_browser_is_sent_with_state_and_challenge() {
    let service = StandIn::start([]);
    let account = by_code(
        &service,
        "scope = ['openid', 'a:*']\naudience = 'aud'\nresource = ['https://r.example']\n\
         extra = { x = 'y', authorization = { prompt = 'consent' } }",
    );
    let (one, other) = (authorize(&account).await, authorize(&account).await);
    assert!(one.url.as_str().starts_with(&format!("{}/authorize?tenant=t&", service.url())), "{}", one.url);
    assert!(one.url.as_str().bytes().all(|byte| !b" \"'`$;|<>(){}\\^!*".contains(&byte)), "{}", one.url);
    let said: HashMap<_, _> = one.url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("tenant", "t"),
        ("response_type", "code"),
        ("client_id", "me"),
        ("redirect_uri", BACK),
        ("scope", "openid a:*"),
        ("audience", "aud"),
        ("resource", "https://r.example"),
        ("prompt", "consent"),
        ("code_challenge_method", "S256"),
        ("state", &one.state),
        ("nonce", one.nonce.as_deref().expect("openid is asked for")),
    ] {
        assert_eq!(said.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(said.get("x"), None, "what is for the token endpoint does not go to the browser");
    assert_eq!(said["code_challenge"].len(), 43);
    assert_ne!(said["code_challenge"].as_bytes(), &*one.code_verifier.expose());
    for text in [&one.state, one.nonce.as_ref().expect("a nonce")] {
        assert_eq!(text.len(), 43, "256 bits");
    }
    assert!(
        one.state != other.state
            && one.nonce != other.nonce
            && !one.code_verifier.matches(&other.code_verifier)
    );
    assert_eq!(authorize(&by_code(&service, "")).await.nonce, None);
    assert_eq!(service.connections(), 0);
}

#[tokio::test]
async fn the_code_is_traded_with_its_verifier() {
    let granted =
        json!({"access_token": "t", "refresh_token": "r", "token_type": "Bearer", "expires_in": 60});
    let service = StandIn::start([answer(200, &granted.to_string())]);
    let account = by_code(&service, "client_secret = $s3cret$");
    let authorization = authorize(&account).await;
    let query = format!("code=c%2Bd&state={}", authorization.state);
    let Response::Code(code) = authorization.read(query.as_bytes()) else { panic!("no code") };
    let minted = of(&account).redeem(&authorization, &code, &asking()).await.expect("a token");
    assert_eq!(token(&minted), "t");
    assert!(minted.refresh_token.is_some_and(|token| token.matches(&secret("r"))));
    let seen = &service.seen()[0];
    assert_eq!(seen.line, "POST /token");
    assert!(seen.header("authorization").is_some_and(|value| value.starts_with("Basic ")));
    let form: HashMap<_, _> = seen.form().into_iter().collect();
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "c+d");
    assert_eq!(form["redirect_uri"], BACK);
    assert_eq!(form["code_verifier"].as_bytes(), &*authorization.code_verifier.expose());
}

#[tokio::test]
async fn keys_for_id_tokens_are_fetched_before_anybody_logs_in() {
    let keys = |service: &StandIn, scope: &str| {
        let more =
            format!("jwks_uri = '{}/keys'\nissuer = 'https://a.example'\nscope = ['{scope}']", service.url());
        by_code(service, &more)
    };
    let good = StandIn::start([answer(200, r#"{"keys": []}"#)]);
    let account = keys(&good, "openid");
    for _ in 0..2 {
        of(&account).prepare_login(moment(0)).await.expect("keys");
    }
    assert_eq!(good.lines(), ["GET /keys"]);
    for (told, kind) in [
        (answer(503, ""), "service-error"),
        (answer(404, ""), "unclear-refusal"),
        (answer(200, "<html>"), "page"),
        (Answer::Closed, "reset"),
    ] {
        let service = StandIn::start([told]);
        let failure = of(&keys(&service, "openid")).prepare_login(moment(0)).await.expect_err("no keys");
        assert_eq!(failure.kind, kind, "{failure}");
    }
    let unasked = StandIn::start([]);
    of(&keys(&unasked, "email")).prepare_login(moment(0)).await.expect("none are needed");
    assert_eq!(unasked.connections(), 0);
}

#[tokio::test]
async fn a_code_that_is_refused_ends_the_login() {
    let service =
        StandIn::start([answer(400, r#"{"error":"invalid_grant","error_description":"bad c0dec0de"}"#)]);
    let account = by_code(&service, "");
    let authorization = authorize(&account).await;
    let failure =
        of(&account).redeem(&authorization, &secret("c0dec0de"), &asking()).await.expect_err("a no");
    assert_eq!(failure.class, Class::No);
    assert!(!failure.message.contains("c0dec0de"), "{failure}");
}

#[tokio::test]
async fn what_ways_there_are_is_configured_or_told() {
    let metadata = |service: &StandIn, more: &str| {
        let url = service.url();
        answer(200, &format!(r#"{{"issuer":"{url}","token_endpoint":"{url}/token"{more}}}"#))
    };
    for (grant, more, expected) in [
        ("authorization_code", "", Ways { browser: true, device: false }),
        (
            "authorization_code",
            r#","device_authorization_endpoint":"http://127.0.0.1/device""#,
            Ways { browser: true, device: true },
        ),
        // What is wrong with it is told when it is tried.
        (
            "authorization_code",
            r#","device_authorization_endpoint":"http://a.example/device""#,
            Ways { browser: true, device: true },
        ),
        ("device_code", "", Ways { browser: false, device: true }),
    ] {
        let service = StandIn::start([]);
        service.then([metadata(&service, more)]);
        let text = format!("grant = '{grant}'\nclient_id = 'me'\nissuer = '{}'", service.url());
        let account = Account::read("oauth2", &text);
        assert_eq!(of(&account).ways(moment(0)).await, Ok(expected), "{grant} {more}");
    }
}

#[tokio::test]
async fn a_service_without_a_device_endpoint_has_no_device_flow() {
    let service = StandIn::start([]);
    let url = service.url();
    let told = |issuer: &str| answer(200, &format!(r#"{{"issuer":"{issuer}","token_endpoint":"{url}/t"}}"#));
    for (issuer, kind) in [(&*url, NO_DEVICE_FLOW), ("https://b.example", "bad-metadata")] {
        // Both places are asked where the first is of no use.
        let answers =
            if kind == NO_DEVICE_FLOW { vec![told(issuer)] } else { vec![told(issuer), told(issuer)] };
        service.then(answers);
        let text = format!("grant = 'device_code'\nclient_id = 'me'\nissuer = '{url}'");
        let account = Account::read("oauth2", &text);
        let failure = of(&account).device(&asking()).await.expect_err("no device flow");
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(!failure.hint.contains("--device"), "{failure:?}");
    }
}

#[tokio::test]
async fn the_issuer_and_whether_it_names_itself_are_remembered() {
    let service = StandIn::start([]);
    let url = service.url();
    let metadata = format!(
        r#"{{"issuer":"{url}","token_endpoint":"{url}/t","authorization_endpoint":"{url}/a",
            "authorization_response_iss_parameter_supported":true}}"#
    );
    service.then([answer(200, &metadata)]);
    let text = format!("grant = 'authorization_code'\nclient_id = 'me'\nissuer = '{url}'");
    let authorization = authorize(&Account::read("oauth2", &text)).await;
    assert_eq!((authorization.issuer.as_deref(), authorization.names_issuer), (Some(&*url), true));
}

#[tokio::test]
async fn a_device_code_is_asked_for_and_asked_about() {
    let begun = json!({"device_code": "dc", "user_code": "AB-CD", "verification_uri": "https://a.example/d"});
    let error = |status, error: &str| answer(status, &json!({"error": error}).to_string());
    let granted = json!({"access_token": "t", "token_type": "bearer", "refresh_token": "r"});
    let service = StandIn::start([
        answer(200, &begun.to_string()),
        error(400, "authorization_pending"),
        error(428, "authorization_pending"),
        error(400, "slow_down"),
        error(400, "access_denied"),
        error(200, "expired_token"),
        error(400, "authorization_declined"),
        error(200, "token_expired"),
        Answer::Closed,
        answer(200, &granted.to_string()),
    ]);
    let account = by_device(
        &service,
        "client_secret = $s3cret$\nscope = ['a', 'b']\nextra = { device_authorization = { x = 'y' } }",
    );
    let login = of(&account);
    let device = login.device(&asking()).await.expect("a code");
    assert_eq!(device.user_code, "AB-CD");
    for expected in ["Pending", "Pending", "SlowDown"] {
        assert_eq!(format!("{:?}", login.poll(&device, &asking()).await.expect("not yet")), expected);
    }
    let (declined, expired) = ((Class::No, DECLINED), (Class::NotNow, CODE_EXPIRED));
    for (class, kind) in [declined, expired, declined, expired, (Class::NotNow, "reset")] {
        let failure = login.poll(&device, &asking()).await.expect_err("no");
        assert_eq!((failure.class, failure.kind), (class, kind));
    }
    match login.poll(&device, &asking()).await {
        Ok(Polled::Done(minted)) => assert_eq!(token(&minted), "t"),
        other => panic!("{other:?}"),
    }
    let seen = service.seen();
    assert_eq!(seen[0].line, "POST /device");
    let form = |index: usize| seen[index].form().into_iter().collect::<HashMap<String, String>>();
    assert_eq!(form(0)["scope"], "a b");
    assert_eq!(form(0)["x"], "y");
    // In the header, and where RFC 8628 3.1 wants it.
    assert_eq!(form(0)["client_id"], "me");
    assert!(seen[0].header("authorization").is_some());
    assert_eq!(form(1)["grant_type"], "urn:ietf:params:oauth:grant-type:device_code");
    assert_eq!(form(1)["device_code"], "dc");
}

#[tokio::test]
async fn tokens_that_cannot_be_used_spend_the_device_code() {
    let begun = json!({"device_code": "dc", "user_code": "AB-CD", "verification_uri": "https://a.example/d"});
    let service = StandIn::start([answer(200, &begun.to_string())]);
    let keys = StandIn::start(std::array::from_fn::<_, 3, _>(|_| answer(200, r#"{"keys": []}"#)));
    let more = format!("issuer = 'https://a.example'\njwks_uri = '{}/keys'\nscope = ['openid']", keys.url());
    let account = by_device(&service, &more);
    let login = of(&account);
    let device = login.device(&asking()).await.expect("a code");
    for (told, kind) in [
        (json!({"access_token": "t", "expires_in": -5, "refresh_token": "r"}), "bad-expiry"),
        (json!({"access_token": "\u{e4}", "token_type": "bearer"}), "bad-token"),
        (json!({"access_token": "t".repeat(100_000), "token_type": "bearer"}), "bad-token"),
        (json!({"access_token": "t", "token_type": "mac"}), "unsupported-token-type"),
        (json!({"access_token": "t", "id_token": "no.id.token"}), "id-token"),
        (json!({"refresh_token": "r"}), "bad-answer"),
    ] {
        service.then([answer(200, &told.to_string())]);
        match login.poll(&device, &asking()).await {
            Ok(Polled::Spoilt(failure)) => assert_eq!(failure.kind, kind, "{failure}"),
            other => panic!("{kind}: {other:?}"),
        }
    }
    // What brings no token leaves the code as it is.
    for (status, told, kind) in [
        (200, "{}", "bad-answer"),
        (200, "<html>", "page"),
        (503, r#"{"access_token": "t"}"#, "service-error"),
        (400, r#"{"error": "invalid_client"}"#, "refused"),
    ] {
        service.then([answer(status, told)]);
        let failure = login.poll(&device, &asking()).await.expect_err("no token");
        assert_eq!(failure.kind, kind, "{failure}");
    }
}
