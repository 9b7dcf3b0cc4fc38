//! `tokend env`: it says where a daemon answers, never where one only listened a moment ago.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tokend_tests::platform::{self, Signal};
use tokend_tests::sandbox::{self, Said, Sandbox};

/// A home whose daemon, whoever started it, ends with the test.
struct Home(Sandbox);

impl Home {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let prints = platform::prints("env-token");
        sandbox.configure(&format!("[accounts.a]\ntype = 'command'\ncommand = {prints:?}\n"));
        Self(sandbox)
    }

    fn env(&self, words: &[&str]) -> Said {
        self.env_of("/bin/sh", words)
    }

    fn env_of(&self, shell: &str, words: &[&str]) -> Said {
        sandbox::run(self.0.command("tokend").arg("env").args(words).env("SHELL", shell))
    }

    /// Who holds the state, once it has been written down.
    fn pid(&self) -> Option<u32> {
        let lock = self.0.state().join("lock");
        File::open(&lock).ok().filter(|lock| lock.try_lock_shared().is_err())?;
        let holder = fs::read_to_string(lock).ok()?;
        holder.split("process ").nth(1)?.split(',').next()?.parse().ok()
    }

    #[track_caller]
    fn signal(&self, signal: Signal) {
        platform::signal(self.pid().expect("a daemon"), signal).expect("it takes a signal");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Not by `eventually`: a panic while panicking would leave the daemon alive.
        for _ in 0..1000 {
            let Some(pid) = self.pid() else { return };
            let _ = platform::signal(pid, Signal::KILL);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn after_each_kill_the_next_env_has_a_daemon_that_serves() {
    let home = Home::new();
    let first = home.env(&[]);
    assert_eq!(first.code, 0, "{first:?}");
    for round in 0..platform::share(40) {
        // Not waited for: it may still be dying.
        home.signal(Signal::KILL);
        let said = home.env(&[]);
        assert_eq!((said.code, &said.stdout), (0, &first.stdout), "round {round}: {said:?}");
        assert_eq!(home.0.tok(["list"]).code, 0, "round {round}");
    }
    assert_eq!(home.0.token("a"), "env-token");
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn of_eight_at_once_after_a_kill_each_finds_one_that_serves_and_it_is_the_same() {
    let home = Home::new();
    assert_eq!(home.env(&[]).code, 0);
    for round in 0..5 {
        let log = home.0.state().join("tokend.log");
        fs::remove_file(&log).expect("removed");
        home.signal(Signal::KILL);
        let callers: Vec<Child> = (0..8)
            .map(|_| {
                let script = r#"eval "$("$0" env)" && exec "$1" list"#;
                let mut shell = Command::new("sh");
                home.0.surround(&mut shell);
                shell
                    .args(["-c", script])
                    .args([sandbox::program_path("tokend"), sandbox::program_path("tok")])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .expect("a shell")
            })
            .collect();
        for caller in callers {
            let said = Said::from(caller.wait_with_output().expect("it ends"));
            assert_eq!(said.code, 0, "round {round}: {said:?}");
        }
        let log = fs::read_to_string(&log).expect("a log");
        assert_eq!(log.matches(" serving").count(), 1, "round {round}: {log}");
    }
}

#[test]
#[cfg_attr(not(has_signals), ignore = "there are no signals here")]
fn one_that_listens_and_does_not_answer_is_none() {
    let home = Home::new();
    assert_eq!(home.env(&[]).code, 0);
    home.signal(Signal::STOP);
    let said = home.env(&[]);
    home.signal(Signal::CONT);
    assert_eq!((said.code, said.stdout.as_str()), (69, ""), "{said:?}");
    assert!(said.stderr.contains("another tokend runs already"), "{said:?}");
    // It goes on as if nothing had been.
    assert_eq!(home.env(&[]).code, 0);
}

#[test]
fn it_speaks_the_words_of_each_shell() {
    let home = Home::new();
    let socket = home.0.socket();
    let socket = socket.display();
    // Its single quotes know one escape.
    let in_fish = socket.to_string().replace('\\', r"\\");
    for (words, said) in [
        (&["--shell", "sh"][..], format!("TOKEND_SOCK='{socket}'; export TOKEND_SOCK;\n")),
        (&["-s"], format!("TOKEND_SOCK='{socket}'; export TOKEND_SOCK;\n")),
        (&["--shell", "bash"], format!("TOKEND_SOCK='{socket}'; export TOKEND_SOCK;\n")),
        (&["-c"], format!("setenv TOKEND_SOCK '{socket}';\n")),
        (&["--shell", "fish"], format!("set -gx TOKEND_SOCK '{in_fish}';\n")),
        (&["--shell", "powershell"], format!("$env:TOKEND_SOCK = '{socket}'\n")),
    ] {
        assert_eq!(home.env(words).stdout, said, "{words:?}");
    }
    assert_eq!(home.env_of("/bin/tcsh", &[]).stdout, format!("setenv TOKEND_SOCK '{socket}';\n"));
    // A script of sh may evaluate it, whatever the user's shell is.
    assert_eq!(home.env_of("/usr/bin/fish", &[]).stdout, format!("export TOKEND_SOCK='{socket}';\n"));
    assert_eq!(home.env(&["-c", "-s"]).code, 2);
    let said = home.env_of("/bin/csh", &["-k"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "unsetenv TOKEND_SOCK;\n"), "{said:?}");
}
