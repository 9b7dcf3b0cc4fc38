//! Golden bytes of every message: what was sent yesterday is sent and read today.
//!
//! A golden file is never changed once it is released. `TOKEND_WRITE_VECTORS=1` writes those that are missing.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod golden;
#[path = "vectors/health.rs"]
mod health;
#[path = "vectors/logins.rs"]
mod logins;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use tokend_proto::envelope::{self, Body};
use tokend_proto::frame::{self, HEADER, Opening};
use tokend_proto::limits::{MAX_ANSWER, MAX_REQUEST, MAX_WORDS, PROTOCOL};
use tokend_proto::message::{
    About, AccountName, AccountStatus, ClockSkew, Code, Credential, Failure, Field, Get, LastError,
    ListAccounts, ListPage, Refresh, Reject, Reloaded, Status, StatusPage, StoreState, Unlock, Watch, Words,
};
use tokend_proto::{Answer, Envelope, Extra, Kind, List, Request, Secret, codec};

const TOKEN: &str = "lyve.s3cr3t-t0ken";
const SHA256_OF_TOKEN: [u8; 32] = [
    0x4c, 0x4e, 0x35, 0x7a, 0x04, 0xf1, 0x3a, 0xde, 0x27, 0xd0, 0x2c, 0x11, 0xa8, 0xbc, 0x86, 0x1c, 0xe4,
    0x0f, 0x9e, 0x91, 0x3f, 0x96, 0x1e, 0xbd, 0x90, 0xd6, 0xfa, 0x0a, 0x68, 0xfe, 0xa7, 0x21,
];
/// A kind of request, one of answer and a tag that no protocol will assign.
const UNKNOWN_REQUEST: Kind = Kind(0x7fff);
const UNKNOWN_ANSWER: Kind = Kind(0xffff);
const UNKNOWN_TAG: u16 = 0xffff;

#[test]
fn the_encoder_writes_every_golden_file_byte_for_byte() {
    for vector in vectors() {
        assert_eq!(hex(&vector.golden()), hex(&vector.frame()), "{}", vector.name);
    }
}

#[test]
fn the_decoder_reads_every_golden_file() {
    for vector in vectors() {
        let frame = vector.golden();
        let payload = match (announced(&frame, vector.limit()), vector.first) {
            (payload, false) => payload,
            (payload, true) => match frame::opening(payload) {
                Ok(Opening::Spoken(rest)) => rest,
                other => panic!("{}: {other:?}", vector.name),
            },
        };
        let read = match vector.direction {
            Direction::Request => envelope::decode_request(payload),
            Direction::Answer => envelope::decode_answer(payload),
        }
        .expect(vector.name);

        assert_eq!(read.id, vector.envelope.id, "{}", vector.name);
        assert_eq!(read.kind, vector.envelope.kind, "{}", vector.name);
        assert_eq!(read.extras, vector.envelope.extras, "{}", vector.name);
        let meant = match vector.direction {
            Direction::Request => Request::open(&read).expect(vector.name).map(|it| it.seal(read.id)),
            Direction::Answer => Answer::open(&read).expect(vector.name).map(|it| it.seal(read.id)),
        };
        match meant {
            Some(sealed) => {
                let sealed = sealed.expect(vector.name);
                assert_eq!(sealed.kind, vector.envelope.kind, "{}", vector.name);
                assert_eq!(sealed.body.bytes(), vector.envelope.body.bytes(), "{}", vector.name);
            }
            None => assert!([UNKNOWN_REQUEST, UNKNOWN_ANSWER].contains(&read.kind), "{}", vector.name),
        }
    }
}

#[test]
fn the_refusal_is_written_and_read_as_in_its_golden_file() {
    let golden = read_or_write("refusal", || {
        let refusal = frame::refusal();
        let (length, rest) = refusal.split_at(HEADER);
        let mut text = "# The daemon's whole answer to a client of another protocol.\n".to_owned();
        line(&mut text, length, "bytes that follow");
        line(&mut text, &rest[..2], "0: not that one");
        line(&mut text, &rest[2..3], "how many it speaks");
        line(&mut text, &rest[3..], "the protocol that it speaks");
        text
    });
    assert_eq!(golden, frame::refusal());
    assert_eq!(frame::opening(announced(&golden, MAX_ANSWER)), Ok(Opening::Refused(vec![PROTOCOL])));
}

