//! Persons log in and out, through the keeper and with a real disk; and accounts that trade others' tokens.

use std::sync::Mutex;

use super::keeping::with_cabinet;
use super::*;
use crate::account::{LoginNeed, NewLogin, State};
use crate::clock::{Moment, Wall};
use crate::provider::login::{Asking, Authorization, DeviceAuthorization, LogIn, Polled, Redirect, Ways};
use crate::provider::{Borrowed, Class, Failure, ID_TOKEN, Revocation, Revoked, jwt};

/// A service to which a person logs in.
#[derive(Debug, Default)]
struct Login {
    /// Refresh tokens as they were sent, and revoked.
    log: Mutex<Vec<String>>,
    cannot_be_told: bool,
    /// Refreshes wait for it.
    gate: Option<Semaphore>,
    client: &'static str,
    /// Whom the id tokens of its refreshes are about.
    subject: Mutex<Option<&'static str>>,
}

impl Login {
    fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

fn text(secret: &Secret) -> String {
    secret.expose().as_str().unwrap().to_owned()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec()).unwrap()
}

impl Provider for Login {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(async move {
            let sent = text(request.refresh_token.as_ref().unwrap());
            self.log.lock().unwrap().push(sent.clone());
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            let mut minted = tokens(&format!("of-{sent}"), Some(&format!("{sent}+")));
            minted.fields.extend(self.subject.lock().unwrap().map(id_token_about));
            Ok(minted)
        })
    }

    fn identity(&self) -> Identity {
        let client = self.client.to_owned();
        Identity { origin: "https://a.example".to_owned(), client, ..Identity::default() }
    }

    fn login(&self) -> Option<&dyn LogIn> {
        Some(self)
    }

    fn revoke<'a>(&'a self, revocation: &'a Revocation, _: &'a Asking) -> Pending<'a, Revoked> {
        Box::pin(async move {
            let told = [&revocation.refresh_token, &revocation.access_token];
            let told: Vec<_> =
                told.into_iter().map(|it| it.as_ref().map_or("-".into(), |it| text(it))).collect();
            self.log.lock().unwrap().push(format!("revoked {}", told.join(" ")));
            if self.cannot_be_told {
                return Err(Failure::not_now("unreachable", "no network", "mend it"));
            }
            Ok(Revoked::Done)
        })
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

fn nobody_begins_one<'a, T: Send + 'a>() -> Pending<'a, T> {
    Box::pin(std::future::ready(Err(Failure::no("unused", "nobody begins a login here", ""))))
}

/// The keeper asks for nothing of it: `login` does.
impl LogIn for Login {
    fn ways(&self, _: Moment) -> Pending<'_, Ways> {
        nobody_begins_one()
    }

    fn redirect(&self) -> Redirect {
        Redirect { host: "127.0.0.1".to_owned(), port: None, path: "/".to_owned() }
    }

    fn authorize<'a>(&'a self, _: &'a str, _: Moment) -> Pending<'a, Authorization> {
        nobody_begins_one()
    }

    fn redeem<'a>(&'a self, _: &'a Authorization, _: &'a Secret, _: &'a Asking) -> Pending<'a, Minted> {
        nobody_begins_one()
    }

    fn device<'a>(&'a self, _: &'a Asking) -> Pending<'a, DeviceAuthorization> {
        nobody_begins_one()
    }

    fn poll<'a>(&'a self, _: &'a DeviceAuthorization, _: &'a Asking) -> Pending<'a, Polled> {
        nobody_begins_one()
    }
}

fn account(service: &Arc<Login>, refresh: Refresh) -> Definition {
    let definition = definition("a", &Gate::new("unused"), 'x', 60);
    Definition {
        provider: Arc::clone(service) as Arc<dyn Provider>,
        policy: Policy { refresh, ..definition.policy },
        ..definition
    }
}

fn tokens(access: &str, refresh: Option<&str>) -> Minted {
    Minted {
        lifetime: Some(Duration::from_secs(3600)),
        refresh_token: refresh.map(secret),
        ..Minted::of(secret(access))
    }
}

async fn log_in(keeper: &Keeper, minted: Minted, until: Option<Wall>) -> Result<(), Failure> {
    let login = NewLogin { requested: keeper.now(), minted, until };
    keeper.logged_in(&keeper.account("a").unwrap(), login).await.unwrap()
}

async fn refused(keeper: &Keeper) -> (Code, String, String) {
    match keeper.ask("a", Variant::default(), Need::Wish, WAIT).await {
        Ok(Reply::Failure(failure)) => (failure.code, failure.kind, failure.hint),
        other => panic!("expected a failure, got {other:?}"),
    }
}

