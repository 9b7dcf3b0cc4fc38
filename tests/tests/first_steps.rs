//! A newcomer's path: the README's guide, typed into a terminal in an empty home, as it is written.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;

use tokend_tests::platform::set_mode;
use tokend_tests::sandbox::{Sandbox, program_path, write_program};
use tokend_tests::stand_in::LyveCloud;
use tokend_tests::terminal::Terminal;

const README: &str = include_str!("../../README.md");

/// The fenced blocks of the guide, in their order: what they are, and what is in them.
fn guide() -> Vec<(String, String)> {
    let (_, rest) = README.split_once("\n## The first account, in five minutes\n").expect("the guide");
    let (guide, _) = rest.split_once("\n## ").expect("its end");
    let fenced = guide.split("```").skip(1).step_by(2);
    let parted = fenced.map(|block| block.split_once('\n').expect("a block"));
    parted.map(|(info, text)| (info.trim().to_owned(), text.to_owned())).collect()
}

/// A terminal of somebody who has just installed both programs, and nothing else.
fn newcomer(sandbox: &Sandbox, columns: u16, account: &str) -> Option<Terminal> {
    fs::remove_dir_all(sandbox.home()).expect("a home");
    fs::create_dir(sandbox.home()).and_then(|()| set_mode(sandbox.home(), 0o755)).expect("a home");
    // Who edits writes what the guide shows.
    let editor = sandbox.path().join("editor");
    write_program(&editor, 0o700, format!("#!/bin/sh\ncat > \"$1\" <<'E'\n{account}E\n").as_bytes());
    let programs = program_path("tok").parent().expect("a folder").to_owned();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a PATH"));
    Terminal::open(sandbox, "the guide typed into a terminal", (columns, 40), |command| {
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
            command.env_remove(name);
        }
        command.current_dir(sandbox.home()).env("EDITOR", &editor).env("PATH", path);
    })
}

#[test]
fn the_guide_leads_from_nothing_to_a_token_in_a_script() {
    for columns in [80, 120] {
        let lyve = LyveCloud::builder().with(|lyve| lyve.access_key = "AKEXAMPLE".into()).start();
        let sandbox = Sandbox::new();
        let guide = guide();
        let (_, account) = guide.iter().find(|(info, _)| info == "toml").expect("an account");
        let here = format!("= \"lyve-cloud\"\nurl        = \"{}\"", lyve.url());
        let account = account.replace("= \"lyve-cloud\"", &here);
        let Some(terminal) = newcomer(&sandbox, columns, &account) else { return };
        let secret = lyve.change(|lyve| lyve.secret.clone());
        for (info, text) in &guide {
            if info == "toml" {
                continue;
            }
            for line in text.lines() {
                if line.starts_with("tok secret set") {
                    let before = terminal.prompt().expect("a shell that waits");
                    terminal.line(line);
                    terminal.wait_for("Secret lyve-prod:");
                    terminal.line(&secret);
                    assert_eq!(terminal.wait_for_prompt(before), 0, "{line}:\n{}", terminal.all());
                } else {
                    assert_eq!(terminal.run(line), 0, "{line}:\n{}", terminal.all());
                }
            }
        }
        let all = terminal.all();
        assert!(!all.contains(&secret), "the secret is on the screen:\n{all}");
        let token = all.lines().rev().find(|line| lyve.is_live(line.trim()));
        assert!(token.is_some(), "no token on the screen:\n{all}");
        for wrong in ["warning", "panicked", "error"] {
            assert!(!all.contains(wrong), "{all}");
        }

        // A slip of the finger, and the way to see how things are.
        assert_eq!(terminal.run("tok get lyve-prdo"), 3);
        assert!(terminal.all().contains("lyve-prod"), "{}", terminal.all());
        assert_eq!(terminal.run("clear && tok status"), 0);
        let screen = terminal.screen();
        assert!(screen.contains("lyve-prod") && screen.contains("fresh"), "{screen}");
        assert!(screen.lines().all(|line| line.chars().count() <= usize::from(columns)), "{screen}");
        assert_eq!(terminal.run("eval \"$(tokend env -k)\""), 0, "{}", terminal.all());
        assert_eq!(terminal.run("tok get lyve-prod"), 8);
    }
}