#[test]
fn every_kind_has_a_golden_file() {
    let covered: BTreeSet<u16> = vectors().iter().map(|vector| vector.envelope.kind.0).collect();
    for kind in (0x0001..=0x0010).chain(0x8001..=0x800b).chain([0x80fe, 0x80ff]) {
        assert!(covered.contains(&kind), "no golden file for kind {kind:#06x}");
    }
    // A kind added to the crate is opened, and so must be added above.
    for kind in (0..=u16::MAX).filter(|kind| !covered.contains(kind)) {
        let empty = Envelope::new(0, Kind(kind), vec![].into());
        assert!(matches!(Request::open(&empty), Ok(None)), "no golden file for kind {kind:#06x}");
        assert!(matches!(Answer::open(&empty), Ok(None)), "no golden file for kind {kind:#06x}");
    }
}

#[test]
fn no_golden_file_is_forgotten() {
    let tested: BTreeSet<_> =
        vectors().iter().map(|it| it.name).chain(["refusal"]).map(str::to_owned).collect();
    let stray: Vec<_> =
        golden::frames().into_iter().map(|(name, _)| name).filter(|it| !tested.contains(it)).collect();
    assert!(stray.is_empty(), "files in tests/vectors that no test reads: {stray:?}");
}

#[derive(Clone, Copy)]
enum Direction {
    Request,
    Answer,
}

struct Vector {
    name: &'static str,
    /// The comment at the top of its file.
    says: &'static str,
    direction: Direction,
    /// Whether it is the first frame of its direction.
    first: bool,
    envelope: Envelope,
}

impl Vector {
    fn request(name: &'static str, says: &'static str, id: u32, request: &Request) -> Self {
        let envelope = request.seal(id).expect(name);
        Self { name, says, direction: Direction::Request, first: false, envelope }
    }

    fn answer(name: &'static str, says: &'static str, id: u32, answer: &Answer) -> Self {
        let envelope = answer.seal(id).expect(name);
        Self { name, says, direction: Direction::Answer, first: false, envelope }
    }

    fn first(self) -> Self {
        Self { first: true, ..self }
    }

    fn of_kind(mut self, kind: Kind) -> Self {
        self.envelope.kind = kind;
        self
    }

    fn with_extra(mut self, tag: u16, bytes: &[u8]) -> Self {
        self.envelope.extras = List::truncating(vec![Extra { tag, bytes: bytes.to_vec() }]);
        self
    }

    fn limit(&self) -> usize {
        match self.direction {
            Direction::Request => MAX_REQUEST,
            Direction::Answer => MAX_ANSWER,
        }
    }

    fn frame(&self) -> Vec<u8> {
        let payload = self.envelope.encode().expect(self.name);
        frame::encode(&payload, self.first, self.limit()).expect(self.name).to_vec()
    }

    fn golden(&self) -> Vec<u8> {
        read_or_write(self.name, || self.text())
    }

    /// Its golden file, a line for each part.
    fn text(&self) -> String {
        let Envelope { id, kind, body, extras } = &self.envelope;
        let frame = self.frame();
        let mut text = format!("# {}\n", self.says);
        line(&mut text, &frame[..HEADER], "bytes that follow");
        if self.first {
            line(&mut text, &frame[HEADER..HEADER + 2], "protocol");
        }
        line(&mut text, &codec::encode(id).expect(self.name), "id");
        line(&mut text, &codec::encode(kind).expect(self.name), "kind");
        line(&mut text, &length_of(body), "bytes of the body");
        for part in body.bytes().chunks(16) {
            line(&mut text, part, "");
        }
        line(&mut text, &codec::encode(extras).expect(self.name), "extras");
        assert_eq!(golden::bytes(&text), frame, "{}", self.name);
        text
    }
}

fn length_of(body: &Body) -> Vec<u8> {
    let whole = codec::encode(body).expect("a body");
    whole[..whole.len() - body.bytes().len()].to_vec()
}

fn line(text: &mut String, bytes: &[u8], what: &str) {
    let hex = hex(bytes);
    let written = if what.is_empty() { writeln!(text, "{hex}") } else { writeln!(text, "{hex:<48}# {what}") };
    written.expect("a String takes everything");
}

