//! Requests that spend a refresh token, through the keeper and with a real disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::TempDir;

use super::keeping::{put, with_cabinet};
use super::*;
use crate::account::State;
use crate::account::grant::Kept;
use crate::account::kept::Binding;
use crate::clock::SystemClock;
use crate::provider::stand_in::with_table;
use crate::provider::{CarriedOut, Class, Failure};
use crate::secret::store::Store;
use crate::secret::{Reach, Source};

/// A service whose refresh tokens rotate: `r0` becomes `r1`, and so on. It refuses what is not the newest.
#[derive(Debug)]
struct Rotating {
    source: Source,
    newest: Mutex<String>,
    /// Which refresh tokens were sent, with what they were sent for.
    sent: Mutex<Vec<String>>,
    /// How many requests may be answered.
    open: Semaphore,
    /// How many answers are lost.
    loses: AtomicUsize,
    origin: Mutex<String>,
}

impl Rotating {
    fn new(home: &Path) -> Arc<Self> {
        let path = home.join("refresh-token");
        put(&path, "r0");
        let mut source = None;
        with_table(&format!("refresh_token = {{ file = {path:?} }}"), |table| {
            source = Source::read(table, "refresh_token", &Reach::default());
        });
        Arc::new(Self {
            source: source.unwrap(),
            newest: Mutex::new("r0".to_owned()),
            sent: Mutex::default(),
            open: Semaphore::new(0),
            loses: AtomicUsize::new(0),
            origin: Mutex::new("https://a.example".to_owned()),
        })
    }

    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }

    async fn was_sent(&self, count: usize) {
        let waiting = async {
            while self.sent().len() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
    }
}

