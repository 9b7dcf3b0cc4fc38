//! Tokens of ten seconds, each with a refresh token that is good for one use: a tenth of what `cargo chaos`
//! does.

use std::time::Duration;

use tokend_tests::course::Course;
use tokend_tests::short_lives::{Plan, run};

#[test]
fn ten_second_tokens_cost_one_request_a_rotation_and_no_rotation_is_lost() {
    let plan = Plan { logins: 6, span: Duration::from_secs(18) };
    let findings = run(&plan, &Course::quiet());
    println!("{}\n{}", findings.amount, findings.details.join("\n"));
    assert!(findings.faults.is_empty(), "{}", findings.faults.join("\n"));
}
