//! How much memory a hostile peer can make a decoder take.
//!
//! It measures the whole process, so there is one test here and no more.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod golden;

use peak_alloc::PeakAlloc;
use tokend_proto::envelope;
use tokend_proto::frame::{self, HEADER, Opening};
use tokend_proto::limits::{MAX_ANSWER, MAX_PAGE, MAX_REQUEST, MAX_WORDS};
use tokend_proto::{Answer, Envelope, Kind, Request};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// The most that a request takes, whatever it claims: its body, the claim (twice the limit, codec.rs says why), and
/// what the words that did arrive take.
const MOST_FOR_A_REQUEST: usize = 4 * MAX_REQUEST;

/// The most that an answer takes, whatever it claims. A page of 13 bytes an account grows to the size of its structs.
const MOST_FOR_AN_ANSWER: usize = 4 * MAX_ANSWER;

/// What a claim costs that cannot be true, beside twice the limit.
const SLACK: usize = 4 * 1024;

#[test]
fn no_claim_makes_a_decoder_take_more_than_a_few_times_the_limit() {
    claims_of_a_whole_body_or_list_cost_nothing();
    a_claim_at_any_place_of_any_message_costs_twice_the_limit_at_most();
    what_does_arrive_costs_a_few_times_the_limit_at_most();
}

fn claims_of_a_whole_body_or_list_cost_nothing() {
    let envelope = [1, 1];
    let extra = [&[1, 1, 0, 64][..], &[0]].concat();
    let credential = [0, 0, 0];
    let field = [&credential[..], &[1, 0]].concat();
    for claim in CLAIMS {
        for (name, before) in [("body", &envelope[..]), ("extras", &[1, 1, 0]), ("extra", &extra)] {
            let bytes = [before, claim].concat();
            let taken = taken_by(|| (envelope::decode_request(&bytes), envelope::decode_answer(&bytes)));
            assert!(taken <= SLACK, "{name}, claim {claim:?}: {taken} bytes");
        }
        for (name, kind, before) in [
            ("accounts of a page", Kind::STATUS_PAGE, &[][..]),
            ("names of a page", Kind::LIST_PAGE, &[]),
            ("fields", Kind::CREDENTIAL, &credential),
            // The name of a field is an empty text, its value the claim.
            ("a secret", Kind::CREDENTIAL, &field),
            ("a passphrase", Kind::UNLOCK, &[1]),
            ("a redirect", Kind::LOGIN_REDIRECT, &[0, 0]),
            ("scopes of a login", Kind::LOGGED_IN, &[0, 0, 0, 0]),
            ("scopes", Kind::GET, &[0, 0]),
            ("audiences", Kind::GET, &[0, 0, 0]),
        ] {
            let envelope = Envelope::new(1, kind, [before, claim].concat().into());
            let taken = taken_by(|| (Request::open(&envelope), Answer::open(&envelope)));
            assert!(taken <= SLACK, "{name}, claim {claim:?}: {taken} bytes");
        }
    }
}

fn a_claim_at_any_place_of_any_message_costs_twice_the_limit_at_most() {
    for (name, frame) in golden::frames() {
        let payload = match frame::opening(&frame[HEADER..]) {
            Ok(Opening::Spoken(payload)) if name.ends_with("-first") => payload,
            _ => &frame[HEADER..],
        };
        let Ok(whole) = envelope::decode_answer(payload) else {
            assert_eq!(name, "refusal");
            continue;
        };
        for place in 0..=payload.len() {
            for claim in CLAIMS {
                let bytes = [&payload[..place], claim, &payload[place..]].concat();
                let request = taken_by(|| envelope::decode_request(&bytes).map(|it| Request::open(&it)));
                assert!(
                    request <= 2 * MAX_REQUEST + SLACK,
                    "{name}, byte {place}, {claim:?}: {request} bytes"
                );
                let answer = taken_by(|| envelope::decode_answer(&bytes).map(|it| Answer::open(&it)));
                assert!(answer <= 2 * MAX_ANSWER + SLACK, "{name}, byte {place}, {claim:?}: {answer} bytes");
            }
        }
        let body = whole.body.bytes();
        for place in 0..=body.len() {
            for claim in CLAIMS {
                let bytes = [&body[..place], claim, &body[place..]].concat();
                let envelope = Envelope::new(1, whole.kind, bytes.into());
                let request = taken_by(|| Request::open(&envelope));
                assert!(
                    request <= 2 * MAX_REQUEST + SLACK,
                    "{name}, byte {place}, {claim:?}: {request} bytes"
                );
                let answer = taken_by(|| Answer::open(&envelope));
                assert!(answer <= 2 * MAX_ANSWER + SLACK, "{name}, byte {place}, {claim:?}: {answer} bytes");
            }
        }
    }
}

