//! What lies where the store's files belong and is none of them: a clear message, nothing overwritten,
//! nothing lost.

use super::*;
use crate::platform::remedies;

/// Fetching, setting and removing `a` all fail with these words, and change nothing.
async fn refused(home: &Home, words: &str) {
    let store = home.store();
    let before = everything(home);
    let failure = fetched(&store, "a").await.unwrap_err();
    assert!(failure.message.contains(words), "fetch: {failure:?}");
    assert!(!failure.hint.is_empty());
    for trouble in [
        store.set("a", secret("new"), Binding::Keep).await.unwrap_err(),
        store.remove("a").await.unwrap_err(),
    ] {
        assert!(trouble.message.contains(words), "{trouble:?}");
    }
    assert!(everything(home) == before, "{words}: something was changed");
}

#[tokio::test]
async fn what_is_no_secret_of_the_store_is_refused_and_listed_as_such() {
    let (home, store) = Home::with(&["a", "b"]).await;
    let path = home.path("secrets/a.age");
    let recipient = fs::read_to_string(home.path("recipients.txt")).unwrap();
    let recipient: age::x25519::Recipient = recipient.trim().parse().unwrap();
    let by_age = age::encrypt(&recipient, b"hunter2").unwrap();
    let other = fs::read(home.path("secrets/b.age")).unwrap();
    for (bytes, words) in [
        (b"".as_slice(), "is empty"),
        (b"hunter2", "is no age file"),
        (&by_age, "does not say which secret it is"),
        (&other, "holds the secret b: it was moved or swapped"),
        (b"age-encryption.org/v1\n-> X25519", "is damaged"),
    ] {
        write(&path, bytes, 0o600);
        refused(&home, words).await;
        let listed = store.list().await.unwrap();
        let stranger = listed.iter().find(|entry| entry.name == "a.age").unwrap();
        assert!(stranger.stranger.as_ref().unwrap().contains(words), "{stranger:?}");
        assert_eq!(listed.len(), 2);
    }
    write(&path, &vec![b'x'; 257 * 1024], 0o600);
    refused(&home, "has more than 262144 bytes").await;
    write(&home.path("secrets/notes.txt"), b"x", 0o600);
    assert_eq!(store.list().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_truncated_payload_is_refused_and_can_be_set_anew() {
    let (home, store) = Home::with(&["a"]).await;
    let path = home.path("secrets/a.age");
    let whole = fs::read(&path).unwrap();
    write(&path, &whole[..whole.len() - 1], 0o600);
    let failure = fetched(&store, "a").await.unwrap_err();
    assert!(failure.message.contains("is damaged"), "{failure:?}");
    store.set("a", secret("new"), Binding::Keep).await.unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap(), "new");
}

#[tokio::test]
async fn a_copy_under_another_name_is_told_what_to_do_with() {
    let (home, store) = Home::with(&["a"]).await;
    let (path, copy) = (home.path("secrets/a.age"), home.path("secrets/b.age"));
    fs::copy(&path, &copy).unwrap();
    let hint = fetched(&store, "b").await.unwrap_err().hint;
    assert!(hint.contains(&format!("`rm {}`", copy.display())), "{hint}");
    fs::remove_file(&path).unwrap();
    let hint = fetched(&store, "b").await.unwrap_err().hint;
    assert!(hint.contains(&format!("`mv {} {}`", copy.display(), path.display())), "{hint}");
}

#[tokio::test]
async fn the_binding_of_a_damaged_file_is_not_taken_over() {
    let (home, store) = Home::with(&[]).await;
    let bound = Bound { account: "account".to_owned(), origin: "https://one.example".to_owned() };
    store.set("a", secret("A"), Binding::To(bound.clone())).await.unwrap();
    let path = home.path("secrets/a.age");
    let whole = fs::read(&path).unwrap();
    let place = whole.windows(7).position(|part| part == b"account").unwrap();
    let mut changed = whole.clone();
    changed[place] = b'b';
    write(&path, &changed, 0o600);
    let trouble = store.set("a", secret("B"), Binding::Keep).await.unwrap_err();
    assert!(trouble.message.contains("for whom the secret a was cannot be known"), "{trouble:?}");
    assert!(trouble.hint.contains("--for ACCOUNT"), "{trouble:?}");
    assert_eq!(fs::read(&path).unwrap(), changed);
    store.set("a", secret("B"), Binding::To(bound.clone())).await.unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap(), "B");
    // Where only the end is missing, the header still says it.
    write(&path, &whole[..whole.len() - 1], 0o600);
    assert_eq!(store.set("a", secret("C"), Binding::Keep).await.unwrap().bound, Some(bound));
}

