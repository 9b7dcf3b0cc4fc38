//! Whose the pipe is, and what comes through standard input and goes through standard output.

use sha2::{Digest, Sha256};
use tokend_client::{Client, Error};
use tokend_proto::{Answer, Request};

use crate::cli::daemon::{Daemon, Reply, credential};
use crate::cli::platform::{self, Listener};
use crate::cli::tok::{at, run, run_with, tok};

#[test]
fn a_pipe_with_another_owner_gets_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = platform::socket_in(folder.path());
    // The administrators': who is one of them may give a pipe to them, or is refused by the system.
    let mut listener = Listener::owned_by(&pipe, "S-1-5-32-544");
    let server = std::thread::spawn(move || {
        let mut stream = listener.accept().expect("a connection");
        let mut bytes = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stream, &mut bytes);
        bytes
    });
    let refused = Client::connect_to(&pipe).map(|_| ());
    assert!(
        matches!(&refused, Err(Error::NotOurs { user: Some(user), .. }) if user.to_string() == "S-1-5-32-544"),
        "{refused:?}"
    );
    assert_eq!(server.join().expect("no panic"), b"", "not a byte was sent");
}

#[test]
fn a_place_that_is_no_pipe_is_said_with_what_one_is() {
    for place in [r"C:\tokend.sock", r"\\server\pipe\tokend", "tokend"] {
        let (what, hint) = run(at(place.as_ref(), &["get", "x"])).failed_with(8);
        assert!(what.contains("pipe") && hint.contains(r"\\.\pipe\NAME"), "{what} {hint}");
    }
}

#[test]
fn lines_end_with_a_newline_alone() {
    let daemon = Daemon::giving(|get| credential(&get.account, "T"));
    assert_eq!(run(tok(&daemon, &["get", "x"])).printed(), "T\n");
    assert_eq!(run(tok(&daemon, &["header", "x"])).printed(), "Authorization: Bearer T\n");
}

#[test]
fn a_token_that_is_piped_by_powershell_is_the_token() {
    for input in [&b"T0k"[..], b"T0k\r\n", b"T0k\n", b"\xef\xbb\xbfT0k\r\n", b"\xef\xbb\xbfT0k"] {
        let daemon = Daemon::new(|_| Reply::Answer(Answer::Done));
        assert_eq!(run_with(tok(&daemon, &["reject", "x"]), input).printed(), "");
        let asked = daemon.asked();
        let expected: [u8; 32] = Sha256::digest(b"T0k").into();
        assert!(
            matches!(&asked[..], [Request::Reject(it)] if it.sha256[..] == expected[..]),
            "{input:?}: {asked:?}"
        );
    }
}
