//! Programs and credentials under the unit as it is shipped, and a socket elsewhere.

use std::fs;
use std::path::Path;

use tokend_tests::platform::{chown, set_mode};
use tokend_tests::sandbox::{self, eventually};
use tokend_tests::user_manager::{Session, USER};

/// A group that is nobody's.
const GROUP: u32 = 54_331;

#[test]
fn a_setgid_program_has_its_group_and_one_that_runs_node_makes_its_code() {
    let Some(session) = Session::installed("programs of sources under a real systemd --user") else {
        return;
    };
    let id = fs::read("/usr/bin/id").or_else(|_| fs::read("/bin/id")).expect("a program");
    let setgid = session.put("setgid", &id, 0o755);
    chown(&setgid, Some(USER), Some(GROUP)).expect("given away");
    set_mode(&setgid, 0o2755).expect("its mode");
    let mut configuration = format!(
        "[accounts.setgid]\ntype = 'command'\ncommand = ['{}', '-g']\nlifetime = '1h'\n",
        setgid.display()
    );
    let node = Path::new("/usr/bin/node");
    if node.exists() {
        configuration += "[accounts.node]\ntype = 'command'\nlifetime = '1h'\n\
            command = ['node', '-e', 'let n = 0; for (let i = 0; i < 1e6; i++) n += i % 7; console.log(`node-${n}`)']\n";
    } else {
        sandbox::skip("a source that runs Node under a real systemd --user", "there is no node in /usr/bin");
    }
    session.configure(&configuration);
    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["start", "tokend.socket"]);
    if session.run(&[setgid.to_str().expect("a path"), "-g"]).stdout == format!("{GROUP}\n") {
        assert_eq!(session.token("setgid"), format!("{GROUP}\n"));
    } else {
        sandbox::skip("a setgid source under a real systemd --user", "the file system ignores setgid");
    }
    if node.exists() {
        assert_eq!(session.token("node"), "node-2999997\n");
    }
    assert_eq!(session.property("tokend.service", "NoNewPrivileges"), "no");
}

#[test]
fn a_socket_elsewhere_is_taken_and_two_are_refused() {
    let Some(session) = Session::installed("a socket elsewhere under a real systemd --user") else {
        return;
    };
    let secret = session.put(".secrets/a", b"a-token", 0o600);
    session
        .configure(&format!("[accounts.a]\ntype = 'static'\ntoken = {{ file = '{}' }}\n", secret.display()));
    let drop_in = ".config/systemd/user/tokend.socket.d/socket-elsewhere.conf";
    let elsewhere = include_str!("../../../systemd/examples/socket-elsewhere.conf");
    session.put(drop_in, elsewhere.as_bytes(), 0o644);
    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["start", "tokend.socket"]);
    assert_eq!(session.tok(&["get", "a"]).code, 8, "it is not where it is looked for");
    let socket = format!("TOKEND_SOCK={}", session.home().join(".tokend/tokend.sock").display());
    let tok = session.home().join(".cargo/bin/tok");
    let get = || session.run(&["env", &socket, tok.to_str().expect("a path"), "get", "a"]);
    let said = get();
    assert_eq!(said.stdout, "a-token\n", "{said:?}\n{}", session.log());
    session.systemctl(&["stop", "tokend.socket", "tokend.service"]);

    // Without the line that takes the usual path away there are two.
    session.put(drop_in, elsewhere.replacen("ListenStream=\n", "", 1).as_bytes(), 0o644);
    session.systemctl(&["daemon-reload"]);
    session.systemctl(&["start", "tokend.socket"]);
    let said = get();
    assert_eq!(said.code, 8, "{said:?}");
    assert!(said.stderr.contains("cannot start"), "{said:?}");
    eventually("it has ended", || {
        (session.property("tokend.service", "ExecMainStatus") == "78").then_some(())
    });
    assert!(session.log().contains("more than one socket"), "{}", session.log());
}
