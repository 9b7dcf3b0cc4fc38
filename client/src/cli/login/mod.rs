//! `tok login`: a person logs in, with a browser here, with a code, or with a browser elsewhere.

mod address;
mod browser;
mod paste;
mod qr;
mod screen;
mod step;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use tokend_client::{Client, LoggedIn, LoginEvent, LoginOptions, LoginStep, LoginWay};

use self::address::Address;
use self::browser::{Browser, Opened};
use self::paste::{Source, Taker};
use self::screen::Screen;
use self::step::{Kind, Step};
use super::arguments::{Manner, Word, Words};
use super::complaint::{Stop, printable};
use super::{clock, output, platform, span};

/// A browser's program that ends well later than this has shown the address, whatever it ends with.
const BROWSERS_START: Duration = Duration::from_secs(20);

/// One that ends badly sooner than this has shown nothing: the next one is tried. On a busy machine its start may take
/// most of that.
const AT_ONCE: Duration = Duration::from_secs(5);

/// `tok login ACCOUNT`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut account = None;
    let mut way = LoginWay::AsFits;
    let mut term = None;
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if account.is_none() => account = Some(value),
            Word::Long(option @ ("device" | "no-browser")) => {
                let named = if option == "device" { LoginWay::Device } else { LoginWay::Redirect };
                if way != LoginWay::AsFits && way != named {
                    return Err(words.usage("--device and --no-browser are two ways to log in: name one"));
                }
                way = named;
            }
            Word::Long("for") => {
                let span = words.span("for")?;
                if span < Duration::from_secs(1) {
                    return Err(words.usage("--for is a second at least"));
                }
                term = Some(span);
            }
            other => return Err(words.unexpected(&other)),
        }
    }
    let account = words.account(account)?;
    let mut client = Client::connect()?;
    let browser = if way == LoginWay::AsFits { browser_beside(&mut client) } else { None };
    let mut options = LoginOptions::default().browser(browser.is_some()).way(way);
    if let Some(term) = term {
        options = options.term(term);
    }
    let login = client.log_in(&account, &options)?;
    let mut session = Session::new(account, browser, client);
    for event in login {
        match event? {
            LoginEvent::Step(step) => session.take(&step)?,
            LoginEvent::Done(done) => {
                session.end();
                return finish(*words.manner, &done);
            }
        }
    }
    // The library ends with the one or the other.
    Ok(0)
}

/// The browser of this machine, where the daemon is on it: a redirect goes to the machine that the browser is on. Through
/// a socket that is shared or forwarded, it may be another.
fn browser_beside(client: &mut Client) -> Option<Browser> {
    let browser = Browser::of_this_process()?;
    let is_here = client.about().is_ok_and(|about| about.host == platform::host_name());
    is_here.then_some(browser)
}

/// A login under way, as its person sees it. The terminal is as before when this is dropped.
struct Session {
    account: String,
    browser: Option<Browser>,
    /// For what is pasted, until somebody listens for that.
    client: Option<Client>,
    source: Source,
    login: Arc<AtomicU64>,
    screen: Arc<Screen>,
}

impl Session {
    fn new(account: String, browser: Option<Browser>, client: Client) -> Self {
        let login = Arc::new(AtomicU64::new(0));
        Self { account, browser, client: Some(client), source: Source::Nowhere, login, screen: Screen::new() }
    }

    /// Shows a step, and does what it asks for.
    fn take(&mut self, step: &LoginStep) -> Result<(), Stop> {
        let name = printable(&self.account);
        let step = Step::checked(step, &name)?;
        self.login.store(step.login, Ordering::SeqCst);
        let was_opened = self.open(&step);
        if let Some(text) = step.text(&name, was_opened, &self.screen) {
            self.screen.say(&text);
        }
        let mut begin = None;
        if step.takes_redirect {
            begin = self.listen(step.kind == Kind::Redirect);
            if let Some(text) = step.request_to_paste(self.source) {
                self.screen.say(&self.screen.sentence(text));
            }
        }
        self.screen.wait_for(step.message, step.good_for);
        // What comes of an address stands below the request for it.
        drop(begin);
        Ok(())
    }

    /// Opens the browser where there is one and the step has an address for it; why that did not work is told.
    fn open(&self, step: &Step) -> bool {
        let (Some(browser), Kind::Browser | Kind::Device) = (&self.browser, step.kind) else { return false };
        let Some(address) = step.complete.as_ref().or(step.address.as_ref()) else { return false };
        match browser.open(address) {
            Ok(opened) => {
                look_after(opened, address.clone(), Arc::clone(&self.screen));
                true
            }
            Err(trouble) => {
                self.screen.say(&self.screen.sentence(&format!("tok: {}", printable(&trouble))));
                false
            }
        }
    }

