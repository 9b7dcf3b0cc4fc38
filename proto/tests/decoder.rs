//! No bytes make a decoder panic, and what is sent is what arrives.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tokend_proto::envelope;
use tokend_proto::frame::{self, HEADER, Opening, Oversize};
use tokend_proto::limits::{MAX_ANSWER, MAX_PAGE, MAX_REQUEST, MAX_SECRET, MAX_WORDS, PROTOCOL};
use tokend_proto::message::{
    About, AccountName, AccountStatus, ClockSkew, Code, Credential, Failure, Field, Get, LastError,
    ListAccounts, ListPage, LoggedIn, LoggedOut, Login, LoginRedirect, LoginStep, Logout, Refresh, Reject,
    Reloaded, Status, StatusPage, StoreState, Unlock, Watch, Words,
};
use tokend_proto::{Answer, DecodeError, Envelope, Extra, Kind, List, Request, Secret, codec};

/// Each kind of protocol 1, and a few that it does not know.
const KINDS: [u16; 31] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0x8000, 0x8001, 0x8002, 0x8003, 0x8004, 0x8005,
    0x8006, 0x8007, 0x8008, 0x8009, 0x800a, 0x80fe, 0x80ff, 0xffff,
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in vec(any::<u8>(), 0..2_000)) {
        decode_in_every_way(&bytes);
    }

    #[test]
    fn no_body_makes_its_kind_panic(kind in kind(), body in vec(biased_byte(), 0..400)) {
        let envelope = Envelope::new(1, kind, body.into());
        let _ = (Request::open(&envelope), Answer::open(&envelope));
    }

    #[test]
    fn no_change_to_a_message_makes_a_decoder_panic(
        envelope in prop_oneof![request_envelope(), answer_envelope()],
        changes in vec((any::<prop::sample::Index>(), biased_byte(), 0..3), 1..8),
    ) {
        let mut bytes = envelope.encode().expect("a small message").to_vec();
        for (place, byte, change) in changes {
            let place = place.index(bytes.len() + 1);
            match change {
                0 if place < bytes.len() => bytes[place] = byte,
                1 if place < bytes.len() => { bytes.remove(place); }
                _ => bytes.insert(place, byte),
            }
        }
        decode_in_every_way(&bytes);
    }

    #[test]
    fn a_message_that_ends_early_is_malformed(
        envelope in prop_oneof![request_envelope(), answer_envelope()],
        end in any::<prop::sample::Index>(),
    ) {
        let bytes = envelope.encode().expect("a small message");
        let cut = &bytes[..end.index(bytes.len())];
        prop_assert_eq!(envelope::decode_request(cut).err(), Some(DecodeError::Malformed));
        prop_assert_eq!(envelope::decode_answer(cut).err(), Some(DecodeError::Malformed));
        decode_in_every_way(cut);
    }

    #[test]
    fn bytes_left_over_after_a_message_are_refused(envelope in request_envelope(), more in vec(any::<u8>(), 1..9)) {
        let mut bytes = envelope.encode().expect("a small message").to_vec();
        bytes.extend_from_slice(&more);
        prop_assert_eq!(envelope::decode_request(&bytes).err(), Some(DecodeError::Trailing));

        let mut body = envelope.body.bytes().to_vec();
        body.extend_from_slice(&more);
        prop_assert_eq!(
            Request::open(&Envelope::new(1, envelope.kind, body.into())).err(),
            Some(DecodeError::Trailing)
        );
    }

    #[test]
    fn a_request_arrives_as_it_was_sent(request in request(), id in any::<u32>(), extras in extras()) {
        let mut sent = request.seal(id).expect("a small message");
        sent.extras = extras;
        let read = envelope::decode_request(&sent.encode().expect("a small message")).expect("what was sent");
        let opened = Request::open(&read).expect("what was sent").expect("a known kind");

        prop_assert_eq!(read.id, id);
        prop_assert_eq!(&read.extras, &sent.extras);
        prop_assert_eq!(format!("{opened:?}"), format!("{request:?}"));
    }

    #[test]
    fn an_answer_arrives_as_it_was_sent(answer in answer(), id in any::<u32>(), extras in extras()) {
        let mut sent = answer.seal(id).expect("a small message");
        sent.extras = extras;
        let read = envelope::decode_answer(&sent.encode().expect("a small message")).expect("what was sent");
        let opened = Answer::open(&read).expect("what was sent").expect("a known kind");

        prop_assert_eq!(read.id, id);
        prop_assert_eq!(&read.extras, &sent.extras);
        prop_assert_eq!(format!("{opened:?}"), format!("{answer:?}"));
        // `Debug` hides the secrets.
        if let (Answer::Credential(opened), Answer::Credential(answer)) = (&opened, &answer) {
            let secrets = |it: &Credential| it.fields.iter().map(|it| it.value.expose().to_vec()).collect::<Vec<_>>();
            prop_assert_eq!(secrets(opened), secrets(answer));
        }
    }

    #[test]
    fn an_unknown_kind_is_no_error_whatever_its_body(kind in any::<u16>(), body in vec(any::<u8>(), 0..100)) {
        prop_assume!(!KINDS.contains(&kind));
        let envelope = Envelope::new(1, Kind(kind), body.into());
        prop_assert!(matches!(Request::open(&envelope), Ok(None)));
        prop_assert!(matches!(Answer::open(&envelope), Ok(None)));
    }

    #[test]
    fn a_frame_announces_what_follows_it_or_is_oversize(
        payload in vec(any::<u8>(), 0..300),
        first in any::<bool>(),
        limit in 0_usize..300,
    ) {
        let length = payload.len() + if first { 2 } else { 0 };
        let Ok(frame) = frame::encode(&payload, first, limit) else {
            prop_assert!(length > limit);
            return Ok(());
        };
        let (header, rest) = frame.split_first_chunk::<HEADER>().expect("a header");
        prop_assert_eq!(frame::announced(*header, limit), Ok(length));
        prop_assert_eq!(rest.len(), length);
        if first {
            prop_assert_eq!(frame::opening(rest), Ok(Opening::Spoken(&payload[..])));
        } else {
            prop_assert_eq!(rest, &payload[..]);
        }
    }

    #[test]
    fn no_header_announces_more_than_the_limit(header in any::<[u8; HEADER]>(), limit in 0_usize..=MAX_ANSWER) {
        match frame::announced(header, limit) {
            Ok(announced) => prop_assert!(announced <= limit),
            Err(Oversize { announced, .. }) => prop_assert!(announced > limit),
        }
    }

    #[test]
    fn every_opening_says_which_protocol_or_protocols(number in any::<u16>(), rest in vec(any::<u8>(), 0..300)) {
        let frame = [&number.to_le_bytes()[..], &rest].concat();
        match frame::opening(&frame) {
            Ok(Opening::Spoken(payload)) => {
                prop_assert_eq!(number, PROTOCOL);
                prop_assert_eq!(payload, &rest[..]);
            }
            Ok(Opening::Other(other)) => prop_assert_eq!(other, number),
            Ok(Opening::Refused(spoken)) => {
                prop_assert_eq!(number, 0);
                prop_assert_eq!(rest.len(), 1 + 2 * spoken.len());
            }
            Err(_) => prop_assert_eq!(number, 0),
        }
    }
}

