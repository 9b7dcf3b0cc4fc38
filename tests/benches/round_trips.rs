//! How fast a token is served on open connections, beside a bare echo of the same bytes on the same runtime.
//!
//! `cargo bench -p tokend-tests` prints requests a second for 1, 8 and 64 clients and the ratio of the two, which
//! is what counts: the times are the machine's. Pairs are measured in turn, the median of three is printed.

#![expect(clippy::expect_used, reason = "a benchmark that cannot go on should say so")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokend_proto::frame;
use tokend_proto::limits::MAX_REQUEST;
use tokend_proto::message::{Get, Words};
use tokend_proto::{Request, frame::HEADER};
use tokend_tests::platform::{self, Stream};
use tokend_tests::sandbox::Sandbox;

const SPAN: Duration = Duration::from_secs(1);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, path, answer] = &arguments[..]
        && mode == "--echo"
    {
        return echo(Path::new(path), answer.parse().expect("a length"));
    }
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    let sandbox = Sandbox::new();
    let secret = sandbox.secret_file("key", &"x".repeat(600));
    sandbox.configure(&format!(
        "[accounts.bench]\ntype = \"static\"\ntoken = {{ file = \"{}\" }}\n",
        secret.display()
    ));
    let _daemon = sandbox.start();
    sandbox.token("bench");
    let size = answer_size(&sandbox.socket());
    let (_echo, echo_socket) = start_echo(sandbox.path(), size);
    println!("{size} bytes an answer");
    println!("{:>8} {:>14} {:>14} {:>7}", "clients", "tokend req/s", "echo req/s", "ratio");
    for clients in [1, 8, 64] {
        let mut pairs: Vec<(f64, f64)> = (0..3)
            .map(|_| (rate(&sandbox.socket(), clients, size), rate(&echo_socket, clients, size)))
            .collect();
        pairs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
        let (ours, bare) = pairs[1];
        println!("{clients:>8} {ours:>14.0} {bare:>14.0} {:>7.2}", ours / bare);
    }
}

fn request(first: bool) -> Vec<u8> {
    let get = Request::Get(Get {
        account: "bench".to_owned(),
        min_valid_ms: None,
        scope: Words::default(),
        audience: Words::default(),
        timeout_ms: 1000,
    });
    let payload = get.seal(1).and_then(|envelope| envelope.encode()).expect("a small request");
    frame::encode(&payload, first, MAX_REQUEST).expect("a small frame").to_vec()
}

/// A whole later answer's size in bytes: the first one carries the protocol number besides.
fn answer_size(socket: &Path) -> usize {
    let mut stream = platform::connect(socket).expect("tokend listens");
    exchange(&mut stream, &request(true));
    exchange(&mut stream, &request(false))
}

fn exchange(stream: &mut Stream, request: &[u8]) -> usize {
    stream.write_all(request).expect("the request is taken");
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).expect("an answer");
    let length = frame::announced(header, 1 << 20).expect("a frame");
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).expect("the rest of it");
    HEADER + length
}

/// Requests a second that so many clients get answered, each asking as fast as it is answered.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn rate(socket: &Path, clients: usize, size: usize) -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let (stop, count) = (Arc::clone(&stop), Arc::clone(&count));
            let mut stream = platform::connect(socket).expect("a server listens");
            thread::spawn(move || {
                exchange(&mut stream, &request(true));
                let request = request(false);
                let mut answer = vec![0; size];
                while !stop.load(Ordering::Relaxed) {
                    stream.write_all(&request).expect("the request is taken");
                    stream.read_exact(&mut answer).expect("an answer");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let started = Instant::now();
    thread::sleep(SPAN);
    let (answered, elapsed) = (count.load(Ordering::Relaxed), started.elapsed());
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("a client ends");
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let answered = answered as f64;
    answered / elapsed.as_secs_f64()
}

/// The echo in a process of its own; ends when its standard input does.
fn start_echo(folder: &Path, size: usize) -> (Ended, PathBuf) {
    let path = platform::address_called(folder, "echo.sock");
    let mut child = Command::new(std::env::current_exe().expect("the path of this program"))
        .arg("--echo")
        .arg(&path)
        .arg(size.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the echo starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its output");
    BufReader::new(stdout).read_line(&mut line).expect("it says that it is ready");
    (Ended(child), path)
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that reads frames and answers each with the same bytes, as few as a server can do.
fn echo(path: &Path, size: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let length = u32::try_from(size - HEADER).expect("a small answer");
    let mut answer = vec![0; size];
    answer[..HEADER].copy_from_slice(&length.to_le_bytes());
    runtime.block_on(platform::answer_each_read(path, &answer, || println!("ready"))).expect("a socket");
}
