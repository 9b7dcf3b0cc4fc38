//! Completions in the shells themselves: keys are pressed, and the line is looked at. Real daemon, real `tok`. And the
//! pages of the manual.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use tokend_tests::accounts::static_token;
use tokend_tests::platform;
use tokend_tests::sandbox::{Daemon, Sandbox, eventually, program_path, run, skip};

/// Lines that are completed, and what becomes of their last word; where there are several candidates, all of them.
const CASES: [(&str, &[&str]); 17] = [
    ("tok g", &["get"]),
    ("tok secret s", &["set", "show"]),
    ("tok get ", &["alpha", "beta.2"]),
    ("tok -v get be", &["beta.2"]),
    ("tok get alpha --f", &["--format"]),
    ("tok get --format o", &["oauthbearer"]),
    ("tok get --format=x", &["--format=xoauth2"]),
    ("tok get alpha --min-valid 3", &["30s", "30m"]),
    ("tok get --min-valid 5m b", &["beta.2"]),
    ("tok exec A=", &["A=alpha", "A=beta.2"]),
    ("tok exec AL", &["ALPHA_TOKEN=alpha"]),
    ("tok exec --file A=b", &["A=beta.2"]),
    ("tok exec A=alpha -- greet he", &["hello"]),
    ("tok secret show ", &["one", "two"]),
    ("tok secret set three --for a", &["alpha"]),
    ("tok help lo", &["lock", "login", "logout"]),
    ("tokend c", &["check"]),
];

struct World {
    sandbox: Sandbox,
    _daemon: Daemon,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        for name in ["one", "two"] {
            let stored = sandbox.tok_with_input(["secret", "set", name], "hidden");
            assert_eq!(stored.code, 0, "{stored:?}");
        }
        let accounts = [("alpha", "T1"), ("\"beta.2\"", "T2")];
        let accounts = accounts.map(|(name, token)| static_token(&sandbox, name, token));
        sandbox.configure(&accounts.concat());
        let daemon = sandbox.start();
        Self { sandbox, _daemon: daemon }
    }

    /// The shell as its user has it, with `tok` in its PATH.
    fn surround(&self, command: &mut Command) {
        self.sandbox.surround(command);
        let programs = program_path("tok");
        let programs = programs.parent().expect("a folder").display().to_string();
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
        command.env("PATH", format!("{programs}:{path}")).env("TERM", "dumb");
    }
}

fn is_there(program: &str, what: &str) -> bool {
    let mut look = Command::new(program);
    let there = look.arg("--version").stdin(Stdio::null()).output().is_ok_and(|said| said.status.success());
    if !there {
        skip(what, &format!("there is no {program} here"));
    }
    there
}

/// A shell in a terminal of its own, which script(1) makes.
struct Shell {
    child: Child,
    shown: Arc<Mutex<String>>,
}