#[test]
fn a_list_beyond_its_bound_is_malformed() {
    let body = |scopes: usize| {
        let scope: Vec<String> = vec!["s".to_owned(); scopes];
        codec::encode(&("a", None::<u64>, scope, Vec::<String>::new(), 1_u64)).expect("a small message")
    };
    assert!(Request::open(&Envelope::new(1, Kind::GET, body(MAX_WORDS))).is_ok());
    assert_eq!(
        Request::open(&Envelope::new(1, Kind::GET, body(MAX_WORDS + 1))).err(),
        Some(DecodeError::Malformed)
    );
}

#[test]
fn a_secret_of_the_limit_arrives() {
    let sent = Answer::Credential(credential_of(vec![b'x'; MAX_SECRET]));
    let bytes = sent.seal(1).and_then(|it| it.encode()).expect("within the limit of an answer");
    let read = envelope::decode_answer(&bytes).and_then(|it| Answer::open(&it)).expect("what was sent");
    assert!(matches!(read, Some(Answer::Credential(it)) if it.fields[0].value.len() == MAX_SECRET));
}

#[test]
fn the_largest_request_arrives() {
    let get = |length: usize| {
        let word = "w".repeat(length);
        let words = || List::truncating(vec![word.clone(); MAX_WORDS]);
        Request::Get(Get {
            account: "a".to_owned(),
            min_valid_ms: Some(1),
            scope: words(),
            audience: words(),
            timeout_ms: 1,
        })
    };
    let payload = |length| get(length).seal(1).and_then(|it| it.encode());
    let fits = |payload: &[u8]| payload.len() + 2 <= MAX_REQUEST;
    let payload =
        (0..600).rev().find_map(|length| payload(length).ok().filter(|it| fits(it))).expect("one fits");
    assert!(payload.len() > MAX_REQUEST - 256);

    assert!(frame::encode(&payload, true, MAX_REQUEST).is_ok());
    let read = envelope::decode_request(&payload).and_then(|it| Request::open(&it)).expect("what was sent");
    assert!(read.is_some());
}

