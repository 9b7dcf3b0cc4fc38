//! Hard times: whatever one service or one client does, the others are served at once, and memory stays small.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokend_proto::frame;
use tokend_proto::limits::{FRAME_DEADLINE, MAX_REQUEST};
use tokend_proto::message::{Get, Status, Watch, Words};
use tokend_proto::{Answer, Request};
use tokend_tests::accounts;
use tokend_tests::platform::{self, PROGRAM_KIB, Stream, room_for};
use tokend_tests::real_time::{A_MOMENT, timed};
use tokend_tests::sandbox::{Daemon, Said, Sandbox, eventually, receive, send, skip};
use tokend_tests::stand_in::{Hole, LyveCloud};

const MIB: usize = 1024 * 1024;
/// Without the program itself.
const MEMORY_LIMIT_KIB: u64 = 48 * 1024;
const A_WHILE: Duration = Duration::from_secs(1);

/// A daemon with one account that is well and one whose service hangs.
struct House {
    daemon: Daemon,
    sandbox: Sandbox,
    lyve: LyveCloud,
    hole: Hole,
    calm: Calm,
}

/// Another daemon, with which nobody meddles: it tells what a slow machine is to blame for.
struct Calm {
    sandbox: Sandbox,
    _daemon: Daemon,
}

impl Calm {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.configure(&accounts::static_token(&sandbox, "well", "a-token"));
        let daemon = sandbox.start();
        Self { sandbox, _daemon: daemon }
    }

    /// The longest that somebody waits here while this is done.
    fn meanwhile<T>(&self, work: impl FnOnce() -> T) -> (T, Duration) {
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let mut longest = Duration::ZERO;
                while !is_done.load(Ordering::Relaxed) {
                    longest = longest.max(timed(|| self.sandbox.token("well")).1);
                }
                longest
            });
            // Whatever comes of it, the other one comes to its end.
            let done = catch_unwind(AssertUnwindSafe(work));
            is_done.store(true, Ordering::Relaxed);
            let longest = asking.join().expect("the calm daemon serves");
            (done.unwrap_or_else(|panic| resume_unwind(panic)), longest)
        })
    }
}

impl House {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let (lyve, hole) = (LyveCloud::start(), Hole::start());
        sandbox.configure(
            &[accounts::lyve_cloud(&sandbox, "well", &lyve), accounts::hanging(&sandbox, "stuck", &hole)]
                .concat(),
        );
        let daemon = sandbox.start();
        sandbox.token("well");
        Self { daemon, sandbox, lyve, hole, calm: Calm::new() }
    }

    fn connect(&self) -> Stream {
        platform::connect(self.sandbox.socket()).expect("a connection")
    }

    /// The other account's caller waits for nobody.
    #[track_caller]
    fn serves_at_once(&self, meanwhile: &str) {
        let mut longest = Duration::ZERO;
        for _ in 0..5 {
            let ((said, took), elsewhere) =
                self.calm.meanwhile(|| timed(|| self.sandbox.tok(["get", "well"])));
            assert_eq!(said.code, 0, "{meanwhile}: {said:?}");
            assert!(self.lyve.is_live(said.stdout.trim_end()), "{meanwhile}");
            let at_once = A_MOMENT.max(elsewhere * 20);
            assert!(took < at_once, "{meanwhile}: it took {took:?}, elsewhere {elsewhere:?}");
            longest = longest.max(took);
        }
        println!("{meanwhile}: at most {longest:?}");
    }

    /// How all this ends.
    #[track_caller]
    fn stayed_small(&self) {
        let peak = self.daemon.peak_own_memory_kib();
        println!("peak memory: {peak} KiB");
        assert!(peak < MEMORY_LIMIT_KIB + PROGRAM_KIB, "{peak} KiB at the peak");
        assert_eq!(self.lyve.token_requests(), 1, "and the service saw nothing of it");
    }

    /// Writes until the daemon closes the connection, or reads no more for a while. Says how much it took.
    fn pour(&self, bytes: &[u8]) -> usize {
        let mut stream = self.connect();
        stream.set_write_timeout(Some(Duration::from_millis(500))).expect("a limit");
        let mut poured = 0;
        while poured < bytes.len() {
            match stream.write(&bytes[poured..]) {
                Ok(count) => poured += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        poured
    }

    /// The same, on as many connections as it takes, while others ask. Says how many those were.
    fn pour_in_all(&self, what: &str, total: usize, bytes: &[u8]) -> usize {
        let (poured, connections) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            let pouring = scope.spawn(|| {
                while poured.load(Ordering::Relaxed) < total {
                    poured.fetch_add(self.pour(bytes), Ordering::Relaxed);
                    connections.fetch_add(1, Ordering::Relaxed);
                }
            });
            while !pouring.is_finished() {
                self.serves_at_once(what);
            }
        });
        connections.load(Ordering::Relaxed)
    }
}

