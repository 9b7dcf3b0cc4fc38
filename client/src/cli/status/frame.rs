//! What `tok status --watch` shows: a header, the accounts, a footer, in the lines that there are. Pure.

use tokend_client::AccountStatus;

use super::super::cells::{Line, Paint, width};
use super::super::complaint::printable;
use super::super::summary;
use super::super::table::{self, Look, Table};
use super::keys::Scroll;

/// From so many lines on there is room for the columns' titles.
const WITH_TITLE: usize = 7;

/// From so many lines on there is room for a footer.
const WITH_FOOTER: usize = 3;

/// What there is to show.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    /// The daemon's version.
    pub(super) version: &'a str,
    /// How the accounts are at this moment.
    pub(super) accounts: Vec<AccountStatus>,
    /// Why nothing is heard of the daemon, where that is so.
    pub(super) silence: Option<String>,
    /// The wall clock, in milliseconds since 1970.
    pub(super) now_ms: i64,
    /// The same as a person reads it.
    pub(super) time: &'a str,
}

/// How the lines are cut out of what does not fit, and which of them are shown.
#[derive(Debug, Default)]
pub(super) struct Window {
    top: usize,
    /// How many lines there were, and how many of them were shown.
    body: usize,
    shown: usize,
}

impl Window {
    /// Moves, as far as there is something to see.
    pub(super) fn scroll(&mut self, by: Scroll) {
        let page = self.shown.saturating_sub(1).max(1);
        let top = match by {
            Scroll::Up => self.top.saturating_sub(1),
            Scroll::Down => self.top + 1,
            Scroll::PageUp => self.top.saturating_sub(page),
            Scroll::PageDown => self.top + page,
            Scroll::Home => 0,
            Scroll::End => usize::MAX,
        };
        self.top = top.min(self.body.saturating_sub(self.shown));
    }

    fn cut(&mut self, body: Vec<Line>, room: usize) -> Vec<Line> {
        self.body = body.len();
        self.shown = room.min(self.body);
        self.top = self.top.min(self.body - self.shown);
        body.into_iter().skip(self.top).take(self.shown).collect()
    }
}

/// The lines of a screen of `height` lines.
pub(super) fn frame(scene: &Scene<'_>, look: Look, height: usize, window: &mut Window) -> Vec<Line> {
    let mut accounts = scene.accounts.clone();
    // What a person must do something about comes first; the rest keeps its place, whatever it does.
    accounts.sort_by_key(|account| rank(&account.state));
    let Table { title, body } = table::table(&accounts, scene.now_ms, look);
    let has_title = height >= WITH_TITLE && !accounts.is_empty();
    let has_footer = height >= WITH_FOOTER;
    let room = height.saturating_sub(1 + usize::from(has_title) + usize::from(has_footer));
    let body = if accounts.is_empty() { nothing(scene) } else { body };
    let body = window.cut(body, room);
    let mut lines = vec![header(scene, look)];
    if has_title {
        lines.push(title);
    }
    lines.extend(body);
    if has_footer {
        lines.resize(height - 1, Line::default());
        lines.push(footer(window, look));
    }
    lines.truncate(height);
    lines.into_iter().map(|line| line.cut(look.width, look.ascii)).collect()
}

fn rank(state: &str) -> u8 {
    match state {
        "fresh" | "refreshing" | "idle" => 2,
        "waiting" => 1,
        _ => 0,
    }
}

fn nothing(scene: &Scene<'_>) -> Vec<Line> {
    match scene.silence {
        Some(_) => Vec::new(),
        None => vec![Line::of(Paint::Hint, "no accounts yet: describe one, then `tok reload`")],
    }
}

/// Who speaks, how many accounts are how, and the time; or that nobody does.
fn header(scene: &Scene<'_>, look: Look) -> Line {
    let dot = if look.ascii { " - " } else { " · " };
    let mut line = Line::default();
    if let Some(why) = &scene.silence {
        line.push(Paint::Trouble, why.clone());
    } else {
        line.push(Paint::Title, format!("tokend {}", printable(scene.version)));
        line.push(Paint::Plain, dot);
        line.push(Paint::Plain, summary::of(&scene.accounts));
    }
    let time = width(scene.time);
    if look.width > time + 12 {
        line = line.cut(look.width - time - 1, look.ascii);
        line.pad(look.width - time);
        line.push(Paint::Hint, scene.time);
    }
    line
}

fn footer(window: &Window, look: Look) -> Line {
    let Window { top, body, shown } = *window;
    let (dot, arrows, dash) = if look.ascii { (" - ", "up/down", "-") } else { (" · ", "↑↓", "–") };
    let mut text = "q quits".to_owned();
    if shown < body {
        let (first, last) = (top + 1, top + shown);
        text = format!("{text}{dot}{arrows} scroll{dot}{first}{dash}{last} of {body} lines");
    }
    Line::of(Paint::Hint, text)
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
