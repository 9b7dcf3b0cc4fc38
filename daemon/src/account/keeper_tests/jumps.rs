//! The keeper knows at once when the machine wakes up or its clock is set.

use super::*;
use crate::clock::{Clock, Moment, Steady, Wall};

const HOUR: Duration = Duration::from_secs(3600);

/// Accounts that are kept fresh unasked, each with its first token, and a clock that can be set.
async fn eager(count: usize) -> (Keeper, SimulatedClock, Arc<Gate>) {
    let clock = SimulatedClock::at(Moment { wall: Wall(1_700_000_000_000), steady: Steady(1_000_000_000) });
    let keeper = Keeper::start(Arc::new(clock.clone()), None);
    let gate = Gate::new("t");
    gate.let_through(count);
    let definitions = (0..count).map(|number| {
        let mut definition = definition(&format!("a{number}"), &gate, 'x', 60);
        definition.policy.refresh = Refresh::Eager;
        definition
    });
    keeper.reconfigure(definitions.collect()).await.unwrap();
    for number in 0..count {
        token(&keeper, &format!("a{number}")).await;
    }
    clock.advance(Duration::from_secs(600));
    (keeper, clock, gate)
}

async fn until_minted(gate: &Gate, count: usize) {
    while gate.minted() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_wall_that_is_set_makes_every_account_refresh_at_once() {
    for by in [7_200_000, -7_200_000] {
        // As many as ask a service at once: the rest would go at its pace.
        let (keeper, clock, gate) = eager(10).await;
        clock.set_wall(Wall(clock.now().wall.0 + by));
        until_minted(&gate, 20).await;
        gate.let_through(10);
        let after = token(&keeper, "a7").await;
        assert!(after.trim_start_matches("t-").parse::<usize>().unwrap() > 10, "{after}");
        // Time that passes is no jump.
        clock.advance(Duration::from_secs(600));
        token(&keeper, "a8").await;
        assert_eq!(gate.minted(), 20);
    }
}

#[tokio::test]
async fn whoever_wakes_up_after_a_tokens_end_is_not_served_it() {
    let (keeper, clock, gate) = eager(1).await;
    clock.suspend(HOUR);
    let now = clock.now();
    let account = keeper.account("a0").unwrap();
    assert!(account.shared.snapshot().serve(Need::Wish, now).is_none());
    until_minted(&gate, 2).await;
    gate.let_through(1);
    assert_eq!(token(&keeper, "a0").await, "t-2");
}

#[tokio::test]
async fn a_sleep_within_a_tokens_life_costs_no_request() {
    let (keeper, clock, gate) = eager(1).await;
    clock.suspend(Duration::from_secs(1200));
    assert_eq!(token(&keeper, "a0").await, "t-1");
    // By then it has looked at the jump, too: it takes what is there in no order.
    for _ in 0..20 {
        keeper.flush().await.unwrap();
    }
    assert_eq!(gate.minted(), 1);
}

#[tokio::test]
async fn where_nobody_tells_of_a_jump_the_next_caller_waits_for_a_new_token() {
    let (keeper, clock, gate) = eager(1).await;
    clock.set_wall_unseen(Wall(clock.now().wall.0 - 7_200_000));
    let account = keeper.account("a0").unwrap();
    assert!(account.shared.snapshot().serve(Need::Wish, clock.now()).is_none());
    gate.let_through(1);
    assert_eq!(token(&keeper, "a0").await, "t-2");
    assert!(account.shared.snapshot().serve(Need::Wish, clock.now()).is_some());
}
