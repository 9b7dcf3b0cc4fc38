//! The table of `tok status`: a pure function of the accounts, the time and the terminal.

use std::fmt::Write;
use std::time::Duration;

use tokend_client::{AccountStatus, ClockSkew, LastError};

use super::cells::{Line, Paint, cut, pad, width, wrap};
use super::complaint::printable;
use super::{span, summary};

/// What the terminal can show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Its columns.
    pub(crate) width: usize,
    /// Whether it takes colours.
    pub(crate) colour: bool,
    /// Whether it shows nothing beyond ASCII.
    pub(crate) ascii: bool,
}

const GAP: &str = "  ";
const INDENT: &str = "    ";
/// From this width on there is room for the accounts' types.
const WIDE: usize = 100;
const SHORTEST_BAR: usize = 6;
const LONGEST_BAR: usize = 24;
const SHORTEST_NAME: usize = 12;
/// A name is cut to no less, however narrow the terminal is.
const SHORTEST: usize = 4;
/// Below this width nothing is set in by much.
const NARROW: usize = 40;
/// Clocks that differ by no more are right enough, and the difference is not known any better.
const SKEW: u64 = 5;

/// Columns for a script: no colour, no bar, nothing cut.
pub(crate) fn plain(accounts: &[AccountStatus], now_ms: i64) -> String {
    let rows: Vec<Row> = accounts.iter().map(|account| Row::new(account, now_ms, "-")).collect();
    let columns: [(&str, Column); 3] =
        [("ACCOUNT", |row| &row.name), ("STATE", |row| &row.state), ("LIFE LEFT", |row| &row.life)];
    let widths = columns.map(|(title, column)| widest(&rows, title, column));
    let mut text = String::new();
    line(&mut text, columns.map(|(title, _)| title), widths, "NEXT REFRESH");
    for row in &rows {
        line(&mut text, columns.map(|(_, column)| column(row).as_str()), widths, &row.next);
        for trouble in &row.trouble {
            let _ = writeln!(text, "{INDENT}{}", trouble.text);
        }
    }
    text
}

fn line<const N: usize>(text: &mut String, cells: [&str; N], widths: [usize; N], last: &str) {
    for (cell, width) in cells.iter().zip(widths) {
        let _ = write!(text, "{cell:width$}{GAP}");
    }
    let _ = writeln!(text, "{last}");
}

/// A table for a person: its title, and what stands below it.
#[derive(Debug)]
pub(crate) struct Table {
    /// What the columns are.
    pub(crate) title: Line,
    /// States in colour, the life left as a bar, what went wrong below its account.
    pub(crate) body: Vec<Line>,
}

