//! Whole logins, with a service and a clock of the test's own.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test should fail with the place")]

mod browser;
mod device;
mod given_up;
mod service;

use tokend_proto::message::{Login, LoginRedirect};
use url::Url;

use self::service::Service;
use super::*;
use crate::account::{Definition, Policy, Refresh};
use crate::clock::{Moment, SimulatedClock, Steady};
use crate::provider::login::{DeviceAuthorization, NO_DEVICE_FLOW, Polled};
use crate::provider::{Failure, Presentation, Provider};

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec()).unwrap()
}

fn code(interval: u64, life: u64) -> DeviceAuthorization {
    DeviceAuthorization {
        device_code: secret("dc"),
        user_code: "AB-CD".to_owned(),
        verification_uri: Url::parse("https://a.example/device").unwrap(),
        verification_uri_complete: None,
        expires_in: Duration::from_secs(life),
        interval: Duration::from_secs(interval),
    }
}

/// One account of a service.
struct World {
    logins: Arc<Logins>,
    keeper: Keeper,
    clock: SimulatedClock,
    service: Arc<Service>,
}

impl World {
    async fn of(service: Service) -> Self {
        let start = Moment { steady: Steady(1_000_000), ..Moment::default() };
        let clock = SimulatedClock::at(start);
        let keeper = Keeper::start(Arc::new(clock.clone()), None);
        let service = Arc::new(service);
        let world =
            Self { logins: Logins::new(keeper.clone(), Arc::new(clock.clone())), keeper, clock, service };
        world.configure('x').await;
        world
    }

    async fn configure(&self, service: char) {
        let policy = Policy {
            min_valid: Duration::from_secs(60),
            refresh: Refresh::OnDemand,
            assume_lifetime: None,
            presentation: Presentation::Header { scheme: "Bearer".to_owned() },
            request_scopes: Vec::new(),
            lock: true,
            exclusive: false,
        };
        let provider: Arc<dyn Provider> = Arc::clone(&self.service) as _;
        let service = [service as u8; 32];
        let definition =
            Definition { name: "a".to_owned(), kind: "oauth2", provider, policy, service, setting: [0; 32] };
        self.keeper.reconfigure(vec![definition]).await.unwrap();
    }

    fn try_log_in(&self, request: &Login) -> Result<Participation, message::Failure> {
        self.logins.log_in(self.keeper.account("a").unwrap(), request)
    }

    fn log_in(&self) -> Participation {
        self.try_log_in(&request()).unwrap()
    }

    async fn paste(&self, login: u64, url: &str) -> Result<(), message::Failure> {
        self.logins.redirect(&LoginRedirect { account: "a".to_owned(), login, url: secret(url) }).await
    }

    fn has_token(&self) -> bool {
        self.keeper.account("a").unwrap().shared.snapshot().token.is_some()
    }

    /// Moves the clock on, second by second, so that whatever waits for it goes on at its time.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            settle().await;
        }
    }
}

/// Lets all tasks go as far as they can.
async fn settle() {
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
}

/// Whoever has a browser, or not.
fn request() -> Login {
    Login { account: "a".to_owned(), has_browser: true, way: String::new(), term_ms: None }
}

async fn step(participation: &mut Participation) -> LoginStep {
    match participation.next().await {
        Progress::Step(step) => step,
        Progress::End(end) => panic!("it has ended: {end:?}"),
    }
}

/// The next step that is not just words.
async fn main_step(participation: &mut Participation) -> LoginStep {
    loop {
        let step = step(participation).await;
        if step.step != LoginStep::PROGRESS {
            return step;
        }
    }
}

/// How it ends, and what was said before.
async fn end(participation: &mut Participation) -> (Result<LoggedIn, message::Failure>, Vec<String>) {
    let mut said = Vec::new();
    loop {
        match participation.next().await {
            Progress::Step(step) => said.push(step.message),
            Progress::End(end) => return (end, said),
        }
    }
}

#[tokio::test]
async fn accounts_without_a_login_say_so() {
    let world = World::of(Service::new(false, false)).await;
    let failure = world.try_log_in(&request()).unwrap_err();
    assert_eq!((failure.code, &*failure.kind), (Code::USAGE, "no-login"));
    assert!(failure.message.contains("nobody logs in to a"), "{failure}");
    let world = World::of(Service::new(true, true)).await;
    let failure = world.try_log_in(&Login { way: "fax".to_owned(), ..request() }).unwrap_err();
    assert_eq!(failure.code, Code::USAGE);
}

