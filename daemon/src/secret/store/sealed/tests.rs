use proptest::prelude::*;

use super::*;

fn identity() -> x25519::Identity {
    x25519::Identity::generate()
}

fn label(name: &str, bound: Option<(&str, &str)>) -> Label {
    let bound =
        bound.map(|(account, origin)| Bound { account: account.to_owned(), origin: origin.to_owned() });
    Label { name: name.to_owned(), bound }
}

fn opened(bytes: &[u8], identity: &x25519::Identity, name: &str) -> Result<Vec<u8>, Fault> {
    open(bytes, identity, name, None).map(|secret| secret.expose().to_vec())
}

#[test]
fn a_secret_comes_back_under_its_own_name_alone() {
    let identity = identity();
    let sealed = seal(&identity.to_public(), &label("a", None), b"hunter2").unwrap();
    assert_eq!(opened(&sealed, &identity, "a"), Ok(b"hunter2".to_vec()));
    assert_eq!(opened(&sealed, &identity, "b"), Err(Fault::Moved("a".to_owned())));
    assert_eq!(opened(&sealed, &identity, "A"), Err(Fault::Moved("a".to_owned())));
    assert_eq!(peek(&sealed), Ok(label("a", None)));
}

#[test]
fn other_age_programs_open_it_too() {
    let identity = identity();
    let sealed = seal(&identity.to_public(), &label("a", Some(("x", ""))), b"hunter2").unwrap();
    assert_eq!(**decrypt(&sealed, &identity).unwrap(), *b"hunter2");
}

#[test]
fn a_bound_secret_is_for_its_account_and_origin_alone() {
    let identity = identity();
    let sealed =
        seal(&identity.to_public(), &label("a", Some(("lyve", "https://one.example"))), b"hunter2").unwrap();
    let open = |account, origin| {
        let errand = Errand::new(account, origin);
        open(&sealed, &identity, "a", Some(&errand)).map(|secret| secret.len())
    };
    assert_eq!(open("lyve", "https://one.example"), Ok(7));
    for (account, origin) in [
        ("other", "https://one.example"),
        ("lyve", "https://two.example"),
        ("lyve", ""),
        ("", "https://one.example"),
    ] {
        assert!(matches!(open(account, origin), Err(Fault::BoundTo(_))), "{account} {origin}");
    }
    let fault =
        Fault::BoundTo(Bound { account: "lyve".to_owned(), origin: "https://one.example".to_owned() });
    let trouble = fault.explain(Path::new("/x/secrets/a.age"), "a");
    assert_eq!(trouble.message, "the secret a is bound to the account lyve at https://one.example");
    assert_eq!(trouble.kind, "secret-bound");
}

#[test]
fn strangers_are_told_apart() {
    let (ours, theirs) = (identity(), identity());
    let plain = encrypt(&ours.to_public(), b"hunter2").unwrap();
    assert_eq!(opened(&plain, &ours, "a"), Err(Fault::Unlabelled));
    assert_eq!(opened(b"", &ours, "a"), Err(Fault::Empty));
    assert_eq!(opened(b"hunter2", &ours, "a"), Err(Fault::NotAge));
    let foreign = seal(&theirs.to_public(), &label("a", None), b"hunter2").unwrap();
    assert_eq!(opened(&foreign, &ours, "a"), Err(Fault::NotForUs));
    assert_eq!(peek(&plain), Err(Fault::Unlabelled));
    assert_eq!(peek(b"age-encryption.org/v1\n"), Err(Fault::Damaged));
}

#[test]
fn two_labels_are_one_too_many() {
    struct Twice<'a>(&'a x25519::Recipient);
    impl Recipient for Twice<'_> {
        fn wrap_file_key(&self, key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
            let (mut stanzas, labels) = self.0.wrap_file_key(key)?;
            let stanza =
                || Stanza { tag: STANZA.to_owned(), args: label("a", None).args(), body: Vec::new() };
            stanzas.extend([stanza(), stanza()]);
            Ok((stanzas, labels))
        }
    }
    let identity = identity();
    let sealed = encrypt(&Twice(&identity.to_public()), b"hunter2").unwrap();
    assert_eq!(opened(&sealed, &identity, "a"), Err(Fault::Damaged));
}