/// The bytes as pairs of digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn read_or_write(name: &str, text: impl FnOnce() -> String) -> Vec<u8> {
    let path = golden::folder().join(name).with_extension("hex");
    if std::env::var_os("TOKEND_WRITE_VECTORS").is_some_and(|value| value == "1") && !path.exists() {
        // Written under another name first: tests that run beside this one see all of it or nothing.
        let unfinished = path.with_extension(format!("new-{:?}", std::thread::current().id()));
        fs::write(&unfinished, text()).expect("a new golden file");
        let linked = fs::hard_link(&unfinished, &path);
        fs::remove_file(&unfinished).expect("its first name removed");
        assert!(linked.is_ok() || path.exists(), "{}: {linked:?}", path.display());
    }
    match fs::read_to_string(&path) {
        Ok(text) => golden::bytes(&text),
        Err(error) => panic!(
            "tests/vectors/{name}.hex: {error}\n\
             If the message is new, write its golden file with\n    \
             TOKEND_WRITE_VECTORS=1 cargo test -p tokend-proto --test vectors\n\
             and read it before you commit it. A file that exists is never overwritten."
        ),
    }
}

fn announced(frame: &[u8], limit: usize) -> &[u8] {
    let (header, payload) = frame.split_first_chunk::<HEADER>().expect("a header");
    assert_eq!(frame::announced(*header, limit), Ok(payload.len()));
    payload
}

fn words<const N: usize>(words: [&str; N]) -> Words {
    List::truncating(words.map(str::to_owned).to_vec())
}

fn fields<const N: usize>(fields: [(&str, &str); N]) -> List<Field, MAX_WORDS> {
    let field = |(name, value): (&str, &str)| Field {
        name: name.to_owned(),
        value: Secret::new(value.as_bytes().to_vec()).expect("a short secret"),
    };
    List::truncating(fields.into_iter().map(field).collect())
}

fn vectors() -> Vec<Vector> {
    let mut all = requests();
    all.extend(answers());
    all
}

fn account() -> String {
    "lyve-prod".to_owned()
}

fn get() -> Request {
    Request::Get(Get {
        account: account(),
        min_valid_ms: None,
        scope: words([]),
        audience: words([]),
        timeout_ms: 30_000,
    })
}

fn requests() -> Vec<Vector> {
    let demand = Request::Get(Get {
        account: "graph".to_owned(),
        min_valid_ms: Some(300_000),
        scope: words(["https://graph.microsoft.com/Mail.Read", "offline_access"]),
        audience: words(["https://api.example.com"]),
        timeout_ms: 250,
    });
    let refresh = Request::Refresh(Refresh { account: account(), timeout_ms: 600_000 });
    let reject = Request::Reject(Reject { account: account(), sha256: SHA256_OF_TOKEN });
    let mut all = vec![
        Vector::request("request-get-first", "A token, please; a connection's first frame.", 1, &get())
            .first(),
        Vector::request("request-get-later", "The same on a connection that has been opened.", 2, &get()),
        Vector::request("request-get-demand", "Some scopes, an audience, five minutes left.", 3, &demand),
        Vector::request("request-refresh", "A new token now.", 4, &refresh),
        Vector::request("request-reject", "The service refused the token with this SHA-256.", 5, &reject),
        Vector::request("request-reload", "Read the configuration again.", 12, &Request::Reload),
        Vector::request("request-about-first", "Who are you?", 1, &Request::About).first(),
        Vector::request("request-unknown-kind", "A kind of request that nobody knows.", 8, &get())
            .of_kind(UNKNOWN_REQUEST),
        Vector::request("request-unknown-extra", "A request with an extra that nobody knows.", 9, &get())
            .with_extra(UNKNOWN_TAG, b"from later"),
    ];
    all.extend(requests_about_accounts());
    all.extend(requests_about_the_store());
    all.extend(logins::requests());
    all.push(Vector::request("request-health", "How are you?", 17, &Request::Health));
    all
}

fn requests_about_the_store() -> Vec<Vector> {
    let unlock = |passphrase| Request::Unlock(Unlock { passphrase });
    let passphrase = Secret::new("correct horse ätsch".as_bytes().to_vec()).expect("a short secret");
    vec![
        Vector::request("request-lock", "Forget what is secret.", 13, &Request::Lock),
        Vector::request("request-unlock", "Open the store; no passphrase is needed.", 14, &unlock(None)),
        Vector::request(
            "request-unlock-passphrase",
            "Open the store with this passphrase.",
            15,
            &unlock(Some(passphrase)),
        ),
        Vector::request("request-store", "How is the store?", 16, &Request::Store),
    ]
}

