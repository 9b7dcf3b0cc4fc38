//! At login the network is often not up yet: tokend is ready at once, and mends by itself.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::io::{self, copy};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;

use tokend_tests::accounts;
use tokend_tests::sandbox::{Sandbox, eventually};
use tokend_tests::stand_in::LyveCloud;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;

/// A port that refuses every connection until it [opens](Self::open).
struct Closed {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Closed {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let address = socket.local_addr().expect("its port");
        Self { socket, address }
    }

    /// From now on whoever connects reaches `service`.
    fn open(self, service: SocketAddr) {
        let runtime = Builder::new_current_thread().enable_io().build().expect("a runtime");
        let listener = runtime.block_on(async { self.socket.listen(16)?.into_std() }).expect("it listens");
        listener.set_nonblocking(false).expect("it waits");
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let _ = TcpStream::connect(service).and_then(|service| join(&client, &service));
            }
        });
    }
}

fn join(client: &TcpStream, service: &TcpStream) -> io::Result<()> {
    for (from, to) in [(client, service), (service, client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        thread::spawn(move || {
            // Either end may go first.
            let _ = copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}

#[test]
fn it_is_ready_without_a_network_and_mends_by_itself() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    let port = Closed::new();
    let table = accounts::lyve_cloud(&sandbox, "lyve", &lyve);
    let there = format!("http://{}", port.address);
    sandbox
        .configure(&(table.replace(lyve.url(), &there) + &accounts::static_token(&sandbox, "a", "a-token")));
    let daemon = sandbox.start();
    assert_eq!(sandbox.token("a"), "a-token");
    let said = sandbox.tok(["get", "lyve", "--timeout", "1s"]);
    assert_eq!(said.code, 6, "{said:?}");
    assert_eq!(lyve.requests(), 0);
    port.open(lyve.address());
    eventually("it has a token without being asked", || {
        (sandbox.status("lyve")["state"] == "fresh").then_some(())
    });
    assert!(lyve.is_live(&sandbox.token("lyve")));
    assert!(daemon.stop().success());
}