impl Provider for Rotating {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(async move {
            let sent = request.refresh_token.as_ref().unwrap().expose().as_str().unwrap().to_owned();
            let scope = request.scope.clone().unwrap_or_default().join("+");
            self.sent.lock().unwrap().push(format!("{sent}{scope}"));
            self.open.acquire().await.unwrap().forget();
            let mut newest = self.newest.lock().unwrap();
            if *newest != sent {
                return Err(Failure::login_needed("invalid-grant", "an old refresh token", "log in"));
            }
            let next = sent[1..].parse::<u32>().unwrap() + 1;
            *newest = format!("r{next}");
            if self.loses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
            {
                return Err(
                    Failure::not_now("reset", "the answer was lost", "").perhaps(CarriedOut::AnswerLost)
                );
            }
            Ok(Minted {
                lifetime: Some(Duration::from_secs(3600)),
                refresh_token: Some(Secret::new(newest.clone().into_bytes()).unwrap()),
                ..Minted::of(Secret::new(format!("t{next}{scope}").into_bytes()).unwrap())
            })
        })
    }

    fn identity(&self) -> Identity {
        Identity { origin: self.origin.lock().unwrap().clone(), ..Identity::default() }
    }

    fn first_refresh_token(&self) -> Option<&Source> {
        Some(&self.source)
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

fn spender(service: &Arc<Rotating>, fingerprint: char) -> Definition {
    Definition {
        provider: Arc::clone(service) as Arc<dyn Provider>,
        ..definition("a", &Gate::new("unused"), fingerprint, 60)
    }
}

fn home() -> (TempDir, Arc<Rotating>) {
    let home = tempfile::tempdir().unwrap();
    let service = Rotating::new(home.path());
    (home, service)
}

fn files(home: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(home.join("state")).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn the_newest_refresh_token_survives_the_daemon() {
    let (home, service) = home();
    service.open.add_permits(9);
    for run in 0..3 {
        let keeper = with_cabinet(home.path());
        keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
        keeper.refresh("a", WAIT).await.unwrap();
        assert_eq!(service.sent().last().unwrap(), &format!("r{run}"));
        assert_eq!(token(&keeper, "a").await, format!("t{}", run + 1));
        // As a kill would: nothing is flushed.
    }
    let names =
        files(home.path()).iter().map(|it| it.to_str().unwrap().ends_with(".grant.age")).collect::<Vec<_>>();
    assert_eq!(names.iter().filter(|is_grant| **is_grant).count(), 1, "{names:?}");
}

#[tokio::test]
async fn variants_spend_the_same_grant_one_after_another() {
    let (home, service) = home();
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    let callers: Vec<_> = ["", "b", "c"]
        .into_iter()
        .map(|scope| {
            let keeper = keeper.clone();
            let scope = Some(scope.to_owned()).filter(|scope| !scope.is_empty());
            let variant = Variant::new(scope.into_iter().collect(), Vec::new());
            tokio::spawn(async move { token_for(&keeper, "a", variant).await })
        })
        .collect();
    service.was_sent(1).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.sent().len(), 1, "the others wait for it");
    service.open.add_permits(3);
    for caller in callers {
        caller.await.unwrap();
    }
    let spent: Vec<_> = service.sent().iter().map(|sent| sent[..2].to_owned()).collect();
    assert_eq!(spent, ["r0", "r1", "r2"]);
}

#[tokio::test]
async fn a_lock_waits_for_what_was_sent_and_keeps_what_came_of_it() {
    let (home, service) = home();
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    let asking = {
        let keeper = keeper.clone();
        tokio::spawn(async move { keeper.ask("a", Variant::default(), Need::Wish, WAIT).await })
    };
    service.was_sent(1).await;
    let lock = tokio::spawn(keeper.lock());
    match asking.await.unwrap() {
        Ok(Reply::Failure(failure)) => assert_eq!(failure.code, Code::LOCKED),
        other => panic!("expected a failure, got {other:?}"),
    }
    assert!(!lock.is_finished());
    service.open.add_permits(9);
    lock.await.unwrap().unwrap();
    keeper.unlock().await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t2");
    assert_eq!(service.sent(), ["r0", "r1"]);
}

#[tokio::test]
async fn what_was_sent_before_a_lock_is_on_disk_when_the_lock_is_done() {
    let (home, service) = home();
    let store = Arc::new(Store::at(&home.path().join("data")));
    let cabinet = Cabinet::new(&home.path().join("state"), Arc::clone(&store));
    let keeper = Keeper::start(Arc::new(SystemClock), Some(cabinet));
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    let asking = {
        let keeper = keeper.clone();
        tokio::spawn(async move { keeper.ask("a", Variant::default(), Need::Wish, WAIT).await })
    };
    service.was_sent(1).await;
    // As `tok lock` does.
    store.lock();
    let lock = tokio::spawn(keeper.lock());
    asking.await.unwrap().unwrap();
    service.open.add_permits(9);
    lock.await.unwrap().unwrap();
    assert_eq!(keeper.account("a").unwrap().shared.at_risk(), None);

    // The machine is switched off, still locked.
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t2");
    assert_eq!(service.sent(), ["r0", "r1"]);
}

#[tokio::test]
async fn a_grant_that_is_read_while_the_store_is_being_locked_stays_where_it_is() {
    let (home, service) = home();
    let store = Arc::new(Store::at(&home.path().join("data")));
    let cabinet = Cabinet::new(&home.path().join("state"), Arc::clone(&store));
    let binding = Binding::of_grant(&Account::new(spender(&service, 'x')));
    let (keys, _) = store.keys_or_make().await.unwrap();
    let token = Arc::new(Secret::new(b"r9".to_vec()).unwrap());
    let kept = Kept {
        first: [0; 32],
        token,
        sendings: 0,
        is_unclear: false,
        ended: None,
        until: None,
        subject: None,
        at: crate::clock::Wall(0),
    };
    cabinet.write_grant(&keys, &binding, &kept).unwrap();
    store.lock();
    assert_eq!(cabinet.read_grant(&keys, &binding).unwrap_err().class, Class::Locked);
    store.unlock(None).await.unwrap();
    let keys = store.keys().await.unwrap();
    assert_eq!(&cabinet.read_grant(&keys, &binding).unwrap().unwrap().token.expose()[..], b"r9");
}

#[tokio::test]
async fn a_kept_grant_that_cannot_be_read_is_not_replaced_by_the_first_refresh_token() {
    let (home, service) = home();
    service.open.add_permits(9);
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t1");
    keeper.flush().await.unwrap();
    // The store's folder is another for a while.
    let (data, away) = (home.path().join("data"), home.path().join("away"));
    fs::rename(&data, &away).unwrap();
    let keeper = with_cabinet(home.path());
    Store::at(&data).keys_or_make().await.unwrap();
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    match keeper.refresh("a", WAIT).await {
        Ok(Reply::Failure(failure)) => {
            assert_eq!(failure.code, Code::NOT_NOW);
            assert!(failure.message.contains("of another identity"), "{}", failure.message);
        }
        other => panic!("expected a failure, got {other:?}"),
    }
    assert_eq!(service.sent(), ["r0"]);
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&away, &data).unwrap();
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    keeper.refresh("a", WAIT).await.unwrap();
    assert_eq!(service.sent(), ["r0", "r1"]);
}

