//! `tok status --watch` at a terminal: the whole screen, drawn anew where it changes, as before in the end.

use std::time::{Duration, Instant};

use tokend_client::Client;

use super::super::complaint::{Complaint, Stop};
use super::super::platform::{self, FullScreen};
use super::super::{clock, span};
use super::canvas::Canvas;
use super::frame::{Scene, Window, frame};
use super::keys::{Keys, Wish};
use super::observer::{self, Look, News, Observer};

/// A daemon that has said nothing for so long does not answer.
const SILENCE: Duration = Duration::from_secs(3);

/// Shows how the accounts are until the person has seen enough.
pub(super) fn show(account: Option<String>) -> Result<u8, Stop> {
    let mut client = Client::lazy()?;
    let nowhere = "`tok status --watch --json` prints a line at each change, `tok status` once how it is";
    if platform::terminal_width().is_none() {
        return Err(Complaint::usage("standard output is no terminal", nowhere).into());
    }
    let is_named = || std::env::var_os("TERM").is_some_and(|term| !term.is_empty());
    if super::is_dumb() || platform::terminal_needs_name() && !is_named() {
        let message = "this terminal (TERM) cannot draw a line anew";
        return Err(Complaint::usage(message, nowhere).into());
    }
    // What is wrong with the call, or with the daemon, is said before anything is drawn.
    let first = observer::look(&mut client, account.as_deref())?;
    let screen = FullScreen::open().map_err(|error| {
        Complaint::usage(format!("the session's terminal cannot be used: {error}"), nowhere)
    })?;
    let waker = screen.waker().map_err(|error| short_of(&error))?;
    let observer = Observer::start(client, account, waker)?;
    match watch(&screen, &observer, first) {
        Ok(None) => Ok(0),
        Ok(Some(signal)) => {
            drop(screen);
            Err(Stop::Quiet(platform::end_by(signal)))
        }
        // The terminal has gone; nobody sees what would be said.
        Err(_) if !observer.has_ended() => Err(Stop::Quiet(1)),
        Err(error) => {
            drop(screen);
            Err(Complaint::fault(format!("the watch ended: {error}"), "please report this").into())
        }
    }
}

fn short_of(error: &std::io::Error) -> Complaint {
    Complaint::fault(format!("the system is short of something: {error}"), "`tok status` needs less")
}

/// Until the person quits, or a signal ends this process.
fn watch(screen: &FullScreen, observer: &Observer, first: Look) -> std::io::Result<Option<i32>> {
    let mut last = first;
    let mut trouble: Option<String> = None;
    let mut canvas = Canvas::default();
    let mut window = Window::default();
    let mut keys = Keys::default();
    loop {
        if observer.has_ended() {
            return Err(std::io::Error::other("the thread that asks tokend has ended"));
        }
        take_in(observer.news(), &mut last, &mut trouble);
        let (now, now_ms) = (clock::now(), clock::wall_ms());
        let (columns, lines) = screen.size();
        let time = platform::time_of_day(now_ms);
        let scene = Scene {
            version: &last.version,
            accounts: last.accounts_at(now),
            silence: silence(&last, trouble.as_deref(), now),
            now_ms,
            time: &time,
        };
        let look = super::look(columns);
        let drawn: Vec<_> =
            frame(&scene, look, lines, &mut window).iter().map(|line| line.text(look.colour)).collect();
        screen.write(canvas.draw((columns, lines), &drawn).as_bytes())?;
        // Until the clock shows another second.
        let rest = 1000 - u64::try_from(now_ms.rem_euclid(1000)).unwrap_or(0);
        let happened = screen.wait(Duration::from_millis(rest))?;
        if let Some(signal) = happened.ended {
            return Ok(Some(signal));
        }
        if happened.anew {
            canvas.forget();
        }
        for wish in keys.wishes(&happened.keys) {
            match wish {
                Wish::Quit => return Ok(None),
                Wish::Redraw => canvas.forget(),
                Wish::Scroll(by) => window.scroll(by),
            }
        }
    }
}

/// Keeps what is known, and why nothing newer is.
fn take_in(news: Option<News>, last: &mut Look, trouble: &mut Option<String>) {
    match news {
        None => {}
        Some(Ok(look)) => {
            *last = look;
            *trouble = None;
        }
        Some(Err(error)) => *trouble = Some(observer::words(&error)),
    }
}

/// That nothing newer is known, and for how long.
fn silence(last: &Look, trouble: Option<&str>, now: Instant) -> Option<String> {
    let passed = now.saturating_duration_since(last.at);
    let why = match trouble {
        Some(why) => why,
        None if passed > SILENCE => observer::NO_ANSWER,
        None => return None,
    };
    Some(format!("{why} for {}; trying again", span::words(passed)))
}