fn get(account: &str, timeout: Duration) -> Request {
    Request::Get(Get {
        account: account.to_owned(),
        min_valid_ms: None,
        scope: Words::default(),
        audience: Words::default(),
        timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
    })
}

#[test]
#[cfg_attr(not(has_timing), ignore = "times mean nothing where Windows is played by Wine")]
fn a_hanging_service_a_crowd_and_garbage_together_slow_nobody_down_and_cost_little_memory() {
    const IDLE: u64 = 3000;
    const OWN: u64 = 1000;
    let house = House::new();
    assert!(house.hole.wait_for_connections(1, Duration::from_secs(10)));
    house.serves_at_once("a service hangs");

    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let mut tok = house.sandbox.command("tok");
            tok.args(["get", "stuck", "--timeout", "60s"]).stdout(Stdio::piped()).stderr(Stdio::piped());
            tok.spawn().expect("tok starts")
        })
        .collect();
    let silent: Vec<_> = (0..50).map(|_| house.connect()).collect();
    house.serves_at_once("20 wait for the service that hangs, 50 say nothing");

    let connections = house.pour_in_all("garbage is poured", 64 * MIB, &vec![0xa5; MIB]);
    assert!(connections >= 64, "garbage ends its connection: {connections}");

    let count = IDLE.min(room_for(IDLE + OWN).saturating_sub(OWN));
    if count < IDLE {
        skip("3000 idle connections", &format!("the limit of descriptors allows only {count} here"));
    }
    let opened = AtomicBool::new(false);
    let mut idle = Vec::new();
    thread::scope(|scope| {
        let opening = scope.spawn(|| {
            let idle: Vec<_> = (0..count).map(|_| house.connect()).collect();
            opened.store(true, Ordering::Release);
            idle
        });
        while !opened.load(Ordering::Acquire) {
            house.serves_at_once("thousands connect");
        }
        idle = opening.join().expect("no panic");
    });
    house.serves_at_once("thousands are connected");

    for mut tok in waiting {
        assert_eq!(
            tok.try_wait().expect("the state of tok"),
            None,
            "a caller that waits is not closed for idlers"
        );
        tok.kill().expect("tok is killed");
        tok.wait().expect("tok ends");
    }
    house.stayed_small();
    drop((silent, idle));
    house.serves_at_once("they are all gone");
}

#[test]
#[cfg_attr(not(has_timing), ignore = "times mean nothing where Windows is played by Wine")]
fn garbage_of_any_kind_ends_its_connection_and_nothing_else() {
    let house = House::new();
    let frame = |length: usize, first: &[u8], fill: u8| {
        let mut frame = u32::try_from(length).expect("a length").to_le_bytes().to_vec();
        frame.extend(first);
        frame.resize(4 + length.min(MAX_REQUEST), fill);
        frame
    };
    let opening = [1, 0];
    for (what, bytes) in [
        ("zeros, which announce frames of nothing", vec![0; MIB]),
        ("a frame larger than any", frame(64 * MIB, &opening, 0xff)),
        ("a frame one byte too large", frame(MAX_REQUEST + 1, &opening, 0)),
        ("the largest frame, full of what is no message", frame(MAX_REQUEST, &opening, 0xff)),
        ("the largest frame of another protocol", frame(MAX_REQUEST, &[0xff, 0xff], 0)),
        ("a frame too short for its opening", vec![1, 0, 0, 0, 1]),
        ("an HTTP request", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
    ] {
        let mut stream = house.connect();
        // It may close before it has read everything.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        stream.set_read_timeout(Some(FRAME_DEADLINE)).expect("a limit");
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer);
        // With bytes of ours unread it is a reset.
        let ended = end.as_ref().map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |_| true);
        assert!(ended, "{what}: {end:?}");
        assert!(answer.len() < 1024, "{what}: {} bytes", answer.len());
        house.serves_at_once(what);
    }

    // Readable at first: garbage behind a question is no different.
    let mut stream = house.connect();
    send(&mut stream, &Request::About).expect("sent");
    stream.write_all(&[0xff; 64]).expect("sent");
    assert!(matches!(receive(&mut stream), Ok(Answer::About(_))));
    assert_eq!(stream.read(&mut [0; 64]).unwrap_or(0), 0, "then it is closed");

    let largest = frame(MAX_REQUEST, &opening, 0xff);
    house.pour_in_all("64 MiB of the largest frames", 64 * MIB, &largest);
    house.stayed_small();
}

