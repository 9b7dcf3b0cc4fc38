//! Another user's programs get nothing of this user's daemon, and another user's daemon nothing of this user.

#![cfg(has_users)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokend_proto::message::{Get, Words};
use tokend_proto::{Answer, Request};
use tokend_tests::accounts::static_token;
use tokend_tests::platform::{self, as_user, give_away, set_mode};
use tokend_tests::sandbox::{self, Said, Sandbox, eventually};

/// Nobody's numbers, as far as any system goes.
const SOMEBODY: u32 = 54_321;
const SOMEBODY_ELSE: u32 = 54_322;

/// Where the fake daemon of [`a_daemon_that_only_counts`] listens.
const FAKE_SOCKET: &str = "TOKEND_TEST_FAKE_SOCKET";

/// Whether this test can become other users, and they can reach what it makes.
fn can_become_others(what: &str) -> bool {
    if !sandbox::is_root() {
        sandbox::skip(what, "only root can act as other users");
        return false;
    }
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", r#"cd "$0""#]).arg(std::env::temp_dir()).current_dir("/");
    let reached = as_user(&mut shell, SOMEBODY).status().is_ok_and(|status| status.success());
    if !reached {
        sandbox::skip(what, "other users cannot reach the folder for temporary files, or cannot be become");
    }
    reached
}

