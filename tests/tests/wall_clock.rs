//! The wall clock jumps by hours, both ways: no dead token is served and no live one lost, nothing loops and
//! nothing stalls. A tenth of what `cargo chaos` does.

use tokend_tests::course::Course;
use tokend_tests::sandbox::skip;
use tokend_tests::wall_jumps::{Plan, library, run};

#[test]
fn no_jump_of_the_wall_costs_a_token_or_serves_a_dead_one() {
    let Some(library) = library() else {
        return skip("jumps of the wall clock", "there is no libfaketime (TOKEND_TEST_FAKETIME says where)");
    };
    let plan = Plan { library, jumps: 16, daemons: 8, seed: 20_261_122 };
    let findings = run(&plan, &Course::quiet());
    println!("seed {}: {}\n{}", plan.seed, findings.amount, findings.details.join("\n"));
    assert!(findings.faults.is_empty(), "{}", findings.faults.join("\n"));
}
