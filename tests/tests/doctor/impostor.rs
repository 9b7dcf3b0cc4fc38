//! A daemon that is not ours: an older one, or a program that only has its socket.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::thread;
use tokend_tests::platform::{self, Stream};

use tokend_proto::frame::{self, HEADER, Opening};
use tokend_proto::limits::MAX_REQUEST;
use tokend_proto::message::About;
use tokend_proto::{Answer, Request, envelope};

/// Listens at `socket`, and does that with each connection, for as long as the test runs.
pub(crate) fn listen(socket: &Path, serve: impl Fn(Stream) + Send + 'static) {
    fs::create_dir_all(socket.parent().expect("its folder")).expect("the socket's folder");
    let listener = platform::listen(socket).expect("a socket");
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
}

/// A daemon of another version, which knows only who it is.
pub(crate) fn of_version(version: &'static str) -> impl Fn(Stream) + Send + 'static {
    move |mut stream| {
        let mut first = true;
        while let Some(payload) = receive(&mut stream) {
            let payload = match frame::opening(&payload) {
                Ok(Opening::Spoken(rest)) if first => rest.to_vec(),
                _ => payload,
            };
            let Ok(envelope) = envelope::decode_request(&payload) else { return };
            let answer = match Request::open(&envelope) {
                Ok(Some(Request::About)) => Answer::About(About {
                    version: version.to_owned(),
                    pid: std::process::id(),
                    host: "box".to_owned(),
                    configuration: String::new(),
                    started_at_ms: 0,
                }),
                _ => Answer::Unsupported,
            };
            let frame = answer.frame(envelope.id, first).expect("a frame");
            first = false;
            if stream.write_all(&frame).is_err() {
                return;
            }
        }
    }
}

fn receive(stream: &mut Stream) -> Option<Vec<u8>> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).ok()?;
    let mut payload = vec![0; frame::announced(header, MAX_REQUEST).ok()?];
    stream.read_exact(&mut payload).ok()?;
    Some(payload)
}
