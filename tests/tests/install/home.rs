//! A home to install into, with a stand-in for systemctl: it keeps in files what it was told, and checks nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokend_tests::platform::{give_away, owner, set_mode};
use tokend_tests::sandbox::{self, Said, Sandbox};

/// Nobody's number, as far as any system goes: root is refused, so root's tests are this user's.
const USER: u32 = 54_331;

/// It says of a unit that there is a file of it, that it was enabled and that it was started.
const SYSTEMCTL: &str = r#"#!/bin/sh
here=$(dirname "$0")/..
told=$here/told
units=$HOME/.config/systemd/user
while [ "${1#--}" != "$1" ]; do shift; done
word=$1
[ $# -eq 0 ] || shift
case $word in
show)
  for unit; do :; done
  case $unit in
  --property=UnitPath,Version)
    echo "UnitPath=$units $here/packaged/lib/systemd/user"
    echo "Version=$(cat "$told/version" 2>/dev/null || echo 252.39-1~deb12u1)"
    exit
    ;;
  esac
  state=
  for folder in "$units" "$here/packaged/lib/systemd/user"; do
    [ ! -e "$folder/$unit" ] || state=${state:-disabled}
  done
  [ -z "$state" ] || [ ! -e "$told/enable.$unit" ] || state=enabled
  [ ! -e "$told/mask.$unit" ] || state=masked
  echo "UnitFileState=$state"
  if [ -e "$told/start.$unit" ]; then echo ActiveState=active; else echo ActiveState=inactive; fi
  ;;
show-environment)
  echo "HOME=$HOME"
  echo "XDG_RUNTIME_DIR=${FAKE_RUNTIME_DIR:-$XDG_RUNTIME_DIR}"
  ;;
daemon-reload) echo "$word" >>"$told/log" ;;
hang) sleep 1000 ;;
*)
  echo "$word $*" >>"$told/log"
  if [ -e "$told/refuse.$word" ]; then echo "Job for $1 failed." >&2; exit 1; fi
  for unit; do
    case $word in
    disable) rm -f "$told/enable.$unit" ;;
    stop) rm -f "$told/start.$unit" ;;
    *) : >"$told/$word.$unit" ;;
    esac
  done
  ;;
esac
"#;

/// A user's home with `tokend` in it.
pub(crate) struct Home {
    sandbox: Sandbox,
}

/// All files below a folder: what is in them, or where a link points to.
pub(crate) type Tree = BTreeMap<PathBuf, String>;

impl Home {
    /// An empty home beside a folder with the programs.
    pub(crate) fn new() -> Self {
        let home = Self { sandbox: Sandbox::new() };
        for folder in ["bin", "told"] {
            fs::create_dir(home.at(folder)).expect("a folder");
        }
        for program in ["tokend", "tok"] {
            let (built, own) = (sandbox::program_path(program), home.tokend().with_file_name(program));
            // It is large, and nobody writes to it.
            if fs::hard_link(&built, &own).is_err() {
                let built = fs::read(built).expect("the program");
                sandbox::write_program(&own, 0o755, &built);
            }
        }
        sandbox::write_program(&home.at("bin/systemctl"), 0o755, SYSTEMCTL.as_bytes());
        // What the machine of the test says of lingering is not its business.
        sandbox::write_program(&home.at("bin/loginctl"), 0o755, b"#!/bin/sh\necho no\n");
        home.give_away();
        home
    }

    /// A path beside the home.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.sandbox.path().join(path)
    }

    /// A path in the home.
    pub(crate) fn inside(&self, path: &str) -> PathBuf {
        self.sandbox.home().join(path)
    }

    /// The installed program.
    pub(crate) fn tokend(&self) -> PathBuf {
        let folder = self.inside(".cargo/bin");
        fs::create_dir_all(&folder).expect("a folder");
        folder.join("tokend")
    }

    /// Writes a file of the user's.
    pub(crate) fn put(&self, path: &str, text: &str) {
        let path = self.inside(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
        self.give_away();
    }

    /// Changes the mode of a file or folder in the home.
    pub(crate) fn close(&self, path: &str, mode: u32) {
        set_mode(self.inside(path), mode).expect("its mode");
    }

    /// What is in a file of the home.
    #[track_caller]
    pub(crate) fn text(&self, path: &str) -> String {
        let path = self.inside(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A program as the user, in an environment with nothing but home, runtime folder and path.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = if sandbox::is_root() {
            let mut command = Command::new("setpriv");
            command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups"]);
            command.arg("--").arg(program);
            command
        } else {
            Command::new(program)
        };
        let path = std::env::join_paths([self.at("bin"), "/usr/bin".into(), "/bin".into()]).expect("a path");
        command
            .env_clear()
            .env("HOME", self.inside(""))
            .env("PATH", path)
            .env("LANG", "C.UTF-8")
            .env("XDG_RUNTIME_DIR", self.at("run"))
            .current_dir(self.inside(""))
            .stdin(Stdio::null());
        command
    }

    /// `tokend` with these words.
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        self.give_away();
        sandbox::run(self.command(&self.tokend()).args(words))
    }

    /// The same, which must work; gives what it said.
    #[track_caller]
    pub(crate) fn done(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
        said.stdout
    }

    /// What systemctl was told since the last look.
    pub(crate) fn told(&self) -> Vec<String> {
        let log = self.at("told/log");
        let told = fs::read_to_string(&log).unwrap_or_default();
        let _ = fs::remove_file(log);
        told.lines().map(str::to_owned).collect()
    }

    /// The home as it is, times and the programs left out.
    pub(crate) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        walk(&self.inside(""), &mut tree);
        tree.retain(|path, _| !path.starts_with(self.inside(".cargo")));
        tree
    }

    /// Whatever the test made belongs to the user.
    fn give_away(&self) {
        if sandbox::is_root() {
            let mut tree = Tree::new();
            walk(self.sandbox.path(), &mut tree);
            let own = owner(self.sandbox.path()).expect("the folder");
            give_away(self.sandbox.path(), USER).expect("given away");
            // A link to a program is the program itself.
            for path in tree.keys().filter(|path| !path.starts_with(self.inside(".cargo/bin/"))) {
                if owner(path).is_ok_and(|it| it == own || it == 0) {
                    give_away(path, USER).expect("given away");
                }
            }
        }
    }
}

fn walk(folder: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("its type");
        let is_program = path.parent().is_some_and(|folder| folder.ends_with(".cargo/bin"));
        let content = if is_program {
            String::new()
        } else if kind.is_symlink() {
            format!("-> {}", fs::read_link(&path).expect("a link").display())
        } else if kind.is_dir() {
            walk(&path, tree);
            "/".to_owned()
        } else {
            String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned()
        };
        tree.insert(path, content);
    }
}
