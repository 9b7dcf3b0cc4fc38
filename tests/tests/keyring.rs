//! Secrets in the desktop's keyring: GNOME's, on a session bus of its own.

#![cfg(has_session_bus)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokend::secret::keyring;
use tokend_proto::Secret;
use tokend_tests::platform;
use tokend_tests::real_time::{at_once, timed};
use tokend_tests::sandbox::{Sandbox, eventually, run, skip};

const PASSWORD: &str = "keyring-password";

/// A session bus with a keyring on it, in the home of a sandbox; both end when dropped.
struct Desktop<'s> {
    sandbox: &'s Sandbox,
    bus: Child,
    keyring: Option<Child>,
}

impl<'s> Desktop<'s> {
    /// Starts both, where they are installed. The keyring is unlocked.
    fn start(sandbox: &'s Sandbox, what: &str) -> Option<Self> {
        for program in ["dbus-daemon", "gnome-keyring-daemon", "secret-tool"] {
            let found = Command::new(program)
                .arg("--version")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if found.is_err() {
                skip(what, &format!("there is no {program} here"));
                return None;
            }
        }
        let mut desktop = Self { sandbox, bus: start_bus(sandbox), keyring: None };
        let mut hello = desktop.command("dbus-send");
        hello.args(["--session", "--print-reply=literal", "--reply-timeout=10000"]);
        if run(hello.args(["--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.GetId"])).code != 0 {
            skip(what, "dbus-daemon lets nobody in: it wants its user to have a name in /etc/passwd");
            return None;
        }
        desktop.start_keyring();
        Some(desktop)
    }

    fn start_keyring(&mut self) {
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets", "--unlock"]).stdin(Stdio::piped());
        let mut keyring = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut stdin = keyring.stdin.take().expect("its standard input");
        stdin.write_all(PASSWORD.as_bytes()).expect("it takes its password");
        drop(stdin);
        self.keyring = Some(keyring);
        eventually("the keyring answers, and is unlocked", || {
            (self.is_locked() == Some(false)).then_some(())
        });
    }

    fn end_keyring(&mut self) {
        if let Some(mut keyring) = self.keyring.take() {
            // It may have ended by itself.
            let _ = keyring.kill();
            let _ = keyring.wait();
        }
    }

    /// Any program in the sandbox's home, on this bus.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.sandbox.surround(&mut command);
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket(self.sandbox).display()));
        command
    }

    /// Puts a secret there as the documentation says.
    fn store(&self, user: &str, secret: &str) {
        self.store_with(&["service", "tokend", "username", user], secret);
    }

    fn store_with(&self, attributes: &[&str], secret: &str) {
        let mut command = self.command("secret-tool");
        command.args(["store", "--label=test"]).args(attributes).stdin(Stdio::piped());
        let mut child = command.spawn().expect("secret-tool starts");
        let stdin = child.stdin.take();
        stdin.expect("its standard input").write_all(secret.as_bytes()).expect("it takes the secret");
        assert!(child.wait().expect("it ends").success(), "secret-tool store {attributes:?}");
    }

    /// Calls a method of the Secret Service, and says what came of it.
    fn call(&self, path: &str, method: &str, arguments: &[&str]) -> String {
        let mut command = self.command("dbus-send");
        command.args([
            "--session",
            "--print-reply=literal",
            "--reply-timeout=2000",
            "--dest=org.freedesktop.secrets",
        ]);
        run(command.arg(path).arg(method).args(arguments)).stdout
    }

    fn is_locked(&self) -> Option<bool> {
        const COLLECTION: &str = "/org/freedesktop/secrets/aliases/default";
        let arguments = ["string:org.freedesktop.Secret.Collection", "string:Locked"];
        let said = self.call(COLLECTION, "org.freedesktop.DBus.Properties.Get", &arguments);
        said.split_whitespace().find_map(|word| word.parse().ok())
    }

    fn lock(&self) {
        let collection = "array:objpath:/org/freedesktop/secrets/aliases/default";
        self.call("/org/freedesktop/secrets", "org.freedesktop.Secret.Service.Lock", &[collection]);
        eventually("the keyring is locked", || (self.is_locked() == Some(true)).then_some(()));
    }

    /// Starts `tokend` on this bus.
    fn start_tokend(&self) -> tokend_tests::sandbox::Daemon {
        let address = format!("unix:path={}", socket(self.sandbox).display());
        self.sandbox.start_with(|command| {
            command.env("DBUS_SESSION_BUS_ADDRESS", address);
        })
    }
}