#[tokio::test]
async fn the_way_is_what_is_asked_for_and_what_there_is() {
    for (browser, device, has_browser, way, expected) in [
        (true, true, true, Login::AS_FITS, LoginStep::BROWSER),
        (true, true, false, Login::AS_FITS, LoginStep::DEVICE),
        (true, false, false, Login::AS_FITS, LoginStep::REDIRECT),
        (true, true, true, Login::REDIRECT, LoginStep::REDIRECT),
        (true, true, true, Login::DEVICE, LoginStep::DEVICE),
        (false, true, true, Login::AS_FITS, LoginStep::DEVICE),
        (false, true, true, Login::REDIRECT, LoginStep::DEVICE),
    ] {
        let world = World::of(Service::new(browser, device)).await;
        let asked = Login { has_browser, way: way.to_owned(), ..request() };
        let step = main_step(&mut world.try_log_in(&asked).unwrap()).await;
        assert_eq!(step.step, expected, "{asked:?}");
        assert_eq!(step.takes_redirect, expected != LoginStep::DEVICE);
        assert_eq!(step.user_code.is_some(), expected == LoginStep::DEVICE);
    }
    let world = World::of(Service::new(true, false)).await;
    let asked = Login { way: Login::DEVICE.to_owned(), ..request() };
    let (result, _) = end(&mut world.try_log_in(&asked).unwrap()).await;
    assert_eq!(result.unwrap_err().kind, "no-device-flow");
}

#[tokio::test]
async fn a_device_flow_that_is_not_for_this_client_gives_way_to_the_pasted_redirect() {
    let service = Service::new(true, true);
    let refusals = ["unauthorized_client", "x"].map(|what| Err(Failure::no("refused", what, "y")));
    service.begun.lock().unwrap().extend(refusals);
    let world = World::of(service).await;
    let asked = Login { has_browser: false, ..request() };
    let mut participation = world.try_log_in(&asked).unwrap();
    assert!(
        step(&mut participation)
            .await
            .message
            .contains("no device flow for this client: unauthorized_client")
    );
    assert_eq!(step(&mut participation).await.step, LoginStep::REDIRECT);
    drop(participation);
    // Who insists is told.
    let asked = Login { way: Login::DEVICE.to_owned(), ..asked };
    let (result, _) = end(&mut world.try_log_in(&asked).unwrap()).await;
    assert_eq!(result.unwrap_err().code, Code::REFUSED);
}

#[tokio::test]
async fn what_is_wrong_with_a_device_flow_keeps_its_own_name() {
    let failures = || {
        [
            (Failure::no(NO_DEVICE_FLOW, "a.example has none for this client", "allow it"), Code::REFUSED),
            (
                Failure::doubtful("bad-metadata", "a.example calls itself b.example", "write it"),
                Code::REFUSED,
            ),
            (Failure::no("bad-metadata", "a user_code that nobody should type", "tell them"), Code::REFUSED),
            (Failure::no("refused", "a.example refused the credentials", "check client_id"), Code::REFUSED),
            (Failure::not_now("page", "a.example answered with a page", "x"), Code::NOT_NOW),
            (Failure::not_now("redirect", "a.example answered with a redirect", "x"), Code::NOT_NOW),
        ]
    };
    // The grant is device_code, then somebody says `--device`.
    for (browser, way) in [(false, Login::AS_FITS), (false, Login::DEVICE), (true, Login::DEVICE)] {
        for (failure, code) in failures() {
            let world = World::of(Service::new(browser, true)).await;
            world.service.begun.lock().unwrap().push_back(Err(failure.clone()));
            let asked = Login { way: way.to_owned(), ..request() };
            let told = end(&mut world.try_log_in(&asked).unwrap()).await.0.unwrap_err();
            assert_eq!((told.code, &*told.kind), (code, failure.kind), "{failure:?}");
            assert_eq!(told.message, format!("a: {}", failure.message));
            assert_eq!(told.hint.contains("--device"), browser && failure.kind == NO_DEVICE_FLOW, "{told:?}");
        }
    }
}

#[tokio::test]
async fn whoever_comes_second_joins_and_all_see_the_same_end() {
    let service = Service::new(false, true);
    service.begun.lock().unwrap().push_back(Ok(code(5, 600)));
    let world = World::of(service).await;
    let mut first = world.try_log_in(&Login { term_ms: Some(7_200_000), ..request() }).unwrap();
    let shown = main_step(&mut first).await;
    world.pass(3).await;
    let mut second = world.try_log_in(&Login { term_ms: Some(3_600_000), ..request() }).unwrap();
    assert!(step(&mut second).await.message.contains("another login to a is under way"));
    let seen = step(&mut second).await;
    assert_eq!((seen.login, &seen.user_code), (shown.login, &shown.user_code));
    assert_eq!((shown.expires_in_ms, seen.expires_in_ms), (Some(600_000), Some(597_000)));
    // One of two may leave.
    drop(world.log_in());
    world.service.polls.lock().unwrap().push_back(Ok(Polled::Done(Box::new(world.service.minted()))));
    world.pass(2).await;
    let (one, _) = end(&mut first).await;
    let (other, _) = end(&mut second).await;
    assert_eq!(one, other);
    let logged_in = one.unwrap();
    assert!(logged_in.renews && world.has_token());
    // The shortest of all terms.
    assert_eq!(logged_in.ends_at_ms, Some(5_000 + 3_600_000));
    assert_eq!(world.service.begun.lock().unwrap().len(), 0);
    assert!(world.logins.under_way().is_empty());
}