fn requests_about_accounts() -> Vec<Vector> {
    let status = |account, after| Request::Status(Status { account, after });
    let list = |after| Request::List(ListAccounts { after });
    let watch = Request::Watch(Watch { account: account() });
    let one = status(Some(account()), None);
    let next = status(None, Some(account()));
    vec![
        Vector::request("request-status", "How are the accounts?", 6, &status(None, None)),
        Vector::request("request-status-one", "How is this account?", 7, &one),
        Vector::request("request-status-after", "How are the accounts after this one?", 250, &next),
        Vector::request("request-list", "Which accounts are there?", 251, &list(None)),
        Vector::request(
            "request-list-after",
            "Which are there after this one?",
            65_536,
            &list(Some(account())),
        ),
        Vector::request("request-watch", "A credential at each new token.", u32::MAX, &watch),
    ]
}

fn answers() -> Vec<Vector> {
    let mut all = credentials();
    all.extend(pages());
    all.extend(states_of_the_store());
    all.extend(logins::steps());
    all.extend(logins::ends());
    all.extend(health::answers());
    all.extend([
        Vector::answer("answer-done", "Done, with nothing to say.", 5, &Answer::Done),
        Vector::answer(
            "answer-reloaded",
            "The configuration was taken over.",
            12,
            &Answer::Reloaded(Reloaded {
                accounts: 1_000,
                added: 2,
                changed: 1,
                removed: 0,
                warnings: words(["accounts.d/old.toml is empty"]),
            }),
        ),
        Vector::answer(
            "answer-about-first",
            "Who the daemon is.",
            1,
            &Answer::About(About {
                version: "0.1.0".to_owned(),
                pid: 70_000,
                host: "box".to_owned(),
                configuration: "/home/alice/.config/tokend".to_owned(),
                started_at_ms: 1_799_990_000_000,
            }),
        )
        .first(),
        Vector::answer(
            "answer-unsupported",
            "A kind that the daemon does not know.",
            8,
            &Answer::Unsupported,
        ),
        Vector::answer(
            "answer-failure",
            "It did not work: no such account.",
            2,
            &Answer::Failure(Failure {
                code: Code::UNKNOWN,
                kind: "unknown-account".to_owned(),
                message: "there is no account lyve-prd".to_owned(),
                hint: "did you mean lyve-prod?".to_owned(),
                next_try_in_ms: None,
            }),
        ),
        Vector::answer(
            "answer-failure-retried",
            "It did not work now, and is tried again.",
            3,
            &Answer::Failure(Failure {
                code: Code::NOT_NOW,
                kind: "unreachable".to_owned(),
                message: "login.example.com cannot be reached".to_owned(),
                hint: "tokend tries again in 30s".to_owned(),
                next_try_in_ms: Some(30_000),
            }),
        ),
        Vector::answer("answer-unknown-kind", "A kind of answer that nobody knows.", 10, &Answer::Done)
            .of_kind(UNKNOWN_ANSWER),
        Vector::answer(
            "answer-unknown-extra",
            "An answer with an extra that nobody knows.",
            11,
            &Answer::Done,
        )
        .with_extra(UNKNOWN_TAG, b"from later"),
    ]);
    all
}

fn states_of_the_store() -> Vec<Vector> {
    let locked = StoreState {
        locked: true,
        identity: StoreState::PASSPHRASE.to_owned(),
        needs_passphrase: true,
        memory_locked: true,
        warnings: words([]),
    };
    let open = StoreState {
        locked: false,
        identity: StoreState::PLAIN.to_owned(),
        needs_passphrase: false,
        memory_locked: false,
        warnings: words(["the identity has no passphrase"]),
    };
    let too_soon = Failure {
        code: Code::LOCKED,
        kind: "too-soon".to_owned(),
        message: "too many wrong passphrases".to_owned(),
        hint: "try again in 8s".to_owned(),
        next_try_in_ms: Some(8_000),
    };
    vec![
        Vector::answer(
            "answer-store-state-locked",
            "Locked, under a passphrase.",
            16,
            &Answer::StoreState(locked),
        ),
        Vector::answer("answer-store-state-open", "Open, and a warning.", 17, &Answer::StoreState(open)),
        Vector::answer(
            "answer-failure-too-soon",
            "Not unlocked, and not before 8 s are over.",
            15,
            &Answer::Failure(too_soon),
        ),
    ]
}

