//! `tok login`, called by a script: what it shows, what it takes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tokend_proto::message::{LoggedIn, LoginStep};
use tokend_proto::{Answer, List, Request};

use super::daemon::{Daemon, Reply, failure};
use super::service::{RIGHT, Service, URL, device, logged_in, step, with};
use super::tok::{Run, run, run_with, tok};

/// What is said at the end.
pub(crate) const END: &str = "logged in to x: its token lives 59m, and tokend renews it\n";

/// `tok login x` with these words.
pub(crate) fn login(service: &Service, words: &[&str]) -> Command {
    tok(&service.daemon, &[&["login", "x"], words].concat())
}

#[test]
fn a_code_is_shown_with_the_address_in_plain_lines() {
    let service = with(vec![device(), step(LoginStep::PROGRESS, "")]);
    service.finish();
    let run = run(login(&service, &[]));
    let expected = format!(
        "To log in to x, open this address in any browser, and type the code:\n\
         https://a.example/device\n    WDJB-[31mMJHT\n\
         or open this one, which has the code in it:\n\
         https://a.example/device?user_code=WDJB-MJHT\n\
         waiting for device (15m left)\nwaiting for progress (15m left)\n{END}"
    );
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", expected.as_str()));
    let asked = service.asked();
    assert!(
        matches!(&asked[..], [Request::Login(it)] if it.account == "x" && !it.has_browser && it.way.is_empty() && it.term_ms.is_none()),
        "{asked:?}"
    );
}

#[test]
fn with_json_the_end_is_an_object_on_standard_output() {
    let service = with(vec![device()]);
    service.say(Answer::LoggedIn(LoggedIn {
        person: Some("alice@example.com".to_owned()),
        ends_at_ms: Some(1_700_000_000_999),
        ..logged_in()
    }));
    let run = run(login(&service, &["--json"]));
    let object: Value = serde_json::from_str(&run.out).expect("JSON");
    let expected = json!({
        "account": "x", "person": "alice@example.com", "expires_in": 3540, "renews": true,
        "login_ends_at": "2023-11-14T22:13:20Z",
        "scope": ["openid"], "warnings": ["a warning"],
    });
    assert_eq!((run.code, object), (0, expected));
    assert!(run.err.contains("https://a.example/device\n") && !run.err.contains("logged in"), "{run:?}");
}

#[test]
fn options_say_by_which_way_and_for_how_long() {
    for (words, way, term) in [
        (&["--device"][..], "device", None),
        (&["--no-browser", "--for", "8h"], "redirect", Some(28_800_000)),
        (&["--for", "90s"], "", Some(90_000)),
    ] {
        let service = with(vec![]);
        service.finish();
        let mut call = login(&service, words);
        call.env("BROWSER", "/nonexistent/browser");
        assert_eq!(run(call).code, 0, "{words:?}");
        let asked = service.asked();
        let is_meant = |request: &Request| {
            matches!(request, Request::Login(it)
                if it.way == way && it.term_ms == term && it.has_browser == way.is_empty())
        };
        assert!(matches!(&asked[..], [one] if is_meant(one)), "{words:?}: {asked:?}");
    }
    let service = with(vec![]);
    for words in [&["--device", "--no-browser"][..], &["--for", "0s"], &["--for", "8"], &["y"], &["--local"]]
    {
        run(login(&service, words)).failed_with(2);
    }
    run(tok(&service.daemon, &["login"])).failed_with(2);
    assert!(service.asked().is_empty());
}

#[test]
fn an_address_may_be_piped_and_a_wrong_one_is_told() {
    for input in [format!("http://127.0.0.1/?code=wrong\n\n  {RIGHT}\r\n"), format!("code=wrong\n{RIGHT}")] {
        let service = pasted();
        let run = run_with(login(&service, &["--no-browser"]), input.as_bytes());
        assert_eq!(run.code, 0, "{run:?}");
        let shown = format!(
            "To log in to x, open this address in any browser:\n{URL}\n\
             After the login the browser is sent to another address; that page may fail to load, which is fine. \
             Its whole address is read from standard input.\n"
        );
        assert!(run.err.starts_with(&shown) && run.err.ends_with(END), "{run:?}");
        let told = "tok: that address is of another login\nhint: paste the one that this login ends at\n";
        assert!(run.err.contains(told) && !run.err.contains("code="), "{run:?}");
        assert_eq!(service.asked().len(), 3);
    }
}

