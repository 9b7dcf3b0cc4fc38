//! What may come back with a browser: another's answer, one of another service, a second one, or a page's
//! worth of evil.

use std::time::Duration;

use tokend_tests::sandbox::eventually;
use tokend_tests::stand_in::Fault;

use super::*;

/// What a browser is shown.
struct Shown {
    status: u16,
    text: String,
}

/// A browser goes where it is sent.
#[track_caller]
fn visit(address: &str) -> Shown {
    let reply = call("GET", address, &[], "").expect("an answer of the login's page");
    let policy = reply.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(reply.header("content-type").is_some_and(|it| it.starts_with("text/html")));
    Shown { status: reply.status, text: reply.text() }
}

#[test]
fn an_answer_of_another_login_or_another_service_is_not_traded() {
    let scene = Scene::new();
    let changes = [
        // RFC 9207 2.4, of a service that says that it always tells.
        ("another-service", [("iss", "https://login.example")]),
        ("unnamed", [("iss", "")]),
        ("almost", [("iss", "http://127.0.0.1")]),
    ];
    let cases = changes.each_ref().map(|(name, _)| Case::new(name));
    let _daemon = scene.start("authorization_code", &cases);
    for (case, (name, change)) in cases.iter().zip(&changes) {
        let (mut login, asked) = begin(&scene, case);
        let answer = redirect(&case.server, &asked, change);
        // What was pasted may be half of it: whoever did is told, and the login waits for the whole.
        login.say(&answer);
        login.hear("it is told", |text| text.contains("iss does not match").then_some(()));
        assert_eq!(case.server.token_requests(), 0, "{name}");
        // What the browser itself brings is what the service said.
        let shown = visit(&answer);
        assert!((400..500).contains(&shown.status), "{}", shown.text);
        let said = login.end();
        scene.is_refused(name, &said);
        assert_eq!(case.server.token_requests(), 0, "{name}");
    }
}

#[test]
fn a_state_that_does_not_match_is_told_and_the_login_waits_for_the_right_one() {
    let scene = Scene::new();
    let cases = [Case::new("acme")];
    let server = &cases[0].server;
    let daemon = scene.start("authorization_code", &cases);
    let (mut login, asked) = begin(&scene, &cases[0]);
    let state = asked.get("state");
    for (index, state) in ["", "x", &state[1..], &state.to_ascii_uppercase()].into_iter().enumerate() {
        // Pasted, and by a browser that somebody else has sent. A pipe with three wrong lines is read no further.
        let wrong = redirect(server, &asked, &[("state", state)]);
        if index < 2 {
            login.say(&wrong);
        }
        let shown = visit(&wrong);
        assert!((400..500).contains(&shown.status), "{}", shown.text);
        assert!(!shown.text.contains("acme"), "who it is for is nobody's business: {}", shown.text);
    }
    login.hear("it is told", |text| (text.matches("state does not match").count() >= 2).then_some(()));
    assert_eq!(server.token_requests(), 0);
    scene.has_nothing("acme");
    login.say(&redirect(server, &asked, &[]));
    let said = login.end();
    assert_eq!(said.code, 0, "{said:?}");
    is_harmless("acme", &said.stderr);
    assert!(server.is_live(&scene.sandbox.token("acme")));
    is_harmless("the log", &daemon.log());
}

#[test]
fn one_answer_is_looked_at_and_no_second_one() {
    let scene = Scene::new();
    let cases = [Case::new("login")];
    let server = &cases[0].server;
    let _daemon = scene.start("authorization_code", &cases);
    let login = scene.log_in(&["login"]);
    let address = eventually("the browser is opened", || scene.opened().pop());
    let asked = Asked::read(&address);
    assert!(asked.get("redirect_uri").starts_with("http://127.0.0.1:"), "{address}");
    assert_eq!(asked.get("code_challenge_method"), "S256");
    let answer = redirect(server, &asked, &[]);
    // While the code is traded, somebody else comes with one.
    server.fault(Fault::Slow(Duration::from_secs(2)).once());
    thread::scope(|scope| {
        let first = scope.spawn(|| visit(&answer));
        assert!(server.wait_for_token_requests(1, Duration::from_secs(20)));
        let second = visit(&redirect(server, &asked, &[]));
        assert_eq!(second.status, 410, "{}", second.text);
        let first = first.join().expect("a page");
        assert_eq!(first.status, 200, "{}", first.text);
    });
    let said = login.end();
    assert_eq!(said.code, 0, "{said:?}");
    // Again, and with another code of the same login: there is nobody any more, or it says that it is over.
    for answer in [answer, redirect(server, &asked, &[])] {
        if let Ok(reply) = call("GET", &answer, &[], "") {
            assert!((400..500).contains(&reply.status), "{}", reply.text());
        }
    }
    assert_eq!(server.token_requests(), 1);
    assert!(server.is_live(&scene.sandbox.token("login")));
    scene.is_unharmed("login");
}

#[test]
fn what_a_service_says_in_the_address_is_shown_as_text_on_page_and_terminal() {
    let scene = Scene::new();
    let evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\u{1b}[2J\u{7}\"'&";
    let cases = [Case::new("login")];
    let server = &cases[0].server;
    let daemon = scene.start("authorization_code", &cases);
    let login = scene.log_in(&["login"]);
    let asked = Asked::read(&eventually("the browser is opened", || scene.opened().pop()));
    let pairs = [
        ("error", "invalid_scope<b>\u{1b}"),
        ("error_description", evil),
        ("state", asked.get("state")),
        ("iss", server.url()),
    ];
    let shown = visit(&asked.redirect(&pairs));
    assert!((400..500).contains(&shown.status), "{}", shown.text);
    for part in ["<script", "<img", "<b>", "onerror=alert(1)>"] {
        assert!(!shown.text.contains(part), "{}", shown.text);
    }
    is_harmless("the page", &shown.text.replace(['\r', '\t'], ""));
    let said = login.end();
    scene.is_refused("login", &said);
    assert_eq!(server.token_requests(), 0);
    is_harmless("the log", &daemon.log());
}

#[test]
fn a_code_that_is_another_logins_is_worth_nothing() {
    let scene = Scene::new();
    let cases = [Case::new("login")];
    let server = &cases[0].server;
    let _daemon = scene.start("authorization_code", &cases);
    // Somebody else's login, begun elsewhere: its code with our state (RFC 9700 4.5).
    let injected = server.code(&Asked::read(
        "https://login.example/?redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&code_challenge=x\
         &code_challenge_method=S256",
    ));
    for code in [injected.as_str(), "no-code-at-all", "$(touch pwned)\u{1b}[2J"] {
        let (mut login, asked) = begin(&scene, &cases[0]);
        login.say(&redirect(server, &asked, &[("code", code)]));
        let said = login.end();
        scene.is_refused("login", &said);
    }
}
