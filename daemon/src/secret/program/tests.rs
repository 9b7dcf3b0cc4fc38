//! How a program is found, what it gets, what its end means, and that nothing of it stays behind.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::*;
use crate::document::Document;
use crate::platform::testing;
use crate::provider::Class;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

/// What reading `text` gives, and what is said about it.
fn read(text: &str) -> (Option<Program>, String) {
    let document = Document::parse(Path::new("f"), text).unwrap();
    let mut table = document.root();
    let program = Program::required(&mut table, "command");
    table.finish();
    let said: Vec<String> = document.diagnostics().iter().map(ToString::to_string).collect();
    (program, said.join("\n"))
}

/// A program that is a line of shell, which is where a shell is wanted: in tests.
fn shell(line: &str) -> Program {
    let text = format!("command = ['/bin/sh', '-c', '''{line}''']");
    let (program, said) = read(&text);
    assert_eq!(said, "");
    program.unwrap()
}

async fn printed(line: &str) -> Result<Vec<u8>, Failure> {
    shell(line).run(LONG).await.map(|secret| secret.expose().to_vec())
}

#[tokio::test]
async fn what_it_prints_is_the_secret_but_for_the_newline() {
    if !testing::has_sh() {
        return;
    }
    assert_eq!(printed("echo hunter2").await.unwrap(), b"hunter2");
    assert_eq!(printed("printf 'a\\nb\\r\\n'").await.unwrap(), b"a\nb");
    assert_eq!(printed("printf a; exec >&-; :").await.unwrap(), b"a");
}

#[tokio::test]
async fn it_is_run_anew_each_time() {
    if !testing::has_sh() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("count");
    let program = shell(&format!("echo x >> {0}; wc -l < {0}", file.display()));
    for count in ["1", "2"] {
        let secret = program.run(LONG).await.unwrap();
        assert_eq!(secret.expose().as_str().map(str::trim), Some(count));
    }
}

#[tokio::test]
async fn one_that_fails_is_not_now_and_says_how_to_look() {
    if !testing::has_sh() {
        return;
    }
    let failure = printed("echo hunter2; echo oops >&2; exit 3").await.unwrap_err();
    assert_eq!((failure.class, failure.kind), (Class::NotNow, "command"));
    assert_eq!(failure.message, "/bin/sh ended with exit status 3");
    assert!(failure.hint.starts_with("run /bin/sh by hand, with its arguments as configured"));
    let failure = printed("kill -9 $$").await.unwrap_err();
    assert_eq!((failure.class, failure.message.as_str()), (Class::NotNow, "/bin/sh was ended by signal 9"));
    let failure = printed("true").await.unwrap_err();
    assert_eq!((failure.class, failure.message.as_str()), (Class::NotNow, "/bin/sh printed nothing"));
}

#[tokio::test]
async fn nothing_shows_its_arguments() {
    if !testing::has_sh() {
        return;
    }
    let program = shell("exit 1 # hunter2");
    let failure = program.run(LONG).await.unwrap_err();
    assert!(!format!("{failure:?} {program:?} {}", program.describe()).contains("hunter2"));
    assert_eq!(program.describe(), "/bin/sh with 2 arguments");
}

#[tokio::test]
async fn its_input_is_empty_its_errors_are_gone_and_its_folder_is_the_root() {
    if !testing::has_sh() {
        return;
    }
    assert_eq!(printed("cat; pwd; echo loud >&2").await.unwrap(), b"/");
}