#[test]
#[cfg_attr(not(has_timing), ignore = "times mean nothing where Windows is played by Wine")]
fn half_a_frame_and_a_lone_byte_are_waited_for_ten_seconds_by_nobody_else() {
    let house = House::new();
    let mut halves = Vec::new();
    for bytes in [&[7_u8][..], &[200, 0], &[200, 0, 0, 0], &[200, 0, 0, 0, 1, 0, 5]] {
        for _ in 0..25 {
            let mut stream = house.connect();
            stream.write_all(bytes).expect("sent");
            halves.push(stream);
        }
    }
    house.serves_at_once("a hundred clients stopped within a frame");
    for mut stream in halves {
        stream.set_read_timeout(Some(FRAME_DEADLINE * 2)).expect("a limit");
        let end = stream.read(&mut [0; 64]);
        assert_eq!(end.ok(), Some(0), "closed after its deadline, without a word");
    }
    house.stayed_small();
}

#[test]
#[cfg_attr(not(has_timing), ignore = "times mean nothing where Windows is played by Wine")]
fn a_slow_client_is_served_and_makes_nobody_wait() {
    let house = House::new();
    let request = get("well", Duration::from_secs(5));
    let payload = request.seal(1).and_then(|envelope| envelope.encode()).expect("an envelope");
    let bytes = frame::encode(&payload, true, MAX_REQUEST).expect("a frame");
    let mut stream = house.connect();
    for byte in bytes.iter() {
        stream.write_all(&[*byte]).expect("sent");
        house.sandbox.token("well");
    }
    assert!(matches!(receive(&mut stream), Ok(Answer::Credential(_))));
    house.serves_at_once("a client has dripped");
}

#[test]
#[cfg_attr(not(has_timing), ignore = "times mean nothing where Windows is played by Wine")]
fn as_many_frames_as_may_be_all_but_finished_fit_into_memory() {
    const CLIENTS: u64 = 600;
    let house = House::new();
    let count = CLIENTS.min(room_for(CLIENTS + 1000).saturating_sub(1000));
    let mut unfinished = u32::try_from(MAX_REQUEST).expect("a length").to_le_bytes().to_vec();
    unfinished.resize(4 + MAX_REQUEST - 1, 0);
    unfinished[4] = 1;
    let mut held = Vec::new();
    for index in 0..count {
        let mut stream = house.connect();
        stream.set_write_timeout(Some(A_WHILE)).expect("a limit");
        // It may be closed for a later one.
        let _ = stream.write_all(&unfinished);
        held.push(stream);
        if index % 100 == 0 {
            house.serves_at_once("hundreds owe the last byte of a long frame");
        }
    }
    house.serves_at_once("hundreds owe the last byte of a long frame");
    house.stayed_small();
}

#[test]
fn a_client_that_asks_a_lot_and_never_reads_is_left_to_itself() {
    let house = House::new();
    let mut greedy = Vec::new();
    for request in [
        get("well", Duration::from_secs(5)),
        Request::Status(Status { account: None, after: None }),
        Request::About,
        get("stuck", Duration::from_secs(600)),
    ] {
        let mut bytes = Vec::new();
        for id in 1..2000 {
            let payload = request.seal(id).and_then(|envelope| envelope.encode()).expect("an envelope");
            bytes.extend_from_slice(&frame::encode(&payload, id == 1, MAX_REQUEST).expect("a frame"));
        }
        for _ in 0..5 {
            let mut stream = house.connect();
            stream.set_write_timeout(Some(Duration::from_millis(100))).expect("a limit");
            for _ in 0..10 {
                if stream.write_all(&bytes).is_err() {
                    break;
                }
            }
            greedy.push(stream);
        }
        house.serves_at_once("clients ask without reading");
    }
    house.stayed_small();
}