fn grants(home: &std::path::Path) -> usize {
    let files = std::fs::read_dir(home.join("state")).map_or_else(|_| Vec::new(), Iterator::collect);
    files.iter().flatten().filter(|it| it.file_name().to_string_lossy().ends_with(".grant.age")).count()
}

#[tokio::test]
async fn a_login_is_served_kept_and_refreshed() {
    let home = tempfile::tempdir().unwrap();
    let service = Arc::new(Login::default());
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
    let (code, kind, hint) = refused(&keeper).await;
    assert_eq!((code, &*kind, &*hint), (Code::LOGIN_NEEDED, "login-needed", "`tok login a`"));
    log_in(&keeper, tokens("t0", Some("l")), None).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t0");
    assert_eq!(grants(home.path()), 1);
    keeper.flush().await.unwrap();
    drop(keeper);

    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t0");
    assert!(service.log().is_empty());
    keeper.refresh("a", WAIT).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "of-l");
    let variant = Variant::new(vec!["mail".to_owned()], Vec::new());
    assert_eq!(token_for(&keeper, "a", variant.clone()).await, "of-l+");
    assert_eq!(service.log(), ["l", "l+"]);

    // Another person's login: nothing of the first one's is served any more.
    log_in(&keeper, tokens("u0", Some("m")), None).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "u0");
    assert_eq!(token_for(&keeper, "a", variant).await, "of-m");
    assert_eq!(service.log(), ["m"]);
}

#[tokio::test]
async fn a_logout_revokes_and_forgets() {
    let home = tempfile::tempdir().unwrap();
    let service = Arc::new(Login::default());
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
    log_in(&keeper, tokens("t0", Some("l")), None).await.unwrap();
    assert_eq!(keeper.log_out("a", false).await.unwrap(), Ok(Revoked::Done));
    assert_eq!(service.log(), ["revoked l t0"]);
    assert_eq!(grants(home.path()), 0);
    let (code, kind, hint) = refused(&keeper).await;
    assert_eq!((code, &*kind, &*hint), (Code::LOGIN_NEEDED, "logged-out", "`tok login a`"));
    keeper.flush().await.unwrap();
    assert_eq!(std::fs::read_dir(home.path().join("state")).unwrap().count(), 0, "nothing is left of it");
    log_in(&keeper, tokens("u0", None), None).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "u0");
    assert_eq!(grants(home.path()), 0);
}

#[tokio::test]
async fn whether_there_is_a_login_is_known_over_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let service = Arc::new(Login::default());
    let holds = async |keeper: &Keeper| keeper.may_hold_login(&keeper.account("a").unwrap()).await.unwrap();
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
    assert_eq!(refused(&keeper).await.0, Code::LOGIN_NEEDED);
    assert!(!holds(&keeper).await);
    log_in(&keeper, tokens("t0", Some("l")), None).await.unwrap();
    assert!(holds(&keeper).await);
    keeper.flush().await.unwrap();
    drop(keeper);

    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
    // Nobody has looked at the disk yet, perhaps.
    assert!(holds(&keeper).await);
    assert_eq!(token(&keeper, "a").await, "t0");
    assert!(holds(&keeper).await);
    keeper.log_out("a", true).await.unwrap().unwrap();
    assert!(!holds(&keeper).await);
}

#[tokio::test]
async fn a_service_that_cannot_be_told_keeps_the_login() {
    let home = tempfile::tempdir().unwrap();
    let service = Arc::new(Login { cannot_be_told: true, ..Login::default() });
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
    log_in(&keeper, tokens("t0", Some("l")), None).await.unwrap();
    let failure = keeper.log_out("a", false).await.unwrap().unwrap_err();
    assert_eq!((failure.class, failure.kind), (Class::NotNow, "unreachable"));
    assert_eq!(token(&keeper, "a").await, "t0");
    assert_eq!(keeper.log_out("a", true).await.unwrap(), Ok(Revoked::NotOffered));
    assert_eq!(refused(&keeper).await.0, Code::LOGIN_NEEDED);
    let gate = Gate::new("g");
    keeper.reconfigure(vec![definition("g", &gate, 'x', 60)]).await.unwrap();
    assert_eq!(keeper.log_out("g", false).await.unwrap().unwrap_err().kind, "no-login");
}

