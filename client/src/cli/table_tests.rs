//! What the table looks like on terminals of several widths, and in a pipe.

use tokend_client::{AccountStatus, Code};
use tokend_proto::List;

use super::*;

const NOW: i64 = 1_700_000_000_000;

pub(in crate::cli) fn account(name: &str, state: &str) -> AccountStatus {
    AccountStatus {
        account: name.to_owned(),
        account_type: "static".to_owned(),
        state: state.to_owned(),
        expires_at_ms: None,
        expires_in_ms: None,
        lifetime_ms: None,
        next_refresh_at_ms: None,
        refreshed_at_ms: None,
        served: 0,
        last_error: None,
        warnings: List::default(),
        clock_skew: None,
        login_ends_at_ms: None,
    }
}

pub(in crate::cli) fn alive(name: &str, left_s: u64, whole_s: u64, next_s: i64) -> AccountStatus {
    AccountStatus {
        account_type: "lyve-cloud".to_owned(),
        expires_in_ms: Some(left_s * 1000),
        lifetime_ms: Some(whole_s * 1000),
        refreshed_at_ms: Some(NOW - 1000),
        next_refresh_at_ms: Some(NOW + next_s * 1000),
        ..account(name, "fresh")
    }
}

pub(in crate::cli) fn failed(name: &str, state: &str, message: &str, hint: &str) -> AccountStatus {
    let error = LastError {
        kind: "x".to_owned(),
        message: message.to_owned(),
        hint: hint.to_owned(),
        at_ms: NOW - 130_000,
        code: Code::REFUSED,
    };
    AccountStatus { last_error: Some(error), ..account(name, state) }
}

pub(in crate::cli) fn several() -> Vec<AccountStatus> {
    vec![
        failed(
            "gen1",
            "parked",
            "itsyou.online refused the client's secret",
            "change client_secret, then `tok reload`",
        ),
        failed("graph", "login-needed", "the refresh token was revoked", "tok login graph"),
        alive("lyve-prod", 65_520, 86_400, 63_000),
        AccountStatus { refreshed_at_ms: Some(NOW), ..account("static", "fresh") },
        account("unused", "idle"),
    ]
}

fn shown(accounts: &[AccountStatus], width: usize, colour: bool) -> String {
    for_terminal(accounts, NOW, Look { width, colour, ascii: false })
}

#[test]
fn the_term_of_a_login_and_who_needs_one_are_told() {
    let ends = |name, state, after_ms: i64| AccountStatus {
        login_ends_at_ms: Some(NOW + after_ms),
        ..account(name, state)
    };
    let accounts = [
        ends("a", "idle", 28_799_000),
        ends("b", "login-needed", -1),
        failed("c", "login-needed", "the login's term is over", "`tok login c`"),
    ];
    let expected = "\
ACCOUNT  STATE         LIFE LEFT  NEXT REFRESH
a        idle          -          -
    login ends in 7h 59m
b        login-needed  -          -
    hint: `tok login b`
    the login's term is over
c        login-needed  -          -
    the login's term is over (2m 10s ago)
    hint: `tok login c`
";
    assert_eq!(plain(&accounts, NOW), expected);
}

#[test]
fn who_is_locked_is_told_what_to_do_once() {
    let locked = [
        account("a", "locked"),
        failed("b", "locked", "tokend is locked", "`tok unlock`"),
        failed("c", "locked", "no route", "tokend tries again"),
    ];
    let expected = "\
ACCOUNT  STATE   LIFE LEFT  NEXT REFRESH
a        locked  -          -
    hint: `tok unlock`
b        locked  -          -
    tokend is locked (2m 10s ago)
    hint: `tok unlock`
c        locked  -          -
    no route (2m 10s ago)
    hint: tokend tries again
    hint: `tok unlock`
";
    assert_eq!(plain(&locked, NOW), expected);
}

#[test]
fn eighty_columns_hold_all_that_a_person_needs() {
    let expected = "\
ACCOUNT    STATE         LIFE LEFT                         NEXT REFRESH
gen1       parked        –                                 –
    itsyou.online refused the client's secret (2m 10s ago)
    hint: change client_secret, then `tok reload`
graph      login-needed  –                                 –
    the refresh token was revoked (2m 10s ago)
    hint: tok login graph
lyve-prod  fresh         ██████████████████░░░░░░ 18h 12m  in 17h 30m
static     fresh         unknown                           –
unused     idle          –                                 –

5 accounts: 1 login-needed (graph), 1 parked (gen1), 2 fresh, 1 idle
";
    let text = shown(&several(), 80, false);
    assert_eq!(text, expected, "\n{text}");
    assert!(text.lines().all(|line| width(line) <= 80));
}

