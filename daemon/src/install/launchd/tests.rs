#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use tokend_proto::places::{Folders, Surroundings};

use super::super::manager::Said;
use super::super::{putting_in, taking_away};
use super::*;

/// A stand-in for launchctl: it keeps what it was told, and reads no property list.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that a test changes")]
struct Told {
    has_screen: bool,
    is_disabled: bool,
    refuses: bool,
    starts_nothing: bool,
    /// The session in which the agent is loaded.
    loaded: Option<String>,
    log: Vec<String>,
}

#[derive(Debug, Clone, Default)]
struct StandIn(Rc<RefCell<Told>>);

impl System for StandIn {
    fn name(&self) -> &'static str {
        "launchctl"
    }

    fn run(&self, words: &[&str], _limit: Duration) -> io::Result<Said> {
        let mut told = self.0.borrow_mut();
        let name = |domain: &str| format!("{domain}/{LABEL}");
        if !words[0].starts_with("print") {
            told.log.push(words.join(" "));
        }
        let said = |text: &str| Said { status: Some(0), stdout: text.as_bytes().to_vec(), ..Said::default() };
        let no = |status| Said { status: Some(status), stderr: b"No.\n".to_vec(), ..Said::default() };
        Ok(match *words {
            ["print", "gui/501"] => {
                if told.has_screen {
                    said("")
                } else {
                    no(113)
                }
            }
            ["print", agent] => match &told.loaded {
                Some(domain) if agent == name(domain) && told.starts_nothing => {
                    said("\tstate = not running\n\tlast exit code = 78: EX_CONFIG\n")
                }
                Some(domain) if agent == name(domain) => said("\tstate = running\n\tpid = 4711\n"),
                _ => no(113),
            },
            ["print-disabled", _] if told.is_disabled => said(&format!("\t\"{LABEL}\" => disabled\n")),
            ["print-disabled", _] => said("disabled services = {\n}\n"),
            ["bootstrap", _, _] if told.refuses => no(5),
            ["bootstrap", domain, plist] => {
                assert!(Path::new(plist).exists());
                told.loaded = Some(domain.to_owned());
                said("")
            }
            ["bootout", agent] => {
                assert_eq!(told.loaded.take().map(|domain| name(&domain)).as_deref(), Some(agent));
                // It ends later.
                no(36)
            }
            ["kickstart", ..] => said(""),
            _ => panic!("{words:?}"),
        })
    }

    fn is_answered(&self, _socket: &Path) -> bool {
        let told = self.0.borrow();
        told.loaded.is_some() && !told.starts_nothing
    }
}

/// A home on a Mac.
struct Mac {
    root: tempfile::TempDir,
    told: StandIn,
}

impl Mac {
    fn new() -> Self {
        let mac = Self { root: tempfile::tempdir().unwrap(), told: StandIn::default() };
        for folder in ["home", "T"] {
            fs::create_dir(mac.root.path().join(folder)).unwrap();
        }
        mac.upgrade("one");
        mac.told.0.borrow_mut().has_screen = true;
        mac
    }

    fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    fn plist(&self) -> PathBuf {
        self.home().join("Library/LaunchAgents").join("io.tokend.tokend.plist")
    }

    fn upgrade(&self, text: &str) {
        fs::write(self.root.path().join("tokend & co"), text).unwrap();
    }

    fn places(&self) -> Places {
        let own = self.home().join("Library/Application Support/tokend");
        let surroundings = Surroundings {
            home: Some(self.home().into()),
            run_user: Some(self.root.path().join("T")),
            folders: Some(Folders { data: own.join("data"), state: own.join("state"), configuration: own }),
            ..Surroundings::default()
        };
        Places::of(&surroundings, None).unwrap()
    }

    fn launchd(&self) -> Launchd {
        Launchd::find(&self.places(), "501", Box::new(self.told.clone())).unwrap()
    }

    fn program(&self) -> Program {
        Program { path: self.root.path().join("tokend & co"), note: None }
    }

    fn install(&self) -> Result<(), Trouble> {
        putting_in::install(&self.launchd(), &self.places(), &self.program(), false)
    }

    fn uninstall(&self) {
        taking_away::uninstall(&self.launchd(), &self.places(), false).unwrap();
    }

    /// What launchctl was told since the last look.
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.0.borrow_mut().log)
    }

    fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut tree, mut folders) = (BTreeMap::new(), vec![self.root.path().to_path_buf()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                }
                tree.insert(entry.path(), fs::read(entry.path()).unwrap_or_default());
            }
        }
        tree
    }
}

fn bootstrap(mac: &Mac, domain: &str) -> String {
    format!("bootstrap {domain} {}", mac.plist().display())
}

