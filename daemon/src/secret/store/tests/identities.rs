//! The kinds of identities.

use super::*;

fn key(home: &Home, name: &str) -> PathBuf {
    let bytes: &[u8] = match name {
        "open" => include_bytes!("keys/open.key"),
        "shut" => include_bytes!("keys/shut.key"),
        _ => include_bytes!("keys/ecdsa.key"),
    };
    let path = home.root.path().join(name);
    write(&path, bytes, 0o600);
    path
}

#[tokio::test]
async fn a_passphrase_opens_the_identity_and_is_not_needed_for_writing() {
    let (home, store) = Home::with_passphrase("correct horse").await;
    assert!(!home.path("identity").exists());
    assert_eq!(fetched(&store, "a").await.unwrap_err().class, Class::Locked);
    let state = store.state();
    assert_eq!((state.identity, state.needs_passphrase, state.open), (IdentityKind::Passphrase, true, false));
    assert_eq!(store.unlock(None).await, Err(UnlockError::PassphraseNeeded));
    assert_eq!(store.unlock(Some(secret("wrong"))).await, Err(UnlockError::WrongPassphrase));
    store.unlock(Some(secret("correct horse"))).await.unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
    assert!(store.state().open);
}

#[tokio::test]
async fn an_identity_is_made_once() {
    let (home, store) = Home::with(&["a"]).await;
    let before = everything(&home);
    for protection in
        [Protection::None, Protection::Passphrase(secret("x")), Protection::SshKey(key(&home, "open"))]
    {
        let trouble = store.make(protection).await.unwrap_err();
        assert_eq!(trouble.sort, Sort::Usage);
        assert!(trouble.message.contains(&home.path("identity").display().to_string()), "{trouble:?}");
    }
    let hint = async |store: &Store, protection| store.make(protection).await.unwrap_err().hint;
    assert!(hint(&store, Protection::None).await.contains("`tok init --change-passphrase` gives it"));
    assert!(hint(&store, Protection::Credential("x".to_owned())).await.contains("move that folder away"));
    // One that the daemon made for kept tokens.
    store.remove("a").await.unwrap();
    let said = hint(&store, Protection::Credential("x".to_owned())).await;
    let (identity, recipients) = (home.path("identity"), home.path("recipients.txt"));
    assert!(said.contains(&format!("`rm {} {}`", identity.display(), recipients.display())), "{said}");
    store.set("a", secret("A"), Binding::Keep).await.unwrap();
    assert_eq!(everything(&home).len(), before.len());
}

#[tokio::test]
async fn an_ssh_key_opens_the_identity() {
    let home = Home::new();
    let store = home.store();
    let key = key(&home, "open");
    let made = store.make(Protection::SshKey(key.with_extension("pub"))).await.unwrap();
    assert_eq!(made.kind, IdentityKind::SshKey);
    assert_eq!(
        fs::read_to_string(home.path("identity.source")).unwrap(),
        format!("# recipient: {}\nssh-key {}\n", made.recipient, key.display())
    );
    assert!(testing::is_closed(&home.path("identity.source")));
    store.set("a", secret("A"), Binding::Keep).await.unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
    assert!(!store.state().needs_passphrase);
    testing::set_mode(&key, 0o644);
    let failure = fetched(&home.store(), "a").await.unwrap_err();
    let openness = testing::openness(&key, 0o644);
    assert!(failure.message.contains(&format!("open is open to others ({openness})")), "{failure:?}");
    fs::remove_file(&key).unwrap();
    let failure = fetched(&home.store(), "a").await.unwrap_err();
    assert!(failure.message.contains("there is no SSH key"), "{failure:?}");
}

#[tokio::test]
async fn an_ssh_key_may_have_a_passphrase_of_its_own() {
    let home = Home::new();
    let store = home.store();
    store.make(Protection::SshKey(key(&home, "shut"))).await.unwrap();
    store.set("a", secret("A"), Binding::Keep).await.unwrap();
    assert!(store.state().needs_passphrase);
    assert_eq!(fetched(&store, "a").await.unwrap_err().class, Class::Locked);
    assert_eq!(store.unlock(None).await, Err(UnlockError::PassphraseNeeded));
    assert_eq!(store.unlock(Some(secret("wrong"))).await, Err(UnlockError::WrongPassphrase));
    store.unlock(Some(secret("open sesame"))).await.unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
}