#[test]
#[cfg_attr(not(has_timing), ignore = "times mean nothing where Windows is played by Wine")]
fn a_client_that_never_stops_asking_makes_nobody_wait() {
    let house = House::new();
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let payload = get("well", A_WHILE).seal(2).and_then(|it| it.encode()).expect("an envelope");
    let frame = frame::encode(&payload, false, MAX_REQUEST).expect("a frame");
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut asking = house.connect();
            let mut reading = asking.try_clone().expect("the same connection");
            send(&mut asking, &get("well", A_WHILE)).expect("sent");
            scope.spawn(|| {
                let mut asking = asking;
                let many = frame.repeat(100);
                while !stop.load(Ordering::Relaxed) {
                    asking.write_all(&many).expect("sent");
                }
                asking.shutdown(Shutdown::Both).expect("closed");
            });
            let answered = &answered;
            scope.spawn(move || {
                let mut room = vec![0; 64 * 1024];
                // However it ends: questions are left unanswered when the asking stops.
                while let Ok(count @ 1..) = reading.read(&mut room) {
                    answered.fetch_add(count, Ordering::Relaxed);
                }
            });
        }
        let served = catch_unwind(AssertUnwindSafe(|| {
            for bytes in [MIB, 2 * MIB] {
                eventually("many answers", || (answered.load(Ordering::Relaxed) > bytes).then_some(()));
                house.serves_at_once("four clients ask without a pause");
            }
        }));
        stop.store(true, Ordering::Relaxed);
        served.unwrap_or_else(|panic| resume_unwind(panic));
    });
    house.stayed_small();
}

#[test]
fn five_hundred_questions_at_once_all_have_their_answer() {
    const CLIENTS: u64 = 500;
    let house = House::new();
    let count = room_for(CLIENTS + 1000).saturating_sub(1000).min(CLIENTS);
    if count < CLIENTS {
        skip("500 connections at once", &format!("the limit of descriptors allows only {count} here"));
    }
    let mut streams: Vec<_> = (0..count).map(|_| house.connect()).collect();
    for stream in &mut streams {
        send(stream, &get("well", Duration::from_secs(5))).expect("sent");
    }
    for stream in &mut streams {
        let answer = receive(stream).expect("an answer");
        let Answer::Credential(credential) = answer else { panic!("{answer:?}") };
        let token = credential.fields.iter().next().expect("a token");
        assert!(house.lyve.is_live(token.value.expose().as_str().expect("text")));
    }
    house.stayed_small();
}

#[test]
#[cfg_attr(not(has_timing), ignore = "times mean nothing where Windows is played by Wine")]
fn a_thousand_that_wait_or_watch_leave_room_for_one_more() {
    const CLIENTS: u64 = 1000;
    let house = House::new();
    let count = room_for(CLIENTS + 1000).saturating_sub(1000).min(CLIENTS);
    let ahead = vec![0; 64 * 1024];
    let mut streams = Vec::new();
    for index in 0..count {
        let mut stream = house.connect();
        let request = if index % 2 == 0 {
            get("stuck", Duration::from_secs(600))
        } else {
            Request::Watch(Watch { account: "well".to_owned() })
        };
        send(&mut stream, &request).expect("sent");
        // Who is owed an answer is read no further, so that this stays where it is.
        stream.write_all(&ahead).expect("sent");
        streams.push(stream);
    }
    house.serves_at_once("a thousand wait or watch");
    for stream in streams.iter_mut().skip(1).step_by(2) {
        let answer = receive(stream);
        assert!(
            matches!(answer, Ok(Answer::Credential(_))),
            "every watcher has the token that there is: {answer:?}"
        );
    }
    house.stayed_small();
    drop(streams);
    house.serves_at_once("they are all gone");
}

#[test]
fn a_caller_that_gives_up_cancels_nothing_for_the_others() {
    let house = House::new();
    let mut impatient = house.connect();
    send(&mut impatient, &get("stuck", Duration::from_secs(600))).expect("sent");
    let mut tok = house.sandbox.command("tok");
    tok.args(["get", "stuck", "--timeout", "2s"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let patient = tok.spawn().expect("tok starts");
    drop(impatient);
    let said = Said::from(patient.wait_with_output().expect("tok ends"));
    assert_eq!(said.code, 6, "{said:?}");
    assert_eq!(house.hole.connections(), 1, "one request for both");
    house.stayed_small();
}
