//! The keys of the kept state.

use super::*;

#[tokio::test]
async fn what_is_sealed_for_a_context_opens_for_that_one_alone() {
    let (home, store) = Home::with(&["a"]).await;
    let keys = store.keys().await.unwrap();
    let sealed = keys.seal(b"account one", 1, b"grant").unwrap();
    assert_eq!(**keys.open(b"account one", &sealed).unwrap(), *b"grant");
    for context in [b"account two".as_slice(), b"", b"account onegrant", b"account on"] {
        assert_eq!(keys.open(context, &sealed).unwrap_err(), Unreadable::Planted);
    }
    // A daemon that starts later opens it, too.
    assert!(home.store().keys().await.unwrap().open(b"account one", &sealed).is_ok());
    let empty = keys.seal(b"", 1, b"").unwrap();
    assert!(keys.open(b"", &empty).unwrap().is_empty());
    let large = vec![7; 300_000];
    assert_eq!(**keys.open(b"x", &keys.seal(b"x", 1, &large).unwrap()).unwrap(), *large);
}

#[tokio::test]
async fn nobody_who_only_knows_the_recipient_can_plant_a_file() {
    let (home, store) = Home::with(&["a"]).await;
    let keys = store.keys().await.unwrap();
    let recipient = fs::read_to_string(home.path("recipients.txt")).unwrap();
    let recipient: age::x25519::Recipient = recipient.trim().parse().unwrap();
    for plaintext in [b"".as_slice(), b"grant", &[0; 32], &[0; 40]] {
        let planted = age::encrypt(&recipient, plaintext).unwrap();
        assert_eq!(keys.open(b"x", &planted).unwrap_err(), Unreadable::Planted);
    }
    // Nor is a secret of the store taken for one.
    let secret = fs::read(home.path("secrets/a.age")).unwrap();
    assert_eq!(keys.open(b"x", &secret).unwrap_err(), Unreadable::Planted);
}

#[tokio::test]
async fn what_is_damaged_or_for_another_store_is_not_ours() {
    let (_home, store) = Home::with(&["a"]).await;
    let keys = store.keys().await.unwrap();
    let (_other, stranger) = Home::with(&["a"]).await;
    let theirs = stranger.keys().await.unwrap().seal(b"x", 1, b"grant").unwrap();
    assert_eq!(keys.open(b"x", &theirs).unwrap_err(), Unreadable::NotOurs);
    assert_eq!(keys.open(b"x", b"").unwrap_err(), Unreadable::NotOurs);
    let sealed = keys.seal(b"x", 1, b"grant").unwrap();
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        assert!(keys.open(b"x", &changed).is_err(), "byte {place}");
        assert!(keys.open(b"x", &sealed[..place]).is_err(), "{place} bytes");
    }
}

#[tokio::test]
async fn keys_in_anybodys_hands_are_useless_after_a_lock() {
    let (_home, store) = Home::with(&["a"]).await;
    let keys = store.keys().await.unwrap();
    let sealed = keys.seal(b"x", 1, b"grant").unwrap();
    store.lock();
    assert_eq!(keys.seal(b"x", 1, b"grant").unwrap_err(), Failure::locked());
    assert_eq!(keys.open(b"x", &sealed).unwrap_err(), Unreadable::Locked);
    store.unlock(None).await.unwrap();
    assert!(store.keys().await.unwrap().open(b"x", &sealed).is_ok());
}

#[tokio::test]
async fn an_identity_is_made_for_the_first_state_and_said_once() {
    let home = Home::new();
    let store = home.store();
    assert_eq!(store.keys().await.unwrap_err().class, Class::Source);
    assert!(!home.folder().exists());
    let (keys, made) = store.keys_or_make().await.unwrap();
    assert_eq!(made.unwrap().kind, IdentityKind::Plain);
    let sealed = keys.seal(b"x", 1, b"grant").unwrap();
    let (again, made) = store.keys_or_make().await.unwrap();
    assert!(made.is_none());
    assert!(again.open(b"x", &sealed).is_ok());
    assert!(testing::is_closed(&home.path("identity")));
}