#[tokio::test]
async fn another_ssh_key_or_one_of_another_type_is_refused() {
    let home = Home::new();
    let store = home.store();
    let trouble = store.make(Protection::SshKey(key(&home, "ecdsa"))).await.unwrap_err();
    assert!(trouble.message.contains("of a type that age does not know"), "{trouble:?}");
    assert!(!home.path("identity.source").exists());
    store.make(Protection::SshKey(key(&home, "open"))).await.unwrap();
    store.set("a", secret("A"), Binding::Keep).await.unwrap();
    write(&home.root.path().join("open"), b"not a key", 0o600);
    let failure = fetched(&store, "a").await.unwrap_err();
    assert!(failure.message.contains("is no SSH private key"), "{failure:?}");
}

#[tokio::test]
async fn a_credential_is_handed_out_and_not_kept() {
    let home = Home::new();
    let made = home.store().make(Protection::Credential("tokend-identity".to_owned())).await.unwrap();
    assert!(text(&made.text.unwrap()).contains("AGE-SECRET-KEY-1"));
    let source = fs::read_to_string(home.path("identity.source")).unwrap();
    assert_eq!(source, format!("# recipient: {}\ncredential tokend-identity\n", made.recipient));
    assert!(everything(&home).iter().all(|(_, bytes)| !bytes.windows(10).any(|part| part == b"AGE-SECRET")));
    home.store().set("a", secret("A"), Binding::Keep).await.unwrap();
}

#[tokio::test]
async fn a_keyring_that_refuses_leaves_nothing_behind() {
    let home = Home::new();
    // There is no session bus in a test of its own name.
    let result = home.store().make(Protection::Keyring("no such/name".to_owned())).await;
    assert_eq!(result.unwrap_err().sort, Sort::Usage);
    assert!(!home.folder().exists());
}

#[tokio::test]
async fn a_passphrase_is_given_changed_and_taken_away() {
    let (home, store) = Home::with(&["a"]).await;
    store.change_passphrase(None, Some(secret("one"))).await.unwrap();
    assert!(!home.path("identity").exists());
    let store = home.store();
    assert_eq!(
        store.change_passphrase(Some(secret("wrong")), Some(secret("two"))).await.unwrap_err(),
        Shut::WrongPassphrase
    );
    assert_eq!(store.change_passphrase(None, None).await.unwrap_err(), Shut::PassphraseNeeded);
    store.change_passphrase(Some(secret("one")), Some(secret("two"))).await.unwrap();
    assert_eq!(store.unlock(Some(secret("one"))).await, Err(UnlockError::WrongPassphrase));
    store.unlock(Some(secret("two"))).await.unwrap();
    assert_eq!(fetched(&store, "a").await.unwrap(), "A");
    store.change_passphrase(Some(secret("two")), Some(secret(""))).await.unwrap();
    assert!(home.path("identity").exists() && !home.path("identity.age").exists());
    assert_eq!(fetched(&home.store(), "a").await.unwrap(), "A");
}

#[tokio::test]
async fn only_a_passphrase_of_its_own_is_changed() {
    let home = Home::new();
    let store = home.store();
    let usage = |error| matches!(error, Shut::Trouble(trouble) if trouble.sort == Sort::Usage);
    assert!(usage(store.change_passphrase(None, Some(secret("x"))).await.unwrap_err()));
    store.make(Protection::SshKey(key(&home, "open"))).await.unwrap();
    assert!(usage(store.change_passphrase(None, Some(secret("x"))).await.unwrap_err()));
}

