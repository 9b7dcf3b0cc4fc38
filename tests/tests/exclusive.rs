//! A service where a new token kills the old one: `exclusive = true`.

use std::time::Duration;

use tokend_tests::accounts;
use tokend_tests::real_time::{let_pass, paced};
use tokend_tests::sandbox::{Sandbox, eventually};
use tokend_tests::stand_in::LyveCloud;

fn jealous(lifetime: u64) -> LyveCloud {
    LyveCloud::builder()
        .lifetime(Duration::from_secs(lifetime))
        .with(|lyve| lyve.one_at_a_time = true)
        .start()
}

#[test]
#[cfg_attr(not(has_timing), ignore = "times mean nothing where Windows is played by Wine")]
fn nobody_who_holds_its_token_loses_it_before_the_wish_needs_a_new_one() {
    let sandbox = Sandbox::new();
    let lyve = jealous(16);
    sandbox
        .configure(&(accounts::lyve_cloud(&sandbox, "one", &lyve) + "exclusive = true\nmin_valid = '2s'\n"));
    let shown = sandbox.command("tokend").arg("check").output().map(|output| output.stdout);
    let shown = String::from_utf8_lossy(&shown.unwrap_or_default()).into_owned();
    assert!(shown.contains("  a new token kills the old one"), "{shown}");
    let _daemon = sandbox.start();
    let first = sandbox.token("one");
    // Any other account would be refreshed after 12 s at the latest with such a wish. Callers of every kind come.
    let mut asked = 0;
    paced(Duration::from_millis(500), 26, |_| {
        let token = sandbox.token("one");
        if token == first {
            // On a slow machine the refresh comes between the answer and this look at the service.
            assert!(lyve.is_live(&first) || lyve.issued() > 1);
            asked += 1;
        }
        let said = sandbox.tok(["get", "one", "--min-valid", "15s"]);
        if said.code == 6 {
            assert!(said.error().1.contains("`tok refresh one` gets it now"), "{said:?}");
        }
    });
    assert!(asked > 0);
    eventually("the refresh when the wish is left", || (lyve.issued() == 2).then_some(()));
    let issued = lyve.tokens().all();
    let gap = issued[1].at.duration_since(issued[0].at).unwrap_or_default();
    assert!(gap >= Duration::from_millis(12_500), "{gap:?}");
    let second = eventually("the new token", || Some(sandbox.token("one")).filter(|token| *token != first));
    assert!(lyve.is_live(&second) && !lyve.is_live(&first));
}

#[test]
fn status_says_when_and_a_reload_to_it_and_back_keeps_the_token() {
    let sandbox = Sandbox::new();
    let lyve = jealous(3600);
    let account = accounts::lyve_cloud(&sandbox, "one", &lyve);
    sandbox.configure(&account);
    let _daemon = sandbox.start();
    let first = sandbox.token("one");
    let usual = left_at_next_refresh(&sandbox);
    assert!((480..=960).contains(&usual), "{usual}");
    for (exclusive, left) in [(true, 60), (false, usual)] {
        sandbox.configure(&format!("{account}exclusive = {exclusive}\n"));
        assert_eq!(sandbox.tok(["reload"]).code, 0);
        let now = left_at_next_refresh(&sandbox);
        assert!((left - 2..=left + 2).contains(&now), "{now}");
    }
    let_pass(Duration::from_millis(200), "whatever a reload would cause has its time");
    assert_eq!((sandbox.token("one"), lyve.requests()), (first, 1));
}

/// The life in seconds that the token will have left when it is refreshed, as status says it.
fn left_at_next_refresh(sandbox: &Sandbox) -> i64 {
    let status = sandbox.status("one");
    let second_of_the_day = |key: &str| {
        let text = status[key].as_str().unwrap_or_default();
        let part = |from: usize| text.get(from..from + 2).and_then(|part| part.parse::<i64>().ok());
        part(11)
            .zip(part(14))
            .zip(part(17))
            .map(|((hour, minute), second)| (hour * 60 + minute) * 60 + second)
    };
    match (second_of_the_day("next_refresh_at"), second_of_the_day("expires_at")) {
        // The end may be tomorrow.
        (Some(next), Some(end)) => (end - next).rem_euclid(24 * 3600),
        _ => panic!("{status}"),
    }
}
