//! The simulation for a moment, and that it replays.

#![expect(clippy::panic, reason = "a broken promise fails with what led to it")]

use super::*;

#[test]
fn no_promise_is_broken() {
    for seed in 1..=30 {
        if let Some(violation) = run(seed, STEPS_OF_A_WORLD, 80).violation {
            panic!("seed {seed}: {}: {}\n{}", violation.check, violation.what, violation.trace.join("\n"));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let (one, two) = (run(7, 3000, 0), run(7, 3000, 0));
    assert_eq!(one, two);
    assert_ne!(one.digest, run(8, 3000, 0).digest);
}