#[tokio::test]
async fn nothing_is_encrypted_for_a_recipient_that_was_exchanged() {
    let protections: [fn(&Home) -> Protection; 3] = [
        |_| Protection::Passphrase(secret("x")),
        |home| Protection::SshKey(key(home, "open")),
        |_| Protection::Credential("c".to_owned()),
    ];
    for protection in protections {
        let home = Home::new();
        let store = home.store();
        store.make(protection(&home)).await.unwrap();
        let path = home.path("recipients.txt");
        let ours = fs::read(&path).unwrap();
        let theirs = Opened::generate().unwrap().recipient;
        write(&path, format!("{theirs}\n").as_bytes(), 0o600);
        let trouble = store.set("a", secret("A"), Binding::Keep).await.unwrap_err();
        assert_eq!(trouble.kind, "store-exchanged", "{trouble:?}");
        assert!(!home.path("secrets/a.age").exists());
        write(&path, &ours, 0o600);
        store.set("a", secret("A"), Binding::Keep).await.unwrap();
    }
}

#[tokio::test]
async fn an_identity_whose_recipient_is_not_noted_is_believed() {
    let (home, store) = Home::with_passphrase("x").await;
    fs::remove_file(home.path("identity.source")).unwrap();
    store.set("b", secret("B"), Binding::Keep).await.unwrap();
    store.unlock(Some(secret("x"))).await.unwrap();
    assert_eq!(fetched(&store, "b").await.unwrap(), "B");
    store.change_passphrase(Some(secret("x")), None).await.unwrap();
    assert_eq!(home.store().state().identity, IdentityKind::Plain);
    store.change_passphrase(None, Some(secret("y"))).await.unwrap();
    assert!(home.path("identity.source").exists());
    store.change_passphrase(Some(secret("y")), None).await.unwrap();
    assert!(!home.path("identity.source").exists());
    assert_eq!(fetched(&home.store(), "b").await.unwrap(), "B");
}

#[tokio::test]
async fn two_identities_or_a_strange_source_are_refused() {
    let (home, store) = Home::with(&["a"]).await;
    write(&home.path("identity.age"), b"x", 0o600);
    let failure = fetched(&store, "a").await.unwrap_err();
    assert!(failure.message.contains("there are two identities"), "{failure:?}");
    assert!(store.state().trouble.is_some());
    fs::remove_file(home.path("identity.age")).unwrap();
    for line in
        ["", "# recipient: age1x\n", "TPM x\n", "ssh-key relative\n", "keyring\n", "keyring a\nkeyring b\n"]
    {
        write(&home.path("identity.source"), line.as_bytes(), 0o600);
        let failure = fetched(&home.store(), "a").await.unwrap_err();
        assert!(failure.message.contains("does not say what opens the identity"), "{line}: {failure:?}");
    }
    write(&home.path("identity.source"), b"keyring x\n", 0o600);
    let failure = fetched(&home.store(), "a").await.unwrap_err();
    assert!(failure.message.contains("there are two identities"), "{failure:?}");
}

#[tokio::test]
async fn a_damaged_or_too_costly_identity_is_refused() {
    let (home, _) = Home::with_passphrase("x").await;
    let path = home.path("identity.age");
    let whole = fs::read(&path).unwrap();
    let refused = async || match home.store().unlock(Some(secret("x"))).await.unwrap_err() {
        UnlockError::Failure(failure) => failure.message,
        other => panic!("{other:?}"),
    };
    write(&path, &whole[..whole.len() - 1], 0o600);
    assert!(refused().await.contains("is damaged"));
    let mut recipient = age::scrypt::Recipient::new("x".into());
    recipient.set_work_factor(4);
    let costly = sealed::encrypt(&recipient, b"x").unwrap();
    let place = costly.windows(3).position(|part| part == b" 4\n").unwrap();
    let costly = [&costly[..place], b" 23\n", &costly[place + 3..]].concat();
    write(&path, &costly, 0o600);
    assert!(refused().await.contains("too much work (2^23)"));
    write(&path, &sealed::encrypt(&recipient, b"no identity").unwrap(), 0o600);
    assert!(refused().await.contains("holds no age identity"));
}
