//! Fleets of one service: who goes first, and who is held up by nobody.

use std::sync::Mutex;

use super::*;
use crate::account::snapshot::State;
use crate::provider::Failure;

/// A service of many accounts: writes down who asks, and answers as the test lets it.
#[derive(Debug)]
pub(super) struct Fleet {
    origin: &'static str,
    heard: Arc<Mutex<Vec<String>>>,
    open: Arc<Semaphore>,
}

impl Fleet {
    pub(super) fn new(origin: &'static str) -> Arc<Self> {
        Arc::new(Self { origin, heard: Arc::default(), open: Arc::new(Semaphore::new(0)) })
    }

    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn account(self: &Arc<Self>, name: String) -> Definition {
        let member = Member { fleet: Arc::clone(self), name: name.clone() };
        let gate = Gate::new("unused");
        let mut definition = definition("unused", &gate, 'x', 60);
        definition.policy.refresh = Refresh::Eager;
        Definition { name, provider: Arc::new(member), ..definition }
    }

    pub(super) fn accounts(self: &Arc<Self>, prefix: &str, count: usize) -> Vec<Definition> {
        (0..count).map(|number| self.account(format!("{prefix}{number:04}"))).collect()
    }
}

#[derive(Debug)]
struct Member {
    fleet: Arc<Fleet>,
    name: String,
}

impl Provider for Member {
    fn mint<'a>(&'a self, _: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(async move {
            self.fleet.heard.lock().unwrap().push(self.name.clone());
            self.fleet.open.acquire().await.unwrap().forget();
            if self.name.starts_with("busy") {
                let busy = Failure::not_now("rate-limited", "busy".to_owned(), "wait");
                return Err(busy.after(Some(Duration::from_secs(3600))));
            }
            let token = Secret::new(self.name.clone().into_bytes()).unwrap();
            Ok(Minted { lifetime: Some(Duration::from_secs(3600)), ..Minted::of(token) })
        })
    }

    fn identity(&self) -> Identity {
        Identity { origin: self.fleet.origin.to_owned(), ..Identity::default() }
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Lets the keeper do what it can do now.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whoever_is_asked_for_is_not_held_up_by_a_fleet_that_hangs() {
    let (keeper, clock) = keeper();
    let fleet = Fleet::new("https://a.example");
    keeper.reconfigure(fleet.accounts("f", 500)).await.unwrap();
    settle().await;
    assert_eq!(fleet.heard().len(), 16);
    clock.advance(Duration::from_secs(5));
    settle().await;
    assert_eq!(fleet.heard().len(), 16);
    // Asked for while it waits for its turn.
    let asking = {
        let keeper = keeper.clone();
        tokio::spawn(async move { token(&keeper, "f0444").await })
    };
    settle().await;
    assert_eq!(fleet.heard()[16..], ["f0444"]);
    fleet.open.add_permits(17);
    assert_eq!(asking.await.unwrap(), "f0444");
}

#[tokio::test]
async fn a_fleet_begins_at_a_pace_and_status_says_when_each_ones_turn_comes() {
    let (keeper, clock) = keeper();
    let fleet = Fleet::new("https://a.example");
    fleet.open.add_permits(10_000);
    keeper.reconfigure(fleet.accounts("f", 1000)).await.unwrap();
    settle().await;
    assert_eq!(fleet.heard().len(), 32);
    let last = keeper.account("f0999").unwrap();
    let snapshot = Arc::clone(&last.shared.snapshot());
    let wait = snapshot.next_refresh.map(|at| keeper.now().steady.until(at));
    assert_eq!((snapshot.state, wait), (State::Refreshing, Some(Duration::from_millis(968 * 20))));
    for second in 1..=20 {
        for _ in 0..50 {
            clock.advance(Duration::from_millis(20));
            settle().await;
        }
        assert_eq!(fleet.heard().len(), (32 + second * 50).min(1000));
    }
    let snapshot = Arc::clone(&last.shared.snapshot());
    assert_eq!(snapshot.state, State::Fresh);
    // They are not refreshed together.
    let next = |name: &String| {
        let at = keeper.account(name).unwrap().shared.snapshot().next_refresh.unwrap();
        keeper.now().steady.until(at).as_secs()
    };
    let next: Vec<u64> = fleet.heard().iter().map(next).collect();
    let early = next.iter().filter(|next| **next < 1500).count();
    assert!((300..700).contains(&early), "{early} of 1000 in the first half");
}

#[tokio::test]
async fn what_a_service_says_to_one_account_holds_up_no_other() {
    let (keeper, _clock) = keeper();
    let fleet = Fleet::new("https://a.example");
    fleet.open.add_permits(1000);
    let mut accounts = fleet.accounts("busy", 16);
    accounts.extend(fleet.accounts("f", 8));
    keeper.reconfigure(accounts).await.unwrap();
    settle().await;
    let state = |name: &str| keeper.account(name).unwrap().shared.snapshot().state;
    assert_eq!(
        (state("busy0000"), state("f0000"), state("f0007")),
        (State::Waiting, State::Fresh, State::Fresh)
    );
    assert_eq!(token(&keeper, "f0007").await, "f0007");
}

#[tokio::test]
async fn a_full_service_holds_up_no_other_and_programs_do_not_start_all_at_once() {
    let (keeper, _clock) = keeper();
    let (full, other, here) =
        (Fleet::new("https://a.example"), Fleet::new("https://b.example"), Fleet::new(""));
    other.open.add_permits(1);
    let mut accounts = full.accounts("f", 500);
    accounts.extend(other.accounts("o", 1));
    accounts.extend(here.accounts("p", 500));
    keeper.reconfigure(accounts).await.unwrap();
    assert_eq!(token(&keeper, "o0000").await, "o0000");
    settle().await;
    assert_eq!((full.heard().len(), here.heard().len()), (16, 32));
    let asking = {
        let keeper = keeper.clone();
        tokio::spawn(async move { token(&keeper, "p0400").await })
    };
    settle().await;
    assert_eq!(here.heard()[32..], ["p0400"]);
    here.open.add_permits(33);
    assert_eq!(asking.await.unwrap(), "p0400");
}

#[tokio::test]
async fn one_that_is_locked_or_gone_gives_its_turn_up() {
    let (keeper, _clock) = keeper();
    let fleet = Fleet::new("https://a.example");
    keeper.reconfigure(fleet.accounts("f", 100)).await.unwrap();
    settle().await;
    assert_eq!(fleet.heard().len(), 16);
    keeper.lock().await.unwrap();
    settle().await;
    assert_eq!(fleet.heard().len(), 16);
    keeper.unlock().await.unwrap();
    keeper.reconfigure(vec![fleet.account("new".to_owned())]).await.unwrap();
    settle().await;
    assert_eq!(fleet.heard()[16..].last().map(String::as_str), Some("new"));
    assert!(fleet.heard().len() <= 33);
    fleet.open.add_permits(1000);
    assert_eq!(token(&keeper, "new").await, "new");
}