#[tokio::test]
async fn a_caller_of_a_variant_does_not_wait_for_the_turn_of_a_token_that_nobody_asked_for() {
    let (home, service) = home();
    let fleet = turns::Fleet::new("https://a.example");
    let keeper = with_cabinet(home.path());
    // They take every place that is for those that nobody waits for, and hang.
    let mut all = fleet.accounts("fleet", 20);
    keeper.reconfigure(all).await.unwrap();
    while fleet.heard().len() < 16 {
        tokio::task::yield_now().await;
    }
    let mut eager = spender(&service, 'x');
    eager.policy.refresh = Refresh::Eager;
    all = fleet.accounts("fleet", 20);
    all.push(eager);
    keeper.reconfigure(all).await.unwrap();
    let account = keeper.account("a").unwrap();
    let waiting = async {
        // Its turn has a time once it waits for it.
        while account.shared.snapshot().next_refresh.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
    service.open.add_permits(2);
    let variant = Variant::new(vec!["b".to_owned()], Vec::new());
    assert_eq!(token_for(&keeper, "a", variant).await, "t2b");
    assert_eq!(service.sent(), ["r0", "r1b"]);
}

#[tokio::test]
async fn a_stop_waits_for_what_was_sent_and_begins_nothing() {
    let (home, service) = home();
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    let ask = |scope: &str| {
        let (keeper, variant) = (keeper.clone(), Variant::new(vec![scope.to_owned()], Vec::new()));
        tokio::spawn(async move { keeper.ask("a", variant, Need::Wish, WAIT).await })
    };
    let _waiting = [ask("b"), ask("c")];
    service.was_sent(1).await;
    let stop = {
        let keeper = keeper.clone();
        tokio::spawn(async move { keeper.stop_spending().await })
    };
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!stop.is_finished());
    service.open.add_permits(9);
    stop.await.unwrap().unwrap();
    assert_eq!(service.sent().len(), 1);

    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t2");
}

#[tokio::test]
async fn a_stop_begins_nothing_for_a_grant_that_it_has_not_seen_before() {
    let (home, service) = home();
    let other = tempfile::tempdir().unwrap();
    let other = Rotating::new(other.path());
    let keeper = with_cabinet(home.path());
    let idle = Definition { name: "b".to_owned(), ..spender(&other, 'x') };
    keeper.reconfigure(vec![spender(&service, 'x'), idle]).await.unwrap();
    let ask = |account: &'static str| {
        let keeper = keeper.clone();
        tokio::spawn(async move { keeper.ask(account, Variant::default(), Need::Wish, WAIT).await })
    };
    let _waiting = ask("a");
    service.was_sent(1).await;
    let stop = {
        let keeper = keeper.clone();
        tokio::spawn(async move { keeper.stop_spending().await })
    };
    tokio::task::yield_now().await;
    let _late = ask("b");
    for _ in 0..20 {
        // Its file is read by a thread.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((other.sent().len(), stop.is_finished()), (0, false));
    service.open.add_permits(1);
    stop.await.unwrap().unwrap();
    assert!(other.sent().is_empty());
}

#[tokio::test]
async fn a_stop_writes_what_the_disk_refused_before() {
    let (home, service) = home();
    service.open.add_permits(9);
    put(&home.path().join("state"), "");
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t1");
    fs::remove_file(home.path().join("state")).unwrap();
    keeper.stop_spending().await.unwrap();
    assert!(files(home.path()).iter().any(|path| path.to_str().unwrap().ends_with(".grant.age")));
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    keeper.refresh("a", WAIT).await.unwrap();
    assert_eq!(service.sent(), ["r0", "r1"]);
}