#[test]
fn the_largest_page_arrives() {
    let account = |warning: usize| AccountStatus {
        account: "a".to_owned(),
        account_type: String::new(),
        state: String::new(),
        expires_at_ms: Some(0),
        expires_in_ms: Some(0),
        lifetime_ms: Some(0),
        next_refresh_at_ms: Some(0),
        refreshed_at_ms: Some(0),
        served: 0,
        last_error: Some(LastError {
            kind: String::new(),
            message: String::new(),
            hint: String::new(),
            at_ms: 0,
            code: Code::NOT_NOW,
        }),
        warnings: List::truncating(vec!["w".repeat(warning); MAX_WORDS]),
        clock_skew: Some(ClockSkew { host: String::new(), ahead_ms: 0 }),
        login_ends_at_ms: Some(0),
    };
    let page = |warning| {
        let accounts = List::truncating(vec![account(warning); MAX_PAGE]);
        Answer::StatusPage(StatusPage { accounts, more: true })
    };
    let payload = |warning| page(warning).seal(1).and_then(|it| it.encode());
    let bytes = (0..64).rev().find_map(|warning| payload(warning).ok()).expect("one fits");
    assert!(bytes.len() > MAX_ANSWER - MAX_PAGE * MAX_WORDS - 64);

    let read = envelope::decode_answer(&bytes).and_then(|it| Answer::open(&it)).expect("what was sent");
    assert!(matches!(read, Some(Answer::StatusPage(it)) if it.accounts.len() == MAX_PAGE));
}

/// Everything that looks at bytes of a peer.
fn decode_in_every_way(bytes: &[u8]) {
    if let Some(header) = bytes.first_chunk::<HEADER>() {
        let _ = (frame::announced(*header, MAX_REQUEST), frame::announced(*header, MAX_ANSWER));
    }
    let payload = match frame::opening(bytes) {
        Ok(Opening::Spoken(payload)) => payload,
        _ => &[],
    };
    for bytes in [bytes, payload] {
        for envelope in
            [envelope::decode_request(bytes), envelope::decode_answer(bytes)].into_iter().flatten()
        {
            let _ = (Request::open(&envelope), Answer::open(&envelope));
        }
    }
    for kind in KINDS {
        let envelope = Envelope::new(1, Kind(kind), bytes.to_vec().into());
        let _ = (Request::open(&envelope), Answer::open(&envelope));
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(&KINDS[..]).prop_map(Kind)
}

/// A byte, more often one that means something: a tag, a small length, the beginning of a longer integer.
fn biased_byte() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 0_u8..4, 2 => 250_u8.., 3 => any::<u8>()]
}

fn request_envelope() -> impl Strategy<Value = Envelope> {
    (request(), any::<u32>(), extras()).prop_map(|(request, id, extras)| {
        let mut envelope = request.seal(id).expect("a small message");
        envelope.extras = extras;
        envelope
    })
}

fn answer_envelope() -> impl Strategy<Value = Envelope> {
    (answer(), any::<u32>(), extras()).prop_map(|(answer, id, extras)| {
        let mut envelope = answer.seal(id).expect("a small message");
        envelope.extras = extras;
        envelope
    })
}

