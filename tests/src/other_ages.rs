//! A daemon of another age, as bytes on a socket: it answers each request with what it is told to, and no more.

use std::io::{self, Read, Write};
use std::path::Path;

use tokend_proto::frame::{self, HEADER};
use tokend_proto::limits::MAX_REQUEST;

use crate::platform::{self, Stream};

/// What a daemon of another age does with the first request of a connection.
pub type Answering = fn(request: &[u8]) -> Vec<u8>;

/// Listens on `socket` as long as the program runs. Each connection gets one answer.
///
/// # Panics
/// When nobody can listen there.
pub fn listen(socket: &Path, answer: Answering) {
    let listener = platform::listen(socket).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that hangs up is its own affair.
            let _ = serve(stream, answer);
        }
    });
}

fn serve(mut stream: Stream, answer: Answering) -> io::Result<()> {
    let request = request(&mut stream)?;
    stream.write_all(&answer(&request))?;
    // Until the client has read it, and goes.
    let _ = stream.read(&mut [0]);
    Ok(())
}

/// The payload of one frame.
fn request(stream: &mut Stream) -> io::Result<Vec<u8>> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header)?;
    let mut payload = vec![0; frame::announced(header, MAX_REQUEST).map_err(io::Error::other)?];
    stream.read_exact(&mut payload)?;
    Ok(payload)
}

/// The bytes that a golden file in hex says; white space and comments do not count.
///
/// # Panics
/// When it is no such file.
#[must_use]
pub fn golden(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().chars())
        .filter(|c| !c.is_whitespace())
        .map(|c| u8::try_from(c.to_digit(16).expect("a hex digit")).expect("less than 16"))
        .collect();
    assert!(digits.len().is_multiple_of(2), "half a byte");
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