#[test]
fn a_form_to_come_is_no_damage() {
    let identity = identity();
    let labelled = |tag, args: &[&str]| {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        encrypt(&Labelled { recipient: &identity.to_public(), tag, args }, b"hunter2").unwrap()
    };
    let tomorrow = labelled("tokend-secret-2", &["a", "b", "c", "d"]);
    assert_eq!(opened(&tomorrow, &identity, "a"), Err(Fault::Newer("form 2".to_owned())));
    assert_eq!(peek(&tomorrow), Err(Fault::Newer("form 2".to_owned())));
    let trouble = Fault::Newer("form 2".to_owned()).explain(Path::new("/s/a.age"), "a");
    assert!(
        trouble.message.starts_with("/s/a.age was kept by a newer tokend (form 2): this one"),
        "{trouble:?}"
    );
    for bytes in [b"age-encryption.org/v2\nx".as_slice(), b"age-encryption.org/v10\n"] {
        assert!(matches!(opened(bytes, &identity, "a"), Err(Fault::Newer(_))));
        assert!(kept_form(bytes).is_some());
    }
    for bytes in [b"age-encryption.org/v1\nx".as_slice(), b"age-encryption.org/v", b"age-encryption.org/vx\n"]
    {
        assert_eq!(peek(bytes), Err(Fault::Damaged));
        assert_eq!(kept_form(bytes), None);
    }
    assert_eq!(kept_form(&keep(&identity.to_public(), 7, b"x").unwrap()).as_deref(), Some("7"));
    assert_eq!(kept_form(&labelled("tokend-kept", &[])).as_deref(), Some(""));
    assert_eq!(kept_form(&labelled("tokend-secret", &["a"])), None);
}

#[test]
fn every_beginning_of_a_file_is_refused() {
    let identity = identity();
    let sealed = seal(&identity.to_public(), &label("a", Some(("x", "https://h"))), b"hunter2").unwrap();
    for length in 0..sealed.len() {
        let fault = opened(&sealed[..length], &identity, "a").unwrap_err();
        assert!(!matches!(fault, Fault::TooLong), "{length}: {fault:?}");
    }
    let mut longer = sealed;
    longer.push(b'x');
    assert!(opened(&longer, &identity, "a").is_err());
}

#[test]
fn every_changed_byte_is_noticed() {
    let identity = identity();
    let sealed = seal(&identity.to_public(), &label("a", Some(("x", "https://h"))), b"hunter2").unwrap();
    for place in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[place] ^= 1 << bit;
            assert!(opened(&changed, &identity, "a").is_err(), "bit {bit} of byte {place}");
        }
    }
}

proptest! {
    #[test]
    fn arguments_survive_whatever_they_are(text in "\\PC*|[-%a-f0-9 \\n]*") {
        let encoded = encoded(&text);
        prop_assert!(!encoded.is_empty() && encoded.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert_eq!(decoded(&encoded), Some(text));
    }

    #[test]
    fn no_bytes_make_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let all = [b"age-encryption.org/v1\n".as_slice(), &bytes].concat();
        prop_assert!(peek(&bytes).is_err());
        prop_assert!(peek(&all).is_err());
    }

    #[test]
    fn any_change_of_a_file_is_noticed(
        place: prop::sample::Index,
        byte: u8,
        secret in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let identity = identity();
        let mut sealed = seal(&identity.to_public(), &label("a", None), &secret).unwrap();
        prop_assert_eq!(opened(&sealed, &identity, "a"), Ok(secret));
        let place = place.index(sealed.len());
        prop_assume!(sealed[place] != byte);
        sealed[place] = byte;
        prop_assert!(opened(&sealed, &identity, "a").is_err());
    }
}