#[tokio::test]
async fn a_secret_for_another_recipient_is_refused() {
    let (home, store) = Home::with(&["a"]).await;
    let (other, _) = Home::with(&["a"]).await;
    fs::copy(other.path("secrets/a.age"), home.path("secrets/a.age")).unwrap();
    let failure = fetched(&store, "a").await.unwrap_err();
    assert_eq!((failure.class, failure.kind), (Class::Source, "secret-foreign"));
}

#[tokio::test]
async fn links_pipes_and_folders_are_refused() {
    let (home, _store) = Home::with(&["a", "b"]).await;
    let path = home.path("secrets/a.age");
    let aside = home.path("aside");
    fs::rename(&path, &aside).unwrap();
    if testing::link(&aside, &path) {
        refused(&home, "is a symbolic link, where the secret a should be").await;
        fs::remove_file(&path).unwrap();
        testing::link("/nonexistent", &path);
        refused(&home, "is a symbolic link").await;
        fs::remove_file(&path).unwrap();
    }
    if testing::pipe_at(&path) {
        refused(&home, "is no regular file, where the secret a should be").await;
        fs::remove_file(&path).unwrap();
    }
    fs::create_dir(&path).unwrap();
    refused(&home, "is a folder, where the secret a should be").await;
}

#[tokio::test]
async fn files_and_folders_that_others_can_change_are_refused() {
    let (home, store) = Home::with(&["a"]).await;
    for (name, bad, good, words) in [
        ("secrets/a.age", 0o620, 0o600, "a.age is open to others ("),
        ("secrets", 0o770, 0o700, "others can write to the folder"),
        ("secrets", 0o1777, 0o700, "others can write to the folder"),
        ("", 0o707, 0o700, "others can write to the folder"),
    ] {
        testing::set_mode(&home.path(name), bad);
        refused(&home, words).await;
        refused(&home, &format!("({})", testing::openness(&home.path(name), bad))).await;
        testing::set_mode(&home.path(name), good);
    }
    // What is encrypted may be seen.
    testing::set_mode(&home.path("secrets/a.age"), 0o644);
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
    // Only root can give files away.
    for name in ["secrets/a.age", "secrets", ""] {
        if let Some(user) = testing::give_away(&home.path(name)) {
            refused(&home, &format!("belongs to user {user}")).await;
            testing::take_back(&home.path(name));
        }
    }
}

#[tokio::test]
async fn an_identity_that_others_can_read_is_refused_with_the_remedy() {
    let (home, _) = Home::with(&["a"]).await;
    let identity = home.path("identity");
    for mode in [0o640, 0o604, 0o644] {
        testing::set_mode(&identity, mode);
        let store = home.store();
        let failure = fetched(&store, "a").await.unwrap_err();
        assert_eq!(failure.class, Class::Source);
        let openness = testing::openness(&identity, mode);
        assert!(failure.message.contains(&format!("is open to others ({openness})")), "{failure:?}");
        let remedy = remedies::close(&identity.display().to_string());
        assert_eq!(failure.hint, format!("close it: `{remedy}`"));
        assert!(store.set("b", secret("B"), Binding::Keep).await.is_err());
    }
    testing::set_mode(&identity, 0o400);
    assert_eq!(fetched(&home.store(), "a").await.unwrap(), "A");
}

