//! Findings for a person: what is good in a line, what is bad with what to do.

use std::fmt::Write;
use std::io::IsTerminal;

use tokend_client::Finding;
use tokend_proto::finding::State;

use super::super::arguments::Manner;
use super::super::cells;
use super::super::complaint::printable;
use super::super::table::Look;
use super::super::{output, platform};

/// That it is being looked, while it is, at the terminal.
#[derive(Debug)]
pub(super) struct Notice {
    is_shown: bool,
}

impl Notice {
    pub(super) fn begin(manner: Manner) -> Self {
        let is_shown = !manner.json && std::io::stderr().is_terminal() && !is_dumb();
        if is_shown {
            output::tell("Looking…");
        }
        Self { is_shown }
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        if self.is_shown {
            // ECMA-48: the line is empty again.
            output::tell("\r\x1b[K");
        }
    }
}

fn is_dumb() -> bool {
    !platform::terminal_can_draw() || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// All of it, as this terminal or pipe can show it.
pub(super) fn text(found: &[Finding]) -> String {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let look = platform::terminal_width().map(|width| Look {
        width,
        colour: !is_dumb() && !set("NO_COLOR"),
        ascii: is_dumb(),
    });
    shown(found, look)
}

/// As wide as the longest word for a check.
const CHECK: usize = 13;

/// A line a finding, words in the place of signs where that is no terminal.
fn shown(found: &[Finding], look: Option<Look>) -> String {
    let mut text = String::new();
    for line in lines(found) {
        let mark = mark(&line.state, look);
        let head = format!("{mark} {:CHECK$}  ", line.check);
        let indent = head.chars().count();
        let width = look.map(|look| look.width.saturating_sub(indent).max(24));
        let colour = look.is_some_and(|look| look.colour);
        for (number, part) in wrapped(&line.message, width).into_iter().enumerate() {
            let (before, paint) =
                if number == 0 { (head.clone(), true) } else { (" ".repeat(indent), false) };
            if paint {
                let signed = paint_of(&line.state, &mark, colour);
                let _ = writeln!(text, "{signed}{}{part}", &before[mark.len()..]);
            } else {
                let _ = writeln!(text, "{before}{part}");
            }
        }
        if !line.hint.is_empty() {
            for part in wrapped(&format!("hint: {}", line.hint), width) {
                let part = if colour { format!("\x1b[2m{part}\x1b[0m") } else { part };
                let _ = writeln!(text, "{}{part}", " ".repeat(indent));
            }
        }
    }
    let _ = writeln!(text, "\n{}", summary(found));
    text
}

fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    width.map_or_else(|| vec![text.to_owned()], |width| cells::wrap(text, width))
}

fn mark(state: &str, look: Option<Look>) -> String {
    let signs = match look {
        None => return format!("{state:7}"),
        Some(look) if look.ascii => ["+", "!", "X", "-"],
        Some(_) => ["✓", "!", "✗", "–"],
    };
    let sign = match state {
        "ok" => signs[0],
        "warning" => signs[1],
        "skipped" => signs[3],
        _ => signs[2],
    };
    sign.to_owned()
}

