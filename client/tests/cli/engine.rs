//! An engine for tests: a `tokend` beside a `tok`, which writes down how it was called.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder with `tok` and an engine, and a home.
pub(crate) struct Installed {
    home: TempDir,
}

impl Installed {
    /// `tok` without an engine.
    pub(crate) fn tok_alone() -> Self {
        let home = TempDir::new().expect("a folder");
        fs::create_dir(home.path().join("bin")).expect("a folder");
        let installed = Self { home };
        let tok = installed.folder().join("tok");
        // By another process: a file that this one has open for writing, if only until a thread's child has become
        // another program, cannot be run.
        let copy = Command::new("cp").args([env!("CARGO_BIN_EXE_tok").as_ref(), tok.as_os_str()]).status();
        assert!(copy.is_ok_and(|status| status.success()), "tok cannot be copied");
        installed
    }

    /// `tok` with an engine that writes down its words and what it read, and then does this, in a shell's words.
    pub(crate) fn with_engine(script: &str) -> Self {
        let installed = Self::tok_alone();
        program(
            &installed.folder().join("tokend"),
            &format!(
                "printf '%s\\n' \"$*\" >> \"$HOME/words\"\n\
                 printf 'read: ' >> \"$HOME/input\"; cat >> \"$HOME/input\"; echo >> \"$HOME/input\"\n{script}"
            ),
        );
        installed
    }

    /// Where both programs are.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("bin")
    }

    /// The home of who calls them.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// This `tok` with these words, in an environment that holds nothing but a home.
    pub(crate) fn tok(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.folder().join("tok"));
        command
            .args(words)
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null());
        command
    }

    /// The calls of the engine so far, a line each.
    pub(crate) fn words(&self) -> String {
        fs::read_to_string(self.home().join("words")).unwrap_or_default()
    }

    /// What the engine read, a line for each call.
    pub(crate) fn input(&self) -> String {
        fs::read_to_string(self.home().join("input")).unwrap_or_default()
    }
}

/// Writes a program of a shell's words. Another process does it, for the reason above.
pub(crate) fn program(path: &Path, script: &str) {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", "cat > \"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let script = format!("#!/bin/sh\n{script}\n");
    writer.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("a script");
    assert!(writer.wait().is_ok_and(|status| status.success()), "{} cannot be written", path.display());
}