#[tokio::test]
async fn an_identity_that_is_none_is_refused() {
    let (home, _) = Home::with(&["a"]).await;
    let path = home.path("identity");
    let ours = fs::read_to_string(&path).unwrap();
    let another = Opened::generate().unwrap().file();
    let two = [ours.as_bytes(), &another].concat();
    for (bytes, words) in [
        (b"".as_slice(), "is empty"),
        (b"# nothing\n", "holds no age identity"),
        (b"\xff\xfe", "holds no age identity"),
        (b"AGE-SECRET-KEY-1QQQQ\n", "holds no age identity"),
        (b"AGE-PLUGIN-TPM-1QQQQ\n", "is a plugin's identity"),
        (include_bytes!("keys/open.key"), "is an SSH key"),
        (b"age-encryption.org/v1\n", "is encrypted"),
        (&two, "holds 2 keys"),
        (&another, "but the identity is that of"),
    ] {
        write(&path, bytes, 0o600);
        let store = home.store();
        let failure = fetched(&store, "a").await.unwrap_err();
        assert_eq!(failure.class, Class::Source);
        assert!(failure.message.contains(words), "{words}: {failure:?}");
        let trouble = store.set("b", secret("B"), Binding::Keep).await.unwrap_err();
        assert!(trouble.message.contains(words), "{words}: {trouble:?}");
        assert!(!home.path("secrets/b.age").exists());
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    fs::remove_file(&path).unwrap();
    if !testing::link(home.path("elsewhere"), &path) {
        return;
    }
    let failure = fetched(&home.store(), "a").await.unwrap_err();
    assert!(
        failure.message.contains("is a symbolic link, where the store's identity should be"),
        "{failure:?}"
    );
    assert!(!home.path("elsewhere").exists());
}

#[tokio::test]
async fn a_lost_identity_is_not_made_anew() {
    let (home, store) = Home::with(&["a"]).await;
    let before = everything(&home);
    fs::remove_file(home.path("identity")).unwrap();
    for recipients in [true, false] {
        if !recipients {
            fs::remove_file(home.path("recipients.txt")).unwrap();
        }
        for trouble in [
            store.set("b", secret("B"), Binding::Keep).await.unwrap_err(),
            store.make(Protection::None).await.unwrap_err(),
        ] {
            assert!(trouble.message.contains("identity is not there"), "{trouble:?}");
        }
        assert!(store.keys_or_make().await.is_err());
        assert!(!home.path("identity").exists());
    }
    for (path, bytes) in before {
        write(&path, &bytes, 0o600);
    }
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
}

#[tokio::test]
async fn recipients_that_do_not_fit_are_refused() {
    let (home, _) = Home::with(&["a"]).await;
    let path = home.path("recipients.txt");
    let another = Opened::generate().unwrap().recipient;
    for (text, words) in [
        (format!("{another}\n"), "but the identity is that of"),
        (format!("{another}\n{another}\n"), "names 2 recipients"),
        ("ssh-ed25519 AAAA\n".to_owned(), "names no native age recipient"),
        (String::new(), "names no recipient"),
    ] {
        write(&path, text.as_bytes(), 0o600);
        let store = home.store();
        assert!(fetched(&store, "a").await.unwrap_err().message.contains(words), "{words}");
        let trouble = store.set("b", secret("B"), Binding::Keep).await.unwrap_err();
        assert!(trouble.message.contains(words), "{trouble:?}");
    }
    // Lost, it is made of the identity.
    fs::remove_file(&path).unwrap();
    home.store().set("b", secret("B"), Binding::Keep).await.unwrap();
    assert_eq!(fetched(&home.store(), "b").await.unwrap(), "B");
    fs::remove_file(&path).unwrap();
    assert_eq!(fetched(&home.store(), "b").await.unwrap(), "B");
    assert!(path.exists());
}

#[tokio::test]
async fn an_identity_that_is_exchanged_under_a_store_that_is_open_waits_for_a_person() {
    let (home, store) = Home::with(&["a"]).await;
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
    let old = home.root.path().join("old");
    fs::rename(home.folder(), &old).unwrap();
    home.store().set("a", secret("other"), Binding::Keep).await.unwrap();
    let failure = fetched(&store, "a").await.unwrap_err();
    assert_eq!((failure.class, failure.kind), (Class::Source, "store-exchanged"));
    assert!(failure.hint.contains("`tok unlock` takes the new one over"), "{failure:?}");
    assert!(store.keys().await.is_err());
    let state = store.state();
    assert!(!state.open && state.trouble.is_some(), "{state:?}");
    // Restored, all is well again.
    let new = home.root.path().join("new");
    fs::rename(home.folder(), &new).unwrap();
    fs::rename(&old, home.folder()).unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
    fs::rename(home.folder(), &old).unwrap();
    fs::rename(&new, home.folder()).unwrap();
    assert!(fetched(&store, "a").await.is_err());
    store.unlock(None).await.unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap(), "other");
    assert!(store.state().open);
}