impl Drop for Desktop<'_> {
    fn drop(&mut self) {
        self.end_keyring();
        // It may have ended by itself.
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}

fn socket(sandbox: &Sandbox) -> PathBuf {
    sandbox.path().join("run/bus")
}

/// A bus that starts no service by itself: neither a second keyring nor a program that asks on the screen.
fn start_bus(sandbox: &Sandbox) -> Child {
    let configuration = sandbox.path().join("bus.conf");
    let text = format!(
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
         \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
         <busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
         <policy context=\"default\"><allow send_destination=\"*\"/><allow receive_sender=\"*\"/>\
         <allow own=\"*\"/></policy></busconfig>\n",
        socket(sandbox).display()
    );
    fs::write(&configuration, text).expect("the configuration of the bus");
    let mut command = Command::new("dbus-daemon");
    sandbox.surround(&mut command);
    command.arg(format!("--config-file={}", configuration.display())).arg("--nofork");
    let bus = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a bus starts");
    eventually("the bus listens", || platform::connect(socket(sandbox)).ok());
    bus
}

/// An account that is a secret served as it is, fetched when it is asked for.
fn account(name: &str, source: &str) -> String {
    format!("[accounts.{name}]\ntype = 'static'\ntoken = {source}\nrefresh = 'on-demand'\n")
}

#[test]
fn what_secret_tool_put_there_is_served() {
    let sandbox = Sandbox::new();
    let Some(desktop) = Desktop::start(&sandbox, "secrets in a keyring") else {
        return;
    };
    desktop.store("plain", "keyring-secret");
    desktop.store("a name's odd", "odd-secret\n");
    desktop.store("other", "another-secret");
    desktop.store_with(&["service", "elsewhere", "username", "missing"], "not-ours");
    sandbox.configure(
        &[("plain", "plain"), ("odd", "a name's odd")]
            .map(|(name, user)| account(name, &format!("{{ keyring = \"{user}\" }}")))
            .concat(),
    );
    let _daemon = desktop.start_tokend();
    assert_eq!(sandbox.token("plain"), "keyring-secret");
    assert_eq!(sandbox.token("odd"), "odd-secret");
}

#[test]
fn what_is_not_there_waits_for_a_person_who_is_told_the_command() {
    let sandbox = Sandbox::new();
    let Some(desktop) = Desktop::start(&sandbox, "a secret that no keyring has") else {
        return;
    };
    desktop.store_with(&["service", "elsewhere", "username", "later"], "not-ours");
    desktop.store_with(&["service", "tokend", "username", "twice", "which", "1"], "one");
    desktop.store_with(&["service", "tokend", "username", "twice", "which", "2"], "two");
    sandbox
        .configure(&(account("later", "{ keyring = 'later' }") + &account("twice", "{ keyring = 'twice' }")));
    let _daemon = desktop.start_tokend();
    let said = sandbox.tok(["get", "later"]);
    assert_eq!(said.code, 5, "{said:?}");
    let (what, hint) = said.error();
    assert!(what.contains("the keyring has no secret of service tokend and user later"), "{said:?}");
    let command = "secret-tool store --label=later service tokend username later";
    assert!(hint.contains(command), "{said:?}");
    // The command of the hint, as it stands there.
    let mut shell = desktop.command("sh");
    let put = run(shell.arg("-c").arg(format!("printf %s later-secret | {command}")));
    assert_eq!(put.code, 0, "{put:?}");
    assert_eq!(sandbox.tok(["refresh", "later"]).code, 0);
    assert_eq!(sandbox.token("later"), "later-secret");

    let said = sandbox.tok(["get", "twice"]);
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.error().0.contains("more than one secret"), "{said:?}");
}