fn what_does_arrive_costs_a_few_times_the_limit_at_most() {
    let words = u8::try_from(MAX_WORDS).expect("a short count");

    // A request full of words, the last of which claims as much as bincode lets it.
    let mut body = vec![0, 0, words];
    for _ in 1..MAX_WORDS {
        body.extend_from_slice(&[251, 0xe8, 0x03]);
        body.extend_from_slice(&[b'w'; 1_000]);
    }
    body.extend_from_slice(&claim_of(2 * MAX_REQUEST - body.len() - 600));
    let request = sealed(1, &body);
    assert!(request.len() <= MAX_REQUEST);
    let taken = taken_by(|| envelope::decode_request(&request).map(|it| Request::open(&it)));
    assert!((MAX_REQUEST..=MOST_FOR_A_REQUEST).contains(&taken), "{taken} bytes for a request");

    // A whole request of extras, each empty.
    let extras = [&[1, 1, 0, words][..], &[0; 2 * MAX_WORDS]].concat();
    let taken = taken_by(|| envelope::decode_request(&extras));
    assert!(taken <= 2 * SLACK, "{taken} bytes for extras");

    // The page that grows most when it is read: every account has as many warnings as there may be, all empty.
    let account = [&[0; 10][..], &[words], &[0; MAX_WORDS], &[0; 2]].concat();
    let count = u16::try_from(MAX_PAGE).expect("a short count").to_le_bytes();
    let page = [&[251, count[0], count[1]][..], &account.repeat(MAX_PAGE), &[0]].concat();
    let answer = sealed(Kind::STATUS_PAGE.0, &page);
    let taken = taken_by(|| {
        let read = envelope::decode_answer(&answer).and_then(|it| Answer::open(&it)).expect("a page");
        assert!(matches!(&read, Some(Answer::StatusPage(it)) if it.accounts.len() == MAX_PAGE));
        read
    });
    assert!((MAX_ANSWER..=MOST_FOR_AN_ANSWER).contains(&taken), "{taken} bytes for a page");

    // An answer that is as long as it may be, read in vain.
    for byte in [0, 1, 64, 250, 251, 252, 253, 255] {
        let answer = vec![byte; MAX_ANSWER - 64];
        for kind in 0x8001..=0x800a {
            let bytes = sealed(kind, &answer);
            let taken = taken_by(|| envelope::decode_answer(&bytes).map(|it| Answer::open(&it)));
            assert!(taken <= MOST_FOR_AN_ANSWER, "{taken} bytes for an answer of {byte}");
        }
    }
}

/// Counts that nobody means: 2^32, as many as there are, and a little more than each bound.
const CLAIMS: [&[u8]; 7] = [
    &[253, 0, 0, 0, 0, 1, 0, 0, 0],
    &[253, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[252, 0xff, 0xff, 0xff, 0x7f],
    // 2 MiB, less a little for what is around it
    &[252, 0, 0xff, 0x1f, 0],
    // 1 MiB
    &[252, 0, 0, 0x10, 0],
    // 128 KiB, less a little
    &[252, 0, 0xff, 0x01, 0],
    // one more than 64 KiB
    &[252, 1, 0, 1, 0],
];

fn claim_of(bytes: usize) -> Vec<u8> {
    [&[252][..], &u32::try_from(bytes).expect("a claim below 4 GiB").to_le_bytes()].concat()
}

fn sealed(kind: u16, body: &[u8]) -> Vec<u8> {
    Envelope::new(1, Kind(kind), body.to_vec().into())
        .encode()
        .expect("within the limit of an answer")
        .to_vec()
}

/// How many more bytes than before were in use at one time while `decode` ran.
fn taken_by<T>(decode: impl FnOnce() -> T) -> usize {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let decoded = decode();
    let peak = ALLOCATED.peak_usage();
    drop(decoded);
    // Less by what another thread freed meanwhile.
    peak.saturating_sub(before)
}
