//! Clients and daemons of different days talk, or say plainly what to do.

use std::io::{Read, Write};
use std::time::Duration;

use tokend_tests::accounts;
use tokend_tests::other_ages::{self, Answering, golden};
use tokend_tests::platform::{self, Stream, private_folder, remedies};
use tokend_tests::sandbox::Sandbox;
use tokend_tests::stand_in::LyveCloud;

const CREDENTIAL: u32 = 0x8001;
const DONE: u32 = 0x8002;
const UNSUPPORTED: u32 = 0x80fe;
const FAILURE: u32 = 0x80ff;

macro_rules! vector {
    ($name:literal) => {
        golden(include_str!(concat!("../../vectors/", $name, ".hex")))
    };
}

/// Each request of the first release, byte by byte, and what it is answered with. The last ones lock the store.
fn requests() -> Vec<(&'static str, Vec<u8>, &'static [u32])> {
    macro_rules! request {
        ($name:literal, $kinds:expr) => {
            ($name, vector!($name), &$kinds)
        };
    }
    vec![
        request!("request-get-later", [CREDENTIAL]),
        request!("request-get-demand", [CREDENTIAL, FAILURE]),
        request!("request-get-id-token", [FAILURE]),
        request!("request-unknown-extra", [CREDENTIAL]),
        request!("request-unknown-kind", [UNSUPPORTED]),
        request!("request-refresh", [CREDENTIAL, FAILURE]),
        request!("request-reject", [DONE]),
        request!("request-status", [0x8003]),
        request!("request-status-one", [0x8003, FAILURE]),
        request!("request-status-after", [0x8003]),
        request!("request-list", [0x8004]),
        request!("request-list-after", [0x8004]),
        request!("request-watch", [CREDENTIAL]),
        request!("request-reload", [0x8005]),
        request!("request-store", [0x8007]),
        request!("request-login", [FAILURE]),
        request!("request-login-device", [FAILURE]),
        request!("request-login-redirect-way", [FAILURE]),
        request!("request-login-redirect", [FAILURE]),
        request!("request-logout", [FAILURE]),
        request!("request-logout-local", [FAILURE]),
        request!("request-lock", [DONE]),
        request!("request-unlock", [DONE]),
        request!("request-unlock-passphrase", [DONE]),
    ]
}

fn connected(sandbox: &Sandbox) -> Stream {
    let stream = platform::connect(sandbox.socket()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    stream
}

/// The next frame's payload.
fn frame(stream: &mut Stream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("a frame");
    let mut payload = vec![0; u32::from_le_bytes(length).try_into().expect("a length")];
    stream.read_exact(&mut payload).expect("the whole frame");
    payload
}

/// The id and the kind of an envelope.
fn head(envelope: &[u8]) -> (u32, u32) {
    let (id, rest) = number(envelope);
    (id, number(rest).0)
}

/// The number at the beginning.
fn number(bytes: &[u8]) -> (u32, &[u8]) {
    match bytes {
        [251, low, high, rest @ ..] => (u16::from_le_bytes([*low, *high]).into(), rest),
        [252, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]), rest),
        [small, rest @ ..] => ((*small).into(), rest),
        [] => panic!("no envelope"),
    }
}

#[test]
fn the_first_releases_requests_are_answered_as_on_its_day() {
    let (sandbox, lyve) = (Sandbox::new(), LyveCloud::start());
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve-prod", &lyve));
    let _daemon = sandbox.start();

    let mut first = connected(&sandbox);
    first.write_all(&vector!("request-get-first")).expect("sent");
    let answer = frame(&mut first);
    assert_eq!((&answer[..2], head(&answer[2..])), (&[1, 0][..], (1, CREDENTIAL)));

    for (name, request, kinds) in requests() {
        let mut stream = connected(&sandbox);
        stream.write_all(&vector!("request-about-first")).expect("sent");
        let about = frame(&mut stream);
        assert_eq!((&about[..2], head(&about[2..])), (&[1, 0][..], (1, 0x8006)), "{name}");
        stream.write_all(&request).expect("sent");
        let (id, kind) = head(&frame(&mut stream));
        assert_eq!(id, number(&request[4..]).0, "{name}: the request's own id");
        assert!(kinds.contains(&kind), "{name}: {kind:#06x}");
    }
    assert_eq!(sandbox.tok(["get", "lyve-prod"]).code, 0);
}