fn extras() -> impl Strategy<Value = List<Extra, MAX_WORDS>> {
    vec((any::<u16>(), vec(any::<u8>(), 0..300)).prop_map(|(tag, bytes)| Extra { tag, bytes }), 0..4)
        .prop_map(List::truncating)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => ".{0,20}", 1 => "[a-z…]{100,150}"]
}

fn words() -> impl Strategy<Value = Words> {
    prop_oneof![9 => vec(text(), 0..4), 1 => vec("[a-z]?", MAX_WORDS)].prop_map(List::truncating)
}

fn request() -> impl Strategy<Value = Request> {
    let get = || {
        (text(), option::of(any::<u64>()), words(), words(), any::<u64>()).prop_map(
            |(account, min_valid_ms, scope, audience, timeout_ms)| Get {
                account,
                min_valid_ms,
                scope,
                audience,
                timeout_ms,
            },
        )
    };
    prop_oneof![
        get().prop_map(Request::Get),
        get().prop_map(Request::GetIdToken),
        request_about_a_login(),
        (text(), any::<u64>())
            .prop_map(|(account, timeout_ms)| Request::Refresh(Refresh { account, timeout_ms })),
        (text(), any::<[u8; 32]>()).prop_map(|(account, sha256)| Request::Reject(Reject { account, sha256 })),
        (option::of(text()), option::of(text()))
            .prop_map(|(account, after)| Request::Status(Status { account, after })),
        option::of(text()).prop_map(|after| Request::List(ListAccounts { after })),
        text().prop_map(|account| Request::Watch(Watch { account })),
        Just(()).prop_map(|()| Request::Reload),
        Just(()).prop_map(|()| Request::About),
        Just(()).prop_map(|()| Request::Lock),
        option::of(vec(any::<u8>(), 0..300)).prop_map(|passphrase| {
            let passphrase = passphrase.map(|it| Secret::new(it).expect("a short secret"));
            Request::Unlock(Unlock { passphrase })
        }),
        Just(()).prop_map(|()| Request::Store),
    ]
}

fn request_about_a_login() -> impl Strategy<Value = Request> {
    prop_oneof![
        (text(), any::<bool>(), text(), option::of(any::<u64>())).prop_map(
            |(account, has_browser, way, term_ms)| {
                Request::Login(Login { account, has_browser, way, term_ms })
            }
        ),
        (text(), any::<u64>(), vec(any::<u8>(), 0..300)).prop_map(|(account, login, url)| {
            let url = Secret::new(url).expect("a short secret");
            Request::LoginRedirect(LoginRedirect { account, login, url })
        }),
        (text(), any::<bool>()).prop_map(|(account, local)| Request::Logout(Logout { account, local })),
    ]
}

