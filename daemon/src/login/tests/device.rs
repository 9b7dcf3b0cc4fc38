//! How patiently the device flow asks (RFC 8628 3.5).

use super::*;

fn not_now(kind: &'static str) -> Result<Polled, Failure> {
    Err(Failure::not_now(kind, format!("{kind}!"), "x"))
}

/// When the service was asked, in seconds after the code was shown.
fn asked_at(world: &World) -> Vec<u64> {
    world.service.polled.lock().unwrap().iter().map(|at| (at.0 - 1_000_000) / 1000).collect()
}

async fn begin(
    polls: impl IntoIterator<Item = Result<Polled, Failure>>,
    code: DeviceAuthorization,
) -> (World, Participation) {
    let service = Service::new(false, true);
    service.begun.lock().unwrap().push_back(Ok(code));
    service.polls.lock().unwrap().extend(polls);
    let world = World::of(service).await;
    let mut participation = world.log_in();
    main_step(&mut participation).await;
    (world, participation)
}

#[tokio::test]
async fn slow_down_is_for_good_and_a_time_out_doubles_the_pause() {
    let polls = [
        Ok(Polled::Pending),
        Ok(Polled::SlowDown),
        Ok(Polled::Pending),
        Ok(Polled::SlowDown),
        not_now("timeout"),
        Ok(Polled::Pending),
    ];
    let (world, _participation) = begin(polls, code(5, 600)).await;
    world.pass(150).await;
    assert_eq!(asked_at(&world), [5, 10, 20, 30, 45, 75, 105, 135]);
}

#[tokio::test]
async fn a_network_that_fails_is_told_once_and_tried_on() {
    let later = Err(Failure::not_now("rate-limited", "slowly!", "x").after(Some(Duration::from_secs(20))));
    let polls = [not_now("dns"), not_now("dns"), later, Ok(Polled::Pending)];
    let (world, mut participation) = begin(polls, code(5, 600)).await;
    world.pass(36).await;
    assert_eq!(asked_at(&world), [5, 10, 15, 35]);
    let minted = world.service.minted();
    world.service.polls.lock().unwrap().push_back(Ok(Polled::Done(Box::new(minted))));
    world.pass(5).await;
    let (result, said) = end(&mut participation).await;
    assert!(result.is_ok());
    assert_eq!(said, ["dns!; trying on", "slowly!; trying on", "the service answers again"]);
}

#[tokio::test]
async fn the_code_ends_as_the_service_says_and_after_half_an_hour_at_most() {
    for (life, last) in [(60, 55), (24 * 3600, 1795)] {
        let (world, mut participation) = begin([], code(5, life)).await;
        world.pass(last + 6).await;
        let failure = end(&mut participation).await.0.unwrap_err();
        assert_eq!((failure.code, &*failure.kind), (Code::NOT_NOW, "code-expired"));
        assert!(failure.hint.contains("`tok login a`"), "{}", failure.hint);
        assert_eq!(asked_at(&world).last(), Some(&last));
    }
}

#[tokio::test]
async fn what_is_final_ends_it() {
    for (failure, code) in [
        (Failure::no("declined", "x", "y"), Code::DENIED),
        (Failure::not_now("code-expired", "x", "y"), Code::NOT_NOW),
        (Failure::no("refused", "x", "y"), Code::REFUSED),
        (Failure::source("secret-file", "x", "y"), Code::REFUSED),
        (Failure::locked(), Code::LOCKED),
    ] {
        let (world, mut participation) = begin([Err(failure)], super::code(5, 600)).await;
        world.pass(30).await;
        assert_eq!(end(&mut participation).await.0.unwrap_err().code, code);
        assert_eq!(asked_at(&world), [5]);
    }
}

#[tokio::test]
async fn tokens_that_cannot_be_used_end_it_and_the_code_is_not_sent_again() {
    for (failure, code) in [
        (Failure::doubtful("id-token", "not for this client", "y"), Code::REFUSED),
        (Failure::not_now("bad-expiry", "has expired already", "y; tokend tries again"), Code::NOT_NOW),
        (Failure::not_now("bad-token", "not ASCII", "y; tokend tries again"), Code::NOT_NOW),
    ] {
        let polls = [not_now("dns"), Ok(Polled::Spoilt(failure.clone())), Ok(Polled::Pending)];
        let (world, mut participation) = begin(polls, super::code(5, 600)).await;
        world.pass(30).await;
        let (result, said) = end(&mut participation).await;
        let told = result.unwrap_err();
        assert_eq!((told.code, &*told.kind), (code, failure.kind));
        assert!(told.message.contains(&failure.message) && !told.hint.contains("tokend tries"), "{told:?}");
        assert_eq!(said, ["dns!; trying on", "the service answers again"]);
        assert_eq!(asked_at(&world), [5, 10]);
    }
}

#[tokio::test]
async fn an_answer_that_nobody_understands_may_pass_but_not_three() {
    let doubt = || Err(Failure::doubtful("unclear-refusal", "what?", "y"));
    let polls = [doubt(), doubt(), Ok(Polled::Pending), doubt(), doubt(), doubt(), Ok(Polled::Pending)];
    let (world, mut participation) = begin(polls, code(5, 600)).await;
    world.pass(60).await;
    assert_eq!(end(&mut participation).await.0.unwrap_err().code, Code::REFUSED);
    assert_eq!(asked_at(&world).len(), 6);
}
