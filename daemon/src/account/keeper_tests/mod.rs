//! The keeper's task with a provider and a clock of the test's own.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test should fail with the place")]

mod jumps;
mod keeping;
mod logins;
mod outages;
mod short_lives;
mod spending;
mod turns;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokend_proto::Secret;
use tokend_proto::message::Code;
use tokio::sync::Semaphore;

use super::*;
use crate::clock::SimulatedClock;
use crate::provider::{Identity, MintRequest, Minted, Pending, Presentation, Provider};

const WAIT: Duration = Duration::from_secs(30);

/// Gives `NAME-1`, `NAME-2`, … each time that the test lets one through.
#[derive(Debug)]
struct Gate {
    name: &'static str,
    minted: AtomicUsize,
    open: Semaphore,
    panics: bool,
}

impl Gate {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, minted: AtomicUsize::new(0), open: Semaphore::new(0), panics: false })
    }

    fn let_through(&self, count: usize) {
        self.open.add_permits(count);
    }

    fn minted(&self) -> usize {
        self.minted.load(Ordering::SeqCst)
    }
}

impl Provider for Gate {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(async move {
            let number = self.minted.fetch_add(1, Ordering::SeqCst) + 1;
            self.open.acquire().await.unwrap().forget();
            assert!(!self.panics, "as a faulty provider does");
            let scope = request.scope.clone().unwrap_or_default().join("+");
            let token = format!("{}{scope}-{number}", self.name).into_bytes();
            Ok(Minted {
                fields: vec![("token".to_owned(), Secret::new(token).unwrap())],
                lifetime: Some(Duration::from_secs(3600)),
                ..Minted::of(Secret::new(b"x".to_vec()).unwrap())
            })
        })
    }

    fn identity(&self) -> Identity {
        Identity::default()
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

fn definition(name: &str, gate: &Arc<Gate>, service: char, min_valid: u64) -> Definition {
    Definition {
        name: name.to_owned(),
        kind: "test",
        provider: Arc::clone(gate) as Arc<dyn Provider>,
        policy: Policy {
            min_valid: Duration::from_secs(min_valid),
            refresh: Refresh::OnDemand,
            assume_lifetime: None,
            presentation: Presentation::Header { scheme: "Bearer".to_owned() },
            request_scopes: Vec::new(),
            lock: true,
            exclusive: false,
        },
        service: [service as u8; 32],
        setting: [0; 32],
    }
}

fn keeper() -> (Keeper, SimulatedClock) {
    let clock = SimulatedClock::default();
    (Keeper::start(Arc::new(clock.clone()), None), clock)
}

async fn token(keeper: &Keeper, account: &str) -> String {
    token_for(keeper, account, Variant::default()).await
}

async fn token_for(keeper: &Keeper, account: &str, variant: Variant) -> String {
    match keeper.ask(account, variant, Need::Wish, WAIT).await {
        Ok(Reply::Token(token, _)) => token.fields[0].1.expose().as_str().unwrap().to_owned(),
        other => panic!("expected a token, got {other:?}"),
    }
}

#[tokio::test]
async fn two_hundred_callers_of_a_cold_account_cost_one_request() {
    let (keeper, _clock) = keeper();
    let gate = Gate::new("t");
    keeper.reconfigure(vec![definition("a", &gate, 'x', 60)]).await.unwrap();
    let callers: Vec<_> = (0..200)
        .map(|_| {
            let keeper = keeper.clone();
            tokio::spawn(async move { token(&keeper, "a").await })
        })
        .collect();
    gate.let_through(1);
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "t-1");
    }
    assert_eq!(gate.minted(), 1);
}

#[tokio::test]
async fn a_reload_keeps_the_tokens_of_what_did_not_change() {
    let (keeper, _clock) = keeper();
    let (kept, changed) = (Gate::new("kept"), Gate::new("old"));
    kept.let_through(9);
    changed.let_through(9);
    let outcome = keeper
        .reconfigure(vec![definition("a", &kept, 'x', 60), definition("b", &changed, 'x', 60)])
        .await
        .unwrap();
    assert_eq!(outcome, Reconfigured { accounts: 2, added: 2, changed: 0, removed: 0 });
    assert_eq!((token(&keeper, "a").await, token(&keeper, "b").await), ("kept-1".into(), "old-1".into()));

    let (unused, replaced) = (Gate::new("unused"), Gate::new("new"));
    replaced.let_through(9);
    let outcome = keeper
        .reconfigure(vec![
            definition("a", &unused, 'x', 90),
            definition("b", &replaced, 'y', 60),
            definition("c", &unused, 'x', 60),
        ])
        .await
        .unwrap();
    assert_eq!(outcome, Reconfigured { accounts: 3, added: 1, changed: 2, removed: 0 });
    assert_eq!((token(&keeper, "a").await, token(&keeper, "b").await), ("kept-1".into(), "new-1".into()));

    let outcome = keeper.reconfigure(vec![definition("a", &unused, 'x', 90)]).await.unwrap();
    assert_eq!(outcome, Reconfigured { accounts: 1, added: 0, changed: 0, removed: 2 });
    assert!(keeper.account("b").is_none());
    assert_eq!(token(&keeper, "a").await, "kept-1");
}

