//! The line that `systemctl status` shows.

use std::time::{Duration, SystemTime};

use crate::account::{Registry, State};
use crate::clock::{Moment, Steady, Wall};

/// The line is made anew at most this often.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// How the accounts are, in one line. The time is one of the wall, so that the line stays true while nothing changes.
pub(super) fn line(registry: &Registry, now: Moment) -> String {
    let mut counts = [0_usize; ORDER.len()];
    let mut next: Option<Steady> = None;
    for account in registry.values() {
        let snapshot = account.shared.snapshot();
        if let Some(index) = ORDER.iter().position(|state| *state == snapshot.state) {
            counts[index] += 1;
        }
        next = [next, snapshot.next_refresh].into_iter().flatten().min();
    }
    let next = next.map(|next| now.wall.after(now.steady.until(next)));
    words(registry.len(), counts, next)
}

/// The order in which they are told.
const ORDER: [State; 7] = [
    State::Fresh,
    State::Refreshing,
    State::Idle,
    State::Waiting,
    State::Parked,
    State::LoginNeeded,
    State::Locked,
];

fn words(accounts: usize, counts: [usize; ORDER.len()], next: Option<Wall>) -> String {
    if accounts == 0 {
        return "no accounts are configured".to_owned();
    }
    let parts: Vec<String> = ORDER
        .into_iter()
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {}", word(state, count)))
        .collect();
    let noun = if accounts == 1 { "account" } else { "accounts" };
    let next = next.map(clock_time).map_or_else(String::new, |time| format!("; next refresh at {time}"));
    format!("{accounts} {noun}: {}{next}", parts.join(", "))
}

fn word(state: State, count: usize) -> &'static str {
    match (state, count) {
        (State::LoginNeeded, 1) => "needs a login",
        (State::LoginNeeded, _) => "need a login",
        _ => state.as_str(),
    }
}

/// With its day, since a refresh may be further away than midnight.
fn clock_time(wall: Wall) -> String {
    let since = Duration::from_millis(u64::try_from(wall.0).unwrap_or(0));
    let text = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string();
    text.replace('T', " ").replace('Z', " UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_many_are_how_and_what_comes_next() {
        let next = Some(Wall(1_790_000_000_000));
        assert_eq!(
            words(12, [10, 0, 0, 1, 0, 1, 0], next),
            "12 accounts: 10 fresh, 1 waiting, 1 needs a login; next refresh at 2026-09-21 14:13:20 UTC"
        );
        assert_eq!(words(1, [0, 0, 0, 0, 0, 0, 1], None), "1 account: 1 locked");
        assert_eq!(words(2, [0, 0, 0, 0, 0, 2, 0], None), "2 accounts: 2 need a login");
        assert_eq!(words(0, [0; 7], None), "no accounts are configured");
    }
}