#[tokio::test]
async fn another_passphrase_is_no_other_identity() {
    let (home, store) = Home::with_passphrase("one").await;
    store.unlock(Some(secret("one"))).await.unwrap();
    home.store().change_passphrase(Some(secret("one")), Some(secret("two"))).await.unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
}

#[tokio::test]
async fn what_a_newer_tokend_has_made_stays_as_it_is_and_is_named() {
    let (home, store) = Home::with(&["a"]).await;
    drop(store);
    let (identity, recipients, source) =
        (home.path("identity"), home.path("recipients.txt"), home.path("identity.source"));
    let (ours, public) = (fs::read(&identity).unwrap(), fs::read(&recipients).unwrap());

    write(&home.path("layout"), b"2\n", 0o600);
    refused(&home, "was kept by a newer tokend (layout 2)").await;
    assert!(home.store().list().await.is_err());
    assert!(home.store().keys_or_make().await.is_err());
    fs::remove_file(home.path("layout")).unwrap();

    write(&recipients, b"age1pq1qqqsyqcyq5rqwzqf\n", 0o600);
    let store = home.store();
    for failure in [fetched(&store, "a").await.unwrap_err(), store.keys().await.err().unwrap()] {
        assert!(failure.message.contains("recipients.txt was kept by a newer tokend"), "{failure:?}");
    }
    let before = everything(&home);
    assert!(store.set("a", secret("new"), Binding::Keep).await.is_err());
    assert!(store.set("b", secret("new"), Binding::Keep).await.is_err());
    assert!(everything(&home) == before);
    write(&recipients, &public, 0o600);

    write(&identity, b"AGE-SECRET-KEY-PQ-1QQQSYQCYQ5RQWZQF\n", 0o600);
    let before = everything(&home);
    let store = home.store();
    for failure in [fetched(&store, "a").await.unwrap_err(), store.keys_or_make().await.err().unwrap()] {
        assert!(failure.message.contains("of a newer kind, which this tokend"), "{failure:?}");
        assert_eq!(failure.kind, crate::newer::KIND);
    }
    assert!(store.make(Protection::None).await.is_err());
    assert!(store.change_passphrase(None, Some(secret("x"))).await.is_err());
    assert!(everything(&home) == before);

    fs::remove_file(&identity).unwrap();
    write(&source, b"# recipient: x\nenclave 7\n", 0o600);
    let before = everything(&home);
    let store = home.store();
    for failure in [fetched(&store, "a").await.unwrap_err(), store.keys_or_make().await.err().unwrap()] {
        assert!(failure.message.contains("identity.source was kept by a newer tokend (opened by `enclave`)"));
    }
    assert!(store.make(Protection::None).await.is_err());
    assert!(everything(&home) == before);

    fs::remove_file(&source).unwrap();
    write(&identity, &ours, 0o600);
    assert_eq!(fetched(&home.store(), "a").await.unwrap(), "A", "all is there again");
}
