//! `tok init` and `tok secret`: what is asked, and how the engine is called.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use rustix::process::Signal;

use super::engine::{self, program, with_engine};
use super::terminal::{Terminal, has_sessions, is_ignored, without_terminal};
use crate::cli::engine::Installed;
use crate::cli::tok::{run, run_with};

/// An engine that always does what it is told.
fn obedient() -> Installed {
    with_engine("echo done")
}

/// Calls it at a terminal, and answers each of these prompts.
fn at_terminal(command: &Command, answers: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut terminal = Terminal::new();
    let before = terminal.settings();
    terminal.run(command, "");
    for (prompt, answer) in answers {
        terminal.expect(prompt);
        terminal.hit(&format!("{answer}\r"));
    }
    let status = terminal.end();
    assert_eq!(terminal.settings(), before);
    for (_, answer) in answers.iter().filter(|(_, answer)| !answer.is_empty()) {
        assert!(!terminal.shown().contains(answer), "{}", terminal.shown());
    }
    (status.code(), terminal.shown())
}

#[test]
fn a_secret_comes_through_standard_input_untouched() {
    let tok = obedient();
    let set = run_with(tok.tok(&["secret", "set", "x"]), b"s3cret\n\n");
    assert_eq!(set.printed(), "done\n");
    assert_eq!((tok.words().as_str(), engine::input(&tok).as_str()), ("store set x\n", "read: s3cret\n\n\n"));
    for (words, expected) in [
        (&["secret", "set", "x", "--for", "lyve-prod"][..], "store set x --for lyve-prod"),
        (&["secret", "set", "--for=lyve-prod", "x"], "store set x --for lyve-prod"),
        (&["--json", "secret", "set", "x", "--for-any"], "store set --json x --for-any"),
    ] {
        assert_eq!(run_with(tok.tok(words), b"s").code, 0);
        assert_eq!(tok.words().lines().last(), Some(expected));
    }
}

#[test]
fn a_secret_that_is_typed_is_not_shown() {
    if !has_sessions() {
        return;
    }
    let tok = obedient();
    let (code, shown) = at_terminal(&tok.tok(&["secret", "set", "x"]), &[("Secret x: ", "s3cret")]);
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!((tok.words().as_str(), engine::input(&tok).as_str()), ("store set x\n", "read: s3cret\n"));
    let (code, shown) = at_terminal(&tok.tok(&["secret", "set", "x"]), &[("Secret x: ", "")]);
    assert!(code == Some(2) && shown.contains("nothing was typed"), "{shown}");
}

#[test]
fn a_secret_among_the_arguments_is_refused_and_not_repeated() {
    let tok = obedient();
    for words in [&["secret", "set", "x", "hunter2"][..], &["secret", "set", "x", "--for", "a", "hunter2"]] {
        let (what, hint) = run_with(tok.tok(words), b"").failed_with(2);
        assert!(what.contains("lists processes") && what.contains("history"), "{what}");
        assert!(hint.contains("`tok secret set NAME`"), "{hint}");
        assert!(!what.contains("hunter2") && !hint.contains("hunter2"), "{what} {hint}");
    }
    assert_eq!(tok.words(), "");
}

#[test]
fn words_that_do_not_fit_never_reach_the_engine() {
    let tok = obedient();
    for words in [
        &["secret"][..],
        &["secret", "sett", "x"],
        &["secret", "set"],
        &["secret", "set", ""],
        &["secret", "set", "--", "--for-any"],
        &["secret", "set", "x", "--for", "a", "--for-any"],
        &["secret", "set", "x", "--for", "--for-any"],
        &["secret", "set", "x", "--for", ""],
        &["secret", "set", "x", "--nonsense"],
        &["secret", "list", "x"],
        &["secret", "show"],
        &["secret", "show", "x", "y"],
        &["secret", "remove"],
        &["secret", "remove", "x", "y"],
        &["init", "x"],
        &["init", "--nonsense"],
        &["init", "--stdin", "--no-passphrase"],
        &["init", "--ssh-key"],
        &["init", "--ssh-key", "a", "--plugin", "b"],
        &["init", "--ssh-key", "a", "--keyring", "b"],
        &["init", "--ssh-key", "--stdin"],
        &["init", "--keyring", "a", "b"],
        &["init", "--keyring="],
        &["init", "--plugin", "a", "--stdin"],
        &["init", "--plugin", "a", "--change-passphrase"],
    ] {
        run(tok.tok(words)).failed_with(2);
    }
    let (_, hint) = run(tok.tok(&["secret", "lits"])).failed_with(2);
    assert_eq!(hint, "did you mean `tok secret list`?");
    assert_eq!(tok.words(), "");
}

