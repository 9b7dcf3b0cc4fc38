//! The pipe: whose it is, who may open it, and what is none.

use tokend_tests::accounts::static_token;
use tokend_tests::platform::{self, descriptor_of_pipe, listen_as, own_user};
use tokend_tests::sandbox::{Sandbox, run, skip};

fn home() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    sandbox
}

/// The entries of an access list.
fn entries(descriptor: &str) -> Vec<&str> {
    descriptor.split('(').skip(1).filter_map(|entry| entry.split(')').next()).collect()
}

/// Wine does not enforce it, so it is read back.
#[test]
fn the_pipe_is_its_users_who_alone_may_open_it_and_not_from_another_machine() {
    let sandbox = home();
    let _daemon = sandbox.start();
    let stream = platform::connect(sandbox.socket()).expect("a connection");
    let descriptor = descriptor_of_pipe(&stream).expect("its descriptor");
    let me = own_user();
    let (owner, list) = descriptor.split_once("D:").expect("an access list");
    assert_eq!(owner, format!("O:{me}"), "{descriptor}");
    // Protected: nothing is inherited.
    assert!(list.starts_with("P("), "{descriptor}");
    let entries = entries(list);
    let [denied, allowed] = entries[..] else { panic!("two entries: {descriptor}") };
    assert!(
        denied.starts_with("D;;") && denied.ends_with(";;;NU"),
        "the network is refused first: {descriptor}"
    );
    assert!(allowed.starts_with("A;;") && allowed.ends_with(&format!(";;;{me}")), "{descriptor}");
    // All that there is of a pipe: to read and write, and to know who serves it.
    for entry in [denied, allowed] {
        let rights = entry.split(';').nth(2).unwrap_or_default();
        assert!(["GA", "FA", "0x1f01ff"].contains(&rights), "{descriptor}");
    }
}

#[test]
fn each_instance_of_the_pipe_has_the_same_descriptor() {
    let sandbox = home();
    let _daemon = sandbox.start();
    let streams: Vec<_> =
        (0..20).map(|_| platform::connect(sandbox.socket()).expect("a connection")).collect();
    let first = descriptor_of_pipe(&streams[0]).expect("its descriptor");
    for stream in &streams {
        assert_eq!(descriptor_of_pipe(stream).expect("its descriptor"), first);
    }
    assert_eq!(sandbox.token("a"), "static-token");
}

#[test]
fn a_place_that_is_no_pipe_is_refused_by_both() {
    let sandbox = home();
    for place in [r"C:\tokend.sock", "tokend", r"\\.\pipe\", r"\\.\pipe\a\..\b", r"\\other\pipe\tokend"] {
        let said = sandbox
            .try_start(|command| {
                command.env("TOKEND_SOCK", place);
            })
            .expect_err(place);
        assert!(said.code != 0 && said.stderr.contains("TOKEND_SOCK"), "{place}: {said:?}");
        let said = run(sandbox.command("tok").env("TOKEND_SOCK", place).args(["get", "a"]));
        assert_eq!((said.code, said.stdout.as_str()), (8, ""), "{place}: {said:?}");
        let (what, _) = said.error();
        assert!(what.contains("TOKEND_SOCK"), "{place}: {said:?}");
    }
}

#[test]
fn a_second_daemon_on_the_same_pipe_is_refused_and_the_first_serves_on() {
    if platform::is_wine() {
        return skip(
            "a second daemon on the same pipe",
            "Wine does not enforce that an instance is the first",
        );
    }
    let (first_home, second_home) = (home(), home());
    let first = first_home.start();
    let second = second_home.launch_to_its_end(|command| {
        command.env("TOKEND_SOCK", first_home.socket());
    });
    assert_eq!(second.code, 69, "{second:?}");
    assert!(second.stderr.contains(&*first_home.socket().to_string_lossy()), "{second:?}");
    for _ in 0..5 {
        assert_eq!(first_home.token("a"), "static-token");
    }
    // It left nothing locked behind.
    let third = second_home.start();
    assert_eq!(second_home.token("a"), "static-token");
    drop((first, third));
}

#[test]
fn tok_sends_nothing_to_a_pipe_that_is_not_its_users() {
    let sandbox = home();
    let address = platform::address_called(sandbox.path(), "stranger");
    // Administrators' and open to everybody: the owner is what this user is not.
    let listener = listen_as(&address, "O:BAD:P(A;;GA;;;WD)").expect("a pipe");
    let heard = std::thread::spawn(move || {
        use std::io::Read as _;
        let (mut stream, ()) = listener.accept().expect("a connection");
        let mut heard = Vec::new();
        // One that is cut off has been heard, too.
        let _ = stream.read_to_end(&mut heard);
        heard
    });
    let said = run(sandbox.command("tok").env("TOKEND_SOCK", &address).args(["get", "a"]));
    assert_eq!((said.code, said.stdout.as_str()), (8, ""), "{said:?}");
    let (what, hint) = said.error();
    assert!(what.contains("S-1-5-32-544") && hint.contains("nothing was sent"), "{said:?}");
    assert_eq!(heard.join().expect("the listener"), Vec::<u8>::new());
}
