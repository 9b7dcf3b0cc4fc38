//! A person logs in: with a code typed elsewhere (RFC 8628), or with an address that is pasted.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokend_tests::logging_in::LoggingIn;
use tokend_tests::sandbox::eventually;

use super::browser::Browser;
use super::*;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// An account of the device flow. No metadata of this server names where that begins.
fn device(toolkit: &Toolkit, name: &str, client: &str) -> String {
    toolkit.account(name, client, "device_code")
        + &format!(
            "scope = ['openid', 'read']\ndevice_authorization_endpoint = '{}/device-authorization/'\n",
            toolkit.issuer()
        )
}

/// An account of the authorization code, with an id token.
fn code(toolkit: &Toolkit, sandbox: &Sandbox, name: &str, client: &str, client_secret: &str) -> String {
    let table = toolkit.account(name, client, "authorization_code") + "scope = ['openid', 'read']\n";
    match client_secret {
        "" => table,
        value => table + &secret(sandbox, name, "client_secret", value),
    }
}

/// The code that it shows, as the server writes it.
#[track_caller]
fn user_code(login: &LoggingIn) -> String {
    login
        .word(|word| word.len() == 8 && word.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit()))
}

#[track_caller]
fn claims(id_token: &str) -> Value {
    let parts: Vec<_> = id_token.trim_end().split('.').collect();
    assert_eq!(parts.len(), 3, "a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).expect("base64")).expect("JSON")
}

#[test]
fn a_device_is_logged_in_when_its_person_says_yes_and_not_when_it_is_no_or_nothing() {
    let sandbox = Sandbox::new();
    let Some(toolkit) = Toolkit::start(&sandbox, "the device flow of django-oauth-toolkit", 60) else {
        return;
    };
    let names = ["tv", "confidential", "slow", "denied", "over", "forgotten"];
    let text: String = names
        .iter()
        .map(|name| match *name {
            "confidential" => {
                device(&toolkit, name, "tv-secret") + &secret(&sandbox, name, "client_secret", "tv:secret")
            }
            name => device(&toolkit, name, "tv"),
        })
        .collect();
    sandbox.configure(&text);
    let _daemon = sandbox.start();

    // This server's own answer to a poll never is that the time is over.
    let short = json!({"mode": "edit", "match": "/device-authorization/", "set": {"expires_in": 2}});
    toolkit.control("fault", &short);
    let forgotten = LoggingIn::start(&sandbox, &["forgotten"]);
    let never = user_code(&forgotten);
    let slow = LoggingIn::start(&sandbox, &["slow"]);
    let slow_code = user_code(&slow);
    let others = ["tv", "confidential", "denied", "over"].map(|name| LoggingIn::start(&sandbox, &[name]));
    let codes = others.each_ref().map(user_code);
    let address = others[0].address(&format!("{}/o/device/", toolkit.url));
    let [tv, confidential, denied, over] = others;

    let mut browser = Browser::new(&toolkit);
    toolkit.control("expire", &json!({"user_code": codes[3]}));
    browser.decide(&address, &codes[0], "accept");
    browser.decide(&address, &codes[1], "accept");
    browser.decide(&address, &codes[2], "deny");
    for login in [tv, confidential] {
        let said = login.end();
        assert_eq!(said.code, 0, "{said:?}");
    }
    let said = denied.end();
    assert_eq!(said.code, 7, "{said:?}");
    for login in [over, forgotten] {
        let said = login.end();
        assert!(![0, 7].contains(&said.code), "{said:?}");
        assert!(said.stderr.contains("expired") || said.stderr.contains("over"), "{said:?}");
    }

    // It is the only one left that polls: it is told to be slower, and is.
    let polls = || {
        let requests = toolkit.seen_at("token").into_iter();
        let polls = requests.filter(|it| it["grant"] == DEVICE_CODE && it["client"] == "tv");
        polls.map(|it| (it["fault"].clone(), it["time"].as_i64().expect("a time"))).collect::<Vec<_>>()
    };
    toolkit.control("fault", &json!({"mode": "error", "error": "slow_down", "grant": DEVICE_CODE}));
    let told = eventually("it is told", || polls().iter().rposition(|(fault, _)| fault == "error"));
    browser.decide(&address, &slow_code, "accept");
    let said = slow.end();
    assert_eq!(said.code, 0, "{said:?}");
    let polls = polls();
    // RFC 8628 3.5: five seconds more than before.
    assert!(polls[told + 1].1 - polls[told].1 >= 5_900, "{polls:?}");

    for (name, client) in [("tv", "tv"), ("confidential", "tv-secret"), ("slow", "tv")] {
        assert_eq!(toolkit.whoami(&sandbox.token(name)), Some((client.into(), "alice".into())), "{name}");
        let said = sandbox.tok(["refresh", name]);
        assert_eq!(said.code, 0, "{name}: {said:?}");
        assert_eq!(toolkit.whoami(&sandbox.token(name)), Some((client.into(), "alice".into())), "{name}");
    }
    for name in ["denied", "over", "forgotten"] {
        assert_eq!(sandbox.tok(["get", name]).code, 4, "{name}");
    }
    assert!(!codes.contains(&never));
}

#[test]
fn an_address_that_is_pasted_logs_in_and_its_id_token_is_checked() {
    let sandbox = Sandbox::new();
    let Some(toolkit) = Toolkit::start(&sandbox, "the authorization code of django-oauth-toolkit", 60) else {
        return;
    };
    let hs_secret = "0123456789abcdef0123456789abcdef";
    let cases = [
        ("public", "app-code", ""),
        ("confidential", "app-code-secret", "code-secret"),
        // Its id tokens are signed with its secret.
        ("hs", "app-code-hs", hs_secret),
        ("declined", "app-code", ""),
    ];
    let text: String =
        cases.iter().map(|(name, client, secret)| code(&toolkit, &sandbox, name, client, secret)).collect();
    sandbox.configure(&text);
    let _daemon = sandbox.start();
    let mut browser = Browser::new(&toolkit);
    for (name, client, _) in cases {
        let said = sandbox.tok(["get", name]);
        assert_eq!(said.code, 4, "{said:?}");
        assert!(said.error().1.contains(&format!("tok login {name}")), "{said:?}");
        let mut login = LoggingIn::start(&sandbox, &[name, "--no-browser"]);
        let address = login.address(&format!("{}/o/authorize/", toolkit.url));
        let redirect = browser.authorize(&address, name != "declined");
        // RFC 9207, though this server leaves it out of a refusal.
        assert_eq!(redirect.contains("iss="), name != "declined", "{name}");
        login.say(&redirect);
        let said = login.end();
        if name == "declined" {
            assert_eq!(said.code, 7, "{said:?}");
            assert_eq!(sandbox.tok(["get", name]).code, 4);
            continue;
        }
        assert_eq!(said.code, 0, "{name}: {said:?}");
        assert_eq!(toolkit.whoami(&sandbox.token(name)), Some((client.into(), "alice".into())), "{name}");
        let said = sandbox.tok(["get", name, "--id-token"]);
        assert_eq!(said.code, 0, "{name}: {said:?}");
        let claims = claims(&said.stdout);
        assert_eq!((&claims["iss"], &claims["aud"]), (&toolkit.issuer().into(), &client.into()), "{name}");
        // A code that was used is worth nothing, and whoever pastes it again hears that.
        let said = sandbox.tok(["refresh", name]);
        assert_eq!(said.code, 0, "{name}: {said:?}");
    }
}