impl Shell {
    /// Starts it, and lets it read this.
    fn start(world: &World, call: &str, set_up: &str) -> Self {
        let file = world.sandbox.path().join("set-up");
        fs::write(&file, format!("{set_up}\nprintf 'set %s\\n' up\n")).expect("a file");
        let mut script = Command::new("script");
        world.surround(&mut script);
        let mut child = script
            .args(["-qefc", call, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script(1)");
        let mut output = child.stdout.take().expect("its output");
        let shown = Arc::new(Mutex::new(String::new()));
        let writer = Arc::clone(&shown);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                writer.lock().expect("no panic").push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        let mut shell = Self { child, shown };
        // What is typed is shown as well, and is not what is waited for.
        shell.write("PS1='rea''dy> '\n");
        shell.wait_for("ready> ");
        shell.write(&format!(". {}\n", file.display()));
        shell.wait_for("set up");
        shell
    }

    fn write(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("its terminal");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("it reads");
    }

    fn wait_for(&self, text: &str) {
        let is_shown = || self.shown.lock().expect("no panic").contains(text).then_some(());
        eventually(&format!("{text:?} on the terminal"), is_shown);
    }

    /// Types this, lets it be completed with all candidates, and gives the line that came of it.
    fn completed(&mut self, line: &str) -> String {
        self.shown.lock().expect("no panic").clear();
        // Ctrl-X Ctrl-A inserts every candidate, Ctrl-X Ctrl-P shows the line and empties it.
        self.write(&format!("{line}\x18\x01\x18\x10"));
        eventually(&format!("what becomes of {line:?}"), || {
            let shown = self.shown.lock().expect("no panic");
            let (_, rest) = shown.split_once("<<")?;
            Some(rest.split_once(">>")?.0.to_owned())
        })
    }

    fn check(mut self, name: &str) {
        for (line, expected) in CASES {
            let completed = self.completed(line);
            // What was there before the word that was completed stays.
            let before = line.rsplit_once(' ').expect("a word before it").0;
            let words = completed.strip_prefix(before).expect("what was typed");
            // zsh writes the `=` behind which a value follows.
            let plain = |word: &str| match word.strip_suffix('=') {
                Some(option) if option.starts_with("--") => option.to_owned(),
                _ => word.to_owned(),
            };
            // A shell that ends words at `=` writes what stands before it once for all candidates.
            let behind = |word: String| word.rsplit('=').next().unwrap_or_default().to_owned();
            let same = |word: String| word;
            let part: fn(String) -> String = if line.ends_with('=') { behind } else { same };
            let found = words.split_whitespace().map(plain).map(part);
            let wanted = expected.iter().map(|word| part((*word).to_owned()));
            let message = format!("{name}: {line}<TAB> became {completed:?}");
            assert_eq!(sorted(found), sorted(wanted), "{message}");
        }
        self.write("exit\n");
        let _ = self.child.wait();
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sorted<W: Ord>(words: impl Iterator<Item = W>) -> Vec<W> {
    let mut words: Vec<W> = words.collect();
    words.sort_unstable();
    words
}

#[test]
fn bash_completes_commands_options_accounts_and_secrets() {
    let what = "completions in bash";
    if !is_there("bash", what) || !is_there("script", what) {
        return;
    }
    let set_up = r#"
        eval "$(tok completions bash)"
        eval "$(tok completions bash --for tokend)"
        greeting() { COMPREPLY=($(compgen -W 'hello' -- "$2")); }
        complete -F greeting greet
        show() { printf '<<%s>>\n' "$READLINE_LINE"; READLINE_LINE=; }
        bind '"\C-x\C-a": insert-completions' 2>/dev/null
        bind -x '"\C-x\C-p": show' 2>/dev/null
    "#;
    Shell::start(&World::new(), "bash --noprofile --norc -i", set_up).check("bash");
}

#[test]
fn zsh_completes_commands_options_accounts_and_secrets() {
    let what = "completions in zsh";
    if !is_there("zsh", what) || !is_there("script", what) {
        return;
    }
    let set_up = r#"
        autoload -Uz compinit && compinit -u -D
        eval "$(tok completions zsh)"
        eval "$(tok completions zsh --for tokend)"
        _greet() { compadd hello }
        compdef _greet greet
        every() { _main_complete; compstate[insert]=all; compstate[list]= }
        zle -C every complete-word every
        show() { print -r -- "<<$BUFFER>>"; BUFFER= }
        zle -N show
        bindkey '^X^A' every
        bindkey '^X^P' show
    "#;
    Shell::start(&World::new(), "zsh -f -i", set_up).check("zsh");
}

#[test]
fn fish_completes_commands_options_accounts_and_secrets() {
    if !is_there("fish", "completions in fish") {
        return;
    }
    let world = World::new();
    for (line, expected) in CASES {
        let script = "tok completions fish | source; tok completions fish --for tokend | source; \
                      complete -c greet -f -a hello; complete -C $argv[1]";
        let mut fish = Command::new("fish");
        world.surround(&mut fish);
        let said = run(fish.args(["--no-config", "-c", script, line]));
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{line}: {said:?}");
        let found = said.stdout.lines().filter_map(|line| line.split('\t').next());
        assert_eq!(sorted(found), sorted(expected.iter().copied()), "fish: {line}<TAB>");
    }
}

#[test]
fn powershell_has_its_script() {
    let world = World::new();
    for program in ["tok", "tokend"] {
        let script = world.sandbox.tok(["completions", "powershell", "--for", program]);
        assert_eq!(script.code, 0, "{script:?}");
        let count = |c: char| script.stdout.matches(c).count();
        assert_eq!([count('{'), count('(')], [count('}'), count(')')], "{program}");
        let register = format!("Register-ArgumentCompleter -Native -CommandName '{program}'");
        assert!(script.stdout.contains(&register), "{program}");
        // The keys of its tables do not differ by case alone: PowerShell would refuse the whole script.
        for table in script.stdout.split("options = @{").skip(1) {
            let table = table.split("\n            }").next().unwrap_or_default();
            let keys = table.lines().filter_map(|line| line.trim().strip_prefix('\'')?.split('\'').next());
            let mut keys = sorted(keys.map(str::to_lowercase));
            let all = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), all, "{program}: {table}");
        }
    }
    if !is_there("pwsh", "completions in PowerShell, whose script was only looked at") {
        return;
    }
    for (line, expected) in CASES.iter().filter(|(line, _)| !line.contains("greet")) {
        let script = format!(
            "tok completions powershell | Out-String | Invoke-Expression; \
             tok completions powershell --for tokend | Out-String | Invoke-Expression; \
             (TabExpansion2 '{line}' {}).CompletionMatches | ForEach-Object {{ $_.CompletionText }}",
            line.len()
        );
        let mut pwsh = Command::new("pwsh");
        world.surround(&mut pwsh);
        let said = run(pwsh.args(["-NoProfile", "-NonInteractive", "-Command", &script]));
        let found = said.stdout.lines().map(str::trim);
        assert_eq!(sorted(found), sorted(expected.iter().copied()), "PowerShell: {line}: {}", said.stderr);
    }
}

#[test]
fn who_asks_for_names_hears_nothing_where_nobody_answers() {
    let sandbox = Sandbox::new();
    for kind in ["accounts", "secrets", "assignments"] {
        let said = sandbox.tok(["completions", "--names", kind]);
        assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""), "{kind}");
    }
    // One that takes a connection and says nothing.
    let socket = platform::address_called(sandbox.path(), "silent");
    let _silent = platform::listen(&socket).expect("a socket");
    let mut ask = sandbox.command("tok");
    let said = run(ask.env("TOKEND_SOCK", &socket).args(["completions", "--names", "accounts"]));
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""));
}

#[test]
fn the_pages_of_the_manual_are_shown_and_sound() {
    let sandbox = Sandbox::new();
    for page in ["tok", "tokend", "tokend.toml"] {
        let said = sandbox.tok(["man", page]);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{page}");
        assert!(said.stdout.contains(".TH "), "{page}");
        let file = sandbox.path().join(page);
        fs::write(&file, &said.stdout).expect("a file");
        // No linter of such pages remarks anything.
        for (linter, words) in [("mandoc", &["-T", "lint"][..]), ("groff", &["-man", "-ww", "-z", "-k"])] {
            lint(&sandbox, linter, words, &file);
        }
    }
    let wrong = sandbox.tok(["man", "tokend.tom"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("did you mean `tok man tokend.toml`?"), "{wrong:?}");
}

fn lint(sandbox: &Sandbox, linter: &str, words: &[&str], page: &Path) {
    let mut command = Command::new(linter);
    sandbox.surround(&mut command);
    if command.args(words).arg(page).output().is_err() {
        skip("the form of man pages", &format!("there is no {linter} here"));
        return;
    }
    let said = run(&mut command);
    assert_eq!(said.stdout + &said.stderr, "", "{linter} {}", page.display());
}
