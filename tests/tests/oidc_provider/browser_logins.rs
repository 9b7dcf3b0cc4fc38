//! Logins with a real browser (RFC 6749 4.1, 7636, 8252): where there is one, where there is none, and when
//! they are given up.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use tokend_tests::platform::Signal;
use tokend_tests::real_time::let_pass;

use super::browser::{Browser, Person};
use super::*;

/// An account that logs in with a browser, at a client of its own name that is like another.
fn browser_account(provider: &Provider, name: &str, like: &str) -> String {
    provider.control("client", &json!({"client_id": name, "like": like}));
    account_at(provider, name, "authorization_code", name)
        + "scope = ['openid', 'offline_access', 'api:read']\n\
           extra = { authorization = { prompt = 'consent' } }\n"
}

/// `tok login` where this person's browser is what opens URLs.
fn log_in(sandbox: &Sandbox, words: &[&str], person: &Person) -> LoggingIn {
    LoggingIn::start_with(sandbox, words, |command| {
        command.env("BROWSER", &person.program);
    })
}

/// What the person sees in the end is the daemon's own page, and nothing but it.
#[track_caller]
fn assert_is_a_quiet_page(seen: &Value, provider: &Provider) {
    let host = |url: &str| url.split('/').nth(2).unwrap_or_default().to_owned();
    let ours = host(seen["address"].as_str().expect("an address"));
    let is_loopback = ours.starts_with("127.0.0.1:") || ours.starts_with("[::1]:");
    assert!(is_loopback && ours != host(&provider.url), "{seen}");
    assert_eq!(seen["hosts"], json!([host(&provider.url), ours]), "it loads nothing from elsewhere");
    assert_eq!(seen["dialogs"], json!([]), "{seen}");
    for element in ["script", "img", "b", "form", "iframe", "a"] {
        assert!(!seen["elements"].as_array().expect("a list").contains(&element.into()), "{seen}");
    }
    assert!(
        seen["headers"]["content-security-policy"]
            .as_str()
            .is_some_and(|it| it.contains("default-src 'none'"))
    );
    assert_eq!(seen["headers"]["cache-control"], "no-store");
    assert_eq!(seen["headers"]["referrer-policy"], "no-referrer", "the address holds the code");
}

/// The host and port of a `redirect_uri`.
fn place(redirect: &str) -> String {
    let rest = redirect.strip_prefix("http://").expect("a loopback redirect (RFC 8252 7.3)");
    rest.split('/').next().unwrap_or_default().to_owned()
}

/// Where the browser is sent to in the end, as this address of the provider says it.
fn place_in(address: &str) -> String {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    place(&pairs.find(|(name, _)| name == "redirect_uri").expect("a redirect_uri").1)
}

/// Where the provider was told to send the browser to.
fn place_seen(provider: &Provider) -> String {
    place(provider.seen_at("/auth")[0]["redirect"].as_str().expect("a redirect_uri"))
}

#[track_caller]
fn assert_nobody_listens(place: &str) {
    eventually("the listener is closed", || TcpStream::connect(place).is_err().then_some(()));
}

/// All that is kept, without the names of temporary files.
fn kept(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .flat_map(|entry| if entry.path().is_dir() { kept(&entry.path()) } else { [entry.path()].into() })
        .collect()
}

