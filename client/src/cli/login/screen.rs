//! What a person sees of a login: lines that stay, and below them one that says what is waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

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
            (Some(waiting), Some((columns, _))) => {
                waiting.text().chars().take(columns.saturating_sub(1)).collect()
            }
            _ => String::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn text(&self) -> String {
        let left = self.until.map(|until| until.saturating_duration_since(clock::now()));
        match left {
            // Rounded up: what was just told to last 15 minutes is not shown with a second less.
            Some(left) if !left.is_zero() => {
                let left = Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0));
                format!("{} ({} left)", self.message, span::words(left))
            }
            _ => self.message.clone(),
        }
    }
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