#[test]
fn a_wide_terminal_shows_the_types_too() {
    let text = shown(&several(), 120, false);
    assert!(text.starts_with("ACCOUNT    TYPE        STATE         LIFE LEFT"), "\n{text}");
    assert!(
        text.contains("lyve-prod  lyve-cloud  fresh         ██████████████████░░░░░░ 18h 12m  in 17h 30m\n"),
        "\n{text}"
    );
    assert!(text.lines().all(|line| width(line) <= 120));
}

#[test]
fn colour_is_the_only_difference_that_colour_makes() {
    let coloured = shown(&several(), 80, true);
    assert!(coloured.contains("\x1b[32mfresh\x1b[0m"));
    assert!(coloured.contains("\x1b[31mparked\x1b[0m"));
    let mut bare = coloured;
    for code in ["0", "1", "2", "31", "32"] {
        bare = bare.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(bare, shown(&several(), 80, false));
}

#[test]
fn long_names_and_long_errors_stay_within_the_terminal() {
    let name = "a-very-long-name-that-somebody-gave-to-an-account-of-a-customer";
    let message = "word ".repeat(60) + &"x".repeat(200);
    let accounts = [AccountStatus {
        last_error: failed("", "", &message, "do it").last_error,
        ..alive(name, 60, 120, 30)
    }];
    for width in [60, 80, 100, 120, 200] {
        let text = shown(&accounts, width, false);
        assert!(text.lines().all(|line| super::width(line) <= width), "{width}\n{text}");
        assert!(text.contains("hint: do it"));
    }
    assert!(shown(&accounts, 80, false).contains("…  fresh  ███"));
    assert!(shown(&accounts, 200, false).contains(name));
    // Nothing of the message is lost.
    let words = shown(&accounts, 60, false).matches("word").count();
    assert_eq!(words, 60);
    // A terminal of no use breaks nothing.
    let _ = shown(&accounts, 1, false);
}

#[test]
fn a_dumb_terminal_gets_ascii() {
    let look = Look { width: 80, colour: false, ascii: true };
    let text = for_terminal(&several(), NOW, look);
    assert!(text.is_ascii(), "\n{text}");
    assert!(text.contains("##################...... 18h 12m"), "\n{text}");
}

#[test]
fn a_script_gets_columns_without_bars_or_colours() {
    let expected = "\
ACCOUNT    STATE         LIFE LEFT  NEXT REFRESH
gen1       parked        -          -
    itsyou.online refused the client's secret (2m 10s ago)
    hint: change client_secret, then `tok reload`
graph      login-needed  -          -
    the refresh token was revoked (2m 10s ago)
    hint: tok login graph
lyve-prod  fresh         18h 12m    in 17h 30m
static     fresh         unknown    -
unused     idle          -          -
";
    assert_eq!(plain(&several(), NOW), expected);
}

#[test]
fn due_under_way_and_dead_are_told() {
    let due = alive("a", 0, 10, -5);
    let busy = AccountStatus { state: "refreshing".to_owned(), ..alive("b", 5, 10, -5) };
    let text = plain(&[due, busy], NOW);
    assert!(text.contains("expired    now\n"), "\n{text}");
    assert!(text.contains("5s         under way\n"), "\n{text}");
}

#[test]
fn a_message_cannot_draw_on_the_screen() {
    let text = shown(&[failed("a", "waiting", "\x1b[2Jgone\r\n\u{202e}x", "")], 80, false);
    assert!(!text.contains('\x1b') && !text.contains('\u{202e}') && !text.contains('\r'));
}

#[test]
fn a_clock_that_is_wrong_is_told_below_its_account() {
    let skewed = |ahead_ms| AccountStatus {
        clock_skew: Some(ClockSkew { host: "login.example.com".to_owned(), ahead_ms }),
        login_ends_at_ms: None,
        ..alive("a", 60, 60, 60)
    };
    for (ahead_ms, told) in [
        (7_200_400, Some("    this machine's clock is 2h ahead of login.example.com's\n")),
        (-90_000, Some("    this machine's clock is 1m 30s behind login.example.com's\n")),
        (6000, Some("    this machine's clock is 6s ahead of login.example.com's\n")),
        (5400, None),
        (-5400, None),
        (0, None),
    ] {
        for text in [plain(&[skewed(ahead_ms)], NOW), shown(&[skewed(ahead_ms)], 80, false)] {
            let lines: String = text.split_inclusive('\n').skip(2).collect();
            assert_eq!(lines, told.unwrap_or_default(), "{ahead_ms}");
        }
    }
}
