//! What is kept on disk, and what is watched there.

use std::fs;
use std::path::Path;

use super::*;
use crate::account::State;
use crate::clock::SystemClock;
use crate::platform::testing;
use crate::secret::store::Store;

pub(super) fn with_cabinet(home: &Path) -> Keeper {
    let store = Arc::new(Store::at(&home.join("data")));
    Keeper::start(Arc::new(SystemClock), Some(Cabinet::new(&home.join("state"), store)))
}

/// Names, and what tells each file from its successor.
fn kept(home: &Path) -> Vec<(String, u64)> {
    let entries = fs::read_dir(home.join("state")).into_iter().flatten().flatten();
    let mut kept: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), testing::number(&entry.path())))
        .collect();
    kept.sort();
    kept
}

pub(super) fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    testing::set_mode(path, 0o600);
}

async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
}

#[tokio::test]
async fn a_restored_token_is_not_written_again() {
    let home = tempfile::tempdir().unwrap();
    let gate = Gate::new("t");
    gate.let_through(9);
    let mut before = None;
    for _ in 0..2 {
        let keeper = with_cabinet(home.path());
        keeper.reconfigure(vec![definition("a", &gate, 'x', 60)]).await.unwrap();
        assert_eq!(token(&keeper, "a").await, "t-1");
        keeper.flush().await.unwrap();
        let now = kept(home.path());
        assert_eq!(now.len(), 1);
        assert_eq!(before.get_or_insert_with(|| now.clone()), &now);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_holds_up_no_other() {
    let home = tempfile::tempdir().unwrap();
    let gate = Gate::new("t");
    gate.let_through(9);
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![definition("a", &gate, 'x', 60)]).await.unwrap();
    token(&keeper, "a").await;
    keeper.flush().await.unwrap();
    let path = home.path().join("state").join(&kept(home.path()).remove(0).0);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    keeper.reconfigure(vec![definition("a", &gate, 'x', 60), definition("b", &gate, 'x', 60)]).await.unwrap();
    keeper.refresh("a", WAIT).await.unwrap();
    token(&keeper, "b").await;
    keeper.flush().await.unwrap();
    assert_eq!(kept(home.path()).len(), 2);
    let unkept = |account: &str| keeper.account(account).unwrap().shared.unkept();
    assert!(unkept("a").is_some() && unkept("b").is_none());
    // What need not be kept is not complained of.
    keeper.lock().await.unwrap();
    keeper.flush().await.unwrap();
    assert_eq!(unkept("a"), None);
}

#[tokio::test]
async fn a_parked_account_is_watched_over_a_lock() {
    let home = tempfile::tempdir().unwrap();
    let (folder, secret) = (home.path().join("config"), home.path().join("secret"));
    fs::create_dir(&folder).unwrap();
    let text = format!("[accounts.s]\ntype = 'static'\ntoken = {{ file = '{}' }}\n", secret.display());
    put(&folder.join("config.toml"), &text);
    let store = Arc::new(Store::at(&home.path().join("data")));
    let proxies = crate::provider::http::ProxyEnvironment::default();
    let loaded = crate::config::load(&folder, &proxies, &store).unwrap();
    let keeper = Keeper::start(Arc::new(SystemClock), None);
    keeper.reconfigure(loaded.configuration.accounts.into_values().collect()).await.unwrap();
    let account = keeper.account("s").unwrap();
    until(|| account.shared.snapshot().state == State::Parked).await;
    keeper.lock().await.unwrap();
    keeper.unlock().await.unwrap();
    assert_eq!(account.shared.snapshot().state, State::Parked);
    // A link's target is watched, too.
    fs::create_dir(home.path().join("elsewhere")).unwrap();
    if !testing::link(home.path().join("elsewhere/secret"), &secret) {
        return;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    put(&home.path().join("elsewhere/secret"), "x");
    until(|| account.shared.snapshot().token.is_some()).await;
}

#[tokio::test]
async fn what_was_rejected_while_it_was_read_is_not_there_after_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let gate = Gate::new("t");
    gate.let_through(9);
    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![definition("a", &gate, 'x', 60)]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t-1");
    let sha256 = keeper.account("a").unwrap().shared.snapshot().token.as_ref().unwrap().sha256;
    keeper.flush().await.unwrap();

    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![definition("a", &gate, 'x', 60)]).await.unwrap();
    keeper.reject("a", sha256).await.unwrap();
    // Nobody asks; what was read is looked at all the same.
    until(|| keeper.account("a").unwrap().shared.snapshot().state == State::Idle).await;
    keeper.flush().await.unwrap();
    assert!(kept(home.path()).is_empty(), "{:?}", kept(home.path()));

    let keeper = with_cabinet(home.path());
    keeper.reconfigure(vec![definition("a", &gate, 'x', 60)]).await.unwrap();
    assert_eq!(token(&keeper, "a").await, "t-2");
}
