//! A daemon at which a person logs in, in the steps that a test wants.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use tokend_proto::message::{About, Code, Failure, LoggedIn, LoggedOut, LoginStep};
use tokend_proto::{Answer, List, Request};

use super::daemon::{Daemon, Reply, credential};
use super::platform;

/// The address whose code the service takes.
pub(crate) const RIGHT: &str = "http://127.0.0.1:8400/?code=right&state=s";

/// Where the person goes.
pub(crate) const URL: &str = "https://login.example.com/authorize?client_id=c&state=s%20t";

/// A login that the test leads.
pub(crate) struct Service {
    pub(crate) daemon: Daemon,
    events: Sender<Answer>,
}

/// One login, which says these steps at once. The right address, pasted, ends it well.
pub(crate) fn with(steps: Vec<LoginStep>) -> Service {
    on(&own_host(), steps)
}

/// The same, where the daemon says that this is its machine's name.
pub(crate) fn on(host: &str, steps: Vec<LoginStep>) -> Service {
    let (events, received): (_, Receiver<Answer>) = mpsc::channel();
    for step in steps {
        events.send(Answer::LoginStep(step)).expect("a channel");
    }
    let received = Mutex::new(Some(received));
    let end = Arc::new(Mutex::new(events.clone()));
    let host = host.to_owned();
    let daemon = Daemon::new(move |request| match request {
        Request::About => Reply::Answer(Answer::About(About {
            version: String::new(),
            pid: 1,
            host: host.clone(),
            configuration: String::new(),
            started_at_ms: 0,
        })),
        Request::Login(_) => Reply::Stream(received.lock().expect("no panic").take().expect("one login")),
        Request::LoginRedirect(it) if it.login == 7 && &*it.url.expose() == RIGHT.as_bytes() => {
            end.lock().expect("no panic").send(Answer::LoggedIn(logged_in())).expect("a login");
            Reply::Answer(Answer::Done)
        }
        Request::LoginRedirect(_) => Reply::Answer(Answer::Failure(Failure {
            code: Code::USAGE,
            kind: "wrong-redirect".to_owned(),
            message: "that address is of another login".to_owned(),
            hint: "paste the one that this login ends at".to_owned(),
            next_try_in_ms: None,
        })),
        Request::Logout(logout) => {
            let warnings = if logout.local { vec![] } else { vec!["a warning".to_owned()] };
            let warnings = List::truncating(warnings);
            Reply::Answer(Answer::LoggedOut(LoggedOut { revoked: logout.account == "revoked", warnings }))
        }
        Request::GetIdToken(get) => {
            Reply::Answer(Answer::Credential(credential(&get.account, "eyJ.id.token")))
        }
        _ => Reply::Answer(Answer::Unsupported),
    });
    Service { daemon, events }
}

impl Service {
    /// The service says yes.
    pub(crate) fn finish(&self) {
        self.say(Answer::LoggedIn(logged_in()));
    }

    /// The next event of the login.
    pub(crate) fn say(&self, answer: Answer) {
        self.events.send(answer).expect("a login");
    }

    /// What it was asked of logins.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.daemon.asked().into_iter().filter(|it| !matches!(it, Request::About)).collect()
    }
}

/// A step with an address and nothing else.
pub(crate) fn step(kind: &str, url: &str) -> LoginStep {
    LoginStep {
        login: 7,
        step: kind.to_owned(),
        url: url.to_owned(),
        complete_url: None,
        user_code: None,
        expires_in_ms: Some(900_000),
        takes_redirect: false,
        message: format!("waiting for {kind}"),
    }
}

/// A step of the device flow.
pub(crate) fn device() -> LoginStep {
    LoginStep {
        complete_url: Some("https://a.example/device?user_code=WDJB-MJHT".to_owned()),
        user_code: Some("WDJB-\x1b[31mMJHT".to_owned()),
        ..step(LoginStep::DEVICE, "https://a.example/device")
    }
}

/// The end of a login.
pub(crate) fn logged_in() -> LoggedIn {
    LoggedIn {
        account: "x".to_owned(),
        person: None,
        expires_in_ms: Some(3_540_000),
        renews: true,
        ends_at_ms: None,
        scope: List::truncating(vec!["openid".to_owned()]),
        warnings: List::truncating(vec!["a warning".to_owned()]),
    }
}

/// This machine's name, as `tok` and `tokend` know it.
fn own_host() -> String {
    platform::host_name()
}
