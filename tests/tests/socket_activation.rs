//! Started by whoever made the socket: what waits there is answered, and the socket stays when the daemon goes.

#![cfg(has_systemd)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::process::{Command, Stdio};

use tokend_proto::message::Code;
use tokend_proto::{Answer, Request};
use tokend_tests::accounts::static_token;
use tokend_tests::platform::{self, Listener, Passed, Stream, number, private_folder};
use tokend_tests::sandbox::{self, Sandbox, run};

/// Passes standard input on as the first descriptor, as `sd_listen_fds(3)` has it. `LISTEN_PID` is the daemon's
/// own, since the shell becomes it.
const PASS: &str = r#"export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=tokend; exec "$0" 3<&0 </dev/null"#;

/// The socket as the unit makes it.
fn listener(sandbox: &Sandbox) -> Listener {
    let path = sandbox.socket();
    private_folder(path.parent().expect("a folder")).expect("a folder");
    platform::listen(path).expect("a socket")
}

/// Makes the command pass this descriptor on.
fn pass(sandbox: &Sandbox, command: &mut Command, descriptor: impl Into<Passed>, script: &str) {
    sandbox.by_shell(command, script);
    command.stdin(Stdio::from(descriptor.into()));
}

fn duplicate(listener: &Listener) -> Listener {
    listener.try_clone().expect("another descriptor")
}

/// A client that has connected and asked, whether or not anybody answers yet.
fn early_bird(sandbox: &Sandbox) -> Stream {
    let mut stream = platform::connect(sandbox.socket()).expect("a connection");
    sandbox::send(&mut stream, &Request::About).expect("asked");
    stream
}

