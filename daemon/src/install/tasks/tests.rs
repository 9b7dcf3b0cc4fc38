#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use tokend::instance::Instance;
use tokend_proto::places::{Folders, Surroundings};

use super::super::manager::Said;
use super::super::{putting_in, taking_away};
use super::*;

const USER: &str = "S-1-5-21-1-2-3-1001";

/// A stand-in for schtasks and for the daemon.
#[derive(Debug, Default)]
struct Told {
    refuses: bool,
    /// The task as it is shown.
    task: Option<String>,
    /// The daemon, with the words that it was started by.
    daemon: Option<(Instance, Vec<String>)>,
    log: Vec<String>,
}

#[derive(Debug, Clone)]
struct StandIn {
    told: Rc<RefCell<Told>>,
    state: PathBuf,
    copy: PathBuf,
}

impl StandIn {
    /// A daemon holds the state, started by these words.
    fn start(&self, words: &[&str]) {
        let daemon = Instance::claim(&self.state, Path::new(r"\\.\pipe\tokend")).unwrap();
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        self.told.borrow_mut().daemon = Some((daemon, words));
    }
}

impl System for StandIn {
    fn name(&self) -> &'static str {
        "schtasks"
    }

    fn run(&self, words: &[&str], _limit: Duration) -> io::Result<Said> {
        let name = task::name(USER);
        assert_eq!(words[1..3], ["/TN", &name]);
        if words[0] != "/Query" {
            self.told.borrow_mut().log.push(words[0].to_owned());
        }
        let said = |text: &str| Said { status: Some(0), stdout: text.as_bytes().to_vec(), ..Said::default() };
        let no = Said { status: Some(1), stderr: "Fehler: so nicht.\r\n".into(), ..Said::default() };
        let refuses = self.told.borrow().refuses;
        match words[0] {
            "/Query" => Ok(self.told.borrow().task.as_deref().map_or(no, said)),
            "/Create" if refuses => Ok(no),
            "/Create" => {
                let xml = fs::read(words[4])?;
                assert!(xml.starts_with(b"\xff\xfe"));
                // It writes things in a way of its own.
                let shown = task::decoded(&xml).replace("<WakeToRun>false</WakeToRun>", "");
                self.told.borrow_mut().task = Some(shown);
                Ok(said(""))
            }
            "/Run" => {
                assert!(self.copy.is_file());
                self.start(&[self.copy.to_str().unwrap(), "--background"]);
                Ok(said(""))
            }
            "/Delete" => {
                self.told.borrow_mut().task = None;
                Ok(said(""))
            }
            word => panic!("{word}"),
        }
    }

    fn is_answered(&self, _socket: &Path) -> bool {
        self.told.borrow().daemon.is_some()
    }

    fn words_of(&self, _process: u32) -> Option<Vec<Vec<u8>>> {
        let told = self.told.borrow();
        Some(told.daemon.as_ref()?.1.iter().map(|word| word.clone().into_bytes()).collect())
    }

    fn end(&self, _state: &Path, _process: u32) -> Result<(), String> {
        let mut told = self.told.borrow_mut();
        told.log.push("end".to_owned());
        told.daemon = None;
        Ok(())
    }
}

/// A user's folders on Windows.
struct Profile {
    root: tempfile::TempDir,
    system: StandIn,
}

impl Profile {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let local = root.path().join("Local");
        fs::create_dir(&local).unwrap();
        let copy = local.join("Programs/tokend").join(format!("tokend{}", env::consts::EXE_SUFFIX));
        let system = StandIn { told: Rc::default(), state: local.join("tokend/state"), copy };
        let profile = Self { root, system };
        profile.upgrade("one");
        profile
    }

    fn running(&self) -> PathBuf {
        self.root.path().join("downloaded.exe")
    }

    fn upgrade(&self, text: &str) {
        fs::write(self.running(), text).unwrap();
    }

    fn places(&self) -> Places {
        let local = self.root.path().join("Local");
        let surroundings = Surroundings {
            home: Some(self.root.path().into()),
            pipe: Some(r"\\.\pipe\tokend-S-1".into()),
            folders: Some(Folders {
                configuration: self.root.path().join("Roaming/tokend"),
                data: local.join("tokend/data"),
                state: local.join("tokend/state"),
            }),
            ..Surroundings::default()
        };
        Places::of(&surroundings, None).unwrap()
    }

    fn tasks(&self) -> Tasks {
        let system = Box::new(self.system.clone());
        Tasks::find(&self.places(), USER.to_owned(), self.running(), system).unwrap()
    }

    fn install_or_show(&self, is_dry: bool) -> Result<(), Trouble> {
        let tasks = self.tasks();
        let program = Program { path: tasks.copy().unwrap().to_path_buf(), note: None };
        putting_in::install(&tasks, &self.places(), &program, is_dry)
    }

    fn install(&self) {
        self.install_or_show(false).unwrap();
    }

    fn uninstall(&self) {
        taking_away::uninstall(&self.tasks(), &self.places(), false).unwrap();
    }

    /// What schtasks and the daemon were told since the last look.
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.system.told.borrow_mut().log)
    }

    fn change(&self, from: &str, to: &str) {
        let mut told = self.system.told.borrow_mut();
        let task = told.task.take().unwrap();
        assert!(task.contains(from));
        told.task = Some(task.replace(from, to));
    }

    /// All files and folders but the daemon's lock.
    fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut tree, mut folders) = (BTreeMap::new(), vec![self.root.path().to_path_buf()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                }
                if entry.file_name() != "lock" {
                    tree.insert(entry.path(), fs::read(entry.path()).unwrap_or_default());
                }
            }
        }
        tree
    }
}