#[test]
fn a_person_logs_in_with_a_real_browser_once_for_all_who_wait_and_the_login_outlives_the_daemon() {
    let sandbox = Sandbox::new();
    let what = "a login with a browser";
    let Some(browser) = Browser::find(what) else { return };
    let Some(provider) = Provider::start_for_long(&sandbox, what) else {
        return;
    };
    let redirect = "redirect_uris = ['http://127.0.0.1/callback']\n";
    sandbox.configure(&(browser_account(&provider, "app-browser", "app-browser") + redirect));
    let daemon = sandbox.start();
    let said = sandbox.tok(["get", "app-browser"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.error().1.contains("tok login app-browser"), "{said:?}");
    assert_eq!(sandbox.status("app-browser")["state"], "login-needed");

    let person = browser.person(&sandbox, "alice", &[]);
    person.pause();
    let first = log_in(&sandbox, &["app-browser"], &person);
    let shown = first.address(&format!("{}/auth?", provider.url));
    // Without a browser, since it comes second.
    let second = LoggingIn::start(&sandbox, &["app-browser"]);
    assert_eq!(second.address(&format!("{}/auth?", provider.url)), shown, "it is the same login");
    person.go_on();
    for said in [first.end(), second.end()] {
        assert_eq!(said.code, 0, "{said:?}");
        assert!(!said.stderr.contains(&sandbox.token("app-browser")));
    }
    let seen = person.saw();
    assert_is_a_quiet_page(&seen, &provider);
    assert_eq!((&seen["status"], &seen["title"]), (&200.into(), &"Logged in".into()));
    let text = seen["text"].as_str().expect("text");
    assert!(text.contains("tokend is logged in to app-browser. You can close this page."), "{text}");
    let token = sandbox.token("app-browser");
    let who = provider.holder(&token);
    assert_eq!((&who["sub"], &who["client"]), (&"alice".into(), &"app-browser".into()));
    let asked = provider.token_requests().remove("app-browser").expect("requests");
    let grants: Vec<_> = asked.iter().map(|it| it["grant"].as_str().unwrap_or_default()).collect();
    assert_eq!(grants, ["authorization_code"], "one login for both");
    let begun = provider.seen_at("/auth");
    assert!(begun.iter().all(|it| it["pkce"] == "S256"), "{begun:#?}");
    let redirect = begun[0]["redirect"].as_str().expect("a redirect");
    assert!(redirect.starts_with("http://127.0.0.1:") && redirect.ends_with("/callback"), "{redirect}");
    assert_nobody_listens(&place_seen(&provider));

    // A stop, a crash: no person is needed.
    assert!(daemon.stop().success());
    let daemon = sandbox.start();
    assert_eq!(provider.holder(&sandbox.token("app-browser"))["sub"], "alice");
    daemon.kill();
    let _daemon = sandbox.start();
    assert_eq!(sandbox.tok(["refresh", "app-browser"]).code, 0);
    let token = sandbox.token("app-browser");
    assert_eq!(provider.holder(&token)["sub"], "alice");
    let asked = provider.token_requests().remove("app-browser").expect("requests");
    assert_eq!(asked.iter().filter(|it| it["grant"] == "authorization_code").count(), 1);
    let id_token = sandbox.tok(["get", "app-browser", "--id-token"]);
    assert_eq!(id_token.code, 0, "{id_token:?}");
    provider.verified(id_token.stdout.trim_end(), "app-browser");

    // And out again.
    let said = sandbox.tok(["logout", "app-browser"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!provider.is_alive(&token));
    assert_eq!(sandbox.tok(["get", "app-browser"]).code, 4);
}

#[test]
fn who_declines_in_the_browser_is_told_so_and_what_the_service_says_stays_text() {
    let sandbox = Sandbox::new();
    let what = "a login that is declined in a browser";
    let Some(browser) = Browser::find(what) else { return };
    let Some(provider) = Provider::start_for_long(&sandbox, what) else {
        return;
    };
    // The other loopback, where the machine has it (RFC 8252 7.3).
    let redirect = match TcpListener::bind("[::1]:0") {
        Ok(_) => "redirect_uris = ['http://[::1]/callback']\n",
        Err(_) => "",
    };
    sandbox.configure(&(browser_account(&provider, "app-browser", "app-browser") + redirect));
    let _daemon = sandbox.start();
    let words = "<script>alert(1)</script><img src=x onerror=alert(2)><b>bold</b>";
    let person = browser.person(&sandbox, "alice", &["--answer", "deny", "--words", words]);
    let said = log_in(&sandbox, &["app-browser"], &person).end();
    assert_eq!(said.code, 7, "{said:?}");
    let seen = person.saw();
    assert_is_a_quiet_page(&seen, &provider);
    assert_eq!((&seen["status"], &seen["title"]), (&400.into(), &"The login did not work".into()));
    let text = seen["text"].as_str().expect("text");
    assert!(text.contains("app-browser") && text.contains(words), "as it was written, and as text: {text}");
    let told = said.stderr.lines().find(|line| line.starts_with("tok: ")).unwrap_or_default();
    assert!(told.contains("access_denied") && told.contains(words), "{said:?}");
    assert_eq!(sandbox.tok(["get", "app-browser"]).code, 4);
    assert_eq!(provider.seen_at("/token").len(), 0);
    assert_nobody_listens(&place_seen(&provider));
}

#[test]
fn without_a_browser_here_the_address_is_opened_elsewhere_and_its_end_pasted() {
    let sandbox = Sandbox::new();
    let what = "a login over ssh";
    let Some(browser) = Browser::find(what) else { return };
    let Some(provider) = Provider::start_for_long(&sandbox, what) else {
        return;
    };
    // A client that signs, in the code's exchange as well.
    let key = provider.new_key("app-signing", "ES256", "pkcs8");
    sandbox.configure(
        &(browser_account(&provider, "first", "app-signing")
            + &secret_line(&sandbox, "first", "private_key", &key)
            + "private_key_id = 'pkcs8'\n"),
    );
    let _daemon = sandbox.start();
    let person = browser.person(&sandbox, "alice", &["--elsewhere"]);
    let never = browser.person(&sandbox, "nobody", &[]);
    let mut login = LoggingIn::start_with(&sandbox, &["first", "--no-browser"], |command| {
        command.env("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22").env("BROWSER", &never.program);
    });
    let address = login.address(&provider.url);
    person.open(&sandbox, &address);
    let seen = person.saw();
    let end = seen["address"].as_str().expect("an address");
    assert!(end.starts_with("http://127.0.0.1:") && end.contains("code="), "{end}");
    assert_eq!(seen["status"], 502, "the browser does not reach the daemon");

    // What belongs to another login is refused, and this one goes on.
    login.say(&end.replace("state=", "state=x"));
    login.hear("a word about what does not fit", |text| text.contains("state").then_some(()));
    login.say(end);
    let said = login.end();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!never.was_asked(), "no browser is opened here");
    assert_eq!(provider.holder(&sandbox.token("first"))["sub"], "alice");
    assert_nobody_listens(&place_in(&address));
}

#[test]
fn over_ssh_a_code_is_shown_where_the_service_gives_one_to_the_client_and_else_an_address() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "ways to log in over ssh") else {
        return;
    };
    sandbox.configure(
        &(browser_account(&provider, "any-way", "app-public")
            + &browser_account(&provider, "browser-only", "app-browser")),
    );
    let _daemon = sandbox.start();
    provider.hurry_device("any-way", &json!({}));
    let over_ssh = |name: &str| {
        LoggingIn::start_with(&sandbox, &[name], |command| {
            // The screen that ssh forwards is not this machine's.
            command.env("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22").env("DISPLAY", "localhost:10.0");
        })
    };
    let login = over_ssh("any-way");
    provider.decide_device(&user_code(&login), "approve");
    let said = login.end();
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(provider.holder(&sandbox.token("any-way"))["sub"], "alice");

    // The provider has the device flow, and not for this client.
    let login = over_ssh("browser-only");
    let address = login.address(&format!("{}/auth?", provider.url));
    assert!(address.contains("code_challenge_method=S256"), "{address}");
    let refused = provider.seen_at("/device/auth");
    assert_eq!(refused.iter().filter(|it| it["client"] == "browser-only" && it["status"] == 400).count(), 1);
    login.signal(Signal::TERM);
    let said = login.end();
    assert_eq!(said.code, 128 + Signal::TERM.as_raw(), "{said:?}");
}