#[tokio::test]
async fn nothing_stays_in_memory_of_the_grant_of_an_account_that_is_gone() {
    let (home, service) = home();
    service.open.add_permits(9);
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t1");
    keeper.reconfigure(Vec::new()).await.unwrap();
    keeper.flush().await.unwrap();
    assert_eq!(Arc::strong_count(&service), 1);
}

#[tokio::test]
async fn an_account_that_is_taken_away_meanwhile_loses_no_login() {
    let (home, service) = home();
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    let asking = {
        let keeper = keeper.clone();
        tokio::spawn(async move { keeper.ask("a", Variant::default(), Need::Wish, WAIT).await })
    };
    service.was_sent(1).await;
    keeper.reconfigure(Vec::new()).await.unwrap();
    asking.await.unwrap().unwrap();
    // And it is there again, with another scope perhaps, before the answer is.
    keeper.reconfigure(vec![spender(&service, 'y')]).await.unwrap();
    let asking = {
        let keeper = keeper.clone();
        tokio::spawn(async move { token(&keeper, "a").await })
    };
    service.open.add_permits(9);
    assert_eq!(asking.await.unwrap(), "t2");
    assert_eq!(service.sent(), ["r0", "r1"]);
}

#[tokio::test]
async fn what_belongs_to_another_service_is_not_sent_to_this_one() {
    let (home, service) = home();
    service.open.add_permits(9);
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t1");
    "https://b.example".clone_into(&mut service.origin.lock().unwrap());
    "r0".clone_into(&mut service.newest.lock().unwrap());
    keeper.reconfigure(vec![spender(&service, 'y')]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t1");
    assert_eq!(service.sent(), ["r0", "r0"]);
    keeper.flush().await.unwrap();
    assert_eq!(files(home.path()).len(), 4);
}

#[tokio::test]
async fn a_disk_that_refuses_stops_no_refresh_and_everybody_is_told() {
    let (home, service) = home();
    service.open.add_permits(9);
    // Where the state shall be, there is a file.
    put(&home.path().join("state"), "");
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t1");
    let account = keeper.account("a").unwrap();
    let told = account.shared.at_risk().unwrap();
    assert!(told.contains("loses this account's login"), "{told}");
    keeper.refresh("a", WAIT).await.unwrap();
    assert_eq!(service.sent(), ["r0", "r1"]);
    fs::remove_file(home.path().join("state")).unwrap();
    let waiting = async {
        while account.shared.at_risk().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
    assert!(files(home.path()).iter().any(|path| path.to_str().unwrap().ends_with(".grant.age")));
}

#[tokio::test]
async fn a_refused_grant_needs_a_login_and_a_new_refresh_token_in_its_place_is_one() {
    let (home, service) = home();
    service.open.add_permits(9);
    "r7".clone_into(&mut service.newest.lock().unwrap());
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    match keeper.ask("a", Variant::default(), Need::Wish, WAIT).await {
        Ok(Reply::Failure(failure)) => assert_eq!(failure.code, Code::LOGIN_NEEDED),
        other => panic!("expected a failure, got {other:?}"),
    }
    let account = keeper.account("a").unwrap();
    assert_eq!(account.shared.snapshot().state, State::LoginNeeded);
    put(&home.path().join("refresh-token"), "r7");
    keeper.refresh("a", WAIT).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t8");
    assert_eq!(service.sent(), ["r0", "r7"]);
}

#[tokio::test]
async fn a_lost_answer_is_survived_once_where_the_service_honours_it() {
    let (home, service) = home();
    service.open.add_permits(9);
    service.loses.store(1, Ordering::SeqCst);
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![spender(&service, 'x')]).await.unwrap();
    // The caller waits for the one more try; this service refuses it.
    match keeper.ask("a", Variant::default(), Need::Wish, WAIT).await {
        Ok(Reply::Failure(failure)) => {
            assert_eq!(failure.code, Code::LOGIN_NEEDED);
            assert!(failure.message.contains("was lost"), "{}", failure.message);
        }
        other => panic!("expected a failure, got {other:?}"),
    }
    assert_eq!(service.sent(), ["r0", "r0"]);
}
