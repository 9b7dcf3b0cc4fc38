//! Setting, fetching, listing and removing.

use super::*;

#[tokio::test]
async fn what_is_set_is_fetched_by_a_store_that_is_opened_later() {
    let (home, store) = Home::with(&["a", "b"]).await;
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
    assert_eq!(fetched(&home.store(), "b").await.unwrap(), "B");
    store.set("a", secret("new"), Binding::Keep).await.unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap(), "new");
}

#[tokio::test]
async fn the_first_secret_makes_a_plain_identity_and_says_so_once() {
    let home = Home::new();
    let store = home.store();
    let first = store.set("a", secret("A"), Binding::Keep).await.unwrap();
    let made = first.made.unwrap();
    assert_eq!((made.kind, &made.place), (IdentityKind::Plain, &home.path("identity")));
    let words = made.to_string();
    assert!(words.contains("back it up") && words.contains("does not protect from"), "{words}");
    assert!(!words.contains("AGE-SECRET"), "{words}");
    assert!(store.set("b", secret("B"), Binding::Keep).await.unwrap().made.is_none());
    for file in ["identity", "recipients.txt", "secrets/a.age"] {
        assert!(testing::is_closed(&home.path(file)), "{file}");
    }
    for folder in ["", "secrets"] {
        assert!(testing::is_closed(&home.path(folder)), "{folder}");
    }
}

#[tokio::test]
async fn a_missing_secret_is_named_with_those_that_may_be_meant() {
    let (home, store) = Home::with(&["lyve-prod", "graph"]).await;
    let failure = fetched(&store, "lyve-prdo").await.unwrap_err();
    assert_eq!((failure.class, failure.kind), (Class::Source, "secret-missing"));
    assert!(failure.message.contains("did you mean lyve-prod?"), "{failure:?}");
    assert!(
        failure.message.contains(&home.path("secrets/lyve-prdo.age").display().to_string()),
        "{failure:?}"
    );
    assert!(failure.hint.contains("tok secret set lyve-prdo"), "{failure:?}");
    // Nothing is made by looking.
    let nothing = Home::new();
    assert_eq!(fetched(&nothing.store(), "a").await.unwrap_err().kind, "secret-missing");
    assert!(!nothing.folder().exists());
    assert!(nothing.store().list().await.unwrap().is_empty());
    assert_eq!(nothing.store().remove("a").await.unwrap_err().sort, Sort::Missing);
    assert!(!nothing.folder().exists());
}

#[tokio::test]
async fn a_bound_secret_is_for_its_account_and_origin() {
    let (_home, store) = Home::with(&[]).await;
    let bound = Bound { account: "account".to_owned(), origin: "https://one.example".to_owned() };
    let set = store.set("a", secret("A"), Binding::To(bound.clone())).await.unwrap();
    assert_eq!(set.bound.as_ref(), Some(&bound));
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
    for (account, origin) in [("other", "https://one.example"), ("account", "https://two.example")] {
        let failure = store.fetch("a", &Errand::new(account, origin)).await.unwrap_err();
        assert_eq!((failure.class, failure.kind), (Class::Source, "secret-bound"));
        assert!(failure.message.contains("account at https://one.example"), "{failure:?}");
    }
    assert_eq!(text(&store.show("a").await.unwrap()), "A");
    // Setting it again keeps the binding, unless that is said.
    let set = store.set("a", secret("B"), Binding::Keep).await.unwrap();
    assert_eq!((set.replaced, set.bound), (true, Some(bound)));
    assert_eq!(store.set("a", secret("B"), Binding::Any).await.unwrap().bound, None);
    assert!(store.fetch("a", &Errand::new("other", "")).await.is_ok());
}

#[tokio::test]
async fn secrets_are_listed_and_removed_without_the_key() {
    let (home, store) = Home::with_passphrase("x").await;
    store.set("b", secret("B"), Binding::Keep).await.unwrap();
    let listed = store.list().await.unwrap();
    assert_eq!(listed.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(listed.iter().all(|entry| entry.changed.is_some() && entry.stranger.is_none()));
    store.remove("a").await.unwrap();
    assert!(!home.path("secrets/a.age").exists());
    assert_eq!(store.remove("a").await.unwrap_err().sort, Sort::Missing);
    assert_eq!(store.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn names_that_no_file_can_have_everywhere_are_refused_without_being_repeated() {
    let (home, store) = Home::with(&["abc"]).await;
    for name in ["../x", "", "nul", "a/b", "sk_live_0123456789ABCDEF/x", "COM1.txt"] {
        let trouble = store.set(name, secret("A"), Binding::Keep).await.unwrap_err();
        assert_eq!(trouble.sort, Sort::Usage, "{name}");
        assert!(name.is_empty() || !trouble.message.contains(name), "{trouble:?}");
        assert_eq!(fetched(&store, name).await.unwrap_err().class, Class::Source);
    }
    let trouble = store.set("ABC", secret("A"), Binding::Keep).await.unwrap_err();
    assert!(trouble.message.contains("a secret abc, whose name differs only in case"), "{trouble:?}");
    assert!(!everything(&home).iter().any(|(path, _)| path.ends_with("ABC.age")));
}

#[tokio::test]
async fn a_secret_of_the_limit_fits_and_an_empty_one_is_none() {
    let (_home, store) = Home::with(&[]).await;
    let longest = "x".repeat(tokend_proto::limits::MAX_SECRET);
    store.set("a", secret(&longest), Binding::Keep).await.unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap(), longest);
    assert_eq!(store.set("a", secret(""), Binding::Keep).await.unwrap_err().sort, Sort::Usage);
    assert_eq!(fetched(&store, "a").await.unwrap(), longest);
}

#[tokio::test]
async fn two_writers_lose_nothing_and_make_one_identity() {
    let home = Home::new();
    let tasks: Vec<_> = (0..24)
        .map(|number| {
            let store = home.store();
            tokio::spawn(async move {
                let name = format!("s{}", number % 12);
                store
                    .set(&name, secret(&format!("{name}:{number}")), Binding::Keep)
                    .await
                    .unwrap()
                    .made
                    .is_some()
            })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        made += usize::from(task.await.unwrap());
    }
    assert_eq!(made, 1);
    let store = home.store();
    for number in 0..12 {
        let name = format!("s{number}");
        let value = fetched(&store, &name).await.unwrap();
        assert!([format!("{name}:{number}"), format!("{name}:{}", number + 12)].contains(&value), "{value}");
    }
}

#[tokio::test]
async fn what_a_killed_writer_left_goes_with_the_next_write() {
    let (home, store) = Home::with(&["a"]).await;
    let leftovers = ["secrets/.a.age.0123abcd.tmp", ".identity.0123abcd.tmp"].map(|name| home.path(name));
    for leftover in &leftovers {
        write(leftover, b"half", 0o600);
    }
    assert_eq!(store.list().await.unwrap().len(), 1);
    store.set("b", secret("B"), Binding::Keep).await.unwrap();
    assert!(leftovers.iter().all(|leftover| !leftover.exists()));
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
}

#[tokio::test]
async fn a_store_nowhere_has_nothing_and_takes_nothing() {
    let store = Store::default();
    assert_eq!(fetched(&store, "a").await.unwrap_err().kind, "store-nowhere");
    assert_eq!(store.set("a", secret("A"), Binding::Keep).await.unwrap_err().kind, "store-nowhere");
    assert_eq!(store.keys_or_make().await.unwrap_err().kind, "store-nowhere");
}