#[test]
fn a_login_that_is_given_up_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    let what = "a login that is given up";
    let Some(provider) = Provider::start_for_long(&sandbox, what) else {
        return;
    };
    let device = account_at(&provider, "tv", "device_code", "tv") + "scope = ['openid', 'offline_access']\n";
    sandbox.configure(&(browser_account(&provider, "app-browser", "app-browser") + &device));
    let daemon = sandbox.start();
    let before = kept(&sandbox.state());
    let browser = LoggingIn::start(&sandbox, &["app-browser", "--no-browser"]);
    let tv = LoggingIn::start(&sandbox, &["tv"]);
    let place = place_in(&browser.address(&format!("{}/auth?", provider.url)));
    assert!(TcpStream::connect(&place).is_ok(), "a browser that can come back may");
    let code = user_code(&tv);
    for login in [browser, tv] {
        login.signal(Signal::INT);
        let said = login.end();
        assert_eq!(said.code, 128 + Signal::INT.as_raw(), "{said:?}");
    }
    assert_nobody_listens(&place);
    provider.decide_device(&code, "approve");
    let polls = || provider.seen_at("/token").len();
    let asked = polls();
    let_pass(Duration::from_secs(6), "a poll would come");
    assert_eq!(polls(), asked, "nobody asks any more");
    assert_eq!(kept(&sandbox.state()), before);
    for name in ["app-browser", "tv"] {
        assert_eq!(sandbox.tok(["get", name]).code, 4, "{name}");
    }

    // A daemon that stops meanwhile waits for no person.
    let login = LoggingIn::start(&sandbox, &["app-browser", "--no-browser"]);
    let place = place_in(&login.address(&format!("{}/auth?", provider.url)));
    assert!(daemon.stop().success());
    let said = login.end();
    assert_eq!(said.code, 8, "{said:?}");
    assert_nobody_listens(&place);
    assert_eq!(kept(&sandbox.state()), before);
}

#[test]
fn a_login_with_a_term_ends_after_it() {
    let sandbox = Sandbox::new();
    let Some(provider) = Provider::start_for_long(&sandbox, "a login with a term") else {
        return;
    };
    provider.control("client", &json!({"client_id": "long", "like": "tv"}));
    let names = ["tv", "long"];
    let table =
        |name| account_at(&provider, name, "device_code", name) + "scope = ['openid', 'offline_access']\n";
    sandbox.configure(&names.map(table).concat());
    let daemon = sandbox.start();
    for (name, term) in [("tv", "15s"), ("long", "8h")] {
        provider.hurry_device(name, &json!({}));
        let login = LoggingIn::start(&sandbox, &[name, "--for", term]);
        provider.decide_device(&user_code(&login), "approve");
        let said = login.end();
        assert_eq!(said.code, 0, "{said:?}");
    }
    let token = sandbox.token("tv");
    assert!(provider.is_alive(&token));
    for name in names {
        assert!(sandbox.status(name)["login_ends_at"].is_string(), "{}", sandbox.status(name));
    }
    // The term is kept.
    assert!(daemon.stop().success());
    let _daemon = sandbox.start();
    assert_eq!(provider.holder(&sandbox.token("long"))["sub"], "alice");
    eventually("the term is over", || (sandbox.tok(["get", "tv"]).code == 4).then_some(()));
    assert_eq!(sandbox.status("tv")["state"], "login-needed");
    assert_eq!(provider.holder(&sandbox.token("long"))["sub"], "alice");
}