#[test]
fn an_install_loads_the_agent_a_second_changes_nothing_and_uninstall_leaves_the_home_as_it_was() {
    let mac = Mac::new();
    let before = mac.tree();
    putting_in::install(&mac.launchd(), &mac.places(), &mac.program(), true).unwrap();
    assert_eq!((mac.tree(), mac.told()), (before.clone(), Vec::new()));

    mac.install().unwrap();
    assert_eq!(mac.told(), [bootstrap(&mac, "gui/501")]);
    assert!(mac.root.path().join("T/tokend").is_dir(), "launchd makes no folder for its socket");
    assert!(mac.home().join("Library/Application Support/tokend/config.toml").is_file());
    assert!(mac.home().join(".local/share/man/man1/tok.1").is_file());
    let installed = mac.tree();
    mac.install().unwrap();
    assert_eq!((mac.tree(), mac.told()), (installed, Vec::new()));

    mac.uninstall();
    assert_eq!(mac.told(), ["bootout gui/501/io.tokend.tokend"]);
    assert_eq!(mac.tree(), before);
}

#[test]
fn without_a_screen_it_is_the_background_s_and_stays_where_it_was_loaded() {
    let mac = Mac::new();
    mac.told.0.borrow_mut().has_screen = false;
    mac.install().unwrap();
    assert_eq!(mac.told(), [bootstrap(&mac, "user/501")]);
    assert!(fs::read_to_string(mac.plist()).unwrap().contains("<string>Background</string>"));
    mac.told.0.borrow_mut().has_screen = true;
    mac.install().unwrap();
    assert_eq!(mac.told(), Vec::<String>::new());
}

#[test]
fn another_program_is_started_and_another_file_read() {
    let mac = Mac::new();
    mac.install().unwrap();
    mac.told();
    // Its time is in whole seconds: as if it had been installed a while ago.
    let list = Manifest::path(&mac.places().state);
    let mut manifest = Manifest::read(&list).unwrap().unwrap();
    manifest.stamps.insert("program".to_owned(), "7".to_owned());
    manifest.write(&list).unwrap();
    mac.upgrade("two");
    mac.install().unwrap();
    assert_eq!(mac.told(), ["kickstart -k gui/501/io.tokend.tokend"]);
    mac.install().unwrap();
    assert_eq!(mac.told(), Vec::<String>::new());

    // An older version's file.
    fs::write(mac.plist(), "older").unwrap();
    manifest = Manifest::read(&list).unwrap().unwrap();
    manifest.files.insert(mac.plist(), [super::super::manifest::hash(b"older")].into());
    manifest.write(&list).unwrap();
    mac.install().unwrap();
    assert_eq!(mac.told(), ["bootout gui/501/io.tokend.tokend".to_owned(), bootstrap(&mac, "gui/501")]);
}

#[test]
fn what_a_person_changed_or_switched_off_stays() {
    let mac = Mac::new();
    mac.install().unwrap();
    mac.told();
    fs::write(mac.plist(), "mine").unwrap();
    mac.install().unwrap();
    assert_eq!((fs::read(mac.plist()).unwrap(), mac.told()), (b"mine".to_vec(), Vec::new()));
    mac.uninstall();
    assert_eq!(fs::read(mac.plist()).unwrap(), b"mine");

    let mac = Mac::new();
    mac.told.0.borrow_mut().is_disabled = true;
    mac.install().unwrap();
    assert_eq!(mac.told(), Vec::<String>::new());
}

#[test]
fn an_install_that_failed_is_gone_on_with() {
    let mac = Mac::new();
    mac.told.0.borrow_mut().refuses = true;
    let trouble = mac.install().unwrap_err();
    assert!(trouble.what.contains("`launchctl bootstrap gui/501") && trouble.what.contains("No. (status 5)"));
    mac.told.0.borrow_mut().refuses = false;
    mac.told.0.borrow_mut().starts_nothing = true;
    mac.told();
    let trouble = mac.install().unwrap_err();
    assert_eq!(trouble.what, "tokend has ended with status 78");
    assert!(trouble.hint.contains("`tokend check`"), "{trouble:?}");
    mac.told.0.borrow_mut().starts_nothing = false;
    mac.install().unwrap();
    mac.told();
    mac.install().unwrap();
    assert_eq!(mac.told(), Vec::<String>::new());
}

#[test]
fn the_property_list_is_one_as_another_reader_has_it() {
    let mac = Mac::new();
    mac.install().unwrap();
    let script = "import json, plistlib, sys\nprint(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    let python =
        Command::new("python3").args(["-c", script]).arg(mac.plist()).stderr(Stdio::inherit()).output();
    let output = match python {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: reading the property list by python3's plistlib: {error}");
            return;
        }
    };
    assert!(output.status.success(), "{output:?}");
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let log = mac.places().state.join("tokend.log");
    assert_eq!(
        read,
        serde_json::json!({
            "Label": "io.tokend.tokend",
            "ProgramArguments": [mac.program().path, "--log-file", log],
            "Sockets": {"tokend": {"SockPathName": mac.places().socket, "SockPathMode": 0o600}},
            "EnvironmentVariables": {"PATH": "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
            "RunAtLoad": true,
            "KeepAlive": {"Crashed": true},
            "ExitTimeOut": 60,
            "ProcessType": "Standard",
            "LimitLoadToSessionType": "Aqua",
            "Umask": 0o077,
            "StandardErrorPath": log,
        })
    );
}