#[test]
fn the_engines_output_errors_and_status_are_toks() {
    let tok = with_engine("echo out; echo 'tok: what' >&2; echo 'hint: do' >&2; exit 3");
    for (words, expected) in [
        (&["secret", "list"][..], "store list"),
        (&["secret", "list", "--json"], "store list --json"),
        (&["secret", "show", "x"], "store show x"),
        (&["secret", "remove", "x"], "store remove x"),
        (&["secret", "set", "x"], "store set x"),
        (&["secret", "import", "--from", "a b", "-n", "--", "x"], "store import --from a b -n -- x"),
        (&["secret", "import", "--help"], "store import --help"),
        (&["init", "--no-passphrase"], "store init"),
        (&["init", "--ssh-key", "k"], "store init --ssh-key k"),
        (&["init", "--plugin", "k"], "store init --plugin k"),
        (&["init", "--keyring"], "store init --keyring"),
        (&["init", "--keyring", "k"], "store init --keyring k"),
        (&["init", "--keyring=k"], "store init --keyring k"),
        (&["init", "--credential", "k", "--no-passphrase"], "store init --credential k"),
    ] {
        let run = run(tok.tok(words));
        assert_eq!(
            (run.code, run.out.as_str(), run.err.as_str()),
            (3, "out\n", "tok: what\nhint: do\n"),
            "{words:?}"
        );
        assert_eq!(tok.words().lines().last(), Some(expected));
    }
}

#[test]
fn what_was_removed_is_said_to_a_person() {
    let tok = with_engine("");
    assert_eq!(run(tok.tok(&["secret", "remove", "x"])).printed(), "");
    let verbose = run(tok.tok(&["secret", "remove", "x", "-v"]));
    assert_eq!((verbose.code, verbose.err.as_str()), (0, "removed x\n"));
}

/// An engine that shows its secret to those who know the passphrase.
fn protected() -> Installed {
    with_engine(
        "case \"$*\" in *--passphrase-stdin*) if [ \"$(tail -n 1 \"$HOME/input\")\" = 'read: right' ]; then
             echo s3cret; exit; fi;; esac
         echo 'tok: the store is locked' >&2; echo 'hint: unlock it' >&2; exit 9",
    )
}

#[test]
fn showing_asks_for_a_passphrase_only_where_one_is_needed() {
    if !has_sessions() {
        return;
    }
    let open = with_engine("echo s3cret");
    assert_eq!(run(without_terminal(&open.tok(&["secret", "show", "x"]))).printed(), "s3cret\n");
    assert_eq!(open.words(), "store show x\n");

    let tok = protected();
    let prompt = "Passphrase of tokend's store: ";
    let (code, shown) =
        at_terminal(&tok.tok(&["secret", "show", "x"]), &[(prompt, "wrong!"), (prompt, "right")]);
    assert!(code == Some(0) && shown.contains("s3cret") && shown.contains("try again"), "{shown}");
    assert!(!shown.contains("the store is locked"), "{shown}");
    let calls = "store show x\nstore show x --passphrase-stdin\nstore show x --passphrase-stdin\n";
    assert_eq!(
        (tok.words().as_str(), engine::input(&tok).as_str()),
        (calls, "read: \nread: wrong!\nread: right\n")
    );

    // Where an SSH key opens the store, it is the key's that is asked for.
    let folder = tok.home().join(".local/share/tokend");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("identity.source"), "# recipient: age1x\nssh-key /k\n").expect("a file");
    let of_the_key = "Passphrase of the SSH key that opens tokend's store: ";
    let (code, shown) = at_terminal(&tok.tok(&["secret", "show", "x"]), &[(of_the_key, "right")]);
    assert_eq!(code, Some(0), "{shown}");
    fs::remove_file(folder.join("identity.source")).expect("it goes");

    let wrong = [(prompt, "wrong!"); 3];
    let (code, shown) = at_terminal(&tok.tok(&["secret", "show", "x"]), &wrong);
    assert!(code == Some(9) && shown.contains("the store is locked"), "{shown}");
}