#[test]
fn a_keyring_that_ends_is_waited_for_and_a_bus_that_is_not_there_too() {
    let sandbox = Sandbox::new();
    let Some(mut desktop) = Desktop::start(&sandbox, "a keyring that ends") else {
        return;
    };
    desktop.store("x", "keyring-secret");
    sandbox.configure(&account("x", "{ keyring = 'x' }"));
    desktop.end_keyring();
    let daemon = desktop.start_tokend();
    let said = sandbox.tok(["get", "x", "--timeout", "5s"]);
    assert_eq!(said.code, 6, "{said:?}");
    assert!(said.stderr.contains("no program on the session bus keeps secrets"), "{said:?}");
    desktop.start_keyring();
    eventually("tokend finds the keyring by itself", || {
        (sandbox.tok(["get", "x", "--timeout", "5s"]).code == 0).then_some(())
    });
    drop(daemon);

    let _daemon = sandbox.start_with(|command| {
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}/none", sandbox.path().display()));
    });
    let said = sandbox.tok(["get", "x", "--timeout", "2s"]);
    assert_eq!(said.code, 6, "{said:?}");
    assert!(said.stderr.contains("the session bus is not there"), "{said:?}");
}

#[test]
fn a_locked_keyring_holds_up_nobody_else_and_is_read_once_it_is_unlocked() {
    let sandbox = Sandbox::new();
    let Some(mut desktop) = Desktop::start(&sandbox, "a locked keyring") else {
        return;
    };
    desktop.store("x", "keyring-secret");
    desktop.lock();
    accounts(&sandbox);
    let configuration = fs::read_to_string(sandbox.config_file()).expect("the configuration");
    sandbox.configure(&format!("[daemon]\ncommand_timeout = '2s'\n{configuration}"));
    let _daemon = desktop.start_tokend();
    let (said, other) = std::thread::scope(|scope| {
        // Longer than the tries whose pauses a get waits out.
        let waits = scope.spawn(|| sandbox.tok(["get", "x", "--timeout", "25s"]));
        let (other, took) = timed(|| sandbox.token("file"));
        let at_once = at_once(|| drop(sandbox.tok(["version"])));
        assert!(took < at_once, "{took:?}, not {at_once:?}");
        (waits.join().expect("tok ends"), other)
    });
    assert_eq!(other, "file-secret");
    assert_eq!(said.code, 6, "{said:?}");
    assert!(
        said.stderr.contains("keyring is locked") || said.stderr.contains("keyring did not answer"),
        "{said:?}"
    );
    // Unlocked as at a login.
    desktop.end_keyring();
    desktop.start_keyring();
    eventually("tokend sees that it is unlocked", || {
        (sandbox.tok(["get", "x", "--timeout", "5s"]).code == 0).then_some(())
    });
}

/// Names the user for [`in_this_session`].
const USER: &str = "TOKEND_TEST_KEYRING_USER";

#[test]
#[ignore = "the test below runs it, on a bus of its own"]
fn in_this_session() {
    let user = std::env::var(USER).expect("a user");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for text in ["first-secret", "second-secret"] {
            let secret = Secret::new(text.as_bytes().to_vec()).expect("short");
            keyring::put(&user, &secret, Duration::from_secs(20)).await.expect("it is taken");
            let found = keyring::fetch(&user, Duration::from_secs(20)).await.expect("it is there");
            assert!(found.matches(&secret));
        }
    });
}

#[test]
fn what_tokend_puts_there_it_finds_and_so_does_secret_tool() {
    let sandbox = Sandbox::new();
    let Some(desktop) = Desktop::start(&sandbox, "putting secrets into a keyring") else {
        return;
    };
    desktop.store("there", "old-secret");
    for user in ["made", "there"] {
        let here = std::env::current_exe().expect("the path of this program");
        let mut child = desktop.command(&here.to_string_lossy());
        let said = run(child.args(["--exact", "in_this_session", "--ignored"]).env(USER, user));
        assert_eq!(said.code, 0, "{said:?}");
        let mut lookup = desktop.command("secret-tool");
        let found = run(lookup.args(["lookup", "service", "tokend", "username", user]));
        assert_eq!(found.stdout, "second-secret", "{user}");
    }
    sandbox
        .configure(&(account("made", "{ keyring = 'made' }") + &account("there", "{ keyring = 'there' }")));
    let _daemon = desktop.start_tokend();
    assert_eq!(["made", "there"].map(|name| sandbox.token(name)), ["second-secret", "second-secret"]);
}

fn accounts(sandbox: &Sandbox) {
    let file = sandbox.secret_file("file", "file-secret");
    let of_file = account("file", &format!("{{ file = '{}' }}", file.display()));
    sandbox.configure(&(account("x", "{ keyring = 'x' }") + &of_file));
}
