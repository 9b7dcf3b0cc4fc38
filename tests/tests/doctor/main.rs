//! `tok doctor`: faults are planted, one at a time, in set-ups of the real programs, and each is found with
//! its remedy.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod configuration;
mod impostor;
mod services;
mod sockets;
mod stores;
mod units;
mod versions;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tokend_proto::finding::{CHECKS, SORTS, State};
use tokend_tests::accounts;
use tokend_tests::platform::{remedies, set_mode};
use tokend_tests::sandbox::{Said, Sandbox, run};
use tokend_tests::stand_in::LyveCloud;

/// In every secret of these tests, and in nothing that is said.
const SECRET: &str = "hunter2";

const PASSPHRASE: &str = "correct horse ätsch";

/// What `tok doctor --json` found.
struct Findings {
    all: Vec<Value>,
    code: i32,
}

impl Findings {
    /// The finding of this sort; the test fails where there is none, or its words lack one of `parts`.
    #[track_caller]
    fn has(&self, check: &str, finding: &str, parts: &[&str]) -> &Value {
        let found = self.all.iter().find(|it| it["check"] == check && it["finding"] == finding);
        let found = found.unwrap_or_else(|| panic!("no {check}/{finding} in {:#?}", self.bad()));
        let text = |key: &str| found[key].as_str().unwrap_or_default();
        let words = format!("{} {}", text("message"), text("hint"));
        for part in parts {
            assert!(words.contains(part), "{part} in {found:#}");
        }
        // A fault or a warning without a remedy helps nobody.
        if found["state"] == "fault" || found["state"] == "warning" {
            assert!(found["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{found:#}");
        }
        found
    }

    fn lacks(&self, check: &str, finding: &str) {
        let found = self.all.iter().find(|it| it["check"] == check && it["finding"] == finding);
        assert!(found.is_none(), "{found:#?}");
    }

    /// The faults and warnings.
    fn bad(&self) -> Vec<&Value> {
        self.all.iter().filter(|it| it["state"] == "fault" || it["state"] == "warning").collect()
    }

    /// The sorts of its faults.
    fn faults(&self) -> BTreeSet<String> {
        let faults = self.all.iter().filter(|it| it["state"] == "fault");
        let name = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
        faults.map(|it| format!("{}/{}", name(it, "check"), name(it, "finding"))).collect()
    }
}

/// What `tok doctor` finds in this home.
#[track_caller]
fn doctor(sandbox: &Sandbox) -> Findings {
    doctor_with(sandbox, |_| {})
}

/// The same, with a change to the command.
#[track_caller]
fn doctor_with(sandbox: &Sandbox, change: impl FnOnce(&mut Command)) -> Findings {
    let mut command = sandbox.command("tok");
    change(&mut command);
    judged(&run(command.args(["doctor", "--json"])))
}

/// What was said, as findings, each of a sort that is known.
#[track_caller]
fn judged(said: &Said) -> Findings {
    assert!(!said.stdout.contains(SECRET) && !said.stderr.contains(SECRET), "a secret was told: {said:?}");
    assert_eq!(said.stderr, "", "{said:?}");
    let report: Value = serde_json::from_str(&said.stdout).expect("one object in JSON");
    assert_eq!(report["code"], said.code, "{said:?}");
    let all = report["findings"].as_array().expect("a list of findings").clone();
    let keys: BTreeSet<&str> =
        BTreeSet::from(["check", "finding", "state", "account", "message", "hint", "code"]);
    for it in &all {
        let object = it.as_object().expect("an object a finding");
        assert_eq!(object.keys().map(String::as_str).collect::<BTreeSet<_>>(), keys, "{it}");
        let sort = SORTS.iter().find(|sort| it["check"] == sort.check && it["finding"] == sort.name);
        let sort = sort.unwrap_or_else(|| panic!("a sort that is not in the table: {it}"));
        assert_eq!((it["state"].as_str(), &it["code"]), (Some(sort.state.word()), &Value::from(sort.code.0)));
    }
    Findings { all, code: said.code }
}

/// An account that is a secret served as it is, fetched when it is asked for.
fn of_source(name: &str, source: &str) -> String {
    format!("[accounts.{name}]\ntype = 'static'\ntoken = {source}\nrefresh = 'on-demand'\n")
}

/// A configuration in which nothing is wrong.
fn sound(sandbox: &Sandbox) -> String {
    let path = sandbox.secret_file("sound", SECRET);
    of_source("sound", &format!("{{ file = '{}' }}", path.display()))
}

fn chmod(path: &Path, mode: u32) {
    set_mode(path, mode).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// A copy of one of our programs. Another process writes it: see `sandbox::write_program`.
fn copy_program(name: &str, to: &Path) {
    let copied = Command::new("cp").arg(tokend_tests::sandbox::program_path(name)).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "{}", to.display());
}

/// A folder of the sandbox, for programs.
fn folder(sandbox: &Sandbox, name: &str) -> PathBuf {
    let folder = sandbox.path().join(name);
    fs::create_dir(&folder).expect("a folder");
    folder
}

/// This folder before all others.
fn first_in_path(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned()))
}