/// The table as text, with a summary where there are several accounts.
pub(crate) fn for_terminal(accounts: &[AccountStatus], now_ms: i64, look: Look) -> String {
    let Table { title, body } = table(accounts, now_ms, look);
    let mut text = title.text(look.colour) + "\n";
    for line in body {
        text += &line.text(look.colour);
        text.push('\n');
    }
    if accounts.len() > 1 {
        text.push('\n');
        for line in wrap(&summary::with_names(accounts), look.width.max(20)) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// The table in lines of the terminal's width.
pub(crate) fn table(accounts: &[AccountStatus], now_ms: i64, look: Look) -> Table {
    let none = if look.ascii { "-" } else { "–" };
    let rows: Vec<Row> = accounts.iter().map(|account| Row::new(account, now_ms, none)).collect();
    let layout = Layout::new(&rows, look);
    let mut body = Vec::new();
    for row in &rows {
        let paint = Paint::of_state(&row.state);
        body.push(layout.line(row, Some(paint)));
        let indent = if look.width < NARROW { " " } else { INDENT };
        for trouble in &row.trouble {
            let paint = if trouble.is_hint { Paint::Hint } else { paint };
            for words in wrap(&trouble.text, look.width.saturating_sub(indent.len()).max(10)) {
                let mut line = Line::of(Paint::Plain, indent);
                line.push(paint, words);
                body.push(line.cut(look.width, look.ascii));
            }
        }
    }
    Table { title: layout.line(&Row::titles(), None), body }
}

type Column = fn(&Row) -> &String;

/// An account in words.
struct Row {
    name: String,
    kind: String,
    state: String,
    /// What is left of the token's life, from 0 to 1.
    share: Option<f64>,
    life: String,
    next: String,
    trouble: Vec<Trouble>,
}

/// A line below the account.
struct Trouble {
    text: String,
    is_hint: bool,
}

impl Row {
    fn new(account: &AccountStatus, now_ms: i64, none: &str) -> Self {
        let life = match account.expires_in_ms {
            Some(0) => "expired".to_owned(),
            Some(left) => span::words(Duration::from_millis(left)),
            None if account.refreshed_at_ms.is_some() => "unknown".to_owned(),
            None => none.to_owned(),
        };
        let next = match account.next_refresh_at_ms {
            _ if account.state == "refreshing" => "under way".to_owned(),
            Some(at) if at < now_ms + 1000 => "now".to_owned(),
            Some(at) => format!("in {}", span::words(Duration::from_millis(at.abs_diff(now_ms)))),
            None => none.to_owned(),
        };
        Self {
            name: printable(&account.account),
            kind: printable(&account.account_type),
            state: printable(&account.state),
            share: share(account.expires_in_ms, account.lifetime_ms),
            life,
            next,
            trouble: trouble(account, now_ms),
        }
    }

    fn titles() -> Self {
        Self {
            name: "ACCOUNT".to_owned(),
            kind: "TYPE".to_owned(),
            state: "STATE".to_owned(),
            share: None,
            life: "LIFE LEFT".to_owned(),
            next: "NEXT REFRESH".to_owned(),
            trouble: Vec::new(),
        }
    }
}

fn trouble(account: &AccountStatus, now_ms: i64) -> Vec<Trouble> {
    let mut lines: Vec<_> =
        account.last_error.as_ref().map(|error| failure(error, now_ms)).into_iter().flatten().collect();
    // Nothing need have gone wrong: somebody locked, and what went wrong before is not what keeps the token away.
    if account.state == "locked" && !lines.iter().any(|line| line.text.contains("tok unlock")) {
        lines.push(Trouble { text: "hint: `tok unlock`".to_owned(), is_hint: true });
    }
    if account.state == "login-needed" && !lines.iter().any(|line| line.text.contains("tok login")) {
        let text = format!("hint: `tok login {}`", printable(&account.account));
        lines.push(Trouble { text, is_hint: true });
    }
    lines.extend(account.login_ends_at_ms.map(|at| end_of_login(at, now_ms)));
    lines.extend(account.clock_skew.as_ref().and_then(skew));
    lines
}

/// How much of the term is left that a person gave the login.
fn end_of_login(at_ms: i64, now_ms: i64) -> Trouble {
    let text = match u64::try_from(at_ms.saturating_sub(now_ms)).map(Duration::from_millis) {
        Ok(left) if left.as_secs() > 0 => format!("login ends in {}", span::words(left)),
        _ => "the login's term is over".to_owned(),
    };
    Trouble { text, is_hint: true }
}

/// That this machine's clock, or the service's, is wrong.
fn skew(skew: &ClockSkew) -> Option<Trouble> {
    let seconds = span::whole_seconds(skew.ahead_ms);
    if seconds.unsigned_abs() <= SKEW {
        return None;
    }
    let by = span::words(Duration::from_secs(seconds.unsigned_abs()));
    let side = if seconds > 0 { "ahead of" } else { "behind" };
    let text = format!("this machine's clock is {by} {side} {}'s", printable(&skew.host));
    Some(Trouble { text, is_hint: true })
}

/// What went wrong last, and what to do about it.
fn failure(error: &LastError, now_ms: i64) -> Vec<Trouble> {
    let ago = match u64::try_from(now_ms.saturating_sub(error.at_ms)).map(Duration::from_millis) {
        Ok(ago) if ago.as_secs() > 0 => format!("{} ago", span::words(ago)),
        _ => "just now".to_owned(),
    };
    let mut lines = vec![Trouble { text: format!("{} ({ago})", printable(&error.message)), is_hint: false }];
    let hint = printable(&error.hint);
    if !hint.is_empty() {
        lines.push(Trouble { text: format!("hint: {hint}"), is_hint: true });
    }
    lines
}

#[expect(clippy::cast_precision_loss, reason = "a bar of a few columns needs no more digits")]
fn share(left_ms: Option<u64>, whole_ms: Option<u64>) -> Option<f64> {
    let whole = whole_ms.filter(|whole| *whole > 0)?;
    Some((left_ms? as f64 / whole as f64).min(1.0))
}

/// The columns' widths on this terminal.
struct Layout {
    look: Look,
    name: usize,
    /// Nothing where there is no room.
    kind: Option<usize>,
    state: usize,
    /// Nothing where there is no room, or no life is known.
    bar: Option<usize>,
    /// Nothing where there is no room.
    life: Option<usize>,
    /// Nothing where there is no room.
    next: bool,
}

impl Layout {
    fn new(rows: &[Row], look: Look) -> Self {
        let longest_name = widest(rows, "ACCOUNT", |row| &row.name);
        let state = widest(rows, "STATE", |row| &row.state);
        let life = widest(rows, "", |row| &row.life);
        let life_or_title = life.max("LIFE LEFT".len());
        let next = widest(rows, "NEXT REFRESH", |row| &row.next);
        let kind = (look.width >= WIDE).then(|| widest(rows, "TYPE", |row| &row.kind).min(20));
        // What comes last goes first where a name has no room beside it.
        let least = longest_name.min(SHORTEST_NAME) + kind.map_or(0, |kind| kind + GAP.len());
        let with_state = least + GAP.len() + state;
        let with_life = with_state + GAP.len() + life_or_title;
        let has_life = with_life <= look.width;
        let has_next = has_life && with_life + GAP.len() + next <= look.width;
        let mut fixed = GAP.len() + state + kind.map_or(0, |kind| kind + GAP.len());
        if has_life {
            fixed += GAP.len() + life_or_title;
        }
        if has_next {
            fixed += GAP.len() + next;
        }
        let room = look.width.saturating_sub(fixed);
        let with_bar =
            has_life && rows.iter().any(|row| row.share.is_some()) && room > SHORTEST_NAME + SHORTEST_BAR;
        let name = longest_name.min(if with_bar { room - SHORTEST_BAR - 1 } else { room.max(SHORTEST) });
        // The bar stands under the same title as the words after it.
        let spare = (room + life_or_title).saturating_sub(name + life + 1);
        let bar = with_bar.then(|| spare.clamp(SHORTEST_BAR, LONGEST_BAR));
        let life = has_life.then_some(if bar.is_some() { life } else { life_or_title });
        Self { look, name, kind, state, bar, life, next: has_next }
    }

    /// A row; without a paint for its state it is the title.
    fn line(&self, row: &Row, paint: Option<Paint>) -> Line {
        let Self { look, name, state, .. } = *self;
        let base = if paint.is_none() { Paint::Title } else { Paint::Plain };
        let mut line = Line::of(base, pad(&cut(&row.name, name, look.ascii), name));
        if let Some(kind) = self.kind {
            line.push(base, GAP.to_owned() + &pad(&cut(&row.kind, kind, look.ascii), kind));
        }
        line.push(base, GAP);
        line.push(paint.unwrap_or(base), row.state.clone());
        line.push(base, pad("", state.saturating_sub(width(&row.state))));
        if let Some(life) = self.life {
            line.push(base, GAP);
            match (row.share, self.bar, paint) {
                (Some(share), Some(cells), Some(paint)) => {
                    let (full, empty) = bar(share, cells, look.ascii);
                    line.push(paint, full);
                    line.push(Paint::Hint, empty);
                    line.push(base, format!(" {}", pad(&row.life, life)));
                }
                (_, bar, _) => line.push(base, pad(&row.life, life + bar.map_or(0, |bar| bar + 1))),
            }
        }
        if self.next {
            line.push(base, format!("{GAP}{}", row.next));
        }
        line.cut(look.width, look.ascii)
    }
}

/// The full part of a bar and the empty one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share from 0 to 1 of a few columns"
)]
fn bar(share: f64, width: usize, ascii: bool) -> (String, String) {
    let full = ((share * width as f64).round() as usize).min(width);
    let (filled, blank) = if ascii { ("#", ".") } else { ("█", "░") };
    (filled.repeat(full), blank.repeat(width - full))
}

fn widest(rows: &[Row], title: &str, column: Column) -> usize {
    rows.iter().map(|row| width(column(row))).chain([title.len()]).max().unwrap_or(0)
}

#[cfg(test)]
#[path = "table_tests.rs"]
pub(super) mod tests;
