//! Logins that are given up when the service has been asked for their tokens already.

use tokio::sync::Semaphore;

use super::*;
use crate::account::State;

fn closed(browser: bool, device: bool) -> Service {
    Service { open: Semaphore::new(0), ..Service::new(browser, device) }
}

/// The code has come, and the service has not answered yet.
async fn trading(world: &World) -> Participation {
    let asked = Login { way: Login::REDIRECT.to_owned(), ..request() };
    let mut participation = world.try_log_in(&asked).unwrap();
    let shown = main_step(&mut participation).await;
    world.paste(shown.login, "code=c&state=st").await.unwrap();
    settle().await;
    participation
}

fn revoked(world: &World) -> Vec<String> {
    world.service.revoked.lock().unwrap().clone()
}

#[tokio::test]
async fn tokens_that_come_when_everybody_has_left_are_revoked() {
    let world = World::of(closed(true, false)).await;
    let participation = trading(&world).await;
    assert_eq!(*world.service.redeemed.lock().unwrap(), ["c"]);
    drop(participation);
    settle().await;
    assert!(world.logins.under_way().is_empty() && revoked(&world).is_empty());
    world.service.open.add_permits(1);
    settle().await;
    assert_eq!(revoked(&world), ["r", "t"]);
    assert!(!world.has_token());
}

#[tokio::test]
async fn a_device_that_is_let_in_too_late_is_put_out_again() {
    let world = World::of(closed(false, true)).await;
    let mut participation = world.log_in();
    main_step(&mut participation).await;
    world.service.polls.lock().unwrap().push_back(Ok(Polled::Done(Box::new(world.service.minted()))));
    world.pass(6).await;
    assert_eq!(world.service.polled.lock().unwrap().len(), 1);
    drop(participation);
    world.service.open.add_permits(1);
    settle().await;
    assert_eq!(revoked(&world), ["r", "t"]);
    // One that is not let in yet brings nothing.
    let mut participation = world.log_in();
    main_step(&mut participation).await;
    world.pass(6).await;
    drop(participation);
    settle().await;
    assert_eq!(revoked(&world).len(), 2);
}

#[tokio::test]
async fn what_fails_too_late_is_nothing_to_revoke() {
    let world = World::of(closed(true, false)).await;
    *world.service.redemption.lock().unwrap() = Some(Failure::no("refused", "a.example said no", "x"));
    drop(trading(&world).await);
    world.service.open.add_permits(1);
    settle().await;
    assert!(revoked(&world).is_empty() && !world.has_token());
}

#[tokio::test]
async fn a_login_that_somebody_waits_for_is_kept() {
    let world = World::of(closed(true, false)).await;
    let mut participation = trading(&world).await;
    drop(world.log_in());
    world.service.open.add_permits(1);
    assert!(end(&mut participation).await.0.is_ok());
    drop(participation);
    settle().await;
    assert!(world.has_token() && revoked(&world).is_empty());
}

#[tokio::test]
async fn the_login_that_there_is_outlives_another_that_is_given_up() {
    let world = World::of(closed(true, false)).await;
    let mut first = trading(&world).await;
    world.service.open.add_permits(1);
    assert!(end(&mut first).await.0.is_ok());
    let state = world.keeper.account("a").unwrap().shared.snapshot().state;
    assert_eq!(state, State::Fresh);
    drop(trading(&world).await);
    world.service.open.add_permits(1);
    settle().await;
    // There are services that would end both.
    assert!(world.has_token() && revoked(&world).is_empty());
    world.keeper.log_out("a", true).await.unwrap().unwrap();
    drop(trading(&world).await);
    world.service.open.add_permits(1);
    settle().await;
    assert_eq!(revoked(&world), ["r", "t"], "now there is none");
}