#[test]
fn in_a_healthy_set_up_nothing_is_wrong_and_nothing_is_spent() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    lyve.change(|lyve| lyve.secret = format!("{SECRET}-of-lyve"));
    assert_eq!(sandbox.tok_with_input(["init", "--stdin"], PASSPHRASE).code, 0);
    assert_eq!(sandbox.tok_with_input(["secret", "set", "kept"], SECRET).code, 0);
    sandbox.configure(
        &(accounts::lyve_cloud(&sandbox, "lyve", &lyve) + &of_source("kept", "{ store = 'kept' }")),
    );
    let _daemon = sandbox.start();
    assert_eq!(sandbox.tok_with_input(["unlock", "--stdin"], PASSPHRASE).code, 0);
    sandbox.token("lyve");
    let before = (lyve.token_requests(), lyve.requests());
    let found = doctor(&sandbox);
    let bad: Vec<_> = found.bad().into_iter().filter(|it| !is_of_this_machine(it)).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(found.code, 0);
    for (check, finding) in [
        ("socket", "answers"),
        ("permissions", "closed"),
        ("version", "same"),
        ("configuration", "sound"),
        ("service", "answers"),
        ("account", "well"),
        ("secret", "there"),
        ("store", "sound"),
        ("keyring", "not-used"),
        ("unit", remedies::NO_SERVICE),
    ] {
        found.has(check, finding, &[]);
    }
    // A knock, without a word of who knocks.
    assert_eq!(lyve.token_requests(), before.0);
    assert_eq!(lyve.requests(), before.1 + 1);
    let knock = lyve.ledger().pop().expect("the knock");
    assert_eq!((knock.method.as_str(), knock.path.as_str()), ("HEAD", "/"));
    assert!(knock.headers.iter().all(|(name, _)| name != "authorization"), "{knock:?}");

    let said = sandbox.tok(["doctor"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    assert!(said.stdout.starts_with("ok      socket "), "{said:?}");
    assert!(!said.stdout.contains('\x1b') && !said.stdout.contains("fault "), "{said:?}");
}

/// Where a process may lock no memory, that is said, and no fault of the set-up; nor is that the test's daemon is no
/// service.
fn is_of_this_machine(it: &Value) -> bool {
    it["check"] == "memory" && it["finding"] == "not-locked"
        || it["check"] == "unit" && it["finding"] == remedies::NO_SERVICE
}

#[test]
fn every_finding_has_its_row_on_the_page_with_a_remedy_where_it_is_bad() {
    let page = include_str!("../../../docs/doctor.md");
    for sort in SORTS {
        let row =
            page.lines().find(|line| line.starts_with(&format!("| `{}` | `{}` | ", sort.check, sort.name)));
        let row = row.unwrap_or_else(|| panic!("docs/doctor.md has no row of {}/{}", sort.check, sort.name));
        let row = row.replace(" |  | ", " | | ");
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, _, state, code, what, remedy] = cells[..] else { panic!("six columns in {row}") };
        assert_eq!(state, sort.state.word(), "{row}");
        let wanted = if sort.code.0 == 0 { String::new() } else { sort.code.0.to_string() };
        assert_eq!(code, wanted, "{row}");
        assert!(!what.is_empty(), "{row}");
        let is_bad = matches!(sort.state, State::Fault | State::Warning);
        assert!(!is_bad || !remedy.is_empty(), "{row}");
    }
    let rows: BTreeSet<_> = page.lines().filter(|line| line.split('|').count() == 8).collect();
    // Each section has a line of titles, which is the same in all, and one of dashes.
    assert_eq!(rows.len(), SORTS.len() + 2, "a row of what is never found");
    assert!(CHECKS.iter().all(|check| page.contains(&format!("\n## {check}\n"))), "a section a check");
}

#[test]
fn words_that_it_does_not_know_are_refused() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.tok(["doctor", "extra"]).code, 2);
    assert_eq!(sandbox.tok(["doctor", "--mend"]).code, 2);
}
