//! What a person sees of a login: lines that stay, and below them one that says what is waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::super::complaint::Complaint;
use super::super::{clock, output, platform, span};
use super::qr::Ink;

/// How often the last line counts down.
const TICK: Duration = Duration::from_secs(1);

/// Standard error. On a terminal the last line is rewritten in its place; elsewhere each line stays.
pub(super) struct Screen {
    state: Mutex<State>,
    is_live: bool,
    /// How QR codes are drawn; nothing where they are not.
    pub(super) ink: Option<Ink>,
    is_bold: bool,
}

#[derive(Default)]
struct State {
    waiting: Option<Waiting>,
    has_ended: bool,
}

struct Waiting {
    message: String,
    until: Option<Instant>,
}

impl Screen {
    /// The one of this process.
    pub(super) fn new() -> Arc<Self> {
        let set = |name| std::env::var(name).unwrap_or_default();
        let term = set("TERM");
        let is_live = platform::error_terminal_size().is_some() && term != "dumb";
        let no_colour = !set("NO_COLOR").is_empty();
        let ink = Ink::of_terminal(&term, !set("COLORTERM").is_empty(), no_colour);
        let ink = is_live.then_some(ink);
        let screen = Arc::new(Self { state: Mutex::default(), is_live, ink, is_bold: is_live && !no_colour });
        if is_live {
            count_down(Arc::downgrade(&screen));
        }
        screen
    }

    /// Its columns and lines, where it is a terminal that can do more than print.
    pub(super) fn size(&self) -> Option<(usize, usize)> {
        platform::error_terminal_size().filter(|_| self.is_live)
    }

    /// The text, so that it stands out.
    pub(super) fn bold(&self, text: &str) -> String {
        if self.is_bold { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A sentence of several words, as lines of the terminal's width that break between words; with its end.
    pub(super) fn sentence(&self, text: &str) -> String {
        lines_of(text, self.size().map(|(columns, _)| columns)) + "\n"
    }

    /// An error of two lines, broken so too.
    pub(super) fn complain(&self, complaint: &Complaint) {
        self.say(&complaint.lines().lines().map(|line| self.sentence(line)).collect::<String>());
    }

    /// Lines that stay, each with its end.
    pub(super) fn say(&self, lines: &str) {
        let state = self.state();
        output::tell(&format!("{}{lines}{}", self.wiped(&state), self.drawn(&state)));
    }

    /// From here on, this is what is waited for, and how long it is good for.
    pub(super) fn wait_for(&self, message: String, good_for: Option<Duration>) {
        let mut state = self.state();
        let wiped = self.wiped(&state);
        let until = good_for.and_then(|good_for| clock::now().checked_add(good_for));
        let waiting = Waiting { message, until };
        let text = if self.is_live { String::new() } else { waiting.text() + "\n" };
        state.waiting = Some(waiting);
        output::tell(&format!("{wiped}{text}{}", self.drawn(&state)));
    }

    /// Nothing is waited for any more.
    pub(super) fn end(&self) {
        let mut state = self.state();
        let wiped = self.wiped(&state);
        *state = State { waiting: None, has_ended: true };
        if !wiped.is_empty() {
            output::tell(wiped);
        }
    }

    fn tick(&self) -> bool {
        let state = self.state();
        if state.waiting.as_ref().is_some_and(|waiting| waiting.until.is_some()) {
            output::tell(&format!("{}{}", self.wiped(&state), self.drawn(&state)));
        }
        !state.has_ended
    }

    /// What takes the last line away (ECMA-48's EL).
    fn wiped(&self, state: &State) -> &'static str {
        if self.is_live && state.waiting.is_some() { "\r\x1b[K" } else { "" }
    }

    /// The last line, in one row of the terminal: one that wraps could not be taken away.
    fn drawn(&self, state: &State) -> String {
        match (&state.waiting, self.size()) {
            (Some(waiting), Some((columns, _))) => waiting.text_within(columns.saturating_sub(1)),
            _ => String::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn text(&self) -> String {
        format!("{}{}", self.message, self.left())
    }

    /// In so many columns: what is cut off is of the words, not of the time that is left.
    fn text_within(&self, columns: usize) -> String {
        let left = self.left();
        let room = columns.saturating_sub(left.chars().count());
        if self.message.chars().count() <= room {
            return self.message.clone() + &left;
        }
        let message = self.message.chars().take(room.saturating_sub(1)).chain(['…']);
        message.chain(left.chars()).take(columns).collect()
    }

    fn left(&self) -> String {
        let left = self.until.map(|until| until.saturating_duration_since(clock::now()));
        match left {
            // Rounded up: what was just told to last 15 minutes is not shown with a second less.
            Some(left) if !left.is_zero() => {
                let left = Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0));
                format!(" ({} left)", span::words(left))
            }
            _ => String::new(),
        }
    }
}

/// The text in lines of at most so many columns, where it can be broken between words.
fn lines_of(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return text.to_owned() };
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let wants = word.chars().count();
        if length > 0 && length + 1 + wants > columns {
            lines.push('\n');
            length = 0;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += wants;
    }
    lines
}

/// Until the screen is gone. Without a thread the line stands still.
fn count_down(screen: Weak<Screen>) {
    let count = move || {
        loop {
            thread::sleep(TICK);
            if !screen.upgrade().is_some_and(|screen| screen.tick()) {
                return;
            }
        }
    };
    let _ = thread::Builder::new().name("countdown".to_owned()).spawn(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_left_is_never_cut_off() {
        let waiting = |message: &str, left| Waiting {
            message: message.to_owned(),
            // So long that hardly a word of it changes while this test runs.
            until: clock::now().checked_add(Duration::from_secs(left)),
        };
        let cut = waiting("waiting for what has many words", 0);
        assert_eq!(cut.text_within(80), "waiting for what has many words");
        assert_eq!(cut.text_within(12), "waiting for…");
        for columns in 0..100 {
            let text = waiting("waiting for what has many words", 36_000).text_within(columns);
            assert!(text.chars().count() <= columns, "{text}");
            assert!(columns < 20 || text.ends_with(" left)"), "{text}");
            assert!(columns < 60 || text.starts_with("waiting for what has many words ("), "{text}");
        }
    }

    #[test]
    fn sentences_break_between_words() {
        assert_eq!(lines_of("one two three", None), "one two three");
        assert_eq!(lines_of("one two three", Some(13)), "one two three");
        assert_eq!(lines_of("one two three", Some(12)), "one two\nthree");
        assert_eq!(lines_of("one two three", Some(3)), "one\ntwo\nthree");
        assert_eq!(lines_of("see https://a.example/x now", Some(8)), "see\nhttps://a.example/x\nnow");
    }
}