#[tokio::test]
async fn what_the_daemon_has_open_is_closed_to_it() {
    if !testing::shows_descriptors() {
        return;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = format!("readlink /proc/$$/fd/* | grep -c {}; :", file.path().display());
    assert_eq!(printed(&line).await.unwrap(), b"0");
}

#[tokio::test]
async fn its_environment_is_what_it_needs_and_what_was_passed() {
    if !testing::has_sh() {
        return;
    }
    let environment: HashMap<&str, &str> = [
        ("HOME", "/h"),
        ("PATH", "/usr/bin:/bin"),
        ("LANG", "C"),
        ("DISPLAY", ":0"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:x"),
        ("SECRET", "no"),
        ("LD_PRELOAD", "no"),
        ("GNUPGHOME", "/g"),
    ]
    .into();
    let (program, said) = read("command = ['env']\npass_env = ['GNUPGHOME', 'UNSET']");
    assert_eq!(said, "");
    let look = |name: &str| environment.get(name).map(OsString::from);
    let secret = program.unwrap().run_in(&look, LONG).await.unwrap();
    let secret = secret.expose();
    let mut lines: Vec<&str> = secret.as_str().unwrap().lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "DBUS_SESSION_BUS_ADDRESS=unix:x",
            "DISPLAY=:0",
            "GNUPGHOME=/g",
            "HOME=/h",
            "LANG=C",
            "PATH=/usr/bin:/bin"
        ]
    );
}

#[tokio::test]
async fn as_much_as_a_secret_may_hold_and_no_more() {
    if !testing::has_sh() {
        return;
    }
    let limit = MAX_SECRET;
    let line = |count: usize, end: &str| format!("head -c {count} /dev/zero | tr '\\000' x; {end}");
    assert_eq!(printed(&line(limit, "echo")).await.unwrap().len(), limit);
    let failure = printed(&line(limit + 1, "echo")).await.unwrap_err();
    assert_eq!(
        (failure.class, failure.message.as_str()),
        (Class::NotNow, "/bin/sh printed more than 65536 bytes")
    );
    // One that never stops is not read to its end.
    let failure = printed("exec cat /dev/zero").await.unwrap_err();
    assert_eq!(failure.message, "/bin/sh printed more than 65536 bytes");
}

/// A named pipe that tells, by its end, that nobody holds its other side any more.
struct Witness {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Witness {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self { _folder: folder, path }
    }

    /// Ends when everyone who held the pipe is gone.
    async fn all_gone(&self) {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || fs::read(path));
        tokio::time::timeout(LONG, read).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test]
async fn at_the_time_limit_it_and_all_its_children_are_killed() {
    if !testing::has_sh() {
        return;
    }
    let witness = Witness::new();
    let program = shell(&format!(
        "exec 3>{}; trap : TERM; (sleep 1000; :) & echo x; wait; sleep 1000",
        witness.path.display()
    ));
    let (failure, ()) = tokio::join!(program.run(SHORT), witness.all_gone());
    let failure = failure.unwrap_err();
    assert_eq!(
        (failure.class, failure.message.as_str()),
        (Class::NotNow, "/bin/sh did not end within 200ms")
    );
}

#[tokio::test]
async fn a_dropped_run_is_killed_with_all_its_children() {
    if !testing::has_sh() {
        return;
    }
    let witness = Witness::new();
    let program = shell(&format!("exec 3>{}; sleep 1000 & wait", witness.path.display()));
    let task = tokio::spawn(async move { program.run(LONG).await.map(|_| ()) });
    // Opening ends once the program has opened the other side.
    let path = witness.path.clone();
    let mut side = tokio::task::spawn_blocking(move || fs::File::open(path)).await.unwrap().unwrap();
    task.abort();
    let end = tokio::task::spawn_blocking(move || io::copy(&mut side, &mut io::sink()));
    assert_eq!(tokio::time::timeout(LONG, end).await.unwrap().unwrap().unwrap(), 0);
}

#[tokio::test]
async fn output_beyond_the_limit_kills_all_its_children() {
    if !testing::has_sh() {
        return;
    }
    let witness = Witness::new();
    let program = shell(&format!("exec 3>{}; sleep 1000 & exec cat /dev/zero", witness.path.display()));
    let (failure, ()) = tokio::join!(program.run(LONG), witness.all_gone());
    assert!(failure.is_err());
}