/// Lets it read all of `input`, ends the login when it has said that, and gives what it wrote until then.
fn waits_on(service: &Service, mut call: Command, input: &[u8], last: &str) -> String {
    let piped = call.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("tok starts");
    // A tok that reads no further leaves the rest.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let mut said = String::new();
    while !said.ends_with(last) {
        said = said + &lines.next().expect("a line").expect("UTF-8") + "\n";
    }
    service.finish();
    assert!(child.wait().expect("tok ends").success());
    let rest: Vec<String> = lines.map(|line| line.expect("UTF-8")).collect();
    assert_eq!(rest, [END.trim_end()]);
    said
}

const GOES_ON: &str = "hint: the login goes on, and a browser on tokend's own machine may still end it; \
     to paste an address, hit Ctrl-C and call `tok login x` in a terminal\n";

fn pasted() -> Service {
    with(vec![LoginStep { takes_redirect: true, ..step(LoginStep::REDIRECT, URL) }])
}

#[test]
fn after_three_wrong_lines_standard_input_is_read_no_further() {
    let service = pasted();
    let said =
        waits_on(&service, login(&service, &["--no-browser"]), "garbage\n\n".repeat(500).as_bytes(), GOES_ON);
    let wrong = "tok: that address is of another login\nhint: paste the one that this login ends at\n";
    let end =
        format!("{}tok: three wrong lines: standard input is read no further\n{GOES_ON}", wrong.repeat(3));
    assert!(said.ends_with(&end), "{said}");
    assert_eq!(said.matches("tok: ").count(), 4, "{said}");
    assert_eq!(service.asked().len(), 4);
}

#[test]
fn a_line_that_is_too_long_is_told_with_what_to_do() {
    let service = pasted();
    let input = format!("{}\n{RIGHT}\n", "x".repeat(1 << 20));
    let run = run_with(login(&service, &["--no-browser"]), input.as_bytes());
    let told = "tok: what was pasted is longer than any address\n\
                hint: copy the address that the browser shows after the login, and paste that alone\n";
    assert!(run.code == 0 && run.err.contains(told) && run.err.ends_with(END), "{run:?}");
}

#[test]
fn a_standard_input_that_has_ended_is_told() {
    for input in ["", "\n"] {
        let service = pasted();
        let said = waits_on(&service, login(&service, &["--no-browser"]), input.as_bytes(), GOES_ON);
        let end =
            format!("(15m left)\ntok: standard input has ended: no address can be read from it\n{GOES_ON}");
        assert!(said.ends_with(&end), "{said}");
    }
}

#[test]
fn how_a_login_fails_is_told_as_everywhere() {
    for code in [3, 5, 6, 7, 9] {
        let service = with(vec![device()]);
        service.say(Answer::Failure(failure(code)));
        let Run { code: status, out, err } = run(login(&service, &[]));
        assert_eq!((status, out.as_str()), (i32::from(code), ""));
        assert!(err.ends_with(&format!("tok: what happened [31m{code}\nhint: what to do\n")), "{err}");
    }
    let refused = Daemon::failing(3);
    run(tok(&refused, &["login", "x"])).failed_with(3);
}

#[test]
fn a_daemon_that_is_older_or_goes_away_is_told() {
    let older = Daemon::new(|_| Reply::Answer(Answer::Unsupported));
    for (words, request) in [
        (&["login", "x"][..], "login"),
        (&["logout", "x"], "logout"),
        (&["get", "x", "--id-token"], "get --id-token"),
    ] {
        let (what, hint) = run(tok(&older, words)).failed_with(1);
        assert_eq!(what, format!("the running tokend does not know the request `{request}`"));
        assert!(hint.contains("older than its client"), "{hint}");
    }
    let service = with(vec![device()]);
    let going = Daemon::new(|_| Reply::HangUp);
    run(tok(&going, &["login", "x"])).failed_with(8);
    going.vanish();
    run(tok(&going, &["login", "x"])).failed_with(8);
    drop(service);
}

#[test]
fn a_login_without_a_refresh_token_says_so() {
    let service = with(vec![]);
    let once = LoggedIn { renews: false, warnings: List::default(), ..logged_in() };
    service.say(Answer::LoggedIn(once));
    let run = run(login(&service, &["-v"]));
    let expected = "logged in to x: its token lives 59m, and the login ends with it: the service gave no refresh token\n";
    assert_eq!((run.code, run.err.as_str()), (0, expected));
}