#[test]
fn a_client_of_another_protocol_is_told_which_one_is_spoken() {
    let sandbox = Sandbox::new();
    sandbox.configure("");
    let _daemon = sandbox.start();
    for number in [2_u16, 3, u16::MAX] {
        let mut request = vector!("request-about-first");
        request[4..6].copy_from_slice(&number.to_le_bytes());
        let mut stream = connected(&sandbox);
        stream.write_all(&request).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("a refusal, and the end");
        assert_eq!(answer, vector!("refusal"), "protocol {number}");
    }
}

/// A home whose daemon is of another age.
fn with(answering: Answering) -> Sandbox {
    let sandbox = Sandbox::new();
    let socket = sandbox.socket();
    if let Some(folder) = platform::folder_of(&socket) {
        private_folder(folder).expect("the socket's folder");
    }
    other_ages::listen(&socket, answering);
    sandbox
}

/// Whether a request's payload asks who the daemon is.
fn asks_who(request: &[u8]) -> bool {
    request[3] == 8
}

/// The first release's own answer about itself, with a version of as many letters in it.
fn about(version: [u8; 5]) -> Vec<u8> {
    let mut answer = vector!("answer-about-first");
    let place = answer.windows(5).position(|part| part == b"0.1.0").expect("its version");
    answer[place..place + 5].copy_from_slice(&version);
    answer
}

/// A first frame around an envelope of a golden file without an opening, with the id 1.
fn opened(later: &[u8]) -> Vec<u8> {
    let envelope = [&[1, 0, 1], &later[5..]].concat();
    [&u32::try_from(envelope.len()).expect("short").to_le_bytes(), &envelope[..]].concat()
}

#[test]
fn the_first_releases_answers_are_understood() {
    let old = with(|request| {
        if asks_who(request) { vector!("answer-about-first") } else { vector!("answer-credential-first") }
    });
    assert_eq!(old.token("lyve-prod"), "lyve.s3cr3t-t0ken");
    // And one with an extra that nobody knows yet.
    let new = with(|_| opened(&vector!("answer-unknown-extra")));
    let hash = "0".repeat(64);
    let said = new.tok(["reject", "lyve-prod", "--hash", &hash]);
    assert_eq!(said.code, 0, "{said:?}");
    let failing = with(|_| opened(&vector!("answer-failure")));
    let said = failing.tok(["get", "lyve-prd"]);
    assert_eq!((said.code, said.error()), (3, ("there is no account lyve-prd", "did you mean lyve-prod?")));
}

#[test]
fn a_daemon_of_another_protocol_is_exit_8_and_the_older_side_is_named() {
    let newer = with(|_| golden("07 00 00 00  00 00  02  02 00  03 00"));
    let said = newer.tok(["get", "x"]);
    assert_eq!(said.code, 8, "{said:?}");
    let (what, hint) = said.error();
    assert_eq!(what, "tokend does not speak protocol 1, but 2, 3");
    assert!(hint.contains("the daemon is newer: install the client"), "{said:?}");
    // One that answers in its own protocol, whatever it was asked in.
    let newer = with(|_| golden("06 00 00 00  02 00  01 fb 02 80"));
    assert_eq!(newer.tok(["get", "x"]).code, 8);

    let older = with(|_| golden("05 00 00 00  00 00  01  00 00"));
    let said = older.tok(["get", "x"]);
    assert_eq!(said.code, 8, "{said:?}");
    assert!(said.error().1.contains("older") && said.error().1.contains(remedies::RESTART), "{said:?}");
}

#[test]
fn an_older_daemon_that_does_not_know_a_request_is_named_with_both_versions() {
    let older =
        with(
            |request| {
                if asks_who(request) { about(*b"0.0.9") } else { opened(&vector!("answer-unsupported")) }
            },
        );
    let ours = older.tok(["version"]).stdout.trim().trim_start_matches("tok ").to_owned();
    let said = older.tok(["reload"]);
    assert_eq!(said.code, 1, "{said:?}");
    let (what, hint) = said.error();
    assert!(
        what.starts_with(&format!("the running tokend is older (0.0.9) than this tok ({ours}):")),
        "{said:?}"
    );
    assert!(what.contains("reload") && hint.contains(remedies::RESTART), "{said:?}");

    let newer =
        with(
            |request| {
                if asks_who(request) { about(*b"9.1.0") } else { opened(&vector!("answer-unknown-kind")) }
            },
        );
    let (what, hint) = (newer.tok(["reload"]), "install the tok that came with it");
    assert!(what.error().0.contains("is newer (9.1.0) than this tok"), "{what:?}");
    assert!(what.error().1.contains(hint), "{what:?}");
}