fn credentials() -> Vec<Vector> {
    let plain = Credential {
        account: "lyve-prod".to_owned(),
        scheme: "Bearer".to_owned(),
        parameter: String::new(),
        fields: fields([("token", TOKEN)]),
        expires_at_ms: Some(1_800_000_000_000),
        expires_in_ms: Some(3_540_000),
        scope: words([]),
        warnings: words([]),
        generation: 1,
    };
    let rich = Credential {
        account: "cloud".to_owned(),
        scheme: "Bearer".to_owned(),
        parameter: String::new(),
        fields: fields([("token", &"x".repeat(300)), ("secret", "two"), ("session", "three")]),
        expires_at_ms: Some(1_800_000_000_001),
        expires_in_ms: Some(59_999),
        scope: words(["read", "write"]),
        warnings: words(["less than 60s left, and the service cannot be reached"]),
        generation: 70_000,
    };
    let parameter = Credential {
        account: "gen1-legacy".to_owned(),
        scheme: String::new(),
        parameter: "authkey".to_owned(),
        fields: fields([("token", "5f2c")]),
        expires_at_ms: None,
        expires_in_ms: None,
        scope: words([]),
        warnings: words(["nobody knows how long it lives…"]),
        generation: 251,
    };
    vec![
        Vector::answer(
            "answer-credential-first",
            "A token; the daemon's first frame on a connection.",
            1,
            &Answer::Credential(plain),
        )
        .first(),
        Vector::answer("answer-credential-rich", "A token of three fields.", 3, &Answer::Credential(rich)),
        Vector::answer(
            "answer-credential-parameter",
            "A token that travels as a parameter and whose expiry is not known.",
            u32::MAX,
            &Answer::Credential(parameter),
        ),
    ]
}

fn pages() -> Vec<Vector> {
    let fresh = AccountStatus {
        account: "lyve-prod".to_owned(),
        account_type: "lyve-cloud".to_owned(),
        state: "fresh".to_owned(),
        expires_at_ms: Some(1_800_000_000_000),
        expires_in_ms: Some(3_540_000),
        lifetime_ms: Some(3_600_000),
        next_refresh_at_ms: Some(1_799_999_000_000),
        refreshed_at_ms: Some(1_799_996_400_000),
        served: 12_345,
        last_error: None,
        warnings: words([]),
        clock_skew: Some(ClockSkew { host: "api.lyvecloud.seagate.com".to_owned(), ahead_ms: -7_200_250 }),
        login_ends_at_ms: Some(1_800_028_800_000),
    };
    let parked = AccountStatus {
        account: "internal".to_owned(),
        account_type: "http".to_owned(),
        state: "parked".to_owned(),
        expires_at_ms: None,
        expires_in_ms: None,
        lifetime_ms: None,
        next_refresh_at_ms: None,
        refreshed_at_ms: None,
        served: 0,
        last_error: Some(LastError {
            kind: "refused".to_owned(),
            message: "auth.internal refused the credentials: invalid_client".to_owned(),
            hint: "change the secret of internal; tokend does not try again until then".to_owned(),
            at_ms: 1_799_999_999_999,
            code: Code::REFUSED,
        }),
        warnings: words(["the configuration is readable by others"]),
        clock_skew: None,
        login_ends_at_ms: None,
    };
    let name = |account: &str, account_type: &str| AccountName {
        account: account.to_owned(),
        account_type: account_type.to_owned(),
    };
    vec![
        Vector::answer(
            "answer-status-page",
            "Two accounts, and more after them.",
            6,
            &Answer::StatusPage(StatusPage { accounts: List::truncating(vec![parked, fresh]), more: true }),
        ),
        Vector::answer(
            "answer-status-page-empty",
            "No account.",
            250,
            &Answer::StatusPage(StatusPage { accounts: List::default(), more: false }),
        ),
        Vector::answer(
            "answer-list-page",
            "Two accounts, and no more.",
            251,
            &Answer::ListPage(ListPage {
                accounts: List::truncating(vec![name("internal", "http"), name("lyve-prod", "lyve-cloud")]),
                more: false,
            }),
        ),
    ]
}