#[tokio::test]
async fn a_login_with_a_term_ends_with_it() {
    let (keeper, clock) = keeper();
    let service = Arc::new(Login::default());
    keeper.reconfigure(vec![account(&service, Refresh::Eager)]).await.unwrap();
    let until = keeper.now().wall.after(Duration::from_secs(600));
    log_in(&keeper, tokens("t0", Some("l")), Some(until)).await.unwrap();
    let shared = Arc::clone(&keeper.account("a").unwrap().shared);
    let served = |shared: &Shared| shared.snapshot().token.as_ref().and_then(|it| it.lifetime);
    assert_eq!((served(&shared), shared.login_end()), (Some(Duration::from_secs(600)), Some(until)));
    // A new one would live no longer: none is asked for.
    clock.advance(Duration::from_secs(590));
    assert_eq!(token(&keeper, "a").await, "t0");
    clock.advance(Duration::from_secs(11));
    let (code, _, hint) = refused(&keeper).await;
    assert_eq!((code, &*hint), (Code::LOGIN_NEEDED, "`tok login a`"));
    assert!(service.log().is_empty(), "{:?}", service.log());
}

#[tokio::test]
async fn whoever_calls_persons_is_told_once_a_need() {
    let (keeper, _clock) = keeper();
    let mut needs = keeper.take_login_needs().unwrap();
    assert!(keeper.take_login_needs().is_none());
    let service = Arc::new(Login::default());
    keeper.reconfigure(vec![account(&service, Refresh::Eager)]).await.unwrap();
    let LoginNeed { account: name, reason, hint } = needs.recv().await.unwrap();
    assert_eq!((&*name, &*hint), ("a", "`tok login a`"));
    assert!(reason.contains("nobody is logged in"), "{reason}");
    for _ in 0..3 {
        refused(&keeper).await;
        keeper.refresh("a", WAIT).await.unwrap();
    }
    log_in(&keeper, tokens("t0", Some("l")), None).await.unwrap();
    // Who logs out knows; the next need is another one.
    keeper.log_out("a", true).await.unwrap().unwrap();
    refused(&keeper).await;
    assert!(needs.try_recv().is_err());
    assert_eq!(keeper.account("a").unwrap().shared.snapshot().state, State::LoginNeeded);
}

#[tokio::test]
async fn a_login_for_what_was_configured_otherwise_meanwhile_is_refused() {
    let (keeper, _clock) = keeper();
    let service = Arc::new(Login::default());
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
    let before = keeper.account("a").unwrap();
    let gate = Gate::new("g");
    keeper.reconfigure(vec![definition("a", &gate, 'y', 60)]).await.unwrap();
    let login = NewLogin { requested: keeper.now(), minted: tokens("t0", Some("l")), until: None };
    assert_eq!(keeper.logged_in(&before, login).await.unwrap().unwrap_err().kind, "reconfigured");
}

#[tokio::test]
async fn a_login_that_waits_does_not_count_for_what_is_configured_by_then() {
    let (keeper, _clock) = keeper();
    let service = Arc::new(Login { gate: Some(Semaphore::new(0)), ..Login::default() });
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
    log_in(&keeper, tokens("t0", Some("l")), None).await.unwrap();
    let asking = keeper.clone();
    let refreshing = tokio::spawn(async move { asking.refresh("a", WAIT).await });
    while service.log.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    // It waits for the refresh; meanwhile the account becomes another client's.
    let before = keeper.account("a").unwrap();
    let login = NewLogin { requested: keeper.now(), minted: tokens("u0", Some("m")), until: None };
    let mut waiting = std::pin::pin!(keeper.logged_in(&before, login));
    assert!(futures_now(waiting.as_mut()).await.is_none());
    let other = Arc::new(Login { client: "another", ..Login::default() });
    let service_of_other = [7; 32];
    keeper
        .reconfigure(vec![Definition { service: service_of_other, ..account(&other, Refresh::OnDemand) }])
        .await
        .unwrap();
    service.gate.as_ref().unwrap().add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap_err().kind, "reconfigured");
    assert_eq!(refused(&keeper).await.1, "login-needed");
    drop(refreshing);
}

fn id_token_about(subject: &str) -> (String, Secret) {
    (ID_TOKEN.to_owned(), secret(&jwt::testing::forge(&serde_json::json!({"sub": subject}))))
}

#[tokio::test]
async fn an_id_token_of_a_refresh_is_about_whoever_logged_in() {
    let home = tempfile::tempdir().unwrap();
    let service = Arc::new(Login::default());
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
    let mut minted = tokens("t0", Some("l"));
    minted.fields.push(id_token_about("alice"));
    log_in(&keeper, minted, None).await.unwrap();
    drop(keeper);
    // The token that was kept tells after a start.
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t0");
    let refreshed = async |subject| {
        *service.subject.lock().unwrap() = subject;
        match keeper.refresh("a", WAIT).await {
            Ok(Reply::Token(token, _)) => (token.fields.len(), token.warnings.join(" ")),
            other => panic!("expected a token, got {other:?}"),
        }
    };
    let (fields, warnings) = refreshed(Some("bob")).await;
    assert!(fields == 1 && warnings.contains("somebody else"), "{fields} {warnings}");
    // Another person's login may be about somebody else.
    let mut minted = tokens("u0", Some("m"));
    minted.fields.push(id_token_about("bob"));
    log_in(&keeper, minted, None).await.unwrap();
    let given = keeper.ask("a", Variant::default(), Need::Wish, WAIT).await;
    assert!(matches!(given, Ok(Reply::Token(token, _)) if token.fields.len() == 2));
}