    /// Once for all steps. What is typed is read when what this gives is dropped.
    fn listen(&mut self, is_needed: bool) -> Option<Sender<Infallible>> {
        let client = self.client.take()?;
        let (begin, begins) = mpsc::channel();
        let (account, login) = (self.account.clone(), Arc::clone(&self.login));
        let taker = Taker { client, account, login, screen: Arc::clone(&self.screen), is_needed };
        self.source = paste::listen(taker, begins);
        Some(begin)
    }

    fn end(&self) {
        self.screen.end();
        platform::show_typing_again();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits for the browser's program beside the login. Where it ends badly at once the next one is opened, as Python's
/// `webbrowser` does; where there is none, that is said.
fn look_after(mut opened: Opened, address: Address, screen: Arc<Screen>) {
    let wait = move || {
        loop {
            let began = clock::now();
            let Ok(status) = opened.child.wait() else { return };
            let took = began.elapsed();
            if status.success() || took >= BROWSERS_START {
                return;
            }
            if took < AT_ONCE
                && let Ok(next) = opened.others.open(&address)
            {
                opened = next;
                continue;
            }
            let name = printable(&opened.name);
            let text = format!("tok: {name} could not open the address ({status}); open it yourself");
            return screen.say(&screen.sentence(&text));
        }
    };
    // Without a thread nobody is told.
    let _ = thread::Builder::new().name("browser".to_owned()).spawn(wait);
}

fn finish(manner: Manner, done: &LoggedIn) -> Result<u8, Stop> {
    if manner.json {
        output::print_json(&JsonLoggedIn {
            account: &done.account,
            person: done.person.as_deref(),
            expires_in: done.expires_in_ms.map(|left| left / 1000),
            renews: done.renews,
            login_ends_at: done.ends_at_ms.map(span::rfc3339_ms),
            scope: &done.scope,
            warnings: &done.warnings,
        })?;
    } else {
        output::tell(&format!("{}\n", told(done, clock::wall_ms())));
    }
    output::warn(manner, done.warnings.iter());
    Ok(0)
}

#[derive(Serialize)]
struct JsonLoggedIn<'a> {
    account: &'a str,
    person: Option<&'a str>,
    expires_in: Option<u64>,
    renews: bool,
    login_ends_at: Option<String>,
    scope: &'a [String],
    warnings: &'a [String],
}

/// Who logged in, and how long it is good for.
fn told(done: &LoggedIn, now_ms: i64) -> String {
    let account = printable(&done.account);
    let person = done.person.as_deref().map(printable).filter(|person| !person.is_empty());
    let (who, mark) = match person {
        Some(person) => (format!(" as {person}"), ';'),
        None => (String::new(), ':'),
    };
    let life = match done.expires_in_ms.map(Duration::from_millis) {
        Some(left) => format!("its token lives {}", span::words(left)),
        None => "how long its token lives is not known".to_owned(),
    };
    let end = match done.ends_at_ms {
        _ if !done.renews => ", and the login ends with it: the service gave no refresh token".to_owned(),
        Some(at) => {
            let left = u64::try_from(at.saturating_sub(now_ms)).unwrap_or(0);
            // Rounded to the second: of the 8 hours that were asked for, some milliseconds are gone.
            let left = Duration::from_secs(left.saturating_add(500) / 1000);
            format!(", tokend renews it, and the login ends in {}", span::words(left))
        }
        None => ", and tokend renews it".to_owned(),
    };
    format!("logged in to {account}{who}{mark} {life}{end}")
}

#[cfg(test)]
mod tests {
    use tokend_proto::List;

    use super::*;

    #[test]
    fn who_logged_in_and_how_long_it_is_good_for_is_told() {
        const NOW: i64 = 1_700_000_000_000;
        let done = |expires_in_ms, renews, ends_at_ms| LoggedIn {
            account: "a\x1b[31m".to_owned(),
            person: None,
            expires_in_ms,
            renews,
            ends_at_ms,
            scope: List::default(),
            warnings: List::default(),
        };
        let cases = [
            (
                done(Some(3_599_000), true, None),
                "logged in to a[31m: its token lives 59m 59s, and tokend renews it",
            ),
            (
                done(Some(60_000), true, Some(NOW + 28_799_900)),
                "logged in to a[31m: its token lives 1m, tokend renews it, and the login ends in 8h",
            ),
            (
                done(None, false, Some(NOW + 1)),
                "logged in to a[31m: how long its token lives is not known, and the login ends with it: \
                 the service gave no refresh token",
            ),
        ];
        for (done, expected) in cases {
            assert_eq!(told(&done, NOW), expected);
        }
        let by =
            |person: &str| LoggedIn { person: Some(person.to_owned()), ..done(Some(60_000), true, None) };
        let expected = "logged in to a[31m as b[31m@example.com; its token lives 1m, and tokend renews it";
        assert_eq!(told(&by("b\x1b[31m@example.com"), NOW), expected);
        assert_eq!(
            told(&by("\u{202e} "), NOW),
            "logged in to a[31m: its token lives 1m, and tokend renews it"
        );
    }
}