#[tokio::test]
async fn a_login_ends_with_the_last_who_waits_for_it() {
    let world = World::of(Service::new(false, true)).await;
    let (mut first, second) = (world.log_in(), world.log_in());
    main_step(&mut first).await;
    world.pass(6).await;
    assert_eq!(world.service.polled.lock().unwrap().len(), 1);
    drop(first);
    world.pass(5).await;
    assert_eq!(world.service.polled.lock().unwrap().len(), 2, "the other waits still");
    drop(second);
    world.service.polls.lock().unwrap().push_back(Ok(Polled::Done(Box::new(world.service.minted()))));
    world.pass(60).await;
    assert_eq!(world.service.polled.lock().unwrap().len(), 2, "nothing more is sent");
    assert!(!world.has_token() && world.logins.under_way().is_empty());
}

#[tokio::test]
async fn what_a_login_needs_in_the_end_is_had_before_anything_is_shown() {
    let unready =
        Some(Failure::not_now("service-error", "no keys for id tokens: a.example is not ready", "x"));
    for way in [Login::AS_FITS, Login::DEVICE, Login::REDIRECT] {
        let world = World::of(Service { unready: unready.clone(), ..Service::new(true, true) }).await;
        let mut login = world.try_log_in(&Login { way: way.to_owned(), ..request() }).unwrap();
        let (result, said) = end(&mut login).await;
        let failure = result.unwrap_err();
        assert_eq!((failure.code, said.len()), (Code::NOT_NOW, 0));
        assert!(failure.message.contains("no keys for id tokens"), "{failure}");
    }
}

#[tokio::test]
async fn another_configuration_ends_the_login_of_the_old_one() {
    let world = World::of(Service::new(false, true)).await;
    let mut old = world.log_in();
    main_step(&mut old).await;
    world.configure('y').await;
    let mut new = world.log_in();
    assert_eq!(end(&mut old).await.0.unwrap_err().kind, "reconfigured");
    assert_eq!(main_step(&mut new).await.step, LoginStep::DEVICE);
    drop(old);
    settle().await;
    assert_eq!(world.logins.under_way().len(), 1, "the new one goes on");
}

#[tokio::test]
async fn a_locked_account_says_so_at_once() {
    let world = World::of(Service::new(false, true)).await;
    world.keeper.lock().await.unwrap();
    settle().await;
    let failure = world.try_log_in(&request()).unwrap_err();
    assert_eq!(failure.code, Code::LOCKED);
}

#[tokio::test]
async fn a_lock_ends_a_login_at_once_and_nothing_is_traded_any_more() {
    for device in [false, true] {
        let world = World::of(Service::new(!device, device)).await;
        let asked = Login { way: Login::REDIRECT.to_owned(), ..request() };
        let mut participation = world.try_log_in(&asked).unwrap();
        let shown = main_step(&mut participation).await;
        world.keeper.lock().await.unwrap();
        if !device {
            let failure = world.paste(shown.login, "code=c&state=st").await.unwrap_err();
            assert_eq!(failure.kind, "no-such-login");
        }
        let failure = end(&mut participation).await.0.unwrap_err();
        assert_eq!((failure.code, &*failure.kind), (Code::LOCKED, "locked"));
        assert!(failure.hint.contains("`tok unlock`"), "{failure:?}");
        world.pass(30).await;
        assert!(world.service.redeemed.lock().unwrap().is_empty());
        assert!(world.service.polled.lock().unwrap().is_empty());
        assert!(world.logins.under_way().is_empty() && !world.has_token());
        world.keeper.unlock().await.unwrap();
        settle().await;
        assert_eq!(main_step(&mut world.try_log_in(&asked).unwrap()).await.step, shown.step);
    }
}

#[tokio::test]
async fn a_reload_ends_the_login_of_an_account_that_is_gone_or_another() {
    for gone in [false, true] {
        let world = World::of(Service::new(false, true)).await;
        let mut participation = world.log_in();
        main_step(&mut participation).await;
        world.configure('x').await;
        world.pass(6).await;
        assert_eq!(world.service.polled.lock().unwrap().len(), 1, "nothing has changed");
        if gone {
            world.keeper.reconfigure(Vec::new()).await.unwrap();
        } else {
            world.configure('y').await;
        }
        let failure = end(&mut participation).await.0.unwrap_err();
        assert_eq!((failure.code, &*failure.kind), (Code::NOT_NOW, "reconfigured"));
        world.pass(30).await;
        assert_eq!(world.service.polled.lock().unwrap().len(), 1);
        assert!(world.logins.under_way().is_empty());
    }
}

#[tokio::test]
async fn without_a_refresh_token_the_login_says_what_to_do() {
    let service = Service { gives_refresh_token: false, ..Service::new(false, true) };
    let minted = service.minted();
    service.polls.lock().unwrap().push_back(Ok(Polled::Done(Box::new(minted))));
    let world = World::of(service).await;
    let mut participation = world.log_in();
    main_step(&mut participation).await;
    world.pass(5).await;
    let logged_in = end(&mut participation).await.0.unwrap();
    assert!(!logged_in.renews && logged_in.warnings[0].contains("offline_access"), "{logged_in:?}");
    assert!(world.has_token());
    assert_eq!((logged_in.expires_in_ms, &logged_in.scope[..]), (Some(3_600_000), &["a".to_owned()][..]));
}