fn answer_to_a_login() -> impl Strategy<Value = Answer> {
    let addresses = (text(), option::of(text()), option::of(text()));
    let step = (any::<u64>(), text(), addresses, option::of(any::<u64>()), any::<bool>(), text()).prop_map(
        |(login, step, (url, complete_url, user_code), expires_in_ms, takes_redirect, message)| {
            Answer::LoginStep(LoginStep {
                login,
                step,
                url,
                complete_url,
                user_code,
                expires_in_ms,
                takes_redirect,
                message,
            })
        },
    );
    let times = (option::of(any::<u64>()), option::of(any::<i64>()));
    let who = (text(), option::of(text()));
    let logged_in = (who, any::<bool>(), times, words(), words()).prop_map(
        |((account, person), renews, (expires_in_ms, ends_at_ms), scope, warnings)| {
            Answer::LoggedIn(LoggedIn { account, person, expires_in_ms, renews, ends_at_ms, scope, warnings })
        },
    );
    prop_oneof![
        step,
        logged_in,
        (any::<bool>(), words())
            .prop_map(|(revoked, warnings)| Answer::LoggedOut(LoggedOut { revoked, warnings })),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        3 => answer_to_a_login(),
        2 => credential().prop_map(Answer::Credential),
        1 => Just(()).prop_map(|()| Answer::Done),
        2 => (vec(account_status(), 0..4), any::<bool>()).prop_map(|(accounts, more)| {
            Answer::StatusPage(StatusPage { accounts: List::truncating(accounts), more })
        }),
        1 => (vec((text(), text()), 0..9), any::<bool>()).prop_map(|(names, more)| {
            let name = |(account, account_type)| AccountName { account, account_type };
            let accounts = List::truncating(names.into_iter().map(name).collect());
            Answer::ListPage(ListPage { accounts, more })
        }),
        1 => (any::<[u32; 4]>(), words()).prop_map(|([accounts, added, changed, removed], warnings)| {
            Answer::Reloaded(Reloaded { accounts, added, changed, removed, warnings })
        }),
        1 => (text(), any::<u32>(), text(), text(), any::<i64>()).prop_map(
            |(version, pid, host, configuration, started_at_ms)| {
                Answer::About(About { version, pid, host, configuration, started_at_ms })
            }
        ),
        1 => (any::<[bool; 3]>(), text(), words()).prop_map(
            |([locked, needs_passphrase, memory_locked], identity, warnings)| {
                Answer::StoreState(StoreState { locked, identity, needs_passphrase, memory_locked, warnings })
            }
        ),
        1 => Just(()).prop_map(|()| Answer::Unsupported),
        2 => (any::<u8>(), text(), text(), text(), option::of(any::<u64>())).prop_map(
            |(code, kind, message, hint, next_try_in_ms)| {
                Answer::Failure(Failure { code: Code(code), kind, message, hint, next_try_in_ms })
            }
        ),
    ]
}

fn credential() -> impl Strategy<Value = Credential> {
    let field = (text(), vec(any::<u8>(), 0..300))
        .prop_map(|(name, value)| Field { name, value: Secret::new(value).expect("a short secret") });
    let about = (text(), text(), text(), words(), words());
    let numbers = (option::of(any::<i64>()), option::of(any::<u64>()), any::<u64>());
    (about, vec(field, 0..4), numbers).prop_map(
        |(
            (account, scheme, parameter, scope, warnings),
            fields,
            (expires_at_ms, expires_in_ms, generation),
        )| {
            Credential {
                account,
                scheme,
                parameter,
                fields: List::truncating(fields),
                expires_at_ms,
                expires_in_ms,
                scope,
                warnings,
                generation,
            }
        },
    )
}

fn credential_of(token: Vec<u8>) -> Credential {
    let field = Field { name: "token".to_owned(), value: Secret::new(token).expect("a secret of the limit") };
    Credential {
        account: "a".to_owned(),
        scheme: "Bearer".to_owned(),
        parameter: String::new(),
        fields: List::truncating(vec![field]),
        expires_at_ms: None,
        expires_in_ms: None,
        scope: List::default(),
        warnings: List::default(),
        generation: 1,
    }
}

fn account_status() -> impl Strategy<Value = AccountStatus> {
    let last_error =
        (text(), text(), text(), any::<i64>(), any::<u8>()).prop_map(|(kind, message, hint, at_ms, code)| {
            LastError { kind, message, hint, at_ms, code: Code(code) }
        });
    let times = (option::of(any::<i64>()), option::of(any::<i64>()), option::of(any::<i64>()));
    let spans = (option::of(any::<u64>()), option::of(any::<u64>()), any::<u64>());
    let skew = (text(), any::<i64>()).prop_map(|(host, ahead_ms)| ClockSkew { host, ahead_ms });
    let told = (option::of(last_error), words(), option::of(skew), option::of(any::<i64>()));
    ((text(), text(), text()), times, spans, told).prop_map(
        |((account, account_type, state), at, (expires_in_ms, lifetime_ms, served), told)| {
            let (last_error, warnings, clock_skew, login_ends_at_ms) = told;
            AccountStatus {
                account,
                account_type,
                state,
                expires_at_ms: at.0,
                expires_in_ms,
                lifetime_ms,
                next_refresh_at_ms: at.1,
                refreshed_at_ms: at.2,
                served,
                last_error,
                warnings,
                clock_skew,
                login_ends_at_ms,
            }
        },
    )
}