#[test]
fn showing_without_a_terminal_takes_the_passphrase_from_a_program_or_standard_input() {
    if !has_sessions() {
        return;
    }
    let tok = protected();
    let (_, hint) = run(without_terminal(&tok.tok(&["secret", "show", "x"]))).failed_with(9);
    assert!(hint.contains("TOKEND_ASKPASS") && hint.contains("--stdin"), "{hint}");
    assert_eq!(run_with(tok.tok(&["secret", "show", "x", "--stdin"]), b"right\n").printed(), "s3cret\n");
    let askpass = tok.home().join("askpass");
    program(&askpass, "echo right");
    let mut command = tok.tok(&["secret", "show", "x"]);
    command.env("TOKEND_ASKPASS", askpass);
    assert_eq!(run(without_terminal(&command)).printed(), "s3cret\n");
}

const FIRST: &str = "Passphrase (empty for none): ";
const NEW: &str = "New passphrase (empty for none): ";
const AGAIN: &str = "The same passphrase again: ";

#[test]
fn init_asks_twice_until_both_are_the_same() {
    if !has_sessions() {
        return;
    }
    let tok = obedient();
    let answers = [(FIRST, "one!"), (AGAIN, "other!"), (FIRST, "hörse"), (AGAIN, "hörse")];
    let (code, shown) = at_terminal(&tok.tok(&["init"]), &answers);
    assert!(
        code == Some(0) && shown.contains("Making an identity") && shown.contains("not the same"),
        "{shown}"
    );
    assert!(shown.ends_with("done\r\n"), "{shown}");
    assert_eq!(
        (tok.words().as_str(), engine::input(&tok).as_str()),
        ("store init --passphrase-stdin\n", "read: hörse\n")
    );
}

#[test]
fn init_without_a_passphrase_is_an_empty_answer_or_an_option() {
    if !has_sessions() {
        return;
    }
    let tok = with_engine("echo done; exec < /dev/null");
    program(&tok.folder().join("tokend"), "echo \"$*\" >> \"$HOME/words\"");
    let (code, shown) = at_terminal(&tok.tok(&["init"]), &[(FIRST, "")]);
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(tok.words(), "store init\n");
    assert_eq!(run(without_terminal(&tok.tok(&["init", "--no-passphrase"]))).printed(), "");
}

#[test]
fn init_without_a_terminal_must_be_told() {
    if !has_sessions() {
        return;
    }
    let tok = obedient();
    let (_, hint) = run(without_terminal(&tok.tok(&["init"]))).failed_with(2);
    for option in ["--stdin", "--no-passphrase", "--ssh-key", "--plugin", "--keyring", "--credential"] {
        assert!(hint.contains(option), "{hint}");
    }
    run(without_terminal(&tok.tok(&["init", "--change-passphrase"]))).failed_with(2);
    assert_eq!(tok.words(), "");
    assert_eq!(run_with(tok.tok(&["init", "--stdin"]), b"hello\n").printed(), "done\n");
    assert_eq!(
        (tok.words().as_str(), engine::input(&tok).as_str()),
        ("store init --passphrase-stdin\n", "read: hello\n")
    );
    run_with(tok.tok(&["init", "--stdin"]), b"\n").failed_with(2);
    let (what, _) = run_with(tok.tok(&["init", "--stdin"]), b"a\nb\n").failed_with(2);
    assert!(what.contains("more than one line"), "{what}");
}

