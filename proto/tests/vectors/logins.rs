//! Messages of logins, logouts and id tokens.

use tokend_proto::message::{Get, LoggedIn, LoggedOut, Login, LoginRedirect, LoginStep, Logout};
use tokend_proto::{Answer, Request, Secret};

use super::{Vector, words};

pub(super) fn requests() -> Vec<Vector> {
    let graph = || "graph".to_owned();
    let login = |has_browser, way: &str, term_ms| {
        Request::Login(Login { account: graph(), has_browser, way: way.to_owned(), term_ms })
    };
    let redirect = Request::LoginRedirect(LoginRedirect {
        account: graph(),
        login: 70_000,
        url: Secret::new(b"http://127.0.0.1:8400/?code=c0de&state=st4te".to_vec()).expect("a short secret"),
    });
    let logout = |local| Request::Logout(Logout { account: graph(), local });
    let id_token = Request::GetIdToken(Get {
        account: graph(),
        min_valid_ms: Some(60_000),
        scope: words(["openid"]),
        audience: words([]),
        timeout_ms: 30_000,
    });
    vec![
        Vector::request(
            "request-login",
            "A person logs in, in a browser here.",
            18,
            &login(true, Login::AS_FITS, None),
        ),
        Vector::request(
            "request-login-device",
            "A person logs in by the device flow, for eight hours.",
            19,
            &login(false, Login::DEVICE, Some(28_800_000)),
        ),
        Vector::request(
            "request-login-redirect-way",
            "A person logs in, in a browser elsewhere.",
            20,
            &login(false, Login::REDIRECT, None),
        ),
        Vector::request("request-login-redirect", "Where the browser was sent to.", 21, &redirect),
        Vector::request("request-logout", "A person logs out.", 22, &logout(false)),
        Vector::request("request-logout-local", "The login is only forgotten here.", 23, &logout(true)),
        Vector::request("request-get-id-token", "The id token, please.", 24, &id_token),
    ]
}

pub(super) fn steps() -> Vec<Vector> {
    let step = |step: &str, url: &str, message: &str| LoginStep {
        login: 70_000,
        step: step.to_owned(),
        url: url.to_owned(),
        complete_url: None,
        user_code: None,
        expires_in_ms: None,
        takes_redirect: false,
        message: message.to_owned(),
    };
    let browser = LoginStep {
        expires_in_ms: Some(300_000),
        takes_redirect: true,
        ..step(LoginStep::BROWSER, "https://login.example.com/authorize?state=x", "waiting for the browser")
    };
    let device = LoginStep {
        complete_url: Some("https://login.example.com/device?user_code=WDJB-MJHT".to_owned()),
        user_code: Some("WDJB-MJHT".to_owned()),
        expires_in_ms: Some(900_000),
        ..step(LoginStep::DEVICE, "https://login.example.com/device", "waiting for the code to be typed")
    };
    let redirect = LoginStep {
        takes_redirect: true,
        ..step(LoginStep::REDIRECT, "https://login.example.com/authorize?state=x", "waiting for the address")
    };
    let progress = step(LoginStep::PROGRESS, "", "asking for the token");
    let answer = |name, says, id, step| Vector::answer(name, says, id, &Answer::LoginStep(step));
    vec![
        answer("answer-login-step-browser", "A browser on this machine is to be sent there.", 18, browser),
        answer("answer-login-step-device", "A code is to be typed anywhere.", 19, device),
        answer("answer-login-step-redirect", "A browser elsewhere, and its end is pasted.", 20, redirect),
        answer("answer-login-step-progress", "The login goes on.", 18, progress),
    ]
}

pub(super) fn ends() -> Vec<Vector> {
    let logged_in = LoggedIn {
        account: "graph".to_owned(),
        person: Some("alice@example.com".to_owned()),
        expires_in_ms: Some(3_540_000),
        renews: true,
        ends_at_ms: Some(1_800_028_800_000),
        scope: words(["openid", "offline_access"]),
        warnings: words([]),
    };
    let not_for_long = LoggedIn {
        account: "graph".to_owned(),
        person: None,
        expires_in_ms: None,
        renews: false,
        ends_at_ms: None,
        scope: words([]),
        warnings: words(["the service gave no refresh token"]),
    };
    let logged_out = |revoked, warnings| Answer::LoggedOut(LoggedOut { revoked, warnings });
    vec![
        Vector::answer("answer-logged-in", "The login is done.", 19, &Answer::LoggedIn(logged_in)),
        Vector::answer(
            "answer-logged-in-once",
            "The login is done, and ends with its token.",
            20,
            &Answer::LoggedIn(not_for_long),
        ),
        Vector::answer("answer-logged-out", "The service ended it.", 22, &logged_out(true, words([]))),
        Vector::answer(
            "answer-logged-out-local",
            "The login is only forgotten here.",
            23,
            &logged_out(false, words(["login.example.com has no revocation_endpoint"])),
        ),
    ]
}