#[test]
fn an_install_makes_the_task_a_second_changes_nothing_and_uninstall_takes_it_away() {
    let profile = Profile::new();
    let before = profile.tree();
    profile.install_or_show(true).unwrap();
    assert_eq!((profile.tree(), profile.told()), (before.clone(), Vec::new()));

    profile.install();
    assert_eq!(profile.told(), ["/Create", "/Run"]);
    assert_eq!(fs::read(&profile.system.copy).unwrap(), b"one");
    let installed = profile.tree();
    profile.install();
    assert_eq!((profile.tree(), profile.told()), (installed, Vec::new()));

    profile.uninstall();
    assert_eq!(profile.told(), ["end", "/Delete"]);
    let left: Vec<_> = profile.tree().into_keys().filter(|path| !before.contains_key(path)).collect();
    // The daemon has had its lock there.
    let state = profile.places().state;
    assert_eq!(left, [state.parent().unwrap().to_path_buf(), state]);
}

#[test]
fn another_program_takes_the_place_of_the_one_that_was_ended_first() {
    let profile = Profile::new();
    profile.install();
    profile.told();
    profile.upgrade("two");
    profile.install();
    assert_eq!(profile.told(), ["end", "/Run"]);
    assert_eq!(fs::read(&profile.system.copy).unwrap(), b"two");
    profile.install();
    assert_eq!(profile.told(), Vec::<String>::new());
}

#[test]
fn what_a_person_changed_or_switched_off_stays() {
    let profile = Profile::new();
    profile.install();
    profile.told();
    profile.change("<Priority>5<", "<Priority>4<");
    profile.install();
    assert_eq!(profile.told(), Vec::<String>::new());
    profile.upgrade("two");
    profile.install();
    assert_eq!(profile.told(), ["end", "/Run"]);
    profile.uninstall();
    assert_eq!(profile.told(), ["end"]);
    assert!(profile.system.told.borrow().task.is_some());
    // Now nobody knows whose it is.
    profile.install();
    assert_eq!(profile.told(), Vec::<String>::new());

    let profile = Profile::new();
    profile.install();
    profile.change("<Enabled>true</Enabled>\r\n    <Hidden>", "<Enabled>false</Enabled><Hidden>");
    profile.system.told.borrow_mut().daemon = None;
    profile.told();
    profile.install();
    assert_eq!(profile.told(), Vec::<String>::new());
}

#[test]
fn an_install_that_failed_is_gone_on_with_and_a_task_that_is_missing_made_again() {
    let profile = Profile::new();
    profile.system.told.borrow_mut().refuses = true;
    let trouble = profile.install_or_show(false).unwrap_err();
    assert!(trouble.what.contains("Fehler: so nicht. (status 1)"), "{trouble:?}");
    profile.system.told.borrow_mut().refuses = false;
    profile.told();
    profile.install();
    assert_eq!(profile.told(), ["/Create", "/Run"]);
    profile.system.told.borrow_mut().task = None;
    profile.install();
    assert_eq!(profile.told(), ["/Create"]);
}

#[test]
fn a_daemon_that_env_started_makes_way_and_one_in_a_console_is_named() {
    let profile = Profile::new();
    fs::create_dir_all(&profile.system.state).unwrap();
    profile.system.start(&[r"C:\cargo\tokend.exe"]);
    let trouble = profile.install_or_show(false).unwrap_err();
    assert!(trouble.what.contains("tokend runs already, as process"), "{trouble:?}");
    // One that runs from the copy in a console is not the task's either.
    profile.system.told.borrow_mut().daemon = None;
    profile.system.start(&[profile.system.copy.to_str().unwrap()]);
    assert!(profile.install_or_show(false).is_err());
    profile.system.told.borrow_mut().daemon = None;
}

#[test]
fn the_task_is_xml_as_another_reader_has_it() {
    let profile = Profile::new();
    profile.install();
    let script = "import sys, xml.etree.ElementTree as t\n\
                  n = '{http://schemas.microsoft.com/windows/2004/02/mit/task}'\n\
                  r = t.parse(sys.argv[1]).getroot()\n\
                  assert r.tag == n + 'Task', r.tag\n\
                  print(r.find(f'{n}Actions/{n}Exec/{n}Command').text)\n\
                  print(r.find(f'{n}Settings/{n}ExecutionTimeLimit').text)\n";
    let file = profile.places().state.join("logon-task.xml");
    let python = Command::new("python3").args(["-c", script]).arg(file).stderr(Stdio::inherit()).output();
    let output = match python {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: reading the task by python3's ElementTree: {error}");
            return;
        }
    };
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let copy = profile.system.copy.display().to_string();
    assert_eq!(lines.lines().collect::<Vec<_>>(), [copy.as_str(), "PT0S"]);
}
