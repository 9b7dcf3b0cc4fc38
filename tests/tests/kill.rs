//! `kill -9` under constant rotation: no login is lost that could be kept. A tenth of what `cargo chaos`
//! does.

use tokend_tests::course::Course;
use tokend_tests::crashes::{Kills, Plan, run};
use tokend_tests::platform::share;

#[track_caller]
fn prove(kills: Kills, amount: usize) {
    let plan = Plan { kills, amount, daemons: 5, accounts: 3, seed: 20_261_122 };
    let findings = run(&plan, &Course::quiet());
    println!("seed {}: {}\n{}", plan.seed, findings.amount, findings.details.join("\n"));
    assert!(findings.faults.is_empty(), "{}", findings.faults.join("\n"));
}

#[test]
fn exactly_the_logins_are_lost_whose_new_token_was_not_on_disk() {
    prove(Kills::AfterRecovery, share(100));
}

#[test]
fn a_refresh_token_is_sent_twice_at_most_however_the_kills_come() {
    prove(Kills::AtAnyTime, share(100));
}
