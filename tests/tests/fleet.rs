//! A fleet of one service, at a tenth: of 10,000 accounts with tokens of ten minutes for ten minutes, which
//! `cargo chaos` does, a thousand with tokens of a minute for a minute. The rate at which they are refreshed is the same
//! twenty a second, and the fill takes the same third of a life.

#![expect(clippy::print_stderr, reason = "the figures are for whoever looks at the run")]

use std::time::Duration;

use tokend_tests::fleet;

/// Keeps it, shows the figures, and fails with whatever is not as it should be.
#[track_caller]
fn keep(accounts: usize, lifetime: Duration, duration: Duration) {
    let report = fleet::run(accounts, lifetime, duration);
    eprintln!("{report}");
    let complaints = report.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}\n{report}");
}

#[test]
fn a_thousand_accounts_begin_at_a_pace_and_are_not_refreshed_together() {
    let minute = Duration::from_secs(60);
    keep(1000, minute, minute);
}

#[test]
#[ignore = "takes ten minutes: `cargo chaos` does it"]
fn ten_thousand_accounts_of_ten_minutes_for_ten_minutes() {
    let ten_minutes = Duration::from_secs(600);
    keep(10_000, ten_minutes, ten_minutes);
}