fn chmod(path: &Path, mode: u32) {
    set_mode(path, mode).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// A copy of a program that every user can run: the original may lie in a closed folder.
fn open_copy(sandbox: &Sandbox, program: &Path) -> PathBuf {
    let copy = sandbox.path().join(program.file_name().expect("a name"));
    sandbox::write_program(&copy, 0o755, &fs::read(program).expect("the program"));
    copy
}

/// Opens everything that leads to the socket to everybody, as a careless hand might.
fn open_to_all(sandbox: &Sandbox) {
    let socket = sandbox.socket();
    for folder in [sandbox.path(), &sandbox.path().join("run"), socket.parent().expect("a folder")] {
        chmod(folder, 0o755);
    }
    chmod(&socket, 0o666);
}

fn get_raw(sandbox: &Sandbox) -> std::io::Result<Answer> {
    let mut stream = platform::connect(sandbox.socket())?;
    let get = Get {
        account: "a".to_owned(),
        min_valid_ms: None,
        scope: Words::default(),
        audience: Words::default(),
        timeout_ms: 1000,
    };
    sandbox::send(&mut stream, &Request::Get(get))?;
    sandbox::receive(&mut stream)
}

#[test]
fn another_user_gets_nothing_even_where_a_careless_hand_opened_every_mode() {
    if !can_become_others("that other users may not connect") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    let daemon = sandbox.start();
    let tok = open_copy(&sandbox, &sandbox::program_path("tok"));
    open_to_all(&sandbox);
    for words in [&["get", "a"][..], &["list"], &["reload"], &["status"]] {
        let mut command = Command::new(&tok);
        sandbox.surround(&mut command);
        let said = sandbox::run(as_user(command.args(words), SOMEBODY));
        assert_eq!((said.code, said.stdout.as_str()), (8, ""), "{said:?}");
    }
    let refused = format!("user={SOMEBODY}");
    eventually("the log names who was refused", || daemon.log().contains(&refused).then_some(()));
    assert!(!daemon.log().contains("reloaded"), "{}", daemon.log());
    assert_eq!(sandbox.token("a"), "static-token");
    assert_eq!(sandbox.status("a")["served"], 1, "nothing was served to the other");
}

#[test]
fn a_daemon_serves_its_user_and_root_and_tok_trusts_neither_the_other_way_round() {
    if !can_become_others("that root may connect to another user's daemon") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    let (tokend, tok) = (
        open_copy(&sandbox, &sandbox::program_path("tokend")),
        open_copy(&sandbox, &sandbox::program_path("tok")),
    );
    for folder in ["home", "config", "config/tokend", "state", "run", "data", ""] {
        give_away(sandbox.path().join(folder), SOMEBODY).expect("given away");
    }
    for file in [sandbox.config_file(), sandbox.home().join("a.secret")] {
        give_away(file, SOMEBODY).expect("given away");
    }
    let daemon = sandbox.start_with(|command| {
        // The socket for READY=1 is root's.
        let notify =
            command.get_envs().find(|(name, _)| *name == "NOTIFY_SOCKET").and_then(|(_, value)| value);
        let notify = PathBuf::from(notify.expect("a socket for READY=1"));
        chmod(notify.parent().expect("a folder"), 0o755);
        chmod(&notify, 0o666);
        let log = fs::File::options().append(true).open(sandbox.path().join("tokend.log")).expect("the log");
        let mut other = Command::new(&tokend);
        sandbox.surround(&mut other);
        other.env("NOTIFY_SOCKET", &notify).stderr(log).stdout(Stdio::null());
        as_user(&mut other, SOMEBODY);
        *command = other;
    });
    let tok_as = |user: u32| {
        let mut command = Command::new(&tok);
        sandbox.surround(&mut command);
        sandbox::run(as_user(command.args(["get", "a"]), user))
    };
    let own = tok_as(SOMEBODY);
    assert_eq!((own.code, own.stdout.as_str()), (0, "static-token\n"), "{own:?}");
    // Root may, by the kernel's word.
    match get_raw(&sandbox) {
        Ok(Answer::Credential(credential)) => {
            assert_eq!(&*credential.fields[0].value.expose(), b"static-token");
        }
        other => panic!("{other:?}"),
    }
    open_to_all(&sandbox);
    // Root's tok does not ask a stranger, nor does anybody else's.
    for user in [0, SOMEBODY_ELSE] {
        let said = tok_as(user);
        refuses_a_stranger(&said);
    }
    assert!(daemon.stop().success());
}

#[track_caller]
fn refuses_a_stranger(said: &Said) {
    assert_eq!((said.code, said.stdout.as_str()), (8, ""), "{said:?}");
    let (what, hint) = said.error();
    assert!(what.contains(&format!("uid {SOMEBODY}")) && hint.contains("nothing was sent"), "{said:?}");
}

#[test]
fn tok_sends_not_one_byte_to_another_users_daemon() {
    if !can_become_others("that tok sends nothing to another user's daemon") {
        return;
    }
    let sandbox = Sandbox::new();
    let this = open_copy(&sandbox, &std::env::current_exe().expect("the path of this program"));
    let socket = sandbox.path().join("run/fake.sock");
    chmod(sandbox.path(), 0o755);
    chmod(&sandbox.path().join("run"), 0o777);
    for words in [&["get", "a"][..], &["list"], &["reload"], &["reject", "a", "--hash", &"0".repeat(64)]] {
        let mut fake = Command::new(&this);
        sandbox.surround(&mut fake);
        fake.args(["--exact", "a_daemon_that_only_counts", "--nocapture"])
            .env(FAKE_SOCKET, &socket)
            .stdout(Stdio::piped());
        let mut fake = Killed(as_user(&mut fake, SOMEBODY).spawn().expect("the fake starts"));
        let mut lines =
            BufReader::new(fake.0.stdout.take().expect("its output")).lines().map_while(Result::ok);
        // The test harness has something to say, too.
        assert!(lines.any(|line| line.ends_with("listening")), "the fake listens");
        let said = sandbox::run(sandbox.command("tok").args(words).env("TOKEND_SOCK", &socket));
        refuses_a_stranger(&said);
        let heard = lines.find(|line| line.contains("bytes")).expect("what the fake heard");
        assert_eq!(heard, "0 bytes");
    }
}

/// No test of its own: started by [`tok_sends_not_one_byte_to_another_users_daemon`] as another user, it takes one
/// connection and says how much came over it.
#[test]
fn a_daemon_that_only_counts() {
    let Some(socket) = std::env::var_os(FAKE_SOCKET) else {
        return;
    };
    // The one of the call before may still be there.
    let _ = fs::remove_file(&socket);
    let listener = platform::listen(&socket).expect("a socket");
    chmod(Path::new(&socket), 0o666);
    let say = |text: &str| {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).expect("said");
    };
    say("\nlistening\n");
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut heard = Vec::new();
    // One that is cut off has been heard, too.
    let _ = stream.read_to_end(&mut heard);
    say(&format!("{} bytes\n", heard.len()));
}

/// A process that does not outlive its test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_folder_that_others_can_write_to_is_no_place_for_a_socket() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    let folder = sandbox.path().join("run/tokend");
    fs::create_dir(&folder).expect("a folder");
    for mode in [0o777, 0o770] {
        chmod(&folder, mode);
        let said = sandbox.try_start(|_| {}).expect_err("anybody could put another socket there");
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.stderr.contains(&*folder.to_string_lossy()), "{said:?}");
    }
    chmod(&folder, 0o700);
    assert!(sandbox.start().stop().success());
}