/// The text in the colour of the state (ECMA-48's SGR).
fn paint_of(state: &str, text: &str, colour: bool) -> String {
    if !colour {
        return text.to_owned();
    }
    let code = match state {
        "ok" => "32",
        "warning" => "33",
        "skipped" => "2",
        _ => "1;31",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// A finding, or the good ones of several accounts.
struct Line {
    state: String,
    check: String,
    message: String,
    hint: String,
}

fn lines(found: &[Finding]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut rest = found;
    while let Some((first, more)) = rest.split_first() {
        let is_alike = |it: &Finding| it.is_in(State::Ok) && it.check == first.check && it.account.is_some();
        let alike = if is_alike(first) { 1 + more.iter().take_while(|it| is_alike(it)).count() } else { 1 };
        let (these, others) = rest.split_at(alike);
        lines.push(if alike == 1 { one(first) } else { several(these) });
        rest = others;
    }
    lines
}

fn one(it: &Finding) -> Line {
    let message = printable(&it.message);
    let message = match &it.account {
        Some(account) if !names(&message, account) => format!("{}: {message}", printable(account)),
        _ => message,
    };
    Line { state: printable(&it.state), check: printable(&it.check), message, hint: printable(&it.hint) }
}

/// Whether a word of the message is the account's name.
fn names(message: &str, account: &str) -> bool {
    let ends = |c: char| c.is_whitespace() || "`'\",:;()".contains(c);
    message.split(ends).any(|word| word == account)
}

fn several(these: &[Finding]) -> Line {
    /// More accounts are only counted.
    const NAMED: usize = 6;
    let names: Vec<_> = these.iter().filter_map(|it| it.account.as_deref()).map(printable).collect();
    let who = if names.len() > NAMED { format!("{} accounts", names.len()) } else { names.join(", ") };
    let check = these.first().map(|it| printable(&it.check)).unwrap_or_default();
    let how = match check.as_str() {
        "service" => "their services answer",
        "secret" => "their secrets are where they should be",
        _ => "as they should be",
    };
    Line { state: State::Ok.word().to_owned(), check, message: format!("{who}: {how}"), hint: String::new() }
}

fn summary(found: &[Finding]) -> String {
    let count = |state| found.iter().filter(|it| it.is_in(state)).count();
    let words = |number, one: &str, several: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {several}"),
    };
    let warnings = words(count(State::Warning), "warning", "warnings");
    match (count(State::Fault), count(State::Warning)) {
        (0, 0) => "Nothing is wrong.".to_owned(),
        (0, _) => format!("Nothing is broken; {warnings}."),
        (faults, 0) => format!("{}.", words(faults, "fault", "faults")),
        (faults, _) => format!("{}, {warnings}.", words(faults, "fault", "faults")),
    }
}

#[cfg(test)]
mod tests {
    use tokend_proto::finding;

    use super::*;

    fn findings() -> Vec<Finding> {
        vec![
            finding::SOCKET_ANSWERS.found("tokend 0.1.0 answers", ""),
            finding::ACCOUNT_WELL.found("fresh, 59m left", "").of("a"),
            finding::ACCOUNT_WELL.found("fresh, 3m left", "").of("b"),
            finding::ACCOUNT_PARKED.found("c: refused", "`tok refresh c`").of("c"),
            finding::STORE_NO_PASSPHRASE.found("no\x1b[2J passphrase", "`tok init --change-passphrase`"),
            finding::UNIT_NO_SYSTEMD.found("no systemd", ""),
        ]
    }

    #[test]
    fn a_pipe_gets_words_and_nothing_is_cut() {
        assert_eq!(
            shown(&findings(), None),
            "ok      socket         tokend 0.1.0 answers\n\
             ok      account        a, b: as they should be\n\
             fault   account        c: refused\n\
             \x20                      hint: `tok refresh c`\n\
             warning store          no[2J passphrase\n\
             \x20                      hint: `tok init --change-passphrase`\n\
             skipped unit           no systemd\n\
             \n1 fault, 1 warning.\n"
        );
    }

    #[test]
    fn a_terminal_gets_signs_within_its_width_and_colours_only_where_it_takes_them() {
        let look = Look { width: 44, colour: false, ascii: true };
        let plain = shown(&findings(), Some(look));
        assert!(plain.starts_with("+ socket         tokend 0.1.0 answers\n"), "{plain}");
        assert!(plain.contains("X account        c: refused\n"), "{plain}");
        assert!(plain.is_ascii() && plain.lines().all(|line| line.len() <= 44), "{plain}");
        let coloured = shown(&findings(), Some(Look { width: 80, colour: true, ascii: false }));
        assert!(coloured.starts_with("\x1b[32m✓\x1b[0m socket "), "{coloured}");
        assert!(coloured.contains("\x1b[1;31m✗\x1b[0m account"), "{coloured}");
    }

    #[test]
    fn the_end_says_how_it_is() {
        let of = |sorts: &[&finding::Sort]| {
            summary(&sorts.iter().map(|sort| sort.found("", "")).collect::<Vec<_>>())
        };
        assert_eq!(of(&[&finding::SOCKET_ANSWERS]), "Nothing is wrong.");
        assert_eq!(of(&[&finding::STORE_NO_PASSPHRASE]), "Nothing is broken; 1 warning.");
        assert_eq!(of(&[&finding::STORE_OPEN, &finding::DNS_UNKNOWN_NAME]), "2 faults.");
    }
}