#[tokio::test]
async fn somebody_else_who_holds_its_output_is_not_waited_for() {
    if !testing::has_sh() {
        return;
    }
    assert_eq!(printed("sleep 5 & echo hunter2").await.unwrap(), b"hunter2");
    let much = "head -c 60000 /dev/zero | tr '\\000' x; sleep 5 &";
    assert_eq!(printed(much).await.unwrap().len(), 60_000);
}

#[tokio::test]
async fn one_that_closes_its_output_and_goes_on_is_waited_for_until_the_limit() {
    if !testing::has_sh() {
        return;
    }
    let failure = shell("echo x; exec >&-; exec sleep 1000").run(SHORT).await.unwrap_err();
    assert_eq!(failure.message, "/bin/sh did not end within 200ms");
}

#[tokio::test]
async fn it_is_looked_up_in_path_once() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    for place in [&first, &second] {
        fs::create_dir(place).unwrap();
        testing::put_echo(place, "tokend-trial");
    }
    // A folder and a file that is no program are passed over; so is a relative folder.
    let odd = folder.path().join("odd");
    fs::create_dir_all(odd.join("tokend-trial")).unwrap();
    let path = |places: &[&Path]| env::join_paths(places).ok();
    let (program, said) = read("command = ['tokend-trial', 'x']");
    assert!(said.starts_with("warning: the program of `command` is not there"), "{said}");
    let program = program.unwrap();
    assert_eq!(program.describe(), "tokend-trial (not found in PATH)");

    let failure = program.run_in(&|_| None, LONG).await.unwrap_err();
    assert_eq!((failure.class, failure.kind), (Class::Source, "command"));
    assert_eq!(failure.message, "there is no program tokend-trial in PATH");

    let look =
        |name: &str| (name == "PATH").then(|| path(&[&odd, Path::new("."), &second, &first])).flatten();
    assert_eq!(&*program.run_in(&look, LONG).await.unwrap().expose(), b"x");
    let found = testing::program(&second.join("tokend-trial"));
    assert_eq!(program.describe(), format!("{} with 1 argument", found.display()));
    let look = |name: &str| (name == "PATH").then(|| path(&[&first])).flatten();
    assert!(program.run_in(&look, LONG).await.is_ok());
    assert!(program.describe().contains("second"));

    fs::remove_file(found).unwrap();
    assert_eq!(program.run_in(&look, LONG).await.unwrap_err().class, Class::Source);
}

#[tokio::test]
async fn a_path_that_is_no_program_parks_its_account() {
    let nowhere = testing::program(&Path::new(testing::NO_FILES[0]).with_file_name("program"));
    let (program, said) = read(&format!("command = ['{}']", nowhere.display()));
    assert!(said.starts_with("warning: the program of `command` is not there"), "{said}");
    let failure = program.unwrap().run(LONG).await.unwrap_err();
    assert_eq!(
        (failure.class, failure.message.as_str()),
        (Class::Source, &*format!("{} is not a program", nowhere.display()))
    );
}

#[test]
fn what_cannot_be_run_is_a_mistake_of_the_configuration() {
    for (text, said) in [
        ("", "`command` is missing"),
        ("command = []", "`command` names no program"),
        ("command = ['']", "`command` names no program"),
        ("command = 'pass show x'", "must be an array of strings"),
        ("command = ['pass show x']", "a shell's line"),
        ("command = ['bin/pass']", "by a relative path"),
        ("command = ['./pass']", "by a relative path"),
        ("command = ['~bob/pass']", "by a relative path"),
        ("command = ['true', \"a\\u0000b\"]", "holds a NUL"),
        ("command = ['true', 1]", "nothing but strings"),
        ("command = ['true']\npass_env = ['$X']", "names no variable"),
        ("command = ['true']\npass_env = ['']", "names no variable"),
        ("command = ['true']\npass_env = ['A=B']", "names no variable"),
        ("command = ['true']\npass_env = 'A'", "must be an array of strings"),
    ] {
        let (program, diagnostics) = read(text);
        assert!(program.is_none() && diagnostics.contains(said), "{text}: {diagnostics}");
    }
}