#[test]
fn nobody_thinks_of_a_passphrase_where_there_is_an_identity() {
    if !has_sessions() {
        return;
    }
    for name in ["identity", "identity.age", "identity.source"] {
        let tok = obedient();
        let folder = tok.home().join("data/tokend");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), "").expect("a file");
        let mut command = tok.tok(&["init"]);
        command.env("XDG_DATA_HOME", tok.home().join("data"));
        let (code, shown) = at_terminal(&command, &[]);
        assert!(code == Some(2) && shown.contains(name) && shown.contains("--change-passphrase"), "{shown}");
        assert_eq!(tok.words(), "");
    }
}

#[test]
fn a_passphrase_is_changed_by_two_lines() {
    if !has_sessions() {
        return;
    }
    let old = "Old passphrase (empty if there is none): ";
    let call = "store init --change-passphrase --passphrase-stdin\n";
    for (words, answers, input) in [
        (
            &["init", "--change-passphrase"][..],
            &[(old, "before"), (NEW, "after"), (AGAIN, "after")][..],
            "before\nafter",
        ),
        (&["init", "--change-passphrase"], &[(old, ""), (NEW, "after"), (AGAIN, "after")], "\nafter"),
        (&["init", "--change-passphrase", "--no-passphrase"], &[(old, "before")], "before\n"),
    ] {
        let tok = obedient();
        let (code, shown) = at_terminal(&tok.tok(words), answers);
        assert_eq!(code, Some(0), "{shown}");
        assert_eq!((tok.words().as_str(), engine::input(&tok)), (call, format!("read: {input}\n\n")));
    }
    let tok = obedient();
    let change = run_with(tok.tok(&["init", "--change-passphrase", "--stdin"]), b"before\nafter\n");
    assert_eq!(change.printed(), "done\n");
    assert_eq!((tok.words().as_str(), engine::input(&tok).as_str()), (call, "read: before\nafter\n\n"));
}

#[test]
fn an_interrupted_init_makes_nothing() {
    if !has_sessions() || is_ignored(Signal::INT) {
        return;
    }
    let tok = obedient();
    let mut terminal = Terminal::new();
    let before = terminal.settings();
    terminal.run(&tok.tok(&["init"]), "");
    terminal.expect(FIRST);
    terminal.hit("one\r");
    terminal.expect(AGAIN);
    terminal.hit("on\x03");
    assert_eq!(terminal.end().signal(), Some(Signal::INT.as_raw()));
    assert_eq!((terminal.settings(), tok.words().as_str()), (before, ""));
}

#[test]
fn an_engine_in_path_is_found_and_a_relative_folder_there_is_not_searched() {
    let tok = Installed::tok_alone();
    let elsewhere = tok.home().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    program(&elsewhere.join("tokend"), "echo found");
    let list = |path: &str| {
        let mut command = tok.tok(&["secret", "list"]);
        command.env("PATH", path).current_dir(tok.home());
        run(command)
    };
    assert_eq!(list(&format!("/nonexistent:{}", elsewhere.display())).printed(), "found\n");
    for path in ["elsewhere:/usr/bin:/bin", ""] {
        let (what, hint) = list(path).failed_with(1);
        assert!(what.contains("tokend") && hint.contains("install"), "{what} {hint}");
    }
    // A link to tok elsewhere has its engine beside the file that it leads to.
    program(&tok.folder().join("tokend"), "echo beside");
    let link = elsewhere.join("tok");
    std::os::unix::fs::symlink(tok.folder().join("tok"), &link).expect("a link");
    let mut command = Command::new(link);
    command.args(["secret", "list"]).env("PATH", &elsewhere);
    assert_eq!(run(command).printed(), "beside\n");
}

#[test]
fn an_engine_that_ends_before_it_reads_says_why() {
    if !has_sessions() {
        return;
    }
    let tok = Installed::tok_alone();
    program(&tok.folder().join("tokend"), "echo 'tok: no' >&2; exit 2");
    assert_eq!(run_with(tok.tok(&["init", "--stdin"]), &vec![b'x'; 60_000]).code, 2);
}
