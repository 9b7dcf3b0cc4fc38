//! Locking and unlocking.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::shared::Shared;
use super::*;

#[tokio::test]
async fn a_locked_store_gives_nothing_until_it_is_unlocked() {
    let (_home, store) = Home::with(&["a"]).await;
    assert!(fetched(&store, "a").await.is_ok());
    store.lock();
    let state = store.state();
    assert_eq!((state.locked, state.open, state.identity), (true, false, IdentityKind::Plain));
    assert_eq!(fetched(&store, "a").await.unwrap_err(), Failure::locked());
    assert_eq!(store.keys().await.unwrap_err(), Failure::locked());
    assert_eq!(store.keys_or_make().await.unwrap_err(), Failure::locked());
    // Writing needs no key.
    store.set("b", secret("B"), Binding::Keep).await.unwrap();
    store.unlock(None).await.unwrap();
    assert_eq!(fetched(&store, "b").await.unwrap(), "B");
    assert!(!store.state().locked);
}

#[tokio::test]
async fn a_store_without_an_identity_can_be_locked_and_unlocked() {
    let home = Home::new();
    let store = home.store();
    store.lock();
    assert_eq!(fetched(&store, "a").await.unwrap_err(), Failure::locked());
    store.unlock(Some(secret("whatever"))).await.unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap_err().kind, "secret-missing");
}

#[tokio::test]
async fn wrong_passphrases_cost_growing_time_also_at_once_and_whoever_hangs_up() {
    static NOW: AtomicU64 = AtomicU64::new(5_000);
    let (_home, store) = Home::with_passphrase("right").await;
    let store = Arc::new(Store { shared: Arc::new(Shared::at(|| NOW.load(Ordering::Relaxed))), ..store });
    // Whoever hangs up has tried all the same.
    for _ in 0..2 {
        let mut hasty = Box::pin(store.unlock(Some(secret("wrong"))));
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(hasty.as_mut().poll(context)));
        assert!(polled.await.is_pending());
    }
    let tries: Vec<_> = (0..4)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.unlock(Some(secret("right"))).await })
        })
        .collect();
    for outcome in tries {
        let outcome = outcome.await.unwrap();
        assert_eq!(outcome, Err(UnlockError::TooSoon(Duration::from_secs(1))));
    }
    assert_eq!(store.unlock(None).await, Err(UnlockError::PassphraseNeeded));
    assert_eq!(fetched(&store, "a").await.unwrap_err().class, Class::Locked);
    NOW.store(5_999, Ordering::Relaxed);
    let soon = store.unlock(Some(secret("right"))).await;
    assert_eq!(soon, Err(UnlockError::TooSoon(Duration::from_millis(1))));
    NOW.store(6_000, Ordering::Relaxed);
    assert_eq!(store.unlock(Some(secret("wrong"))).await, Err(UnlockError::WrongPassphrase));
    NOW.store(8_000, Ordering::Relaxed);
    store.unlock(Some(secret("right"))).await.unwrap();
    // All is forgiven.
    store.lock();
    for _ in 0..2 {
        assert_eq!(store.unlock(Some(secret("wrong"))).await, Err(UnlockError::WrongPassphrase));
    }
}

#[tokio::test]
async fn many_who_fetch_at_once_all_get_it() {
    let (home, _) = Home::with(&["a"]).await;
    let store = Arc::new(home.store());
    let fetches: Vec<_> = (0..50)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { fetched(&store, "a").await })
        })
        .collect();
    for fetch in fetches {
        assert_eq!(fetch.await.unwrap().unwrap(), "A");
    }
}

#[tokio::test]
async fn a_failed_opening_is_tried_again_by_the_next_who_asks() {
    let (home, store) = Home::with(&["a"]).await;
    let identity = home.path("identity");
    testing::set_mode(&identity, 0o644);
    assert!(fetched(&store, "a").await.is_err());
    testing::set_mode(&identity, 0o600);
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
}