/// The reason why nobody is served.
#[track_caller]
fn cannot_start(stream: &mut Stream, why: &str) {
    match sandbox::receive(stream) {
        Ok(Answer::Failure(failure)) => {
            assert_eq!((failure.code, &*failure.kind), (Code::NO_DAEMON, "cannot-start"), "{failure:?}");
            assert!(failure.message.contains(why), "{failure:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_that_came_before_the_daemon_is_answered_and_the_socket_outlives_each_daemon() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    let listener = listener(&sandbox);
    let inode = number(sandbox.socket()).expect("a socket");
    for _ in 0..2 {
        let mut early = early_bird(&sandbox);
        let waiting = sandbox
            .command("tok")
            .args(["get", "a"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tok starts");
        let daemon = sandbox.start_with(|command| pass(&sandbox, command, duplicate(&listener), PASS));
        match sandbox::receive(&mut early) {
            Ok(Answer::About(about)) => assert_eq!(about.pid, daemon.pid()),
            other => panic!("{other:?}"),
        }
        let said = sandbox::Said::from(waiting.wait_with_output().expect("tok ends"));
        assert_eq!((said.code, said.stdout.as_str()), (0, "static-token\n"), "{said:?}");
        assert_eq!(sandbox.token("a"), "static-token");
        assert!(daemon.stop().success());
        assert_eq!(number(sandbox.socket()).expect("it stays"), inode);
        // No lock of our own beside it.
        assert_eq!(fs::read_dir(sandbox.socket().parent().expect("a folder")).expect("a folder").count(), 1);
    }
}

#[test]
fn who_waits_for_a_daemon_that_cannot_start_is_told_so() {
    let sandbox = Sandbox::new();
    sandbox.configure("[accounts.a]\ntype = 'statik'\n");
    let listener = listener(&sandbox);
    let mut early: Vec<_> = (0..5).map(|_| early_bird(&sandbox)).collect();
    let said = sandbox
        .try_start(|command| pass(&sandbox, command, duplicate(&listener), PASS))
        .expect_err("a faulty configuration");
    assert_eq!(said.code, 78, "{said:?}");
    assert!(said.stderr.contains("config.toml:2") && said.stderr.contains("static"), "{said:?}");
    for stream in &mut early {
        cannot_start(stream, "configuration is faulty");
    }
    // Nobody listens any more once the unit gives up, too.
    drop(listener);
    assert_eq!(sandbox.tok(["list"]).code, 8);
}

#[test]
fn a_second_daemon_on_the_same_state_turns_its_clients_away_even_with_a_socket_passed_to_it() {
    let (first, second) = (Sandbox::new(), Sandbox::new());
    first.configure(&static_token(&first, "a", "static-token"));
    let daemon = first.start();
    let listener = listener(&second);
    let mut early = early_bird(&second);
    let said = second
        .try_start(|command| {
            command.env("XDG_STATE_HOME", first.path().join("state"));
            pass(&second, command, duplicate(&listener), PASS);
        })
        .expect_err("the state is taken");
    assert_eq!(said.code, 69, "{said:?}");
    assert!(said.stderr.contains(&format!("process {}", daemon.pid())), "{said:?}");
    cannot_start(&mut early, "another one runs");
    assert_eq!(first.token("a"), "static-token");
}

#[test]
fn a_socket_meant_for_another_process_is_not_taken() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    let elsewhere = platform::listen(sandbox.path().join("run/elsewhere")).expect("a socket");
    let script = r#"export LISTEN_PID=1 LISTEN_FDS=1; exec "$0" 3<&0 </dev/null"#;
    let daemon = sandbox.start_with(|command| pass(&sandbox, command, duplicate(&elsewhere), script));
    assert_eq!(sandbox.token("a"), "static-token");
    assert!(daemon.stop().success());
    assert!(!sandbox.socket().exists());
}

#[test]
fn what_is_no_listening_socket_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    let (one, _other) = Stream::pair().expect("a pair");
    let file = fs::File::open(sandbox.config_file()).expect("a file");
    let said = [Passed::from(one), Passed::from(file)].map(|descriptor| {
        sandbox
            .try_start(|command| pass(&sandbox, command, descriptor, PASS))
            .expect_err("no listening socket")
    });
    for said in said {
        // A unit that is wrong stays wrong: systemd is not to try again by itself.
        assert_eq!(said.code, 78, "{said:?}");
        assert!(said.stderr.contains("LISTEN_FDS"), "{said:?}");
    }
    assert!(!sandbox.socket().exists());
}

#[test]
fn one_socket_is_taken_by_its_name_and_anything_else_is_told_to_whoever_waits() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    let listener = listener(&sandbox);
    for (fds, names, said_of_it) in [
        (1, "web", "FileDescriptorName="),
        (2, "tokend:tokend", "more than one socket"),
        (1, "tokend:more", "$LISTEN_FDNAMES"),
        (3, "tokend:tokend-key:tokend", "not open"),
    ] {
        let mut early = early_bird(&sandbox);
        let script = format!(
            "export LISTEN_PID=$$ LISTEN_FDS={fds} LISTEN_FDNAMES={names}; exec \"$0\" 3<&0 4<&0 </dev/null"
        );
        let said = sandbox
            .try_start(|command| pass(&sandbox, command, duplicate(&listener), &script))
            .expect_err(names);
        assert_eq!(said.code, 78, "{said:?}");
        assert!(said.stderr.contains(said_of_it), "{said:?}");
        if names != "tokend:more" {
            cannot_start(&mut early, "what systemd passes");
        }
    }
    // Without a name, as a plain starter passes it, or with that of a unit that gives none.
    for names in ["", "LISTEN_FDNAMES=tokend.socket"] {
        let script = format!("export LISTEN_PID=$$ LISTEN_FDS=1 {names}; exec \"$0\" 3<&0 </dev/null");
        let daemon = sandbox.start_with(|command| pass(&sandbox, command, duplicate(&listener), &script));
        assert_eq!(sandbox.token("a"), "static-token");
        assert!(daemon.stop().success());
    }
}

#[test]
fn programs_of_sources_get_neither_the_socket_nor_its_variables() {
    let sandbox = Sandbox::new();
    let script = r#"#!/bin/sh
cd "$HOME" && ls -l /proc/self/fd/ >descriptors && tr '\0' '\n' <"/proc/$$/environ" >environment
echo a-token"#;
    let path = sandbox.home().join("printer");
    sandbox::write_program(&path, 0o700, script.as_bytes());
    sandbox.configure(&format!(
        "[accounts.a]\ntype = 'command'\ncommand = ['{}']\nlifetime = '1h'\n",
        path.display()
    ));
    let listener = listener(&sandbox);
    let _daemon = sandbox.start_with(|command| pass(&sandbox, command, duplicate(&listener), PASS));
    assert_eq!(sandbox.token("a"), "a-token");
    let read = |name: &str| fs::read_to_string(sandbox.home().join(name)).expect(name);
    assert!(!read("descriptors").contains("socket:"), "{}", read("descriptors"));
    for variable in ["LISTEN_", "NOTIFY_SOCKET"] {
        assert!(!read("environment").contains(variable), "{}", read("environment"));
    }
}

#[test]
fn a_passed_socket_whose_name_vanished_is_made_anew_as_its_own_and_goes_with_the_daemon() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    let listener = listener(&sandbox);
    let daemon = sandbox.start_with(|command| pass(&sandbox, command, duplicate(&listener), PASS));
    fs::remove_file(sandbox.socket()).expect("removed");
    let said = sandbox::eventually("the socket is back", || {
        Some(run(sandbox.command("tok").args(["get", "a"]))).filter(|said| said.code != 8)
    });
    assert_eq!((said.code, said.stdout.as_str()), (0, "static-token\n"), "{said:?}");
    assert!(daemon.stop().success());
    assert!(!sandbox.socket().exists());
}

#[test]
fn a_passed_socket_whose_name_was_gone_before_the_start_is_made_anew() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    let listener = listener(&sandbox);
    fs::remove_file(sandbox.socket()).expect("removed");
    let _daemon = sandbox.start_with(|command| pass(&sandbox, command, duplicate(&listener), PASS));
    let said = sandbox::eventually("the socket is back", || {
        Some(run(sandbox.command("tok").args(["get", "a"]))).filter(|said| said.code != 8)
    });
    assert_eq!((said.code, said.stdout.as_str()), (0, "static-token\n"), "{said:?}");
}