/// What comes of it at once, if anything.
async fn futures_now<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn what_is_on_disk_of_an_earlier_login_is_gone_when_the_end_is_answered() {
    let home = tempfile::tempdir().unwrap();
    let service = Arc::new(Login::default());
    let files = || std::fs::read_dir(home.path().join("state")).unwrap().count();
    for local in [true, false] {
        let keeper = with_cabinet(home.path());
        keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
        log_in(&keeper, tokens("t0", Some("l")), None).await.unwrap();
        assert_eq!(files(), 2, "a grant and a token, before the login is answered");
        drop(keeper);

        // The logout may come before the token was read.
        let keeper = with_cabinet(home.path());
        keeper.reconfigure(vec![account(&service, Refresh::OnDemand)]).await.unwrap();
        keeper.log_out("a", local).await.unwrap().unwrap();
        assert_eq!(files(), 0);
    }
}

/// Trades the token of the account `a`.
#[derive(Debug)]
struct Exchange {
    id_token: bool,
}

impl Provider for Exchange {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(async move {
            let got: Vec<_> = request.borrowed.iter().map(|it| text(it)).collect();
            Ok(tokens(&format!("for-{}", got.join("-")), None))
        })
    }

    fn borrows(&self) -> Vec<Borrowed> {
        vec![Borrowed { account: "a".to_owned(), id_token: self.id_token }]
    }

    fn identity(&self) -> Identity {
        Identity { origin: "https://a.example".to_owned(), ..Identity::default() }
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

fn exchange(id_token: bool) -> Definition {
    let provider = Arc::new(Exchange { id_token });
    Definition { provider, ..definition("x", &Gate::new("unused"), 'x', 60) }
}

/// What comes of asking for the traded token; pauses between tries pass.
async fn in_time(keeper: &Keeper, clock: &SimulatedClock) -> Result<Reply, KeeperGone> {
    let asking = {
        let keeper = keeper.clone();
        tokio::spawn(async move { keeper.ask("x", Variant::default(), Need::Wish, WAIT).await })
    };
    while !asking.is_finished() {
        clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    asking.await.unwrap()
}

#[tokio::test]
async fn a_token_of_another_account_is_got_before_it_is_traded() {
    let (keeper, clock) = keeper();
    let service = Arc::new(Login::default());
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand), exchange(false)]).await.unwrap();
    match in_time(&keeper, &clock).await {
        Ok(Reply::Failure(failure)) => {
            assert_eq!((failure.code, &*failure.kind), (Code::LOGIN_NEEDED, "borrowed-token"));
            assert!(failure.hint.contains("`tok login a`"), "{failure:?}");
        }
        other => panic!("expected a failure, got {other:?}"),
    }
    log_in(&keeper, tokens("t0", Some("l")), None).await.unwrap();
    // Whoever traded in vain does not wait for the end of its pause.
    assert_eq!(token(&keeper, "x").await, "for-t0");
}

#[tokio::test]
async fn an_id_token_of_another_account_is_traded_as_long_as_it_lives() {
    let (keeper, clock) = keeper();
    let service = Arc::new(Login::default());
    keeper.reconfigure(vec![account(&service, Refresh::OnDemand), exchange(true)]).await.unwrap();
    let now = keeper.now().wall.0 / 1000;
    let id_token = jwt::testing::forge(&serde_json::json!({"iat": now, "exp": now + 60}));
    let mut minted = tokens("t0", Some("l"));
    minted.fields.push((ID_TOKEN.to_owned(), secret(&id_token)));
    log_in(&keeper, minted, None).await.unwrap();
    assert_eq!(token(&keeper, "x").await, format!("for-{id_token}"));
    clock.advance(Duration::from_secs(61));
    // A refresh brings none at this service.
    match keeper.refresh("x", WAIT).await {
        Ok(Reply::Failure(failure)) => assert_eq!(failure.kind, "borrowed-token"),
        other => panic!("expected a failure, got {other:?}"),
    }
    assert_eq!(service.log(), ["l"]);
}