#[tokio::test]
async fn an_account_that_is_asked_in_another_way_keeps_its_token_and_asks_so_from_now_on() {
    let (keeper, _clock) = keeper();
    let (before, after) = (Gate::new("before"), Gate::new("after"));
    before.let_through(9);
    after.let_through(9);
    keeper.reconfigure(vec![definition("a", &before, 'x', 60)]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "before-1");
    let other = Definition { setting: [1; 32], ..definition("a", &after, 'x', 60) };
    let outcome = keeper.reconfigure(vec![other]).await.unwrap();
    assert_eq!(outcome, Reconfigured { accounts: 1, added: 0, changed: 1, removed: 0 });
    assert_eq!(token(&keeper, "a").await, "before-1");
    let variant = Variant::new(vec!["s".to_owned()], Vec::new());
    assert_eq!(token_for(&keeper, "a", variant).await, "afters-1");
}

#[tokio::test]
async fn whoever_waits_for_an_account_that_changes_is_told() {
    let (keeper, _clock) = keeper();
    let gate = Gate::new("t");
    keeper.reconfigure(vec![definition("a", &gate, 'x', 60)]).await.unwrap();
    let waiting = {
        let keeper = keeper.clone();
        tokio::spawn(async move { keeper.ask("a", Variant::default(), Need::Wish, WAIT).await })
    };
    while gate.minted() == 0 {
        tokio::task::yield_now().await;
    }
    keeper.reconfigure(Vec::new()).await.unwrap();
    match waiting.await.unwrap() {
        Ok(Reply::Failure(failure)) => assert_eq!(failure.kind, "reconfigured"),
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[tokio::test]
async fn a_provider_that_panics_hurts_nobody_but_its_caller() {
    let (keeper, clock) = keeper();
    let faulty = Arc::new(Gate { panics: true, ..Arc::into_inner(Gate::new("f")).unwrap() });
    let good = Gate::new("g");
    faulty.let_through(9);
    good.let_through(9);
    keeper
        .reconfigure(vec![definition("f", &faulty, 'x', 60), definition("g", &good, 'x', 60)])
        .await
        .unwrap();
    let waiting = {
        let keeper = keeper.clone();
        tokio::spawn(async move { keeper.ask("f", Variant::default(), Need::Wish, WAIT).await })
    };
    // Its retries are waited out while they come soon.
    while !waiting.is_finished() {
        clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    match waiting.await.unwrap() {
        Ok(Reply::Failure(failure)) => {
            assert_eq!((failure.code, &*failure.kind), (Code::NOT_NOW, "internal"));
        }
        other => panic!("expected a failure, got {other:?}"),
    }
    assert_eq!(token(&keeper, "g").await, "g-1");
}

#[tokio::test]
async fn scopes_have_tokens_of_their_own_and_unused_ones_are_dropped() {
    let (keeper, clock) = keeper();
    let gate = Gate::new("t:");
    gate.let_through(100);
    keeper.reconfigure(vec![definition("a", &gate, 'x', 60)]).await.unwrap();
    let variant = |scope: &str| Variant::new(vec![scope.to_owned()], Vec::new());
    assert_eq!(token_for(&keeper, "a", variant("r")).await, "t:r-1");
    assert_eq!(token(&keeper, "a").await, "t:-2");
    assert_eq!(token_for(&keeper, "a", variant("r")).await, "t:r-1");
    for number in 0..31 {
        clock.advance(Duration::from_millis(1));
        token_for(&keeper, "a", variant(&format!("s{number}"))).await;
    }
    // Beyond 32 nobody makes room: that would be a way around every limit.
    match keeper.ask("a", variant("more"), Need::Wish, WAIT).await {
        Ok(Reply::Failure(failure)) => assert_eq!(failure.kind, "too-many-variants"),
        other => panic!("expected a failure, got {other:?}"),
    }
    assert_eq!(gate.minted(), 33);
    let account = keeper.account("a").unwrap();
    assert_eq!(account.variants.load().len(), 32);
    clock.advance(Duration::from_secs(4 * 3600));
    while !account.variants.load().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn callers_that_went_away_are_forgotten() {
    let (keeper, _clock) = keeper();
    let gate = Gate::new("t");
    keeper.reconfigure(vec![definition("a", &gate, 'x', 60)]).await.unwrap();
    for _ in 0..2000 {
        let ask = keeper.ask("a", Variant::default(), Need::Wish, WAIT);
        // Polled once, so that the question is asked, and dropped.
        let mut ask = std::pin::pin!(ask);
        std::future::poll_fn(|context| std::task::Poll::Ready(ask.as_mut().poll(context).is_pending())).await;
    }
    let last = {
        let keeper = keeper.clone();
        tokio::spawn(async move { token(&keeper, "a").await })
    };
    gate.let_through(1);
    assert_eq!(last.await.unwrap(), "t-1");
    assert_eq!(gate.minted(), 1);
}

#[tokio::test]
async fn a_rejected_token_is_gone_when_the_rejection_is_answered() {
    let (keeper, _clock) = keeper();
    let gate = Gate::new("t");
    gate.let_through(9);
    keeper.reconfigure(vec![definition("a", &gate, 'x', 60)]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t-1");
    let sha256 = keeper.account("a").unwrap().shared.snapshot().token.as_ref().unwrap().sha256;
    keeper.reject("a", sha256).await.unwrap();
    assert!(keeper.account("a").unwrap().shared.snapshot().token.is_none());
    assert_eq!(token(&keeper, "a").await, "t-2");
}
