//! What a person sees, on screens of several sizes.

use super::super::super::table::tests::{alive, failed, several};
use super::*;

const NOW: i64 = 1_700_000_000_000;

fn scene(accounts: Vec<AccountStatus>) -> Scene<'static> {
    Scene { version: "0.1.0", accounts, silence: None, now_ms: NOW, time: "14:03:21" }
}

fn shown(scene: &Scene<'_>, columns: usize, height: usize, window: &mut Window) -> String {
    let look = Look { width: columns, colour: false, ascii: false };
    let lines = frame(scene, look, height, window);
    assert!(lines.len() <= height, "{} lines of {height}", lines.len());
    for line in &lines {
        assert!(line.width() <= columns, "{columns}: {line:?}");
    }
    lines.iter().map(|line| line.text(false) + "\n").collect()
}

fn many(count: usize) -> Vec<AccountStatus> {
    (0..count).map(|number| alive(&format!("account-{number:03}"), 60, 120, 30)).collect()
}

#[test]
fn trouble_comes_first_and_the_screen_is_filled() {
    let expected = "\
tokend 0.1.0 · 5 accounts: 1 login-needed, 1 parked, 2 fresh, 1 idle    14:03:21
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

q quits
";
    let text = shown(&scene(several()), 80, 13, &mut Window::default());
    assert_eq!(text, expected, "\n{text}");
    let mut reversed = several();
    reversed.reverse();
    let text = shown(&scene(reversed), 80, 13, &mut Window::default());
    assert!(
        text.find("graph") < text.find("lyve-prod") && text.find("gen1") < text.find("static"),
        "\n{text}"
    );
}

#[test]
fn colour_is_the_only_difference_that_colour_makes() {
    let scene = scene(several());
    let look = |colour| Look { width: 120, colour, ascii: false };
    let lines = frame(&scene, look(true), 24, &mut Window::default());
    let coloured: String = lines.iter().map(|line| line.text(true) + "\n").collect();
    for code in ["1", "2", "31", "32"] {
        assert!(coloured.contains(&format!("\x1b[{code}m")), "{code} in {coloured:?}");
    }
    let bare: String = lines.iter().map(|line| line.text(false) + "\n").collect();
    assert!(!bare.contains('\x1b'));
    assert_eq!(frame(&scene, look(false), 24, &mut Window::default()), lines);
}

#[test]
fn every_size_is_filled_and_none_overflows() {
    let mut accounts = many(40);
    accounts.push(failed("日本", "waiting", &"日本語の文 e\u{301}".repeat(20), "もう一度"));
    for silence in [None, Some("tokend has not answered for 12s; trying again".to_owned())] {
        let scene = Scene { silence, ..scene(accounts.clone()) };
        for columns in [1, 2, 5, 20, 33, 59, 80, 120, 300] {
            for height in [1, 2, 3, 5, 7, 24, 200] {
                let text = shown(&scene, columns, height, &mut Window::default());
                assert_eq!(text.lines().count(), height.min(text.lines().count()), "{columns} {height}");
            }
        }
    }
}

#[test]
fn a_small_screen_shows_names_and_states() {
    let text = shown(&scene(several()), 20, 5, &mut Window::default());
    let expected = "\
tokend 0.1.0 · 5 ac…
gen… parked
 itsyou.online
 refused the
q quits · ↑↓ scroll…
";
    assert!(text.starts_with("tokend 0.1.0 ·"), "\n{text}");
    assert!(
        text.lines().nth(1).is_some_and(|line| line.starts_with("gen") && line.contains("parked")),
        "\n{text}"
    );
    assert_eq!(text.lines().count(), expected.lines().count(), "\n{text}");
    assert!(text.lines().last().is_some_and(|line| line.starts_with("q quits")), "\n{text}");
}

#[test]
fn what_does_not_fit_is_scrolled_to() {
    let scene = scene(many(50));
    let mut window = Window::default();
    let first = |text: &str| text.lines().nth(2).unwrap_or_default()[..11].to_owned();
    let mut after = |by: Option<Scroll>, height| {
        if let Some(by) = by {
            window.scroll(by);
        }
        shown(&scene, 80, height, &mut window)
    };
    let text = after(None, 13);
    assert_eq!(first(&text), "account-000");
    assert!(text.ends_with("q quits · ↑↓ scroll · 1–10 of 50 lines\n"), "\n{text}");
    for (by, expected) in [
        (Scroll::Up, "account-000"),
        (Scroll::Down, "account-001"),
        (Scroll::PageDown, "account-010"),
        (Scroll::PageUp, "account-001"),
        (Scroll::End, "account-040"),
        (Scroll::Down, "account-040"),
        (Scroll::PageDown, "account-040"),
        (Scroll::Up, "account-039"),
        (Scroll::Home, "account-000"),
        (Scroll::End, "account-040"),
    ] {
        assert_eq!(first(&after(Some(by), 13)), expected, "{by:?}");
    }
    // A larger screen shows no void below the last line.
    assert_eq!(first(&after(None, 33)), "account-020");
    let text = after(None, 100);
    assert_eq!(first(&text), "account-000");
    assert!(text.ends_with("q quits\n"), "\n{text}");
}

#[test]
fn a_daemon_that_is_silent_is_shown_above_what_was_known() {
    let silence = Some("tokend has not answered for 12s; trying again".to_owned());
    let text = shown(&Scene { silence, ..scene(several()) }, 80, 13, &mut Window::default());
    assert!(text.starts_with("tokend has not answered for 12s; trying again    "), "\n{text}");
    assert!(text.contains("lyve-prod  fresh"), "\n{text}");
    let text = shown(&scene(Vec::new()), 80, 13, &mut Window::default());
    assert!(text.contains("no accounts yet"), "\n{text}");
}
